//! Objects that are served in two versions: the one that they are kept in, and another one with other names for the same fields.
//!
//! Events are the only ones: kept as the core's, and shown as `events.k8s.io/v1` as well (`pkg/apis/events/v1/conversion.go`). All that
//! differs are names of fields at the top, so that whole objects, patches and what is applied are converted alike.

use objects::Status;
use objects::lookup::text;
use serde_json::{Map, Value};

/// The version that a resource's objects are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The one that they are kept in.
    Own,
    /// `events.k8s.io/v1`.
    Events,
}

/// The group of [`View::Events`].
pub const EVENTS_GROUP: &str = "events.k8s.io";

/// A field's name as it is kept, and as it is shown.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// Fields of an event are no longer (`pkg/apis/core/validation/events.go`).
const MAX_WORD: usize = 128;
const MAX_NOTE: usize = 1024;

impl View {
    /// Whether nothing is to be converted.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Own)
    }

    /// An object as it is shown.
    #[must_use]
    pub fn shown(self, object: Value) -> Value {
        match self {
            Self::Own => object,
            Self::Events => {
                let mut object = renamed(object, |name| other(name, |(kept, shown)| (kept, shown)));
                object["apiVersion"] = "events.k8s.io/v1".into();
                object
            }
        }
    }

    /// An object, or a merge patch of one, as it is kept.
    #[must_use]
    pub fn kept(self, object: Value) -> Value {
        match self {
            Self::Own => object,
            Self::Events => {
                let mut object = renamed(object, kept_name);
                if object.get("apiVersion").is_some() {
                    object["apiVersion"] = "v1".into();
                }
                object
            }
        }
    }

    /// The operations of a JSON patch, with the paths of what is kept.
    #[must_use]
    pub fn kept_operations(self, mut operations: Value) -> Value {
        if self.is_own() {
            return operations;
        }
        for operation in operations.as_array_mut().into_iter().flatten() {
            for field in ["path", "from"] {
                if let Some(Value::String(path)) = operation.get_mut(field) {
                    let (first, rest) = path
                        .trim_start_matches('/')
                        .split_once('/')
                        .map_or((path.trim_start_matches('/'), None), |(first, rest)| (first, Some(rest)));
                    let first = kept_name(first);
                    *path = rest.map_or_else(|| format!("/{first}"), |rest| format!("/{first}/{rest}"));
                }
            }
        }
        operations
    }

    /// A field selector, with the names of what is kept.
    #[must_use]
    pub fn kept_selector(self, selector: &str) -> String {
        if self.is_own() {
            return selector.to_owned();
        }
        let clause = |clause: &str| {
            let end = clause.find(['=', '!', '.']).unwrap_or(clause.len());
            let (name, rest) = clause.split_at(end);
            format!("{}{rest}", kept_name(name.trim()))
        };
        selector.split(',').map(clause).collect::<Vec<_>>().join(",")
    }

    /// A refusal, with the fields' names as they are shown.
    #[must_use]
    pub fn shown_status(self, mut status: Status) -> Status {
        if self.is_own() {
            return status;
        }
        if let Some(details) = &mut status.details {
            for cause in &mut details.causes {
                let end = cause.field.find('.').unwrap_or(cause.field.len());
                let (first, rest) = cause.field.split_at(end);
                let first = other(first, |(kept, shown)| (kept, shown));
                cause.field = format!("{first}{rest}");
            }
        }
        status
    }

    /// What a new object of this version must have: the fields of the older one are not to be written any more.
    ///
    /// # Errors
    /// 422 with what is wrong.
    pub fn check_new(self, object: &Value) -> Result<(), Status> {
        if self.is_own() {
            return Ok(());
        }
        let mut causes = Vec::new();
        let mut wrong = |field: &str, reason: &str, message: String| {
            causes.push(objects::Cause { reason: reason.to_owned(), message, field: field.to_owned() });
        };
        if text(object, "/eventTime").is_empty() {
            wrong("eventTime", "FieldValueRequired", "Required value".to_owned());
        }
        for field in ["reportingController", "reportingInstance", "action", "reason"] {
            let value = text(object, &format!("/{field}"));
            if value.is_empty() {
                wrong(field, "FieldValueRequired", "Required value".to_owned());
            } else if value.chars().count() > MAX_WORD {
                wrong(field, "FieldValueInvalid", format!("Invalid value: \"\": can have at most {MAX_WORD} characters"));
            }
        }
        if text(object, "/note").chars().count() > MAX_NOTE {
            wrong("note", "FieldValueInvalid", format!("Invalid value: \"\": can have at most {MAX_NOTE} characters"));
        }
        let kind = text(object, "/type");
        if !matches!(kind, "Normal" | "Warning") {
            wrong("type", "FieldValueInvalid", format!("Invalid value: \"\": has invalid value: {kind}"));
        }
        for field in ["deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount", "deprecatedSource"] {
            let is_set = object.get(field).is_some_and(|value| !is_nothing(value));
            if is_set {
                let name = field.strip_prefix("deprecated").unwrap_or(field);
                let name = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
                wrong(&name, "FieldValueInvalid", "Invalid value: \"\": needs to be unset".to_owned());
            }
        }
        if causes.is_empty() {
            return Ok(());
        }
        let mut status = Status::invalid(objects::Kind::Event, objects::lookup::name(object), causes);
        status.message = status.message.replacen("Event \"", "Event.events.k8s.io \"", 1);
        if let Some(details) = &mut status.details {
            details.group = EVENTS_GROUP.to_owned();
        }
        Err(status)
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}

fn kept_name(name: &str) -> &str {
    other(name, |(kept, shown)| (shown, kept))
}

/// A name's other one; itself where it has none.
fn other(name: &str, order: fn((&'static str, &'static str)) -> (&'static str, &'static str)) -> &str {
    EVENT_FIELDS.into_iter().map(order).find(|(from, _)| *from == name).map_or(name, |(_, to)| to)
}

fn renamed(object: Value, name: impl Fn(&str) -> &str) -> Value {
    match object {
        Value::Object(fields) => {
            fields.into_iter().map(|(field, value)| (name(&field).to_owned(), value)).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::View;
    use serde_json::{Value, json};

    fn kept() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "reason": "Started",
            "message": "m", "source": {"component": "kubelet"}, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": null,
            "count": 2, "type": "Normal", "reportingComponent": "kubelet", "series": {"count": 3},
        })
    }

    #[test]
    fn an_event_is_the_same_in_both_versions() {
        let shown = View::Events.shown(kept());
        assert_eq!(
            (&shown["apiVersion"], &shown["note"], &shown["regarding"]["kind"]),
            (&json!("events.k8s.io/v1"), &json!("m"), &json!("Pod"))
        );
        assert_eq!((&shown["deprecatedCount"], &shown["reportingController"]), (&json!(2), &json!("kubelet")));
        assert!(shown.get("message").is_none() && shown.get("source").is_none());
        assert_eq!(View::Events.kept(shown), kept());
        assert_eq!(View::Own.shown(kept()), kept());
    }

    #[test]
    fn patches_and_selectors_mean_the_fields_that_are_kept() {
        assert_eq!(
            View::Events.kept(json!({"series": {"count": 2}, "note": null})),
            json!({"series": {"count": 2}, "message": null})
        );
        let operations = json!([{"op": "replace", "path": "/note", "value": "x"}, {"op": "move", "from": "/regarding/name", "path": "/metadata/note"}]);
        let kept = View::Events.kept_operations(operations);
        assert_eq!(
            (&kept[0]["path"], &kept[1]["from"], &kept[1]["path"]),
            (&json!("/message"), &json!("/involvedObject/name"), &json!("/metadata/note"))
        );
        let selector = "regarding.name=a,reportingController!=kubelet,type=Normal,metadata.name=e";
        assert_eq!(
            View::Events.kept_selector(selector),
            "involvedObject.name=a,reportingComponent!=kubelet,type=Normal,metadata.name=e"
        );
    }

    #[test]
    fn a_new_event_has_what_its_version_demands() {
        let mut event = json!({"kind": "Event", "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z", "action": "Binding",
            "reason": "Scheduled", "reportingController": "a", "reportingInstance": "a-1", "type": "Normal", "note": "n"});
        assert_eq!(View::Events.check_new(&event), Ok(()));
        event["deprecatedCount"] = json!(3);
        event["type"] = json!("Odd");
        event["action"] = json!("");
        let refused = View::Events.check_new(&event).expect_err("refused");
        let fields: Vec<_> =
            refused.details.iter().flat_map(|details| &details.causes).map(|cause| cause.field.as_str()).collect();
        assert_eq!((refused.code, fields), (422, vec!["action", "type", "count"]));
        assert_eq!(View::Own.check_new(&json!({})), Ok(()));
    }
}
