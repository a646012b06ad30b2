//! The long view of one object, laid out as `kubectl describe` does.

mod container;
mod event;
mod node;
mod page;
mod pod;
mod resources;
mod volume;

use crate::quantity::Quantity;
use jiff::Zoned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Describes a pod. `events` are those about it, in any order. Times are in the zone of `now`.
#[must_use]
pub fn pod(pod: &Value, events: &[Value], now: &Zoned) -> String {
    self::pod::describe(pod, events, now)
}

/// Describes a node. `pods` are those bound to it (ended ones are left out here), `events` those about it.
#[must_use]
pub fn node(node: &Value, pods: &[Value], events: &[Value], now: &Zoned) -> String {
    self::node::describe(node, pods, events, now)
}

/// What a pod asks of its node, by the resource's name: its containers and sidecars together, or more where an init container needs
/// more beforehand, and its overhead.
#[must_use]
pub fn pod_requests(pod: &Value) -> BTreeMap<String, Quantity> {
    resources::of_pod(pod, resources::Side::Requests)
}

/// Describes an event.
#[must_use]
pub fn event(event: &Value) -> String {
    self::event::describe(event)
}

#[cfg(test)]
mod tests;
