//! What the daemon still knows of the past, and the rows as they were at a moment of it.

use super::diff;
use super::project;
use super::row::{Key, Row};
use super::store::Store;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use serde_json::Value;
use std::collections::HashMap;
use wire::{History, WatchEventKind};

/// One change.
#[derive(Debug)]
pub struct Change {
    /// When, on our clock.
    pub at: Timestamp,
    /// The object's kind.
    pub kind: Kind,
    /// Which object.
    pub key: Key,
    /// What happened.
    pub what: WatchEventKind,
    /// Its row before; `None` where it was not there.
    pub before: Option<Row>,
    /// Its row afterwards; `None` where it is gone.
    pub after: Option<Row>,
}

impl Change {
    /// The fields that differ, in words, the first of them.
    pub fn words(&self, most: usize) -> Vec<String> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Vec::new() };
        let (before, after): (Value, Value) = (before.object(), after.object());
        let all = diff::of(&before, &after);
        let more = all.len().saturating_sub(most);
        let mut words: Vec<String> = all.iter().take(most).map(ToString::to_string).collect();
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        words
    }
}

/// The past as it was told.
#[derive(Debug)]
pub struct Past {
    /// The changes, the oldest first.
    pub changes: Vec<Change>,
    /// Since when all of them are known.
    pub since: Timestamp,
    /// Up to when.
    pub until: Timestamp,
    /// The rows at its end.
    base: Store,
}

impl Past {
    /// The past that a daemon told at a moment of our clock, and the rows of that moment. The daemon's clock may be another one.
    pub fn new(history: History, now: Timestamp, base: Store) -> Self {
        let ours = |ms: i64| {
            let ago = SignedDuration::from_millis(history.as_of_ms.saturating_sub(ms));
            now.checked_sub(ago).unwrap_or(now)
        };
        let since = ours(history.since_ms);
        let mut last: HashMap<(Kind, Key), Option<Row>> = HashMap::new();
        let mut changes = Vec::with_capacity(history.changes.len());
        for change in history.changes {
            let kind = change.object_kind;
            let Some(row) = project::row(kind, &change.object) else { continue };
            let key = row.key.clone();
            let before = match last.remove(&(kind, key.clone())) {
                Some(before) => before,
                None => change.before.and_then(|before| project::row(kind, &before)),
            };
            let after = (change.kind != WatchEventKind::Deleted).then_some(row);
            last.insert((kind, key.clone()), after.clone());
            changes.push(Change { at: ours(change.at_ms), kind, key, what: change.kind, before, after });
        }
        Self { changes, since, until: now, base }
    }

    /// The rows after so many of the changes.
    pub fn rows_after(&self, count: usize) -> Store {
        let mut store = self.base.clone();
        // Of what changed later, the first change says what there was.
        for change in self.changes.iter().skip(count).rev() {
            match &change.before {
                Some(row) => {
                    store.of_mut(change.kind).put(row.clone());
                }
                None => {
                    store.of_mut(change.kind).remove(&change.key);
                }
            }
        }
        store
    }

    /// How many changes there were up to a time.
    pub fn count_at(&self, at: Timestamp) -> usize {
        self.changes.partition_point(|change| change.at <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::Past;
    use crate::console::model::project;
    use crate::console::model::store::Store;
    use jiff::Timestamp;
    use objects::Kind;
    use serde_json::value::RawValue;
    use wire::{History, PastChange, WatchEventKind};

    fn raw(name: &str, phase: &str) -> Box<RawValue> {
        let text = format!("{{\"metadata\":{{\"name\":\"{name}\",\"namespace\":\"d\"}},\"status\":{{\"phase\":\"{phase}\"}}}}");
        RawValue::from_string(text).expect("JSON")
    }

    fn change(at_ms: i64, kind: WatchEventKind, name: &str, phase: &str, before: Option<&str>) -> PastChange {
        let before = before.map(|phase| raw(name, phase));
        PastChange { at_ms, object_kind: Kind::Pod, kind, object: raw(name, phase), before }
    }

    #[test]
    fn the_rows_of_every_moment_are_found_from_those_of_now() {
        let mut base = Store::default();
        for (name, phase) in [("a", "Running"), ("c", "Running"), ("still", "Running")] {
            base.of_mut(Kind::Pod).put(project::row(Kind::Pod, &raw(name, phase)).expect("a row"));
        }
        let changes = vec![
            change(10_000, WatchEventKind::Modified, "a", "Pending", Some("Unknown")),
            change(20_000, WatchEventKind::Added, "c", "Pending", None),
            change(30_000, WatchEventKind::Modified, "a", "Running", None),
            change(40_000, WatchEventKind::Deleted, "b", "Failed", Some("Failed")),
            change(50_000, WatchEventKind::Modified, "c", "Running", None),
        ];
        let history = History { as_of_ms: 60_000, since_ms: 5_000, changes };
        let now = Timestamp::from_second(1_000).expect("in range");
        let past = Past::new(history, now, base);
        let shown = |count: usize| {
            let store = past.rows_after(count);
            let mut rows: Vec<String> = store
                .of(Kind::Pod)
                .iter()
                .map(|(_, row)| format!("{}:{}", row.key.name, row.object()["status"]["phase"].as_str().unwrap_or_default()))
                .collect();
            rows.sort();
            rows.join(" ")
        };
        assert_eq!(shown(0), "a:Unknown b:Failed still:Running");
        assert_eq!(shown(2), "a:Pending b:Failed c:Pending still:Running");
        assert_eq!(shown(4), "a:Running c:Pending still:Running");
        assert_eq!(shown(5), "a:Running c:Running still:Running");
        assert_eq!(past.count_at(now - jiff::SignedDuration::from_secs(30)), 3);
        assert_eq!(past.since.as_second(), 945);
        assert_eq!(past.changes[2].words(1), ["status.phase: Pending → Running"]);
    }
}
