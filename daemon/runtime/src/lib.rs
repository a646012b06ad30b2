//! The kernel's side of a node: namespaces, control groups, mounts, images, network. Knows sandboxes and containers, not pods.
//!
//! Without the feature `host` it is what the supervisor links: specifications, the protocol, the setup of a container, the
//! log format. With it comes the daemon's part, which uses tokio.

#[cfg(feature = "host")]
pub mod cgroup;
pub mod container;
#[cfg(feature = "host")]
pub mod image;
pub mod log;
#[cfg(feature = "host")]
pub mod machine;
#[cfg(feature = "host")]
pub mod network;
pub mod protocol;
pub mod sandbox;
pub mod seccomp;
pub mod spec;
pub mod sys;
#[cfg(feature = "host")]
pub mod terminal;
