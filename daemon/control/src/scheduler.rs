//! Which node a pod is bound to, and whether a node takes a pod that is bound to it.
//!
//! Filters and words are those of kube-scheduler's plugins and kubelet's admission; the score is their least-allocated one. Every
//! node's state is a [`NodeState`], kept up to date by its holder; a decision looks at states only.

mod affinity;
mod ports;
mod requests;
mod state;
mod taints;

pub use requests::Resources;
pub use state::NodeState;

use crate::pod::{RejectReason, Rejection};
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

/// Pods that name another scheduler are not ours.
const SCHEDULER_NAME: &str = "default-scheduler";

/// Where a pod goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// To this node.
    Bind {
        /// Its name.
        node: String,
    },
    /// Nowhere, as things stand: condition `PodScheduled` False with reason `Unschedulable`, event `FailedScheduling`.
    Unschedulable {
        /// `0/1 nodes are available: 1 Insufficient cpu.`
        message: String,
    },
    /// Nowhere until its gates are taken away: condition reason `SchedulingGated`.
    Gated {
        /// The condition's message.
        message: String,
    },
    /// It is bound, ended, being deleted, or another scheduler's.
    NotOurs,
}

/// Places a pod on one of the nodes.
#[must_use]
pub fn place(pod: &Pod, nodes: &[&NodeState]) -> Placement {
    let Some(spec) = &pod.spec else { return Placement::NotOurs };
    let is_ours = spec.scheduler_name.as_deref().is_none_or(|name| name == SCHEDULER_NAME);
    let is_placed = spec.node_name.as_ref().is_some_and(|name| !name.is_empty());
    if is_placed || !is_ours || pod.metadata.deletion_timestamp.is_some() || state::has_ended(pod) {
        return Placement::NotOurs;
    }
    if spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        return Placement::Gated { message: "Scheduling is blocked due to non-empty scheduling gates".to_owned() };
    }
    if nodes.is_empty() {
        return Placement::Unschedulable { message: "no nodes available to schedule pods".to_owned() };
    }
    let wanted = Resources::of_pod(pod);
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(u64, &NodeState)> = None;
    for node in nodes {
        let reasons = refuse(pod, &wanted, node);
        if reasons.is_empty() {
            let score = score(&wanted, node);
            // Of equal nodes the first by name, so that every scheduler decides alike.
            if best.is_none_or(|(most, chosen)| score > most || score == most && node.name() < chosen.name()) {
                best = Some((score, node));
            }
        }
        for reason in reasons {
            *refusals.entry(reason).or_default() += 1;
        }
    }
    match best {
        Some((_, node)) => Placement::Bind { node: node.name().to_owned() },
        None => Placement::Unschedulable { message: explain(nodes.len(), &refusals) },
    }
}

/// `framework.FitError`
fn explain(nodes: usize, refusals: &BTreeMap<String, usize>) -> String {
    let mut reasons: Vec<String> = refusals.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    reasons.sort();
    format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
}

/// Why a node does not suit, in the order of the plugins: the first that refuses has the word.
fn refuse(pod: &Pod, wanted: &Resources, node: &NodeState) -> Vec<String> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    if node.is_unschedulable() && !taints::tolerates_unschedulable(tolerations) {
        return vec!["node(s) were unschedulable".to_owned()];
    }
    if taints::untolerated(tolerations, node.taints(), &["NoSchedule", "NoExecute"]).is_some() {
        return vec!["node(s) had untolerated taint(s)".to_owned()];
    }
    if !affinity::matches(pod, node) {
        return vec![affinity::MISMATCH.to_owned()];
    }
    if node.has_taken_a_port_of(pod) {
        return vec![ports::TAKEN.to_owned()];
    }
    node.shortages(wanted, &pod.metadata).into_iter().map(state::Shortage::to_scheduler).collect()
}

/// The share of a node that stays free with the pod on it, of cpu and memory, in thousandths of each.
fn score(wanted: &Resources, node: &NodeState) -> u64 {
    node.free_share(wanted)
}

/// Whether a node runs a pod that is bound to it (`pkg/kubelet/lifecycle/predicate.go`): the last word, for pods whose manifest
/// names the node, and for those that were placed when it looked different.
///
/// # Errors
/// What the node lacks, in kubelet's words.
pub fn admit(pod: &Pod, node: &NodeState) -> Result<(), Rejection> {
    let reject = |reason, message: String| Err(Rejection { reason, message: format!("Pod was rejected: {message}") });
    if let Some(shortage) = node.shortages(&Resources::of_pod(pod), &pod.metadata).first() {
        return reject(shortage.reason(), shortage.to_kubelet());
    }
    if !affinity::matches(pod, node) {
        return reject(RejectReason::NodeAffinity, format!("Predicate NodeAffinity failed: {}", affinity::MISMATCH));
    }
    if node.has_taken_a_port_of(pod) {
        return reject(RejectReason::NodePorts, format!("Predicate NodePorts failed: {}", ports::TAKEN));
    }
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    if taints::untolerated(tolerations, node.taints(), &["NoExecute"]).is_some() {
        let message = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
        return reject(RejectReason::TaintToleration, message.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
