//! `-o custom-columns=NAME:.metadata.name,…`.

use super::render::go_value;
use super::{JsonPath, JsonPathError, MissingKeys};
use crate::printing::{Header, TableWriter, escape_terminal};
use serde_json::Value;

/// Parsed columns.
#[derive(Debug, Clone)]
pub struct CustomColumns {
    columns: Vec<(String, JsonPath)>,
}

impl CustomColumns {
    /// Reads `HEADER:path,HEADER:path`.
    ///
    /// # Errors
    /// [`JsonPathError::Form`] and [`JsonPathError::Syntax`].
    pub fn parse(spec: &str) -> Result<Self, JsonPathError> {
        if spec.is_empty() {
            return Err(JsonPathError::Form("custom-columns format specified but no custom columns given".to_owned()));
        }
        let column = |part: &str| {
            let (header, path) = part.split_once(':').ok_or_else(|| {
                let why = format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>");
                JsonPathError::Form(why)
            })?;
            Ok((header.to_owned(), JsonPath::parse_relaxed(path)?))
        };
        Ok(Self { columns: spec.split(',').map(column).collect::<Result<_, _>>()? })
    }

    /// The lines for these objects; a cell without a value is `<none>`.
    ///
    /// # Errors
    /// [`JsonPathError::Missing`] where a path does not fit an object's shape.
    pub fn to_text(&self, objects: &[Value], header: Header, writer: &mut TableWriter) -> Result<String, JsonPathError> {
        let mut lines = Vec::with_capacity(objects.len() + 1);
        if header == Header::Shown {
            lines.push(self.columns.iter().map(|(header, _)| header.clone()).collect());
        }
        for object in objects {
            let cells = self.columns.iter().map(|(_, path)| cell(path, object));
            lines.push(cells.collect::<Result<_, _>>()?);
        }
        Ok(writer.lines(&lines))
    }
}

fn cell(path: &JsonPath, object: &Value) -> Result<String, JsonPathError> {
    let values = path.find(object, MissingKeys::Allowed)?;
    if values.is_empty() {
        return Ok("<none>".to_owned());
    }
    Ok(values.iter().map(|value| escape_terminal(&go_value(value))).collect::<Vec<_>>().join(","))
}
