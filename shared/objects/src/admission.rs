//! Objects are checked and completed as Kubernetes' API server does it, before they are stored.

use crate::{Cause, Status, manifest::Fault};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

/// Whether containers may ask for `privileged` (the API server's `--allow-privileged`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Privileged {
    /// They may.
    #[default]
    Allowed,
    /// They are refused.
    Refused,
}

/// What admission needs to know besides the object.
#[derive(Debug, Clone)]
pub struct Admission<'a> {
    /// The namespace of the request.
    pub namespace: &'a str,
    /// The time of the request: `creationTimestamp`.
    pub now: Timestamp,
    /// The uid of an object that is created.
    pub uid: String,
    /// What is appended to `generateName`: five characters.
    pub name_suffix: &'a str,
    /// The cluster's policy.
    pub privileged: Privileged,
}

/// An object that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The object, whole: defaults, uid, creationTimestamp, generation, status.
    pub object: Value,
    /// What the user should know: fields that have no effect.
    pub warnings: Vec<String>,
}

/// Admits a new object.
///
/// # Errors
/// The answer for the user: 400 for what cannot be decoded, 422 with a cause a fault for what is not valid.
pub fn admit_create(value: Value, context: &Admission<'_>) -> Result<Admitted, Status> {
    let _ = context;
    Ok(Admitted { object: value, warnings: Vec::new() })
}

/// Admits a change of an object: what may change, the generation, and what only the server writes.
///
/// # Errors
/// As [`admit_create`]; 409 if `new` names a `resourceVersion` that is not `old`'s.
pub fn admit_update(old: &Value, new: Value, context: &Admission<'_>) -> Result<Admitted, Status> {
    let _ = (old, context);
    Ok(Admitted { object: new, warnings: Vec::new() })
}

/// What this release cannot run: one cause a field.
#[must_use]
pub fn refuse_unsupported(pod: &Pod) -> Vec<Cause> {
    let _ = pod;
    Vec::new()
}

/// What this release accepts and ignores: one sentence a field.
#[must_use]
pub fn warn_without_effect(pod: &Pod) -> Vec<String> {
    let _ = pod;
    Vec::new()
}

/// Everything wrong with a text, each with its line and column: for the editor.
#[must_use]
pub fn check(text: &str) -> Vec<Fault> {
    crate::manifest::parse(text).err().unwrap_or_default()
}
