//! One node as the scheduler sees it: what it has, and what the pods on it asked for.

use super::ports::HostPort;
use super::requests::Resources;
use crate::pod::RejectReason;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::quantity::Quantity;
use std::collections::BTreeMap;

/// A node with its pods.
#[derive(Debug, Clone, Default)]
pub struct NodeState {
    name: String,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
    is_unschedulable: bool,
    allocatable: Resources,
    allocatable_pods: i64,
    /// By uid.
    pods: BTreeMap<String, Taken>,
}

/// What a pod takes.
#[derive(Debug, Clone)]
struct Taken {
    resources: Resources,
    ports: Vec<HostPort>,
}

/// Something that a node has too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortage {
    what: What,
    requested: i64,
    used: i64,
    capacity: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Pods,
    Cpu,
    Memory,
    Storage,
}

impl Shortage {
    const fn name(self) -> &'static str {
        match self.what {
            What::Pods => "pods",
            What::Cpu => "cpu",
            What::Memory => "memory",
            What::Storage => "ephemeral-storage",
        }
    }

    pub(super) fn to_scheduler(self) -> String {
        match self.what {
            What::Pods => "Too many pods".to_owned(),
            What::Cpu | What::Memory | What::Storage => format!("Insufficient {}", self.name()),
        }
    }

    pub(super) fn to_kubelet(self) -> String {
        let Self { requested, used, capacity, .. } = self;
        let name = self.name();
        format!("Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}")
    }

    pub(super) const fn reason(&self) -> RejectReason {
        match self.what {
            What::Pods => RejectReason::OutOfPods,
            What::Cpu => RejectReason::OutOfCpu,
            What::Memory => RejectReason::OutOfMemory,
            What::Storage => RejectReason::OutOfEphemeralStorage,
        }
    }
}

/// Whether a pod's phase is final: it takes nothing any more.
pub(super) fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

impl NodeState {
    /// A node without pods.
    #[must_use]
    pub fn new(node: &Node) -> Self {
        let mut state = Self::default();
        state.set_node(node);
        state
    }

    /// The node's object changed.
    pub fn set_node(&mut self, node: &Node) {
        let spec = node.spec.clone().unwrap_or_default();
        self.name = node.metadata.name.clone().unwrap_or_default();
        self.labels = node.metadata.labels.clone().unwrap_or_default();
        self.taints = spec.taints.unwrap_or_default();
        self.is_unschedulable = spec.unschedulable.unwrap_or(false);
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        self.allocatable = Resources::of(allocatable);
        let pods = allocatable.and_then(|amounts| Quantity::parse(&amounts.get("pods")?.0).ok());
        self.allocatable_pods = pods.map_or(0, |pods| pods.to_bytes());
    }

    /// A pod was bound to the node, or changed. One that has ended takes nothing.
    pub fn put(&mut self, pod: &Pod) {
        let Some(uid) = pod.metadata.uid.clone() else { return };
        if has_ended(pod) {
            self.pods.remove(&uid);
        } else {
            self.pods.insert(uid, Taken { resources: Resources::of_pod(pod), ports: super::ports::of_pod(pod) });
        }
    }

    /// A pod is gone.
    pub fn remove(&mut self, uid: &str) {
        self.pods.remove(uid);
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its pods asked for.
    #[must_use]
    pub fn requested(&self) -> Resources {
        self.pods.values().map(|taken| taken.resources).fold(Resources::default(), Resources::plus)
    }

    pub(super) const fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    pub(super) fn taints(&self) -> &[Taint] {
        &self.taints
    }

    pub(super) const fn is_unschedulable(&self) -> bool {
        self.is_unschedulable
    }

    pub(super) fn has_taken_a_port_of(&self, pod: &Pod) -> bool {
        let wanted = super::ports::of_pod(pod);
        self.others(&pod.metadata)
            .flat_map(|taken| &taken.ports)
            .any(|port| wanted.iter().any(|other| port.conflicts_with(other)))
    }

    fn others(&self, pod: &ObjectMeta) -> impl Iterator<Item = &Taken> {
        let uid = pod.uid.clone().unwrap_or_default();
        self.pods.iter().filter(move |(other, _)| **other != uid).map(|(_, taken)| taken)
    }

    /// What is missing for a pod that wants this much; the pod itself is not counted if it is here already.
    pub(super) fn shortages(&self, wanted: &Resources, pod: &ObjectMeta) -> Vec<Shortage> {
        let used = self.others(pod).map(|taken| taken.resources).fold(Resources::default(), Resources::plus);
        let count = i64::try_from(self.others(pod).count()).unwrap_or(i64::MAX);
        let capacity = &self.allocatable;
        let of = |what, requested, used, capacity| Shortage { what, requested, used, capacity };
        let all = [
            of(What::Pods, 1, count, self.allocatable_pods),
            of(What::Cpu, wanted.cpu_milli, used.cpu_milli, capacity.cpu_milli),
            of(What::Memory, wanted.memory_bytes, used.memory_bytes, capacity.memory_bytes),
            of(What::Storage, wanted.storage_bytes, used.storage_bytes, capacity.storage_bytes),
        ];
        all.into_iter().filter(|one| one.requested > 0 && one.requested > one.capacity.saturating_sub(one.used)).collect()
    }

    /// See [`super::score`].
    pub(super) fn free_share(&self, wanted: &Resources) -> u64 {
        let used = self.requested().plus(*wanted);
        let share = |used: i64, all: i64| {
            if all <= 0 { 0 } else { u64::try_from((i128::from(all) - i128::from(used)) * 1000 / i128::from(all)).unwrap_or(0) }
        };
        share(used.cpu_milli, self.allocatable.cpu_milli) + share(used.memory_bytes, self.allocatable.memory_bytes)
    }
}
