//! The newest changes, in memory, in order: what watches read.

use crate::bearings::wall_ms;
use crate::{Object, ResourceVersion, Settings};
use objects::Kind;
use std::collections::VecDeque;
use std::sync::Arc;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It differs.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The object afterwards; for a deleted one its last state, at the version of its deletion.
    pub object: Arc<Object>,
    /// When it was seen here, in ms since 1970 by this machine's clock.
    pub at_ms: u64,
    /// The object before, so that a reader can tell whether it came into a selection or left it.
    pub before: Option<Arc<Object>>,
}

impl Change {
    /// The replica's version after it.
    #[must_use]
    pub fn version(&self) -> ResourceVersion {
        self.object.resource_version
    }
}

/// What is still known of the past.
#[derive(Debug, Clone)]
pub struct Past {
    /// Changes, the oldest first.
    pub changes: Vec<Change>,
    /// Every change of the kinds asked for since then is among them, in ms since 1970.
    pub since_ms: u64,
}

#[derive(Debug)]
pub struct Ring {
    changes: VecDeque<Change>,
    bytes: usize,
    max_changes: usize,
    max_bytes: usize,
    /// Changes up to this version are not here any more.
    forgotten: ResourceVersion,
    /// When the newest of those happened, or when the ring was begun.
    forgotten_ms: u64,
}

impl Ring {
    /// An empty ring of a replica that is at this version.
    pub fn new(version: ResourceVersion, settings: &Settings) -> Self {
        let (max_changes, max_bytes) = (settings.ring_changes, settings.ring_bytes);
        Self { changes: VecDeque::new(), bytes: 0, max_changes, max_bytes, forgotten: version, forgotten_ms: wall_ms() }
    }

    /// Adds a change, which is newer than all before it.
    pub fn push(&mut self, change: Change) {
        self.bytes += change.object.json.get().len();
        self.changes.push_back(change);
        while self.changes.len() > self.max_changes || (self.bytes > self.max_bytes && self.changes.len() > 1) {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.bytes -= oldest.object.json.get().len();
            self.forgotten = oldest.version();
            self.forgotten_ms = oldest.at_ms;
        }
    }

    /// Whether every change after a version is here.
    pub fn reaches_back_to(&self, version: ResourceVersion) -> bool {
        version >= self.forgotten
    }

    /// The newest changes of some kinds that `is_wanted` lets through, up to so many bytes of JSON.
    pub fn past(&self, kinds: &[Kind], max_bytes: usize, is_wanted: impl Fn(&Change) -> bool) -> Past {
        let (mut changes, mut bytes) = (Vec::new(), 0);
        let mut since_ms = self.forgotten_ms;
        let wanted = self.changes.iter().rev().filter(|change| kinds.contains(&change.object.key.kind) && is_wanted(change));
        for change in wanted {
            let before = change.before.as_ref().map_or(0, |before| before.json.get().len());
            bytes += change.object.json.get().len() + before;
            if bytes > max_bytes {
                since_ms = change.at_ms;
                break;
            }
            changes.push(change.clone());
        }
        changes.reverse();
        Past { changes, since_ms }
    }

    /// The first change of a kind, in one namespace or any, after a version.
    pub fn next(&self, kind: Kind, namespace: Option<&str>, after: ResourceVersion) -> Option<&Change> {
        let start = self.changes.partition_point(|change| change.version() <= after);
        self.changes.range(start..).find(|change| {
            let key = &change.object.key;
            key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
        })
    }
}
