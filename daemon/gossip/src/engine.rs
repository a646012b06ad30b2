//! The engine: takes an input, and answers with what is to be done.

use crate::counters::Counters;
use crate::fresh::Fresh;
use crate::index::{Digest, Index};
use crate::io::{Config, Input, Merged, Outcome, Output};
use crate::key::{self, Key};
use crate::member::{Identity, Member};
use crate::pull::Pulls;
use crate::recent::Recent;
use crate::reconcile::Sessions;
use crate::ring::Ring;
use crate::roll::RollCall;
use crate::rounds::Rounds;
use crate::seek::Search;
use crate::serve::Serving;
use crate::settle::Settling;
use crate::spread::Spread;
use crate::standing::Standing;
use crate::swim::{self, Swim};
use crate::timers::{Timer, Timers};
use crate::wire::{Datagram, Malformed, Message, Named};
use control::clock::{BootMs, Now};
use control::record::{RecordId, Stamp};
use control::version::NodeId;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// A record that was refused is not asked for again so long.
const REFUSED_MS: u64 = 60_000;

/// Whoever has come has learnt of all deletions by then.
const LEARN_MS: u64 = 20_000;

/// A settled member is compared with each second: whoever has not been heard for so long may not have heard of a deletion.
const APART_MS: u64 = 30_000;

/// So many refusals are remembered.
const MAX_REFUSED: usize = 8_192;

/// One node's part in the cluster's protocol. It does nothing by itself: [`Engine::step`] is called with what happened, and at
/// [`Engine::wake_at`].
pub struct Engine {
    pub(crate) identity: Identity,
    pub(crate) place: u64,
    pub(crate) now: Now,
    pub(crate) rng: Xoshiro256PlusPlus,
    pub(crate) swim: Swim,
    pub(crate) members: BTreeMap<NodeId, Member>,
    pub(crate) ring: Ring,
    pub(crate) denied: BTreeSet<NodeId>,
    pub(crate) index: Index,
    pub(crate) refused: Recent,
    pub(crate) search: Search,
    pub(crate) roll_call: RollCall,
    pub(crate) spread: Spread,
    pub(crate) fresh: Fresh,
    pub(crate) pulls: Pulls,
    pub(crate) serving: Serving,
    pub(crate) sessions: Sessions,
    pub(crate) rounds: Rounds,
    pub(crate) settling: Settling,
    pub(crate) timers: Timers,
    pub(crate) out: Vec<Output>,
    pub(crate) counters: Counters,
    has_left: bool,
}

impl Engine {
    /// An engine that has said nothing yet: the first step makes it look for the others.
    #[must_use]
    pub fn new(now: Now, config: Config) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed);
        let index = Index::of(&config.records);
        let mut engine = Self {
            place: key::place(&config.identity.name),
            swim: swim::start(config.identity.clone(), rng.fork()),
            identity: config.identity,
            now,
            rng,
            members: BTreeMap::new(),
            ring: Ring::default(),
            denied: config.denied,
            index,
            refused: Recent::new(REFUSED_MS, MAX_REFUSED),
            search: Search::new(config.join),
            roll_call: RollCall::default(),
            spread: Spread::default(),
            fresh: Fresh::default(),
            pulls: Pulls::default(),
            serving: Serving::default(),
            sessions: Sessions::default(),
            rounds: Rounds::default(),
            settling: Settling::new(config.standing, now.boot, config.horizon_ms),
            timers: Timers::default(),
            out: Vec::new(),
            counters: Counters::default(),
            has_left: false,
        };
        engine.remember(config.known);
        engine.timers.set(now.boot, Timer::Seek);
        engine.arm_digest();
        engine
    }

    /// Takes in what happened, and everything whose time has come before it.
    #[must_use]
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Output> {
        if self.has_left {
            return Vec::new();
        }
        self.now = now;
        self.timers.forgive_stall(now.boot);
        while let Some(timer) = self.timers.due(now.boot) {
            self.fire(timer);
        }
        match input {
            Input::Tick => {}
            Input::Datagram { from, bytes } => self.take_datagram(from, &bytes),
            Input::Message { from, bytes } => {
                self.note_contact(&from);
                self.take_message(&from, &bytes);
            }
            Input::Unreachable { peer } => self.lose(&peer),
            Input::Changed(records) => self.take_changes(records),
            Input::Merged(merged) => self.take_merged(&merged),
            Input::Forgotten(records) => self.forget(&records),
            Input::Held(records) => self.index = Index::of(&records),
            Input::Loaded { token, read, records } => self.give(token, read, records),
            Input::Reviewed { dropped } => self.finish_review(&dropped),
            Input::Join(addresses) => self.join(addresses),
            Input::Denied(names) => self.deny(names),
            Input::Leave => {
                self.leave();
                self.has_left = true;
            }
        }
        std::mem::take(&mut self.out)
    }

    /// When the next step is due at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<BootMs> {
        if self.has_left { None } else { self.timers.next() }
    }

    /// Who this node is now: the instance grows when the others took it for dead.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// All others that are known, by name; this node itself is not among them.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// One of them.
    #[must_use]
    pub fn member(&self, name: &NodeId) -> Option<&Member> {
        self.members.get(name)
    }

    /// What this node holds, in a few bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.index.digest()
    }

    /// How many records it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.index.len()
    }

    /// What this node's records are worth to others.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.settling.standing
    }

    /// Whether the store may drop deletions that are older than the horizon: not while this node sees none of the others, who may not
    /// have heard of them, nor before it has learnt what they did meanwhile, nor before a member that has just come could learn of them.
    #[must_use]
    pub fn may_forget(&self, now: Now) -> bool {
        let mut members = self.members.values().filter(|member| !self.denied.contains(&member.identity.name));
        let is_new = |member: &Member| member.state.is_active() && now.boot.since_ms(member.since.boot) < LEARN_MS;
        let is_silent = self.ring.len() == 0 || now.boot.since_ms(self.settling.contact) > APART_MS;
        let is_apart = is_silent && members.clone().next().is_some();
        self.settling.standing == Standing::Settled && !is_apart && !members.any(is_new)
    }

    /// When a member was last heard to have what this node has, or to send and take records; while this node learns, that of before. An
    /// answer to "are you there" alone is none: where records do not pass, nothing that was written here is safe with anybody.
    #[must_use]
    pub fn contact(&self) -> BootMs {
        self.settling.contact
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Everything that is kept for a while: it stays small whatever happens. For tests and metrics.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.timers.len()
            + self.pulls.len()
            + self.serving.len()
            + self.sessions.len()
            + self.spread.len()
            + self.fresh.len()
            + self.refused.len()
            + self.rounds.len()
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Swim(timer) => self.swim(|swim, effects| swim.handle_timer(timer, effects)),
            Timer::Seek => self.seek(),
            Timer::Digest => self.begin_round(),
            Timer::Differs(peer) => self.end_wait(&peer),
            Timer::Fresh => self.tell_fresh(),
            Timer::Pull => self.pull_timer(),
            Timer::Sweep => self.sweep(),
        }
    }

    fn take_datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.counters.datagrams_received += 1;
        match Datagram::decode(bytes) {
            Ok(Datagram::Swim(packet)) => self.take_packet(&packet),
            Ok(Datagram::Seek(meeting)) => self.take_seek(from, &meeting),
            Ok(Datagram::Found(meeting)) => self.take_found(from, meeting),
            Ok(Datagram::Doubt { from, you, incarnation }) => self.take_doubt(&from, you, incarnation),
            Ok(Datagram::Leave(identity)) => self.take_leave(&identity),
            Ok(Datagram::Digest(summary)) if self.ring.get(&summary.from).is_some() => self.compare(&summary),
            Ok(Datagram::Fresh { from, keys }) if self.ring.get(&from).is_some() => self.hear_fresh(&from, keys),
            // Of somebody who is no member yet, or no longer: it will say it again.
            Ok(Datagram::Digest(_) | Datagram::Fresh { .. }) => {}
            Err(malformed) => self.count_malformed(&malformed),
        }
    }

    fn take_message(&mut self, from: &NodeId, bytes: &[u8]) {
        self.counters.messages_received += 1;
        if self.denied.contains(from) {
            self.counters.denied += 1;
            return;
        }
        self.spread.reached(from);
        match Message::decode(bytes) {
            Ok(Message::Push { until, records }) => self.take_push(from, until, &records),
            Ok(Message::Want { want, keys }) => self.serve(from, want, &keys),
            Ok(Message::Give { want, handled, records }) => self.take_given(from, want, handled, records),
            Ok(Message::Reconcile { session, standing, frame }) => self.answer(from, session, standing, &frame),
            Ok(Message::Answer { session, standing, frame }) => self.take_answer(from, session, standing, &frame),
            Ok(Message::Refuse { session }) => self.take_refusal(from, session),
            Ok(Message::Have { session, keys, is_last }) => self.take_have(from, session, keys, is_last),
            Ok(Message::Roll { members, is_question }) => self.take_roll(from, &members, is_question),
            Err(malformed) => self.count_malformed(&malformed),
        }
    }

    fn take_changes(&mut self, records: Vec<Named>) {
        let mut news = Vec::new();
        for named in records {
            if let Some(key) = self.index.set(&named.0, &named.1.stamp) {
                news.push((key, named));
            }
        }
        if news.is_empty() || self.settling.standing == Standing::Returning {
            return;
        }
        let (keys, records): (Vec<Key>, Vec<Named>) = news.into_iter().unzip();
        if !self.ring.is_flat() {
            self.note_fresh(&keys);
        }
        self.spread_all(records);
    }

    fn take_merged(&mut self, merged: &[Merged]) {
        let mut kept = Vec::new();
        for Merged { id, stamp, outcome } in merged {
            match outcome {
                Outcome::Kept => kept.extend(self.index.set(id, stamp)),
                Outcome::Gone => self.index.remove(id, stamp),
                Outcome::Known | Outcome::Refused => {
                    let key = Key::of(id, stamp);
                    if *outcome == Outcome::Refused {
                        self.counters.records_refused += 1;
                    } else {
                        self.counters.records_known += 1;
                    }
                    if !self.index.has(key) {
                        self.refused.add(key, self.now.boot);
                    }
                }
            }
        }
        if self.settling.standing != Standing::Returning {
            self.note_fresh(&kept);
        }
        self.check_settled();
    }

    fn forget(&mut self, records: &[(RecordId, Stamp)]) {
        for (id, stamp) in records {
            self.index.remove(id, stamp);
        }
    }

    /// Hands records that came in to the store, but for those that are held already.
    pub(crate) fn merge(&mut self, from: &NodeId, records: &Arc<Vec<Named>>) {
        self.counters.records_received += records.len() as u64;
        let is_held = |(id, record): &Named| self.index.has(Key::of(id, &record.stamp));
        let held = records.iter().filter(|named| is_held(named)).count();
        self.counters.records_known += held as u64;
        if held == records.len() {
            return;
        }
        let news = || Arc::new(records.iter().filter(|named| !is_held(named)).cloned().collect());
        let records = if held == 0 { Arc::clone(records) } else { news() };
        self.out.push(Output::Merge { from: from.clone(), records });
    }

    /// Says something on the reliable channel; to somebody who is no member it is not said.
    pub(crate) fn say(&mut self, to: &NodeId, message: &Message) {
        let Some(address) = self.ring.get(to).map(|seat| seat.address) else { return };
        let bytes = message.encode();
        self.counters.messages_sent += 1;
        self.counters.message_bytes_sent += bytes.len() as u64;
        self.out.push(Output::Message { to: to.clone(), address, bytes });
    }

    pub(crate) fn send(&mut self, to: SocketAddr, datagram: &Datagram) {
        let bytes = datagram.encode();
        self.counters.datagrams_sent += 1;
        self.counters.datagram_bytes_sent += bytes.len() as u64;
        self.out.push(Output::Datagram { to, bytes });
    }

    pub(crate) fn lose(&mut self, peer: &NodeId) {
        self.spread_elsewhere(peer);
        self.unsettle(peer);
        self.pulls.lose(peer);
        self.fail_session(peer);
    }

    fn count_malformed(&mut self, malformed: &Malformed) {
        self.counters.malformed += 1;
        tracing::debug!(error = %malformed, "dropped what is not of this protocol");
    }
}
