//! Validation of what decides on a pod's node: tolerations, affinity, spreading, gates.

use super::faults::{Faults, Path, Shown};
use crate::names;
use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PodSpec, Toleration, TopologySpreadConstraint,
    WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeSet;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Checks tolerations.
pub(super) fn tolerations(tolerations: &[Toleration], path: &Path<'_>, faults: &mut Faults) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let path = path.index(index);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (key, operator) = (text(&toleration.key), text(&toleration.operator));
        let (value, effect) = (text(&toleration.value), text(&toleration.effect));
        if !key.is_empty() {
            faults.invalid_each(&path.child("key"), &key, names::qualified_name(&key));
        } else if operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            faults.invalid(&path.child("operator"), &operator, detail);
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            faults.invalid(&path.child("effect"), &effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
        match operator.as_str() {
            "Equal" | "" => {
                let wrong = names::label_value(&value);
                if !wrong.is_empty() {
                    faults.invalid(&path.child("operator"), &value, &wrong.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                faults.invalid(&path.child("operator"), &value, "value must be empty when `operator` is 'Exists'")
            }
            "Exists" => {}
            other => faults.one_of(&path.child("operator"), other, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            faults.one_of(&path.child("effect"), &effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
        }
    }
}

/// Checks the gates of scheduling and of readiness.
pub(super) fn gates(spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let readiness = path.child("readinessGates");
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let path = readiness.index(index);
        faults.invalid_each(&path.child("conditionType"), &gate.condition_type, names::qualified_name(&gate.condition_type));
    }
    let scheduling = path.child("schedulingGates");
    let mut taken = BTreeSet::new();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        let path = scheduling.index(index);
        faults.invalid_each(&path, &gate.name, names::qualified_name(&gate.name));
        if !taken.insert(gate.name.as_str()) {
            faults.duplicate(&path, &gate.name);
        }
    }
}

/// Checks affinity.
pub(super) fn affinity(affinity: Option<&Affinity>, path: &Path<'_>, faults: &mut Faults) {
    let Some(affinity) = affinity else { return };
    if let Some(node) = &affinity.node_affinity {
        let path = path.child("nodeAffinity");
        if let Some(selector) = &node.required_during_scheduling_ignored_during_execution {
            let path = path.child(REQUIRED);
            let path = path.child("nodeSelectorTerms");
            if selector.node_selector_terms.is_empty() {
                faults.required(&path, "must have at least one node selector term");
            }
            for (index, term) in selector.node_selector_terms.iter().enumerate() {
                node_term(term, &path.index(index), faults);
            }
        }
        let path = path.child(PREFERRED);
        for (index, term) in node.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
            let path = path.index(index);
            weight(term.weight, &path, faults);
            node_term(&term.preference, &path.child("preference"), faults);
        }
    }
    if let Some(pods) = &affinity.pod_affinity {
        let required = pods.required_during_scheduling_ignored_during_execution.as_deref();
        let preferred = pods.preferred_during_scheduling_ignored_during_execution.as_deref();
        pod_terms(required, preferred, &path.child("podAffinity"), faults);
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        let required = pods.required_during_scheduling_ignored_during_execution.as_deref();
        let preferred = pods.preferred_during_scheduling_ignored_during_execution.as_deref();
        pod_terms(required, preferred, &path.child("podAntiAffinity"), faults);
    }
}

fn weight(weight: i32, path: &Path<'_>, faults: &mut Faults) {
    if !(1..=100).contains(&weight) {
        faults.invalid(&path.child("weight"), &weight, "must be in the range 1-100");
    }
}

fn node_term(term: &NodeSelectorTerm, path: &Path<'_>, faults: &mut Faults) {
    let expressions = path.child("matchExpressions");
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        node_requirement(requirement, &expressions.index(index), faults);
    }
    let fields = path.child("matchFields");
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        let path = fields.index(index);
        let values = requirement.values.as_deref().unwrap_or_default();
        match requirement.operator.as_str() {
            "In" | "NotIn" if values.len() == 1 => {}
            "In" | "NotIn" => {
                faults.required(
                    &path.child("values"),
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
                );
            }
            other => faults.invalid(&path.child("operator"), other, "not a valid selector operator"),
        }
        if requirement.key != "metadata.name" {
            faults.invalid(&path.child("key"), &requirement.key, "not a valid field selector key");
        }
    }
}

fn node_requirement(requirement: &NodeSelectorRequirement, path: &Path<'_>, faults: &mut Faults) {
    let values = requirement.values.as_deref().unwrap_or_default();
    let values_path = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            faults.required(&values_path, "must be specified when `operator` is 'In' or 'NotIn'")
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            faults.forbidden(&values_path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "Gt" | "Lt" if values.len() != 1 => {
            faults.required(&values_path, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => faults.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
    faults.invalid_each(&path.child("key"), &requirement.key, names::qualified_name(&requirement.key));
    for (index, value) in values.iter().enumerate() {
        faults.invalid_each(&values_path.index(index), value, names::label_value(value));
    }
}

fn pod_terms(
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
    path: &Path<'_>,
    faults: &mut Faults,
) {
    let required_path = path.child(REQUIRED);
    for (index, term) in required.into_iter().flatten().enumerate() {
        pod_term(term, &required_path.index(index), faults);
    }
    let preferred_path = path.child(PREFERRED);
    for (index, term) in preferred.into_iter().flatten().enumerate() {
        let path = preferred_path.index(index);
        weight(term.weight, &path, faults);
        pod_term(&term.pod_affinity_term, &path.child("podAffinityTerm"), faults);
    }
}

fn pod_term(term: &PodAffinityTerm, path: &Path<'_>, faults: &mut Faults) {
    selector(term.label_selector.as_ref(), &path.child("labelSelector"), faults);
    selector(term.namespace_selector.as_ref(), &path.child("namespaceSelector"), faults);
    for namespace in term.namespaces.iter().flatten() {
        faults.invalid_each(&path.child("namespace"), namespace, names::dns1123_label(namespace));
    }
    let key = path.child("topologyKey");
    if term.topology_key.is_empty() {
        faults.required(&key, "can not be empty");
    }
    faults.invalid_each(&key, &term.topology_key, names::qualified_name(&term.topology_key));
}

/// Checks a selector of labels.
pub(super) fn selector(selector: Option<&LabelSelector>, path: &Path<'_>, faults: &mut Faults) {
    let Some(selector) = selector else { return };
    super::metadata::labels(selector.match_labels.as_ref(), &path.child("matchLabels"), faults);
    let expressions = path.child("matchExpressions");
    for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        let path = expressions.index(index);
        let values = requirement.values.as_deref().unwrap_or_default();
        let values_path = path.child("values");
        match requirement.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                faults.required(&values_path, "must be specified when `operator` is 'In' or 'NotIn'")
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                faults.forbidden(&values_path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => faults.invalid(&path.child("operator"), other, "not a valid selector operator"),
        }
        faults.invalid_each(&path.child("key"), &requirement.key, names::qualified_name(&requirement.key));
        for (index, value) in values.iter().enumerate() {
            faults.invalid_each(&values_path.index(index), value, names::label_value(value));
        }
    }
}

/// Checks how pods are spread.
pub(super) fn spread(constraints: Option<&[TopologySpreadConstraint]>, path: &Path<'_>, faults: &mut Faults) {
    let constraints = constraints.unwrap_or_default();
    for (index, constraint) in constraints.iter().enumerate() {
        let path = path.index(index);
        positive(&constraint.max_skew, i64::from(constraint.max_skew), &path.child("maxSkew"), faults);
        if constraint.topology_key.is_empty() {
            faults.required(&path.child("topologyKey"), "can not be empty");
        }
        let action = constraint.when_unsatisfiable.as_str();
        faults.one_of(&path.child("whenUnsatisfiable"), action, &["DoNotSchedule", "ScheduleAnyway"]);
        let is_repeated = |other: &TopologySpreadConstraint| {
            other.topology_key == constraint.topology_key && other.when_unsatisfiable == action
        };
        if constraints[index + 1..].iter().any(is_repeated) {
            faults.duplicate(
                &path.child("{topologyKey, whenUnsatisfiable}"),
                &format!("{{{}, {action}}}", constraint.topology_key),
            );
        }
        if let Some(domains) = constraint.min_domains {
            let path = path.child("minDomains");
            positive(&domains, i64::from(domains), &path, faults);
            if action != "DoNotSchedule" {
                faults.invalid(
                    &path,
                    &domains,
                    &format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"),
                );
            }
        }
        let policies =
            [("nodeAffinityPolicy", &constraint.node_affinity_policy), ("nodeTaintsPolicy", &constraint.node_taints_policy)];
        for (field, policy) in policies {
            if let Some(policy) = policy {
                faults.one_of(&path.child(field), policy, &["Honor", "Ignore"]);
            }
        }
        selector(constraint.label_selector.as_ref(), &path.child("labelSelector"), faults);
    }
}

fn positive(shown: &impl Shown, value: i64, path: &Path<'_>, faults: &mut Faults) {
    if value <= 0 {
        faults.invalid(path, shown, "must be greater than zero");
    }
}
