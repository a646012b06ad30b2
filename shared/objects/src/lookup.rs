//! Reads single fields out of an object that travels as JSON; a field that is missing or of another type reads as empty.

use crate::json::{self, Json};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What stands at a JSON pointer (RFC 6901). `Value::pointer` writes every step anew to take escapes out of it, which none of ours has.
#[must_use]
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    json::at(value, pointer)
}

/// The text at a JSON pointer, or an empty one.
#[must_use]
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    json::text(value, pointer)
}

/// The whole number at a JSON pointer, or 0.
#[must_use]
pub fn number(value: &Value, pointer: &str) -> i64 {
    json::number(value, pointer)
}

/// Whether there is `true` at a JSON pointer.
#[must_use]
pub fn flag(value: &Value, pointer: &str) -> bool {
    json::flag(value, pointer)
}

/// The time at a JSON pointer.
#[must_use]
pub fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    json::time(value, pointer)
}

/// The list at a JSON pointer, or an empty one.
#[must_use]
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    json::list(value, pointer)
}

/// The object at a JSON pointer.
#[must_use]
pub fn map<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    at(value, pointer).and_then(Value::as_object)
}

/// A number or a text as text: an `IntOrString`, a quantity. Anything else reads as empty.
#[must_use]
pub fn scalar(value: &Value) -> String {
    value.scalar()
}

/// The object's name.
#[must_use]
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The object's namespace; empty for kinds that have none.
#[must_use]
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// The condition of that type in `status.conditions`.
#[must_use]
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    json::condition(object, kind)
}

/// Whether the condition of that type is `True`.
#[must_use]
pub fn is_true(object: &Value, kind: &str) -> bool {
    json::is_true(object, kind)
}

#[cfg(test)]
mod tests {
    use super::{at, list, number, text, time};
    use serde_json::json;

    #[test]
    fn pointers_lead_where_those_of_serde_json_lead() {
        let object = json!({"": {"": 1}, "a": [{"b": 2}, [3, 4]], "a/b": 5, "m~n": {"x": 6}, "01": 7, "0": null});
        let steps = ["", "a", "b", "0", "1", "01", "+1", "-", "a~1b", "m~0n", "x", "99999999999999999999"];
        let mut pointers = vec![String::new(), "a".to_owned(), "/".to_owned()];
        for one in steps {
            pointers.push(format!("/{one}"));
            for two in steps {
                pointers.push(format!("/{one}/{two}"));
                pointers.extend(steps.iter().map(|three| format!("/{one}/{two}/{three}")));
            }
        }
        for pointer in pointers {
            assert_eq!(at(&object, &pointer), object.pointer(&pointer), "{pointer}");
        }
    }

    #[test]
    fn a_field_of_another_type_reads_as_empty() {
        let object = json!({"spec": {"nodeName": 7, "containers": "none"}, "status": {"startTime": "yesterday"}});
        assert_eq!(text(&object, "/spec/nodeName"), "");
        assert_eq!(number(&object, "/spec/replicas"), 0);
        assert!(list(&object, "/spec/containers").is_empty());
        assert_eq!(time(&object, "/status/startTime"), None);
    }
}
