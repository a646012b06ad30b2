//! Conditions on the fields of log lines that are JSON: `.level>=warn`, `.http.status=503`, `.msg~time.?out`, `.user`.

use super::json::field;
use crate::console::model::query::pattern;
use objects::lookup::scalar;
use regex::Regex;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Names of levels, from the one that says most to the one that says least, with the number that pino and bunyan write.
const LEVELS: [(&str, f64); 11] = [
    ("trace", 10.0),
    ("debug", 20.0),
    ("info", 30.0),
    ("notice", 35.0),
    ("warn", 40.0),
    ("warning", 40.0),
    ("error", 50.0),
    ("err", 50.0),
    ("critical", 55.0),
    ("fatal", 60.0),
    ("panic", 60.0),
];

/// Conditions that all must hold.
#[derive(Debug, Clone)]
pub struct Fields(Vec<Condition>);

#[derive(Debug, Clone)]
struct Condition {
    path: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    IsThere,
    Equals(String, bool),
    Compares(String, fn(Ordering) -> bool),
    Matches(Regex),
}

/// What stands between a field and its value, the longer ones first.
const OPERATORS: [&str; 7] = [">=", "<=", "!=", "=", ">", "<", "~"];

impl Fields {
    /// Conditions as they are typed, separated by spaces; `None` where the text is not of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let conditions: Option<Vec<Condition>> = text.split_whitespace().map(condition).collect();
        conditions.filter(|conditions| !conditions.is_empty()).map(Self)
    }

    /// Whether a line is JSON and all conditions hold.
    pub fn match_line(&self, line: &str) -> bool {
        // Reading JSON is slow, so what lacks the names of the fields is not read.
        let is_named = |condition: &Condition| line.contains(condition.path.rsplit('.').next().unwrap_or_default());
        if !line.starts_with('{') || !self.0.iter().all(is_named) {
            return false;
        }
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(line) else { return false };
        self.0.iter().all(|condition| field(&fields, &condition.path).is_some_and(|value| condition.test.holds(value)))
    }
}

fn condition(word: &str) -> Option<Condition> {
    let rest = word.strip_prefix('.')?;
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@' | '/');
    let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
    let (path, test) = rest.split_at(end);
    // `.*` and the like are regular expressions.
    if path.is_empty() || path.starts_with('.') {
        return None;
    }
    let path = path.to_owned();
    if test.is_empty() {
        return Some(Condition { path, test: Test::IsThere });
    }
    let operator = OPERATORS.into_iter().find(|operator| test.starts_with(operator))?;
    let value = test[operator.len()..].to_owned();
    let test = match operator {
        // As long as nothing is typed after it, only the field is asked for.
        _ if value.is_empty() => Test::IsThere,
        ">=" => Test::Compares(value, Ordering::is_ge),
        "<=" => Test::Compares(value, Ordering::is_le),
        ">" => Test::Compares(value, Ordering::is_gt),
        "<" => Test::Compares(value, Ordering::is_lt),
        "!=" => Test::Equals(value, false),
        "=" => Test::Equals(value, true),
        _ => Test::Matches(pattern(&value)),
    };
    Some(Condition { path, test })
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        let text = match value {
            Value::Object(_) | Value::Array(_) | Value::Null => value.to_string(),
            plain => scalar(plain),
        };
        match self {
            Self::IsThere => true,
            Self::Equals(wanted, is_wanted) => (order(&text, wanted) == Some(Ordering::Equal)) == *is_wanted,
            Self::Compares(wanted, is_so) => order(&text, wanted).is_some_and(is_so),
            Self::Matches(regex) => regex.is_match(&text),
        }
    }
}

/// How two values stand to each other: as numbers, as levels, else as texts.
fn order(value: &str, wanted: &str) -> Option<Ordering> {
    let level = |text: &str| LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, rank)| *rank);
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some(wanted) = level(wanted) {
        return level(value).or_else(|| number(value)).and_then(|value| value.partial_cmp(&wanted));
    }
    match (number(value), number(wanted)) {
        (Some(value), Some(wanted)) => value.partial_cmp(&wanted),
        _ => Some(value.to_lowercase().cmp(&wanted.to_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn conditions_compare_numbers_levels_and_texts() {
        let line = r#"{"level":"warn","status":503,"http":{"path":"/a b","ms":12.5},"user":null,"ok":false}"#;
        let check = |text: &str, expected: bool| {
            assert_eq!(Fields::parse(text).expect("conditions").match_line(line), expected, "{text}");
        };
        for held in [
            ".level=warn",
            ".level=WARNING",
            ".level>=info",
            ".level<error",
            ".status=503",
            ".status>=500",
            ".status!=200",
            ".http.ms<13",
            ".http.path~^/a",
            ".ok=false",
            ".user",
            ".status>=500 .level=warn",
            ".http.",
            ".status>",
        ] {
            check(held, true);
        }
        for not in [".level=error", ".level>warn", ".status<100", ".none", ".none!=1", ".http.path=/a", ".status=503 .level=info"]
        {
            check(not, false);
        }
        assert!(Fields::parse(".level>=warn").expect("conditions").match_line(r#"{"level":50}"#), "pino's numbers");
        assert!(!Fields::parse(".level").expect("conditions").match_line("level: warn"), "no JSON");
    }

    #[test]
    fn a_regular_expression_is_no_condition() {
        for text in ["", "warn", ".*", "..", ".level warn", ".a{2}", ".(b)"] {
            assert!(Fields::parse(text).is_none(), "{text}");
        }
    }
}
