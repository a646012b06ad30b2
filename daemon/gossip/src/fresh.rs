//! The second announcement: what is fresh is named to one or two others a moment later, so that whoever missed it can ask at once.

use crate::engine::Engine;
use crate::key::Key;
use crate::timers::Timer;
use crate::wire::Datagram;
use control::clock::BootMs;
use control::version::NodeId;
use rand::RngExt;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The tree has brought it to everybody by then, where nothing went wrong.
const WAIT_MS: u64 = 60;

/// What is announced within that time goes together.
const JITTER_MS: u64 = 40;

/// So many peers are told.
const PEERS: usize = 2;

/// Keys in a datagram.
const KEYS: usize = 44;

/// More at once is a transfer, and the business of reconciliation.
const MAX_FRESH: usize = 2_048;

/// What this node got lately and has not told of yet.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    keys: VecDeque<(BootMs, Key)>,
    is_armed: bool,
}

impl Fresh {
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Engine {
    pub(crate) fn note_fresh(&mut self, keys: &[Key]) {
        for key in keys {
            if self.fresh.keys.len() >= MAX_FRESH {
                self.counters.let_go += 1;
                break;
            }
            self.fresh.keys.push_back((self.now.boot, *key));
        }
        self.arm_fresh();
    }

    fn arm_fresh(&mut self) {
        let Some((since, _)) = self.fresh.keys.front().filter(|_| !self.fresh.is_armed) else { return };
        self.fresh.is_armed = true;
        let at = since.after_ms(WAIT_MS + self.rng.random_range(0..=JITTER_MS)).max(self.now.boot);
        self.timers.set(at, Timer::Fresh);
    }

    /// The timer: tells of everything that is old enough.
    pub(crate) fn tell_fresh(&mut self) {
        self.fresh.is_armed = false;
        let mut keys = Vec::new();
        while let Some((_, key)) = self.fresh.keys.front().filter(|(since, _)| self.now.boot.since_ms(*since) >= WAIT_MS) {
            if self.index.has(*key) {
                keys.push(*key);
            }
            self.fresh.keys.pop_front();
        }
        let mut peers: Vec<SocketAddr> =
            (0..PEERS).filter_map(|_| self.ring.any(&mut self.rng)).map(|seat| seat.address).collect();
        peers.dedup();
        for chunk in keys.chunks(KEYS) {
            let fresh = Datagram::Fresh { from: self.identity.name.clone(), keys: chunk.to_vec() };
            for peer in &peers {
                self.send(*peer, &fresh);
            }
        }
        self.arm_fresh();
    }

    /// Somebody has something: what is missing here, and does not come by itself within a moment, is asked for.
    pub(crate) fn hear_fresh(&mut self, from: &NodeId, keys: Vec<Key>) {
        self.pull(from, keys, WAIT_MS);
    }
}
