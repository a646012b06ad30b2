//! Takes out of a recording what is nobody's business: values of Secrets, tokens, passwords, private keys.
//!
//! What is taken out is told by where it stands (a Secret's data, a field or variable whose name says it) or by its own form (a private key, a
//! JSON web token, `Bearer …`, `password=…`, a name with a password in an address). A secret that has neither cannot be told from other text.

use regex::{Captures, Regex};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::LazyLock;

/// What stands in its place.
const GONE: &str = "REDACTED";
/// The same where base64 is expected.
const GONE_BASE64: &str = "UkVEQUNURUQ=";

/// Fields of Kubernetes whose names end like a secret's, and that hold a name.
const NAMES: [&str; 4] = ["secretname", "serviceaccountname", "automountserviceaccounttoken", "imagepullsecrets"];

struct Forms {
    /// What a text has that has any of the others: most have none, and are looked at once.
    any: Regex,
    key: Regex,
    token: Regex,
    scheme: Regex,
    pair: Regex,
    address: Regex,
    join: Regex,
}

static FORMS: LazyLock<Option<Forms>> = LazyLock::new(|| {
    let new = |pattern: &str| Regex::new(pattern).ok();
    Some(Forms {
        any: new(r"(?i)eyJ|-----BEGIN|bearer|basic|://|skiff1\.|passw|passphrase|secret|token|key|credential")?,
        key: new(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)")?,
        token: new(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")?,
        scheme: new(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9+/_.~=-]{8,}")?,
        pair: new(
            r#"(?i)([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credentials?))(["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s"',;&}]+)"#,
        )?,
        address: new(r"(://[^/\s:@]+:)[^/\s@]+@")?,
        join: new(r"\bskiff1\.[A-Za-z0-9_.-]{8,}")?,
    })
});

/// Whether a name says that its value is secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "privatekey",
        "private_key",
        "private-key",
        "accesskey",
        "access_key",
        "access-key",
        "credential",
        "credentials",
        "secretkey",
        "secret_key",
    ];
    !NAMES.contains(&name.as_str()) && ends.iter().any(|end| name.ends_with(end))
}

/// Takes secrets out of an object; how many.
pub fn value(value: &mut Value) -> u64 {
    match value {
        Value::Object(fields) => {
            let is_secret = fields.get("kind").and_then(Value::as_str) == Some("Secret");
            let is_named = fields.get("name").and_then(Value::as_str).is_some_and(is_secret_name);
            let mut count = 0;
            for (name, field) in fields.iter_mut() {
                count += match (name.as_str(), &mut *field) {
                    ("data", Value::Object(data)) if is_secret => all(data, GONE_BASE64),
                    ("stringData", Value::Object(data)) if is_secret => all(data, GONE),
                    ("value", Value::String(value)) if is_named => replace(value, GONE),
                    (name, Value::String(value)) if is_secret_name(name) => replace(value, GONE),
                    (_, field) => self::value(field),
                };
            }
            count
        }
        Value::Array(items) => items.iter_mut().map(self::value).sum(),
        Value::String(string) => of_string(string),
        _ => 0,
    }
}

/// A whole object as text, as `last-applied-configuration` has it, is an object.
fn of_string(string: &mut String) -> u64 {
    if string.starts_with('{')
        && let Ok(mut inner) = serde_json::from_str::<Value>(string)
    {
        let count = value(&mut inner);
        if count > 0 {
            *string = inner.to_string();
        }
        return count;
    }
    text(string)
}

fn all(data: &mut serde_json::Map<String, Value>, gone: &str) -> u64 {
    data.values_mut()
        .map(|value| {
            if value.as_str() == Some(gone) {
                0
            } else {
                *value = gone.into();
                1
            }
        })
        .sum()
}

fn replace(value: &mut String, gone: &str) -> u64 {
    if value.is_empty() || value == gone {
        return 0;
    }
    gone.clone_into(value);
    1
}

/// The same of an object's text, which is not written anew where there is nothing to be taken out.
pub fn raw(raw: &RawValue) -> (Box<RawValue>, u64) {
    let Ok(mut object) = serde_json::from_str::<Value>(raw.get()) else { return (RawValue::NULL.to_owned(), 0) };
    match value(&mut object) {
        0 => (raw.to_owned(), 0),
        count => (serde_json::value::to_raw_value(&object).unwrap_or_else(|_| RawValue::NULL.to_owned()), count),
    }
}

/// Takes secrets out of a text: a manifest, lines of a log; how many.
pub fn text(text: &mut String) -> u64 {
    let mut count = if text.contains("kind: Secret") || text.contains("kind: \"Secret\"") { manifest(text) } else { 0 };
    let Some(forms) = FORMS.as_ref() else { return count };
    if !forms.any.is_match(text) {
        return count;
    }
    let mut put = |regex: &Regex, with: &dyn Fn(&Captures<'_>) -> String| {
        let changed = regex.replace_all(text, |captures: &Captures<'_>| {
            let new = with(captures);
            count += u64::from(new != captures[0]);
            new
        });
        if let std::borrow::Cow::Owned(changed) = changed {
            *text = changed;
        }
    };
    put(&forms.key, &|_| GONE.to_owned());
    put(&forms.join, &|_| GONE.to_owned());
    put(&forms.token, &|_| GONE.to_owned());
    put(&forms.scheme, &|found| format!("{}{}{GONE}", &found[1], &found[2]));
    put(&forms.address, &|found| format!("{}{GONE}@", &found[1]));
    put(&forms.pair, &|found| {
        let holds_name = NAMES.contains(&found[1].to_ascii_lowercase().as_str());
        let is_plain =
            matches!(found[3].trim_matches(['"', '\'']), GONE | GONE_BASE64 | "true" | "false" | "null" | "{" | "[" | "|");
        let quote = found[3].chars().next().filter(|letter| matches!(letter, '"' | '\'')).map(String::from).unwrap_or_default();
        if holds_name || is_plain { found[0].to_owned() } else { format!("{}{}{quote}{GONE}{quote}", &found[1], &found[2]) }
    });
    count
}

/// Values below `data:` and `stringData:` of the documents of a manifest that are Secrets.
fn manifest(text: &mut String) -> u64 {
    let mut count = 0;
    let mut out = Vec::new();
    for document in text.split_inclusive("\n---") {
        if !document.contains("kind: Secret") && !document.contains("kind: \"Secret\"") {
            out.push(document.to_owned());
            continue;
        }
        let mut block: Option<usize> = None;
        let mut field: Option<usize> = None;
        for line in document.split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            let word = line.trim();
            if word.is_empty() {
                out.push(line.to_owned());
                continue;
            }
            if block.is_some_and(|block| indent <= block) {
                (block, field) = (None, None);
            }
            match (block, field) {
                (Some(_), Some(field)) if indent > field => count += 1, // the rest of a value of several lines
                (Some(_), _) => {
                    field = Some(indent);
                    match line.split_once(':') {
                        Some((name, value)) if !value.trim().is_empty() => {
                            count += 1;
                            out.push(format!("{name}: {GONE_BASE64}\n"));
                        }
                        _ => out.push(line.to_owned()),
                    }
                }
                (None, _) => {
                    if word == "data:" || word == "stringData:" {
                        block = Some(indent);
                    }
                    out.push(line.to_owned());
                }
            }
        }
    }
    *text = out.concat();
    count
}
