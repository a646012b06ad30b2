//! An object as the API server prints its own form of it inside messages: every field, by the server's names, in order.

use super::{Field, Shape, Type};
use serde_json::{Map, Value};
use std::fmt::Write;

/// One line: `{"Capabilities":null,"Privileged":true,…}`.
pub(crate) fn one_line(value: &Value, of: &'static Type) -> String {
    let mut dump = Dump { text: String::new(), indented: None };
    dump.object(value, of, None);
    dump.text
}

/// One field a line, each level one space deeper.
pub(crate) fn indented(value: &Value, of: &'static Type) -> String {
    let mut dump = Dump { text: String::new(), indented: Some(0) };
    dump.object(value, of, None);
    dump.text
}

struct Dump {
    text: String,
    /// The level, if there are levels.
    indented: Option<usize>,
}

impl Dump {
    fn object(&mut self, value: &Value, of: &'static Type, parent: Option<&Value>) {
        let mut entries: Vec<(&str, Option<&Value>, &Field)> = Vec::new();
        for field in of.fields {
            let found = match field.name.strip_prefix('^') {
                Some(name) => parent.and_then(|parent| parent.get(name)),
                None => value.get(field.name),
            };
            if of.is_tagged {
                if found.is_some() || field.is_always {
                    entries.push((field.name, found, field));
                }
            } else if !field.server_name.is_empty() {
                entries.push((field.server_name, found, field));
            }
        }
        self.group('{', '}', entries, |dump, (name, found, field)| {
            dump.key(name);
            match found.filter(|found| !found.is_null()) {
                Some(found) => dump.value(found, field.shape, value),
                None => dump.zero(field),
            }
        });
    }

    fn value(&mut self, value: &Value, shape: Shape, parent: &Value) {
        match (shape, value) {
            (Shape::Struct(of), _) => self.object(value, of, Some(parent)),
            (Shape::List(item), Value::Array(items)) => {
                self.group('[', ']', items.iter().collect(), |dump, value| dump.value(value, *item, parent));
            }
            (Shape::Map(inner), Value::Object(fields)) => {
                self.group('{', '}', fields.iter().collect(), |dump, (name, value)| {
                    dump.key(name);
                    dump.value(value, *inner, parent);
                });
            }
            _ => self.scalar(value),
        }
    }

    /// What was not written: nothing for what can be nothing, the empty value for the rest.
    fn zero(&mut self, field: &Field) {
        if field.is_pointer {
            return self.text.push_str("null");
        }
        match field.shape {
            Shape::Text(_) | Shape::Bytes => self.text.push_str("\"\""),
            Shape::Bool => self.text.push_str("false"),
            Shape::Int32 | Shape::Int64 | Shape::IntOrString => self.text.push('0'),
            Shape::Quantity => self.text.push_str("\"0\""),
            Shape::Struct(of) => self.object(&Value::Object(Map::new()), of, None),
            Shape::Time | Shape::Any | Shape::List(_) | Shape::Map(_) => self.text.push_str("null"),
        }
    }

    fn group<T>(&mut self, open: char, close: char, entries: Vec<T>, mut each: impl FnMut(&mut Self, T)) {
        self.text.push(open);
        if entries.is_empty() {
            return self.text.push(close);
        }
        self.indented = self.indented.map(|level| level + 1);
        for (index, entry) in entries.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.line();
            each(self, entry);
        }
        self.indented = self.indented.map(|level| level - 1);
        self.line();
        self.text.push(close);
    }

    fn line(&mut self) {
        if let Some(level) = self.indented {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(' ', level));
        }
    }

    fn key(&mut self, name: &str) {
        self.scalar(&Value::String(name.to_owned()));
        self.text.push_str(if self.indented.is_some() { ": " } else { ":" });
    }

    /// As Go's encoder writes it: it escapes what could be HTML.
    fn scalar(&mut self, value: &Value) {
        for letter in value.to_string().chars() {
            match letter {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    write!(self.text, "\\u{:04x}", u32::from(letter)).expect("writing to a String cannot fail");
                }
                _ => self.text.push(letter),
            }
        }
    }
}
