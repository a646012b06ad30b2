//! Takes away what is left of removed nodes, once their removal is known.
//!
//! A side that has not heard of a removal yet takes what the removed node writes and passes it on: its Node, made anew because the old
//! one was deleted, and pods that are placed on it. Where the removal is known nothing new of it comes in, but what did stays. So all nodes
//! look for it, and one of them buries it; the others step in where it does not.

use super::trust::Keys;
use crate::errors::chain;
use crate::shutdown::Shutdown;
use crate::turns::WorkQueue;
use crate::verbs::Verbs;
use control::membership::Members;
use control::version::NodeId;
use objects::Kind;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Change, ChangeKind, Expired, Object, Store, Watcher};
use tokio::sync::watch;
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
    due: WorkQueue<NodeId>,
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
        Self { verbs, store, alive, denied, due: WorkQueue::default(), settle: SETTLE }
    }

    /// Buries until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (mut nodes, mut pods) = self.look();
        loop {
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
                () = self.due.due() => self.bury().await,
            }
        }
    }

    /// Looks through all nodes and pods, and follows them from there. What is due already stays so, however often this has to be.
    fn look(&mut self) -> (Watcher, Watcher) {
        {
            let denied = self.denied.borrow_and_update();
            self.due.retain(|node| denied.contains(node));
        }
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
        self.due.add(node, settle + TURN.saturating_mul(rank));
    }

    async fn bury(&mut self) {
        for node in self.due.take_due() {
            // It may have joined again meanwhile.
            if !self.denied.borrow().contains(&node) {
                continue;
            }
            match self.verbs.bury_node(node.as_str()).await {
                Ok(pods) => info!(%node, pods, "took away what others still said of a removed node"),
                Err(error) => {
                    self.due.add(node.clone(), TURN);
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
