//! All members, compared and exchanged: news bring nearly everybody nearly everything, and this what they missed.
//!
//! ```text
//!   A -- Digest (a sum of its members) --> B   equal: nothing. different for a while, with everybody: B asks
//!   A <- Roll (all that B knows) --------- B
//!   A -- Roll (what of A's is not in it) -> B
//! ```
//!
//! Whoever has just joined asks the first member that it meets at once: foca alone tells a newcomer as many as fit in one packet, and
//! chance decides which.

use crate::engine::Engine;
use crate::member::Identity;
use crate::wire::Message;
use control::clock::BootMs;
use control::version::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// News are given that time to arrive by themselves.
const PATIENCE_MS: u64 = 3_000;

/// A newcomer lacks much, and waits so long only.
const NEW_PATIENCE_MS: u64 = 1_000;

/// So long a node is a newcomer.
const NEW_MS: u64 = 15_000;

/// Between two questions at least; doubled for each that brought nothing.
const PAUSE_MS: u64 = 1_000;

/// And no longer than this: two nodes of which one sees a third and the other does not stay different.
const MAX_PAUSE_MS: u64 = 60_000;

/// Up to so many news are passed on; where there are more, the others find that they lack them, and ask.
const PASSED_ON: usize = 32;

/// A sum of the names and instances of all members that are counted on. Two bytes, since each comparison is with somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll([u8; 2]);

/// What came of comparing.
#[derive(Debug, Default)]
pub(crate) struct RollCall {
    /// The first of the comparisons that differed, where none since was equal.
    differs_since: Option<BootMs>,
    company_since: Option<BootMs>,
    next_at: BootMs,
    pause_ms: u64,
}

impl Engine {
    /// Of this node's members, itself among them.
    pub(crate) fn roll(&self) -> Roll {
        let own = weight(self.place, self.identity.instance);
        let sum = self.ring.iter().fold(own, |sum, seat| sum.wrapping_add(weight(seat.place, seat.instance)));
        let [high, low, ..] = sum.to_be_bytes();
        Roll([high, low])
    }

    /// Another's sum.
    pub(crate) fn compare_roll(&mut self, peer: &NodeId, theirs: Roll) {
        if theirs == self.roll() {
            self.roll_call.differs_since = None;
            self.roll_call.pause_ms = PAUSE_MS;
            return;
        }
        let now = self.now.boot;
        let since = *self.roll_call.differs_since.get_or_insert(now);
        let is_new = self.roll_call.company_since.is_none_or(|since| now.since_ms(since) < NEW_MS);
        let patience_ms = if is_new { NEW_PATIENCE_MS } else { PATIENCE_MS };
        if now.since_ms(since) >= patience_ms && now >= self.roll_call.next_at {
            self.ask_roll(peer);
        }
    }

    /// Asks a member for all that it knows.
    pub(crate) fn ask_roll(&mut self, peer: &NodeId) {
        if self.ring.get(peer).is_none() {
            return;
        }
        let now = self.now.boot;
        let call = &mut self.roll_call;
        call.company_since.get_or_insert(now);
        call.pause_ms = call.pause_ms.clamp(PAUSE_MS, MAX_PAUSE_MS);
        call.next_at = now.after_ms(call.pause_ms);
        call.pause_ms *= 2;
        self.counters.rolls_asked += 1;
        let members = self.swim.iter_membership_state().cloned().collect();
        self.say(peer, &Message::Roll { members, is_question: true });
    }

    pub(crate) fn take_roll(&mut self, from: &NodeId, told: &[foca::Member<Identity>], is_question: bool) {
        if self.ring.get(from).is_none() || !self.has_room(told.iter()) {
            return;
        }
        let ours = foca::Member::alive(self.identity.clone());
        let is_ours = |told: &foca::Member<Identity>| told.id() == ours.id() && told.state() == ours.state();
        let news: Vec<foca::Member<Identity>> =
            told.iter().filter(|told| !self.is_known(told) && !is_ours(told) && !self.is_doubtful(from, told)).cloned().collect();
        if is_question {
            let theirs: BTreeMap<&NodeId, &foca::Member<Identity>> = told.iter().map(|told| (&told.id().name, told)).collect();
            let is_lacked = |ours: &&foca::Member<Identity>| {
                let id = ours.id();
                id.name != *from && theirs.get(&id.name).is_none_or(|theirs| *theirs != *ours)
            };
            let members: Vec<foca::Member<Identity>> = self.swim.iter_membership_state().filter(is_lacked).cloned().collect();
            self.say(from, &Message::Roll { members, is_question: false });
        }
        if !news.is_empty() {
            self.roll_call.pause_ms = PAUSE_MS;
            let is_passed_on = news.len() <= PASSED_ON;
            self.swim(|swim, effects| {
                effects.has_news = true;
                swim.apply_many(news.into_iter(), is_passed_on, effects)
            });
        }
        self.outlive(told.iter());
    }
}

/// A number that every node computes alike.
fn weight(place: u64, instance: u64) -> u64 {
    // The finalizer of SplitMix64: instances of one node are neighbours, their weights are not.
    let mut mixed = place ^ instance.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
