//! What changed lately, as far back as the store's ring goes.

use super::Verbs;
use jiff::Timestamp;
use objects::Status;
use objects::lookup::text;
use serde_json::Value;
use std::collections::HashSet;
use store::{Change, ChangeKind};
use wire::{History, HistoryRequest, PastChange, WatchEventKind};

/// The most bytes of objects that one answer holds.
const MAX_BYTES: usize = 4 << 20;

impl Verbs {
    /// The newest changes of some kinds. A Node that only said that it lives did not change.
    ///
    /// # Errors
    /// 400 where no kind is named.
    pub fn history(&self, request: &HistoryRequest) -> Result<History, Status> {
        if request.kinds.is_empty() {
            return Err(Status::bad_request("the kinds whose history is wanted are missing"));
        }
        let since = request.since_ms.and_then(|since| u64::try_from(since).ok()).unwrap_or(0);
        let past = self.store.past(&request.kinds, MAX_BYTES, |change| change.at_ms >= since && says_something(change));
        let mut told = HashSet::new();
        let to_past = |change: &Change| PastChange {
            at_ms: i64::try_from(change.at_ms).unwrap_or(i64::MAX),
            object_kind: change.object.key().kind,
            kind: match change.kind {
                ChangeKind::Added => WatchEventKind::Added,
                ChangeKind::Modified => WatchEventKind::Modified,
                ChangeKind::Deleted => WatchEventKind::Deleted,
            },
            object: change.object.json().to_owned(),
            before: change
                .before
                .as_ref()
                .filter(|_| told.insert(change.object.key().clone()))
                .map(|before| before.json().to_owned()),
        };
        let changes = past.changes.iter().map(to_past).collect();
        let since_ms = i64::try_from(past.since_ms.max(since)).unwrap_or(i64::MAX);
        Ok(History { as_of_ms: Timestamp::now().as_millisecond(), since_ms, changes })
    }
}

/// Whether more changed than times at which a node was heard of.
fn says_something(change: &Change) -> bool {
    let Some(before) = change.before.as_ref().filter(|_| change.object.key().kind == objects::Kind::Node) else { return true };
    let bare = |mut node: Value| {
        for condition in node.pointer_mut("/status/conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(fields) = condition.as_object_mut() {
                fields.remove("lastHeartbeatTime");
            }
        }
        if let Some(metadata) = node.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        node
    };
    let (old, new) = (before.to_value(), change.object.to_value());
    debug_assert_eq!(text(&old, "/metadata/name"), text(&new, "/metadata/name"));
    bare(old) != bare(new)
}
