//! The second announcement: what is fresh is named to one or two others a moment later, so that whoever missed it can ask at once. Its
//! writer is not told, and where the writer sends to everybody itself, it does not tell.

use crate::engine::Engine;
use crate::key::Key;
use crate::ring::Seat;
use crate::timers::Timer;
use crate::wire::Datagram;
use control::clock::BootMs;
use control::version::NodeId;
use rand::RngExt;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The tree has brought it to everybody by then, where nothing went wrong.
const WAIT_MS: u64 = 60;

/// Not all nodes announce at one moment.
const JITTER_MS: u64 = 40;

/// While much is written, what is fresh is announced together, so often.
const TOGETHER_MS: u64 = 250;

/// So many peers are told of a record, where it travels over several hops.
const PEERS: usize = 2;

/// Keys in a datagram.
const KEYS: usize = 66;

/// More at once is a transfer, and the business of reconciliation.
const MAX_FRESH: usize = 2_048;

/// What this node got lately and has not told of yet.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    keys: VecDeque<(BootMs, Key)>,
    told_at: Option<BootMs>,
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
        let jitter_ms = self.rng.random_range(0..=JITTER_MS);
        let alone = since.after_ms(WAIT_MS + jitter_ms);
        let together = self.fresh.told_at.map_or(alone, |told| told.after_ms(TOGETHER_MS + jitter_ms));
        self.timers.set(alone.max(together).max(self.now.boot), Timer::Fresh);
    }

    /// The timer: tells of everything that is old enough.
    pub(crate) fn tell_fresh(&mut self) {
        self.fresh.is_armed = false;
        self.fresh.told_at = Some(self.now.boot);
        let mut peers: Vec<&Seat> = Vec::new();
        for _ in 0..=PEERS {
            let other = self.ring.any_but(&mut self.rng, |seat| peers.iter().any(|peer| peer.name == seat.name));
            peers.extend(other);
        }
        let at_most = if self.ring.is_flat() { 1 } else { PEERS };
        let mut told: Vec<Vec<Key>> = vec![Vec::new(); peers.len()];
        while let Some((_, key)) = self.fresh.keys.pop_front_if(|(since, _)| self.now.boot.since_ms(*since) >= WAIT_MS) {
            let Some(held) = self.index.named(key).filter(|held| held.key == key) else { continue };
            let others = peers.iter().zip(&mut told).filter(|(peer, _)| peer.name != held.stamp.version.node);
            others.take(at_most).for_each(|(_, keys)| keys.push(key));
        }
        let told: Vec<(SocketAddr, Vec<Key>)> = peers.iter().map(|peer| peer.address).zip(told).collect();
        for (peer, keys) in told {
            for chunk in keys.chunks(KEYS) {
                self.send(peer, &Datagram::Fresh { from: self.identity.name.clone(), keys: chunk.to_vec() });
            }
        }
        self.arm_fresh();
    }

    /// Somebody has something: what is missing here, and does not come by itself within a moment, is asked for.
    pub(crate) fn hear_fresh(&mut self, from: &NodeId, keys: Vec<Key>) {
        self.pull(from, keys, WAIT_MS);
    }
}
