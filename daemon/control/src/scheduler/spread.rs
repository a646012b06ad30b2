//! How evenly pods are spread over zones, nodes or whatever a label tells apart: `topologySpreadConstraints` (`plugins/podtopologyspread`).

use super::fit_error::{Preemption, Refusal};
use super::selector::Selector;
use super::state::NodeState;
use super::{affinity, taints};
use k8s_openapi::api::core::v1::{Pod, TopologySpreadConstraint};
use std::collections::BTreeMap;

const UNEVEN: &str = "node(s) didn't match pod topology spread constraints";
const NO_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";
/// The label that every node has a value of its own of.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// The most that a score is.
const MAX: u64 = 100;

/// One constraint, and how many pods that it means are where.
struct Constraint {
    max_skew: i64,
    min_domains: usize,
    key: String,
    /// Whether the pod itself is one of those that it means.
    is_own: bool,
    counts: BTreeMap<String, i64>,
}

/// A pod's constraints.
pub(super) struct Spread {
    hard: Vec<Constraint>,
    soft: Vec<Constraint>,
    is_asked_for: bool,
}

impl Spread {
    pub(super) fn of(pod: &Pod, nodes: &[&NodeState]) -> Self {
        let constraints = pod.spec.as_ref().and_then(|spec| spec.topology_spread_constraints.as_deref()).unwrap_or_default();
        let is_hard = |one: &&TopologySpreadConstraint| one.when_unsatisfiable != "ScheduleAnyway";
        let (hard, soft): (Vec<&TopologySpreadConstraint>, Vec<_>) = constraints.iter().partition(is_hard);
        let counted = |some: &[&TopologySpreadConstraint]| some.iter().map(|one| count(pod, one, some, nodes)).collect();
        Self { hard: counted(&hard), soft: counted(&soft), is_asked_for: !constraints.is_empty() }
    }

    /// Whether the pod says itself how it is to be spread.
    pub(super) fn is_asked_for(&self) -> bool {
        self.is_asked_for
    }

    /// Why a node does not suit.
    pub(super) fn refuse(&self, node: &NodeState) -> Option<Refusal> {
        for constraint in &self.hard {
            let Some(value) = node.labels().get(&constraint.key) else {
                return Some(Refusal::new(NO_LABEL, Preemption::NotHelpful));
            };
            if constraint.skew_with(value) > constraint.max_skew {
                return Some(Refusal::new(UNEVEN, Preemption::NoVictims));
            }
        }
        None
    }

    /// How few of the pods that are to be spread are where each node is, 0 to 100, in the order of the nodes.
    pub(super) fn scores(&self, nodes: &[&NodeState]) -> Vec<u64> {
        let has_all = |node: &&NodeState| self.soft.iter().all(|one| node.labels().contains_key(&one.key));
        if self.soft.is_empty() {
            return vec![0; nodes.len()];
        }
        let suitable: Vec<&NodeState> = nodes.iter().copied().filter(has_all).collect();
        let weights: Vec<f64> = self.soft.iter().map(|one| one.weight(&suitable)).collect();
        let crowd = |node: &NodeState| {
            let parts = self.soft.iter().zip(&weights).map(|(one, weight)| {
                let count = node.labels().get(&one.key).and_then(|value| one.counts.get(value)).copied().unwrap_or(0);
                count as f64 * weight + (one.max_skew - 1) as f64
            });
            // Rounded, so that the last digit of a logarithm decides nothing.
            parts.sum::<f64>().round() as u64
        };
        let crowds: Vec<Option<u64>> = nodes.iter().map(|node| has_all(node).then(|| crowd(node))).collect();
        let (least, most) = (crowds.iter().flatten().min().copied(), crowds.iter().flatten().max().copied());
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(0));
        let score = |crowd: u64| ((most + least - crowd) * MAX).checked_div(most).unwrap_or(MAX);
        crowds.into_iter().map(|crowd| crowd.map_or(0, score)).collect()
    }
}

impl Constraint {
    /// How much fuller than the emptiest domain one would be with the pod.
    fn skew_with(&self, value: &str) -> i64 {
        let least = if self.counts.len() < self.min_domains { 0 } else { self.counts.values().copied().min().unwrap_or(0) };
        self.counts.get(value).copied().unwrap_or(0) + i64::from(self.is_own) - least
    }

    /// A difference counts more where there are more domains.
    fn weight(&self, nodes: &[&NodeState]) -> f64 {
        let mut values: Vec<&String> = nodes.iter().filter_map(|node| node.labels().get(&self.key)).collect();
        if self.key != HOSTNAME {
            values.sort_unstable();
            values.dedup();
        }
        (values.len() as f64 + 2.0).ln()
    }
}

/// Counts the pods that a constraint means, on the nodes that it looks at: those that have the labels of all constraints of its sort.
fn count(pod: &Pod, one: &TopologySpreadConstraint, sort: &[&TopologySpreadConstraint], nodes: &[&NodeState]) -> Constraint {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let keys = one.match_label_keys.as_deref().unwrap_or_default();
    let selector = Selector::of(one.label_selector.as_ref(), keys, &[], &labels);
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let is_looked_at = |node: &&&NodeState| {
        let honours_affinity = one.node_affinity_policy.as_deref() != Some("Ignore");
        let honours_taints = one.node_taints_policy.as_deref() == Some("Honor");
        sort.iter().all(|other| node.labels().contains_key(&other.topology_key))
            && (!honours_affinity || affinity::matches(pod, node))
            && (!honours_taints || taints::untolerated(tolerations, node.taints(), &["NoSchedule", "NoExecute"]).is_none())
    };
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for node in nodes.iter().filter(is_looked_at) {
        let others = node.others(&pod.metadata).map(|taken| &taken.profile);
        let is_meant = |other: &&super::pod_affinity::Profile| {
            other.namespace == namespace && !other.is_terminating && selector.selects(&other.labels)
        };
        let meant = i64::try_from(others.filter(is_meant).count()).unwrap_or(i64::MAX);
        if let Some(value) = node.labels().get(&one.topology_key) {
            *counts.entry(value.clone()).or_default() += meant;
        }
    }
    Constraint {
        max_skew: i64::from(one.max_skew),
        min_domains: one.min_domains.and_then(|least| usize::try_from(least).ok()).unwrap_or(1),
        key: one.topology_key.clone(),
        is_own: selector.selects(&labels),
        counts,
    }
}
