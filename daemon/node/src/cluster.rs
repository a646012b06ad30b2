//! The cluster's side of the daemon: what this node does because there are others.
//!
//! [`enter`] brings the node in: keys that are there, a join ([`join`]), or a cluster of its own. [`start`] opens the way to the others
//! ([`transport`]) and starts the task that runs the protocol (`gossip`). What the others then are to this node: `sight` (who is alive, who
//! is lost), `skew` (whose clock is wrong), `outcast` (why nobody answers), [`removed`] (what is left of
//! nodes that were taken out), `roster` (whom to look for after a restart), `peers` (whom to ask), [`routes`] and
//! [`cidr`] (where their pods are).

pub mod admission;
pub mod cidr;
pub mod enter;
mod gossip;
pub mod join;
mod nodes;
mod outcast;
mod peers;
pub mod removed;
mod roster;
pub mod routes;
mod sight;
mod skew;
pub mod start;
pub mod transport;
pub mod trust;
