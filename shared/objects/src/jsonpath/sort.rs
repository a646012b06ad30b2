//! `--sort-by`: orders objects by the value at a path.

use super::{JsonPath, JsonPathError, MissingKeys};
use serde_json::Value;
use std::cmp::Ordering;

/// Sorts objects by the first value at a path; those without one come first, equal ones keep their order.
///
/// # Errors
/// A path that is none, that no object has, or that leads to objects or lists.
pub fn sort_by(objects: &mut Vec<Value>, expression: &str) -> Result<(), JsonPathError> {
    let path = JsonPath::parse_relaxed(expression)?;
    let mut keyed = Vec::with_capacity(objects.len());
    for object in objects.iter() {
        let key = path.find(object, MissingKeys::Allowed)?.into_iter().next();
        if let Some(Value::Array(_) | Value::Object(_)) = key {
            return Err(JsonPathError::Form(format!("the field {expression} is an unsortable type")));
        }
        keyed.push((key, object.clone()));
    }
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        let inner = expression.trim_start_matches('{').trim_end_matches('}').trim_start_matches('.');
        let why = format!("couldn't find any field with path \"{{.{inner}}}\" in the list of objects");
        return Err(JsonPathError::Form(why));
    }
    keyed.sort_by(|(left, _), (right, _)| compare(left.as_ref(), right.as_ref()));
    *objects = keyed.into_iter().map(|(_, object)| object).collect();
    Ok(())
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(left)), Some(Value::String(right))) => left.cmp(right),
        (Some(Value::Bool(left)), Some(Value::Bool(right))) => left.cmp(right),
        (left, right) => rank(left).cmp(&rank(right)),
    }
}

/// Values of different types stand in groups.
const fn rank(value: Option<&Value>) -> u8 {
    match value {
        None => 0,
        Some(Value::Null) => 1,
        Some(Value::Bool(_)) => 2,
        Some(Value::Number(_)) => 3,
        Some(_) => 4,
    }
}
