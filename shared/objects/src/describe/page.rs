//! The page a description is written on: indented lines whose tabs become columns at the end.

use crate::lookup::{map, scalar, time};
use crate::printing::{Layout, align, escape_terminal};
use jiff::Zoned;
use serde_json::{Map, Value};

const LAYOUT: Layout = Layout { min_width: 0, padding: 2 };

/// Longer annotations are cut.
const MAX_ANNOTATION: usize = 140;

/// What `apply` writes for itself is not shown.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Lines being written.
pub(crate) struct Page<'a> {
    /// The moment ages are counted to, in the reader's time zone.
    pub(super) now: &'a Zoned,
    done: String,
    open: String,
}

impl<'a> Page<'a> {
    pub(super) const fn new(now: &'a Zoned) -> Self {
        Self { now, done: String::new(), open: String::new() }
    }

    /// A line at a level of indentation. Tabs in it begin columns.
    pub(crate) fn line(&mut self, level: usize, text: impl AsRef<str>) {
        self.open.extend(std::iter::repeat_n("  ", level));
        self.open.push_str(&escape_terminal(text.as_ref()));
        self.open.push('\n');
    }

    /// A line `name: value`.
    pub(crate) fn field(&mut self, level: usize, name: &str, value: impl AsRef<str>) {
        self.line(level, format!("{name}:\t{}", value.as_ref()));
    }

    /// A field that is left out where it is empty.
    pub(crate) fn optional(&mut self, level: usize, name: &str, value: &str) {
        if !value.is_empty() {
            self.field(level, name, value);
        }
    }

    /// A field with one value a line, or `<none>`.
    pub(crate) fn multi_line(&mut self, name: &str, values: &[String]) {
        let Some((first, rest)) = values.split_first() else {
            return self.field(0, name, "<none>");
        };
        self.field(0, name, first);
        for value in rest {
            self.line(0, format!("\t{value}"));
        }
    }

    /// The columns so far are done: what follows is aligned for itself.
    pub(super) fn end_columns(&mut self) {
        self.done.push_str(&align(&self.open, LAYOUT));
        self.open.clear();
    }

    pub(super) fn finish(mut self) -> String {
        self.end_columns();
        self.done
    }

    /// A time as RFC 1123 has it, with the zone's offset. No time is the first moment of the calendar, as Go prints it.
    pub(super) fn moment(&self, value: &Value, pointer: &str) -> String {
        time(value, pointer).map_or_else(
            || "Mon, 01 Jan 0001 00:00:00 +0000".to_owned(),
            |at| at.to_zoned(self.now.time_zone().clone()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string(),
        )
    }

    /// How long ago something was.
    pub(super) fn age(&self, value: &Value, pointer: &str) -> String {
        crate::duration::since(time(value, pointer), self.now.timestamp())
    }
}

fn sorted(map: Option<&Map<String, Value>>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.into_iter().flatten().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// `key=value` of each entry of an object.
pub(crate) fn pairs(object: &Value, pointer: &str) -> Vec<String> {
    sorted(map(object, pointer)).into_iter().map(|(key, value)| format!("{key}={}", scalar(value))).collect()
}

/// `key` and amount of each entry of a resource list.
pub(super) fn amounts(object: &Value, pointer: &str) -> Vec<(String, String)> {
    sorted(map(object, pointer)).into_iter().map(|(key, value)| (key.clone(), scalar(value))).collect()
}

/// The lines of an object's annotations.
pub(super) fn annotations(object: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in sorted(map(object, "/metadata/annotations")) {
        let value = scalar(value);
        let value = value.strip_suffix('\n').unwrap_or(&value);
        if key == LAST_APPLIED {
            continue;
        }
        if value.len() + key.len() + 2 <= MAX_ANNOTATION && !value.contains('\n') {
            lines.push(format!("{key}: {value}"));
            continue;
        }
        lines.push(format!("{key}:"));
        lines.extend(value.split('\n').map(|line| format!("  {}", shorten(line))));
    }
    lines
}

fn shorten(line: &str) -> String {
    let limit = MAX_ANNOTATION - 2;
    if line.len() <= limit {
        return line.to_owned();
    }
    let end = (0..=limit).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &line[..end])
}
