//! Asking for what is missing. Both sides of a reconciliation and whoever hears of something fresh get records this way, so that the
//! receiver sets the pace.

mod queue;

use crate::engine::Engine;
use crate::key::Key;
use crate::recent::Recent;
use crate::timers::Timer;
use crate::wire::{Message, Named};
use control::clock::BootMs;
use control::version::NodeId;
use queue::Queue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records in one question.
const AT_ONCE: usize = 256;

/// Questions to one peer that are not answered yet.
const IN_FLIGHT: usize = 2;

/// Without a word of the answer the question is given up after so long.
const ANSWER_MS: u64 = 5_000;

/// What was asked of one is not asked of another so long.
const ASKED_MS: u64 = 1_000;

/// What waits to be asked for, of one peer.
const MAX_WAITING: usize = 131_072;

/// Peers that something is wanted of.
const MAX_PEERS: usize = 64;

#[derive(Debug)]
struct Question {
    keys: Vec<Key>,
    deadline: BootMs,
}

#[derive(Debug, Default)]
struct Peer {
    waiting: Queue,
    questions: BTreeMap<u32, Question>,
}

/// What is wanted of whom.
#[derive(Debug)]
pub(crate) struct Pulls {
    peers: BTreeMap<NodeId, Peer>,
    asked: Recent,
    count: u32,
    armed_at: Option<BootMs>,
}

impl Default for Pulls {
    fn default() -> Self {
        Self { peers: BTreeMap::new(), asked: Recent::new(ASKED_MS, 4_096), count: 0, armed_at: None }
    }
}

impl Pulls {
    pub(crate) fn len(&self) -> usize {
        self.peers.values().map(|peer| peer.waiting.len() + peer.questions.len()).sum::<usize>() + self.asked.len()
    }

    /// How many peers something is wanted of.
    pub(crate) fn open(&self) -> usize {
        self.peers.len()
    }

    /// Nothing comes of this peer: somebody else is asked.
    pub(crate) fn lose(&mut self, peer: &NodeId) {
        let Some(peer) = self.peers.remove(peer) else { return };
        for key in peer.questions.into_values().flat_map(|question| question.keys) {
            self.asked.remove(key);
        }
    }

    /// Peers that have left a question without an answer.
    pub(crate) fn overdue(&self, now: BootMs) -> Vec<NodeId> {
        let is_overdue = |peer: &Peer| peer.questions.values().any(|question| question.deadline <= now);
        self.peers.iter().filter(|(_, peer)| is_overdue(peer)).map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn expire(&mut self, now: BootMs) {
        for peer in self.peers.values_mut() {
            peer.questions.retain(|_, question| question.deadline > now);
        }
        self.peers.retain(|_, peer| !peer.questions.is_empty() || !peer.waiting.is_empty());
    }
}

impl Engine {
    /// Asks a peer for what is still missing in a while.
    pub(crate) fn pull(&mut self, from: &NodeId, keys: Vec<Key>, after_ms: u64) {
        let now = self.now.boot;
        let missing: Vec<Key> = keys.into_iter().filter(|key| !self.index.has(*key) && !self.refused.has(*key, now)).collect();
        if missing.is_empty() {
            return;
        }
        if self.pulls.peers.len() >= MAX_PEERS && !self.pulls.peers.contains_key(from) {
            self.counters.let_go += missing.len() as u64;
            return;
        }
        let peer = self.pulls.peers.entry(from.clone()).or_default();
        let room = MAX_WAITING.saturating_sub(peer.waiting.len());
        self.counters.let_go += missing.len().saturating_sub(room) as u64;
        for key in missing.into_iter().take(room) {
            peer.waiting.put(now.after_ms(after_ms), key);
        }
        self.ask(from);
    }

    /// Whether nothing is wanted of a peer any more. What came from others while it waited for its time is not.
    pub(crate) fn is_pulled(&mut self, from: &NodeId) -> bool {
        let now = self.now.boot;
        let Some(peer) = self.pulls.peers.get_mut(from) else { return true };
        peer.waiting.skip(|key| self.index.has(key) || self.refused.has(key, now));
        let is_pulled = peer.waiting.is_empty() && peer.questions.is_empty();
        if is_pulled {
            self.pulls.peers.remove(from);
        }
        is_pulled
    }

    /// The timer. One that an earlier one was set after has nothing to say: that one has set the next.
    pub(crate) fn pull_timer(&mut self) {
        if self.pulls.armed_at.take_if(|at| *at <= self.now.boot).is_some() {
            self.pull_due();
        }
    }

    /// Asks all whose time has come.
    pub(crate) fn pull_due(&mut self) {
        let peers: Vec<NodeId> = self.pulls.peers.keys().cloned().collect();
        for peer in peers {
            self.ask(&peer);
        }
        self.check_settled();
    }

    /// Asks a peer for the next of what waits, as far as questions are free.
    fn ask(&mut self, from: &NodeId) {
        let now = self.now.boot;
        loop {
            let Some(peer) = self.pulls.peers.get_mut(from) else { return };
            if peer.questions.len() >= IN_FLIGHT {
                return;
            }
            let mut keys = Vec::new();
            while keys.len() < AT_ONCE
                && let Some(key) = peer.waiting.take(now)
            {
                if self.index.has(key) || self.refused.has(key, now) {
                    continue;
                }
                // Somebody else is asked for it already: only if that fails.
                match self.pulls.asked.until(key, now) {
                    Some(until) => peer.waiting.put(until, key),
                    None => keys.push(key),
                }
            }
            if keys.is_empty() {
                match peer.waiting.next_due() {
                    Some(due) => self.arm_pull(due),
                    None if peer.questions.is_empty() => {
                        self.pulls.peers.remove(from);
                    }
                    None => {}
                }
                return;
            }
            self.question(from, keys);
        }
    }

    fn question(&mut self, from: &NodeId, keys: Vec<Key>) {
        let now = self.now.boot;
        for key in &keys {
            self.pulls.asked.add(*key, now);
        }
        self.pulls.count = self.pulls.count.wrapping_add(1);
        let want = self.pulls.count;
        self.counters.records_wanted += keys.len() as u64;
        self.say(from, &Message::Want { want, keys: keys.clone() });
        let question = Question { keys, deadline: now.after_ms(ANSWER_MS) };
        if let Some(peer) = self.pulls.peers.get_mut(from) {
            peer.questions.insert(want, question);
        }
        self.arm_sweep();
    }

    pub(crate) fn take_given(&mut self, from: &NodeId, want: u32, handled: Option<u32>, records: Vec<Named>) {
        let now = self.now.boot;
        // It had no time for it.
        if handled.is_some_and(|handled| handled > 0) && records.is_empty() {
            self.unsettle(from);
        }
        if let Some(peer) = self.pulls.peers.get_mut(from) {
            if let Some(handled) = handled {
                let question = peer.questions.remove(&want);
                // What the answer had no room for is next.
                let left = question.map(|question| question.keys).unwrap_or_default();
                for key in left.into_iter().skip(handled as usize) {
                    self.pulls.asked.remove(key);
                    peer.waiting.put_first(key);
                }
            } else if let Some(question) = peer.questions.get_mut(&want) {
                question.deadline = now.after_ms(ANSWER_MS);
            }
        }
        if !records.is_empty() {
            self.merge(from, &Arc::new(records));
        }
        self.ask(from);
        self.check_settled();
    }

    fn arm_pull(&mut self, at: BootMs) {
        if self.pulls.armed_at.is_none_or(|armed| armed > at) {
            self.pulls.armed_at = Some(at);
            self.timers.set(at, Timer::Pull);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::key::Key;
    use crate::{Config, Engine, Identity, Input, Merged, Outcome, Standing};
    use control::clock::{BootMs, Now};
    use control::record::{Fate, Part, RecordId, Stamp};
    use control::version::{NodeId, Version};
    use jiff::Timestamp;
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    fn now(ms: u64) -> Now {
        Now { wall: Timestamp::UNIX_EPOCH, boot: BootMs(ms) }
    }

    fn named(number: u64) -> (RecordId, Stamp) {
        let version = Version { wall_ms: number, counter: 0, node: "x".into() };
        let stamp = Stamp { birth: version.clone(), version, fate: Fate::Live };
        (RecordId { object: format!("pods/a/{number}").into(), part: Part::Spec }, stamp)
    }

    fn key(number: u64) -> Key {
        let (id, stamp) = named(number);
        Key::of(&id, &stamp)
    }

    fn engine() -> Engine {
        let identity = Identity::new("me".into(), 1, SocketAddr::from(([10, 0, 0, 1], 7_946)), "".into());
        let config = Config {
            identity,
            seed: 1,
            standing: Standing::Settled,
            horizon_ms: 1_000_000,
            known: Vec::new(),
            join: Vec::new(),
            denied: BTreeSet::new(),
            records: Vec::new(),
        };
        Engine::new(now(0), config)
    }

    /// What is asked of one is not asked of another for a second; each of the others waits for another moment.
    #[test]
    fn waiting_for_many_moments_takes_one_timer() {
        let mut engine = engine();
        let step = |engine: &mut Engine, ms| drop(engine.step(now(ms), Input::Tick));
        for number in 0..20 {
            step(&mut engine, number);
            engine.pull(&NodeId::from(format!("asked-{number}").as_str()), vec![key(number)], 0);
        }
        let before = engine.timers.len();
        // Each is due earlier than those before it, so that each sets a timer.
        for number in (0..20).rev() {
            engine.pull(&NodeId::from(format!("waits-{number}").as_str()), vec![key(number)], 0);
        }
        (1_000..1_019).for_each(|ms| step(&mut engine, ms));
        assert!(engine.timers.len() <= before + 4, "{} timers, {before} before", engine.timers.len());
    }

    #[test]
    fn what_came_from_another_is_not_waited_for() {
        let (mut engine, other) = (engine(), NodeId::from("other"));
        engine.pull(&NodeId::from("asked"), vec![key(1), key(2)], 0);
        engine.pull(&other, vec![key(1), key(2)], 0);
        for number in [2, 1] {
            assert!(!engine.is_pulled(&other), "{number} is to come");
            let (id, stamp) = named(number);
            drop(engine.step(now(5), Input::Merged(vec![Merged { id, stamp, outcome: Outcome::Kept }])));
        }
        assert!(engine.is_pulled(&other));
    }
}
