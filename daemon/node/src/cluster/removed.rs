//! Takes away what is left of removed nodes, once their removal is known.
//!
//! A side that has not heard of a removal yet takes what the removed node writes and passes it on: its Node, made anew because the old
//! one was deleted, and pods that are placed on it. Where the removal is known nothing new of it comes in, but what did stays. So all nodes
//! look for it, and one of them buries it; the others step in where it does not.

use super::trust::Keys;
use crate::errors::chain;
use crate::shutdown::Shutdown;
use crate::verbs::Verbs;
use control::membership::Members;
use control::version::NodeId;
use objects::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::{Change, ChangeKind, Expired, Object, Store, Watcher};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

/// Whoever removes a node does all this itself, and is given the time for it; and where a machine has joined again by the name, that it was
/// let in may still be on its way here.
const SETTLE: Duration = Duration::from_secs(15);
/// How long each node before us is given.
const TURN: Duration = Duration::from_secs(5);

/// The task. See the module.
pub struct Removed {
    verbs: Arc<Verbs>,
    store: Store,
    alive: watch::Receiver<Members>,
    denied: watch::Receiver<BTreeSet<NodeId>>,
    /// Removed nodes of which something is left, and when it is this node's turn.
    due: BTreeMap<NodeId, Instant>,
    settle: Duration,
}

impl Removed {
    /// A task over the verbs, who is alive as this node sees it, and who was removed.
    pub fn new(
        verbs: Arc<Verbs>,
        store: Store,
        alive: watch::Receiver<Members>,
        denied: watch::Receiver<BTreeSet<NodeId>>,
    ) -> Self {
        Self { verbs, store, alive, denied, due: BTreeMap::new(), settle: SETTLE }
    }

    /// Buries until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (mut nodes, mut pods) = self.look();
        loop {
            let next = self.due.values().min().copied();
            // Watchers hold positions, the set of the removed is kept, and times stand: nothing is lost when another arm wins.
            tokio::select! {
                () = shutdown.wait() => return,
                Ok(()) = self.denied.changed() => (nodes, pods) = self.look(),
                change = nodes.next() => match change {
                    Ok(change) => self.take(&change),
                    Err(Expired { .. }) => (nodes, pods) = self.look(),
                },
                change = pods.next() => match change {
                    Ok(change) => self.take(&change),
                    Err(Expired { .. }) => (nodes, pods) = self.look(),
                },
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.bury().await,
            }
        }
    }

    /// Looks through all nodes and pods, and follows them from there.
    fn look(&mut self) -> (Watcher, Watcher) {
        self.due.clear();
        self.denied.mark_unchanged();
        let [nodes, pods] = [Kind::Node, Kind::Pod].map(|kind| {
            let (list, watcher) = self.store.list_and_watch(kind, None);
            list.items.iter().for_each(|object| self.note(object));
            watcher
        });
        (nodes, pods)
    }

    fn take(&mut self, change: &Change) {
        if change.kind != ChangeKind::Deleted {
            self.note(&change.object);
        }
    }

    /// Takes note of an object that is one of a removed node: its Node, or a pod that is bound to it.
    fn note(&mut self, object: &Object) {
        let Some(node) = object.node().map(NodeId::from).filter(|node| self.denied.borrow().contains(node)) else { return };
        let (settle, rank) = (self.settle, u32::try_from(self.alive.borrow().rank(node.as_str())).unwrap_or(u32::MAX));
        self.due.entry(node).or_insert_with(|| Instant::now() + settle + TURN.saturating_mul(rank));
    }

    async fn bury(&mut self) {
        let now = Instant::now();
        let due: Vec<NodeId> = self.due.iter().filter(|(_, at)| **at <= now).map(|(node, _)| node.clone()).collect();
        for node in due {
            // It may have joined again meanwhile.
            if !self.denied.borrow().contains(&node) {
                self.due.remove(&node);
                continue;
            }
            match self.verbs.bury_node(node.as_str()).await {
                Ok(pods) => {
                    self.due.remove(&node);
                    info!(%node, pods, "took away what others still said of a removed node");
                }
                Err(error) => {
                    self.due.insert(node.clone(), now + TURN);
                    warn!(%node, error = %chain(&error), "what is left of a removed node is not gone; tried again");
                }
            }
        }
    }
}

/// Names of nodes that were removed, but for those that joined again since.
pub fn denied(keys: &Keys) -> BTreeSet<NodeId> {
    let bundle = &keys.bundle;
    let is_back = |name: &str| bundle.members().iter().any(|(identity, member)| member == name && !bundle.is_denied(*identity));
    let names = bundle.denied().values().map(|denied| denied.name.as_str());
    names.filter(|name| !is_back(name)).map(NodeId::from).collect()
}

#[cfg(test)]
mod tests;
