//! The rows of every kind, found by key, each at a place that stays its own while it lives.

use super::row::{Key, Row, Tone};
use super::usage::Usage;
use hashbrown::{DefaultHashBuilder, HashTable};
use objects::Kind;
use std::hash::BuildHasher;

/// Where a row stands in its table. Valid until the row is removed.
pub type Slot = u32;

/// The rows of one kind.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    slots: Vec<Option<Row>>,
    /// The places by the keys of their rows, which are not written down a second time.
    by_key: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    free: Vec<Slot>,
    counts: [usize; 6],
    /// Whether the daemon told us all of them at least once.
    pub is_complete: bool,
}

/// What a change did to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A row is new.
    Added(Slot),
    /// A row differs.
    Replaced(Slot),
    /// A row is gone.
    Removed(Slot),
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The row at a place.
    pub fn get(&self, slot: Slot) -> Option<&Row> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The place of a key.
    pub fn slot(&self, key: &Key) -> Option<Slot> {
        self.by_key.find(self.hasher.hash_one(key), |slot| is_at(&self.slots, *slot, key)).copied()
    }

    /// The row of a key.
    pub fn find(&self, key: &Key) -> Option<&Row> {
        self.get(self.slot(key)?)
    }

    /// Every row with its place.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Row)> {
        self.slots.iter().enumerate().filter_map(|(slot, row)| Some((slot as Slot, row.as_ref()?)))
    }

    /// Every row, to change what it shows; its key and state must stay.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        self.slots.iter_mut().flatten()
    }

    /// Puts a row in, or in the place of the one with the same key.
    pub fn put(&mut self, row: Row) -> Change {
        self.counts[row.tone as usize] += 1;
        if let Some(slot) = self.slot(&row.key) {
            let old = self.slots[slot as usize].replace(row);
            self.uncount(old.as_ref());
            return Change::Replaced(slot);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as Slot
        });
        let hash = self.hasher.hash_one(&row.key);
        self.slots[slot as usize] = Some(row);
        let hash_at = |slot: &Slot| self.slots[*slot as usize].as_ref().map_or(0, |row| self.hasher.hash_one(&row.key));
        self.by_key.insert_unique(hash, slot, hash_at);
        Change::Added(slot)
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &Key) -> Option<Change> {
        let hash = self.hasher.hash_one(key);
        let (slot, _) = self.by_key.find_entry(hash, |slot| is_at(&self.slots, *slot, key)).ok()?.remove();
        let old = self.slots[slot as usize].take();
        self.uncount(old.as_ref());
        self.free.push(slot);
        Some(Change::Removed(slot))
    }

    /// How many rows are in a state.
    pub fn count(&self, tone: Tone) -> usize {
        self.counts[tone as usize]
    }

    fn uncount(&mut self, row: Option<&Row>) {
        if let Some(row) = row {
            self.counts[row.tone as usize] -= 1;
        }
    }

    /// Puts these rows in the place of all there are.
    pub fn replace(&mut self, rows: Vec<Row>) {
        *self = Self { is_complete: true, ..Self::default() };
        self.slots.reserve(rows.len());
        for row in rows {
            self.put(row);
        }
    }
}

fn is_at(slots: &[Option<Row>], slot: Slot, key: &Key) -> bool {
    slots[slot as usize].as_ref().is_some_and(|row| row.key == *key)
}

/// The rows of all kinds.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// By the kind's place in [`Kind::ALL`].
    kinds: [Rows; Kind::ALL.len()],
    images: Rows,
    forwards: Rows,
    shells: Rows,
    /// What nodes, pods and containers use, as far as it was asked for.
    pub usage: Usage,
    /// Counts the changes, so that what was made of rows knows whether it is still right.
    pub revision: u64,
}

impl Store {
    /// The rows of a kind.
    pub fn of(&self, kind: Kind) -> &Rows {
        &self.kinds[kind as usize]
    }

    /// The rows of a kind, to change them.
    pub fn of_mut(&mut self, kind: Kind) -> &mut Rows {
        self.revision += 1;
        &mut self.kinds[kind as usize]
    }

    /// The images of all nodes.
    pub const fn images(&self) -> &Rows {
        &self.images
    }

    /// The port-forwards of this console.
    pub const fn forwards(&self) -> &Rows {
        &self.forwards
    }

    /// These are the port-forwards now.
    pub fn put_forwards(&mut self, rows: Vec<Row>) {
        self.revision += 1;
        self.forwards.replace(rows);
    }

    /// The programs that have a terminal of this console.
    pub const fn shells(&self) -> &Rows {
        &self.shells
    }

    /// These are the programs that have a terminal of this console now.
    pub fn put_shells(&mut self, rows: Vec<Row>) {
        self.revision += 1;
        self.shells.replace(rows);
    }

    /// These are the images of a node now.
    pub fn put_images(&mut self, node: &str, rows: Vec<Row>) {
        self.revision += 1;
        self.images.is_complete = true;
        let gone: Vec<Key> = self.images.iter().map(|(_, row)| &row.key).filter(|key| *key.namespace == *node).cloned().collect();
        for key in &gone {
            self.images.remove(key);
        }
        for row in rows {
            self.images.put(row);
        }
    }

    /// The namespaces there are objects in, in order.
    pub fn namespaces(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = self.of(Kind::Pod).iter().map(|(_, row)| row.key.namespace.clone()).collect();
        names.extend(self.of(Kind::Namespace).iter().map(|(_, row)| row.key.name.clone()));
        names.push("default".into());
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
pub mod tests {
    use super::{Change, Rows};
    use crate::console::model::row::{Cell, Key, Row, Tone};

    /// A row that has nothing but a name.
    pub fn named(name: &str) -> Row {
        Row {
            key: Key { namespace: "default".into(), name: name.into() },
            cells: [Cell::text("default"), Cell::text(name)].into(),
            ..Row::default()
        }
    }

    #[test]
    fn every_kind_has_its_own_rows() {
        let mut store = super::Store::default();
        for (at, kind) in objects::Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            for number in 0..=at {
                store.of_mut(kind).put(named(&number.to_string()));
            }
        }
        let lens: Vec<usize> = objects::Kind::ALL.into_iter().map(|kind| store.of(kind).len()).collect();
        assert_eq!(lens, (1..=objects::Kind::ALL.len()).collect::<Vec<_>>());
    }

    #[test]
    fn many_rows_are_found_while_others_come_and_go() {
        let mut rows = Rows::default();
        for number in 0..2_000 {
            rows.put(named(&number.to_string()));
            if number % 3 == 0 {
                assert!(rows.remove(&named(&(number / 2).to_string()).key).is_some());
            }
        }
        for (slot, row) in rows.iter() {
            assert_eq!(rows.slot(&row.key), Some(slot));
        }
        assert_eq!(rows.iter().count(), rows.len());
        assert!(rows.slot(&named("2000").key).is_none());
    }

    #[test]
    fn a_row_keeps_its_place_and_a_free_place_is_used_again() {
        let mut rows = Rows::default();
        assert_eq!(rows.put(named("a")), Change::Added(0));
        assert_eq!(rows.put(named("b")), Change::Added(1));
        assert_eq!(rows.put(named("a")), Change::Replaced(0));
        assert_eq!(rows.remove(&named("a").key), Some(Change::Removed(0)));
        assert_eq!(rows.remove(&named("a").key), None);
        assert_eq!(rows.put(named("c")), Change::Added(0));
        assert_eq!((rows.len(), rows.count(Tone::Plain), rows.count(Tone::Ok)), (2, 2, 0));
    }
}
