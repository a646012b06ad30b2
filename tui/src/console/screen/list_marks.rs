//! The marked rows of a list.

use super::list::List;
use crate::console::model::row::Key;
use crate::console::model::store::Store;

impl List {
    /// The marked rows, or the one stood on, as keys.
    pub fn chosen(&self, store: &Store) -> Vec<Key> {
        if self.marks.is_empty() {
            return self.current(store).map(|row| row.key.clone()).into_iter().collect();
        }
        self.marks.iter().filter(|key| self.rows(store).find(key).is_some()).cloned().collect()
    }

    /// Marks the row one stands on, or takes its mark away, and goes on to the next; so many rows.
    pub fn mark(&mut self, store: &Store, rows: usize) {
        for _ in 0..rows.min(self.view.slots.len().saturating_sub(self.cursor)) {
            let Some(key) = self.current(store).map(|row| row.key.clone()) else { return };
            if !self.marks.remove(&key) {
                self.marks.insert(key.clone());
            }
            self.marked_last = Some(key);
            self.shift(store, 1);
        }
    }

    /// Marks the rows from the one marked last to the one stood on; without one, the one stood on.
    pub fn mark_range(&mut self, store: &Store) {
        let rows = self.rows(store);
        let keys: Vec<Key> = self.view.slots.iter().filter_map(|slot| Some(rows.get(*slot)?.key.clone())).collect();
        let last = self.marked_last.as_ref().filter(|last| self.marks.contains(*last));
        let from = last.and_then(|last| keys.iter().position(|key| key == last)).unwrap_or(self.cursor);
        let (from, to) = (from.min(self.cursor), from.max(self.cursor));
        self.marked_last = keys.get(self.cursor).cloned();
        self.marks.extend(keys.into_iter().skip(from).take(to + 1 - from));
    }
}
