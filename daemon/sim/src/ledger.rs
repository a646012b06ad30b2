//! What clients were promised: the writes that nodes acknowledged, and whether the cluster keeps them.

use crate::world::World;
use control::record::{Fate, RecordId, Stamp};
use control::version::Version;
use gossip::Named;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
struct Promise {
    node: usize,
    id: RecordId,
    stamp: Stamp,
}

/// All acknowledged writes, but for those of disks that were lost.
#[derive(Debug, Default)]
pub struct Ledger {
    promises: Vec<Promise>,
    /// Every object's greatest birth that somebody deleted, promised or not.
    deleted: BTreeMap<Arc<str>, Version>,
    /// Deletions of what was born after this may be undone by a node that was away too long: it cannot tell such an object from one
    /// that never reached the others.
    doubtful_since_ms: Option<u64>,
}

impl Ledger {
    /// A node acknowledged a write.
    pub fn promise(&mut self, node: usize, (id, record): &Named) {
        if record.is_tombstone() {
            let birth = self.deleted.entry(Arc::clone(&id.object)).or_insert_with(|| record.stamp.birth.clone());
            if *birth < record.stamp.birth {
                *birth = record.stamp.birth.clone();
            }
        }
        self.promises.push(Promise { node, id: id.clone(), stamp: record.stamp.clone() });
    }

    /// A disk is gone, and what was promised on it.
    pub fn release(&mut self, node: usize) {
        self.promises.retain(|promise| promise.node != node);
    }

    /// A node went away for long when its clock was so far.
    pub fn doubt(&mut self, since_ms: u64) {
        self.doubtful_since_ms = Some(self.doubtful_since_ms.map_or(since_ms, |before| before.min(since_ms)));
    }

    /// Whether an object that was born then may live again.
    #[must_use]
    pub fn is_doubtful(&self, birth: &Version) -> bool {
        self.doubtful_since_ms.is_some_and(|since_ms| birth.wall_ms >= since_ms)
    }

    /// Whether a node shows everything that was promised.
    ///
    /// # Errors
    /// What it does not.
    pub fn check(&self, world: &World, index: usize) -> Result<(), String> {
        for Promise { id, stamp, node } in &self.promises {
            let entry = world.nodes[index].replica.entry(&id.object);
            let spec = entry.and_then(|entry| entry.spec.as_ref());
            if stamp.fate == Fate::Gone {
                if !self.is_doubtful(&stamp.birth)
                    && spec.is_some_and(|spec| !spec.is_tombstone() && spec.stamp.birth <= stamp.birth)
                {
                    return Err(format!("{id} was deleted by node{node} at {stamp:?} and lives on node{index}"));
                }
                continue;
            }
            let is_deleted = self.deleted.get(&id.object).is_some_and(|birth| *birth >= stamp.birth);
            let is_gone = spec.is_none_or(|spec| spec.is_tombstone() || spec.stamp.birth > stamp.birth);
            let is_kept = entry.and_then(|entry| entry.get(id.part)).is_some_and(|now| now.stamp.rank(id.part, stamp).is_ge());
            let is_replaced = spec.is_some_and(|spec| spec.stamp.birth > stamp.birth);
            let is_undone = is_deleted && self.is_doubtful(&stamp.birth);
            if !(is_kept || is_replaced || is_gone && is_deleted || is_undone) {
                return Err(format!("{id} was written on node{node} at {stamp:?} and node{index} has {entry:?}"));
            }
        }
        Ok(())
    }
}
