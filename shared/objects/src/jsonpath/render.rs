//! Values as Go prints them.

use serde_json::Value;
use std::fmt::Write as _;

/// A result in a template: nothing, objects and lists as JSON, everything else as it is.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => go_json(value),
        other => go_value(other),
    }
}

/// A value as `%v` prints it: `map[a:b]`, `[a b]`, `<nil>`.
pub(super) fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| format!("{key}:{}", go_value(value)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

/// The name of the value's type in Go.
pub(super) const fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `json.Marshal` writes it: keys sorted, no spaces, and what HTML obeys as escapes.
#[must_use]
pub fn go_json(value: &Value) -> String {
    let mut out = String::new();
    push_json(value, &mut out, Form::Compact);
    out
}

/// A value as `kubectl -o json` prints it: [`go_json`] on several lines, indented by four spaces.
#[must_use]
pub fn go_json_pretty(value: &Value) -> String {
    let mut out = String::new();
    push_json(value, &mut out, Form::Lines { level: 0 });
    out
}

/// How JSON is laid out.
#[derive(Clone, Copy)]
enum Form {
    Compact,
    Lines { level: usize },
}

impl Form {
    const fn inner(self) -> Self {
        match self {
            Self::Compact => Self::Compact,
            Self::Lines { level } => Self::Lines { level: level + 1 },
        }
    }

    /// What stands before an entry and before the closing bracket.
    fn line_break(self, out: &mut String) {
        if let Self::Lines { level } = self {
            out.push('\n');
            out.extend(std::iter::repeat_n("    ", level));
        }
    }
}

fn push_json(value: &Value, out: &mut String, form: Form) {
    match value {
        Value::Array(list) if !list.is_empty() => {
            out.push('[');
            for (number, value) in list.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                form.inner().line_break(out);
                push_json(value, out, form.inner());
            }
            form.line_break(out);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (number, (key, value)) in entries.into_iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                form.inner().line_break(out);
                push_text(key, out);
                out.push_str(if matches!(form, Form::Compact) { ":" } else { ": " });
                push_json(value, out, form.inner());
            }
            form.line_break(out);
            out.push('}');
        }
        Value::String(text) => push_text(text, out),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn push_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
