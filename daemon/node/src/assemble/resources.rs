//! Requests and limits as the kernel's numbers, and the classes that follow from them.
//!
//! `pkg/kubelet/cm/helpers_linux.go`, `pkg/kubelet/qos/policy.go`, `pkg/apis/core/v1/helper/qos/qos.go`.

use super::spec_of;
use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use objects::quantity::Quantity;

/// A pod's quality of service class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    /// Every container has limits of cpu and memory, and requests as much.
    Guaranteed,
    /// Some container has a request or limit.
    Burstable,
    /// None has.
    BestEffort,
}

/// What containers ask for and may use; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContainerResources {
    /// Thousandths of a core.
    pub cpu_request_milli: Option<u64>,
    /// Thousandths of a core.
    pub cpu_limit_milli: Option<u64>,
    /// Bytes.
    pub memory_request_bytes: Option<u64>,
    /// Bytes.
    pub memory_limit_bytes: Option<u64>,
}

/// The numbers of one container. A request that is missing is its limit.
pub fn container_resources(container: &Container) -> ContainerResources {
    container.resources.as_ref().map(amounts).unwrap_or_default()
}

/// Requests and limits in numbers.
pub fn amounts(resources: &ResourceRequirements) -> ContainerResources {
    let quantity = |map: Option<&std::collections::BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>,
                    name| { map.and_then(|map| map.get(name)).and_then(|text| Quantity::parse(&text.0).ok()) };
    let milli = |found: Option<Quantity>| found.and_then(|found| u64::try_from(found.to_milli()).ok());
    let bytes = |found: Option<Quantity>| found.and_then(|found| u64::try_from(found.to_bytes()).ok());
    let (limits, requests) = (resources.limits.as_ref(), resources.requests.as_ref());
    let cpu_limit_milli = milli(quantity(limits, "cpu")).filter(|limit| *limit > 0);
    let memory_limit_bytes = bytes(quantity(limits, "memory")).filter(|limit| *limit > 0);
    ContainerResources {
        cpu_request_milli: milli(quantity(requests, "cpu")).or(cpu_limit_milli),
        cpu_limit_milli,
        memory_request_bytes: bytes(quantity(requests, "memory")).or(memory_limit_bytes),
        memory_limit_bytes,
    }
}

/// The numbers of a whole pod: those of its containers and sidecars together, or of its greediest init container with the sidecars
/// before it where that is more. A limit is one only if every container has it.
pub fn pod_resources(pod: &Pod) -> ContainerResources {
    let spec = spec_of(pod);
    let init: Vec<(bool, ContainerResources)> = spec
        .init_containers
        .iter()
        .flatten()
        .map(|container| (container.restart_policy.as_deref() == Some("Always"), container_resources(container)))
        .collect();
    let apps: Vec<ContainerResources> = spec.containers.iter().map(container_resources).collect();
    let need = |pick: fn(&ContainerResources) -> Option<u64>| {
        let (mut sidecars, mut most) = (0, 0_u64);
        for (is_sidecar, one) in &init {
            let own = pick(one).unwrap_or(0);
            most = most.max(sidecars + own);
            sidecars += if *is_sidecar { own } else { 0 };
        }
        most.max(sidecars + apps.iter().filter_map(pick).sum::<u64>())
    };
    let all = || apps.iter().chain(init.iter().map(|(_, one)| one));
    let of_some = |pick: fn(&ContainerResources) -> Option<u64>| all().any(|one| pick(one).is_some()).then(|| need(pick));
    let of_all = |pick: fn(&ContainerResources) -> Option<u64>| all().all(|one| pick(one).is_some()).then(|| need(pick));
    ContainerResources {
        cpu_request_milli: of_some(|one| one.cpu_request_milli),
        cpu_limit_milli: of_all(|one| one.cpu_limit_milli),
        memory_request_bytes: of_some(|one| one.memory_request_bytes),
        memory_limit_bytes: of_all(|one| one.memory_limit_bytes),
    }
}

/// The class that admission wrote into the pod's status.
pub fn qos(pod: &Pod) -> Qos {
    match pod.status.as_ref().and_then(|status| status.qos_class.as_deref()) {
        Some("Guaranteed") => Qos::Guaranteed,
        Some("Burstable") => Qos::Burstable,
        _ => Qos::BestEffort,
    }
}

/// How early the kernel kills a container when memory runs out (`GetContainerOOMScoreAdjust`).
pub fn oom_score_adj(pod: &Pod, container: &Container, node_memory_bytes: u64) -> i32 {
    const GUARANTEED: i32 = -997;
    const BEST_EFFORT: i32 = 1000;
    match qos(pod) {
        Qos::Guaranteed => GUARANTEED,
        Qos::BestEffort => BEST_EFFORT,
        Qos::Burstable => {
            let request = container_resources(container).memory_request_bytes.unwrap_or(0);
            let share = request.saturating_mul(1000).checked_div(node_memory_bytes).unwrap_or(0);
            let score = 1000 - i32::try_from(share.min(1000)).unwrap_or(1000);
            score.clamp(1000 + GUARANTEED, BEST_EFFORT - 1)
        }
    }
}
