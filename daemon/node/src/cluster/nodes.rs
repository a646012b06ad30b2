//! What the Node objects say of the pods' network: who is where, with which range of addresses.

use control::pod_cidr::{Claim, Range};
use k8s_openapi::api::core::v1::Node;
use objects::Kind;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;
use store::{ChangeKind, Object, Store, Watcher};
use tokio::time::Instant;
use tracing::warn;

/// Changes come in bursts, when nodes meet: so long without one ends a burst, and so long it is waited for at most.
const QUIET: Duration = Duration::from_millis(20);
const BURST: Duration = Duration::from_millis(300);

/// One node, as its object tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNetwork {
    /// `creationTimestamp`, in milliseconds since 1970.
    pub created_ms: i64,
    /// The first `InternalIP` of version 4.
    pub address: Option<Ipv4Addr>,
    /// `podCIDR`.
    pub range: Option<Range>,
}

impl NodeNetwork {
    fn read(object: &Object) -> Option<Self> {
        let node: Node = match object.parse() {
            Ok(node) => node,
            Err(error) => {
                warn!(key = %object.key(), %error, "a node cannot be read");
                return None;
            }
        };
        let addresses = node.status.and_then(|status| status.addresses).unwrap_or_default();
        let mut internal = addresses.iter().filter(|address| address.type_ == "InternalIP");
        Some(Self {
            created_ms: node.metadata.creation_timestamp.map_or(i64::MAX, |created| created.0.as_millisecond()),
            address: internal.find_map(|address| address.address.parse().ok()),
            range: node.spec.and_then(|spec| spec.pod_cidr).and_then(|text| Range::parse(&text)),
        })
    }
}

/// The nodes as they are now, and a place in their changes.
pub struct Nodes {
    store: Store,
    watcher: Watcher,
    known: BTreeMap<String, NodeNetwork>,
}

impl Nodes {
    /// All nodes of the store.
    pub fn new(store: &Store) -> Self {
        let (list, watcher) = store.list_and_watch(Kind::Node, None);
        Self { store: store.clone(), watcher, known: list.items.iter().filter_map(|object| entry(object)).collect() }
    }

    /// Returns after something of them changed that matters here, and no more changes follow at once. May be dropped and called
    /// again: nothing is lost.
    pub async fn changed(&mut self) {
        self.next().await;
        let end = Instant::now() + BURST;
        while Instant::now() < end && tokio::time::timeout(QUIET, self.next()).await.is_ok() {}
    }

    async fn next(&mut self) {
        loop {
            match self.watcher.next().await {
                Ok(change) if change.kind == ChangeKind::Deleted => {
                    if self.known.remove(&change.object.key().name).is_some() {
                        return;
                    }
                }
                Ok(change) => {
                    let Some((name, network)) = entry(&change.object) else { continue };
                    // Most changes are heartbeats.
                    if self.known.get(&name) != Some(&network) {
                        self.known.insert(name, network);
                        return;
                    }
                }
                Err(_) => {
                    *self = Self::new(&self.store);
                    return;
                }
            }
        }
    }

    /// One node.
    pub fn get(&self, name: &str) -> Option<&NodeNetwork> {
        self.known.get(name)
    }

    /// All but one, those that were created first in front: it is they who keep a range that two have.
    pub fn others(&self, own: &str) -> Vec<(&str, &NodeNetwork)> {
        let others = self.known.iter().filter(|(name, _)| *name != own);
        let mut others: Vec<(&str, &NodeNetwork)> = others.map(|(name, network)| (name.as_str(), network)).collect();
        others.sort_by_key(|(name, network)| (network.created_ms, *name));
        others
    }

    /// The ranges of all.
    pub fn claims(&self) -> Vec<Claim> {
        let claim = |(node, network): (&String, &NodeNetwork)| {
            Some(Claim { node: node.clone(), created_ms: network.created_ms, range: network.range? })
        };
        self.known.iter().filter_map(claim).collect()
    }
}

fn entry(object: &Object) -> Option<(String, NodeNetwork)> {
    Some((object.key().name.clone(), NodeNetwork::read(object)?))
}
