//! The pods that `debug` makes: a copy of a pod, and one that sees all of a node (`kubectl/pkg/cmd/debug`, its profile `general`).

use super::DebugArgs;
use crate::verbs::failure::Failure;
use objects::lookup;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A pod, and the container in it to attach to.
pub struct Made {
    /// The new pod.
    pub pod: Value,
    /// `None` where nothing but images was changed.
    pub container: Option<String>,
}

/// A pod in the node's own namespaces, with its root at /host.
pub fn on_node(args: &DebugArgs, node: &str, image: &str, suffix: &str) -> Result<Value, Failure> {
    let name = args.container.clone().unwrap_or_else(|| "debugger".to_owned());
    let mut container = json!({"name": name, "volumeMounts": [{"name": "host-root", "mountPath": "/host"}]});
    change(args, &mut container, image)?;
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("node-debugger-{node}-{suffix}")},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "host-root", "hostPath": {"path": "/"}}],
            "nodeName": node,
            "hostNetwork": true, "hostPID": true, "hostIPC": true,
            "restartPolicy": "Never",
            "tolerations": [{"operator": "Exists"}],
        },
    }))
}

/// A copy of a pod under another name: without what leads traffic to it or restarts it, and with what was asked for.
pub fn copy(args: &DebugArgs, pod: &Value, unused_name: &str) -> Result<Made, Failure> {
    let images = images(&args.set_image)?;
    let mut spec = pod["spec"].clone();
    let Some(fields) = spec.as_object_mut() else { return Err(Failure::message("the pod has no spec")) };
    fields.remove("ephemeralContainers");
    if !args.same_node {
        fields.remove("nodeName");
    }
    if !args.keep_init_containers {
        fields.remove("initContainers");
    }
    match args.share_processes {
        Some(share) => drop(fields.insert("shareProcessNamespace".to_owned(), share.into())),
        None => drop(fields.entry("shareProcessNamespace").or_insert(true.into())),
    }
    let mut containers: Vec<Value> = lookup::list(pod, "/spec/containers").to_vec();
    for container in &mut containers {
        let name = lookup::text(container, "/name").to_owned();
        if let Some(image) = images.get(name.as_str()).or_else(|| images.get("*")) {
            container["image"] = json!(image);
        }
    }
    let wanted = args.image.as_deref().unwrap_or_default();
    let existing = containers.iter().position(|container| args.container.as_deref() == Some(lookup::text(container, "/name")));
    let container = match existing {
        Some(index) => Some(index),
        None if wanted.is_empty() && !images.is_empty() => None,
        None if wanted.is_empty() => {
            return Err(Failure::message("you must specify an existing container or a new image when using --copy-to"));
        }
        None => {
            containers.push(json!({"name": args.container.as_deref().unwrap_or(unused_name)}));
            Some(containers.len() - 1)
        }
    };
    if let Some(index) = container {
        change(args, &mut containers[index], wanted)?;
        trace(&mut containers[index]);
    }
    containers.iter_mut().filter_map(Value::as_object_mut).for_each(|container| drop_probes(args, container));
    let attached = container.map(|index| lookup::text(&containers[index], "/name").to_owned());
    spec["containers"] = json!(containers);
    let mut metadata = json!({"name": args.copy_to});
    if let Some(namespace) = pod.pointer("/metadata/namespace") {
        metadata["namespace"] = namespace.clone();
    }
    for (field, keep) in [("labels", args.keep_labels), ("annotations", args.keep_annotations)] {
        if let Some(map) = pod["metadata"].get(field).filter(|_| keep) {
            metadata[field] = map.clone();
        }
    }
    Ok(Made { pod: json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}), container: attached })
}

fn drop_probes(args: &DebugArgs, container: &mut Map<String, Value>) {
    let probes =
        [("livenessProbe", args.keep_liveness), ("readinessProbe", args.keep_readiness), ("startupProbe", args.keep_startup)];
    for (probe, _) in probes.into_iter().filter(|(_, keep)| !keep) {
        container.remove(probe);
    }
}

/// What was said of the container: program, variables, image, input.
fn change(args: &DebugArgs, container: &mut Value, image: &str) -> Result<(), Failure> {
    if !args.command.is_empty() {
        container["command"] = json!(args.command);
        container.as_object_mut().and_then(|fields| fields.remove("args"));
    }
    if !args.env.is_empty() {
        container["env"] = crate::verbs::run::variables(&args.env)?;
    }
    if !image.is_empty() {
        container["image"] = json!(image);
    }
    if let Some(policy) = &args.image_pull_policy {
        container["imagePullPolicy"] = json!(policy);
    }
    container["stdin"] = json!(args.stdin);
    container["tty"] = json!(args.tty);
    Ok(())
}

/// A debugger traces programs.
fn trace(container: &mut Value) {
    const TRACE: &str = "SYS_PTRACE";
    let mut all: Vec<Value> = lookup::list(container, "/securityContext/capabilities/add").to_vec();
    if !all.iter().any(|capability| capability == TRACE) {
        all.push(TRACE.into());
    }
    container["securityContext"]["capabilities"]["add"] = json!(all);
}

/// `NAME=IMAGE`, with `*` for all.
fn images(words: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut images = BTreeMap::new();
    for word in words.iter().flat_map(|words| words.split(',')) {
        match word.split_once('=') {
            Some((name, image)) if !name.is_empty() && !image.is_empty() => {
                images.insert(name.to_owned(), image.to_owned());
            }
            _ => return Err(Failure::message(format!("invalid argument {word:?} for --set-image: expected CONTAINER=IMAGE"))),
        }
    }
    Ok(images)
}
