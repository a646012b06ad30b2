//! Lines that are JSON, as people read them: the level and what was said first, the other fields after it.

use objects::lookup::scalar;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Names that programs give to the level.
const LEVELS: [&str; 4] = ["level", "severity", "lvl", "log.level"];
/// Names that programs give to what is said.
const MESSAGES: [&str; 4] = ["msg", "message", "event", "text"];
/// Names of the time, which stands before the line already.
const TIMES: [&str; 5] = ["time", "ts", "timestamp", "@timestamp", "t"];

/// How lines that are JSON are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Json {
    /// As they are.
    #[default]
    Raw,
    /// As fields.
    Fields,
    /// Only these fields.
    Only(Vec<String>),
}

impl Json {
    /// A line as it is shown. One that is no JSON object stays as it is.
    pub fn show<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if *self == Self::Raw || !line.starts_with('{') {
            return Cow::Borrowed(line);
        }
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(line) else { return Cow::Borrowed(line) };
        let text = match self {
            Self::Only(wanted) => {
                let shown = wanted.iter().map(|path| field(&fields, path));
                shown.flatten().map(text_of).collect::<Vec<_>>().join("  ")
            }
            _ => all(&fields),
        };
        Cow::Owned(crate::console::base::text::clean(&text.replace('\n', "⏎")))
    }
}

/// The field of that name, or of that path: `http.status`.
pub fn field<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    fields.get(path).or_else(|| at(fields, path.trim_end_matches('.')))
}

/// `http.status` in fields within fields.
fn at<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let value = fields.get(names.next()?)?;
    names.try_fold(value, |value, name| match name.parse::<usize>() {
        // `tags.0` is the first of them.
        Ok(place) if value.is_array() => value.get(place),
        _ => value.get(name),
    })
}

fn all(fields: &Map<String, Value>) -> String {
    let named = |names: &[&str]| names.iter().find_map(|name| fields.get_key_value(*name));
    let (level, message) = (named(&LEVELS), named(&MESSAGES));
    let mut text = String::new();
    if let Some((_, level)) = level {
        text.push_str(&format!("{:<5} ", text_of(level).to_uppercase()));
    }
    if let Some((_, message)) = message {
        text.push_str(&text_of(message));
    }
    let told = [level, message].into_iter().flatten().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    for (name, value) in fields.iter().filter(|(name, _)| !told.contains(&name.as_str()) && !TIMES.contains(&name.as_str())) {
        text.push_str(&format!("  {name}={}", text_of(value)));
    }
    text
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) | Value::Null => value.to_string(),
        plain => scalar(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn level_and_message_come_first_and_what_is_no_json_stays() {
        let line = r#"{"time":"2026","level":"warn","msg":"slow\nanswer","ms":1204,"http":{"status":503},"ok":false}"#;
        let listed = Json::Only(vec!["tags.1".to_owned(), "tags.7".to_owned()]);
        assert_eq!(listed.show(r#"{"tags":["a","b"]}"#), "b");
        assert_eq!(Json::Raw.show(line), line);
        assert_eq!(Json::Fields.show(line), "WARN  slow⏎answer  http={\"status\":503}  ms=1204  ok=false");
        assert_eq!(Json::Only(vec!["http.status".to_owned(), "ms".to_owned(), "none".to_owned()]).show(line), "503  1204");
        for other in ["plain", "{not json", "[1]", ""] {
            assert_eq!(Json::Fields.show(other), other);
        }
    }
}
