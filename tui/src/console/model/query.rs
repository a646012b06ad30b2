//! The filter of a list: words that a row must have (`web`, `we.*2`), must not have (`!web`), has roughly (`~wb`), has in
//! one column (`status:crash`), and labels (`-l app=web`). All of them must hold.

use super::columns::Column;
use super::row::Row;
use jiff::Timestamp;
use objects::selector::LabelSelector;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

/// A filter, read once and asked for every row.
#[derive(Debug, Clone, Default)]
pub struct Query {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    test: Test,
    wanted: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Anywhere(Regex),
    Column(usize, Regex),
    Fuzzy(String),
    Labels(LabelSelector),
}

impl Query {
    /// Reads a filter. What does not read as a regular expression is looked for as it stands.
    ///
    /// # Errors
    /// Says what is wrong with a label selector.
    pub fn parse(text: &str, columns: &[Column]) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if let Some(rest) = word.strip_prefix("-l") {
                let selector = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
                let selector = LabelSelector::parse(selector).map_err(|status| status.message)?;
                terms.push(Term { test: Test::Labels(selector), wanted: true });
                continue;
            }
            let (word, wanted) = match word.strip_prefix('!') {
                Some(rest) => (rest, false),
                None => (word, true),
            };
            if !word.is_empty() {
                terms.push(Term { test: test(word, columns), wanted });
            }
        }
        Ok(Self { text: text.trim().to_owned(), terms })
    }

    /// As the user wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether every row passes.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row passes.
    pub fn matches(&self, row: &Row, now: Timestamp) -> bool {
        self.terms.iter().all(|term| {
            let found = match &term.test {
                Test::Anywhere(regex) => row.cells.iter().any(|cell| regex.is_match(&cell.label(now))),
                Test::Column(at, regex) => row.cells.get(*at).is_some_and(|cell| regex.is_match(&cell.label(now))),
                Test::Fuzzy(letters) => row.cells.iter().any(|cell| cell.plain().is_some_and(|text| is_fuzzy(letters, text))),
                Test::Labels(selector) => selector.matches(Some(&labels(row))),
            };
            found == term.wanted
        })
    }
}

fn labels(row: &Row) -> Value {
    let pairs = row.labels().map(|(key, value)| (key.to_owned(), Value::from(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn test(word: &str, columns: &[Column]) -> Test {
    if let Some(letters) = word.strip_prefix('~').filter(|letters| !letters.is_empty()) {
        return Test::Fuzzy(letters.to_lowercase());
    }
    if let Some((title, value)) = word.split_once(':') {
        let begins =
            |column: &Column| column.title.len() >= title.len() && column.title[..title.len()].eq_ignore_ascii_case(title);
        let is_word = title.is_ascii() && !title.is_empty();
        // `name` is a column of its own and the beginning of NAMESPACE.
        let exact = columns.iter().position(|column| column.title.eq_ignore_ascii_case(title));
        if let Some(at) = exact.or_else(|| columns.iter().position(|column| is_word && begins(column))) {
            return Test::Column(at, pattern(value));
        }
    }
    Test::Anywhere(pattern(word))
}

/// A pattern that minds the case where it has capital letters. What is no regular expression stands for itself.
pub fn pattern(text: &str) -> Regex {
    let ignore_case = !text.chars().any(char::is_uppercase);
    let build = |text: &str| RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(1 << 20).build();
    build(text)
        .or_else(|_| build(&regex::escape(text)))
        .unwrap_or_else(|_| Regex::new("$^").expect("a pattern that never matches"))
}

fn is_fuzzy(letters: &str, text: &str) -> bool {
    let mut wanted = letters.chars().peekable();
    for letter in text.chars().flat_map(char::to_lowercase) {
        wanted.next_if_eq(&letter);
    }
    wanted.peek().is_none()
}

#[cfg(test)]
mod tests {
    use super::Query;
    use crate::console::model::columns::{Column, Shown, Side};
    use crate::console::model::row::{Cell, Facts, Row};
    use crate::console::model::store::tests::named;
    use jiff::Timestamp;

    fn row(name: &str, status: &str) -> Row {
        let mut row = named(name);
        row.cells = [Cell::text(""), Cell::text(name), Cell::text(status)].into();
        row.facts = Facts::new("", "", "", [("app", "web")]);
        row
    }

    #[test]
    fn every_kind_of_word_narrows_the_list() {
        let column = |title| Column { title, source: "", least: 4, leave: 0, shown: Shown::Always, side: Side::Left };
        let columns = [column("NAMES"), column("NAME"), column("STATUS")];
        let row = row("web-1", "Running");
        let cases = [
            ("", true),
            ("web", true),
            ("WEB", false),
            ("running", true),
            ("we.*1", true),
            ("web -l app=web", true),
            ("-l app!=web", false),
            ("!web", false),
            ("!db web", true),
            ("stat:run", true),
            ("name:run", false),
            ("name:web", true),
            ("names:web", false),
            ("~w1", true),
            ("~1w", false),
            ("(", false),
            ("a:b:c", false),
            ("web db", false),
            ("é:x", false),
        ];
        for (text, expected) in cases {
            let query = Query::parse(text, &columns).expect(text);
            assert_eq!(query.matches(&row, Timestamp::UNIX_EPOCH), expected, "{text:?}");
        }
        assert!(Query::parse("-l a=b=c,,", &columns).is_err());
    }
}
