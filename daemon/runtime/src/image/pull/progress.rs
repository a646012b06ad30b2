//! Tells how far a pull is, without telling it more often than anybody could look.

use std::sync::atomic::{AtomicU64, Ordering};

/// A step this large is worth a report.
const STEP_BYTES: u64 = 512 << 10;

/// What a pull is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullStage {
    /// Asking a registry what the name stands for. Comes again for each mirror that is tried.
    Resolving,
    /// Numbers are bytes of all missing layers.
    Downloading,
    /// Numbers are layers. Unpacking begins while later layers are still on their way, so the two stages alternate.
    Unpacking,
    /// The image is in the store.
    Done,
}

/// How far a pull is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullProgress {
    /// What the numbers mean.
    pub stage: PullStage,
    /// How much is done.
    pub done: u64,
    /// Out of how much.
    pub total: u64,
}

pub(crate) struct Reporter<'a> {
    tell: &'a (dyn Fn(PullProgress) + Send + Sync),
    done: AtomicU64,
    told: AtomicU64,
    total: AtomicU64,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(tell: &'a (dyn Fn(PullProgress) + Send + Sync)) -> Self {
        Reporter { tell, done: AtomicU64::new(0), told: AtomicU64::new(0), total: AtomicU64::new(0) }
    }

    /// Begins a stage with so much to do.
    pub(crate) fn stage(&self, stage: PullStage, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.told.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        (self.tell)(PullProgress { stage, done: 0, total });
    }

    /// Counts bytes that arrived; a layer that must be fetched anew takes its bytes back first.
    pub(crate) fn downloaded(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let total = self.total.load(Ordering::Relaxed);
        let told = self.told.load(Ordering::Relaxed);
        if done >= total || done.saturating_sub(told) >= STEP_BYTES {
            self.told.store(done, Ordering::Relaxed);
            (self.tell)(PullProgress { stage: PullStage::Downloading, done: done.min(total), total });
        }
    }

    /// Takes back bytes that are fetched anew.
    pub(crate) fn lost(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
        self.told.store(self.done.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(crate) fn unpacked(&self, done: usize, total: usize) {
        (self.tell)(PullProgress { stage: PullStage::Unpacking, done: done as u64, total: total as u64 });
    }
}
