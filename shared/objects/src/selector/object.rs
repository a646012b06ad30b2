//! Selectors as objects hold them: `matchLabels` and `matchExpressions`
//! (`apimachinery/pkg/apis/meta/v1/helpers.go:LabelSelectorAsSelector`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use std::collections::BTreeMap;

/// Whether labels have all that a selector demands. An empty one demands nothing.
#[must_use]
pub fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let has_labels = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    has_labels && selector.match_expressions.iter().flatten().all(|requirement| holds(requirement, labels))
}

fn holds(requirement: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let is_listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|listed| listed == value));
    match requirement.operator.as_str() {
        "In" => is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// A selector as `get -o wide` and `describe` show it: `app=kubia,tier in (a,b)`.
#[must_use]
pub fn shown(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let expression = |requirement: &LabelSelectorRequirement| {
        let key = &requirement.key;
        let mut values = requirement.values.clone().unwrap_or_default();
        values.sort_unstable();
        match requirement.operator.as_str() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        }
    };
    let terms: Vec<String> = equal.chain(selector.match_expressions.iter().flatten().map(expression)).collect();
    if terms.is_empty() { "<none>".to_owned() } else { terms.join(",") }
}
