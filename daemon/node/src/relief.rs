//! Puts pods out while the node is short of something, one after the other, as `control::pressure` chooses them
//! (`pkg/kubelet/eviction/eviction_manager.go`). Before a pod goes because of the disk, the images that nobody uses do.

mod usage;

use crate::config::Eviction;
use crate::errors::chain;
use crate::pods::{Machinery, Order, Ordered, Orders};
use crate::shutdown::Shutdown;
use control::pressure::{Condition, PodUse, Shortage, Standing, choose, message};
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use runtime::image::{Digest, Prune};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Key, Store};
use tokio::sync::watch;
use tracing::{info, warn};

/// How long the next pod waits for the last one to be gone (`podCleanupTimeout`).
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
/// Images that nobody uses are looked for again after this time.
const PRUNE_PERIOD: Duration = Duration::from_secs(60);

/// The task. See the module.
pub struct Relief {
    machinery: Arc<Machinery>,
    store: Store,
    orders: Orders,
    standing: watch::Receiver<Standing>,
    max_grace_seconds: u64,
    pruned: Option<Instant>,
}

impl Relief {
    /// A task that acts upon what the node agent measured.
    pub fn new(
        machinery: Arc<Machinery>,
        store: Store,
        orders: Orders,
        standing: watch::Receiver<Standing>,
        eviction: &Eviction,
    ) -> Self {
        Self { machinery, store, orders, standing, max_grace_seconds: eviction.max_pod_grace_seconds, pruned: None }
    }

    /// Runs until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        loop {
            // What was measured last stays in the watch.
            tokio::select! {
                () = shutdown.wait() => return,
                changed = self.standing.changed() => if changed.is_err() {
                    return;
                },
            }
            let first = self.standing.borrow_and_update().shortages.first().copied();
            let Some(shortage) = first else { continue };
            let relieved = self.relieve(&shortage);
            tokio::select! {
                () = shutdown.wait() => return,
                () = relieved => {}
            }
        }
    }

    async fn relieve(&mut self, shortage: &Shortage) {
        let signal = shortage.threshold.signal;
        warn!(resource = signal.resource(), available = shortage.amount.available, "the node is short of something");
        if signal.condition() == Condition::Disk && self.prune().await {
            // The next look says whether that was enough.
            return;
        }
        let pods = self.own_pods();
        let machinery = self.machinery.clone();
        let used: Vec<PodUse> = self.machinery.blocking(move || usage::measure(&machinery, signal, &pods)).await;
        let Some(chosen) = choose(signal, &used).map(|index| &used[index]) else {
            return warn!(resource = signal.resource(), "no pod can go");
        };
        let metadata = &chosen.pod.metadata;
        let uid = metadata.uid.clone().unwrap_or_default();
        let grace_seconds = if shortage.threshold.grace_ms == 0 { 1 } else { self.max_grace_seconds };
        let order = Order::Evict { message: message(shortage, chosen), grace_seconds };
        info!(pod = uid, name = metadata.name, used = chosen.used, resource = signal.resource(), "a pod is put out");
        if self.orders.send(Ordered { uid: uid.clone(), order }).await.is_ok() {
            let key = self.machinery.key_of(&chosen.pod);
            if tokio::time::timeout(GONE_TIMEOUT, ended(&self.store, key, &uid)).await.is_err() {
                warn!(pod = uid, "a pod that is put out takes long to end");
            }
        }
    }

    /// Removes the images that no container uses; whether that made room.
    async fn prune(&mut self) -> bool {
        if self.pruned.is_some_and(|pruned| pruned.elapsed() < PRUNE_PERIOD) {
            return false;
        }
        self.pruned = Some(Instant::now());
        let images = self.machinery.images.clone();
        let pruned = self.machinery.blocking(move || {
            let is_in_use = |digest: &Digest| images.is_in_use(digest);
            images.store().prune(Prune::Unused, &is_in_use)
        });
        match pruned.await {
            Ok(removed) => {
                info!(removed = removed.deleted.len(), freed_bytes = removed.freed_bytes, "unused images were removed");
                removed.freed_bytes > 0
            }
            Err(error) => {
                warn!(error = %chain(&error), "cannot remove unused images");
                false
            }
        }
    }

    fn own_pods(&self) -> Vec<Arc<Pod>> {
        let pods = self.store.pods_on(&self.machinery.node_name);
        let pods = pods.iter().filter_map(|object| object.parse::<Pod>().ok());
        pods.filter(|pod| pod.metadata.deletion_timestamp.is_none()).map(Arc::new).collect()
    }
}

/// Waits until a pod has ended or is gone.
pub async fn ended(store: &Store, key: Key, uid: &str) {
    let (_, mut watcher) = store.list_and_watch(Kind::Pod, Some(&key.namespace));
    loop {
        let is_there = store.get(&key).filter(|object| object.uid() == uid).is_some_and(|object| {
            let phase = object.parse::<Pod>().ok().and_then(|pod| pod.status?.phase);
            !matches!(phase.as_deref(), Some("Succeeded" | "Failed"))
        });
        if !is_there {
            return;
        }
        // Whatever changed, the pod is looked at again.
        if watcher.next().await.is_err() {
            watcher = store.list_and_watch(Kind::Pod, Some(&key.namespace)).1;
        }
    }
}
