//! Which of a set's pods goes first: the order of `pkg/controller/controller_utils.go`, `ActivePodsWithRanks.Less`.
//!
//! Ages are compared as they are. Kubernetes compares their logarithms, from its clock's now, and lets the uid decide between alike
//! ones; here two nodes, with two clocks, must choose the same pods.

use super::Replica;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The pods, the first to go first.
pub(super) fn first_to_go<'a>(active: &[&'a Replica]) -> Vec<&'a Replica> {
    let mut neighbours: BTreeMap<&str, usize> = BTreeMap::new();
    for node in active.iter().filter_map(|pod| pod.node.as_deref()) {
        *neighbours.entry(node).or_default() += 1;
    }
    let beside = |pod: &Replica| pod.node.as_deref().and_then(|node| neighbours.get(node)).copied().unwrap_or(0);
    let mut order: Vec<&Replica> = active.to_vec();
    order.sort_by(|one, other| compare(one, other, &beside));
    order
}

fn compare(one: &Replica, other: &Replica, beside: &impl Fn(&Replica) -> usize) -> Ordering {
    let phase = |pod: &Replica| match pod.phase.as_str() {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    // Unbound, then not running, then not ready, then cheap.
    (one.node.is_some().cmp(&other.node.is_some()))
        .then_with(|| phase(one).cmp(&phase(other)))
        .then_with(|| one.ready_since.is_some().cmp(&other.ready_since.is_some()))
        .then_with(|| one.deletion_cost.cmp(&other.deletion_cost))
        // Then where there are more of them on a node, then what is ready for less long.
        .then_with(|| beside(other).cmp(&beside(one)))
        .then_with(|| other.ready_since.cmp(&one.ready_since))
        // Then what was restarted more often, then the younger.
        .then_with(|| other.restarts.cmp(&one.restarts))
        .then_with(|| other.created.cmp(&one.created))
        .then_with(|| one.uid.cmp(&other.uid))
}
