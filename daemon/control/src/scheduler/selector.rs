//! Which pods a manifest's label selector means (`apimachinery/pkg/apis/meta/v1/helpers.go:LabelSelectorAsSelector`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
pub(super) use objects::selector::selects;
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
