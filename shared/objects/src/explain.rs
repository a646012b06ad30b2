//! The documentation of the API's fields, from the API's own schema.

use crate::Kind;

/// How far [`explain`] goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The field's own fields, with their descriptions.
    OneLevel,
    /// The names and types of everything below, as `--recursive` has it.
    Recursive,
}

/// What is known of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDoc {
    /// Its name: `containers`.
    pub name: String,
    /// Its type as kubectl writes it: `[]Container`, `string`, `map[string]string`, `integer`, `boolean`, `Quantity`.
    pub type_name: String,
    /// Whether an object without it is refused.
    pub is_required: bool,
    /// Its description, one paragraph a line.
    pub description: String,
    /// The values it may have, where they are a fixed set.
    pub values: Vec<String>,
    /// Whether it has fields below it.
    pub has_children: bool,
}

/// Why a path cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The first word names no kind.
    #[error("the server doesn't have a resource type {0:?}")]
    UnknownKind(String),
    /// The path names a field that is not there.
    #[error("field {0:?} does not exist")]
    UnknownField(String),
}

/// Explains a path as `kubectl explain` does: `pod`, `pods.spec.containers`.
///
/// # Errors
/// A path that leads nowhere, in kubectl's words.
pub fn explain(path: &str, depth: Depth) -> Result<String, ExplainError> {
    let _ = depth;
    Err(ExplainError::UnknownField(path.to_owned()))
}

/// What is known of the field at a path without its kind: `spec.containers[0].image` (indices may be left out).
#[must_use]
pub fn field(kind: Kind, path: &str) -> Option<FieldDoc> {
    let _ = (kind, path);
    None
}

/// The fields below a path, by name; an empty path means the object itself. Nothing where the path leads nowhere.
#[must_use]
pub fn children(kind: Kind, path: &str) -> Vec<FieldDoc> {
    let _ = (kind, path);
    Vec::new()
}
