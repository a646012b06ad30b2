//! Text to documents: YAML or JSON, with the line and column of every field.

mod list;
mod parse;
mod scalar;

use serde_json::Value;
use std::collections::HashMap;

/// One object out of a manifest.
#[derive(Debug, Clone)]
pub struct Document {
    /// The object as it was written: not checked, not completed.
    pub value: Value,
    /// The line it begins at, from 1.
    pub line: u32,
    /// Where each of its fields stands.
    pub positions: Positions,
}

/// Something wrong with a manifest, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; none where the fault has no place (a field that is missing has its parent's).
    pub line: Option<u32>,
    /// The column, from 1, in characters.
    pub column: Option<u32>,
    /// The field's path, empty for the text as a whole: `spec.containers[0].image`.
    pub path: String,
    /// What is wrong, and what to do where that is known.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Where the fields of a document stand: lines and columns from 1.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    root: Option<(u32, u32)>,
    places: HashMap<String, (u32, u32)>,
}

impl Positions {
    /// The place of a field: of its key, or of the item for a list's item. A path that was not written has the place of
    /// its nearest parent that was. Paths are as in Kubernetes' messages: `spec.containers[0].ports[0].containerPort`,
    /// `metadata.labels[app]`.
    #[must_use]
    pub fn find(&self, field_path: &str) -> Option<(u32, u32)> {
        let mut path = field_path;
        loop {
            if path.is_empty() {
                return self.root;
            }
            if let Some(place) = self.places.get(path).or_else(|| self.places.get(&without_key_brackets(path))) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }
}

/// Reads every document of a text; `kind: List` is taken apart into its items. JSON is YAML.
///
/// # Errors
/// What is wrong with the text, in its order; reading stops at the first fault of syntax.
pub fn parse(text: &str) -> Result<Vec<Document>, Vec<Fault>> {
    Ok(parse::parse(text)?.into_iter().flat_map(list::flatten).collect())
}

/// `limits[cpu]` as it is kept: `limits.cpu`. A list's index keeps its brackets.
fn without_key_brackets(path: &str) -> String {
    let mut kept = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        if inside.bytes().all(|byte| byte.is_ascii_digit()) {
            kept.push_str(&format!("[{inside}]"));
        } else {
            kept.push_str(&format!(".{inside}"));
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests;
