//! The Node object of this machine: labels, capacity, conditions, addresses, what runs on it. Pure.
//!
//! Reasons and messages: `pkg/kubelet/nodestatus/setters.go`.

use control::pressure::Condition;
use jiff::Timestamp;
use runtime::machine::{Address, AddressKind, Allocatable, Capacity, NodeInfo};
use serde_json::{Map, Value, json};

/// An image as a node's status lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeImage {
    /// Every name and digest it has.
    pub names: Vec<String>,
    /// Unpacked.
    pub size_bytes: u64,
}

/// How many images a node's status lists, the largest first (`--node-status-max-images`).
const MAX_IMAGES: usize = 50;

/// Everything that a node's status is made of.
#[derive(Debug, Clone)]
pub struct NodeFacts<'a> {
    /// The node's name.
    pub name: &'a str,
    /// What the machine has.
    pub capacity: &'a Capacity,
    /// What pods may have of it.
    pub allocatable: Allocatable,
    /// The most pods.
    pub max_pods: u32,
    /// Which machine it is.
    pub info: &'a NodeInfo,
    /// Where it is.
    pub addresses: &'a [Address],
    /// What it is short of.
    pub pressures: &'a [Condition],
    /// Whether it is being switched off.
    pub is_shutting_down: bool,
    /// What it holds.
    pub images: Vec<NodeImage>,
    /// This node's pods' addresses.
    pub pod_cidr: String,
}

/// The object to create on a node's first start.
pub fn new_node(facts: &NodeFacts<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": facts.name, "labels": labels(facts) },
        "spec": { "podCIDR": facts.pod_cidr, "podCIDRs": [facts.pod_cidr] },
    })
}

/// The labels that every node has.
pub fn labels(facts: &NodeFacts<'_>) -> Value {
    json!({
        "beta.kubernetes.io/arch": facts.info.architecture,
        "beta.kubernetes.io/os": facts.info.operating_system,
        "kubernetes.io/arch": facts.info.architecture,
        "kubernetes.io/hostname": facts.name,
        "kubernetes.io/os": facts.info.operating_system,
    })
}

/// A node's taints as they should be: those of its conditions and no others of that kind; whatever else somebody put there stays.
pub fn taints(node: &Value, pressures: &[Condition]) -> Vec<Value> {
    let keys = Condition::ALL.map(Condition::taint);
    let is_ours = |taint: &Value| taint["effect"] == "NoSchedule" && keys.iter().any(|key| taint["key"] == *key);
    let known = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let own = |condition: &Condition| {
        let same = known.iter().find(|taint| is_ours(taint) && taint["key"] == condition.taint());
        same.cloned().unwrap_or_else(|| json!({ "key": condition.taint(), "effect": "NoSchedule" }))
    };
    let own: Vec<Value> = pressures.iter().map(own).collect();
    known.iter().filter(|taint| !is_ours(taint)).cloned().chain(own).collect()
}

/// The node's status now. `old` is the stored one: conditions that did not change keep their time of transition.
pub fn status(facts: &NodeFacts<'_>, old: Option<&Value>, now: Timestamp) -> Value {
    json!({
        "capacity": resources(facts.capacity, &Allocatable {
            cpu_milli: facts.capacity.cpu_milli,
            memory_bytes: facts.capacity.memory_bytes,
            ephemeral_storage_bytes: facts.capacity.ephemeral_storage_bytes,
            pods: facts.capacity.pods,
        }, facts.max_pods),
        "allocatable": resources(facts.capacity, &facts.allocatable, facts.max_pods),
        "conditions": conditions(facts, old, now),
        "addresses": facts.addresses.iter().map(address).collect::<Vec<_>>(),
        "nodeInfo": {
            "machineID": facts.info.machine_id,
            "systemUUID": facts.info.system_uuid,
            "bootID": facts.info.boot_id,
            "kernelVersion": facts.info.kernel_version,
            "osImage": facts.info.os_image,
            "containerRuntimeVersion": facts.info.container_runtime_version,
            "kubeletVersion": facts.info.kubelet_version,
            "kubeProxyVersion": "",
            "operatingSystem": facts.info.operating_system,
            "architecture": facts.info.architecture,
        },
        "images": images(&facts.images),
        "daemonEndpoints": { "kubeletEndpoint": { "Port": 0 } },
    })
}

fn resources(capacity: &Capacity, amounts: &Allocatable, max_pods: u32) -> Value {
    let mut map = Map::new();
    let cpu = match amounts.cpu_milli {
        whole if whole.is_multiple_of(1000) => (whole / 1000).to_string(),
        part => format!("{part}m"),
    };
    map.insert("cpu".to_owned(), cpu.into());
    map.insert("ephemeral-storage".to_owned(), kibibytes(amounts.ephemeral_storage_bytes).into());
    for pages in &capacity.huge_pages {
        map.insert(pages.resource_name(), pages.total_bytes.to_string().into());
    }
    map.insert("memory".to_owned(), kibibytes(amounts.memory_bytes).into());
    map.insert("pods".to_owned(), max_pods.to_string().into());
    Value::Object(map)
}

/// As kubelet prints them: in KiB where that is exact.
fn kibibytes(bytes: u64) -> String {
    if bytes.is_multiple_of(1024) { format!("{}Ki", bytes / 1024) } else { bytes.to_string() }
}

fn address(address: &Address) -> Value {
    let kind = match address.kind {
        AddressKind::InternalIp => "InternalIP",
        AddressKind::Hostname => "Hostname",
    };
    json!({ "type": kind, "address": address.value })
}

fn images(images: &[NodeImage]) -> Value {
    let mut images: Vec<&NodeImage> = images.iter().collect();
    images.sort_by(|left, right| right.size_bytes.cmp(&left.size_bytes).then_with(|| left.names.cmp(&right.names)));
    let listed = images.into_iter().take(MAX_IMAGES);
    listed.map(|image| json!({ "names": image.names, "sizeBytes": image.size_bytes })).collect()
}

/// What a condition says: its status, reason and message.
type Said = (&'static str, &'static str, &'static str);

fn conditions(facts: &NodeFacts<'_>, old: Option<&Value>, now: Timestamp) -> Value {
    let pressure = |condition: Condition| {
        let (short, enough): (Said, Said) = match condition {
            Condition::Memory => (
                ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
                ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ),
            Condition::Disk => (
                ("True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
                ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            ),
            Condition::Pids => (
                ("True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
                ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ),
        };
        (condition.as_str(), if facts.pressures.contains(&condition) { short } else { enough })
    };
    let ready = match facts.is_shutting_down {
        true => ("False", "KubeletNotReady", "node is shutting down"),
        false => ("True", "KubeletReady", "kubelet is posting ready status"),
    };
    let all = Condition::ALL.into_iter().map(pressure).chain([("Ready", ready)]);
    let now = seconds(now);
    let condition = |(kind, (status, reason, message)): (&str, Said)| {
        let before = old_condition(old, kind).filter(|before| before["status"] == status);
        let since = before.and_then(|before| before["lastTransitionTime"].as_str()).unwrap_or(&now);
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": since,
        })
    };
    all.map(condition).collect()
}

fn old_condition<'a>(old: Option<&'a Value>, kind: &str) -> Option<&'a Value> {
    old?.get("conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Kubernetes' times have whole seconds.
pub fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The status conditions that differ between two statuses: kind and new reason. Each is an event of the node.
pub fn transitions(old: Option<&Value>, new: &Value) -> Vec<(String, String)> {
    let conditions = new["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let changed = conditions.iter().filter(|condition| {
        let kind = condition["type"].as_str().unwrap_or_default();
        old_condition(old, kind).is_none_or(|before| before["status"] != condition["status"])
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    changed.map(|condition| (text(&condition["type"]), text(&condition["status"]))).collect()
}

/// Whether two statuses differ in more than their heartbeats.
pub fn differs(old: Option<&Value>, new: &Value) -> bool {
    let without_beats = |status: &Value| {
        let mut status = status.clone();
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            if let Some(condition) = condition.as_object_mut() {
                condition.remove("lastHeartbeatTime");
            }
        }
        status
    };
    old.is_none_or(|old| without_beats(old) != without_beats(new))
}

#[cfg(test)]
mod tests {
    use super::taints;
    use control::pressure::Condition;
    use serde_json::json;

    #[test]
    fn taints_follow_the_conditions_and_leave_those_of_others() {
        let (memory, other) = (
            json!({"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z"}),
            json!({"key": "mine", "effect": "NoSchedule"}),
        );
        let node = json!({"spec": {"taints": [memory, other]}});
        assert_eq!(taints(&node, &[Condition::Memory]), [other.clone(), memory]);
        let disk = json!({"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"});
        assert_eq!(taints(&node, &[Condition::Disk]), [other, disk]);
        assert!(taints(&json!({}), &[]).is_empty());
    }
}
