//! How often the disk was written, and how long that took: for whoever watches over the daemon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the writer counts. Each value stands alone, so no order between them is needed.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    done: AtomicU64,
    failed: AtomicU64,
    records: AtomicU64,
    micros: AtomicU64,
}

/// The counts of one moment, since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Times that the disk was written and synced.
    pub done: u64,
    /// Times that this failed.
    pub failed: u64,
    /// Records of objects that were written or taken away.
    pub records: u64,
    /// How long all of it took.
    pub took: Duration,
}

impl Commits {
    pub(crate) fn add(&self, is_done: bool, records: usize, took: Duration) {
        let number = if is_done { &self.done } else { &self.failed };
        number.fetch_add(1, Ordering::Relaxed);
        if is_done {
            self.records.fetch_add(records as u64, Ordering::Relaxed);
        }
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Committed {
        Committed {
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            took: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}
