//! kubectl's dialect of JSONPath: templates such as `{.items[*].metadata.name}`, and tables made of them.

mod columns;

use serde_json::Value;

pub use columns::CustomColumns;

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
    /// The object does not have what it asks for.
    #[error("{0}")]
    Missing(String),
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
pub struct JsonPath;

impl JsonPath {
    /// Reads a template: text with expressions in braces.
    ///
    /// # Errors
    /// [`JsonPathError::Syntax`].
    pub fn parse(template: &str) -> Result<Self, JsonPathError> {
        let _ = template;
        Ok(Self)
    }

    /// Reads one expression in the loose form that `--sort-by`, `wait` and custom columns take: `{.a.b}`, `.a.b`, `a.b`.
    ///
    /// # Errors
    /// [`JsonPathError::Syntax`].
    pub fn parse_relaxed(expression: &str) -> Result<Self, JsonPathError> {
        let _ = expression;
        Ok(Self)
    }

    /// The template with its expressions replaced: several results of one are joined by a space, objects and lists are JSON.
    ///
    /// # Errors
    /// [`JsonPathError::Missing`], where missing keys are refused or the object has another shape.
    pub fn render(&self, object: &Value, missing: MissingKeys) -> Result<String, JsonPathError> {
        let _ = (object, missing);
        Ok(String::new())
    }

    /// The values that the expressions find, in order.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn find(&self, object: &Value, missing: MissingKeys) -> Result<Vec<Value>, JsonPathError> {
        let _ = (object, missing);
        Ok(Vec::new())
    }
}
