//! What can be set about a store.

use control::expiry::{Cutoffs, Lifetime};
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
    /// Recent changes of records kept for the one who passes them on.
    pub ring_records: usize,
    /// The longest that a write with [`crate::Durability::Soon`] stays off the disk, in ms.
    pub lazy_ms: u64,
    /// How long a deleted object's tombstone is kept, in ms. Equal on all nodes of a cluster.
    pub tombstone_ms: u64,
    /// At whole multiples of so many ms of the cluster's time tombstones go. Equal on all nodes.
    pub tombstone_step_ms: u64,
    /// How long an event, or the tombstone of one, is kept after its last change, in ms; the only kind that expires. Equal on all
    /// nodes.
    pub event_ms: u64,
    /// At whole multiples of so many ms of the cluster's time expired records are looked for, and events go. Equal on all nodes.
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
            ring_records: 16_384,
            lazy_ms: 1000,
            tombstone_ms: 7 * 24 * 3600 * 1000,
            tombstone_step_ms: 3600 * 1000,
            event_ms: 3600 * 1000,
            purge_every_ms: 60 * 1000,
            cache_bytes: 1 << 20,
        }
    }
}

impl Settings {
    /// What of a kind is to go at a moment, in ms since 1970; `None` is a kind that we do not know.
    pub(crate) fn cutoffs(&self, kind: Option<Kind>, now_ms: u64) -> Cutoffs {
        let events = Lifetime { keep_ms: self.event_ms, step_ms: self.purge_every_ms };
        let tombstones = Lifetime { keep_ms: self.tombstone_ms, step_ms: self.tombstone_step_ms };
        match kind {
            Some(Kind::Event) => {
                let cutoff_ms = events.cutoff_ms(now_ms);
                Cutoffs { live_ms: Some(cutoff_ms), gone_ms: Some(cutoff_ms) }
            }
            Some(_) | None => Cutoffs { live_ms: None, gone_ms: Some(tombstones.cutoff_ms(now_ms)) },
        }
    }
}
