//! `-o custom-columns=NAME:.metadata.name,…`.

use super::JsonPathError;
use crate::printing::Table;
use serde_json::Value;

/// Parsed columns.
#[derive(Debug, Clone)]
pub struct CustomColumns;

impl CustomColumns {
    /// Reads `HEADER:path,HEADER:path`.
    ///
    /// # Errors
    /// [`JsonPathError::Syntax`].
    pub fn parse(spec: &str) -> Result<Self, JsonPathError> {
        let _ = spec;
        Ok(Self)
    }

    /// The table of these columns; a cell without a value is `<none>`.
    #[must_use]
    pub fn table(&self, objects: &[Value]) -> Table {
        let _ = objects;
        Table::default()
    }
}
