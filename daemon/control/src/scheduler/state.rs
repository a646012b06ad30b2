//! One node as the scheduler sees it: what it has, and what the pods on it asked for.

use super::pod_affinity::Profile;
use super::ports::HostPort;
use super::requests::Resources;
use crate::pod::RejectReason;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::quantity::Quantity;
use std::collections::BTreeMap;

/// A node with its pods.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeState {
    name: String,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
    is_unschedulable: bool,
    allocatable: Resources,
    allocatable_pods: i64,
    /// Size in bytes by name.
    images: BTreeMap<String, u64>,
    /// By uid.
    pub(super) pods: BTreeMap<String, Taken>,
    /// What the pods take together, and how many there are of each group.
    requested: Resources,
    non_zero_requested: Resources,
    groups: BTreeMap<String, u64>,
}

/// What a pod takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    resources: Resources,
    /// For scores.
    non_zero: Resources,
    ports: Vec<HostPort>,
    group: Option<String>,
    pub(super) profile: Profile,
}

/// Pods that are to be spread belong to one owner; those without are of a kind where their labels are the same.
pub(super) fn group_of(pod: &Pod) -> Option<String> {
    let metadata = &pod.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let owner = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    if let Some(owner) = owner {
        return Some(format!("{namespace}/{}", owner.uid));
    }
    let labels = metadata.labels.as_ref().filter(|labels| !labels.is_empty())?;
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Some(format!("{namespace}/{}", labels.join(",")))
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

    /// Whether the pod would not even fit on the empty node.
    pub(super) fn is_of_the_whole_node(&self) -> bool {
        self.what != What::Pods && self.requested > self.capacity
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

    /// As the kubelet answers a resize (`pkg/kubelet/allocation/allocation_manager.go`).
    pub(super) fn to_resize(self) -> String {
        let Self { requested, capacity, .. } = self;
        if self.is_of_the_whole_node() {
            return format!("Node didn't have enough capacity: {}, requested: {requested}, capacity: {capacity}", self.name());
        }
        self.to_kubelet()
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
pub(crate) fn has_ended(pod: &Pod) -> bool {
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

    /// The node's object changed; whether in something that placing looks at (a heartbeat is not).
    pub fn set_node(&mut self, node: &Node) -> bool {
        let spec = node.spec.clone().unwrap_or_default();
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let pods = allocatable.and_then(|amounts| Quantity::parse(&amounts.get("pods")?.0).ok());
        let new = Self {
            name: node.metadata.name.clone().unwrap_or_default(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: spec.taints.unwrap_or_default(),
            is_unschedulable: spec.unschedulable.unwrap_or(false),
            allocatable: Resources::of(allocatable),
            allocatable_pods: pods.map_or(0, |pods| pods.to_bytes()),
            images: super::images::of_node(node),
            pods: std::mem::take(&mut self.pods),
            requested: self.requested,
            non_zero_requested: self.non_zero_requested,
            groups: std::mem::take(&mut self.groups),
        };
        let before = std::mem::replace(self, new);
        let facts = |state: &Self| (state.name.clone(), state.is_unschedulable, state.allocatable, state.allocatable_pods);
        facts(&before) != facts(self)
            || before.labels != self.labels
            || before.taints != self.taints
            || before.images != self.images
    }

    /// A pod was bound to the node, or changed. One that has ended takes nothing. Whether it looks different to pods that look at others.
    pub fn put(&mut self, pod: &Pod) -> bool {
        let Some(uid) = pod.metadata.uid.clone() else { return false };
        let before = self.pods.get(&uid).map(|taken| taken.profile.clone());
        self.remove(&uid);
        if has_ended(pod) {
            return before.is_some();
        }
        let resources = Resources::of_pod(pod);
        let taken = Taken {
            non_zero: Resources::non_zero_of_pod(pod),
            ports: super::ports::of_pod(pod),
            group: group_of(pod),
            profile: Profile::of(pod),
            resources,
        };
        self.requested = self.requested.plus(resources);
        self.non_zero_requested = self.non_zero_requested.plus(taken.non_zero);
        if let Some(group) = &taken.group {
            *self.groups.entry(group.clone()).or_default() += 1;
        }
        let is_other = before.as_ref() != Some(&taken.profile);
        self.pods.insert(uid, taken);
        is_other
    }

    /// Whether anything is counted on it.
    #[must_use]
    pub fn has_pods(&self) -> bool {
        !self.pods.is_empty()
    }

    /// A pod is gone.
    pub fn remove(&mut self, uid: &str) {
        let Some(taken) = self.pods.remove(uid) else { return };
        self.requested = self.requested.minus(taken.resources);
        self.non_zero_requested = self.non_zero_requested.minus(taken.non_zero);
        if let Some(group) = &taken.group
            && let Some(count) = self.groups.get_mut(group)
        {
            *count -= 1;
            if *count == 0 {
                self.groups.remove(group);
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its pods asked for.
    #[must_use]
    pub const fn requested(&self) -> Resources {
        self.requested
    }

    pub(super) const fn non_zero_requested(&self) -> Resources {
        self.non_zero_requested
    }

    pub(super) const fn allocatable(&self) -> Resources {
        self.allocatable
    }

    pub(super) const fn images(&self) -> &BTreeMap<String, u64> {
        &self.images
    }

    /// How many pods of a group are on it.
    pub(super) fn count_of_group(&self, group: &str) -> u64 {
        self.groups.get(group).copied().unwrap_or(0)
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

    /// The pods on it but for one.
    pub(super) fn others(&self, pod: &ObjectMeta) -> impl Iterator<Item = &Taken> {
        let uid = pod.uid.clone().unwrap_or_default();
        self.pods.iter().filter(move |(other, _)| **other != uid).map(|(_, taken)| taken)
    }

    /// Whether a pod of this node asks for more of what is short than it has.
    pub(super) fn asks_for_more(&self, shortage: &Shortage, wanted: &Resources, pod: &Pod) -> bool {
        let own = self.pods.get(pod.metadata.uid.as_deref().unwrap_or_default()).map(|own| own.resources).unwrap_or_default();
        match shortage.what {
            What::Pods => false,
            What::Cpu => wanted.cpu_milli > own.cpu_milli,
            What::Memory => wanted.memory_bytes > own.memory_bytes,
            What::Storage => wanted.storage_bytes > own.storage_bytes,
        }
    }

    /// What is missing for a pod that wants this much; the pod itself is not counted if it is here already.
    pub(super) fn shortages(&self, wanted: &Resources, pod: &ObjectMeta) -> Vec<Shortage> {
        let own = self.pods.get(pod.uid.as_deref().unwrap_or_default());
        let used = self.requested.minus(own.map(|own| own.resources).unwrap_or_default());
        let count = i64::try_from(self.pods.len() - usize::from(own.is_some())).unwrap_or(i64::MAX);
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
}
