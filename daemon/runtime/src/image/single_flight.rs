//! Locks by digest: whoever comes second waits for the first and then finds the work done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::digest::Digest;

/// Locks for blocking work.
pub(crate) type Locks = Keyed<Mutex<()>>;
/// Locks that are waited for in async code and held across `.await`.
pub(crate) type AsyncLocks = Keyed<tokio::sync::Mutex<()>>;

/// A lock for each digest that somebody holds or waits for.
pub(crate) struct Keyed<L> {
    locks: Mutex<HashMap<Digest, Weak<L>>>,
}

impl<L> Default for Keyed<L> {
    fn default() -> Self {
        Keyed { locks: Mutex::default() }
    }
}

impl<L: Default> Keyed<L> {
    /// The lock of this digest, the same for all who ask while one of them keeps it.
    pub(crate) fn of(&self, digest: &Digest) -> Arc<L> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(digest).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(L::default());
        locks.insert(digest.clone(), Arc::downgrade(&lock));
        lock
    }

    /// Whether somebody holds or waits for this digest.
    pub(crate) fn is_busy(&self, hex: &str) -> bool {
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.iter().any(|(digest, lock)| digest.hex() == hex && lock.strong_count() > 0)
    }
}
