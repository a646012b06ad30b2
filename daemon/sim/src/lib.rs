//! Many nodes in virtual time, from a seed: the real engines, merge, clocks and scheduler over a network that loses, cuts and reorders.
//!
//! - [`network`]: links, cuts, channels that break.
//! - [`replica`]: a store with the real merge, whose disk may lag or be lost.
//! - [`placing`]: the real scheduler over it.
//! - [`world`]: nodes, and the queue of what happens when.
//! - [`ledger`]: what was promised to clients.
//! - [`scenario`]: a random life from a seed, and what must hold.
//! - [`seen`]: objects, as one node's replica shows them.
//! - [`apps`]: the real controllers of Deployments and ReplicaSets and the collector over it, and a stand-in for the kubelet.
//! - [`workloads`]: a random life of Deployments from a seed, and what must hold.
//! - [`numbers`]: measurements of clusters that are larger than a machine.
//!
//! A seed repeats exactly: all chance comes from it, and no decision looks at the order of a hash map.

pub mod apps;
pub mod ledger;
pub mod network;
pub mod numbers;
mod perform;
pub mod placing;
pub mod replica;
pub mod scenario;
pub mod seen;
mod settings;
mod view;
pub mod workloads;
pub mod world;
