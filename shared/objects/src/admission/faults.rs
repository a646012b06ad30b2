//! The faults of an object, worded as `apimachinery/pkg/util/validation/field` words them, and the paths they name.

use crate::Cause;
use std::fmt;

/// A field's path; it is written out only when there is a fault to report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    pub(crate) const fn root(name: &'a str) -> Self {
        Self { parent: None, step: Step::Field(name) }
    }

    pub(crate) const fn child(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    pub(crate) const fn index(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    pub(crate) const fn key(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
            if matches!(self.step, Step::Field(_)) {
                f.write_str(".")?;
            }
        }
        match self.step {
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

/// A value as it stands in a message.
pub(crate) trait Shown {
    fn shown(&self) -> String;
}

impl Shown for str {
    fn shown(&self) -> String {
        quote(self)
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        quote(self)
    }
}

impl Shown for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for i32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// A value that is printed as JSON.
pub(crate) struct AsJson(pub(crate) String);

impl Shown for AsJson {
    fn shown(&self) -> String {
        self.0.clone()
    }
}

/// A text as Go's `%q` has it.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            letter if u32::from(letter) < 0x80 && letter.is_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(letter)))
            }
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The faults found so far, in the order Kubernetes finds them.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    causes: Vec<Cause>,
}

impl Faults {
    pub(crate) fn into_causes(self) -> Vec<Cause> {
        self.causes
    }

    pub(crate) fn len(&self) -> usize {
        self.causes.len()
    }

    fn push(&mut self, reason: &str, path: &Path<'_>, message: String, detail: &str) {
        let message = if detail.is_empty() { message } else { format!("{message}: {detail}") };
        self.causes.push(Cause { reason: reason.to_owned(), message, field: path.to_string() });
    }

    pub(crate) fn required(&mut self, path: &Path<'_>, detail: &str) {
        self.push("FieldValueRequired", path, "Required value".to_owned(), detail);
    }

    pub(crate) fn forbidden(&mut self, path: &Path<'_>, detail: &str) {
        self.push("FieldValueForbidden", path, "Forbidden".to_owned(), detail);
    }

    pub(crate) fn invalid(&mut self, path: &Path<'_>, value: &(impl Shown + ?Sized), detail: &str) {
        self.push("FieldValueInvalid", path, format!("Invalid value: {}", value.shown()), detail);
    }

    /// One fault for each sentence.
    pub(crate) fn invalid_each(&mut self, path: &Path<'_>, value: &(impl Shown + ?Sized), details: Vec<String>) {
        for detail in details {
            self.invalid(path, value, &detail);
        }
    }

    pub(crate) fn duplicate(&mut self, path: &Path<'_>, value: &str) {
        self.push("FieldValueDuplicate", path, format!("Duplicate value: {}", quote(value)), "");
    }

    pub(crate) fn not_found(&mut self, path: &Path<'_>, value: &str) {
        self.push("FieldValueNotFound", path, format!("Not found: {}", quote(value)), "");
    }

    pub(crate) fn too_long(&mut self, path: &Path<'_>, limit_bytes: usize) {
        self.push("FieldValueTooLong", path, "Too long".to_owned(), &format!("may not be more than {limit_bytes} bytes"));
    }

    /// The value is none of a fixed list; the list is printed in the given order.
    pub(crate) fn one_of(&mut self, path: &Path<'_>, value: &str, allowed: &[&str]) {
        if !allowed.contains(&value) {
            let allowed = allowed.iter().map(|value| quote(value)).collect::<Vec<_>>().join(", ");
            let message = format!("Unsupported value: {}", quote(value));
            self.push("FieldValueNotSupported", path, message, &format!("supported values: {allowed}"));
        }
    }

    /// As [`Self::one_of`], and an empty value is a missing one.
    pub(crate) fn required_one_of(&mut self, path: &Path<'_>, value: &str, allowed: &[&str]) {
        if value.is_empty() { self.required(path, "") } else { self.one_of(path, value, allowed) }
    }

    pub(crate) fn not_negative(&mut self, path: &Path<'_>, value: i64) {
        if value < 0 {
            self.invalid(path, &value, "must be greater than or equal to 0");
        }
    }
}
