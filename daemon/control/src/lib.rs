//! Decisions, and nothing else: what to do next, given what is wanted and what was seen.
//!
//! Nothing here reads a clock, a file, a socket or a random source: it is handed [`clock::Now`] and inputs, and answers with
//! actions. `node` performs them. So every rule can be tested by the million, without a kernel.
//!
//! - [`pod`]: the life of one pod on its node.
//! - [`pod_cidr`]: which addresses a node gives its pods, and who moves when two took the same.
//! - [`scheduler`]: which node a pod is bound to, who decides it, and whether a node takes it.
//! - [`membership`], [`rendezvous`]: who is alive, and who of them does what one has to do.
//! - [`deployment`], [`rollout`]: which sets a Deployment has, and how many pods each of them has next.
//! - [`replica_set`]: which pods of a set are missing or too many.
//! - [`owner`]: who controls an object.
//! - [`eviction`]: which pods a node puts out because of its taints.
//! - [`pressure`]: when a node is short of something, and which of its pods goes.
//! - [`node_events`]: who tells that a node came, went or fell silent.
//! - [`events`]: which event becomes a record, which one only raises a count, which one is dropped.
//! - [`version`], [`record`], [`entry`], [`expiry`]: how two replicas agree, and when they drop what is over.
//! - [`conflict`], [`sides`]: what to tell of changes that lost, and of nodes that are back in sight.
//! - [`skew`]: what versions do about a clock that is wrong.
//! - [`qos`]: the class a pod's resources put it in.

pub mod clock;
pub mod collection;
pub mod conflict;
pub mod deployment;
pub mod entry;
pub mod events;
pub mod eviction;
pub mod expiry;
pub mod membership;
pub mod node_events;
pub mod owner;
pub mod pod;
pub mod pod_cidr;
pub mod pressure;
pub mod qos;
pub mod record;
pub mod rendezvous;
pub mod replica_set;
pub mod rollout;
pub mod scheduler;
pub mod sides;
pub mod skew;
pub mod version;
