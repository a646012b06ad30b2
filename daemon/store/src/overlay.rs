//! How objects of a node that this replica's side cannot see are shown. Nothing of it is ever in a record.
//!
//! As Kubernetes' node lifecycle controller writes it (`pkg/controller/nodelifecycle/node_lifecycle_controller.go`): here nobody
//! writes for a node that does not answer, since each side of a split would.

use jiff::Timestamp;
use objects::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The taint of a node that does not answer. It is the overlay's alone: it is never stored.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Names of nodes that cannot be seen, and since when.
pub type Lost = BTreeMap<String, Timestamp>;

/// Changes an object of a kind that is on `node` (a Node: is that node) where that is lost.
pub fn cover(object: &mut Value, kind: Kind, node: Option<&str>, lost: &Lost) {
    let Some((node, since)) = node.and_then(|node| lost.get_key_value(node)) else { return };
    match kind {
        Kind::Node => cover_node(object, *since),
        Kind::Pod => cover_pod(object, node, *since),
        _ => {}
    }
}

fn cover_node(node: &mut Value, since: Timestamp) {
    let since = seconds(since);
    let taint = |effect| json!({"key": UNREACHABLE, "effect": effect, "timeAdded": since});
    if let Some(spec) = child(node, "spec") {
        let taints = spec.entry("taints").or_insert_with(|| json!([]));
        if let Some(taints) = taints.as_array_mut() {
            taints.extend([taint("NoSchedule"), taint("NoExecute")]);
        }
    }
    let Some(status) = child(node, "status") else { return };
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else { return };
    if conditions.is_empty() {
        conditions.push(json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": since,
            "reason": "NodeStatusNeverUpdated", "message": "Kubelet never posted node status."}));
    }
    for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
        if condition.get("reason").is_some_and(|reason| reason == "NodeStatusNeverUpdated") {
            continue;
        }
        condition.insert("status".into(), "Unknown".into());
        condition.insert("reason".into(), "NodeStatusUnknown".into());
        condition.insert("message".into(), "Kubelet stopped posting node status.".into());
        condition.insert("lastTransitionTime".into(), since.clone().into());
    }
}

fn cover_pod(pod: &mut Value, node: &str, since: Timestamp) {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let Some(status) = child(pod, "status") else { return };
    if matches!(status.get("phase").and_then(Value::as_str), Some("Succeeded" | "Failed")) {
        return;
    }
    status.insert("phase".into(), "Unknown".into());
    status.insert("message".into(), format!("Node {node} which was running pod {name} is unresponsive").into());
    status.remove("reason");
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        let kind = condition.get("type").and_then(Value::as_str);
        if matches!(kind, Some("Ready" | "ContainersReady")) && condition.get("status").is_some_and(|status| status != "False") {
            condition.insert("status".into(), "False".into());
            condition.insert("lastTransitionTime".into(), seconds(since).into());
        }
    }
}

/// Takes out of a Node that is to be stored what the overlay added when it was read.
pub fn uncover_node(node: &mut Value) {
    let Some(spec) = node.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let Some(taints) = spec.get_mut("taints").and_then(Value::as_array_mut) else { return };
    taints.retain(|taint| taint["key"] != UNREACHABLE);
    if taints.is_empty() {
        spec.remove("taints");
    }
}

/// A field that is an object, made where it is missing.
pub fn child<'v>(object: &'v mut Value, field: &str) -> Option<&'v mut serde_json::Map<String, Value>> {
    let field = object.as_object_mut()?.entry(field).or_insert_with(|| json!({}));
    if field.is_null() {
        *field = json!({});
    }
    field.as_object_mut()
}

/// As Kubernetes writes times.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
