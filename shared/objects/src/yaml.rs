//! Objects as YAML in kubectl's look: keys sorted, lists at their key's indentation.
//!
//! The rules when a text is plain, quoted, folded or a block are those of go-yaml 2, which kubectl prints through, so that a
//! diff between the two is empty.

mod order;
mod scalar;

use scalar::Scalar;
use serde_json::{Map, Value};

/// Deeper than this nothing is indented any further; no object that passed admission comes near.
const MAX_DEPTH: usize = 200;

/// The value as a YAML document with a line break at its end, without `---`.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut writer = Writer { out: String::new(), column: 0 };
    match value {
        Value::Object(map) if !map.is_empty() => writer.map(map, Place { indent: 0, depth: 0 }),
        Value::Array(list) if !list.is_empty() => writer.list(list, Place { indent: 0, depth: 0 }),
        other => {
            writer.scalar(other, 2);
            writer.line_break();
        }
    }
    writer.out
}

/// Where a collection stands.
#[derive(Clone, Copy)]
struct Place {
    /// The column of its keys or dashes.
    indent: usize,
    depth: usize,
}

impl Place {
    const fn inner(self) -> Self {
        let indent = if self.depth < MAX_DEPTH { self.indent + 2 } else { self.indent };
        Self { indent, depth: self.depth + 1 }
    }
}

/// Collects the text and knows the column, which decides where long texts are folded.
struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column += indent;
    }

    /// A map whose first key is written at the current column.
    fn map(&mut self, map: &Map<String, Value>, place: Place) {
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_by(|(left, _), (right, _)| order::compare(left, right));
        for (number, (key, value)) in entries.into_iter().enumerate() {
            if number > 0 {
                self.indent(place.indent);
            }
            self.key(key);
            self.push(":");
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    self.line_break();
                    self.indent(place.inner().indent);
                    self.map(inner, place.inner());
                }
                Value::Array(inner) if !inner.is_empty() => {
                    self.line_break();
                    self.indent(place.indent);
                    self.list(inner, place);
                }
                other => {
                    self.push(" ");
                    self.scalar(other, place.indent + 2);
                    self.line_break();
                }
            }
        }
    }

    /// A list whose first dash is written at the current column.
    fn list(&mut self, list: &[Value], place: Place) {
        for (number, value) in list.iter().enumerate() {
            if number > 0 {
                self.indent(place.indent);
            }
            self.push("- ");
            match value {
                Value::Object(inner) if !inner.is_empty() => self.map(inner, place.inner()),
                Value::Array(inner) if !inner.is_empty() => self.list(inner, place.inner()),
                other => {
                    self.scalar(other, place.indent + 2);
                    self.line_break();
                }
            }
        }
    }

    fn key(&mut self, key: &str) {
        match Scalar::of_key(key) {
            Scalar::Plain => self.push(key),
            Scalar::SingleQuoted => self.push(&scalar::single_quoted(key)),
            Scalar::DoubleQuoted | Scalar::Literal => self.push(&scalar::double_quoted(key)),
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.push("null"),
            Value::Bool(flag) => self.push(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.push(&number.to_string()),
            Value::String(text) => self.text(text, indent),
            Value::Array(_) => self.push("[]"),
            Value::Object(_) => self.push("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize) {
        match Scalar::of_text(text) {
            Scalar::Plain => self.folded(text, indent, scalar::Fold::Plain),
            Scalar::SingleQuoted => self.folded(&scalar::single_quoted(text), indent, scalar::Fold::SingleQuoted),
            Scalar::DoubleQuoted => self.folded(&scalar::double_quoted(text), indent, scalar::Fold::DoubleQuoted),
            Scalar::Literal => self.literal(text, indent),
        }
    }

    /// A text on as many lines as its length asks for: a new line begins at the first single space past the width.
    fn folded(&mut self, text: &str, indent: usize, fold: scalar::Fold) {
        let characters: Vec<char> = text.chars().collect();
        let mut was_space = false;
        for (index, &character) in characters.iter().enumerate() {
            if character == ' ' && !was_space && self.column > scalar::WIDTH && fold.is_allowed(&characters, index) {
                self.line_break();
                self.indent(indent);
                if characters.get(index + 1) == Some(&' ') {
                    self.push("\\");
                }
            } else {
                self.out.push(character);
                self.column += 1;
            }
            was_space = character == ' ';
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.push("|");
        if text.starts_with([' ', '\n']) {
            self.push("2");
        }
        match text.strip_suffix('\n') {
            None => self.push("-"),
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => self.push("+"),
            Some(_) => {}
        }
        // The caller ends the last line, so the break that the text itself ends with is left out.
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.line_break();
            if !line.is_empty() {
                self.indent(indent);
                self.push(line);
            }
        }
    }
}

#[cfg(test)]
mod tests;
