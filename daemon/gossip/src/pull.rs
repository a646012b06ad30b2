//! Asking for what is missing. Both sides of a reconciliation and whoever hears of something fresh get records this way, so that the
//! receiver sets the pace.

use crate::engine::Engine;
use crate::key::Key;
use crate::recent::Recent;
use crate::timers::Timer;
use crate::wire::{Message, Named};
use control::clock::BootMs;
use control::version::NodeId;
use std::collections::{BTreeMap, VecDeque};
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
    waiting: VecDeque<(BootMs, Key)>,
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

    /// Whether nothing is wanted of a peer any more.
    pub(crate) fn is_done_with(&self, peer: &NodeId) -> bool {
        !self.peers.contains_key(peer)
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
        peer.waiting.extend(missing.into_iter().take(room).map(|key| (now.after_ms(after_ms), key)));
        self.ask(from);
    }

    /// The timer: asks all whose time has come.
    pub(crate) fn pull_due(&mut self) {
        self.pulls.armed_at = None;
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
            let mut later = Vec::new();
            while let Some((_, key)) = peer.waiting.front().copied().filter(|(due, _)| *due <= now && keys.len() < AT_ONCE) {
                peer.waiting.pop_front();
                if self.index.has(key) || self.refused.has(key, now) {
                    continue;
                }
                // Somebody else is asked for it already: only if that fails.
                match self.pulls.asked.until(key, now) {
                    Some(until) => later.push((until, key)),
                    None => keys.push(key),
                }
            }
            peer.waiting.extend(later);
            if keys.is_empty() {
                match peer.waiting.iter().map(|(due, _)| *due).min() {
                    Some(due) if due > now => self.arm_pull(due),
                    None if peer.questions.is_empty() => {
                        self.pulls.peers.remove(from);
                    }
                    _ => {}
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
                for key in left.into_iter().skip(handled as usize).rev() {
                    self.pulls.asked.remove(key);
                    peer.waiting.push_front((now, key));
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
