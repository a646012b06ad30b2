//! The long view of one object, laid out as `kubectl describe` does.

mod container;
mod event;
mod node;
mod page;
mod pod;
mod resources;
mod volume;

use crate::quantity::Quantity;
pub(crate) use page::{Page, pairs};

use crate::Kind;
use crate::json::Json;
use crate::lookup;
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
pub fn pod_requests<J: Json>(pod: &J) -> BTreeMap<&str, Quantity> {
    resources::of_pod(pod, resources::Side::Requests)
}

/// What a pod may take at most, as the pod's own fields or its containers' say.
#[must_use]
pub fn pod_limits<J: Json>(pod: &J) -> BTreeMap<&str, Quantity> {
    resources::of_pod(pod, resources::Side::Limits)
}

/// Describes an event.
#[must_use]
pub fn event(event: &Value) -> String {
    self::event::describe(event)
}

/// Describes the pods that an object makes of its template.
#[must_use]
pub fn pod_template(object: &Value, now: &Zoned) -> String {
    let mut page = Page::new(now);
    crate::kinds::describe_template(object, &mut page);
    page.finish()
}

/// Describes an object of a kind that has no page of its own above. `events` are those about it.
#[must_use]
pub fn other(kind: Kind, object: &Value, events: &[Value], now: &Zoned) -> String {
    let mut page = Page::new(now);
    page.field(0, "Name", lookup::name(object));
    if kind.is_namespaced() {
        page.field(0, "Namespace", lookup::namespace(object));
    }
    page.multi_line("Labels", &pairs(object, "/metadata/labels"));
    page.multi_line("Annotations", &page::annotations(object));
    (crate::kinds::definition(kind).describe)(object, &mut page);
    self::event::describe_all(&mut page, events);
    page.finish()
}

#[cfg(test)]
mod tests;
