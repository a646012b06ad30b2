//! Binds pending pods to nodes, and says why where it cannot. What is decided is `control::scheduler`'s, and who decides it
//! `control::scheduler::placer`'s: this node places a pod at once where it is the first of those that are alive, and later where the
//! others leave it.

mod condition;

use crate::clock;
use crate::events::Recorder;
use crate::shutdown::Shutdown;
use condition::unscheduled;
use control::clock::BootMs;
use control::membership::Members;
use control::pod::EventType;
use control::scheduler::placer::{self, Turn};
use control::scheduler::{NodeState, Placement, looks_at_others, place};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use objects::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Change, ChangeKind, Durability, Object, Preconditions, Store, StoreError};
use tokio::sync::watch;
use tracing::{debug, warn};

/// How soon a write that failed is tried again.
const AGAIN_MS: u64 = 1_000;

/// The task. See the module.
pub struct Scheduler {
    store: Store,
    recorder: Recorder,
    members: watch::Receiver<Members>,
    nodes: BTreeMap<String, NodeState>,
    /// Pods without a node, by uid.
    waiting: BTreeMap<String, Waiting>,
    /// How many came.
    arrived: u64,
    /// Which node a pod was counted on, by uid.
    counted: BTreeMap<String, String>,
    /// Writes under way: many at once, and the store makes one commit of them.
    writes: FuturesUnordered<BoxFuture<'static, Written>>,
}

/// A pod that waits for a node.
struct Waiting {
    object: Arc<Object>,
    pod: Pod,
    /// Which came first.
    number: u64,
    /// When this node tries; `None` until something changes that may help.
    due: Option<BootMs>,
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
            waiting: BTreeMap::new(),
            arrived: 0,
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
            let due = self.waiting.values().filter_map(|waiting| waiting.due).min();
            // Watchers hold positions and the set its bindings, the time is looked up anew: nothing is lost when another arm wins.
            tokio::select! {
                () = shutdown.wait() => return,
                Some(written) = self.writes.next(), if !self.writes.is_empty() => self.written(written),
                // Without a sender the members stay what they are.
                Ok(()) = members.changed() => self.retry(),
                () = clock::sleep_until(due) => {}
                change = nodes.next() => {
                    let room = match change {
                        Ok(change) if change.kind == ChangeKind::Deleted => {
                            self.nodes.remove(&change.object.key().name);
                            Room::AsBefore
                        }
                        Ok(change) => self.put_node(&change.object),
                        Err(_) => {
                            let (list, again) = self.store.list_and_watch(Kind::Node, None);
                            nodes = again;
                            self.nodes.retain(|name, _| list.items.iter().any(|node| node.key().name == *name));
                            for node in &list.items {
                                self.put_node(node);
                            }
                            Room::MayHaveGrown
                        }
                    };
                    if room == Room::MayHaveGrown {
                        self.retry();
                    }
                }
                change = pods.next() => match change {
                    Ok(change) => self.take(&change),
                    Err(_) => {
                        let (list, again) = self.store.list_and_watch(Kind::Pod, None);
                        pods = again;
                        self.take_all(&list.items);
                    }
                },
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
        self.nodes.insert(object.key().name.clone(), NodeState::new(&node));
        // Pods may have been bound to it before it was heard of.
        let name = &object.key().name;
        for object in self.store.list(Kind::Pod, None).items {
            if let Some(pod) = object.parse::<Pod>().ok().filter(|pod| node_of(pod) == Some(name)) {
                self.count(name, object.uid(), &pod);
            }
        }
        Room::MayHaveGrown
    }

    /// All pods, from nothing.
    fn take_all(&mut self, pods: &[Arc<Object>]) {
        self.waiting.clear();
        for uid in std::mem::take(&mut self.counted).into_keys() {
            self.nodes.values_mut().for_each(|state| state.remove(&uid));
        }
        // First what is taken, then what is wanted.
        let (bound, pending): (Vec<_>, Vec<_>) = pods.iter().partition(|object| is_bound(object));
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
            self.retry();
        }
        if change.kind != ChangeKind::Deleted && self.put_pod(&change.object) == Room::MayHaveGrown {
            self.retry();
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
        if let Some(node) = node_of(&pod).map(str::to_owned) {
            self.waiting.remove(object.uid());
            let has_ended =
                matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"));
            // It may have been counted elsewhere: a binding of another node's that is older than ours.
            let has_moved = self.counted.get(object.uid()).is_some_and(|counted| *counted != node);
            let is_other = self.count(&node, object.uid(), &pod);
            let is_looked_at = is_other && self.waiting.values().any(|waiting| looks_at_others(&waiting.pod));
            return if has_ended || has_moved || is_looked_at { Room::MayHaveGrown } else { Room::AsBefore };
        }
        // A binding of it is under way already.
        if !self.counted.contains_key(object.uid()) {
            self.wait(object.clone(), pod);
        }
        Room::AsBefore
    }

    fn wait(&mut self, object: Arc<Object>, pod: Pod) {
        let uid = object.uid().to_owned();
        let known = self.waiting.get(&uid);
        let due = match known {
            // Most changes are the condition that was written of it.
            Some(known) if is_same_but_status(&known.pod, &pod) => known.due,
            Some(known) if known.due.is_some() => known.due,
            _ => Some(self.turn_of(&uid, &pod)),
        };
        let number = known.map_or(self.arrived, |known| known.number);
        self.arrived += 1;
        self.waiting.insert(uid, Waiting { object, pod, number, due });
    }

    /// When this node places a pod that begins to wait now.
    fn turn_of(&self, uid: &str, pod: &Pod) -> BootMs {
        let now = clock::now().boot;
        match placer::turn(now, placer::name_of(uid, pod), now, &self.members.borrow()) {
            Turn::Now => now,
            Turn::Wait { until } => until,
        }
    }

    /// Something may fit now that did not, or others may be gone whose turn it was.
    fn retry(&mut self) {
        let turn = |(uid, waiting): (&String, &Waiting)| (uid.clone(), self.turn_of(uid, &waiting.pod));
        let turns: Vec<(String, BootMs)> = self.waiting.iter().map(turn).collect();
        for (uid, turn) in turns {
            if let Some(waiting) = self.waiting.get_mut(&uid) {
                // Never later than before: changes that do not end must not keep a pod waiting.
                waiting.due = Some(waiting.due.map_or(turn, |due| due.min(turn)));
            }
        }
    }

    /// Places every pod whose time has come, those first that came first.
    fn place_due(&mut self) {
        let now = clock::now().boot;
        let is_due = |waiting: &Waiting| waiting.due.is_some_and(|due| due <= now);
        let due = self.waiting.iter().filter(|(_, waiting)| is_due(waiting));
        let mut due: Vec<(u64, String)> = due.map(|(uid, waiting)| (waiting.number, uid.clone())).collect();
        due.sort_unstable();
        for (_, uid) in due {
            if let Some(waiting) = self.waiting.remove(&uid) {
                self.place(uid, waiting);
            }
        }
    }

    fn place(&mut self, uid: String, mut waiting: Waiting) {
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
        waiting.due = None;
        self.waiting.insert(uid, waiting);
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
                if let Some(waiting) = self.waiting.get_mut(&uid) {
                    waiting.due = Some(clock::now().boot.after_ms(AGAIN_MS));
                }
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
            if let Some(waiting) = self.waiting.get_mut(object.uid()) {
                waiting.due = Some(clock::now().boot.after_ms(AGAIN_MS));
            }
        }
    }

    /// Counts a pod on a node; whether it looks different to pods that look at others.
    fn count(&mut self, node: &str, uid: &str, pod: &Pod) -> bool {
        if self.counted.get(uid).is_some_and(|counted| counted != node) {
            self.forget(uid);
        }
        let Some(state) = self.nodes.get_mut(node) else { return false };
        self.counted.insert(uid.to_owned(), node.to_owned());
        state.put(pod)
    }

    fn forget(&mut self, uid: &str) {
        if let Some(state) = self.counted.remove(uid).and_then(|node| self.nodes.get_mut(&node)) {
            state.remove(uid);
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

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|name| !name.is_empty())
}

fn is_bound(object: &Arc<Object>) -> bool {
    object.parse::<Pod>().is_ok_and(|pod| node_of(&pod).is_some())
}

/// Whether only the status of a pod that waits changed.
fn is_same_but_status(before: &Pod, after: &Pod) -> bool {
    let (old, new) = (&before.metadata, &after.metadata);
    old.labels == new.labels && old.deletion_timestamp == new.deletion_timestamp && before.spec == after.spec
}

fn bind(store: Store, object: Arc<Object>, pod: Pod, node: String) -> BoxFuture<'static, Written> {
    Box::pin(async move {
        let only_if = Preconditions { uid: Some(object.uid().to_owned()), ..Preconditions::default() };
        let result = store.bind(object.key().clone(), &node, only_if).await;
        Written::Binding(Box::new(Bound { object, pod, node, result }))
    })
}
