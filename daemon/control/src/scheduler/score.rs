//! Which of the nodes that take a pod is the best: the scores of kube-scheduler's default plugins with their weights.
//!
//! `TaintToleration` 3, `NodeAffinity` 2, `PodTopologySpread` 2, `NodeResourcesFit` (least allocated), `NodeResourcesBalancedAllocation`
//! and `ImageLocality` 1 each, `InterPodAffinity` 2; every one gives 0 to 100. A pod that does not say how it is to be spread is spread
//! beside pods of the same owner, or of no owner and the same labels (Kubernetes spreads only those of a controller or service).

use super::requests::Resources;
use super::state::NodeState;
use super::{Relations, affinity, images, state, taints};
use k8s_openapi::api::core::v1::Pod;

/// The most that a plugin gives.
const MAX: u64 = 100;

/// A score for each node, in their order.
pub(super) fn scores(pod: &Pod, wanted: &Resources, relations: &Relations, nodes: &[&NodeState], all: &[&NodeState]) -> Vec<u64> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let group = state::group_of(pod);
    let non_zero = Resources::non_zero_of_pod(pod);
    let of = |count: &dyn Fn(&NodeState) -> u64| nodes.iter().map(|node| count(node)).collect::<Vec<u64>>();
    let avoided = more_is_worse(&of(&|node| taints::to_be_avoided(tolerations, node.taints())), 0);
    let liked = more_is_better(&of(&|node| affinity::preference(pod, node)));
    let together = of(&|node| group.as_deref().map_or(0, |group| node.count_of_group(group)));
    let spread = if relations.spread.is_asked_for() {
        relations.spread.scores(nodes)
    } else {
        more_is_worse(&together, together.iter().copied().min().unwrap_or(0))
    };
    let near = relations.neighbours.scores(nodes);
    let images = images::Wanted::of(pod, all);
    let one = |index: usize, node: &NodeState| {
        let room = least_allocated(node.non_zero_requested().plus(non_zero), node.allocatable());
        let balance = balanced(node.requested().plus(*wanted), node.allocatable());
        3 * avoided[index] + 2 * (liked[index] + spread[index] + near[index]) + room + balance + images.score(node)
    };
    nodes.iter().enumerate().map(|(index, node)| one(index, node)).collect()
}

/// `helper.DefaultNormalizeScore`
fn more_is_better(counts: &[u64]) -> Vec<u64> {
    let most = counts.iter().copied().max().unwrap_or(0);
    counts.iter().map(|count| (count * MAX).checked_div(most).unwrap_or(0)).collect()
}

/// The same the other way round; the least counts as nothing to be said against a node.
fn more_is_worse(counts: &[u64], least: u64) -> Vec<u64> {
    let most = counts.iter().copied().max().unwrap_or(0);
    counts.iter().map(|count| ((most + least - count) * MAX).checked_div(most).unwrap_or(MAX)).collect()
}

/// The share that stays free, of cpu and memory (`leastResourceScorer`).
fn least_allocated(used: Resources, all: Resources) -> u64 {
    (free(used.cpu_milli, all.cpu_milli, MAX) + free(used.memory_bytes, all.memory_bytes, MAX)) / 2
}

/// How alike the shares of cpu and memory are (`balancedResourceScorer`).
fn balanced(used: Resources, all: Resources) -> u64 {
    let (cpu, memory) = (free(used.cpu_milli, all.cpu_milli, 1000), free(used.memory_bytes, all.memory_bytes, 1000));
    MAX - cpu.abs_diff(memory) * MAX / 2000
}

/// The free share of something, of `whole`.
fn free(used: i64, all: i64, whole: u64) -> u64 {
    if all <= 0 || used >= all {
        return 0;
    }
    u64::try_from((i128::from(all) - i128::from(used)) * i128::from(whole) / i128::from(all)).unwrap_or(0)
}
