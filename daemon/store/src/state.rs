//! What readers see: every object, its records, and the newest changes of both.

use crate::bearings::wall_ms;
use crate::name::Name;
use crate::records::{Origin, RecordChange, RecordRing};
use crate::ring::Ring;
use crate::{Change, ChangeKind, Key, Object, ResourceVersion, Settings};
use control::entry::Entry;
use control::record::{Part, Record, RecordId, Stamp};
use objects::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A name's records and the object made of them.
#[derive(Debug)]
pub struct Slot {
    pub entry: Entry,
    /// None where it was deleted, where its specification is still to come, and of kinds that we do not know.
    pub object: Option<Arc<Object>>,
    /// What it is called in records.
    id: Arc<str>,
}

/// What is to be shown of a name.
#[derive(Debug)]
pub struct Shown {
    pub name: Name,
    /// Its records; `None` leaves no trace.
    pub entry: Option<Entry>,
    /// What watchers are to be told: the object, or the last state of one that is gone. `None` where it is as it was.
    pub object: Option<Arc<Object>>,
    pub origin: Origin,
}

#[derive(Debug)]
pub struct State {
    slots: BTreeMap<Name, Slot>,
    pub ring: Ring,
    pub records: RecordRing,
    /// The newest version.
    pub version: ResourceVersion,
}

impl State {
    pub fn new(version: ResourceVersion, settings: &Settings) -> Self {
        let (ring, records) = (Ring::new(version, settings), RecordRing::new(settings.ring_records));
        Self { slots: BTreeMap::new(), ring, records, version }
    }

    /// Puts in what was on disk, without a change to tell of.
    pub fn load(&mut self, name: Name, entry: Entry, object: Option<Arc<Object>>) {
        let id = name.to_object();
        self.slots.insert(name, Slot { entry, object, id });
    }

    pub fn slot(&self, name: &Name) -> Option<&Slot> {
        self.slots.get(name)
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.slots.get(&Name::from(key))?.object.as_ref()
    }

    /// Every object of a kind, by namespace and name.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let first = Name::Known(Key::new(kind, namespace.unwrap_or_default(), ""));
        let is_in = |name: &Name| {
            name.key().is_some_and(|key| key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace))
        };
        self.slots.range(first..).take_while(|(name, _)| is_in(name)).filter_map(|(_, slot)| slot.object.clone()).collect()
    }

    /// Every name and its slot.
    pub fn slots(&self) -> impl Iterator<Item = (&Name, &Slot)> {
        self.slots.iter()
    }

    /// One record.
    pub fn record(&self, id: &RecordId) -> Option<&Record> {
        self.slots.get(&Name::parse(&id.object).ok()?)?.entry.get(id.part)
    }

    /// Every record's name and stamp.
    pub fn stamps(&self) -> Vec<(RecordId, Stamp)> {
        let of = |slot: &Slot| -> Vec<_> {
            let id = |part| RecordId { object: slot.id.clone(), part };
            slot.entry.records().map(|(part, record)| (id(part), record.stamp.clone())).collect()
        };
        self.slots.values().flat_map(of).collect()
    }

    /// Shows a change that was made.
    pub fn show(&mut self, shown: Shown) {
        let Shown { name, entry, object, origin } = shown;
        let is_live = entry.as_ref().is_some_and(Entry::is_live);
        let before = self.slots.remove(&name);
        let id = before.as_ref().map_or_else(|| name.to_object(), |slot| slot.id.clone());
        for part in Part::ALL {
            let of = |entry: Option<&Entry>| entry.and_then(|entry| entry.get(part)).map(|record| record.stamp.clone());
            let (old, new) = (of(before.as_ref().map(|slot| &slot.entry)), of(entry.as_ref()));
            if old != new {
                self.records.push(RecordChange { id: RecordId { object: id.clone(), part }, before: old, stamp: new, origin });
            }
        }
        let previous = before.and_then(|slot| slot.object);
        if let Some(object) = object.clone() {
            self.version = object.resource_version;
            let kind = match (&previous, is_live) {
                (_, false) => ChangeKind::Deleted,
                (None, true) => ChangeKind::Added,
                (Some(_), true) => ChangeKind::Modified,
            };
            self.ring.push(Change { kind, object, at_ms: wall_ms(), before: previous.clone() });
        }
        if let Some(entry) = entry {
            let object = object.or(previous).filter(|_| is_live);
            self.slots.insert(name, Slot { entry, object, id });
        }
    }
}
