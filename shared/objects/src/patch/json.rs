//! JSON patch: the operations of RFC 6902, one after the other.

use super::{MAX_COPIED_BYTES, MAX_OPERATIONS, PatchError};
use json_patch::PatchOperation;
use json_patch::jsonptr::Pointer;
use serde_json::Value;

/// Levels of an object, as many as the parser takes. Operations could nest deeper than any text, and all that walks an object does so
/// by recursion.
const MAX_LEVELS: usize = 128;

/// Applies all operations, or none.
pub(super) fn apply(mut object: Value, patch: Value) -> Result<Value, PatchError> {
    let Value::Array(operations) = patch else {
        return Err(PatchError::malformed("error decoding patch: a JSON patch is a list of operations"));
    };
    if operations.len() > MAX_OPERATIONS {
        let found = operations.len();
        let why = format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {found}");
        return Err(PatchError::TooLarge(why));
    }
    let mut copied_bytes = 0;
    for (index, operation) in operations.into_iter().enumerate() {
        let operation: PatchOperation = serde_json::from_value(operation)
            .map_err(|error| PatchError::malformed(format!("error decoding patch: operation {index}: {error}")))?;
        let added = match &operation {
            PatchOperation::Add(add) => Some(&add.value),
            PatchOperation::Replace(replace) => Some(&replace.value),
            PatchOperation::Copy(copy) => found(&object, &copy.from),
            PatchOperation::Move(moved) => found(&object, &moved.from),
            PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
        };
        if added.is_some_and(|value| operation.path().count() + levels(value) > MAX_LEVELS) {
            return Err(PatchError::TooLarge(format!("operation {index} nests the object deeper than {MAX_LEVELS} levels")));
        }
        if let (PatchOperation::Copy(_), Some(value)) = (&operation, added) {
            copied_bytes += value.to_string().len();
            if copied_bytes > MAX_COPIED_BYTES {
                return Err(PatchError::TooLarge(format!(
                    "Unable to complete the copy, the accumulated size increase of copy is {copied_bytes}, exceeding the limit {MAX_COPIED_BYTES}"
                )));
            }
        }
        // The object is ours: what a failing operation leaves of it is thrown away.
        json_patch::patch_unsafe(&mut object, std::slice::from_ref(&operation)).map_err(|error| PatchError::CannotApply {
            path: operation.path().to_string(),
            why: format!("operation {index} ({}) cannot be applied: {}", word(&operation), error.kind),
        })?;
    }
    Ok(object)
}

fn found<'a>(object: &'a Value, place: &Pointer) -> Option<&'a Value> {
    object.pointer(place.as_str())
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or_default(),
        _ => 0,
    }
}

fn word(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) => "add",
        PatchOperation::Remove(_) => "remove",
        PatchOperation::Replace(_) => "replace",
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    }
}
