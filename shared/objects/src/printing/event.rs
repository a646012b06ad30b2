//! The columns of events.

use super::Columns;
use crate::duration::since;
use crate::lookup::{at, number, text, time};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) const COLUMNS: Columns = &[
    ("Last Seen", 0),
    ("Type", 0),
    ("Reason", 0),
    ("Object", 0),
    ("Subobject", 1),
    ("Source", 1),
    ("Message", 0),
    ("First Seen", 1),
    ("Count", 1),
    ("Name", 1),
];

/// When an event was last seen, whichever of the two event APIs made it.
#[must_use]
pub fn event_last_seen(event: &Value) -> Option<Timestamp> {
    if at(event, "/series").is_some_and(Value::is_object) {
        return time(event, "/series/lastObservedTime");
    }
    time(event, "/lastTimestamp").or_else(|| event_first_seen(event))
}

/// When an event was first seen, whichever of the two event APIs made it.
#[must_use]
pub fn event_first_seen(event: &Value) -> Option<Timestamp> {
    time(event, "/firstTimestamp").or_else(|| time(event, "/eventTime"))
}

/// How often an event was seen.
#[must_use]
pub fn event_count(event: &Value) -> i64 {
    let pointer = if at(event, "/series").is_some_and(Value::is_object) { "/series/count" } else { "/count" };
    number(event, pointer).max(1)
}

/// What an event is about: `pod/kubia`.
#[must_use]
pub fn event_object(event: &Value) -> String {
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    match text(event, "/involvedObject/name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

pub(crate) fn cells(event: &Value, now: Timestamp) -> Vec<String> {
    vec![
        since(event_last_seen(event), now),
        text(event, "/type").to_owned(),
        text(event, "/reason").to_owned(),
        event_object(event),
        text(event, "/involvedObject/fieldPath").to_owned(),
        source(event),
        text(event, "/message").trim().to_owned(),
        since(event_first_seen(event), now),
        event_count(event).to_string(),
        text(event, "/metadata/name").to_owned(),
    ]
}

/// `component, host` of whichever API's fields are filled.
fn source(event: &Value) -> String {
    let either = |old, new| match text(event, old) {
        "" => text(event, new).to_owned(),
        found => found.to_owned(),
    };
    let component = either("/source/component", "/reportingComponent");
    match either("/source/host", "/reportingInstance") {
        host if host.is_empty() => component,
        host => format!("{component}, {host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{cells, event_count, event_last_seen};
    use serde_json::json;

    #[test]
    fn an_event_of_either_api_shows_when_and_how_often() {
        let now = "2026-01-01T01:00:00Z".parse().expect("a time");
        let old = json!({
            "metadata": {"name": "kubia.1"},
            "involvedObject": {"kind": "Pod", "name": "kubia", "fieldPath": "spec.containers{kubia}"},
            "type": "Warning", "reason": "BackOff", "message": " Back-off \n", "count": 3,
            "firstTimestamp": "2026-01-01T00:50:00Z", "lastTimestamp": "2026-01-01T00:59:30Z",
            "source": {"component": "kubelet", "host": "oak"},
        });
        let expected = [
            "30s",
            "Warning",
            "BackOff",
            "pod/kubia",
            "spec.containers{kubia}",
            "kubelet, oak",
            "Back-off",
            "10m",
            "3",
            "kubia.1",
        ];
        assert_eq!(cells(&old, now), expected);
        let new = json!({"eventTime": "2026-01-01T00:59:00.123456Z", "firstTimestamp": null, "lastTimestamp": null});
        assert_eq!(event_last_seen(&new).map(|at| at.as_second()), Some(1_767_229_140));
        assert_eq!(event_count(&new), 1);
        let series = json!({"series": {"count": 7, "lastObservedTime": "2026-01-01T00:59:30Z"}, "count": 1});
        assert_eq!((cells(&series, now)[0].as_str(), event_count(&series)), ("30s", 7));
    }
}
