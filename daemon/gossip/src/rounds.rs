//! Anti-entropy: each second a node compares a digest of its set with somebody's. Equal sets need nothing more.
//!
//! ```text
//!   A -- Digest (Ask) ------------> B   equal: nothing. different: B waits for what is under way
//!   A <- Digest (Differs) --------- B   still different: A reconciles, see reconcile.rs
//! ```

use crate::engine::Engine;
use crate::index::Digest;
use crate::standing::Standing;
use crate::timers::Timer;
use crate::wire::{Datagram, Summary, Turn};
use control::clock::BootMs;
use control::version::NodeId;
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// The time between two comparisons that a node begins, give or take a quarter.
const ROUND_MS: u64 = 1_000;

/// What is under way arrives by then.
const WAIT_MS: u64 = 200;

/// Two sets that stayed different after a reconciliation are left alone for this long first, doubled each time.
const PAUSE_MS: u64 = 2_000;

/// And no longer than this.
const MAX_PAUSE_MS: u64 = 60_000;

/// A newcomer is met by about so many at once.
const MEETINGS: usize = 4;

#[derive(Debug)]
struct Pause {
    ours: Digest,
    theirs: Digest,
    until: BootMs,
    ms: u64,
}

/// Comparisons that wait, and reconciliations that were of no use.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    waiting: BTreeSet<NodeId>,
    pauses: BTreeMap<NodeId, Pause>,
}

impl Rounds {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.pauses.len()
    }

    /// The next comparison with this peer counts.
    pub(crate) fn forgive(&mut self, peer: &NodeId) {
        self.pauses.remove(peer);
    }
}

impl Engine {
    pub(crate) fn arm_digest(&mut self) {
        let wait_ms = self.rng.random_range(ROUND_MS * 3 / 4..=ROUND_MS * 5 / 4);
        self.timers.set(self.now.boot.after_ms(wait_ms), Timer::Digest);
    }

    /// The timer: says to somebody what is held here.
    pub(crate) fn begin_round(&mut self) {
        if let Some(peer) = self.ring.any(&mut self.rng).map(|seat| seat.name.clone()) {
            self.tell_digest(&peer, Turn::Ask);
        }
        self.arm_digest();
    }

    fn tell_digest(&mut self, peer: &NodeId, turn: Turn) {
        let Some(address) = self.ring.get(peer).map(|seat| seat.address) else { return };
        let standing = self.settling.standing;
        let (digest, roll) = (self.index.digest(), self.roll());
        let summary = Summary { from: self.identity.name.clone(), digest, roll, standing, turn };
        self.send(address, &Datagram::Digest(summary));
    }

    /// Somebody has come, or come back: what differs is found at once, without waiting for a round.
    pub(crate) fn meet(&mut self, peer: &NodeId) {
        self.note_company();
        let is_chosen = self.rng.random_range(0..self.ring.len().max(1)) < MEETINGS;
        if is_chosen || self.settling.standing != Standing::Settled {
            self.tell_digest(peer, Turn::Meet);
        }
    }

    /// A member is gone: nothing is expected of it.
    pub(crate) fn part(&mut self, peer: &NodeId) {
        self.rounds.pauses.remove(peer);
        self.lose(peer);
    }

    pub(crate) fn compare(&mut self, summary: &Summary) {
        self.counters.digests_compared += 1;
        self.note_standing(summary.standing);
        let peer = &summary.from;
        self.compare_roll(peer, summary.roll);
        if summary.digest == self.index.digest() {
            self.rounds.pauses.remove(peer);
            if summary.standing == Standing::Settled {
                self.settle();
            }
            if summary.standing != Standing::Returning {
                self.note_equal();
            }
            return;
        }
        self.counters.digests_different += 1;
        self.note_company();
        let is_newcomer = self.settling.standing != Standing::Settled && summary.standing == Standing::Settled;
        match summary.turn {
            _ if is_newcomer => self.reconcile_with(peer, summary.digest),
            Turn::Ask => {
                if self.rounds.waiting.insert(peer.clone()) {
                    self.timers.set(self.now.boot.after_ms(WAIT_MS), Timer::Differs(peer.clone()));
                }
            }
            Turn::Meet => self.tell_digest(peer, Turn::Differs),
            Turn::Differs => self.reconcile_with(peer, summary.digest),
        }
    }

    /// The timer: what was under way has arrived; whoever asked compares again.
    pub(crate) fn end_wait(&mut self, peer: &NodeId) {
        self.rounds.waiting.remove(peer);
        self.tell_digest(peer, Turn::Differs);
    }

    fn reconcile_with(&mut self, peer: &NodeId, theirs: Digest) {
        let (now, ours) = (self.now.boot, self.index.digest());
        let pause = self.rounds.pauses.get(peer).filter(|pause| pause.ours == ours && pause.theirs == theirs);
        if pause.is_some_and(|pause| pause.until > now) {
            return;
        }
        let ms = pause.map_or(PAUSE_MS, |pause| (pause.ms * 2).min(MAX_PAUSE_MS));
        if self.begin_session(peer) {
            self.rounds.pauses.insert(peer.clone(), Pause { ours, theirs, until: now.after_ms(ms), ms });
        }
    }
}
