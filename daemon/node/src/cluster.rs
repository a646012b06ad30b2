//! The cluster's side of the daemon: what this node does because there are others.

pub mod cidr;
mod nodes;
pub mod routes;
