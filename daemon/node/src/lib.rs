//! The daemon skiffd: clock, sockets, tasks. The only crate that spawns.
//!
//! | task | owner | what it does |
//! |---|---|---|
//! | API | [`daemon`] | accepts connections; each is a task of its own, each of its requests too |
//! | SSH door | [`daemon`] | lets SSH clients in; each session is a program of its own |
//! | pods | [`daemon`] | a worker a pod; pulls, probes and hooks belong to the worker |
//! | scheduler | [`daemon`] | binds pending pods |
//! | agent | [`daemon`] | the Node object, garbage collection of images |
//! | events | [`daemon`] | counts and writes events |
//! | node reports | [`daemon`] | tells of nodes that come, go and fall silent |
//! | evictor | [`daemon`] | puts out pods that do not tolerate a `NoExecute` taint |
//! | relief | [`daemon`] | puts out pods while the node is short of something |
//! | sources | [`daemon`] | tells the workers that ConfigMaps or Secrets have changed |
//! | pool | [`daemon`] | makes network namespaces ahead |
//! | routes | [`daemon`] | keeps the routes to other nodes' pods |
//! | settler | [`daemon`] | exchanges this node's range of pod addresses where another has the same |
//!
//! They meet in the store and nowhere else. One signal ends them all, and the daemon waits for each. Pods outlive it.

mod agent;
pub mod api;
mod assemble;
mod atomic_writer;
mod clock;
pub mod cluster;
mod collector;
pub mod config;
mod controller;
pub mod daemon;
mod deployments;
mod errors;
pub mod events;
mod evictor;
mod expansion;
mod foundation;
mod hooks;
mod images;
mod keyring;
mod logs;
mod node_reports;
pub mod peers;
mod pod_files;
mod pods;
mod pool;
mod power;
pub mod probes;
mod relief;
pub mod renderings;
mod replica_sets;
pub mod reset;
mod scheduler;
pub mod shutdown;
mod sources;
pub mod ssh;
mod strangers;
pub mod streams;
mod telemetry;
mod turns;
mod usage;
pub mod verbs;
