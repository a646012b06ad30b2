//! Spreading of fresh records: a tree that is drawn anew for every batch, so that each node gets it once and nothing is remembered.
//!
//! ```text
//!   ring by hash:   A  b  c  d  e  f  g  h  i  (A writes)
//!   A -> b until d      b -> c
//!   A -> d until f      d -> e
//!   A -> f until h      f -> g
//!   A -> h until A      h -> i
//! ```
//!
//! Whoever gets a batch hands it on within its range at once, before its own store has merged it. Where a send fails, the range is
//! shared out again without that node.

use crate::engine::Engine;
use crate::key;
use crate::wire::{Message, Named, weight};
use control::clock::BootMs;
use control::version::NodeId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A message holds records up to this size, or one that is larger.
pub(crate) const MESSAGE_BYTES: usize = 256 * 1024;

/// A batch is remembered so long, for the case that its send fails.
const REMEMBER_MS: u64 = 5_000;

/// So much of what was sent is remembered.
const MAX_REMEMBERED: usize = 1_024;

/// A node that could not be reached serves nobody so long.
const CUT_OFF_MS: u64 = 2_000;

#[derive(Debug)]
struct Sent {
    to: NodeId,
    until: u64,
    records: Arc<Vec<Named>>,
    at: BootMs,
}

/// What was sent lately, and who could not be reached.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    sent: VecDeque<Sent>,
    cut_off: BTreeMap<NodeId, BootMs>,
}

impl Spread {
    pub(crate) fn len(&self) -> usize {
        self.sent.len() + self.cut_off.len()
    }

    /// A word of this node came in.
    pub(crate) fn reached(&mut self, name: &NodeId) {
        self.cut_off.remove(name);
    }

    pub(crate) fn expire(&mut self, now: BootMs) {
        while self.sent.len() > MAX_REMEMBERED || self.sent.front().is_some_and(|sent| now.since_ms(sent.at) > REMEMBER_MS) {
            self.sent.pop_front();
        }
        self.cut_off.retain(|_, until| *until > now);
    }
}

/// Splits records into messages' worth.
pub(crate) fn batches(records: Vec<Named>) -> Vec<Vec<Named>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for named in records {
        let more = weight(&named);
        if !batch.is_empty() && bytes + more > MESSAGE_BYTES {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += more;
        batch.push(named);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

impl Engine {
    /// Brings records that were written here to everybody.
    pub(crate) fn spread_all(&mut self, records: Vec<Named>) {
        for batch in batches(records) {
            self.hand_on(self.place, self.place, &Arc::new(batch));
        }
    }

    pub(crate) fn take_push(&mut self, from: &NodeId, until: u64, records: &Arc<Vec<Named>>) {
        self.hand_on(self.place, until, records);
        self.merge(from, records);
    }

    /// Shares a batch out among the members after a place, up to another.
    fn hand_on(&mut self, after: u64, until: u64, records: &Arc<Vec<Named>>) {
        let cut_off = &self.spread.cut_off;
        let errands = self.ring.errands(after, until, |name| cut_off.contains_key(name));
        if errands.is_empty() {
            return;
        }
        for errand in errands {
            self.say(&errand.to, &Message::Push { until: errand.until, records: Arc::clone(records) });
            let (records, at) = (Arc::clone(records), self.now.boot);
            self.spread.sent.push_back(Sent { to: errand.to, until: errand.until, records, at });
        }
        self.spread.expire(self.now.boot);
        self.arm_sweep();
    }

    /// A peer could not be reached: what it was to hand on is handed on without it. It gets the records when it is back.
    pub(crate) fn spread_elsewhere(&mut self, peer: &NodeId) {
        let now = self.now.boot;
        self.spread.cut_off.insert(peer.clone(), now.after_ms(CUT_OFF_MS));
        self.spread.expire(now);
        let sent = std::mem::take(&mut self.spread.sent);
        let (lost, kept): (VecDeque<Sent>, VecDeque<Sent>) = sent.into_iter().partition(|sent| sent.to == *peer);
        self.spread.sent = kept;
        for Sent { until, records, .. } in lost {
            self.hand_on(key::place(peer), until, &records);
        }
        self.arm_sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_BYTES, batches};
    use crate::wire::Named;
    use control::record::{Ancestry, Body, Fate, Part, Record, RecordId, Stamp};
    use control::version::Version;

    fn named(bytes: usize) -> Named {
        let version = Version { wall_ms: 1, counter: 0, node: "a".into() };
        let stamp = Stamp { birth: version.clone(), version, fate: Fate::Live };
        let id = RecordId { object: "pods/a/b".into(), part: Part::Spec };
        (id, Record { stamp, ancestry: Ancestry::default(), body: Body::Json("x".repeat(bytes).into()) })
    }

    #[test]
    fn a_message_is_bounded_and_a_large_record_goes_alone() {
        let sizes = |records: Vec<Named>| batches(records).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
        assert_eq!(sizes(vec![named(10), named(10)]), [2]);
        assert_eq!(sizes(vec![named(10), named(MESSAGE_BYTES * 4), named(10)]), [1, 1, 1]);
        assert_eq!(sizes((0..5).map(|_| named(MESSAGE_BYTES / 2 - 1_000)).collect()), [2, 2, 1]);
    }
}
