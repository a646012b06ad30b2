//! More about how objects are changed: patches, and what becomes of what a deleted object owns.

use crate::{DryRun, ObjectRef};
use serde::{Deserialize, Serialize};

/// More about a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteOptions {
    /// Refuse with 409 when the object has changed since this version.
    pub resource_version: Option<String>,
    /// What becomes of the objects that it owns; `None` is the kind's own way, which is in the background.
    pub propagation: Option<Propagation>,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Propagation {
    /// They go after it.
    Background,
    /// They go before it, and it waits for them.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// See [`crate::Request::Patch`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchRequest {
    /// Which object.
    pub object: ObjectRef,
    /// What to change, or what is wanted.
    pub patch: Patch,
    /// Who writes, for the object's `managedFields`: `kubectl-edit`. Required for [`Patch::Apply`].
    #[serde(default)]
    pub field_manager: String,
    /// What of the object is changed: empty, `status` or `resize`.
    #[serde(default)]
    pub subresource: String,
    /// Whether to keep it.
    #[serde(default)]
    pub dry_run: DryRun,
}

/// A patch with its form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Patch {
    /// A list of operations (RFC 6902).
    Json(serde_json::Value),
    /// The fields to set, nothing for those to remove (RFC 7386).
    Merge(serde_json::Value),
    /// As merge, and lists of things with a name are merged by it.
    StrategicMerge(serde_json::Value),
    /// What the manager wants of the object; one that is not there is made.
    Apply {
        /// The manifest.
        config: serde_json::Value,
        /// Take over fields that others manage.
        #[serde(default)]
        force: bool,
    },
}
