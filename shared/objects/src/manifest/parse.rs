//! The parser's events become values and positions.

use super::{Document, Fault};

pub(super) fn parse(_text: &str) -> Result<Vec<Document>, Vec<Fault>> {
    Ok(Vec::new())
}
