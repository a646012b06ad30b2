//! Which node a pod is bound to, and whether a node takes a pod that is bound to it.
//!
//! Filters, scores and words are those of kube-scheduler's plugins (v1.36) and kubelet's admission. Every node's state is a
//! [`NodeState`], kept up to date by its holder; a decision looks at states and at who is alive only, so that everybody who sees the
//! same decides the same. Who of all nodes places a pod is [`placer`]'s.

mod affinity;
mod fit_error;
mod images;
pub mod placer;
mod pod_affinity;
mod ports;
mod requests;
mod score;
mod selector;
mod spread;
mod state;
mod taints;

pub use requests::Resources;
pub use state::NodeState;
pub(crate) use state::has_ended;
pub use taints::UNREACHABLE;
pub(crate) use taints::{NOT_READY, tolerates};

use crate::membership::Members;
use crate::pod::{NoRoom, RejectReason, Rejection};
use crate::rendezvous;
use fit_error::{Preemption, Refusal};
use k8s_openapi::api::core::v1::Pod;
use pod_affinity::Neighbours;
use spread::Spread;
use std::cmp::Reverse;

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
        /// `0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: …`
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

/// What the pods that are there mean for one that is to be placed.
struct Relations {
    neighbours: Neighbours,
    spread: Spread,
}

impl Relations {
    fn refuse(&self, node: &NodeState) -> Option<Refusal> {
        self.spread.refuse(node).or_else(|| self.neighbours.refuse(node))
    }
}

/// Whether where a pod may go depends on where others are.
#[must_use]
pub fn looks_at_others(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let has_affinity =
        spec.affinity.as_ref().is_some_and(|affinity| affinity.pod_affinity.is_some() || affinity.pod_anti_affinity.is_some());
    has_affinity || spec.topology_spread_constraints.as_ref().is_some_and(|some| !some.is_empty())
}

/// Places a pod on one of the nodes.
///
/// A node that is not seen alive never takes one: it counts as tainted `node.kubernetes.io/unreachable`, and a pod that tolerates that
/// is not sent there either. Whoever sees that node may place the pod there; a side that does not could not even tell it.
#[must_use]
pub fn place(pod: &Pod, nodes: &[&NodeState], members: &Members) -> Placement {
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
    let mut refusals = Vec::new();
    let mut suitable = Vec::new();
    let relations = Relations { neighbours: Neighbours::of(pod, nodes), spread: Spread::of(pod, nodes) };
    for node in nodes {
        match refuse(pod, &wanted, node, members).or_else(|| relations.refuse(node)) {
            Some(refusal) => refusals.push(refusal),
            None => suitable.push(*node),
        }
    }
    let never_preempts = spec.preemption_policy.as_deref() == Some("Never");
    match best(pod, &wanted, &relations, &suitable, nodes) {
        Some(node) => Placement::Bind { node: node.name().to_owned() },
        None => Placement::Unschedulable { message: fit_error::explain(&refusals, never_preempts) },
    }
}

/// Of equal nodes the one that hashing picks: the same one for everybody, and another one for the next pod.
fn best<'a>(
    pod: &Pod,
    wanted: &Resources,
    relations: &Relations,
    suitable: &[&'a NodeState],
    all: &[&NodeState],
) -> Option<&'a NodeState> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let scores = score::scores(pod, wanted, relations, suitable, all);
    let order =
        |(node, score): &(&&NodeState, u64)| (*score, rendezvous::weight(uid, node.name()), Reverse(node.name().to_owned()));
    suitable.iter().zip(scores).max_by_key(order).map(|(node, _)| *node)
}

/// Why a node does not suit, in the order of the plugins: the first that refuses has the word.
fn refuse(pod: &Pod, wanted: &Resources, node: &NodeState, members: &Members) -> Option<Refusal> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    if node.is_unschedulable() && !taints::tolerates_unschedulable(tolerations) {
        return Some(Refusal::new("node(s) were unschedulable", Preemption::NotHelpful));
    }
    let is_alive = members.is_alive(node.name());
    let is_left_alone = !is_alive && !taints::tolerates_unreachable(tolerations);
    if is_left_alone || taints::untolerated(tolerations, node.taints(), &["NoSchedule", "NoExecute"]).is_some() {
        return Some(Refusal::new("node(s) had untolerated taint(s)", Preemption::NotHelpful));
    }
    if !is_alive {
        return Some(Refusal::new("node(s) were unreachable", Preemption::NotHelpful));
    }
    if !affinity::matches(pod, node) {
        return Some(Refusal::new(affinity::MISMATCH, Preemption::NotHelpful));
    }
    if node.has_taken_a_port_of(pod) {
        return Some(Refusal::new(ports::TAKEN, Preemption::NoVictims));
    }
    let shortages = node.shortages(wanted, &pod.metadata);
    let never_fits = shortages.iter().any(state::Shortage::is_of_the_whole_node);
    let preemption = if never_fits { Preemption::NotHelpful } else { Preemption::NoVictims };
    let reasons: Vec<String> = shortages.into_iter().map(state::Shortage::to_scheduler).collect();
    (!reasons.is_empty()).then_some(Refusal { reasons, preemption })
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

/// Why a node has no room for what one of its pods asks for now, beyond what it has already; `None` where it has.
#[must_use]
pub fn room_for(pod: &Pod, node: &NodeState) -> Option<NoRoom> {
    let wanted = Resources::of_pod(pod);
    let shortage =
        node.shortages(&wanted, &pod.metadata).into_iter().find(|shortage| node.asks_for_more(shortage, &wanted, pod))?;
    Some(NoRoom { is_final: shortage.is_of_the_whole_node(), message: shortage.to_resize() })
}

#[cfg(test)]
mod tests;
