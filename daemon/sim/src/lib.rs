//! Many nodes in virtual time, from a seed: the real engines, merge and clocks over a network that loses, cuts and reorders.

pub mod network;
pub mod replica;
pub mod world;
