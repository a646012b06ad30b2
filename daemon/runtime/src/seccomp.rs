//! The RuntimeDefault system call filter: a table of our own ([`policy`]), compiled to BPF as ranges of numbers ([`compile`]).
//!
//! Ranges and a binary search take a sixth of the instructions of one comparison a call: the kernel runs a filter once for
//! every number when it is installed, which is a good part of the time a container takes to start.

mod compile;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::spec::CapabilitySet;

/// The filter for a container with these capabilities, as BPF instructions for [`crate::spec::ContainerSpec::seccomp`].
/// Compiled once for each set.
pub fn runtime_default(capabilities: CapabilitySet) -> Vec<u8> {
    static COMPILED: Mutex<Option<HashMap<CapabilitySet, Vec<u8>>>> = Mutex::new(None);
    // A panic cannot leave the map half changed.
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = compiled.get_or_insert_default();
    compiled.entry(capabilities).or_insert_with(|| compile::compile(&policy::policy(capabilities))).clone()
}
