//! Who has which namespace and address: the part of the network that is shared between threads.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ipam::Ipam;
use super::namespace::{Made, NamespaceMaker};
use super::{Cidr, NetworkError};

/// How many addresses are tried whose former owner is still being removed by the kernel.
const MOST_STILL_USED: usize = 64;

/// A namespace that waits for a pod.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) address: Ipv4Addr,
    /// The range that it was set up for.
    pub(super) cidr: Cidr,
    pub(super) netns: OwnedFd,
}

/// The pool behind its lock, which is held for lookups and single file operations only.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ipam: Ipam,
    pub(super) ready: VecDeque<Ready>,
}

impl Pool {
    pub(super) fn new(ipam: Ipam) -> Self {
        Self { state: Mutex::new(State { ipam, ready: VecDeque::new() }) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a namespace with a fresh address. Addresses whose former namespace the kernel is still removing are passed over.
    pub(super) fn make(&self, maker: &mut NamespaceMaker<'_>) -> Result<Ready, NetworkError> {
        let mut still_used = Vec::new();
        let outcome = loop {
            let address = match self.lock().ipam.reserve() {
                Ok(address) => address,
                Err(error) => break Err(error),
            };
            match maker.make(address) {
                Ok(Made::Namespace(netns)) => break Ok(Ready { address, cidr: maker.cidr(), netns }),
                Ok(Made::StillUsed) if still_used.len() < MOST_STILL_USED => still_used.push(address),
                Ok(Made::StillUsed) => {
                    still_used.push(address);
                    let in_use = still_used.len();
                    break Err(maker.no_free_address(in_use));
                }
                Err(error) => {
                    still_used.push(address);
                    break Err(error);
                }
            }
        };
        let mut state = self.lock();
        for address in still_used {
            state.ipam.unreserve(address);
        }
        outcome
    }
}
