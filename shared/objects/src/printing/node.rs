//! The columns of nodes.

use serde_json::Value;

/// The STATUS cell of a node: `Ready`, `NotReady`, `Unknown`, with `,SchedulingDisabled` after it where it is cordoned.
#[must_use]
pub fn node_status(node: &Value) -> String {
    let _ = node;
    String::new()
}

/// The ROLES cell of a node: `control-plane`, `<none>`.
#[must_use]
pub fn node_roles(node: &Value) -> String {
    let _ = node;
    String::new()
}
