//! placeholder
#[cfg(feature = "host")]
pub mod network;
