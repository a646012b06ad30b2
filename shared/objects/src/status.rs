//! The answer to a request that failed: Kubernetes' `metav1.Status`.
//!
//! Texts and codes follow `apimachinery/pkg/api/errors/errors.go`.

use crate::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a request was refused, as Kubernetes words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// One word for programs: `NotFound`, `Invalid`, `Conflict`, `AlreadyExists`, `BadRequest`, `Expired`, …
    pub reason: String,
    /// The sentence for people.
    pub message: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<StatusDetails>>,
}

/// What a [`Status`] is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusDetails {
    /// The object's name.
    pub name: String,
    /// The group of its API; empty for the core.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind (422) or the plural (404, 409).
    pub kind: String,
    /// One entry a fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// One fault of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, …
    pub reason: String,
    /// The sentence without the field: `Required value`.
    pub message: String,
    /// The field's path: `spec.containers[0].name`.
    pub field: String,
}

impl Status {
    fn about(code: u16, reason: &str, (kind, of): (&str, Kind), name: &str, message: String) -> Self {
        let (group, kind) = (of.group().to_owned(), kind.to_owned());
        let details = Box::new(StatusDetails { name: name.to_owned(), group, kind, causes: Vec::new() });
        Self { code, reason: reason.to_owned(), message, details: Some(details) }
    }

    fn plain(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None }
    }

    /// Whether one of its causes has that reason.
    #[must_use]
    pub fn has_cause(&self, reason: &str) -> bool {
        self.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason)
    }

    /// 404: no such object.
    #[must_use]
    pub fn not_found(kind: Kind, name: &str) -> Self {
        Self::about(404, "NotFound", (kind.plural(), kind), name, format!("{} \"{name}\" not found", kind.resource()))
    }

    /// 409: there is one of that name.
    #[must_use]
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        Self::about(409, "AlreadyExists", (kind.plural(), kind), name, format!("{} \"{name}\" already exists", kind.resource()))
    }

    /// 409: it cannot be done to the object as it is now.
    #[must_use]
    pub fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::about(409, "Conflict", (kind.plural(), kind), name, message)
    }

    /// 409: it cannot be done to a part of the object as it is now.
    #[must_use]
    pub fn conflict_below(kind: Kind, part: &str, name: &str, why: &str) -> Self {
        let resource = format!("{}/{part}", kind.plural());
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::about(409, "Conflict", (&resource, kind), name, message)
    }

    /// 409: the object changed since it was read.
    #[must_use]
    pub fn stale(kind: Kind, name: &str) -> Self {
        Self::conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again")
    }

    /// 409: the request was about another object of that name.
    #[must_use]
    pub fn other_uid(kind: Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({found}). The object might have been deleted and then recreated"
        );
        // Of all conflicts this one names the kind and not the plural (`storage.NewInvalidObjError`).
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified_name());
        Self::about(409, "Conflict", (kind.name(), kind), name, message)
    }

    /// 409: the request was about another version of that object.
    #[must_use]
    pub fn other_version(kind: Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({found}). The object might have been modified"
        );
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified_name());
        Self::about(409, "Conflict", (kind.name(), kind), name, message)
    }

    /// 400: the request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    /// 403: the request is understood and refused.
    #[must_use]
    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        Self::about(403, "Forbidden", (kind.plural(), kind), name, format!("{} \"{name}\" is forbidden: {why}", kind.resource()))
    }

    /// 410: a watch cannot resume from that version.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::plain(410, "Expired", message)
    }

    /// 500: our fault or the machine's.
    #[must_use]
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::plain(500, "InternalError", format!("Internal error occurred: {message}"))
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::plain(503, "ServiceUnavailable", message)
    }

    /// 422: the object is not valid. Several causes are listed in brackets, each sentence once, as `field.ErrorList` does.
    #[must_use]
    pub fn invalid(kind: Kind, name: &str, causes: Vec<Cause>) -> Self {
        let mut sentences: Vec<String> = Vec::new();
        for cause in &causes {
            let sentence = format!("{}: {}", cause.field, cause.message);
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        let list = match sentences.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {list}", kind.qualified_name());
        let group = kind.group().to_owned();
        let details = Box::new(StatusDetails { name: name.to_owned(), group, kind: kind.name().to_owned(), causes });
        Self { code: 422, reason: "Invalid".to_owned(), message, details: Some(details) }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
