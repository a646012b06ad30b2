//! Which nodes a pod asks for: `nodeSelector`, the required node affinity and the preferred one (`component-helpers/scheduling/corev1/nodeaffinity`).

use super::NodeState;
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, Pod};

/// The scheduler's words.
pub(super) const MISMATCH: &str = "node(s) didn't match Pod's node affinity/selector";

/// Whether the node is one of them.
pub(super) fn matches(pod: &Pod, node: &NodeState) -> bool {
    let Some(spec) = &pod.spec else { return true };
    let has_labels = spec.node_selector.iter().flatten().all(|(key, value)| node.labels().get(key) == Some(value));
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    has_labels && required.is_none_or(|selector| selector.node_selector_terms.iter().any(|term| suits(term, node)))
}

/// The weights of the preferred terms that the node suits, together.
pub(super) fn preference(pod: &Pod, node: &NodeState) -> u64 {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref()?.node_affinity.as_ref());
    let terms = affinity.and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.as_deref());
    let suited = terms.unwrap_or_default().iter().filter(|term| suits(&term.preference, node));
    suited.map(|term| u64::try_from(term.weight).unwrap_or(0)).sum()
}

/// All requirements of a term hold; one without any suits no node.
fn suits(term: &NodeSelectorTerm, node: &NodeState) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let name_of = |key: &str| (key == "metadata.name").then(|| node.name());
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|one| holds(one, node.labels().get(&one.key).map(String::as_str)))
        && fields.iter().all(|one| holds(one, name_of(&one.key)))
}

fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let is_listed = value.is_some_and(|value| values.iter().any(|listed| listed == value));
    let numbers = || Some((value?.parse::<i64>().ok()?, values.first()?.parse::<i64>().ok()?));
    match requirement.operator.as_str() {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, limit)| value > limit),
        "Lt" => numbers().is_some_and(|(value, limit)| value < limit),
        _ => false,
    }
}
