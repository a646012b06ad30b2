//! Reading changes as they come.

use crate::state::State;
use crate::{Change, ResourceVersion};
use objects::Kind;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// The version is too old, of another database, or not reached yet: list again (410).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({current})")]
pub struct Expired {
    /// From where the watch was to go on.
    pub asked: ResourceVersion,
    /// Where the replica stands.
    pub current: ResourceVersion,
}

/// Follows the changes of one kind. It holds a place only: a slow one costs no memory, and is told so once the ring passed it by.
#[derive(Debug)]
pub struct Watcher {
    pub(crate) state: Arc<RwLock<State>>,
    pub(crate) newest: watch::Receiver<ResourceVersion>,
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) position: ResourceVersion,
}

impl Watcher {
    /// The next change; waits for one, for ever once the store is closed. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The watcher was too slow; list again.
    pub async fn next(&mut self) -> Result<Change, Expired> {
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
    /// As [`Watcher::next`].
    pub fn try_next(&mut self) -> Result<Option<Change>, Expired> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if !state.ring.reaches_back_to(self.position) {
            return Err(Expired { asked: self.position, current: state.version });
        }
        let next = state.ring.next(self.kind, self.namespace.as_deref(), self.position).cloned();
        self.position = next.as_ref().map_or(state.version, Change::version);
        Ok(next)
    }

    /// Up to which version it has seen all changes; what a bookmark says.
    #[must_use]
    pub fn position(&self) -> ResourceVersion {
        self.position
    }
}
