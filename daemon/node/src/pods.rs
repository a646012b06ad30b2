//! The pods of this node: a worker each, told what the store says of its pod.

mod attaching;
mod copying;
mod folders;
mod hosted;
mod inside;
mod intake;
mod machinery;
mod observe;
mod order;
mod orphans;
mod perform;
pub mod program;
mod pulling;
mod runs;
mod salvage;
mod sandbox;
mod signal;
mod termination;
mod volumes;
mod worker;

pub use intake::Intake;
pub use machinery::Machinery;
pub use order::{Order, Ordered, Orders, orders};

use crate::assemble;
use crate::errors::chain;
use crate::events::Recorder;
use crate::shutdown::Shutdown;
use control::membership::Members;
use control::pod::foreign;
use control::scheduler::NodeState;
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use store::{Change, ChangeKind, List, Object, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};
use worker::{Wanted, Worker};

/// Where the pods of this node are known from when the daemon starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The store.
    Store,
    /// The pods' folders, because the store was lost.
    Folders,
}

/// Starts a worker for every pod that is bound to this node and tells it of changes. See [`Pods::run`].
pub struct Pods {
    source: Source,
    machinery: Arc<Machinery>,
    store: Store,
    recorder: Recorder,
    shutdown: Shutdown,
    /// What single pods are told by the node itself.
    orders: mpsc::Receiver<Ordered>,
    intake: Intake,
    workers: JoinSet<String>,
    /// By uid: two pods may have had the same name.
    known: HashMap<String, Known>,
    /// Of which pods something was found at the start though the store does not know them.
    orphans: BTreeSet<String>,
    /// Those that are being removed: a pod that comes back waits until nothing is left of it.
    removing: HashSet<String>,
    /// Pods that ask for more than there is room for, by uid.
    cramped: HashSet<String>,
    /// What the pods of this node have taken of it; `None` until the node has an object.
    taken: Option<NodeState>,
    /// The cpu requests of each burstable pod, in thousandths of a core, by uid.
    burstable: HashMap<String, u64>,
    /// Their sum, for the task that tells the kernel.
    weight: watch::Sender<u64>,
}

struct Known {
    wanted: watch::Sender<Wanted>,
    orders: mpsc::Sender<Order>,
    /// The object as the worker was last told.
    told: Arc<Pod>,
}

impl Pods {
    /// The pods of this node.
    pub fn new(
        machinery: Arc<Machinery>,
        (store, recorder): (Store, Recorder),
        orders: mpsc::Receiver<Ordered>,
        intake: Intake,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            source: Source::Store,
            machinery,
            store,
            recorder,
            shutdown,
            orders,
            intake,
            workers: JoinSet::new(),
            known: HashMap::new(),
            cramped: HashSet::new(),
            orphans: BTreeSet::new(),
            removing: HashSet::new(),
            taken: None,
            burstable: HashMap::new(),
            weight: watch::Sender::new(0),
        }
    }

    /// Takes the pods from their folders first: the store was lost.
    #[must_use]
    pub fn restoring_folders(mut self) -> Self {
        self.source = Source::Folders;
        self
    }

    /// Runs until the shutdown signal. The pods live on; their workers end between two actions. `alive` are the nodes that are seen.
    pub async fn run(mut self, alive: watch::Receiver<Members>) {
        let mut shutdown = self.shutdown.clone();
        if self.source == Source::Folders {
            salvage::restore(&self.store, &self.machinery.pods_dir).await;
        }
        let machinery = self.machinery.clone();
        self.orphans = self.machinery.blocking(move || orphans::find(&machinery)).await;
        let (list, mut watcher) = self.store.list_and_watch(Kind::Pod, None);
        self.take_list(&list);
        let mut certain = std::pin::pin!(orphans::certain(self.store.clone(), alive));
        let mut is_certain = false;
        self.workers.spawn(weigh(self.machinery.clone(), self.weight.subscribe()));
        loop {
            // Each arm loses nothing: the watcher holds a position, the set its finished tasks, the queue its orders.
            tokio::select! {
                biased;
                () = shutdown.wait() => break,
                Some(ordered) = self.orders.recv() => self.order(ordered),
                Some(ended) = self.workers.join_next(), if !self.workers.is_empty() => self.ended(ended),
                () = &mut certain, if !is_certain => {
                    is_certain = true;
                    self.remove_orphans();
                }
                change = watcher.next() => match change {
                    Ok(change) => self.take(&change),
                    Err(expired) => {
                        warn!(%expired, "the pods' changes came faster than they were read; all are read again");
                        let (list, again) = self.store.list_and_watch(Kind::Pod, None);
                        watcher = again;
                        self.take_list(&list);
                    }
                },
            }
        }
        // The task that waits for another weight ends with its sender.
        self.weight = watch::Sender::new(0);
        while let Some(ended) = self.workers.join_next().await {
            self.ended(ended);
        }
    }

    fn remove_orphans(&mut self) {
        for uid in std::mem::take(&mut self.orphans) {
            self.removing.insert(uid.clone());
            self.workers.spawn(orphans::remove(self.machinery.clone(), uid));
        }
    }

    /// Passes an order on. A worker that has as many already is told nothing more: it goes.
    fn order(&self, ordered: Ordered) {
        let Some(known) = self.known.get(&ordered.uid) else { return };
        if known.orders.try_send(ordered.order).is_err() {
            debug!(pod = ordered.uid, "a pod has orders enough");
        }
    }

    /// Gives a burstable pod the weight that it asks for.
    fn weigh_pod(&mut self, uid: &str) {
        let Some(pod) = self.known.get(uid).map(|known| known.told.clone()) else { return };
        let is_burstable = assemble::qos(&pod) == assemble::Qos::Burstable;
        self.weigh(uid, is_burstable.then(|| assemble::pod_resources(&pod).cpu_request_milli.unwrap_or(0)));
    }

    fn weigh(&mut self, uid: &str, milli: Option<u64>) {
        let before = match milli {
            Some(milli) => self.burstable.insert(uid.to_owned(), milli),
            None => self.burstable.remove(uid),
        };
        if before != milli {
            self.weight.send_replace(self.burstable.values().sum());
        }
    }

    fn take_list(&mut self, list: &List) {
        let here: HashSet<&str> = list.items.iter().map(|object| object.uid()).collect();
        let gone: Vec<String> = self.known.keys().filter(|uid| !here.contains(uid.as_str())).cloned().collect();
        for uid in gone {
            self.removed(&uid);
        }
        for object in &list.items {
            self.put(object);
        }
    }

    fn take(&mut self, change: &Change) {
        match change.kind {
            ChangeKind::Deleted => self.removed(change.object.uid()),
            ChangeKind::Added | ChangeKind::Modified => {
                if let Some(before) = change.before.as_ref().filter(|before| before.uid() != change.object.uid()) {
                    self.removed(before.uid());
                }
                self.put(&change.object);
            }
        }
    }

    fn put(&mut self, object: &Arc<Object>) {
        match object.node() {
            Some(node) if node == self.machinery.node_name => {}
            Some(node) => return self.taken_away(object.uid(), Wanted::Elsewhere(node.to_owned())),
            None => return self.removed(object.uid()),
        }
        let pod: Pod = match object.parse() {
            Ok(pod) => pod,
            Err(error) => return warn!(key = %object.key(), %error, "a pod cannot be read"),
        };
        self.orphans.remove(object.uid());
        if self.removing.contains(object.uid()) {
            return;
        }
        let pod = Arc::new(pod);
        let (rejection, no_room) = self.admit(&pod);
        let has_ended = pod.status.as_ref().is_some_and(|status| matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")));
        if has_ended {
            self.make_room();
        }
        if let Some(known) = self.known.get_mut(object.uid()) {
            // Most changes are the worker's own status come back.
            if matters(&known.told, &pod) || is_status_of_another(&pod, &self.machinery) {
                known.told = pod.clone();
                known.wanted.send_replace(Wanted::Spec(pod, no_room));
                self.weigh_pod(object.uid());
            }
            return;
        }
        let (wanted, receiver) = watch::channel(Wanted::Spec(pod.clone(), None));
        let uid = object.uid().to_owned();
        let worker = Worker::new(self.machinery.clone(), self.store.clone(), self.recorder.clone(), pod.clone(), rejection);
        let (orders, given) = mpsc::channel(order::WORKER_QUEUE);
        let running = worker.run(receiver, given, self.shutdown.clone());
        self.known.insert(uid.clone(), Known { wanted, orders, told: pod });
        self.weigh_pod(&uid);
        self.workers.spawn(async move {
            running.await;
            uid
        });
    }

    fn removed(&mut self, uid: &str) {
        self.taken_away(uid, Wanted::Removed);
    }

    fn taken_away(&mut self, uid: &str, wanted: Wanted) {
        if let Some(taken) = &mut self.taken {
            taken.remove(uid);
        }
        self.cramped.remove(uid);
        self.make_room();
        if let Some(known) = self.known.get(uid) {
            known.wanted.send_replace(wanted);
        }
    }

    fn ended(&mut self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(uid) if self.removing.remove(&uid) => self.put_again(&uid),
            Ok(uid) => {
                self.known.remove(&uid);
                self.weigh(&uid, None);
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => warn!(%error, "a pod's worker failed; restart the daemon to take the pod up again"),
        }
    }

    /// Takes a pod that came while what was left of it was being removed.
    fn put_again(&mut self, uid: &str) {
        let list = self.store.list(Kind::Pod, None);
        if let Some(object) = list.items.iter().find(|object| object.uid() == uid) {
            self.put(object);
        }
    }
}

/// Whether the status that is shown of a pod of ours cannot be one that its worker wrote: each of those names this machine.
fn is_status_of_another(pod: &Pod, machinery: &Machinery) -> bool {
    let host_ip = pod.status.as_ref().and_then(|status| status.host_ip.as_ref());
    host_ip != Some(&machinery.host_ip.to_string())
}

/// Whether a pod's object changed in what matters to its worker: everything but the status, which it wrote itself but for the
/// conditions of others.
fn matters(before: &Pod, after: &Pod) -> bool {
    let (old, new) = (&before.metadata, &after.metadata);
    old.generation != new.generation
        || old.deletion_timestamp != new.deletion_timestamp
        || old.deletion_grace_period_seconds != new.deletion_grace_period_seconds
        || old.labels != new.labels
        || old.annotations != new.annotations
        || before.spec != after.spec
        || !foreign(before.status.as_ref()).eq(foreign(after.status.as_ref()))
}

/// Gives the burstable pods together the share of cpu that they ask for together, whenever that changed.
async fn weigh(machinery: Arc<Machinery>, mut milli: watch::Receiver<u64>) -> String {
    while milli.changed().await.is_ok() {
        let wanted = *milli.borrow_and_update();
        let owned = machinery.clone();
        if let Err(error) = machinery.blocking(move || owned.cgroups.set_burstable_request(wanted)).await {
            warn!(error = %chain(&error), "cannot weigh the burstable pods");
        }
    }
    String::new()
}

/// For the log, once at the start.
pub fn tell_found(machinery: &Machinery) {
    let found = runtime::sandbox::adopt(&machinery.run_pods_dir).unwrap_or_default();
    if !found.is_empty() {
        info!(sandboxes = found.len(), "found sandboxes of an earlier daemon");
    }
}

/// How much blocking work the pods may do at once: a little more than there are processors, so that one that waits for the
/// disk does not hold up the rest.
pub fn hands() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2
}
