//! The pod that `run` makes.

use super::RunArgs;
use crate::verbs::attend::announce;
use crate::verbs::context::Context;
use crate::verbs::failure::Failure;
use objects::patch::{self, PatchType};
use objects::{Kind, lookup};
use serde_json::{Map, Value, json};

pub(super) fn pod(args: &RunArgs, context: &Context) -> Result<Value, Failure> {
    let mut container = json!({"name": args.name, "image": args.image, "resources": {}});
    if let Some(policy) = &args.image_pull_policy {
        container["imagePullPolicy"] = json!(policy);
    }
    if !args.arguments.is_empty() {
        container[if args.command { "command" } else { "args" }] = json!(args.arguments);
    }
    if !args.env.is_empty() {
        container["env"] = variables(&args.env)?;
    }
    if let Some(port) = args.port {
        container["ports"] = json!([{"containerPort": port}]);
    }
    if args.privileged {
        container["securityContext"] = json!({"privileged": true});
    }
    if args.stdin {
        container["stdin"] = json!(true);
        container["stdinOnce"] = json!(!args.leave_stdin_open);
    }
    if args.tty {
        container["tty"] = json!(true);
    }
    let labels = match &args.labels {
        None => Map::from_iter([("run".to_owned(), json!(args.name))]),
        Some(labels) => pairs(labels.split(',').filter(|pair| !pair.is_empty()), "label")?,
    };
    let mut metadata = json!({"name": args.name, "namespace": context.namespace, "labels": labels});
    if !args.annotations.is_empty() {
        metadata["annotations"] = Value::Object(pairs(args.annotations.iter().map(String::as_str), "annotation")?);
    }
    let spec = json!({"containers": [container], "restartPolicy": args.restart});
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    if let Some(overrides) = &args.overrides {
        let overrides: Value =
            serde_json::from_str(overrides).map_err(|error| Failure::message(format!("Invalid Pod: --overrides: {error}")))?;
        let merged = patch::apply(PatchType::Merge, pod, overrides, Kind::Pod);
        pod = merged.map_err(|error| Failure::message(format!("Invalid Pod: --overrides: {error}")))?;
    }
    if args.is_attached() && !args.stdin {
        let container = lookup::text(&pod, "/spec/containers/0/name").to_owned();
        announce(&mut pod, &container);
    }
    Ok(pod)
}

/// The variables of a container.
pub fn variables(pairs: &[String]) -> Result<Value, Failure> {
    pairs.iter().map(|pair| variable(pair)).collect()
}

/// As kubectl reads it: `NAME=VALUE`, whose value may be empty.
fn variable(pair: &str) -> Result<Value, Failure> {
    match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(json!({"name": name, "value": value})),
        _ => Err(Failure::message(format!("invalid env: {pair}"))),
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = &'a str>, what: &str) -> Result<Map<String, Value>, Failure> {
    let read = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), json!(value))),
        _ => Err(Failure::message(format!("unexpected {what} spec: {pair}"))),
    };
    pairs.map(read).collect()
}
