//! Finding each other: joining, membership as foca sees it, coming back after having been taken for dead, leaving.
//!
//! ```text
//!   A                                B
//!   | -- Seek{A, you died as 7} --->  |   A took B's instance 7 for dead; B becomes 8
//!   | <- Found{B8, you died as 3} --  |   and B took A's 3 for dead; A becomes 4
//!   | -- Swim(announce A4 to B8) -->  |
//!   | <- Swim(feed: B's members) ---  |   now both are members of one cluster
//! ```

use crate::engine::Engine;
use crate::io::Output;
use crate::member::{Identity, MAX_MEMBERS, Member, State};
use crate::swim::{self, Effects, Packet, Swim};
use crate::timers::Timer;
use crate::wire::{Datagram, Meeting};
use control::clock::BootMs;
use control::version::NodeId;
use rand::RngExt;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Somebody who was lost lately is looked for so often: sides that meet again shall be one within a second.
const SEEK_MS: u64 = 500;

/// Somebody who is lost so long is looked for seldom.
const LONG_LOST_MS: u64 = 600_000;

/// That often.
const SEEK_SELDOM_MS: u64 = 5_000;

/// A node comes with a new instance at most so often: two that share one name shall not drive each other.
const RENEW_MS: u64 = 250;

/// So many addresses to join by are kept.
const MAX_JOIN: usize = 64;

/// How many addresses are tried at once.
const AT_ONCE: usize = 4;

/// Whom this node looks for.
#[derive(Debug)]
pub(crate) struct Search {
    join: Vec<Door>,
    wait_ms: u64,
    renewed_at: Option<BootMs>,
    sized_for: usize,
    /// So many members were known when it was looked last.
    knew: usize,
}

/// An address to join by, and who answered there.
#[derive(Debug)]
struct Door {
    address: SocketAddr,
    answered: Option<NodeId>,
}

impl Search {
    pub(crate) fn new(join: Vec<SocketAddr>) -> Self {
        let join = join.into_iter().take(MAX_JOIN).map(|address| Door { address, answered: None }).collect();
        Self { join, wait_ms: SEEK_MS / 2, renewed_at: None, sized_for: 1, knew: 0 }
    }
}

impl Engine {
    /// Members of before are lost until they are found.
    pub(crate) fn remember(&mut self, known: Vec<Identity>) {
        for identity in known.into_iter().filter(Identity::is_sound) {
            let is_other = identity.name != self.identity.name && !self.denied.contains(&identity.name);
            if is_other && self.members.len() < MAX_MEMBERS {
                let name = identity.name.clone();
                self.members.entry(name).or_insert(Member { identity, state: State::Down, since: self.now });
            }
        }
    }

    pub(crate) fn join(&mut self, addresses: Vec<SocketAddr>) {
        for address in addresses {
            let is_known = self.search.join.iter().any(|door| door.address == address);
            if !is_known && self.search.join.len() < MAX_JOIN {
                self.search.join.push(Door { address, answered: None });
            }
        }
        self.search.wait_ms = SEEK_MS / 2;
        self.seek_now();
    }

    /// The timer: looks for those who are lost, and comes again.
    pub(crate) fn seek(&mut self) {
        self.seek_now();
        self.tell_suspects();
        // Whoever has just joined hears of a part of the members at a time.
        let is_growing = self.members.len() > self.search.knew;
        self.search.knew = self.members.len();
        if is_growing {
            self.announce_to_any();
        }
        let is_alone = self.ring.len() == 0;
        self.search.wait_ms = (self.search.wait_ms * 2).min(if is_alone { 4 * SEEK_MS } else { SEEK_SELDOM_MS });
        let has_lost_lately = self.lost().any(|(_, lost_ms)| lost_ms < LONG_LOST_MS);
        let has_suspects = self.ring.iter().any(|seat| seat.is_suspect);
        let wait_ms = if has_lost_lately || has_suspects || is_growing { SEEK_MS } else { self.search.wait_ms };
        let jitter_ms = self.rng.random_range(0..=wait_ms / 4);
        self.timers.set(self.now.boot.after_ms(wait_ms - wait_ms / 8 + jitter_ms), Timer::Seek);
    }

    fn seek_now(&mut self) {
        // Who answered and became a member is found; the answer alone is not enough, what follows it may be lost.
        let ring = &self.ring;
        self.search.join.retain(|door| door.answered.as_ref().is_none_or(|name| ring.get(name).is_none()));
        let mut targets = Vec::new();
        for _ in 0..AT_ONCE.min(self.search.join.len()) {
            let address = self.search.join[self.rng.random_range(0..self.search.join.len())].address;
            targets.push((address, None));
        }
        let lost: Vec<Identity> = self.lost().map(|(identity, _)| identity.clone()).collect();
        let at_once = if self.ring.len() == 0 { AT_ONCE } else { 1 };
        for _ in 0..at_once.min(lost.len()) {
            let identity = &lost[self.rng.random_range(0..lost.len())];
            targets.push((identity.address, self.died_as(identity)));
        }
        targets.sort();
        targets.dedup();
        for (address, you_died_as) in targets {
            let seek = Datagram::Seek(Meeting { me: self.identity.clone(), you_died_as });
            self.send(address, &seek);
        }
    }

    fn lost(&self) -> impl Iterator<Item = (&Identity, u64)> {
        let lost =
            self.members.values().filter(|member| member.state == State::Down && !self.denied.contains(&member.identity.name));
        lost.map(|member| (&member.identity, self.now.boot.since_ms(member.since.boot)))
    }

    /// The instance up to which foca takes a node for dead, if it does.
    fn died_as(&self, identity: &Identity) -> Option<u64> {
        let mut state = self.swim.iter_membership_state();
        let known = state.find(|member| member.id().name == identity.name)?;
        let is_dead = known.state() == foca::State::Down && known.id().instance >= identity.instance;
        is_dead.then_some(known.id().instance)
    }

    pub(crate) fn take_seek(&mut self, from: SocketAddr, meeting: &Meeting) {
        if self.is_unwelcome(&meeting.me) {
            return;
        }
        self.renew_after(meeting.you_died_as);
        let found = Datagram::Found(Meeting { me: self.identity.clone(), you_died_as: self.died_as(&meeting.me) });
        self.send(from, &found);
    }

    pub(crate) fn take_found(&mut self, from: SocketAddr, meeting: Meeting) {
        if self.is_unwelcome(&meeting.me) {
            return;
        }
        for door in self.search.join.iter_mut().filter(|door| door.address == from || door.address == meeting.me.address) {
            door.answered = Some(meeting.me.name.clone());
        }
        self.renew_after(meeting.you_died_as);
        self.swim(|swim, effects| swim.announce(meeting.me, effects));
    }

    /// Whether it is ourselves, somebody with our name, or somebody who was removed.
    fn is_unwelcome(&mut self, identity: &Identity) -> bool {
        if identity.name == self.identity.name {
            self.search.join.retain(|door| door.address != self.identity.address);
            if identity.instance != self.identity.instance {
                self.counters.name_conflicts += 1;
            }
            return true;
        }
        let is_denied = self.denied.contains(&identity.name);
        self.counters.denied += u64::from(is_denied);
        is_denied
    }

    /// Becomes a later instance than the one that is taken for dead.
    fn renew_after(&mut self, instance: Option<u64>) {
        let Some(instance) = instance.filter(|instance| *instance >= self.identity.instance) else { return };
        let now = self.now.boot;
        if self.search.renewed_at.is_some_and(|at| now.since_ms(at) < RENEW_MS) {
            return;
        }
        self.search.renewed_at = Some(now);
        let identity = self.identity.after(instance);
        self.swim(|swim, effects| swim.change_identity(identity, effects));
    }

    /// A packet of foca.
    pub(crate) fn take_packet(&mut self, bytes: &[u8]) {
        let Some(packet) = Packet::read(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        if self.is_unwelcome(&packet.source) {
            return;
        }
        let news = packet.told.iter().chain([&packet.source]).filter(|identity| !self.members.contains_key(&identity.name));
        let newcomers: BTreeSet<&NodeId> = news.map(|identity| &identity.name).collect();
        if self.members.len() + newcomers.len() > MAX_MEMBERS + 1 {
            self.counters.let_go += 1;
            return;
        }
        self.spread.reached(&packet.source.name);
        let has_news = !packet.told.is_empty();
        let mut is_malformed = false;
        self.swim(|swim, effects| {
            effects.has_news |= has_news;
            is_malformed = swim.handle_data(bytes, effects).is_err();
            Ok(())
        });
        self.counters.malformed += u64::from(is_malformed);
        // An earlier life of this node, started while its clock was ahead: be later than that.
        let ours = packet.told.iter().filter(|told| told.name == self.identity.name && **told != self.identity);
        let latest = ours.map(|told| told.instance).max();
        self.renew_after(latest);
    }

    /// Lets foca do something, and does what it wants done.
    pub(crate) fn swim(&mut self, act: impl FnOnce(&mut Swim, &mut Effects) -> Result<(), foca::Error>) {
        let mut effects = Effects::default();
        if let Err(error) = act(&mut self.swim, &mut effects) {
            tracing::debug!(%error, "membership");
        }
        if *self.swim.identity() != self.identity {
            self.identity = self.swim.identity().clone();
            self.counters.rejoins += 1;
            // It stops probing until it hears of somebody, and it knows them all.
            if let Err(error) = self.swim.apply_many(std::iter::empty(), false, &mut effects) {
                tracing::debug!(%error, "membership after a rejoin");
            }
        }
        for (to, packet) in effects.sends {
            self.send(to.address, &Datagram::Swim(packet));
        }
        // Only these timers change what is known without a word.
        let mut has_news = effects.has_news;
        for (after_ms, timer) in effects.timers {
            has_news |= matches!(timer, foca::Timer::ChangeSuspectToDown { .. });
            self.timers.set(self.now.boot.after_ms(after_ms), Timer::Swim(timer));
        }
        if has_news {
            self.follow_swim();
        }
        if effects.has_rejoined {
            self.announce_to_any();
        }
    }

    /// To hear at once who else is there.
    fn announce_to_any(&mut self) {
        let Some(name) = self.ring.any(&mut self.rng).map(|seat| seat.name.clone()) else { return };
        if let Some(identity) = self.members.get(&name).map(|member| member.identity.clone()) {
            self.swim(|swim, effects| swim.announce(identity, effects));
        }
    }

    /// Tells suspects what they are suspected of, for as long as they are: news of it travel only so often, and a suspect that does not
    /// hear them cannot refute.
    fn tell_suspects(&mut self) {
        let suspects = self.swim.iter_members().filter(|member| member.state() == foca::State::Suspect);
        let doubts: Vec<(Identity, u16)> = suspects.map(|member| (member.id().clone(), member.incarnation())).collect();
        for (you, incarnation) in doubts {
            let (to, from) = (you.address, self.identity.name.clone());
            self.send(to, &Datagram::Doubt { from, you, incarnation });
        }
    }

    pub(crate) fn take_doubt(&mut self, from: &NodeId, you: Identity, incarnation: u16) {
        if you == self.identity && self.ring.get(from).is_some() {
            let suspect = foca::Member::new(you, incarnation, foca::State::Suspect);
            self.swim(|swim, effects| swim.apply_many(std::iter::once(suspect), false, effects));
        }
    }

    /// Takes over what foca has learnt.
    fn follow_swim(&mut self) {
        let mut changes = Vec::new();
        for seen in self.swim.iter_membership_state().filter(|seen| seen.id().name != self.identity.name) {
            let state = match seen.state() {
                foca::State::Alive => State::Alive,
                foca::State::Suspect => State::Suspect,
                foca::State::Down => State::Down,
            };
            let known = self.members.get(&seen.id().name);
            let is_known = known.is_some_and(|known| {
                let has_left = state == State::Down && known.state == State::Left;
                known.identity == *seen.id() && (known.state == state || has_left)
            });
            if !is_known {
                changes.push((seen.id().clone(), state));
            }
        }
        let has_new_suspects = changes.iter().any(|(_, state)| *state == State::Suspect);
        for (identity, state) in changes {
            if self.denied.contains(&identity.name) && state.is_active() {
                self.bury(identity);
            } else {
                self.set_member(identity, state);
            }
        }
        if has_new_suspects {
            self.tell_suspects();
        }
        let active = self.swim.num_members() + 1;
        if active.ilog2() != self.search.sized_for.ilog2() {
            self.search.sized_for = active;
            if let Err(error) = self.swim.set_config(swim::config(active)) {
                tracing::warn!(%error, "cannot fit the membership to the size of the cluster");
            }
        }
    }

    fn set_member(&mut self, identity: Identity, state: State) {
        let name = identity.name.clone();
        let before = self.members.get(&name).map(|member| member.state);
        if before.is_none() && self.members.len() >= MAX_MEMBERS && !self.make_room() {
            self.counters.let_go += 1;
            return;
        }
        let since = match self.members.get(&name) {
            Some(member) if member.state == state => member.since,
            _ => self.now,
        };
        let member = Member { identity, state, since };
        if state.is_active() {
            self.ring.set(&name, member.identity.address, state == State::Suspect);
        } else {
            self.ring.remove(&name);
        }
        self.members.insert(name.clone(), member.clone());
        self.out.push(Output::Member(member));
        match (before.is_some_and(State::is_active), state.is_active()) {
            (false, true) => self.meet(&name),
            (true, false) => self.part(&name),
            _ => {}
        }
    }

    /// Forgets the member that is gone longest.
    fn make_room(&mut self) -> bool {
        let gone = self.members.values().filter(|member| !member.state.is_active());
        let oldest = gone.min_by_key(|member| member.since.boot).map(|member| member.identity.name.clone());
        oldest.is_some_and(|name| self.members.remove(&name).is_some())
    }

    /// A member that is gone for good.
    fn bury(&mut self, identity: Identity) {
        let down = foca::Member::down(identity);
        self.swim(|swim, effects| {
            effects.has_news = true;
            swim.apply_many(std::iter::once(down), true, effects)
        });
    }

    /// The nodes that the operator removed, all of them.
    pub(crate) fn deny(&mut self, names: BTreeSet<NodeId>) {
        self.denied = names;
        let denied = self.members.values().filter(|member| self.denied.contains(&member.identity.name));
        let denied: Vec<Member> = denied.cloned().collect();
        for member in denied {
            if member.state.is_active() {
                self.bury(member.identity);
            }
        }
    }

    pub(crate) fn leave(&mut self) {
        let leave = Datagram::Leave(self.identity.clone());
        let addresses: Vec<SocketAddr> = self.ring.iter().map(|seat| seat.address).collect();
        // Nobody answers, and nobody can be asked again: said twice, it is hardly ever lost.
        for address in addresses.iter().chain(&addresses) {
            self.send(*address, &leave);
        }
        self.swim(|swim, effects| swim.leave_cluster(effects));
    }

    pub(crate) fn take_leave(&mut self, identity: &Identity) {
        if self.is_unwelcome(identity) {
            return;
        }
        let Some(member) = self.members.get(&identity.name) else { return };
        if member.state == State::Left || member.identity.instance > identity.instance {
            return;
        }
        self.set_member(identity.clone(), State::Left);
        self.bury(identity.clone());
    }
}
