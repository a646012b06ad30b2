//! Events: the table at the end of a description, and an event described by itself.

use super::page::{Page, annotations, pairs};
use crate::duration::since;
use crate::lookup::{name, namespace, scalar, text, time};
use crate::printing::{event_count, event_first_seen, event_last_seen};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;

/// Fields that the head of a description shows already.
const SHOWN_IN_HEAD: [&str; 5] = ["managedFields", "name", "namespace", "labels", "annotations"];

/// The table of events, oldest first.
pub(super) fn describe_all(page: &mut Page<'_>, events: &[Value]) {
    if events.is_empty() {
        return page.field(0, "Events", "<none>");
    }
    page.end_columns();
    let mut events: Vec<&Value> = events.iter().collect();
    events.sort_by_key(|event| time(event, "/lastTimestamp"));
    page.line(0, "Events:");
    page.line(1, "Type\tReason\tAge\tFrom\tMessage");
    page.line(1, "----\t------\t----\t----\t-------");
    for event in events {
        let source = match text(event, "/source/component") {
            "" => text(event, "/reportingComponent"),
            component => component,
        };
        let message = text(event, "/message").trim();
        let message = match text(event, "/involvedObject/fieldPath") {
            "" => message.to_owned(),
            path => format!("{path}: {message}"),
        };
        let cells = [text(event, "/type"), text(event, "/reason"), &interval(event, page.now), source, &message].join("\t");
        page.line(1, cells);
    }
}

/// `2m (x5 over 10m)`, or the age of an event that was seen once.
fn interval(event: &Value, now: &Zoned) -> String {
    let now = now.timestamp();
    let first = match time(event, "/eventTime") {
        Some(at) => since(Some(at), now),
        None => since(event_first_seen(event), now),
    };
    let is_series = event.pointer("/series").is_some_and(Value::is_object);
    match event_count(event) {
        count if is_series || count > 1 => format!("{} (x{count} over {first})", since(event_last_seen(event), now)),
        _ => first,
    }
}

/// An event by itself: every field it has, named in words.
pub(super) fn describe(event: &Value) -> String {
    let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    let mut page = Page::new(&now);
    page.field(0, "Name", name(event));
    page.field(0, "Namespace", namespace(event));
    page.multi_line("Labels", &pairs(event, "/metadata/labels"));
    page.multi_line("Annotations", &annotations(event));
    fields(&mut page, 0, event, "");
    page.finish()
}

fn fields(page: &mut Page<'_>, level: usize, value: &Value, parent: &str) {
    let mut entries: Vec<_> = value.as_object().into_iter().flatten().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in entries {
        if parent == "metadata" && level == 1 && SHOWN_IN_HEAD.contains(&key.as_str()) {
            continue;
        }
        match value {
            Value::Object(_) => {
                page.line(level, format!("{}:", label(key)));
                fields(page, level + 1, value, key);
            }
            Value::Array(list) => {
                page.line(level, format!("{}:", label(key)));
                for child in list {
                    if child.is_object() {
                        fields(page, level + 1, child, key);
                    } else {
                        page.line(level + 1, scalar(child));
                    }
                }
            }
            Value::Null => page.field(level, &label(key), "<nil>"),
            other => page.field(level, &label(key), scalar(other)),
        }
    }
}

/// A field's name in words: `First Timestamp`, `API Version`, `UID`.
fn label(field: &str) -> String {
    if !field.chars().all(|character| character.is_alphabetic() || character == '-') {
        return field.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let characters: Vec<char> = field.chars().collect();
    for (index, &character) in characters.iter().enumerate() {
        let begins = character.is_uppercase()
            && (characters.get(index.wrapping_sub(1)).is_some_and(|before| !before.is_uppercase())
                || characters.get(index + 1).is_some_and(|next| next.is_lowercase()));
        match words.last_mut() {
            Some(word) if !begins => word.push(character),
            _ => words.push(character.to_string()),
        }
    }
    let named = |word: String| match word.to_uppercase() {
        upper if matches!(upper.as_str(), "API" | "URL" | "UID" | "GUID") => upper,
        _ if word.to_lowercase() == word => {
            let mut characters = word.chars();
            characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
        }
        _ => word,
    };
    words.into_iter().map(named).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_fields_name_becomes_words() {
        for (field, words) in [
            ("firstTimestamp", "First Timestamp"),
            ("apiVersion", "API Version"),
            ("uid", "UID"),
            ("kind", "Kind"),
            ("hostIP", "Host IP"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(label(field), words);
        }
    }
}
