//! What the objects of a demo's world are called, and the nodes it has from its start.

use objects::Kind;
use serde_json::{Value, json};

/// An object by its kind, namespace and name.
pub type Id = (Kind, String, String);

/// `pod/default/web`, `node/oak`.
pub fn id_of(text: &str) -> Option<Id> {
    let mut parts = text.splitn(3, '/');
    let kind = Kind::from_user(parts.next()?)?;
    match (parts.next()?, parts.next()) {
        (namespace, Some(name)) => Some((kind, namespace.to_owned(), name.to_owned())),
        (name, None) => Some((kind, String::new(), name.to_owned())),
    }
}

/// A node that is ready.
pub fn node(at: usize, name: &str) -> Value {
    json!({
        "kind": "Node", "metadata": {"name": name},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8123456Ki", "pods": "110"},
            "capacity": {"cpu": "4", "memory": "8123456Ki", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "addresses": [{"type": "InternalIP", "address": format!("192.168.1.{}", at + 4)}],
            "nodeInfo": {"kubeletVersion": format!("v{}", env!("CARGO_PKG_VERSION")), "osImage": "Debian GNU/Linux 13 (trixie)",
                         "kernelVersion": "6.12.0", "containerRuntimeVersion": format!("skiff://{}", env!("CARGO_PKG_VERSION"))},
        },
    })
}
