//! The columns of nodes.

use super::Columns;
use crate::duration::since;
use crate::lookup::{condition, flag, list, map, text, time};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) const COLUMNS: Columns = &[
    ("Name", 0),
    ("Status", 0),
    ("Roles", 0),
    ("Age", 0),
    ("Version", 0),
    ("Internal-IP", 1),
    ("External-IP", 1),
    ("OS-Image", 1),
    ("Kernel-Version", 1),
    ("Container-Runtime", 1),
];

pub(crate) fn cells(node: &Value, now: Timestamp) -> Vec<String> {
    let known = |pointer| match text(node, pointer) {
        "" => "<unknown>".to_owned(),
        found => found.to_owned(),
    };
    let kernel = match (known("/status/nodeInfo/kernelVersion"), text(node, "/status/nodeInfo/architecture")) {
        (kernel, "") => kernel,
        (kernel, architecture) => format!("{kernel} ({architecture})"),
    };
    vec![
        text(node, "/metadata/name").to_owned(),
        node_status(node),
        node_roles(node),
        since(time(node, "/metadata/creationTimestamp"), now),
        text(node, "/status/nodeInfo/kubeletVersion").to_owned(),
        address(node, "InternalIP"),
        address(node, "ExternalIP"),
        known("/status/nodeInfo/osImage"),
        kernel,
        known("/status/nodeInfo/containerRuntimeVersion"),
    ]
}

/// The first address of that type, or `<none>`.
fn address(node: &Value, kind: &str) -> String {
    list(node, "/status/addresses")
        .iter()
        .find(|address| text(address, "/type") == kind)
        .map_or_else(|| "<none>".to_owned(), |address| text(address, "/address").to_owned())
}

/// The STATUS cell of a node: `Ready`, `NotReady`, `Unknown`, with `,SchedulingDisabled` after it where it is cordoned.
#[must_use]
pub fn node_status(node: &Value) -> String {
    let ready = match condition(node, "Ready").map(|ready| text(ready, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = if flag(node, "/spec/unschedulable") { ",SchedulingDisabled" } else { "" };
    format!("{ready}{cordoned}")
}

/// The ROLES cell of a node, out of its labels: `control-plane`, `<none>`.
#[must_use]
pub fn node_roles(node: &Value) -> String {
    let mut roles = BTreeSet::new();
    for (key, value) in map(node, "/metadata/labels").into_iter().flatten() {
        match (key.strip_prefix("node-role.kubernetes.io/"), value.as_str()) {
            (Some(role), _) if !role.is_empty() => roles.insert(role),
            (None, Some(role)) if key == "kubernetes.io/role" && !role.is_empty() => roles.insert(role),
            _ => false,
        };
    }
    if roles.is_empty() { "<none>".to_owned() } else { roles.into_iter().collect::<Vec<_>>().join(",") }
}

#[cfg(test)]
mod tests {
    use super::{cells, node_roles, node_status};
    use serde_json::json;

    #[test]
    fn a_node_without_a_ready_condition_is_unknown() {
        assert_eq!(node_status(&json!({})), "Unknown");
        let silent = json!({"spec": {"unschedulable": true}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        assert_eq!(node_status(&silent), "NotReady,SchedulingDisabled");
    }

    #[test]
    fn roles_come_from_both_kinds_of_label_in_order() {
        let labels = json!({"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge", "node-role.kubernetes.io/": "x"});
        assert_eq!(node_roles(&json!({"metadata": {"labels": labels}})), "edge,worker");
        assert_eq!(node_roles(&json!({})), "<none>");
    }

    #[test]
    fn a_node_shows_its_first_internal_address_and_what_it_runs() {
        let node = json!({
            "metadata": {"name": "oak", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "Hostname", "address": "oak"}, {"type": "InternalIP", "address": "10.0.0.4"}],
                "nodeInfo": {"kubeletVersion": "v0.1.0", "kernelVersion": "6.18.0", "architecture": "amd64", "osImage": "Debian"},
            },
        });
        let now = "2026-01-01T00:05:00Z".parse().expect("a time");
        let expected = ["oak", "Ready", "<none>", "5m", "v0.1.0", "10.0.0.4", "<none>", "Debian", "6.18.0 (amd64)", "<unknown>"];
        assert_eq!(cells(&node, now), expected);
    }
}
