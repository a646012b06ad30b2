//! A node's store in the simulation: the real merge and clock over a map, with a disk that may lag or be lost.

use control::entry::{Entry, Merged as Took};
use control::record::{Ancestry, Body, Fate, Part, Record, RecordId, Stamp};
use control::version::{HybridClock, NodeId, Version};
use gossip::{Merged, Named, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A fault to plant, so that the properties are seen to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// None.
    #[default]
    None,
    /// Of two versions the replica keeps the smaller.
    WrongWayRound,
}

/// The records of one node.
#[derive(Debug)]
pub struct Replica {
    clock: HybridClock,
    entries: BTreeMap<Arc<str>, Entry>,
    disk: BTreeMap<Arc<str>, Entry>,
    dirty: BTreeSet<Arc<str>>,
    horizon_ms: u64,
    fault: Fault,
}

/// Replicas drop expired tombstones at the same moments, so that they go on holding the same set.
const ALIGN_MS: u64 = 1_000;

impl Replica {
    /// An empty one that remembers deletions for so long.
    #[must_use]
    pub fn new(node: NodeId, horizon_ms: u64, fault: Fault) -> Self {
        let clock = HybridClock::new(node);
        Self { clock, entries: BTreeMap::new(), disk: BTreeMap::new(), dirty: BTreeSet::new(), horizon_ms, fault }
    }

    /// What is left of it after a crash: what had come to disk.
    #[must_use]
    pub fn after_crash(self, node: NodeId) -> Self {
        let mut clock = HybridClock::new(node);
        for record in self.disk.values().flat_map(|entry| entry.records().map(|(_, record)| record)) {
            clock.restore(&record.stamp.version);
        }
        Self { clock, entries: self.disk.clone(), dirty: BTreeSet::new(), ..self }
    }

    /// All names and stamps.
    #[must_use]
    pub fn stamps(&self) -> Vec<(RecordId, Stamp)> {
        let named = |(object, entry): (&Arc<str>, &Entry)| {
            let object = Arc::clone(object);
            let stamps = entry.records().map(move |(part, record)| (id(&object, part), record.stamp.clone()));
            stamps.collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(named).collect()
    }

    /// An object's records.
    #[must_use]
    pub fn entry(&self, object: &str) -> Option<&Entry> {
        self.entries.get(object)
    }

    /// All of them.
    pub fn entries(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.entries.iter()
    }

    /// What had come to disk.
    #[must_use]
    pub fn on_disk(&self, object: &str) -> Option<&Entry> {
        self.disk.get(object)
    }

    /// Writes a specification: creates the object or changes it. On disk at once.
    pub fn put(&mut self, object: &Arc<str>, json: &str, now_ms: u64) -> Named {
        let version = self.clock.tick(now_ms);
        let live = self.entries.get(object).and_then(|entry| entry.spec.as_ref()).filter(|spec| !spec.is_tombstone());
        let (birth, ancestry) = match live {
            Some(spec) => (spec.stamp.birth.clone(), spec.ancestry.with(&version)),
            None => (version.clone(), Ancestry::default().with(&version)),
        };
        let body = Body::Json(json.into());
        let stamp = Stamp { birth, version, fate: Fate::of(&body) };
        self.write(object, Part::Spec, Record { stamp, ancestry, body })
    }

    /// Deletes an object, if it lives.
    pub fn delete(&mut self, object: &Arc<str>, now_ms: u64) -> Option<Named> {
        let spec = self.entries.get(object)?.spec.as_ref().filter(|spec| !spec.is_tombstone())?;
        let (birth, ancestry) = (spec.stamp.birth.clone(), spec.ancestry.clone());
        let version = self.clock.tick(now_ms);
        let ancestry = ancestry.with(&version);
        let stamp = Stamp { birth, version, fate: Fate::Gone };
        Some(self.write(object, Part::Spec, Record { stamp, ancestry, body: Body::Tombstone }))
    }

    /// Writes a binding or status of an object that lives.
    pub fn put_part(&mut self, object: &Arc<str>, part: Part, json: &str, now_ms: u64) -> Option<Named> {
        let spec = self.entries.get(object)?.spec.as_ref().filter(|spec| !spec.is_tombstone())?;
        let birth = spec.stamp.birth.clone();
        let stamp = Stamp { birth, version: self.clock.tick(now_ms), fate: Fate::Live };
        Some(self.write(object, part, Record { stamp, ancestry: Ancestry::default(), body: Body::Json(json.into()) }))
    }

    fn write(&mut self, object: &Arc<str>, part: Part, record: Record) -> Named {
        let entry = self.entries.entry(Arc::clone(object)).or_default();
        entry.merge(part, record.clone());
        self.disk.insert(Arc::clone(object), entry.clone());
        self.dirty.remove(object);
        (id(object, part), record)
    }

    /// Takes in records of another node, and says what became of each and of what they pushed out.
    pub fn merge(&mut self, records: &[Named], now_ms: u64) -> Vec<Merged> {
        let mut merged = Vec::new();
        for (id, record) in records {
            let outcome = if self.clock.observe(now_ms, &record.stamp.version).is_err() || self.has_expired(id, record, now_ms) {
                Outcome::Refused
            } else {
                self.merge_one(id, record, &mut merged)
            };
            merged.push(Merged { id: id.clone(), stamp: record.stamp.clone(), outcome });
        }
        merged
    }

    fn merge_one(&mut self, id: &RecordId, record: &Record, merged: &mut Vec<Merged>) -> Outcome {
        let entry = self.entries.entry(Arc::clone(&id.object)).or_default();
        let before = entry.clone();
        if self.fault == Fault::WrongWayRound {
            let is_smaller =
                |known: &Record| known.stamp.birth == record.stamp.birth && known.stamp.version > record.stamp.version;
            match id.part {
                Part::Spec if entry.spec.as_ref().is_some_and(is_smaller) => entry.spec = None,
                _ => {}
            }
        }
        let outcome = match entry.merge(id.part, record.clone()) {
            Took::Kept { .. } => Outcome::Kept,
            Took::Known => Outcome::Known,
        };
        for (part, gone) in before.records().filter(|(part, _)| *part != id.part && entry.get(*part).is_none()) {
            let id = RecordId { object: Arc::clone(&id.object), part };
            merged.push(Merged { id, stamp: gone.stamp.clone(), outcome: Outcome::Gone });
        }
        self.dirty.insert(Arc::clone(&id.object));
        outcome
    }

    /// A tombstone of an object that is not here, and that everybody has forgotten: it would only come and go.
    fn has_expired(&self, id: &RecordId, record: &Record, now_ms: u64) -> bool {
        record.is_tombstone() && self.is_past(&record.stamp.version, now_ms) && !self.entries.contains_key(&id.object)
    }

    fn is_past(&self, version: &Version, now_ms: u64) -> bool {
        version.wall_ms < (now_ms / ALIGN_MS * ALIGN_MS).saturating_sub(self.horizon_ms)
    }

    /// Forgets the deletions that are older than the horizon.
    pub fn purge(&mut self, now_ms: u64) -> Vec<(RecordId, Stamp)> {
        let is_past = |entry: &Entry| {
            let spec = entry.spec.as_ref().filter(|spec| spec.is_tombstone());
            spec.is_some_and(|spec| self.is_past(&spec.stamp.version, now_ms))
        };
        let past: Vec<Arc<str>> =
            self.entries.iter().filter(|(_, entry)| is_past(entry)).map(|(object, _)| Arc::clone(object)).collect();
        past.iter().flat_map(|object| self.drop_object(object)).collect()
    }

    /// Drops an object without a trace.
    pub fn drop_object(&mut self, object: &Arc<str>) -> Vec<(RecordId, Stamp)> {
        self.disk.remove(object);
        self.dirty.remove(object);
        let entry = self.entries.remove(object).unwrap_or_default();
        entry.records().map(|(part, record)| (id(object, part), record.stamp.clone())).collect()
    }

    /// What was merged lately comes to disk.
    pub fn flush(&mut self) {
        for object in std::mem::take(&mut self.dirty) {
            if let Some(entry) = self.entries.get(&object) {
                self.disk.insert(object, entry.clone());
            }
        }
    }

    /// Reads records until they are more than so many bytes: how many names were looked at, and what there is.
    #[must_use]
    pub fn read(&self, ids: &[RecordId], max_bytes: usize) -> (usize, Vec<Named>) {
        let (mut bytes, mut read, mut records) = (0, 0, Vec::new());
        for id in ids {
            read += 1;
            if let Some(record) = self.entries.get(&id.object).and_then(|entry| entry.get(id.part)) {
                bytes += record.json().map_or(64, |json| json.len());
                records.push((id.clone(), record.clone()));
            }
            if bytes > max_bytes {
                break;
            }
        }
        (read, records)
    }
}

fn id(object: &Arc<str>, part: Part) -> RecordId {
    RecordId { object: Arc::clone(object), part }
}
