//! Which pod goes first (`pkg/kubelet/eviction/helpers.go`), and what is said of it.

use super::{Condition, Shortage, Signal};
use crate::pod::{RejectReason, Rejection};
use crate::qos::QosClass;
use crate::scheduler::{Resources, tolerates};
use k8s_openapi::api::core::v1::{Container, Pod, Taint};
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;

/// Pods of this priority and above are what the system needs (`SystemCriticalPriority`).
const CRITICAL_PRIORITY: i32 = 2_000_000_000;

/// What a pod uses of what is scarce.
#[derive(Debug, Clone)]
pub struct PodUse {
    /// The pod.
    pub pod: Arc<Pod>,
    /// All of it.
    pub used: u64,
    /// Its containers', where that is known.
    pub containers: Vec<ContainerUse>,
}

/// What a container uses of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerUse {
    /// Its name.
    pub name: String,
    /// How much.
    pub used: u64,
}

/// Whether a pod is one that a node needs itself: it is never put out.
#[must_use]
pub fn is_critical(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0) >= CRITICAL_PRIORITY
}

/// The pod that goes: first those that use more than they asked for, then those of lower priority, then those that use most above what
/// they asked for. What a pod asks for does not count for inodes and processes.
#[must_use]
pub fn choose(signal: Signal, pods: &[PodUse]) -> Option<usize> {
    let order = |of: &PodUse| {
        let request = asked_for(signal, &of.pod);
        let priority = of.pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
        let above = i128::from(of.used) - i128::from(request);
        let exceeds = matches!(signal, Signal::Memory | Signal::Disk) && above > 0;
        // One that has the same name in another namespace is another.
        let name = (of.pod.metadata.namespace.clone(), of.pod.metadata.name.clone());
        (!exceeds, priority, Reverse(above), name)
    };
    let may_go = |of: &PodUse| !is_critical(&of.pod) && !crate::scheduler::has_ended(&of.pod);
    pods.iter().enumerate().filter(|(_, of)| may_go(of)).min_by_key(|(_, of)| order(of)).map(|(index, _)| index)
}

fn asked_for(signal: Signal, pod: &Pod) -> u64 {
    let asked = Resources::of_pod(pod);
    let amount = match signal {
        Signal::Memory => asked.memory_bytes,
        Signal::Disk => asked.storage_bytes,
        Signal::Inodes | Signal::Pids => 0,
    };
    u64::try_from(amount).unwrap_or(0)
}

/// What the status and the event say of a pod that goes.
#[must_use]
pub fn message(shortage: &Shortage, of: &PodUse) -> String {
    let signal = shortage.threshold.signal;
    let resource = signal.resource();
    let is_bytes = matches!(signal, Signal::Memory | Signal::Disk);
    let amount = |amount: u64| if is_bytes { binary(amount) } else { amount.to_string() };
    let least = shortage.threshold.least.of(shortage.amount.capacity);
    let mut text = format!(
        "The node was low on resource: {resource}. Threshold quantity: {}, available: {}. ",
        amount(least),
        amount(shortage.amount.available)
    );
    for container in &of.containers {
        let request = request_of(signal, &of.pod, &container.name);
        if is_bytes && container.used > request {
            let _ = write!(
                text,
                "Container {} was using {}, request is {}, has larger consumption of {resource}. ",
                container.name,
                amount(container.used),
                amount(request),
            );
        }
    }
    text
}

fn request_of(signal: Signal, pod: &Pod, name: &str) -> u64 {
    let spec = pod.spec.clone().unwrap_or_default();
    let mut all = spec.containers.into_iter().chain(spec.init_containers.into_iter().flatten());
    let found: Option<Container> = all.find(|container| container.name == name);
    let asked = Resources::of(found.and_then(|container| container.resources?.requests).as_ref());
    let amount = if signal == Signal::Memory { asked.memory_bytes } else { asked.storage_bytes };
    u64::try_from(amount).unwrap_or(0)
}

/// Bytes as Kubernetes prints what was measured: in the largest unit of 1024 that fits exactly.
fn binary(bytes: u64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
    let mut unit = 0;
    let mut amount = bytes;
    while amount > 0 && amount.is_multiple_of(1024) && unit + 1 < units.len() {
        amount /= 1024;
        unit += 1;
    }
    format!("{amount}{}", units[unit])
}

/// Why a node under pressure does not take a pod, if it does not: one that asks for memory is taken while only memory is scarce.
#[must_use]
pub fn refuses(conditions: &[Condition], pod: &Pod) -> Option<Rejection> {
    if conditions.is_empty() || is_critical(pod) {
        return None;
    }
    if conditions == [Condition::Memory] {
        let taint = Taint { key: Condition::Memory.taint().to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
        let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
        let is_tolerated = tolerations.iter().any(|toleration| tolerates(toleration, &taint));
        if QosClass::of(pod) != QosClass::BestEffort || is_tolerated {
            return None;
        }
    }
    let names: Vec<&str> = conditions.iter().map(|condition| condition.as_str()).collect();
    let message = format!("Pod was rejected: The node had condition: [{}]. ", names.join(" "));
    Some(Rejection { reason: RejectReason::Evicted, message })
}
