//! Which pod and which container of it a verb is about.

use super::context::Context;
use super::failure::Failure;
use super::resources::Targets;
use objects::{Kind, lookup};
use serde_json::Value;

/// The annotation that names the container most people mean.
const DEFAULT_CONTAINER: &str = "/metadata/annotations/kubectl.kubernetes.io~1default-container";

/// The pod's name in `POD` or `pod/POD`.
pub fn pod_name(text: &str) -> Result<String, Failure> {
    if !text.contains('/') {
        return Ok(text.to_owned());
    }
    match Targets::parse(&[text.to_owned()])? {
        Targets::Named(named) => match named.into_iter().next() {
            Some((Kind::Pod, name)) => Ok(name),
            _ => Err(Failure::message(format!("{text} has no containers: only pods have"))),
        },
        Targets::Kinds(_) => Err(Failure::message("expected a resource")),
    }
}

/// The pod of a target, which has not ended: `verb` says what is to be done with a container of it.
pub async fn unended(context: &mut Context, target: &str, verb: &str) -> Result<(String, Value), Failure> {
    let name = pod_name(target)?;
    let pod = context.get(context.reference(Kind::Pod, &name)).await?;
    let phase = lookup::text(&pod, "/status/phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::message(format!("cannot {verb} a container in a completed pod; current phase is {phase}")));
    }
    Ok((name, pod))
}

/// The container that is meant where none was named; which one is told a person where there are several.
pub fn default(context: &mut Context, pod: &Value, is_quiet: bool) -> Result<Option<String>, Failure> {
    let every: Vec<String> = LISTS.iter().flat_map(|(pointer, _)| names(pod, pointer)).collect();
    let preferred = lookup::text(pod, DEFAULT_CONTAINER).to_owned();
    if every.contains(&preferred) {
        return Ok(Some(preferred));
    }
    if !preferred.is_empty() && !is_quiet {
        context.note(format!("Default container name {preferred:?} not found in pod {}", lookup::name(pod)))?;
    }
    let Some(first) = names(pod, LISTS[0].0).into_iter().next() else { return Ok(None) };
    if every.len() > 1 && !is_quiet {
        context.note(format!("Defaulted container {first:?} out of: {}", all_names(pod)))?;
    }
    Ok(Some(first))
}

/// All containers of a pod: `main, side, first (init)`.
pub fn all_names(pod: &Value) -> String {
    let marked =
        LISTS.iter().flat_map(|(pointer, mark)| names(pod, pointer).into_iter().map(move |name| format!("{name}{mark}")));
    marked.collect::<Vec<_>>().join(", ")
}

/// What a pod says of one of its containers.
pub fn definition<'p>(pod: &'p Value, name: &str) -> Option<&'p Value> {
    let mut every = LISTS.iter().flat_map(|(pointer, _)| lookup::list(pod, pointer));
    every.find(|container| lookup::text(container, "/name") == name)
}

/// Where containers are, and what is written behind their names.
const LISTS: [(&str, &str); 3] =
    [("/spec/containers", ""), ("/spec/initContainers", " (init)"), ("/spec/ephemeralContainers", " (ephem)")];

fn names(pod: &Value, pointer: &str) -> Vec<String> {
    lookup::list(pod, pointer).iter().map(|container| lookup::text(container, "/name").to_owned()).collect()
}
