//! What a replica knows of the cluster's time: how wrong our clock is, and when a peer was last heard.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Shared by the store's copies and its writer. Each value stands alone, so no order between them is needed.
#[derive(Debug, Default)]
pub struct Bearings {
    correction_ms: AtomicI64,
    last_contact_ms: AtomicU64,
    may_forget: AtomicBool,
}

impl Bearings {
    /// As they were on disk.
    pub fn new(correction_ms: i64, last_contact_ms: u64) -> Self {
        Self {
            correction_ms: correction_ms.into(),
            last_contact_ms: last_contact_ms.into(),
            may_forget: (last_contact_ms == 0).into(),
        }
    }

    /// The cluster's time, in ms since 1970; 0 before that.
    pub fn now_ms(&self) -> u64 {
        let wall_ms = i64::try_from(wall_ms()).unwrap_or(i64::MAX);
        u64::try_from(wall_ms.saturating_sub(self.correction_ms())).unwrap_or(0)
    }

    /// By how many ms our clock is ahead of the cluster's.
    pub fn correction_ms(&self) -> i64 {
        self.correction_ms.load(Ordering::Relaxed)
    }

    pub fn set_correction_ms(&self, ms: i64) {
        self.correction_ms.store(ms, Ordering::Relaxed);
        // Nobody was heard in the future: that was noted by a clock that ran ahead.
        self.last_contact_ms.fetch_min(self.now_ms(), Ordering::Relaxed);
    }

    /// When a peer was last heard, in ms since 1970; 0 for never.
    pub fn last_contact_ms(&self) -> u64 {
        self.last_contact_ms.load(Ordering::Relaxed)
    }

    pub fn note_contact(&self, ms: u64) {
        self.last_contact_ms.fetch_max(ms, Ordering::Relaxed);
    }

    pub fn set_may_forget(&self, may_forget: bool) {
        self.may_forget.store(may_forget, Ordering::Relaxed);
    }

    /// Whether tombstones may go once they are old enough.
    pub fn may_forget(&self) -> bool {
        self.may_forget.load(Ordering::Relaxed)
    }
}

/// Our own clock: milliseconds since 1970; 0 before that.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
