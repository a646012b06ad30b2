//! The system calls that no safe crate offers: one small function each, owned descriptors in and out, errno kept.

#[cfg(feature = "host")]
mod watch;

#[cfg(feature = "host")]
pub(crate) use watch::watch;
