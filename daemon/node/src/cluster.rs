//! The cluster's side of the daemon: what this node does because there are others.

pub mod admission;
pub mod cidr;
pub mod enter;
pub mod join;
mod nodes;
pub mod routes;
pub mod transport;
pub mod trust;
