//! The newest changes of raw records, in memory, in order: what the gossip task reads.

use crate::state::State;
use control::record::{RecordId, Stamp};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// Where a change of a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was made here: others are to be told.
    Local,
    /// It was merged.
    Remote,
}

/// A record changed. Its content is read with [`crate::Store::record`], which may be newer by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// Which record.
    pub id: RecordId,
    /// Its stamp before; `None` where there was none.
    pub before: Option<Stamp>,
    /// Its stamp now. `None`: the replica does not keep it any more (it expired, its object was deleted or replaced, or it was dropped
    /// as stale). That is nothing to tell others; an index of records must forget it.
    pub stamp: Option<Stamp>,
    /// Where it came from.
    pub origin: Origin,
}

/// The reader was too slow: begin again with [`crate::Store::follow_records`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the changes of records came faster than they were read")]
pub struct FellBehind;

/// The ring. Places in it are counted from the opening of the store.
#[derive(Debug)]
pub struct RecordRing {
    changes: VecDeque<RecordChange>,
    max_changes: usize,
    /// How many there were before the first that is here.
    forgotten: u64,
}

impl RecordRing {
    pub fn new(max_changes: usize) -> Self {
        Self { changes: VecDeque::new(), max_changes, forgotten: 0 }
    }

    pub fn push(&mut self, change: RecordChange) {
        self.changes.push_back(change);
        if self.changes.len() > self.max_changes {
            self.changes.pop_front();
            self.forgotten += 1;
        }
    }

    /// The place after the newest.
    pub fn end(&self) -> u64 {
        self.forgotten + self.changes.len() as u64
    }

    fn at(&self, place: u64) -> Result<Option<&RecordChange>, FellBehind> {
        let index = place.checked_sub(self.forgotten).ok_or(FellBehind)?;
        Ok(usize::try_from(index).ok().and_then(|index| self.changes.get(index)))
    }
}

/// Follows the changes of all records. It holds a place only: a slow one costs no memory, and is told so once the ring passed it by.
#[derive(Debug)]
pub struct RecordChanges {
    pub(crate) state: Arc<RwLock<State>>,
    pub(crate) newest: watch::Receiver<u64>,
    pub(crate) place: u64,
}

impl RecordChanges {
    /// The next change; waits for one, for ever once the store is closed. Dropping the future loses nothing. A change that was
    /// made here is told once it is as durable as its writer was promised.
    ///
    /// # Errors
    /// The reader was too slow.
    pub async fn next(&mut self) -> Result<RecordChange, FellBehind> {
        loop {
            // Marked as seen before looking: what comes in between wakes us again.
            self.newest.borrow_and_update();
            if let Some(change) = self.try_next()? {
                return Ok(change);
            }
            if self.newest.changed().await.is_err() {
                match self.try_next()? {
                    Some(change) => return Ok(change),
                    None => std::future::pending().await,
                }
            }
        }
    }

    /// The next change, if there is one now.
    ///
    /// # Errors
    /// As [`RecordChanges::next`].
    pub fn try_next(&mut self) -> Result<Option<RecordChange>, FellBehind> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let next = state.records.at(self.place)?.cloned();
        self.place += u64::from(next.is_some());
        Ok(next)
    }
}
