//! Coming back after too long: what such a node holds may have been deleted, and the deletion forgotten, so that it has to learn first.
//!
//! ```text
//!   Returning -- reconciled with a settled node, reviewed, pulled --> Settled
//!   Fresh     -- reconciled with a settled node, pulled ------------> Settled
//!   any       -- nobody to be seen for longer than the horizon -----> Returning
//!   either    -- half a minute among members, none of them settled -> Settled   (nobody has forgotten anything meanwhile)
//! ```

use crate::engine::Engine;
use crate::io::Output;
use crate::key::Key;
use crate::standing::Standing;
use control::clock::BootMs;
use control::record::{Part, RecordId, Stamp};
use control::version::NodeId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A settled member makes itself known within that time; where none does, all have been away.
const GRACE_MS: u64 = 30_000;

/// How far this node is from being settled.
#[derive(Debug)]
pub(crate) struct Settling {
    pub(crate) standing: Standing,
    horizon_ms: u64,
    /// Since when nobody is there.
    lonely_since: Option<BootMs>,
    /// Since when only unsettled members are known.
    alone_since: Option<BootMs>,
    /// Reconciled with; what it has is being pulled.
    with: Option<NodeId>,
    /// What the store looks through.
    review: Option<Review>,
}

#[derive(Debug)]
struct Review {
    peer: NodeId,
    session: u32,
    have: Vec<Key>,
}

impl Settling {
    pub(crate) fn new(standing: Standing, now: BootMs, horizon_ms: u64) -> Self {
        Self { standing, horizon_ms, lonely_since: Some(now), alone_since: None, with: None, review: None }
    }
}

impl Engine {
    /// A member has come. Where nobody was for longer than deletions are remembered, the others may have forgotten some by now.
    pub(crate) fn note_company(&mut self) {
        let lonely_ms = self.settling.lonely_since.take().map_or(0, |since| self.now.boot.since_ms(since));
        if lonely_ms > self.settling.horizon_ms && self.index.len() > 0 {
            self.settling =
                Settling { lonely_since: None, ..Settling::new(Standing::Returning, self.now.boot, self.settling.horizon_ms) };
        }
    }

    /// A member has gone.
    pub(crate) fn note_parting(&mut self) {
        if self.ring.len() == 0 {
            self.settling.lonely_since = Some(self.now.boot);
        }
    }

    /// What a member says of its own standing.
    pub(crate) fn note_standing(&mut self, theirs: Standing) {
        if self.settling.standing == Standing::Settled {
            return;
        }
        if theirs == Standing::Settled {
            self.settling.alone_since = None;
            return;
        }
        let now = self.now.boot;
        let since = *self.settling.alone_since.get_or_insert(now);
        if now.since_ms(since) >= GRACE_MS {
            self.settle();
        }
    }

    /// What this returning node has and a settled one does not know: the store looks which of it was deleted meanwhile. What is known
    /// there at another version needs no review: it is merged as always.
    pub(crate) fn review(&mut self, peer: &NodeId, session: u32, have: Vec<Key>, need: &[Key]) {
        let known_there: BTreeSet<u64> = need.iter().map(|key| key.id()).collect();
        let lacked: BTreeSet<RecordId> = have
            .iter()
            .filter(|key| !known_there.contains(&key.id()))
            .filter_map(|key| Some(self.index.named(*key)?.id.clone()))
            .collect();
        let is_lacked = |id: &RecordId| {
            let spec = RecordId { object: Arc::clone(&id.object), part: Part::Spec };
            lacked.contains(&spec) || !self.index.holds(&spec)
        };
        let records: Vec<(RecordId, Stamp)> = have
            .iter()
            .filter_map(|key| self.index.named(*key))
            .filter(|held| lacked.contains(&held.id) && is_lacked(&held.id))
            .map(|held| (held.id.clone(), held.stamp.clone()))
            .collect();
        self.settling.review = Some(Review { peer: peer.clone(), session, have });
        if records.is_empty() {
            self.finish_review(&[]);
        } else {
            self.out.push(Output::Review { records });
        }
    }

    /// The store has dropped what was deleted; the rest is news to the others.
    pub(crate) fn finish_review(&mut self, dropped: &[(RecordId, Stamp)]) {
        for (id, stamp) in dropped {
            self.index.remove(id, stamp);
        }
        let Some(Review { peer, session, have }) = self.settling.review.take() else { return };
        let have: Vec<Key> = have.into_iter().filter(|key| self.index.has(*key)).collect();
        self.tell_have(&peer, session, &have);
        self.check_settled();
    }

    /// A reconciliation has ended: once everything that it found is here, this node is settled if the peer is.
    pub(crate) fn settle_with(&mut self, peer: &NodeId, standing: Standing) {
        if self.settling.standing != Standing::Settled && standing == Standing::Settled {
            self.settling.with = Some(peer.clone());
            self.check_settled();
        }
    }

    pub(crate) fn check_settled(&mut self) {
        let is_pulled = self.settling.with.as_ref().is_some_and(|peer| self.pulls.is_done_with(peer));
        if is_pulled && self.settling.review.is_none() {
            self.settle();
        }
    }

    pub(crate) fn settle(&mut self) {
        if self.settling.standing != Standing::Settled {
            let lonely_since = self.settling.lonely_since;
            self.settling =
                Settling { lonely_since, ..Settling::new(Standing::Settled, self.now.boot, self.settling.horizon_ms) };
            self.out.push(Output::Settled);
        }
    }
}
