//! What to tell of a change that lost against another one made elsewhere: nobody's work goes without a word.
//!
//! Of two specifications written without knowledge of each other one is kept, whole. The other one's author tells it as an event
//! about the object, with the fields in which the two differ, and with the lost object as a manifest that can be applied again.

use crate::record::{Fate, Record, RecordId, Stamp};
use jiff::Timestamp;
use objects::Kind;
use objects::apply::LAST_APPLIED;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The annotation of the event that holds the lost object.
pub const LOST_OBJECT: &str = "skiff.dev/lost-object";
/// The longest manifest that an event keeps, in bytes: annotations have 256 KiB in all.
pub const MAX_MANIFEST_BYTES: usize = 240 * 1024;
/// The longest message of an event, in bytes (`pkg/apis/core/validation`, `NoteLengthLimit`).
const MAX_MESSAGE_BYTES: usize = 1024;
/// Fields that a message names; the rest is counted.
const MAX_FIELDS: usize = 6;
/// Characters of a value that a message shows.
const MAX_VALUE: usize = 40;
/// Fields that every write changes, or that say nothing of what was wanted.
const OF_NO_INTEREST: [&str; 4] = ["generation", "managedFields", "resourceVersion", "creationTimestamp"];

/// What to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The object's kind.
    pub kind: Kind,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The uid of the object that lost.
    pub uid: String,
    /// One word: `ChangeOverwritten`, `ChangeLostToDeletion`, `ReplacedElsewhere`.
    pub reason: &'static str,
    /// The sentence, at most 1 KiB.
    pub message: String,
    /// The lost object as a manifest; `None` where it is longer than [`MAX_MANIFEST_BYTES`].
    pub manifest: Option<String>,
}

/// What to tell of a specification that `winner` replaced; `kept` is the record that stands in its place now, where it is at hand.
///
/// `None` where nothing was lost: what lost was itself a deletion or an event, or both changes say the same.
#[must_use]
pub fn conflict(id: &RecordId, lost: &Record, winner: &Stamp, kept: Option<&Record>) -> Option<Conflict> {
    let mut parts = id.object.splitn(3, '/');
    let (plural, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    let kind =
        Kind::ALL.into_iter().find(|kind| kind.plural() == plural).filter(|kind| !matches!(kind, Kind::Event | Kind::Lease))?;
    let object: Value = serde_json::from_str(lost.json()?).ok()?;
    let (ours, theirs) = (&lost.stamp.version, &winner.version);
    let ours = format!("node {} at {}", ours.node, time(ours.wall_ms));
    let theirs = format!("node {} at {}", theirs.node, time(theirs.wall_ms));
    let (reason, head, fields) = if winner.fate == Fate::Gone {
        let head = format!("the change made on {ours} is gone: the object was deleted on {theirs} without knowledge of it");
        ("ChangeLostToDeletion", head, Vec::new())
    } else if winner.birth != lost.stamp.birth {
        let head = format!("the object written on {ours} was replaced by another of this name, written on {theirs}");
        ("ReplacedElsewhere", head, Vec::new())
    } else {
        let now: Option<Value> = kept.and_then(Record::json).and_then(|json| serde_json::from_str(json).ok());
        let fields = now.as_ref().map(|now| differences(&object, now)).unwrap_or_default();
        if now.is_some() && fields.is_empty() {
            return None;
        }
        let head = format!("the change made on {ours} was overwritten by one made on {theirs} without knowledge of it");
        ("ChangeOverwritten", head, fields)
    };
    // Whoever may read events may not read secrets.
    let may_be_shown = kind != Kind::Secret;
    let manifest = Some(manifest(&object)).filter(|text| may_be_shown && text.len() <= MAX_MANIFEST_BYTES);
    let tail = match &manifest {
        None if !may_be_shown => "The lost object is a Secret, and is not kept in this event".to_owned(),
        Some(_) => format!("The lost object is in the annotation {LOST_OBJECT} of this event"),
        None => "The lost object is too long to be kept in this event".to_owned(),
    };
    Some(Conflict {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: text(&object, "uid"),
        reason,
        message: message(&head, &fields, &tail),
        manifest,
    })
}

/// The lost object as somebody would write it: what only a replica knows of it is left out.
#[must_use]
pub fn manifest(object: &Value) -> String {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let own = ["uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"];
        metadata.retain(|field, _| !OF_NO_INTEREST.contains(&field.as_str()) && !own.contains(&field.as_str()));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    object.to_string()
}

fn text(object: &Value, field: &str) -> String {
    object["metadata"][field].as_str().unwrap_or_default().to_owned()
}

fn time(wall_ms: u64) -> String {
    let time = i64::try_from(wall_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| format!("{wall_ms} ms"), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// One field in which two objects differ.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    path: String,
    lost: Option<String>,
    now: Option<String>,
}

impl Difference {
    fn to_text(&self) -> String {
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "not there".to_owned());
        format!("{} was {}, is {}", self.path, show(&self.lost), show(&self.now))
    }
}

fn differences(lost: &Value, now: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", lost, Some(now), &mut found);
    found
}

/// Walks both down to where they differ.
fn compare(path: &str, lost: &Value, now: Option<&Value>, found: &mut Vec<Difference>) {
    match (lost, now) {
        (lost, Some(now)) if lost == now => {}
        (Value::Object(lost), Some(Value::Object(now))) => compare_fields(path, lost, now, found),
        (Value::Array(lost), Some(Value::Array(now))) => {
            for at in 0..lost.len().max(now.len()) {
                let path = format!("{path}[{at}]");
                match lost.get(at) {
                    Some(lost) => compare(&path, lost, now.get(at), found),
                    None => found.push(Difference { path, lost: None, now: now.get(at).map(short) }),
                }
            }
        }
        (lost, now) => found.push(Difference { path: path.to_owned(), lost: Some(short(lost)), now: now.map(short) }),
    }
}

fn compare_fields(path: &str, lost: &Map<String, Value>, now: &Map<String, Value>, found: &mut Vec<Difference>) {
    let names: BTreeSet<&String> = lost.keys().chain(now.keys()).collect();
    let skipped = |name: &str| match path {
        "metadata" => OF_NO_INTEREST.contains(&name),
        "metadata.annotations" => name == LAST_APPLIED,
        _ => false,
    };
    for name in names.into_iter().filter(|name| !skipped(name)) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match lost.get(name) {
            Some(lost) => compare(&path, lost, now.get(name), found),
            None => found.push(Difference { path, lost: None, now: now.get(name).map(short) }),
        }
    }
}

/// A value as JSON, cut where it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The whole sentence: as many fields as there is room for.
fn message(head: &str, fields: &[Difference], tail: &str) -> String {
    let mut text = head.to_owned();
    let rest = |left: usize| match left {
        0 => String::new(),
        1 => "; and 1 more field".to_owned(),
        left => format!("; and {left} more fields"),
    };
    for (at, field) in fields.iter().enumerate() {
        let sign = if at == 0 { ": " } else { "; " };
        let field = format!("{sign}{}", field.to_text());
        let needed = text.len() + field.len() + rest(fields.len()).len() + tail.len() + 2;
        if at == MAX_FIELDS || needed > MAX_MESSAGE_BYTES {
            text.push_str(&rest(fields.len() - at));
            break;
        }
        text.push_str(&field);
    }
    format!("{text}. {tail}")
}

/// The metadata that an event about a conflict has beyond that of every event.
#[must_use]
pub fn annotations(conflict: &Conflict) -> Option<Value> {
    conflict.manifest.as_ref().map(|manifest| json!({ LOST_OBJECT: manifest }))
}

#[cfg(test)]
mod tests;
