//! What an object is: its kind, and that it fits its type without a field too many.

use crate::schema::decode::{self, Findings};
use crate::schema::{self, normal};
use crate::{Kind, Status, lookup};
use serde_json::Value;

/// Where the API server that Kubernetes' texts were taken from keeps its list of kinds; it is part of an answer's text.
const SCHEME: &str = "microshift/deps/github.com/openshift/kubernetes/pkg/api/legacyscheme/scheme.go:30";

/// The kind of an object.
///
/// # Errors
/// 400 if it does not say what it is, or if it is nothing that we have.
pub fn kind_of(value: &Value) -> Result<Kind, Status> {
    let (version, kind) = (lookup::text(value, "/apiVersion"), lookup::text(value, "/kind"));
    if kind.is_empty() {
        return Err(Status::bad_request(format!("Object 'Kind' is missing in '{value}'")));
    }
    if version.is_empty() {
        return Err(Status::bad_request(format!("Object 'apiVersion' is missing in '{value}'")));
    }
    if let Some(found) = Kind::from_manifest(version, kind) {
        return Ok(found);
    }
    if Kind::ALL.iter().any(|known| known.name() == kind) && !version.contains('/') {
        let what = format!("no kind {kind:?} is registered for version {version:?} in scheme {SCHEME:?}");
        return Err(Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {what}")));
    }
    Err(Status::bad_request(format!("no matches for kind {kind:?} in version {version:?}")))
}

/// The object in its one form.
///
/// # Errors
/// 400 for a value of the wrong type (the first, as Kubernetes does) or fields that no type has (all of them).
pub(super) fn strict(value: Value, kind: Kind) -> Result<Value, Status> {
    let findings = decode::check(&value, schema::of(kind));
    match words(&findings) {
        None => Ok(normal::normalize(value, schema::of(kind))),
        Some(words) => {
            let (name, version) = (kind.name(), kind.api_version());
            Err(Status::bad_request(format!("{name} in version {version:?} cannot be handled as a {name}: {words}")))
        }
    }
}

fn words(findings: &Findings) -> Option<String> {
    if let Some(first) = findings.misfits.first() {
        return Some(first.message.clone());
    }
    if findings.unknown.is_empty() {
        return None;
    }
    let fields: Vec<String> = findings.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    Some(format!("strict decoding error: {}", fields.join(", ")))
}
