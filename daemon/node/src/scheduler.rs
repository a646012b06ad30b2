//! Binds pending pods to nodes, and says why where it cannot. What is decided is `control::scheduler`'s, and who decides it
//! `control::scheduler::placer`'s: this node places a pod at once where it is the first of those that are alive, and later where the
//! others leave it.

mod condition;
mod queue;

use crate::clock;
use crate::events::Recorder;
use crate::shutdown::Shutdown;
use condition::unscheduled;
use control::clock::BootMs;
use control::membership::Members;
use control::pod::EventType;
use control::scheduler::placer::{self, Turn};
use control::scheduler::{NodeState, Placement, place};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use objects::Kind;
use queue::{Queue, Waiting, is_same_but_status};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Change, ChangeKind, Durability, Object, Preconditions, Store, StoreError};
use tokio::sync::watch;
use tracing::{debug, warn};

/// Changes of pods that are taken at once at the most.
const CHANGES: usize = 512;

/// How soon a write that failed is tried again.
const AGAIN_MS: u64 = 1_000;

/// The task. See the module.
pub struct Scheduler {
    store: Store,
    recorder: Recorder,
    members: watch::Receiver<Members>,
    nodes: BTreeMap<String, NodeState>,
    /// What is bound to nodes that are not known, or not yet.
    strangers: BTreeMap<String, NodeState>,
    /// Pods without a node.
    waiting: Queue,
    /// Whether something may fit now that did not, or others may be gone whose turn it was.
    has_grown: bool,
    /// Which node a pod was counted on, by uid.
    counted: BTreeMap<String, String>,
    /// Writes under way: many at once, and the store makes one commit of them.
    writes: FuturesUnordered<BoxFuture<'static, Written>>,
}

enum Written {
    Binding(Box<Bound>),
    /// A condition, with the pod's uid where it has to be tried again.
    Condition(Option<String>),
}

/// Whether a change may let another pod in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    AsBefore,
    MayHaveGrown,
}

/// A binding that was tried.
struct Bound {
    object: Arc<Object>,
    pod: Pod,
    node: String,
    result: Result<Arc<Object>, StoreError>,
}

impl Scheduler {
    /// A scheduler over a store, and who is alive as this node sees it.
    pub fn new(store: Store, recorder: Recorder, members: watch::Receiver<Members>) -> Self {
        Self {
            store,
            recorder,
            members,
            nodes: BTreeMap::new(),
            strangers: BTreeMap::new(),
            waiting: Queue::default(),
            has_grown: false,
            counted: BTreeMap::new(),
            writes: FuturesUnordered::new(),
        }
    }

    /// Places pods until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (list, mut nodes) = self.store.list_and_watch(Kind::Node, None);
        for node in &list.items {
            self.put_node(node);
        }
        let (list, mut pods) = self.store.list_and_watch(Kind::Pod, None);
        self.take_all(&list.items);
        let mut members = self.members.clone();
        loop {
            self.place_due();
            let due = self.waiting.next_due();
            // Watchers hold positions and the set its bindings, the time is looked up anew: nothing is lost when another arm wins.
            tokio::select! {
                () = shutdown.wait() => return,
                Some(written) = self.writes.next(), if !self.writes.is_empty() => self.written(written),
                // Without a sender the members stay what they are.
                Ok(()) = members.changed() => self.has_grown = true,
                () = clock::sleep_until(due) => {}
                change = nodes.next() => {
                    let room = match change {
                        Ok(change) if change.kind == ChangeKind::Deleted => {
                            self.remove_node(&change.object.key().name);
                            Room::AsBefore
                        }
                        Ok(change) => self.put_node(&change.object),
                        Err(_) => {
                            let (list, again) = self.store.list_and_watch(Kind::Node, None);
                            nodes = again;
                            let is_gone = |name: &&String| !list.items.iter().any(|node| node.key().name == **name);
                            let gone: Vec<String> = self.nodes.keys().filter(is_gone).cloned().collect();
                            gone.iter().for_each(|name| self.remove_node(name));
                            for node in &list.items {
                                self.put_node(node);
                            }
                            Room::MayHaveGrown
                        }
                    };
                    if room == Room::MayHaveGrown {
                        self.has_grown = true;
                    }
                }
                change = pods.next() => {
                    // All that has changed meanwhile is known before pods are placed again.
                    let (mut next, mut left) = (Some(change), CHANGES);
                    while let Some(change) = next {
                        match change {
                            Ok(change) => self.take(&change),
                            Err(_) => {
                                let (list, again) = self.store.list_and_watch(Kind::Pod, None);
                                pods = again;
                                self.take_all(&list.items);
                            }
                        }
                        left -= 1;
                        next = if left > 0 { pods.next().now_or_never() } else { None };
                    }
                }
            }
        }
    }

    fn put_node(&mut self, object: &Object) -> Room {
        let node: Node = match object.parse() {
            Ok(node) => node,
            Err(error) => {
                warn!(key = %object.key(), %error, "a node cannot be read");
                return Room::AsBefore;
            }
        };
        if let Some(state) = self.nodes.get_mut(&object.key().name) {
            return if state.set_node(&node) { Room::MayHaveGrown } else { Room::AsBefore };
        }
        // Pods may have been bound to it before it was heard of.
        let mut state = self.strangers.remove(&object.key().name).unwrap_or_default();
        state.set_node(&node);
        self.nodes.insert(object.key().name.clone(), state);
        Room::MayHaveGrown
    }

    /// A node is gone; what was bound to it is still there, and it may come back.
    fn remove_node(&mut self, name: &str) {
        if let Some(state) = self.nodes.remove(name).filter(|state| state.has_pods()) {
            self.strangers.insert(name.to_owned(), state);
        }
    }

    /// All pods, from nothing.
    fn take_all(&mut self, pods: &[Arc<Object>]) {
        self.waiting.clear();
        for uid in std::mem::take(&mut self.counted).into_keys() {
            self.nodes.values_mut().for_each(|state| state.remove(&uid));
        }
        self.strangers.clear();
        // First what is taken, then what is wanted.
        let (bound, pending): (Vec<_>, Vec<_>) = pods.iter().partition(|object| object.node().is_some());
        for object in bound.into_iter().chain(pending) {
            self.put_pod(object);
        }
    }

    fn take(&mut self, change: &Change) {
        let gone = match change.kind {
            ChangeKind::Deleted => Some(change.object.uid()),
            // Another pod of the same name came in its place.
            _ => change.before.as_ref().map(|before| before.uid()).filter(|uid| *uid != change.object.uid()),
        };
        if let Some(uid) = gone {
            self.waiting.remove(uid);
            self.forget(uid);
            self.has_grown = true;
        }
        if change.kind != ChangeKind::Deleted && self.put_pod(&change.object) == Room::MayHaveGrown {
            self.has_grown = true;
        }
    }

    fn put_pod(&mut self, object: &Arc<Object>) -> Room {
        let pod: Pod = match object.parse() {
            Ok(pod) => pod,
            Err(error) => {
                warn!(key = %object.key(), %error, "a pod cannot be read");
                return Room::AsBefore;
            }
        };
        if let Some(node) = object.node() {
            self.waiting.remove(object.uid());
            let has_ended =
                matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"));
            // It may have been counted elsewhere: a binding of another node's that is older than ours.
            let has_moved = self.counted.get(object.uid()).is_some_and(|counted| counted != node);
            let is_other = self.count(node, object.uid(), &pod);
            let is_looked_at = is_other && self.waiting.has_lookers();
            return if has_ended || has_moved || is_looked_at { Room::MayHaveGrown } else { Room::AsBefore };
        }
        // A binding of it is under way already.
        if !self.counted.contains_key(object.uid()) {
            self.wait(object.clone(), pod);
        }
        Room::AsBefore
    }

    fn wait(&mut self, object: Arc<Object>, pod: Pod) {
        let due = match self.waiting.get(object.uid()) {
            // Most changes are the condition that was written of it.
            Some(known) if is_same_but_status(&known.pod, &pod) => known.due(),
            Some(known) if known.due().is_some() => known.due(),
            _ => Some(self.turn_of(object.uid(), &pod)),
        };
        self.waiting.put(object, pod, due);
    }

    /// When this node places a pod that begins to wait now.
    fn turn_of(&self, uid: &str, pod: &Pod) -> BootMs {
        turn_of(clock::now().boot, uid, pod, &self.members.borrow())
    }

    /// Places every pod whose time has come, those first that came first.
    fn place_due(&mut self) {
        let now = clock::now().boot;
        if std::mem::take(&mut self.has_grown) {
            let members = self.members.borrow();
            self.waiting.bring_forward(|uid, pod| turn_of(now, uid, pod, &members));
        }
        for (uid, waiting) in self.waiting.take_due(now) {
            self.place(uid, waiting);
        }
    }

    fn place(&mut self, uid: String, waiting: Waiting) {
        let nodes: Vec<&NodeState> = self.nodes.values().collect();
        let placement = place(&waiting.pod, &nodes, &self.members.borrow());
        match placement {
            Placement::NotOurs => return,
            Placement::Bind { node } => {
                self.count(&node, &uid, &waiting.pod);
                return self.writes.push(bind(self.store.clone(), waiting.object, waiting.pod, node));
            }
            Placement::Unschedulable { message } => {
                if self.is_to_be_told(&uid, &waiting.pod) {
                    self.recorder.report_scheduling(&waiting.pod, EventType::Warning, "FailedScheduling", message.clone());
                    self.tell(&waiting.object, "Unschedulable", &message);
                }
            }
            Placement::Gated { message } => {
                if self.is_to_be_told(&uid, &waiting.pod) {
                    self.tell(&waiting.object, "SchedulingGated", &message);
                }
            }
        }
        self.waiting.put_back(uid, waiting);
    }

    /// One node says why a pod waits; another only where nobody has said anything.
    fn is_to_be_told(&self, uid: &str, pod: &Pod) -> bool {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let is_told =
            conditions.filter(|condition| condition.type_ == "PodScheduled").any(|condition| condition.status == "False");
        !is_told || placer::tells(placer::name_of(uid, pod), &self.members.borrow())
    }

    fn written(&mut self, written: Written) {
        match written {
            Written::Binding(bound) => self.bound(*bound),
            Written::Condition(Some(uid)) => {
                self.waiting.set_due(&uid, clock::now().boot.after_ms(AGAIN_MS));
            }
            Written::Condition(None) => {}
        }
    }

    fn bound(&mut self, bound: Bound) {
        let key = bound.object.key();
        let is_over = match bound.result {
            Ok(_) => {
                let message = format!("Successfully assigned {}/{} to {}", key.namespace, key.name, bound.node);
                return self.recorder.report_scheduling(&bound.pod, EventType::Normal, "Scheduled", message);
            }
            Err(StoreError::NotFound(_) | StoreError::OtherUid { .. } | StoreError::Closed) => true,
            Err(StoreError::AlreadyBound { .. }) => {
                debug!(%key, "a pod was bound before it was placed");
                false
            }
            Err(error) => {
                warn!(%key, %error, "a pod was not bound; it is tried again");
                false
            }
        };
        self.forget(bound.object.uid());
        // As it is now: bound by another, or still without a node.
        if let Some(object) = self.store.get(key).filter(|now| !is_over && now.uid() == bound.object.uid()) {
            self.put_pod(&object);
            self.waiting.set_due(object.uid(), clock::now().boot.after_ms(AGAIN_MS));
        }
    }

    /// Counts a pod on a node; whether it looks different to pods that look at others.
    fn count(&mut self, node: &str, uid: &str, pod: &Pod) -> bool {
        if self.counted.get(uid).is_some_and(|counted| counted != node) {
            self.forget(uid);
        }
        self.counted.insert(uid.to_owned(), node.to_owned());
        match self.nodes.get_mut(node) {
            Some(state) => state.put(pod),
            None => {
                self.strangers.entry(node.to_owned()).or_default().put(pod);
                false
            }
        }
    }

    fn forget(&mut self, uid: &str) {
        let Some(node) = self.counted.remove(uid) else { return };
        if let Some(state) = self.nodes.get_mut(&node) {
            state.remove(uid);
        } else if let Some(state) = self.strangers.get_mut(&node) {
            state.remove(uid);
            if !state.has_pods() {
                self.strangers.remove(&node);
            }
        }
    }

    /// Writes the condition `PodScheduled`, where it says something new.
    fn tell(&self, object: &Object, reason: &str, message: &str) {
        let Ok(value) = object.parse::<Value>() else { return };
        let Some(status) = unscheduled(&value["status"], reason, message, Timestamp::now()) else { return };
        let uid = object.uid().to_owned();
        // Not over what its node says of it, should another have placed it meanwhile.
        let only_if = Preconditions { uid: Some(uid.clone()), resource_version: Some(object.resource_version()) };
        let (store, key) = (self.store.clone(), object.key().clone());
        self.writes.push(Box::pin(async move {
            match store.update_status(key.clone(), status, only_if, Durability::Soon).await {
                Ok(_) => Written::Condition(None),
                Err(error) => {
                    debug!(%key, %error, "a pod's condition was not written");
                    Written::Condition(Some(uid))
                }
            }
        }));
    }
}

/// When this node places a pod that begins to wait now.
fn turn_of(now: BootMs, uid: &str, pod: &Pod, members: &Members) -> BootMs {
    match placer::turn(now, placer::name_of(uid, pod), now, members) {
        Turn::Now => now,
        Turn::Wait { until } => until,
    }
}

fn bind(store: Store, object: Arc<Object>, pod: Pod, node: String) -> BoxFuture<'static, Written> {
    Box::pin(async move {
        let only_if = Preconditions { uid: Some(object.uid().to_owned()), ..Preconditions::default() };
        let result = store.bind(object.key().clone(), &node, only_if).await;
        Written::Binding(Box::new(Bound { object, pod, node, result }))
    })
}
