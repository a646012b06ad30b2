//! The documentation of the API's fields, from the API's own schema.
//!
//! The schema is made once, when it is first asked for. The text has the form of `kubectl explain`.

pub mod openapi;
mod schema;
mod values;
mod wrap;

use crate::Kind;
use schema::Schema;
use wrap::{indent, wrap};

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
    /// Its description; paragraphs are separated by empty lines.
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

/// How many values a list of fields shows of one.
const SHOWN_VALUES: usize = 4;

/// Explains a path as `kubectl explain` does: `pod`, `pods.spec.containers`.
///
/// # Errors
/// A path that leads nowhere, in kubectl's words.
pub fn explain(path: &str, depth: Depth) -> Result<String, ExplainError> {
    let path = path.strip_suffix('.').unwrap_or(path);
    let (word, fields) = path.split_once('.').unwrap_or((path, ""));
    let kind = Kind::from_user(word).ok_or_else(|| ExplainError::UnknownKind(word.to_owned()))?;
    let missing = || ExplainError::UnknownField(fields.rsplit('.').next().unwrap_or_default().to_owned());
    let schema = Schema::of(kind).at(fields).ok_or_else(missing)?;
    let mut out = format!("KIND:       {}\nVERSION:    {}\n\n", kind.name(), kind.api_version());
    if let Some(doc) = schema.doc() {
        out += &format!("FIELD: {} <{}>\n", doc.name, doc.type_name);
        if !doc.values.is_empty() {
            out += &format!("ENUM:\n    {}", doc.values.iter().map(|value| shown(value)).collect::<Vec<_>>().join("\n    "));
        }
        out += "\n\n";
    }
    let descriptions = schema.descriptions();
    let description = if descriptions.is_empty() { "<empty>".to_owned() } else { descriptions.join("\n") + "\n" };
    out += &format!("DESCRIPTION:\n{}\n", indent(&wrap(&description, 76), 4));
    let children = schema.children();
    if !children.is_empty() {
        out += "FIELDS:\n";
        match depth {
            Depth::OneLevel => children.iter().for_each(|child| push_field(&mut out, child)),
            Depth::Recursive => push_tree(&mut out, &children, 1),
        }
    }
    out.push('\n');
    Ok(out)
}

/// What is known of the field at a path without its kind: `spec.containers[0].image` (indices may be left out).
#[must_use]
pub fn field(kind: Kind, path: &str) -> Option<FieldDoc> {
    Schema::of(kind).at(path)?.doc()
}

/// The fields below a path, by name; an empty path means the object itself. Nothing where the path leads nowhere.
#[must_use]
pub fn children(kind: Kind, path: &str) -> Vec<FieldDoc> {
    let found = Schema::of(kind).at(path);
    found.map(|schema| schema.children().iter().filter_map(Schema::doc).collect()).unwrap_or_default()
}

/// A value as a list shows it.
fn shown(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

/// A field's line: its name, its type, whether it must be there, and some of its values.
fn push_line(out: &mut String, doc: &FieldDoc, level: usize) {
    let margin = "  ".repeat(level);
    let required = if doc.is_required { " -required-" } else { "" };
    *out += &format!("{margin}{}\t<{}>{required}", doc.name, doc.type_name);
    if !doc.values.is_empty() {
        let more = if doc.values.len() > SHOWN_VALUES { ", ...." } else { "" };
        let values: Vec<&str> = doc.values.iter().take(SHOWN_VALUES).map(|value| shown(value)).collect();
        *out += &format!("\n{margin}enum: {}{more}", values.join(", "));
    }
    out.push('\n');
}

fn push_field(out: &mut String, field: &Schema) {
    if let Some(doc) = field.doc() {
        push_line(out, &doc, 1);
        let description = if doc.description.is_empty() { "<no description>" } else { &doc.description };
        *out += &indent(&wrap(description, 76), 4);
        out.push_str("\n\n");
    }
}

fn push_tree(out: &mut String, fields: &[Schema], level: usize) {
    for field in fields {
        if let Some(doc) = field.doc() {
            push_line(out, &doc, level);
            push_tree(out, &field.children(), level + 1);
        }
    }
}

#[cfg(test)]
mod tests;
