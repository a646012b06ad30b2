//! Which lines of a log are shown.

use super::fields::Fields;
use crate::console::model::query::pattern;
use regex::Regex;

/// A filter of lines.
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    test: Test,
    wanted: bool,
    /// Lines before and after a match that are shown with it.
    pub context: usize,
}

#[derive(Debug, Clone)]
enum Test {
    Text(Regex),
    Fields(Fields),
}

impl Filter {
    /// A filter as it was typed; `!` before it turns it round, `.` begins with a field of lines that are JSON. `None` where nothing was.
    pub fn parse(text: &str, context: usize) -> Option<Self> {
        let (rest, wanted) = match text.strip_prefix('!') {
            Some(rest) => (rest, false),
            None => (text, true),
        };
        let test = match Fields::parse(rest) {
            Some(fields) => Test::Fields(fields),
            None => Test::Text(pattern(rest)),
        };
        (!rest.is_empty()).then(|| Self { text: text.to_owned(), test, wanted, context })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands out in the lines that are shown; `None` where nothing does.
    pub fn shown(&self) -> Option<&Regex> {
        match &self.test {
            Test::Text(regex) => self.wanted.then_some(regex),
            Test::Fields(_) => None,
        }
    }

    /// Whether a line is shown.
    pub fn passes(&self, line: &str) -> bool {
        let is_match = match &self.test {
            Test::Text(regex) => regex.is_match(line),
            Test::Fields(fields) => fields.match_line(line),
        };
        is_match == self.wanted
    }
}
