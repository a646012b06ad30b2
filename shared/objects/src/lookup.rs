//! Reads single fields out of an object that travels as JSON; a field that is missing or of another type reads as empty.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What stands at a JSON pointer (RFC 6901). `Value::pointer` writes every step anew to take escapes out of it, which none of ours has.
#[must_use]
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.is_empty() || pointer.contains('~') {
        return value.pointer(pointer);
    }
    let (mut inside, mut left) = (value, Some(pointer.strip_prefix('/')?));
    while let Some(rest) = left {
        // Steps are a few letters: looking at each is quicker than a search that is made for long texts.
        let end = rest.bytes().position(|byte| byte == b'/');
        let step = &rest[..end.unwrap_or(rest.len())];
        left = end.map(|end| &rest[end + 1..]);
        inside = match inside {
            Value::Object(fields) => fields.get(step)?,
            Value::Array(items) if step == "0" || !step.starts_with(['0', '+']) => items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(inside)
}

/// The text at a JSON pointer, or an empty one.
#[must_use]
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a JSON pointer, or 0.
#[must_use]
pub fn number(value: &Value, pointer: &str) -> i64 {
    at(value, pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether there is `true` at a JSON pointer.
#[must_use]
pub fn flag(value: &Value, pointer: &str) -> bool {
    at(value, pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The time at a JSON pointer.
#[must_use]
pub fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

/// The list at a JSON pointer, or an empty one.
#[must_use]
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    at(value, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The object at a JSON pointer.
#[must_use]
pub fn map<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    at(value, pointer).and_then(Value::as_object)
}

/// A number or a text as text: an `IntOrString`, a quantity. Anything else reads as empty.
#[must_use]
pub fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
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
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

/// Whether the condition of that type is `True`.
#[must_use]
pub fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
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
