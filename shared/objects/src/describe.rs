//! The long view of one object, laid out as `kubectl describe` does.

use jiff::Timestamp;
use serde_json::Value;

/// Describes a pod. `events` are those about it, in any order.
#[must_use]
pub fn pod(pod: &Value, events: &[Value], now: Timestamp) -> String {
    let _ = (pod, events, now);
    String::new()
}

/// Describes a node. `pods` are those bound to it (ended ones are left out here), `events` those about it.
#[must_use]
pub fn node(node: &Value, pods: &[Value], events: &[Value], now: Timestamp) -> String {
    let _ = (node, pods, events, now);
    String::new()
}

/// Describes an event.
#[must_use]
pub fn event(event: &Value, now: Timestamp) -> String {
    let _ = (event, now);
    String::new()
}
