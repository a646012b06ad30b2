//! Membership as foca sees it: its packets and timers, and what follows from them for the members and the ring.

use crate::engine::Engine;
use crate::io::Output;
use crate::member::{Identity, MAX_MEMBERS, Member, State};
use crate::swim::{self, Effects, Packet, Swim};
use crate::timers::Timer;
use crate::wire::Datagram;
use control::version::NodeId;
use std::collections::BTreeSet;

/// What foca has to tell it has told by then.
const NEWLY_MET_MS: u64 = 10_000;

impl Engine {
    /// A packet of foca.
    pub(crate) fn take_packet(&mut self, bytes: &[u8]) {
        let Some(packet) = Packet::read(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let Packet { source, .. } = &packet;
        if self.is_unwelcome(source.id()) || !self.has_room(packet.told.iter().map(|(told, _)| told).chain([source])) {
            return;
        }
        self.spread.reached(&source.id().name);
        if self.ring.get(&source.id().name).is_some() {
            self.note_life();
        }
        // Most of what is told is known, and changes nothing.
        let from = &source.id().name;
        let bytes = packet.without(bytes, |told| self.is_known(told) || self.is_doubtful(from, told));
        let has_news = packet.told.iter().map(|(told, _)| told).chain([source]).any(|told| self.is_news(told));
        let mut is_malformed = false;
        let was_alone = self.ring.len() == 0;
        self.swim(|swim, effects| {
            effects.has_news |= has_news;
            is_malformed = swim.handle_data(&bytes, effects).is_err();
            Ok(())
        });
        self.counters.malformed += u64::from(is_malformed);
        if was_alone {
            self.ask_roll(&source.id().name);
        }
        self.outlive(packet.told.iter().map(|(told, _)| told));
    }

    /// Whether all that are told of can be taken note of.
    pub(crate) fn has_room<'a>(&mut self, told: impl Iterator<Item = &'a foca::Member<Identity>>) -> bool {
        let names = told.map(|told| &told.id().name);
        let newcomers: BTreeSet<&NodeId> = names.filter(|name| !self.members.contains_key(name)).collect();
        let has_room = self.members.len() + newcomers.len() <= MAX_MEMBERS + 1;
        self.counters.let_go += u64::from(!has_room);
        has_room
    }

    /// Whether it is of another node and not known.
    pub(crate) fn is_news(&self, told: &foca::Member<Identity>) -> bool {
        told.id().name != self.identity.name && !self.is_known(told)
    }

    /// An earlier life of this node, started while its clock was ahead, is told of: be later than that.
    pub(crate) fn outlive<'a>(&mut self, told: impl Iterator<Item = &'a foca::Member<Identity>>) {
        let named = told.map(foca::Member::id);
        let ours = named.filter(|told| told.name == self.identity.name && **told != self.identity);
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
            if matches!(timer, foca::Timer::PeriodicGossip(_)) {
                self.search.gossip = Some(timer);
            } else {
                self.timers.set(self.now.boot.after_ms(after_ms), Timer::Swim(timer));
            }
        }
        // While there is nothing to tell, nobody is woken for it.
        if self.swim.updates_backlog() > 0
            && let Some(timer) = self.search.gossip.take()
        {
            self.timers.set(self.now.boot.after_ms(swim::GOSSIP_MS), Timer::Swim(timer));
        }
        if has_news {
            self.follow_swim();
        }
        if effects.has_rejoined {
            self.announce_to_any();
        }
    }

    /// To hear at once who else is there.
    pub(crate) fn announce_to_any(&mut self) {
        let Some(name) = self.ring.any(&mut self.rng).map(|seat| seat.name.clone()) else { return };
        if let Some(identity) = self.members.get(&name).map(|member| member.identity.clone()) {
            self.swim(|swim, effects| swim.announce(identity, effects));
        }
    }

    /// Tells suspects what they are suspected of, for as long as they are: news of it travel only so often, and a suspect that does not
    /// hear them cannot refute.
    pub(crate) fn tell_suspects(&mut self) {
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
        self.counters.membership_looks += 1;
        let mut changes = Vec::new();
        for seen in self.swim.iter_membership_state().filter(|seen| seen.id().name != self.identity.name) {
            if !self.is_known(seen) {
                changes.push(seen.clone());
            }
        }
        let has_new_suspects = changes.iter().any(|seen| seen.state() == foca::State::Suspect);
        for seen in changes {
            let (identity, state) = (seen.id().clone(), to_state(seen.state()));
            if self.denied.contains(&identity.name) && state.is_active() {
                self.bury(identity);
            } else {
                self.set_member(identity, state, seen.incarnation());
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

    /// Whether a member is known to be so: hearing it again changes nothing.
    pub(crate) fn is_known(&self, seen: &foca::Member<Identity>) -> bool {
        let state = to_state(seen.state());
        self.members.get(&seen.id().name).is_some_and(|known| {
            let has_left = state == State::Down && known.state == State::Left;
            known.identity == *seen.id() && known.incarnation == seen.incarnation() && (known.state == state || has_left)
        })
    }

    /// Whether somebody who has only just come, or come back, tells the death of a third that we see alive. The side of a split that is
    /// met again took all of ours for dead, and its word would have us lose them once more; we find out by asking.
    pub(crate) fn is_doubtful(&self, from: &NodeId, told: &foca::Member<Identity>) -> bool {
        let id = told.id();
        let is_new = |from: &Member| !from.state.is_active() || self.now.boot.since_ms(from.since.boot) < NEWLY_MET_MS;
        told.state() == foca::State::Down
            && id.name != *from
            && self.ring.get(&id.name).is_some_and(|seat| seat.instance == id.instance && !seat.is_suspect)
            && self.members.get(from).is_none_or(is_new)
    }

    pub(crate) fn set_member(&mut self, identity: Identity, state: State, incarnation: u16) {
        let name = identity.name.clone();
        if let Some(member) = self.members.get_mut(&name)
            && member.identity == identity
            && (member.state == state || (member.state == State::Left && state == State::Down))
        {
            member.incarnation = incarnation;
            return;
        }
        let before = self.members.get(&name).map(|member| member.state);
        if before.is_none() && self.members.len() >= MAX_MEMBERS && !self.make_room() {
            self.counters.let_go += 1;
            return;
        }
        let since = match self.members.get(&name) {
            Some(member) if member.state == state => member.since,
            _ => self.now,
        };
        if state.is_active() {
            self.ring.set(&identity, state == State::Suspect);
        } else {
            self.ring.remove(&name);
        }
        let member = Member { identity, state, incarnation, since };
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
    pub(crate) fn bury(&mut self, identity: Identity) {
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
}

fn to_state(state: foca::State) -> State {
    match state {
        foca::State::Alive => State::Alive,
        foca::State::Suspect => State::Suspect,
        foca::State::Down => State::Down,
    }
}
