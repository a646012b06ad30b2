//! What changed lately, as far back as a daemon keeps it: what the console's way back in time and `what changed` are made of.

use crate::WatchEventKind;
use objects::Kind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// See [`crate::Request::History`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryRequest {
    /// Of which kinds.
    pub kinds: Vec<Kind>,
    /// Only changes since then, in ms since 1970 by the daemon's clock; `None` is as far back as it goes.
    pub since_ms: Option<i64>,
}

/// The answer to [`crate::Request::History`]: what the daemon asked saw, in the order in which it saw it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Ms since 1970 on the daemon's clock at the moment of this answer.
    pub as_of_ms: i64,
    /// Every change since then is among them: the daemon keeps only so many, and none from before its start.
    pub since_ms: i64,
    /// The changes, the oldest first.
    pub changes: Vec<PastChange>,
}

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastChange {
    /// Ms since 1970 on the daemon's clock when it saw the change.
    pub at_ms: i64,
    /// The object's kind.
    pub object_kind: Kind,
    /// What happened.
    pub kind: WatchEventKind,
    /// The object afterwards; of a deleted one its last state.
    pub object: Box<RawValue>,
    /// The object before; only with the first change of each object, where it was there: later ones follow on those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
}

#[cfg(test)]
mod tests {
    use super::{History, PastChange};
    use crate::WatchEventKind;
    use objects::Kind;
    use serde_json::value::RawValue;

    #[test]
    fn a_history_survives_the_way() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let change = PastChange {
            at_ms: 7,
            object_kind: Kind::Pod,
            kind: WatchEventKind::Modified,
            object: raw("{\"b\":1.0}"),
            before: Some(raw("{\"b\":0}")),
        };
        let history = History { as_of_ms: 9, since_ms: 1, changes: vec![change] };
        let text = serde_json::to_string(&history).expect("it serialises");
        let read: History = serde_json::from_str(&text).expect("it is read");
        assert_eq!(serde_json::to_string(&read).expect("it serialises"), text);
        assert_eq!(read.changes[0].object.get(), "{\"b\":1.0}");
    }
}
