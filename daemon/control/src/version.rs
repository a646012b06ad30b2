//! Versions of records: a hybrid logical clock, so that writes made on different nodes have one order everywhere.
//!
//! After Kulkarni et al., "Logical Physical Clocks" (2014): wall time first, then a counter for what happens within a
//! millisecond or while the wall clock stands behind, then the node, so that no two versions are equal.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A clock that runs further ahead than this is refused: it would pin every record that it wrote until its time has come.
pub const MAX_AHEAD_MS: u64 = 60_000;

/// The name of a node, as the cluster knows it. Cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a record was written, and by whom. Versions are totally ordered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Milliseconds since 1970 on the writer's clock, or the greatest that it had seen.
    pub wall_ms: u64,
    /// Tells apart what has the same time.
    pub counter: u32,
    /// The writer.
    pub node: NodeId,
}

impl Version {
    /// Before all others: of what every replica makes by itself and alike.
    #[must_use]
    pub fn established() -> Self {
        Self { wall_ms: 0, counter: 0, node: NodeId::from("cluster") }
    }

    /// The least version of a node that is greater.
    fn topped_by(&self, node: &NodeId) -> Self {
        let (wall_ms, counter) = match self.counter.checked_add(1) {
            Some(next) => (self.wall_ms, next),
            None => (self.wall_ms.saturating_add(1), 0),
        };
        Self { wall_ms, counter, node: node.clone() }
    }

    /// Whether it is no further ahead of a time (ms since 1970) than a version may be.
    ///
    /// # Errors
    /// It is more than [`MAX_AHEAD_MS`] ahead.
    pub fn check_ahead(&self, now_ms: u64) -> Result<(), TooFarAhead> {
        let ahead_ms = self.wall_ms.saturating_sub(now_ms);
        if ahead_ms > MAX_AHEAD_MS { Err(TooFarAhead { ahead_ms }) } else { Ok(()) }
    }
}

/// A version from a clock that is too far ahead of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFarAhead {
    /// By so many milliseconds.
    pub ahead_ms: u64,
}

/// Gives each write of this node a version greater than all that it has given or seen.
#[derive(Debug, Clone)]
pub struct HybridClock {
    node: NodeId,
    wall_ms: u64,
    counter: u32,
}

impl HybridClock {
    /// A clock that has seen nothing.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { node, wall_ms: 0, counter: 0 }
    }

    /// The version of a write made now. `now_ms` may stand still or go back; versions do not.
    pub fn tick(&mut self, now_ms: u64) -> Version {
        if now_ms > self.wall_ms {
            self.wall_ms = now_ms;
            self.counter = 0;
        } else if let Some(next) = self.counter.checked_add(1) {
            self.counter = next;
        } else {
            self.wall_ms = self.wall_ms.saturating_add(1);
            self.counter = 0;
        }
        Version { wall_ms: self.wall_ms, counter: self.counter, node: self.node.clone() }
    }

    /// The version of a write made now that stands upon another. One that is further ahead than it may be (a clock was set right
    /// since) is topped without moving this clock there.
    pub fn tick_after(&mut self, now_ms: u64, before: Option<&Version>) -> Version {
        let next = self.tick(now_ms);
        match before {
            Some(before) if *before >= next => before.topped_by(&self.node),
            _ => next,
        }
    }

    /// Whose versions it gives.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The greatest time that it has given or seen, in ms since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    /// Takes note of a version written elsewhere, so that our next one is greater.
    ///
    /// # Errors
    /// The version is more than [`MAX_AHEAD_MS`] ahead of `now_ms`: it is not taken note of, and must not be merged.
    pub fn observe(&mut self, now_ms: u64, seen: &Version) -> Result<(), TooFarAhead> {
        seen.check_ahead(now_ms)?;
        self.restore(seen);
        Ok(())
    }

    /// Takes note of a version that this node itself wrote or accepted before: it counts even if the clock was set back since.
    pub fn restore(&mut self, own: &Version) {
        if (own.wall_ms, own.counter) > (self.wall_ms, self.counter) {
            self.wall_ms = own.wall_ms;
            self.counter = own.counter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HybridClock, MAX_AHEAD_MS, NodeId, TooFarAhead, Version};

    fn clock() -> HybridClock {
        HybridClock::new(NodeId::from("a"))
    }

    #[test]
    fn versions_grow_whatever_the_wall_clock_does() {
        let mut clock = clock();
        let mut last = clock.tick(100);
        for now_ms in [100, 100, 99, 0, 101, 50, 101, 102] {
            let next = clock.tick(now_ms);
            assert!(next > last, "{next:?} after {last:?}");
            last = next;
        }
    }

    #[test]
    fn a_version_after_one_seen_is_greater() {
        let mut clock = clock();
        let seen = Version { wall_ms: 500, counter: 7, node: NodeId::from("z") };
        assert_eq!(clock.observe(100, &seen), Ok(()));
        assert!(clock.tick(100) > seen);
    }

    #[test]
    fn a_clock_too_far_ahead_pins_nothing() {
        let mut clock = clock();
        let seen = Version { wall_ms: 101 + MAX_AHEAD_MS, counter: 0, node: NodeId::from("z") };
        assert_eq!(clock.observe(100, &seen), Err(TooFarAhead { ahead_ms: MAX_AHEAD_MS + 1 }));
        assert_eq!(clock.tick(100).wall_ms, 100);
    }

    #[test]
    fn what_stands_upon_a_version_far_ahead_tops_it_and_the_clock_stays() {
        let mut clock = clock();
        let ahead = Version { wall_ms: 900_000, counter: u32::MAX, node: NodeId::from("z") };
        let next = clock.tick_after(100, Some(&ahead));
        assert!(next > ahead);
        assert_eq!((clock.tick(100).wall_ms, clock.tick_after(100, Some(&clock.clone().tick(0))).wall_ms), (100, 100));
    }

    #[test]
    fn a_full_counter_moves_the_time_on() {
        let mut clock = clock();
        clock.restore(&Version { wall_ms: 5, counter: u32::MAX, node: NodeId::from("a") });
        let next = clock.tick(5);
        assert_eq!((next.wall_ms, next.counter), (6, 0));
    }
}
