//! Field selectors: `spec.nodeName=oak,status.phase!=Running`.
//!
//! Grammar and errors follow `apimachinery/pkg/fields/selector.go`; the fields are those each kind's storage offers.

use crate::lookup::{at, list, scalar, text};
use crate::{Kind, Status};
use serde_json::Value;

/// A parsed field selector of one kind. The empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: String,
    value: String,
    is_equal: bool,
}

impl FieldSelector {
    /// Reads a selector for objects of a kind.
    ///
    /// # Errors
    /// 400 `BadRequest` in Kubernetes' words, for bad syntax and for a field that this kind cannot be selected by.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Status> {
        let parts = split_terms(text).into_iter().filter(|part| !part.is_empty());
        let terms: Vec<Term> = parts.map(|part| parse_term(part, text)).collect::<Result<_, _>>().map_err(Status::bad_request)?;
        let known = fields_of(kind);
        match terms.iter().find(|term| !known.contains(&term.field.as_str())) {
            Some(term) => Err(Status::bad_request(format!("field label not supported: {}", term.field))),
            None => Ok(Self { terms }),
        }
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an object is selected.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|term| (value_of(object, &term.field) == term.value) == term.is_equal)
    }

    /// The value that a field must have, where the selector leaves only one.
    #[must_use]
    pub fn required_value(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.is_equal && term.field == field).map(|term| term.value.as_str())
    }
}

/// The fields that objects of a kind can be selected by.
#[must_use]
pub const fn fields_of(kind: Kind) -> &'static [&'static str] {
    crate::kinds::definition(kind).selectable
}

/// A field as text; missing is empty, a missing flag is `false`.
fn value_of(object: &Value, field: &str) -> String {
    match field {
        "spec.hostNetwork" | "spec.unschedulable" => {
            let pointer = if field == "spec.hostNetwork" { "/spec/hostNetwork" } else { "/spec/unschedulable" };
            at(object, pointer).and_then(Value::as_bool).unwrap_or_default().to_string()
        }
        "status.podIPs" => list(object, "/status/podIPs").iter().map(|ip| text(ip, "/ip")).collect::<Vec<_>>().join(","),
        "source" => match text(object, "/source/component") {
            "" => text(object, "/reportingComponent").to_owned(),
            component => component.to_owned(),
        },
        _ => {
            let found = field.split('.').try_fold(object, |value, key| value.get(key));
            found.map(scalar).unwrap_or_default()
        }
    }
}

/// Splits at commas that no backslash stands before.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn parse_term(part: &str, whole: &str) -> Result<Term, String> {
    let operators = [("!=", false), ("==", true), ("=", true)];
    let found = part.char_indices().find_map(|(index, _)| {
        operators.iter().find(|(operator, _)| part[index..].starts_with(operator)).map(|found| (index, found))
    });
    let Some((index, (operator, is_equal))) = found else {
        return Err(format!("invalid selector: '{whole}'; can't understand '{part}'"));
    };
    let value = unescape(&part[index + operator.len()..])?;
    Ok(Term { field: part[..index].to_owned(), value, is_equal: *is_equal })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                Some(other) => {
                    return Err(format!("invalid field selector: invalid escape sequence: {:?}", format!("\\{other}")));
                }
                None => return Err("invalid field selector: invalid escape sequence: \"\\\\\"".to_owned()),
            },
            ',' | '=' => return Err(format!("invalid field selector: unescaped character in value: {character:?}")),
            other => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{FieldSelector, fields_of};
    use crate::Kind;
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    #[test]
    fn pods_are_selected_by_node_and_phase() {
        let pod = json!({"metadata": {"name": "kubia"}, "spec": {"nodeName": "oak"}, "status": {"phase": "Running"}});
        let check = |selector: &str| FieldSelector::parse(Kind::Pod, selector).expect("a selector").matches(&pod);
        assert!(check(""));
        assert!(check("spec.nodeName=oak,status.phase!=Failed"));
        assert!(check("spec.nodeName==oak,,"));
        assert!(!check("spec.nodeName=oak,status.phase=Pending"));
        assert!(check("status.podIP="));
        assert!(check("spec.hostNetwork=false"));
        assert!(!check("metadata.name=a\\,b"));
        let selector = FieldSelector::parse(Kind::Pod, "metadata.name=kubia").expect("a selector");
        assert_eq!(selector.required_value("metadata.name"), Some("kubia"));
    }

    #[test]
    fn an_events_source_is_either_components_name() {
        let selector = FieldSelector::parse(Kind::Event, "source=kubelet,involvedObject.name=kubia").expect("a selector");
        let event = json!({"reportingComponent": "kubelet", "involvedObject": {"name": "kubia"}});
        assert!(selector.matches(&event));
    }

    #[test]
    fn faults_are_told_in_kubernetes_words() {
        let refused = |kind, text: &str| {
            let status = FieldSelector::parse(kind, text).expect_err("no selector");
            assert_eq!(status.code, 400);
            status.message
        };
        assert_eq!(refused(Kind::Pod, "spec.foo=x"), "field label not supported: spec.foo");
        assert_eq!(refused(Kind::Node, "spec.nodeName=x"), "field label not supported: spec.nodeName");
        assert_eq!(refused(Kind::Pod, "a=b,oak"), "invalid selector: 'a=b,oak'; can't understand 'oak'");
        assert!(refused(Kind::Pod, "metadata.name=a=b").contains("unescaped character in value"));
    }

    #[test]
    fn every_field_reads_from_an_empty_object() {
        for kind in Kind::ALL {
            for field in fields_of(kind) {
                let selector = FieldSelector::parse(kind, &format!("{field}=x")).expect("a selector");
                assert!(!selector.matches(&json!({})));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_selector_or_refused(text in any::<String>()) {
            let _ = FieldSelector::parse(Kind::Pod, &text);
        }
    }
}
