//! What readers see: every object, and the newest changes.

use crate::ring::Ring;
use crate::{Change, ChangeKind, Key, Object, ResourceVersion, Settings};
use control::entry::Entry;
use objects::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A key's records and the object made of them; no object where it was deleted.
#[derive(Debug)]
pub struct Slot {
    pub entry: Entry,
    pub object: Option<Arc<Object>>,
}

#[derive(Debug)]
pub struct State {
    slots: BTreeMap<Key, Slot>,
    pub ring: Ring,
    /// The newest version.
    pub version: ResourceVersion,
}

impl State {
    pub fn new(version: ResourceVersion, settings: &Settings) -> Self {
        Self { slots: BTreeMap::new(), ring: Ring::new(version, settings), version }
    }

    /// Puts in what was on disk, without a change to tell of.
    pub fn load(&mut self, key: Key, entry: Entry, object: Option<Arc<Object>>) {
        self.slots.insert(key, Slot { entry, object });
    }

    pub fn slot(&self, key: &Key) -> Option<&Slot> {
        self.slots.get(key)
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.slots.get(key)?.object.as_ref()
    }

    /// Every object of a kind, by namespace and name.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let first = Key::new(kind, namespace.unwrap_or_default(), "");
        let is_in = |key: &Key| key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace);
        self.slots.range(first..).take_while(|(key, _)| is_in(key)).filter_map(|(_, slot)| slot.object.clone()).collect()
    }

    /// Every key and its slot.
    pub fn slots(&self) -> impl Iterator<Item = (&Key, &Slot)> {
        self.slots.iter()
    }

    /// Shows a change that was made.
    pub fn show(&mut self, key: &Key, entry: Option<Entry>, object: Arc<Object>) {
        self.version = object.resource_version;
        let is_live = entry.as_ref().is_some_and(Entry::is_live);
        let previous = self.get(key).cloned();
        let kind = match (&previous, is_live) {
            (_, false) => ChangeKind::Deleted,
            (None, true) => ChangeKind::Added,
            (Some(_), true) => ChangeKind::Modified,
        };
        match entry {
            Some(entry) => {
                let shown = is_live.then(|| object.clone());
                self.slots.insert(key.clone(), Slot { entry, object: shown });
            }
            None => {
                self.slots.remove(key);
            }
        }
        self.ring.push(Change { kind, object, before: previous });
    }

    /// Forgets tombstones.
    pub fn forget<'k>(&mut self, keys: impl Iterator<Item = &'k Key>) {
        for key in keys {
            self.slots.remove(key);
        }
    }
}
