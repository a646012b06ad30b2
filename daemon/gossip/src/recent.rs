//! Keys that are remembered for a while, and no more than so many.

use crate::key::Key;
use control::clock::BootMs;
use std::collections::{BTreeMap, VecDeque};

/// A bounded memory: the oldest goes first.
#[derive(Debug)]
pub(crate) struct Recent {
    until: BTreeMap<Key, BootMs>,
    order: VecDeque<(BootMs, Key)>,
    for_ms: u64,
    limit: usize,
}

impl Recent {
    pub(crate) fn new(for_ms: u64, limit: usize) -> Self {
        Self { until: BTreeMap::new(), order: VecDeque::new(), for_ms, limit }
    }

    pub(crate) fn add(&mut self, key: Key, now: BootMs) {
        let until = now.after_ms(self.for_ms);
        self.until.insert(key, until);
        self.order.push_back((until, key));
        while self.order.front().is_some_and(|(until, _)| *until <= now) || self.order.len() > self.limit {
            let Some((until, key)) = self.order.pop_front() else { break };
            if self.until.get(&key) == Some(&until) {
                self.until.remove(&key);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.until.remove(&key);
    }

    /// Until when it is remembered, if it still is.
    pub(crate) fn until(&self, key: Key, now: BootMs) -> Option<BootMs> {
        self.until.get(&key).copied().filter(|until| *until > now)
    }

    pub(crate) fn has(&self, key: Key, now: BootMs) -> bool {
        self.until(key, now).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}
