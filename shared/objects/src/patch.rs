//! Patches: a change of an object that is there, in the three forms that say what to change.
//!
//! JSON patch (RFC 6902), merge patch (RFC 7386) and Kubernetes' strategic merge patch, which knows what is the same item
//! of a list. The fourth form, apply, says what is wanted instead, and by whom: see [`crate::managed`].
//! What a patch makes of an object is admitted as any change is; nothing here looks at whether it is valid.

mod json;
mod strategic;

use crate::{Cause, Kind, Status, StatusDetails, schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Operations of one JSON patch (`apiserver/pkg/endpoints/handlers/patch.go`).
pub const MAX_OPERATIONS: usize = 10_000;

/// Bytes that the `copy` operations of one JSON patch may add: each doubles what it copies into, so that a few lines could fill
/// the memory otherwise (the API server's `JSONPatchMaxCopyBytes`).
pub const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// The form of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PatchType {
    /// A list of operations: `application/json-patch+json`.
    Json,
    /// The fields to set, nothing for those to remove: `application/merge-patch+json`.
    Merge,
    /// As merge, and lists of things with a name are merged by it: `application/strategic-merge-patch+json`.
    StrategicMerge,
}

/// Why a patch cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is no patch of its form.
    #[error("{0}")]
    Malformed(String),
    /// It is one, and this object has not what it speaks of.
    #[error("{path}: {why}")]
    CannotApply {
        /// Where.
        path: String,
        /// What is wrong there.
        why: String,
    },
    /// It asks for more than one patch may.
    #[error("{0}")]
    TooLarge(String),
}

impl PatchError {
    fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }

    /// The answer for the user: 400, 413 or 422.
    #[must_use]
    pub fn to_status(&self) -> Status {
        let plain = |code, reason: &str, details| Status { code, reason: reason.to_owned(), message: self.to_string(), details };
        match self {
            Self::Malformed(why) => Status::bad_request(why.clone()),
            Self::TooLarge(_) => plain(413, "RequestEntityTooLarge", None),
            Self::CannotApply { path, why } => {
                let cause = Cause { reason: "FieldValueInvalid".to_owned(), message: why.clone(), field: path.clone() };
                let details = StatusDetails { causes: vec![cause], ..StatusDetails::default() };
                Status {
                    // These are the API server's words for all of them; what is wrong stands in the cause.
                    message: "the server rejected our request due to an error in our request".to_owned(),
                    ..plain(422, "Invalid", Some(Box::new(details)))
                }
            }
        }
    }
}

/// The object that a patch makes of `object`.
///
/// # Errors
/// The patch has not its form, does not fit the object, or asks for too much.
pub fn apply(form: PatchType, object: Value, patch: Value, kind: Kind) -> Result<Value, PatchError> {
    match form {
        PatchType::Json => json::apply(object, patch),
        PatchType::Merge => merge(object, &patch),
        PatchType::StrategicMerge => strategic::apply(object, patch, schema::of(kind)),
    }
}

fn merge(mut object: Value, patch: &Value) -> Result<Value, PatchError> {
    if !patch.is_object() {
        return Err(PatchError::malformed("Invalid JSON Patch: a merge patch is an object with the fields to change"));
    }
    json_patch::merge(&mut object, patch);
    Ok(object)
}

/// The patch as Kubernetes prints one in its answers, Go's `%+v` of a map: `map[spec:map[replicas:3]]`.
#[must_use]
pub fn shown(patch: &Value) -> String {
    let list = |items: Vec<String>| items.join(" ");
    match patch {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", list(items.iter().map(shown).collect())),
        Value::Object(fields) => {
            format!("map[{}]", list(fields.iter().map(|(name, value)| format!("{name}:{}", shown(value))).collect()))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
