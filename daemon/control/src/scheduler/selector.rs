//! Which pods a manifest's label selector means (`apimachinery/pkg/apis/meta/v1/helpers.go:LabelSelectorAsSelector`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use std::collections::BTreeMap;

/// Labels by key.
pub(super) type Labels = BTreeMap<String, String>;

/// A selector together with what `matchLabelKeys` and `mismatchLabelKeys` add to it: values of the labels of the pod that has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selector {
    selector: Option<LabelSelector>,
    equal: Vec<(String, String)>,
    unequal: Vec<(String, String)>,
}

impl Selector {
    /// Of a pod with these labels. Keys that it has no label of say nothing.
    pub(super) fn of(selector: Option<&LabelSelector>, equal: &[String], unequal: &[String], labels: &Labels) -> Self {
        let pairs = |keys: &[String]| keys.iter().filter_map(|key| Some((key.clone(), labels.get(key)?.clone()))).collect();
        Self { selector: selector.cloned(), equal: pairs(equal), unequal: pairs(unequal) }
    }

    /// Whether a pod is meant. Without a selector none is; an empty one means all.
    pub(super) fn selects(&self, labels: &Labels) -> bool {
        let has = |(key, value): &(String, String)| labels.get(key) == Some(value);
        self.selector.as_ref().is_some_and(|selector| selects(selector, labels))
            && self.equal.iter().all(has)
            && !self.unequal.iter().any(has)
    }
}

/// Whether all that a selector demands is there.
pub(super) fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let has_labels = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    has_labels && selector.match_expressions.iter().flatten().all(|requirement| holds(requirement, labels))
}

fn holds(requirement: &LabelSelectorRequirement, labels: &Labels) -> bool {
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
