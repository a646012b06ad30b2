//! Which lines of a log are shown.

use crate::console::model::query::pattern;
use regex::Regex;

/// A filter of lines.
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    /// What is looked for.
    pub regex: Regex,
    wanted: bool,
    /// Lines before and after a match that are shown with it.
    pub context: usize,
}

impl Filter {
    /// A filter as it was typed; `!` before it turns it round. `None` where nothing was.
    pub fn parse(text: &str, context: usize) -> Option<Self> {
        let (pattern_text, wanted) = match text.strip_prefix('!') {
            Some(rest) => (rest, false),
            None => (text, true),
        };
        (!pattern_text.is_empty()).then(|| Self { text: text.to_owned(), regex: pattern(pattern_text), wanted, context })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether matches are what is shown.
    pub const fn shows_matches(&self) -> bool {
        self.wanted
    }

    /// Whether a line is shown.
    pub fn passes(&self, line: &str) -> bool {
        self.regex.is_match(line) == self.wanted
    }
}
