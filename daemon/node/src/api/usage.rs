//! What all nodes use: each is asked, and those that do not answer are named.

use super::carry;
use crate::verbs::Verbs;
use futures_util::{StreamExt, stream};
use objects::Status;
use std::time::Duration;
use wire::{NodeUsage, Request, Response, Unmeasured, UsageRequest, Usages};

/// Nodes that are asked at once.
const AT_ONCE: usize = 32;
/// How long one may take: it measures for a second where it was not asked lately.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What these nodes use; all of them where none is named. A daemon that asks for another one names us alone.
pub async fn of_nodes(verbs: &Verbs, nodes: &[String]) -> Usages {
    let nodes = if nodes.is_empty() { verbs.nodes() } else { nodes.to_vec() };
    let asked = stream::iter(nodes).map(|node| async move {
        let measured = of_node(verbs, &node).await;
        (node, measured)
    });
    let mut usages = Usages::default();
    for (node, measured) in asked.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match measured {
            Ok(usage) => usages.nodes.push(usage),
            Err(status) => usages.missing.push(Unmeasured { node, why: status.message }),
        }
    }
    usages
}

async fn of_node(verbs: &Verbs, node: &str) -> Result<NodeUsage, Status> {
    if node == verbs.node_name() {
        return verbs.own_usage().await;
    }
    let request = Request::Usage(UsageRequest { nodes: vec![node.to_owned()] });
    let asking = tokio::time::timeout(TIMEOUT, carry::ask(verbs, node, request));
    let late = || verbs.unreachable(node, "it did not answer in time");
    match asking.await.map_err(|_| late())?? {
        Response::Usage(mut usages) => {
            let why = usages.missing.pop().map_or_else(|| "it measured nothing".to_owned(), |missing| missing.why);
            usages.nodes.pop().ok_or_else(|| Status::unavailable(why))
        }
        _ => Err(verbs.unreachable(node, "it answered something else")),
    }
}
