//! Coming back after too long: what such a node holds may have been deleted, and the deletion forgotten, so that it has to learn first.
//!
//! ```text
//!   Returning -- reconciled with a settled node, reviewed, pulled --> Settled
//!   Fresh     -- reconciled with a settled node, pulled ------------> Settled
//!   any       -- no contact with anybody for longer than the horizon -> Returning
//!   either    -- half a minute among members, none of them settled -> Settled   (nobody has forgotten anything meanwhile)
//! ```

use crate::engine::Engine;
use crate::index::Digest;
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
    /// When records last passed to or from anybody; the start counts as one.
    pub(crate) contact: BootMs,
    /// What this node held when somebody was last heard to hold the same.
    shared: Option<Digest>,
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
        Self { standing, horizon_ms, contact: now, shared: None, alone_since: None, with: None, review: None }
    }
}

impl Engine {
    /// A message of a member has come. Where none did for longer than deletions are remembered, the others may have forgotten some by now.
    pub(crate) fn note_contact(&mut self, from: &NodeId) {
        if self.ring.get(from).is_some() {
            self.note_company();
            self.touch();
        }
    }

    /// A member has come, or has something to say of its records.
    pub(crate) fn note_company(&mut self) {
        let apart_ms = self.now.boot.since_ms(self.settling.contact);
        // One that has not settled yet may be cut off as well, and what it has learnt by then is as old.
        if apart_ms > self.settling.horizon_ms && self.index.len() > 0 && self.settling.standing != Standing::Returning {
            self.settling = self.settling_as(Standing::Returning);
        }
    }

    /// Records pass. Whoever returns has not heard all yet, and what it holds stays as old as it was; a fresh one held nothing before.
    pub(crate) fn touch(&mut self) {
        if self.settling.standing != Standing::Returning {
            self.settling.contact = self.now.boot;
        }
    }

    /// A member holds the same.
    pub(crate) fn note_equal(&mut self) {
        self.settling.shared = Some(self.index.digest());
        self.touch();
    }

    /// A member lives: that is contact for as long as there is nothing here that it might lack.
    pub(crate) fn note_life(&mut self) {
        if self.settling.shared == Some(self.index.digest()) {
            self.touch();
        }
    }

    fn settling_as(&self, standing: Standing) -> Settling {
        let Settling { horizon_ms, contact, .. } = self.settling;
        Settling { contact, ..Settling::new(standing, self.now.boot, horizon_ms) }
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

    /// What was to come of a peer does not: this node is not settled by it, and the next comparison begins anew.
    pub(crate) fn unsettle(&mut self, peer: &NodeId) {
        if self.settling.with.as_ref() == Some(peer) && !self.is_pulled(peer) {
            self.settling.with = None;
            self.rounds.forgive(peer);
        }
    }

    pub(crate) fn check_settled(&mut self) {
        let Some(peer) = self.settling.with.clone() else { return };
        if self.is_pulled(&peer) && self.settling.review.is_none() {
            self.settle();
        }
    }

    pub(crate) fn settle(&mut self) {
        if self.settling.standing != Standing::Settled {
            self.settling = self.settling_as(Standing::Settled);
            self.touch();
            self.out.push(Output::Settled);
        }
    }
}
