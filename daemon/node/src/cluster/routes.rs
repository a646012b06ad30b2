//! Keeps the kernel's routes to the other nodes' pods current, also to those of nodes that are not reached at this moment.
//!
//! They are looked at again when a Node object changes and when this machine's own addresses and routes do; what somebody removes is
//! put back by the network's repair, each minute (see `pool`).

use super::nodes::Nodes;
use crate::errors::chain;
use crate::events::{About, Recorder};
use crate::shutdown::Shutdown;
use control::pod::EventType;
use runtime::network::{Cidr, Monitor, Network, Peer, Routed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tracing::{debug, info, warn};

/// How long after a change of this machine's routes they are looked at.
const SETTLED: Duration = Duration::from_millis(100);

/// The task. See the module.
pub struct Routes {
    node: String,
    network: Arc<Network>,
    store: Store,
    recorder: Recorder,
    /// Why peers have no route, as it was told last.
    told: BTreeMap<String, String>,
}

impl Routes {
    /// The routes from this node.
    pub fn new(node: &str, network: Arc<Network>, store: Store, recorder: Recorder) -> Self {
        Self { node: node.to_owned(), network, store, recorder, told: BTreeMap::new() }
    }

    /// Runs until the shutdown signal. Routes stay: the pods live on.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut nodes = Nodes::new(&self.store);
        let mut monitor =
            Monitor::open().inspect_err(|error| warn!(error = %chain(error), "routes are looked at each minute only")).ok();
        loop {
            self.route(&nodes).await;
            // What changes meanwhile is kept by the watcher's place and the kernel's queue.
            tokio::select! {
                () = shutdown.wait() => return,
                () = nodes.changed() => {}
                result = changed(monitor.as_ref()) => if let Err(error) = result {
                    warn!(%error, "the kernel tells no more of routes; they are looked at each minute only");
                    monitor = None;
                },
            }
        }
    }

    async fn route(&mut self, nodes: &Nodes) {
        let peers = peers(nodes, &self.node);
        let (network, count) = (self.network.clone(), peers.len());
        match tokio::task::spawn_blocking(move || network.set_peers(&peers)).await {
            Ok(Ok(routed)) => self.tell(routed, count),
            // The repair of the next minute tries again: the network knows the peers.
            Ok(Err(error)) => warn!(error = %chain(&error), "cannot set the routes to other nodes' pods"),
            Err(error) => warn!(%error, "setting the routes to other nodes' pods failed"),
        }
    }

    fn tell(&mut self, routed: Routed, peers: usize) {
        if routed.changes > 0 {
            info!(peers, changes = routed.changes, "the routes to other nodes' pods were changed");
        } else {
            debug!(peers, "the routes to other nodes' pods are right");
        }
        let refused: BTreeMap<String, String> = routed.refused.into_iter().map(|peer| (peer.name, peer.why)).collect();
        for (name, why) in refused.iter().filter(|(name, why)| self.told.get(*name) != Some(*why)) {
            warn!(peer = name, why, "no route to a node's pods");
            let message = format!("Node {} has no route to the pods of node {name}: {why}", self.node);
            self.recorder.report(About::node(&self.node), EventType::Warning, "FailedToCreateRoute", message);
        }
        self.told = refused;
    }
}

/// Returns a moment after the machine's addresses or routes changed: they seldom do so alone.
async fn changed(monitor: Option<&Monitor>) -> std::io::Result<()> {
    let Some(monitor) = monitor else { return std::future::pending().await };
    monitor.changed().await?;
    tokio::time::sleep(SETTLED).await;
    Ok(())
}

fn peers(nodes: &Nodes, own: &str) -> Vec<Peer> {
    let others = nodes.others(own).into_iter();
    let peer = |(name, node): (&str, &super::nodes::NodeNetwork)| {
        let cidr = Cidr::parse(&node.range?.to_string()).ok()?;
        Some(Peer { name: name.to_owned(), address: node.address?, cidr })
    };
    others.filter_map(peer).collect()
}
