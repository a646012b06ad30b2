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
    container.resources.as_ref().map(of).unwrap_or_default()
}

fn of(resources: &ResourceRequirements) -> ContainerResources {
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

/// The numbers of a whole pod: requests add up; a limit is one only if every container has it.
pub fn pod_resources(pod: &Pod) -> ContainerResources {
    let all: Vec<ContainerResources> = spec_of(pod).containers.iter().map(container_resources).collect();
    let sum_of_some = |pick: fn(&ContainerResources) -> Option<u64>| {
        let found: Vec<u64> = all.iter().filter_map(pick).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    };
    let sum_of_all = |pick: fn(&ContainerResources) -> Option<u64>| all.iter().map(pick).sum::<Option<u64>>();
    ContainerResources {
        cpu_request_milli: sum_of_some(|one| one.cpu_request_milli),
        cpu_limit_milli: sum_of_all(|one| one.cpu_limit_milli),
        memory_request_bytes: sum_of_some(|one| one.memory_request_bytes),
        memory_limit_bytes: sum_of_all(|one| one.memory_limit_bytes),
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
