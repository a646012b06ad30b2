//! The RuntimeDefault system call filter.

use crate::spec::CapabilitySet;

/// The filter for a container with these capabilities, as BPF instructions for [`crate::spec::ContainerSpec::seccomp`].
/// Compiled once for each set.
pub fn runtime_default(capabilities: CapabilitySet) -> Vec<u8> {
    let _ = capabilities;
    Vec::new()
}
