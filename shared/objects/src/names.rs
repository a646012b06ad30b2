//! What names, labels, ports and keys may look like, with Kubernetes' words for what is wrong.
//!
//! Each function returns one sentence a fault, in the order of `apimachinery/pkg/util/validation`; an empty list is a
//! valid text. The matchers are written out: their grammars are a few character classes, and no regex engine is needed.

const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const QUALIFIED_RULE: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/// A DNS-1123 subdomain: an object's name.
#[must_use]
pub fn dns1123_subdomain(value: &str) -> Vec<String> {
    let mut faults = too_long(value, 253);
    if !is_dns1123_subdomain(value) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        faults.push(rule_fault(rule, SUBDOMAIN, &["example.com"]));
    }
    faults
}

/// A DNS-1123 subdomain that may have underscores: the search domains of a pod.
#[must_use]
pub fn dns1123_subdomain_with_underscore(value: &str) -> Vec<String> {
    let mut faults = too_long(value, 253);
    let is_part = |part: &str| {
        let part = part.strip_prefix('_').unwrap_or(part);
        is_bounded(part, is_lower_alnum, |byte| is_lower_alnum(byte) || matches!(byte, b'-' | b'_'))
    };
    if !value.split('.').all(is_part) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
        let form = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
        faults.push(rule_fault(rule, form, &["example.com"]));
    }
    faults
}

/// A DNS-1123 label: a container's name, a namespace.
#[must_use]
pub fn dns1123_label(value: &str) -> Vec<String> {
    let mut faults = too_long(value, 63);
    if !is_dns1123_label(value) {
        faults.push(if is_dns1123_subdomain(value) {
            "must not contain dots".to_owned()
        } else {
            let rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
            rule_fault(rule, LABEL, &["my-name", "123-abc"])
        });
    }
    faults
}

/// A label's or annotation's key: `[prefix/]name`.
#[must_use]
pub fn qualified_name(value: &str) -> Vec<String> {
    let form = || rule_fault(QUALIFIED_RULE, QUALIFIED, &["MyName", "my.name", "123-abc"]);
    let mut faults = Vec::new();
    let name = match value.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                faults.extend(dns1123_subdomain(prefix).into_iter().map(|fault| format!("prefix part {fault}")));
            }
            *name
        }
        _ => {
            return vec![format!(
                "a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                form()
            )];
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else {
        faults.extend(too_long(name, 63).into_iter().map(|fault| format!("name part {fault}")));
    }
    if !is_qualified(name) {
        faults.push(format!("name part {}", form()));
    }
    faults
}

/// A label's value.
#[must_use]
pub fn label_value(value: &str) -> Vec<String> {
    let mut faults = too_long(value, 63);
    if !value.is_empty() && !is_qualified(value) {
        let rule = format!("a valid label must be an empty string or consist of {}", &QUALIFIED_RULE["must consist of ".len()..]);
        faults.push(rule_fault(&rule, &format!("({QUALIFIED})?"), &["MyValue", "my_value", "12345"]));
    }
    faults
}

/// The name of a port: 15 characters with a letter.
#[must_use]
pub fn port_name(value: &str) -> Vec<String> {
    let mut faults = too_long(value, 15);
    if value.is_empty() || !value.bytes().all(|byte| is_lower_alnum(byte) || byte == b'-') {
        faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !value.bytes().any(|byte| byte.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)".to_owned());
    }
    if value.contains("--") {
        faults.push("must not contain consecutive hyphens".to_owned());
    }
    if value.starts_with('-') || value.ends_with('-') {
        faults.push("must not begin or end with a hyphen".to_owned());
    }
    faults
}

/// The number of a port.
#[must_use]
pub fn port_number(value: i64) -> Vec<String> {
    if (1..=65535).contains(&value) { Vec::new() } else { vec![range_fault(1, 65535)] }
}

/// The number of a user or group.
#[must_use]
pub fn user_id(value: i64) -> Vec<String> {
    let highest = i64::from(i32::MAX);
    if (0..=highest).contains(&value) { Vec::new() } else { vec![range_fault(0, highest)] }
}

/// An environment variable: printable ASCII without `=`.
#[must_use]
pub fn environment_variable(value: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if value.is_empty() {
        faults.push("environment variable name must be non-empty".to_owned());
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
        faults
            .push("a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned());
    }
    faults
}

/// A key of a ConfigMap or Secret.
#[must_use]
pub fn config_key(value: &str) -> Vec<String> {
    let mut faults = too_long(value, 253);
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        faults.push(rule_fault(rule, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    match value {
        "." => faults.push("must not be '.'".to_owned()),
        ".." => faults.push("must not be '..'".to_owned()),
        _ if value.starts_with("..") => faults.push("must not start with '..'".to_owned()),
        _ => {}
    }
    faults
}

/// The name of an HTTP header.
#[must_use]
pub fn http_header(value: &str) -> Vec<String> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Vec::new();
    }
    vec![rule_fault("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// What `generateName` may be: a name whose last dash will be followed by more.
#[must_use]
pub fn generated_name_base(value: &str) -> Vec<String> {
    // Kubernetes masks the last two characters by one letter; a multi-byte one is a fault in any case.
    match value.strip_suffix('-') {
        Some(base) if !base.is_empty() && base.is_ascii() => dns1123_subdomain(&format!("{}a", &base[..base.len() - 1])),
        _ => dns1123_subdomain(value),
    }
}

/// `must be between 1 and 9, inclusive`.
#[must_use]
pub fn range_fault(lowest: i64, highest: i64) -> String {
    format!("must be between {lowest} and {highest}, inclusive")
}

fn too_long(value: &str, limit: usize) -> Vec<String> {
    if value.len() > limit { vec![format!("must be no more than {limit} characters")] } else { Vec::new() }
}

fn rule_fault(rule: &str, form: &str, examples: &[&str]) -> String {
    let examples = examples.iter().map(|example| format!("'{example}', ")).collect::<Vec<_>>().join(" or ");
    format!("{rule} (e.g. {examples}regex used for validation is '{form}')")
}

fn is_dns1123_subdomain(value: &str) -> bool {
    value.split('.').all(is_dns1123_label)
}

fn is_dns1123_label(value: &str) -> bool {
    is_bounded(value, is_lower_alnum, |byte| is_lower_alnum(byte) || byte == b'-')
}

fn is_qualified(value: &str) -> bool {
    is_bounded(value, |byte| byte.is_ascii_alphanumeric(), |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether the text has one character of `edge` at each end and only characters of `inner` between.
fn is_bounded(value: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = value.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => edge(*first) && edge(*last) && bytes.iter().all(|byte| inner(*byte)),
        _ => false,
    }
}

fn is_lower_alnum(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests;
