//! Which images a node has (`plugins/imagelocality`): a pod starts sooner where its own are.

use super::NodeState;
use k8s_openapi::api::core::v1::{Node, Pod};
use std::collections::BTreeMap;

const MIB: u64 = 1024 * 1024;
/// Less than this is pulled in no time.
const LEAST_BYTES: u64 = 23 * MIB;
/// More than this a container makes no difference any more.
const MOST_BYTES: u64 = 1000 * MIB;

/// The images of a node by name, with their size in bytes.
pub(super) fn of_node(node: &Node) -> BTreeMap<String, u64> {
    let images = node.status.iter().flat_map(|status| status.images.iter().flatten());
    let names = images.flat_map(|image| {
        let bytes = image.size_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        image.names.iter().flatten().map(move |name| (canonical(name), bytes))
    });
    names.collect()
}

/// One spelling for `nginx`, `nginx:latest` and `docker.io/library/nginx:latest`.
fn canonical(name: &str) -> String {
    let short = name.strip_prefix("docker.io/library/").or_else(|| name.strip_prefix("docker.io/")).unwrap_or(name);
    let has_tag = short.contains('@') || short.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { short.to_owned() } else { format!("{short}:latest") }
}

/// A pod's images, and on how many nodes each of them is.
pub(super) struct Wanted {
    images: Vec<(String, u64)>,
    nodes: u64,
}

impl Wanted {
    pub(super) fn of(pod: &Pod, nodes: &[&NodeState]) -> Self {
        let spec = pod.spec.iter();
        let containers = spec.flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
        let names = containers.filter_map(|container| container.image.as_deref()).map(canonical);
        let spread = |name: &str| nodes.iter().filter(|node| node.images().contains_key(name)).count();
        let images = names.map(|name| (u64::try_from(spread(&name)).unwrap_or(0), name)).map(|(on, name)| (name, on));
        Self { images: images.collect(), nodes: u64::try_from(nodes.len()).unwrap_or(u64::MAX).max(1) }
    }

    /// 0 to 100. What is on few nodes counts less, so that not all pods of an image heap up where it was pulled first.
    pub(super) fn score(&self, node: &NodeState) -> u64 {
        let bytes = |(name, on): &(String, u64)| node.images().get(name).map_or(0, |size| size.saturating_mul(*on) / self.nodes);
        let sum = self.images.iter().map(bytes).fold(0, u64::saturating_add);
        let most = MOST_BYTES.saturating_mul(u64::try_from(self.images.len()).unwrap_or(1).max(1));
        (sum.clamp(LEAST_BYTES, most) - LEAST_BYTES) * 100 / (most - LEAST_BYTES)
    }
}
