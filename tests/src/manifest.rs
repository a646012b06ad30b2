//! Manifests of the demo image for tests with several nodes.

use serde_json::{Value, json};

/// A pod that answers HTTP on port 8080 with its name; on a node of choice, or (`""`) where the cluster places it.
#[must_use]
pub fn server(name: &str, node: &str) -> Value {
    pod(name, node, &json!({"name": "c", "image": "skiff/demo:1.0", "args": ["/bin/demo-server"]}))
}

/// A pod that runs a shell script, over and over.
#[must_use]
pub fn script(name: &str, node: &str, script: &str) -> Value {
    pod(name, node, &json!({"name": "c", "image": "skiff/demo:1.0", "command": ["sh", "-c", script]}))
}

/// A pod that sleeps.
#[must_use]
pub fn sleeper(name: &str, node: &str) -> Value {
    script(name, node, "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done")
}

/// A pod of one container.
#[must_use]
pub fn pod(name: &str, node: &str, container: &Value) -> Value {
    let mut container = container.clone();
    container["imagePullPolicy"] = json!("IfNotPresent");
    let mut spec = json!({"terminationGracePeriodSeconds": 2, "containers": [container]});
    if !node.is_empty() {
        spec["nodeName"] = json!(node);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": {"app": name}}, "spec": spec})
}
