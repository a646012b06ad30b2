//! Tells beside the output which of the shown objects are of nodes that the daemon does not see.

use super::context::Context;
use super::failure::Failure;
use super::node::absence;
use objects::{Kind, lookup};
use serde_json::Value;
use std::collections::BTreeSet;
use wire::{Members, Request, Response};

/// For so long after its start a daemon shows nobody as lost, either.
const FIRST_SECONDS: i64 = 10;

/// The members of the cluster, as the connected daemon sees them, or another that it asks.
pub async fn members(context: &Context, on: Option<&str>) -> Result<Members, Failure> {
    match context.client().await?.request(on_node(on, Request::Members)).await? {
        Response::Members(members) => Ok(members),
        other => Err(Failure::unexpected(&other)),
    }
}

/// A request, for the connected daemon or for a named node's.
pub fn on_node(node: Option<&str>, request: Request) -> Request {
    match node {
        None => request,
        Some(node) => Request::On { node: node.to_owned(), request: Box::new(request) },
    }
}

/// Warns of every node that the daemon does not see and that shown objects are of: pods on it, or itself.
pub async fn warn(context: &mut Context, kind: Kind, objects: &[Value]) -> Result<(), Failure> {
    let place = match kind {
        Kind::Pod => "/spec/nodeName",
        Kind::Node => "/metadata/name",
        _ => return Ok(()),
    };
    let own = context.client().await?.hello().node.clone();
    let places = objects.iter().map(|object| lookup::text(object, place));
    let others: BTreeSet<&str> = places.filter(|node| !node.is_empty() && *node != own).collect();
    if others.is_empty() {
        return Ok(());
    }
    // A daemon that cannot say whom it sees warns of nobody: the objects are shown all the same.
    let members = match members(context, None).await {
        Err(failure) if failure.is_link_failure() => return Err(failure),
        Err(_) => return Ok(()),
        Ok(members) => members,
    };
    if is_starting(&members) {
        return Ok(());
    }
    for member in members.unseen().filter(|member| others.contains(member.name.as_str())) {
        let shown = if kind == Kind::Pod { "its pods are shown as they were then" } else { "it is shown as it was then" };
        context.note(format!("Warning: node {} {}; {shown}", member.name, absence(&members, member)))?;
    }
    Ok(())
}

/// A daemon that has just started has heard of nobody yet, which says nothing about them.
fn is_starting(members: &Members) -> bool {
    let own = members.members.iter().find(|member| member.is_self);
    own.is_some_and(|own| members.as_of - own.since < FIRST_SECONDS)
}
