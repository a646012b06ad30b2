//! Validation of nodes and events: what a user may write of them.

use super::faults::{Faults, Path};
use k8s_openapi::api::core::v1::{Event, Node, Taint};
use serde::Deserialize;
use serde_json::Value;

/// The taint of a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Gives a cordoned node the taint that says so, and takes it from one that is open again (node lifecycle's
/// `TaintNodesByCondition`; here whoever writes the node does it, so that no controller has to).
pub(crate) fn complete_node(object: &mut Value) {
    let is_cordoned = crate::lookup::flag(object, "/spec/unschedulable");
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let is_it = |taint: &Value| taint["key"] == UNSCHEDULABLE && taint["effect"] == "NoSchedule";
    let mut taints = spec.get("taints").and_then(Value::as_array).cloned().unwrap_or_default();
    if taints.iter().any(is_it) == is_cordoned {
        return;
    }
    if is_cordoned {
        taints.push(serde_json::json!({ "key": UNSCHEDULABLE, "effect": "NoSchedule" }));
    } else {
        taints.retain(|taint| !is_it(taint));
    }
    if taints.is_empty() {
        spec.remove("taints");
    } else {
        spec.insert("taints".to_owned(), Value::Array(taints));
    }
}

/// Checks the specification of a node.
pub(crate) fn validate_node(object: &Value, faults: &mut Faults) {
    node(&Node::deserialize(object).unwrap_or_default(), faults);
}

/// Checks an event.
pub(crate) fn validate_event(object: &Value, faults: &mut Faults) {
    event(&Event::deserialize(object).unwrap_or_default(), faults);
}

fn node(node: &Node, faults: &mut Faults) {
    let Some(spec) = &node.spec else { return };
    let path = Path::root("spec");
    let path = path.child("taints");
    let taints = spec.taints.as_deref().unwrap_or_default();
    for (index, taint) in taints.iter().enumerate() {
        let path = path.index(index);
        faults.invalid_each(&path.child("key"), &taint.key, crate::names::qualified_name(&taint.key));
        let value = taint.value.as_deref().unwrap_or_default();
        let wrong = crate::names::label_value(value);
        if !wrong.is_empty() {
            faults.invalid(&path.child("value"), value, &wrong.join(";"));
        }
        faults.required_one_of(&path.child("effect"), &taint.effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
        let is_same = |other: &Taint| other.key == taint.key && other.effect == taint.effect;
        if taints[..index].iter().any(is_same) {
            faults.duplicate(&path, &format!("{}:{}", taint.key, taint.effect));
        }
    }
}

fn event(event: &Event, faults: &mut Faults) {
    let about = event.involved_object.namespace.as_deref().unwrap_or_default();
    let path = Path::root("involvedObject");
    let path = path.child("namespace");
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    // Events about nodes and other things without a namespace live in the default one.
    if (about.is_empty() && namespace != "default") || (!about.is_empty() && about != namespace) {
        faults.invalid(&path, about, "does not match event.namespace");
    }
}
