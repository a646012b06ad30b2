//! What waits to be asked for, by when it may be: a fresh node hears of everything from several peers at once, so that most of what waits
//! for one of them is under way from another.

use crate::key::Key;
use control::clock::BootMs;
use std::collections::BTreeMap;

/// Ordered by time, and then as it was put in.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    keys: BTreeMap<(BootMs, u64), Key>,
    put: u64,
}

impl Queue {
    /// Adds a key that is not to be taken before a time.
    pub(crate) fn put(&mut self, due: BootMs, key: Key) {
        self.put += 1;
        self.keys.insert((due, self.put), key);
    }

    /// Adds a key that is to be taken before all that has a time.
    pub(crate) fn put_first(&mut self, key: Key) {
        self.put(BootMs(0), key);
    }

    /// The next key whose time has come.
    pub(crate) fn take(&mut self, now: BootMs) -> Option<Key> {
        self.next_due().filter(|due| *due <= now)?;
        self.keys.pop_first().map(|(_, key)| key)
    }

    /// Drops those at the beginning that are not wanted any more.
    pub(crate) fn skip(&mut self, is_over: impl Fn(Key) -> bool) {
        while let Some(first) = self.keys.first_entry().filter(|first| is_over(*first.get())) {
            first.remove();
        }
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<BootMs> {
        self.keys.first_key_value().map(|((due, _), _)| *due)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::key::Key;
    use control::clock::BootMs;
    use control::record::{Fate, Part, RecordId, Stamp};
    use control::version::Version;

    fn key(wall_ms: u64) -> Key {
        let version = Version { wall_ms, counter: 0, node: "a".into() };
        let stamp = Stamp { birth: version.clone(), version, fate: Fate::Live };
        Key::of(&RecordId { object: "pods/a/x".into(), part: Part::Spec }, &stamp)
    }

    #[test]
    fn what_is_due_does_not_wait_behind_what_came_before_and_is_due_later() {
        let mut queue = Queue::default();
        queue.put(BootMs(1_000), key(1));
        queue.put(BootMs(500), key(2));
        queue.put(BootMs(500), key(3));
        assert_eq!(queue.take(BootMs(499)), None);
        assert_eq!(queue.next_due(), Some(BootMs(500)));
        queue.put_first(key(4));
        queue.put_first(key(5));
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(BootMs(600))).collect();
        assert_eq!(taken, [key(4), key(5), key(2), key(3)]);
        assert_eq!((queue.next_due(), queue.len()), (Some(BootMs(1_000)), 1));
    }
}
