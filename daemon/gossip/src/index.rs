//! Which records this node holds, and at which versions: what is compared with other nodes. The records themselves stay in the store.

use crate::key::{self, Key};
use control::record::{Fate, Part, RecordId, Stamp};
use negentropy::NegentropyStorageVector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A set of records in a few bytes: equal sets have equal digests, and no two sets are likely to share one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    count: u64,
    sum: [u8; 8],
}

/// One record that is held.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: RecordId,
    pub(crate) stamp: Stamp,
    pub(crate) key: Key,
}

/// All records that this node holds.
#[derive(Debug, Default)]
pub(crate) struct Index {
    records: BTreeMap<u64, Held>,
    sum: u64,
}

impl Index {
    /// Of all that a store holds.
    pub(crate) fn of(records: &[(RecordId, Stamp)]) -> Self {
        let mut index = Self::default();
        for (id, stamp) in records {
            index.set(id, stamp);
        }
        index
    }

    /// Takes note of a record. `None` where it, or a greater one of its name, was noted already. As in the store, a specification that
    /// follows another or deletes its object takes the binding and status of before with it.
    pub(crate) fn set(&mut self, id: &RecordId, stamp: &Stamp) -> Option<Key> {
        let key = Key::of(id, stamp);
        let before = self.records.get(&key.id());
        if before.is_some_and(|held| held.id == *id && held.stamp.rank(id.part, stamp).is_ge()) {
            return None;
        }
        if id.part == Part::Spec {
            self.forget_the_past(id, stamp);
        } else if self.part(id, Part::Spec).is_some_and(|spec| is_past(stamp, &spec.stamp)) {
            return None;
        }
        let before = self.records.get(&key.id());
        let before = before.map_or(0, |held| held.key.stamp());
        self.sum = self.sum.wrapping_sub(before).wrapping_add(key.stamp());
        self.records.insert(key.id(), Held { id: id.clone(), stamp: stamp.clone(), key });
        Some(key)
    }

    fn forget_the_past(&mut self, id: &RecordId, spec: &Stamp) {
        for part in [Part::Binding, Part::Status] {
            let past = self.part(id, part).filter(|held| is_past(&held.stamp, spec)).cloned();
            if let Some(past) = past {
                self.remove(&past.id, &past.stamp);
            }
        }
    }

    /// Another part of a record's object.
    fn part(&self, id: &RecordId, part: Part) -> Option<&Held> {
        let id = RecordId { object: Arc::clone(&id.object), part };
        self.records.get(&key::name(&id)).filter(|held| held.id == id)
    }

    /// Forgets a record at exactly this stamp; a later one of its name stays.
    pub(crate) fn remove(&mut self, id: &RecordId, stamp: &Stamp) {
        let key = Key::of(id, stamp);
        if self.has(key) {
            self.records.remove(&key.id());
            self.sum = self.sum.wrapping_sub(key.stamp());
        }
    }

    /// Whether this very version is held.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.records.get(&key.id()).is_some_and(|held| held.key == key)
    }

    /// What is held of the name in a key, whichever version.
    pub(crate) fn named(&self, key: Key) -> Option<&Held> {
        self.records.get(&key.id())
    }

    /// Whether a record of this name is held.
    pub(crate) fn holds(&self, id: &RecordId) -> bool {
        self.records.get(&key::name(id)).is_some_and(|held| held.id == *id)
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest { count: self.records.len() as u64, sum: self.sum.to_be_bytes() }
    }

    /// The set as negentropy wants it: ordered by time, so that what differs lately lies together.
    pub(crate) fn snapshot(&self) -> Result<NegentropyStorageVector, negentropy::Error> {
        let mut items = NegentropyStorageVector::with_capacity(self.records.len());
        for held in self.records.values() {
            items.insert(held.stamp.version.wall_ms, held.key.to_item())?;
        }
        items.seal()?;
        Ok(items)
    }
}

/// Whether a binding or status belongs to an object that its specification says is gone, or was followed by another.
fn is_past(stamp: &Stamp, spec: &Stamp) -> bool {
    stamp.birth < spec.birth || spec.fate == Fate::Gone && stamp.birth == spec.birth
}

#[cfg(test)]
mod tests {
    use super::Index;
    use control::record::{Fate, Part, RecordId, Stamp};
    use control::version::Version;

    fn named(object: &str) -> RecordId {
        RecordId { object: object.into(), part: Part::Spec }
    }

    fn at(wall_ms: u64) -> Stamp {
        let version = |wall_ms| Version { wall_ms, counter: 0, node: "a".into() };
        Stamp { birth: version(1), version: version(wall_ms), fate: Fate::Live }
    }

    #[test]
    fn equal_sets_have_equal_digests_whatever_the_way() {
        let (mut one, mut other) = (Index::default(), Index::default());
        for (object, wall_ms) in [("pods/a/x", 1), ("pods/a/y", 2), ("pods/a/x", 3)] {
            one.set(&named(object), &at(wall_ms));
        }
        other.set(&named("pods/a/x"), &at(3));
        assert_ne!(one.digest(), other.digest());
        other.set(&named("pods/a/y"), &at(2));
        other.set(&named("pods/a/z"), &at(9));
        other.remove(&named("pods/a/z"), &at(9));
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn an_older_version_changes_nothing() {
        let mut index = Index::default();
        assert!(index.set(&named("pods/a/x"), &at(5)).is_some());
        let digest = index.digest();
        assert!(index.set(&named("pods/a/x"), &at(4)).is_none());
        index.remove(&named("pods/a/x"), &at(4));
        assert_eq!(index.digest(), digest);
        assert_eq!(index.len(), 1);
    }
}
