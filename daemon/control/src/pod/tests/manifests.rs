//! Pods of all kinds for the random schedules, and what their manifests say of order.

use super::random::Random;
use serde_json::{Value, json};

/// A pod with some of everything.
pub(super) fn any_manifest(random: &mut Random) -> Value {
    let policy = random.pick(&["Always", "OnFailure", "Never"]);
    let names = random.pick(&[&["a"][..], &["a", "b"][..], &["a", "b", "c"][..]]);
    let init =
        random.pick(&[&[][..], &[][..], &["i1"][..], &["i1", "i2"][..], &["s1"][..], &["s1", "i1", "s2"][..], &["i1", "s1"][..]]);
    let mut manifest = super::bench::manifest(policy, names);
    for container in manifest["spec"]["containers"].as_array_mut().into_iter().flatten() {
        equip(container, random);
    }
    let init: Vec<Value> = init
        .iter()
        .map(|name| {
            let mut container = json!({"name": name, "image": format!("{name}:1"), "imagePullPolicy": "IfNotPresent"});
            if name.starts_with('s') {
                container["restartPolicy"] = json!("Always");
                equip(&mut container, random);
            }
            container
        })
        .collect();
    if !init.is_empty() {
        manifest["spec"]["initContainers"] = json!(init);
    }
    manifest["spec"]["terminationGracePeriodSeconds"] = json!(random.pick(&[30, 30, 5, 0]));
    if random.chance(10) {
        manifest["spec"]["activeDeadlineSeconds"] = json!(random.pick(&[20, 600]));
    }
    manifest
}

/// Gives a container probes and hooks, or not.
fn equip(container: &mut Value, random: &mut Random) {
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        if random.chance(15) {
            container[probe] = json!({
                "tcpSocket": {"port": 80},
                "initialDelaySeconds": random.pick(&[0, 0, 30]),
                "periodSeconds": random.pick(&[60, 600]),
                "failureThreshold": random.pick(&[1, 3]),
                "successThreshold": random.pick(&[1, 1, 2]),
            });
            if probe != "readinessProbe" && random.chance(30) {
                container[probe]["terminationGracePeriodSeconds"] = json!(random.pick(&[1, 10]));
            }
        }
    }
    for hook in ["postStart", "preStop"] {
        if random.chance(15) {
            container["lifecycle"][hook] = json!({"sleep": {"seconds": 1}});
        }
    }
}

/// Adds one more ephemeral container; not more than two.
pub(super) fn ephemeral(manifest: &mut Value) -> bool {
    let mut list = manifest["spec"]["ephemeralContainers"].as_array().cloned().unwrap_or_default();
    if list.len() >= 2 {
        return false;
    }
    let name = format!("e{}", list.len());
    list.push(json!({"name": name, "image": format!("{name}:1"), "imagePullPolicy": "IfNotPresent"}));
    manifest["spec"]["ephemeralContainers"] = json!(list);
    true
}

/// Init containers, sidecars and app containers in the order of their starts.
pub(super) fn start_order(manifest: &Value) -> Vec<(String, &'static str)> {
    let name = |container: &Value| container["name"].as_str().unwrap_or_default().to_owned();
    let init = manifest["spec"]["initContainers"].as_array().into_iter().flatten().map(|container| {
        let kind = if container["restartPolicy"] == "Always" { "sidecar" } else { "init" };
        (name(container), kind)
    });
    let apps = manifest["spec"]["containers"].as_array().into_iter().flatten().map(|container| (name(container), "app"));
    init.chain(apps).collect()
}

/// Whether a container may run and not be ready.
pub(super) fn has_probe_or_hook(manifest: &Value, name: &str) -> bool {
    let containers = manifest["spec"]["containers"].as_array().into_iter().flatten();
    let fields = ["startupProbe", "readinessProbe", "lifecycle"];
    let mut equipped = containers.filter(|container| fields.iter().any(|field| !container[field].is_null()));
    equipped.any(|container| container["name"] == name)
}
