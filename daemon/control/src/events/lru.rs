//! A map that forgets what was not used for the longest time.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Lru<K, V> {
    limit: usize,
    next_use: u64,
    entries: HashMap<K, (u64, V)>,
    by_use: BTreeMap<u64, K>,
}

impl<K: Clone + Eq + Hash, V> Lru<K, V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, next_use: 0, entries: HashMap::new(), by_use: BTreeMap::new() }
    }

    /// Takes an entry out.
    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        let (used, value) = self.entries.remove(key)?;
        self.by_use.remove(&used);
        Some(value)
    }

    /// Puts an entry in, as the one used last.
    pub(super) fn put(&mut self, key: K, value: V) {
        self.take(&key);
        self.by_use.insert(self.next_use, key.clone());
        self.entries.insert(key, (self.next_use, value));
        self.next_use += 1;
        if self.entries.len() > self.limit
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lru;

    #[test]
    fn the_one_used_longest_ago_is_forgotten() {
        let mut lru = Lru::new(2);
        lru.put('a', 1);
        lru.put('b', 2);
        let a = lru.take(&'a').expect("it is there");
        lru.put('a', a + 1);
        lru.put('c', 3);
        assert_eq!((lru.take(&'a'), lru.take(&'b'), lru.take(&'c')), (Some(2), None, Some(3)));
        assert!(lru.by_use.is_empty() && lru.entries.is_empty());
    }
}
