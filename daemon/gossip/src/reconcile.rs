//! Reconciliation of two sets that differ, with negentropy: the bytes that it takes grow with the difference, not with the sets.
//!
//! ```text
//!   initiator                     responder
//!   | -- Reconcile(frame) ---------> |    fingerprints of ranges
//!   | <- Answer(frame) ------------- |    those that differ, split or listed
//!   |        ... until nothing is open ...
//!   | -- Have(keys), last ---------> |    what the responder lacks: it pulls these, see pull.rs
//!   | -- Want(keys) ---------------> |    what the initiator lacks
//! ```
//!
//! Two nodes have one session at a time; of two that were begun at once, that of the node with the smaller name counts.

use crate::engine::Engine;
use crate::key::Key;
use crate::standing::Standing;
use crate::timers::Timer;
use crate::wire::{MAX_KEYS, Message};
use control::clock::BootMs;
use control::version::NodeId;
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use rand::RngExt;
use std::collections::BTreeMap;

/// The longest frame of negentropy.
const FRAME_BYTES: u64 = 60_000;

/// Sessions that this node has begun.
const MAX_BEGUN: usize = 4;

/// Sessions of others that it answers.
const MAX_ANSWERED: usize = 8;

/// Without a word of the other side a session is given up after so long.
const SILENCE_MS: u64 = 5_000;

/// Frames of one session; a set of millions takes fewer.
const MAX_FRAMES: u32 = 10_000;

/// What is still under way when a session ends arrives by then, and need not be asked for.
const WAIT_MS: u64 = 30;

/// Timers that give things up come so often while there is something to give up.
const SWEEP_MS: u64 = 1_000;

enum Role {
    Initiator { have: Vec<Id>, need: Vec<Id> },
    Responder,
}

struct Session {
    id: u32,
    role: Role,
    set: Negentropy<'static, NegentropyStorageVector>,
    frames: u32,
    deadline: BootMs,
}

/// The sessions that are under way, by peer.
#[derive(Default)]
pub(crate) struct Sessions {
    by_peer: BTreeMap<NodeId, Session>,
    is_sweep_armed: bool,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.by_peer.len()
    }

    pub(crate) fn expired(&self, now: BootMs) -> Vec<NodeId> {
        self.by_peer.iter().filter(|(_, session)| session.deadline <= now).map(|(peer, _)| peer.clone()).collect()
    }

    fn begun(&self) -> usize {
        self.by_peer.values().filter(|session| matches!(session.role, Role::Initiator { .. })).count()
    }
}

impl Engine {
    /// Begins to reconcile; `false` where there is no room or one is under way.
    pub(crate) fn begin_session(&mut self, peer: &NodeId) -> bool {
        let has_room = self.sessions.begun() < MAX_BEGUN && !self.sessions.by_peer.contains_key(peer);
        if !has_room || !self.is_pulled(peer) {
            return false;
        }
        let id = self.rng.random();
        let Some(mut session) = self.new_session(id, Role::Initiator { have: Vec::new(), need: Vec::new() }) else {
            return false;
        };
        let Ok(frame) = session.set.initiate() else { return false };
        self.sessions.by_peer.insert(peer.clone(), session);
        self.counters.sessions_begun += 1;
        let standing = self.settling.standing;
        self.say(peer, &Message::Reconcile { session: id, standing, frame });
        true
    }

    fn new_session(&mut self, id: u32, role: Role) -> Option<Session> {
        let set = self.index.snapshot().and_then(|items| Negentropy::owned(items, FRAME_BYTES));
        let set = set.inspect_err(|error| tracing::error!(%error, "cannot reconcile")).ok()?;
        self.arm_sweep();
        Some(Session { id, role, set, frames: 0, deadline: self.now.boot.after_ms(SILENCE_MS) })
    }

    /// The responder's part: one frame in, one out.
    pub(crate) fn answer(&mut self, from: &NodeId, id: u32, standing: Standing, frame: &[u8]) {
        self.note_standing(standing);
        let is_known = match self.sessions.by_peer.get(from) {
            Some(Session { role: Role::Initiator { .. }, .. }) if self.identity.name < *from => {
                return self.say(from, &Message::Refuse { session: id });
            }
            Some(session) => session.id == id && matches!(session.role, Role::Responder),
            None => false,
        };
        if !is_known {
            let answered = self.sessions.len() - self.sessions.begun();
            if self.settling.standing == Standing::Returning || answered >= MAX_ANSWERED {
                return self.say(from, &Message::Refuse { session: id });
            }
            let Some(session) = self.new_session(id, Role::Responder) else { return };
            self.sessions.by_peer.insert(from.clone(), session);
        }
        let deadline = self.now.boot.after_ms(SILENCE_MS);
        let Some(session) = self.sessions.by_peer.get_mut(from) else { return };
        session.deadline = deadline;
        session.frames += 1;
        let reply = if session.frames > MAX_FRAMES { None } else { session.set.reconcile(frame).ok() };
        match reply {
            Some(frame) => {
                let standing = self.settling.standing;
                self.say(from, &Message::Answer { session: id, standing, frame });
            }
            None => {
                self.counters.malformed += 1;
                self.fail_session(from);
                self.say(from, &Message::Refuse { session: id });
            }
        }
    }

    /// The initiator's: the next frame, or the end.
    pub(crate) fn take_answer(&mut self, from: &NodeId, id: u32, standing: Standing, frame: &[u8]) {
        self.note_standing(standing);
        let deadline = self.now.boot.after_ms(SILENCE_MS);
        let Some(session) = self.sessions.by_peer.get_mut(from).filter(|session| session.id == id) else { return };
        let Role::Initiator { have, need } = &mut session.role else { return };
        session.deadline = deadline;
        session.frames += 1;
        let next = if session.frames > MAX_FRAMES { Ok(None) } else { session.set.reconcile_with_ids(frame, have, need) };
        match next {
            Ok(Some(frame)) => {
                let standing = self.settling.standing;
                self.say(from, &Message::Reconcile { session: id, standing, frame });
            }
            Ok(None) => {
                let (have, need) = (to_keys(have), to_keys(need));
                self.end_session(from, standing, have, need);
            }
            Err(_) => {
                self.counters.malformed += 1;
                self.fail_session(from);
            }
        }
    }

    fn end_session(&mut self, peer: &NodeId, standing: Standing, have: Vec<Key>, need: Vec<Key>) {
        let Some(session) = self.sessions.by_peer.remove(peer) else { return };
        self.counters.sessions_ended += 1;
        if self.settling.standing == Standing::Returning {
            // Begun only with settled nodes; should that have changed, it begins anew.
            if standing == Standing::Settled {
                self.review(peer, session.id, have, &need);
            }
        } else {
            self.tell_have(peer, session.id, &have);
        }
        self.pull(peer, need, WAIT_MS);
        self.settle_with(peer, standing);
    }

    /// Tells a peer what it lacks.
    pub(crate) fn tell_have(&mut self, peer: &NodeId, session: u32, keys: &[Key]) {
        let mut chunks = keys.chunks(MAX_KEYS).peekable();
        if chunks.peek().is_none() {
            self.say(peer, &Message::Have { session, keys: Vec::new(), is_last: true });
        }
        while let Some(chunk) = chunks.next() {
            self.say(peer, &Message::Have { session, keys: chunk.to_vec(), is_last: chunks.peek().is_none() });
        }
    }

    pub(crate) fn take_have(&mut self, from: &NodeId, id: u32, keys: Vec<Key>, is_last: bool) {
        if is_last && self.sessions.by_peer.get(from).is_some_and(|session| session.id == id) {
            self.sessions.by_peer.remove(from);
        }
        self.pull(from, keys, WAIT_MS);
    }

    pub(crate) fn take_refusal(&mut self, from: &NodeId, id: u32) {
        if self.sessions.by_peer.get(from).is_some_and(|session| session.id == id) {
            self.fail_session(from);
        }
    }

    pub(crate) fn fail_session(&mut self, peer: &NodeId) {
        if self.sessions.by_peer.remove(peer).is_some() {
            self.counters.sessions_failed += 1;
            // It was not the sets' fault: the next round may try again.
            self.rounds.forgive(peer);
        }
    }

    pub(crate) fn arm_sweep(&mut self) {
        if !self.sessions.is_sweep_armed {
            self.sessions.is_sweep_armed = true;
            self.timers.set(self.now.boot.after_ms(SWEEP_MS), Timer::Sweep);
        }
    }

    /// The timer: gives up what takes too long.
    pub(crate) fn sweep(&mut self) {
        self.sessions.is_sweep_armed = false;
        let now = self.now.boot;
        for peer in self.pulls.overdue(now) {
            self.unsettle(&peer);
        }
        self.pulls.expire(now);
        self.serving.expire(now);
        self.spread.expire(now);
        for peer in self.sessions.expired(now) {
            self.fail_session(&peer);
        }
        self.pull_due();
        if self.sessions.len() + self.serving.len() + self.spread.len() + self.pulls.open() > 0 {
            self.arm_sweep();
        }
    }
}

/// In an order that does not depend on the machine: negentropy lists what is missing in none.
fn to_keys(items: &[Id]) -> Vec<Key> {
    let mut keys: Vec<Key> = items.iter().map(Key::from_item).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
