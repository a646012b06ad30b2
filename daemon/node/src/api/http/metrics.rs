//! `metrics.k8s.io`: every node is asked what it and its pods use, and what was selected is told.

use super::super::usage;
use super::answer::{self, Body};
use crate::verbs::Verbs;
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use objects::{Kind, Status, lookup};
use rest::accept::{Form, Wanted};
use rest::metrics::{self, Amount, Metrics, Taken};
use rest::query::Query;
use rest::route::Target;
use rest::table::{Include, metadata};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use wire::{NodeUsage, PodUsage, Selection, Used};

/// Answers a request for them. A node that does not answer is left out, as what was not measured yet is in Kubernetes.
///
/// # Errors
/// 404 where the one that is asked for is not there or was not measured, 400 for a selector that cannot be read.
pub async fn answer(
    verbs: &Verbs,
    of: Metrics,
    target: &Target,
    query: &Query,
    wanted: Wanted,
) -> Result<Response<Body>, Status> {
    let kind = if of == Metrics::Nodes { Kind::Node } else { Kind::Pod };
    let selected = selected(verbs, kind, target, query)?;
    let mut items = match of {
        Metrics::Nodes => of_nodes(verbs, &selected).await,
        Metrics::Pods => of_pods(verbs, &selected).await,
    };
    let include = Include::parse(query.text("includeObject"))?;
    let value = match (&target.name, wanted.form) {
        (Some(name), _) if items.is_empty() => return Err(not_found(of, name)),
        (_, Form::Table(version)) => metrics::table(version, include, items),
        (Some(_), form) => shown(items.remove(0), form),
        (None, form) => metrics::list(of, items.into_iter().map(|item| shown(item, form)).collect()),
    };
    Ok(answer::value(StatusCode::OK, &value, wanted.encoding))
}

fn shown(item: Value, form: Form) -> Value {
    match form {
        Form::Metadata(version) => metadata(item, version),
        _ => item,
    }
}

/// The objects whose use is asked for.
fn selected(verbs: &Verbs, kind: Kind, target: &Target, query: &Query) -> Result<Vec<Value>, Status> {
    let text = |name: &str| query.text(name).map(str::to_owned);
    let field_selector = match &target.name {
        Some(name) => Some(format!("metadata.name={name}")),
        None => text("fieldSelector"),
    };
    let selection = Selection { namespace: target.namespace.clone(), label_selector: text("labelSelector"), field_selector };
    let found = verbs.select(kind, &selection)?;
    Ok(found.items.iter().map(|object| object.to_value()).collect())
}

async fn of_nodes(verbs: &Verbs, nodes: &[Value]) -> Vec<Value> {
    let names: Vec<String> = nodes.iter().map(|node| lookup::name(node).to_owned()).collect();
    let usages = measured(verbs, &names).await;
    let usages: HashMap<&str, &NodeUsage> = usages.iter().map(|usage| (usage.node.as_str(), usage)).collect();
    let of = |node: &Value| {
        let usage = usages.get(lookup::name(node))?;
        Some(metrics::of_node(node, taken(usage), amount(usage.used)))
    };
    nodes.iter().filter_map(of).collect()
}

async fn of_pods(verbs: &Verbs, pods: &[Value]) -> Vec<Value> {
    let names: BTreeSet<&str> =
        pods.iter().map(|pod| lookup::text(pod, "/spec/nodeName")).filter(|node| !node.is_empty()).collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let usages = measured(verbs, &names).await;
    let by_uid: HashMap<&str, (&NodeUsage, &PodUsage)> =
        usages.iter().flat_map(|usage| usage.pods.iter().map(move |pod| (pod.uid.as_str(), (usage, pod)))).collect();
    let of = |pod: &Value| {
        let (usage, used) = by_uid.get(lookup::text(pod, "/metadata/uid"))?;
        let containers: Vec<_> = used.containers.iter().map(|of| (of.name.clone(), amount(of.used))).collect();
        Some(metrics::of_pod(pod, taken(usage), &containers))
    };
    pods.iter().filter_map(of).collect()
}

/// What these nodes measured; no node is no node here.
async fn measured(verbs: &Verbs, nodes: &[String]) -> Vec<NodeUsage> {
    if nodes.is_empty() { Vec::new() } else { usage::of_nodes(verbs, nodes).await.nodes }
}

fn taken(usage: &NodeUsage) -> Taken {
    Taken { at: Timestamp::from_millisecond(usage.at_ms).unwrap_or_default(), window_ms: usage.window_ms }
}

fn amount(used: Used) -> Amount {
    Amount { cpu_nanocores: used.cpu_nanocores, memory_bytes: used.memory_bytes }
}

fn not_found(of: Metrics, name: &str) -> Status {
    let details = objects::StatusDetails {
        name: name.to_owned(),
        group: metrics::GROUP.to_owned(),
        kind: of.plural().to_owned(),
        causes: Vec::new(),
    };
    let message = format!("{}.{} {name:?} not found", of.plural(), metrics::GROUP);
    Status { code: 404, reason: "NotFound".to_owned(), message, details: Some(Box::new(details)) }
}
