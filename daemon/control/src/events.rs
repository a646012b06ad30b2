//! Which event becomes an object, which one only raises a count, and which one is dropped (client-go `tools/record/events_cache.go`).
//!
//! An event that says the same as one before raises its count. Ten different messages of one reason about one object within ten
//! minutes become one event, `(combined from similar events): …`. An object that is reported about more than 25 times at once, and
//! more than once in five minutes after that, is not listened to.

mod lru;

use crate::pod::EventType;
use jiff::Timestamp;
use lru::Lru;
use std::collections::BTreeSet;

/// Objects, groups and events that are remembered, each (`maxLruCacheEntries`).
const REMEMBERED: usize = 4096;
/// Different messages that are kept apart (`defaultAggregateMaxEvents`).
const DISTINCT_MESSAGES: usize = 10;
/// A group that was quiet for so long begins anew (`defaultAggregateIntervalInSeconds`).
const QUIET_SECONDS: i64 = 600;
/// Events at once about one object (`defaultSpamBurst`).
const BURST: f64 = 25.0;
/// Seconds until one more is let through (`defaultSpamQPS`).
const REFILL_SECONDS: f64 = 300.0;
/// In front of the message of a group.
const COMBINED: &str = "(combined from similar events): ";

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// `kubelet`
    pub component: String,
    /// The node.
    pub host: String,
}

/// What an event is about: its `involvedObject`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// `Pod`
    pub kind: String,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub source: Source,
    /// About what.
    pub subject: Subject,
    /// Which part of it: `spec.containers{kubia}`.
    pub field_path: Option<String>,
    /// Normal or Warning.
    pub kind: EventType,
    /// One word.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

/// What to do with a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Make an event.
    Create(Occurrence),
    /// Change the event of this name; where it has expired meanwhile, make it.
    Update(Occurrence),
    /// Nothing: there were too many.
    Drop,
}

/// How an event stands after a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// `<object>.<ns since 1970, in hex>`
    pub name: String,
    /// The first report.
    pub first: Timestamp,
    /// The newest report.
    pub last: Timestamp,
    /// How many.
    pub count: u32,
    /// What it says: the report's message, or that of a group.
    pub message: String,
}

/// Reports of one reason about one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Group {
    source: Source,
    subject: Subject,
    kind: EventType,
    reason: String,
}

/// Reports that say the same. Without a message: all of a group that were combined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Identity {
    group: Group,
    said: Option<(Option<String>, String)>,
}

#[derive(Debug, Clone)]
struct Messages {
    seen: BTreeSet<String>,
    last: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

/// Remembers what was reported lately.
#[derive(Debug)]
pub struct Correlator {
    groups: Lru<Group, Messages>,
    events: Lru<Identity, Occurrence>,
    buckets: Lru<(Source, Subject), Bucket>,
}

impl Default for Correlator {
    fn default() -> Self {
        Self { groups: Lru::new(REMEMBERED), events: Lru::new(REMEMBERED), buckets: Lru::new(REMEMBERED) }
    }
}

impl Correlator {
    /// Decides about one report.
    pub fn report(&mut self, now: Timestamp, report: &Report) -> Decision {
        let group = Group {
            source: report.source.clone(),
            subject: report.subject.clone(),
            kind: report.kind,
            reason: report.reason.clone(),
        };
        let is_combined = self.is_combined(now, &group, &report.message);
        let message = if is_combined { format!("{COMBINED}{}", report.message) } else { report.message.clone() };
        let said = (!is_combined).then(|| (report.field_path.clone(), report.message.clone()));
        let (occurrence, is_new) = self.count(now, Identity { group, said }, message);
        if !self.is_let_through(now, report) {
            return Decision::Drop;
        }
        if is_new { Decision::Create(occurrence) } else { Decision::Update(occurrence) }
    }

    fn is_combined(&mut self, now: Timestamp, group: &Group, message: &str) -> bool {
        let mut messages = match self.groups.take(group) {
            Some(messages) if now.as_second() - messages.last.as_second() <= QUIET_SECONDS => messages,
            _ => Messages { seen: BTreeSet::new(), last: now },
        };
        messages.last = now;
        messages.seen.insert(message.to_owned());
        let is_combined = messages.seen.len() >= DISTINCT_MESSAGES;
        if is_combined {
            messages.seen.pop_first();
        }
        self.groups.put(group.clone(), messages);
        is_combined
    }

    fn count(&mut self, now: Timestamp, identity: Identity, message: String) -> (Occurrence, bool) {
        let (occurrence, is_new) = match self.events.take(&identity) {
            Some(before) => (Occurrence { last: now, count: before.count.saturating_add(1), message, ..before }, false),
            None => {
                let name = format!("{}.{:x}", identity.group.subject.name, now.as_nanosecond());
                (Occurrence { name, first: now, last: now, count: 1, message }, true)
            }
        };
        self.events.put(identity, occurrence.clone());
        (occurrence, is_new)
    }

    fn is_let_through(&mut self, now: Timestamp, report: &Report) -> bool {
        let key = (report.source.clone(), report.subject.clone());
        let mut bucket = self.buckets.take(&key).unwrap_or(Bucket { tokens: BURST, filled: now });
        let seconds = (now.duration_since(bucket.filled)).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + seconds / REFILL_SECONDS).min(BURST);
        bucket.filled = now;
        let is_let_through = bucket.tokens >= 1.0;
        if is_let_through {
            bucket.tokens -= 1.0;
        }
        self.buckets.put(key, bucket);
        is_let_through
    }
}

#[cfg(test)]
mod tests;
