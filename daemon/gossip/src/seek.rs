//! Finding each other: joining, coming back after having been taken for dead, leaving.
//!
//! ```text
//!   A                                B
//!   | -- Seek{A, you died as 7} --->  |   A took B's instance 7 for dead; B becomes 8
//!   | <- Found{B8, you died as 3} --  |   and B took A's 3 for dead; A becomes 4
//!   | -- Swim(announce A4 to B8) -->  |
//!   | <- Swim(feed: B's members) ---  |   now both are members of one cluster
//! ```

use crate::engine::Engine;
use crate::member::{Identity, MAX_MEMBERS, Member, State};
use crate::timers::Timer;
use crate::wire::{Datagram, Meeting};
use control::clock::{BootMs, Now};
use control::version::NodeId;
use rand::RngExt;
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
    /// foca's timer for passing on news, while there are none.
    pub(crate) gossip: Option<foca::Timer<Identity>>,
    pub(crate) sized_for: usize,
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
        Self { join, wait_ms: SEEK_MS / 2, renewed_at: None, gossip: None, sized_for: 1 }
    }
}

impl Engine {
    /// Members of before are lost until they are found.
    pub(crate) fn remember(&mut self, known: Vec<(Identity, Now)>) {
        for (identity, since) in known.into_iter().filter(|(identity, _)| identity.is_sound()) {
            let is_other = identity.name != self.identity.name && !self.denied.contains(&identity.name);
            if is_other && self.members.len() < MAX_MEMBERS {
                let name = identity.name.clone();
                self.members.entry(name).or_insert(Member { identity, state: State::Down, incarnation: 0, since });
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
        let is_alone = self.ring.len() == 0;
        self.search.wait_ms = (self.search.wait_ms * 2).min(if is_alone { 4 * SEEK_MS } else { SEEK_SELDOM_MS });
        let has_lost_lately = self.lost().any(|(_, lost_ms)| lost_ms < LONG_LOST_MS);
        let has_suspects = self.ring.iter().any(|seat| seat.is_suspect);
        let wait_ms = if has_lost_lately || has_suspects { SEEK_MS } else { self.search.wait_ms };
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
    pub(crate) fn is_unwelcome(&mut self, identity: &Identity) -> bool {
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
    pub(crate) fn renew_after(&mut self, instance: Option<u64>) {
        let Some(instance) = instance.filter(|instance| *instance >= self.identity.instance) else { return };
        let now = self.now.boot;
        if self.search.renewed_at.is_some_and(|at| now.since_ms(at) < RENEW_MS) {
            return;
        }
        self.search.renewed_at = Some(now);
        let identity = self.identity.after(instance);
        self.swim(|swim, effects| swim.change_identity(identity, effects));
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
        let incarnation = member.incarnation;
        self.set_member(identity.clone(), State::Left, incarnation);
        self.bury(identity.clone());
    }
}
