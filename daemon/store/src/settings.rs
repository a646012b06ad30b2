//! What can be set about a store.

use objects::Kind;

/// Limits and times. The defaults are what a daemon runs with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests that may wait for the writer; the next one waits to enter.
    pub queue_requests: usize,
    /// Recent changes kept for watchers.
    pub ring_changes: usize,
    /// Bytes of JSON in them.
    pub ring_bytes: usize,
    /// The longest that a write with [`crate::Durability::Soon`] stays off the disk, in ms.
    pub lazy_ms: u64,
    /// How long a deleted object's tombstone is kept, in ms.
    pub tombstone_ms: u64,
    /// How long an event is kept after its last change, in ms; the only kind that expires.
    pub event_ms: u64,
    /// How often expired events and tombstones are looked for, in ms.
    pub purge_every_ms: u64,
    /// The database's own cache, in bytes: reads come from memory, so it only helps writes.
    pub cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_requests: 1024,
            ring_changes: 10_000,
            ring_bytes: 8 << 20,
            lazy_ms: 1000,
            tombstone_ms: 7 * 24 * 3600 * 1000,
            event_ms: 3600 * 1000,
            purge_every_ms: 60 * 1000,
            cache_bytes: 1 << 20,
        }
    }
}

impl Settings {
    /// How long an object of this kind is kept after its last change, in ms; `None` is until it is deleted.
    #[must_use]
    pub const fn lifetime_ms(&self, kind: Kind) -> Option<u64> {
        match kind {
            Kind::Event => Some(self.event_ms),
            Kind::Pod | Kind::Node => None,
        }
    }
}
