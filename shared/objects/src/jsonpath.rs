//! kubectl's dialect of JSONPath: templates such as `{.items[*].metadata.name}`, and tables made of them.
//!
//! Grammar, evaluation and errors follow `client-go/util/jsonpath`.

mod columns;
mod evaluate;
mod quote;
mod render;
mod sort;
mod syntax;

use serde_json::Value;
use syntax::Segment;

pub use columns::CustomColumns;
pub use render::{go_json, go_json_pretty};
pub use sort::sort_by;

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// It is not a template.
    #[error("error parsing jsonpath {template}, {why}")]
    Syntax {
        /// The whole template.
        template: String,
        /// kubectl's words.
        why: String,
    },
    /// The object does not have what it asks for, or has another shape there.
    #[error("{0}")]
    Missing(String),
    /// It is not in the form that one option takes.
    #[error("{0}")]
    Form(String),
}

/// What a path into nothing gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingKeys {
    /// Nothing: `kubectl get -o jsonpath`.
    Allowed,
    /// An error.
    Refused,
}

/// A parsed template.
#[derive(Debug, Clone)]
pub struct JsonPath {
    segments: Vec<Segment>,
}

impl JsonPath {
    /// Reads a template: text with expressions in braces.
    ///
    /// # Errors
    /// [`JsonPathError::Syntax`].
    pub fn parse(template: &str) -> Result<Self, JsonPathError> {
        match syntax::parse(template) {
            Ok(segments) => Ok(Self { segments }),
            Err(why) => Err(JsonPathError::Syntax { template: template.to_owned(), why }),
        }
    }

    /// Reads one expression in the loose form that `--sort-by`, `wait` and custom columns take: `{.a.b}`, `.a.b`, `a.b`.
    ///
    /// # Errors
    /// [`JsonPathError::Form`] and [`JsonPathError::Syntax`].
    pub fn parse_relaxed(expression: &str) -> Result<Self, JsonPathError> {
        let inner = expression.strip_prefix('{').map_or(Some(expression), |rest| rest.strip_suffix('}'));
        let path = inner.map(|inner| inner.strip_prefix('.').unwrap_or(inner));
        match path.filter(|path| expression.is_empty() || (!path.is_empty() && !path.contains(['{', '}']))) {
            Some("") => Ok(Self { segments: Vec::new() }),
            Some(path) => Self::parse(&format!("{{.{path}}}")),
            None => Err(JsonPathError::Form(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                    .to_owned(),
            )),
        }
    }

    /// The template with its expressions replaced: several results of one are joined by a space, objects and lists are JSON.
    ///
    /// # Errors
    /// [`JsonPathError::Missing`].
    pub fn render(&self, object: &Value, missing: MissingKeys) -> Result<String, JsonPathError> {
        let groups = evaluate::run(&self.segments, object, missing).map_err(JsonPathError::Missing)?;
        let texts = groups.iter().map(|group| group.iter().map(|value| render::text(value)).collect::<Vec<_>>().join(" "));
        Ok(texts.collect())
    }

    /// The values that the expressions find, in order.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn find(&self, object: &Value, missing: MissingKeys) -> Result<Vec<Value>, JsonPathError> {
        let groups = evaluate::run(&self.segments, object, missing).map_err(JsonPathError::Missing)?;
        Ok(groups.into_iter().flatten().map(std::borrow::Cow::into_owned).collect())
    }
}

#[cfg(test)]
mod tests;
