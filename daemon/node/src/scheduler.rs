//! Binds pending pods to nodes, and says why where it cannot. What is decided is `control::scheduler`'s.

use crate::agent::seconds;
use crate::events::Recorder;
use crate::shutdown::Shutdown;
use control::pod::EventType;
use control::scheduler::{NodeState, Placement, place};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use objects::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Change, ChangeKind, Durability, Object, Preconditions, Store, StoreError};
use tracing::{debug, warn};

/// The task. See the module.
pub struct Scheduler {
    store: Store,
    recorder: Recorder,
    nodes: BTreeMap<String, NodeState>,
    /// Pods that fit nowhere, by uid: tried again whenever something changed that may help.
    unplaced: BTreeMap<String, Arc<Object>>,
    /// Which node a pod was counted on, by uid.
    counted: BTreeMap<String, String>,
    /// Writes under way: many at once, and the store makes one commit of them.
    writes: FuturesUnordered<BoxFuture<'static, Written>>,
}

enum Written {
    Binding(Box<Bound>),
    Condition,
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
    /// A scheduler over a store.
    pub fn new(store: Store, recorder: Recorder) -> Self {
        Self {
            store,
            recorder,
            nodes: BTreeMap::new(),
            unplaced: BTreeMap::new(),
            counted: BTreeMap::new(),
            writes: FuturesUnordered::new(),
        }
    }

    /// Places pods until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (list, mut nodes) = self.store.list_and_watch(Kind::Node, None);
        list.items.iter().for_each(|node| self.put_node(node));
        let (list, mut pods) = self.store.list_and_watch(Kind::Pod, None);
        self.take_all(&list.items);
        loop {
            // Watchers hold positions and the set its bindings: nothing is lost when another arm wins.
            tokio::select! {
                () = shutdown.wait() => return,
                Some(written) = self.writes.next(), if !self.writes.is_empty() => {
                    if let Written::Binding(bound) = written {
                        self.bound(*bound);
                    }
                }
                change = nodes.next() => {
                    match change {
                        Ok(change) if change.kind == ChangeKind::Deleted => {
                            self.nodes.remove(&change.object.key().name);
                        }
                        Ok(change) => self.put_node(&change.object),
                        Err(_) => {
                            let (list, again) = self.store.list_and_watch(Kind::Node, None);
                            nodes = again;
                            list.items.iter().for_each(|node| self.put_node(node));
                        }
                    }
                    self.retry();
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

    fn put_node(&mut self, object: &Object) {
        match object.parse::<Node>() {
            Ok(node) => {
                let name = object.key().name.clone();
                self.nodes.entry(name).and_modify(|state| state.set_node(&node)).or_insert_with(|| NodeState::new(&node));
            }
            Err(error) => warn!(key = %object.key(), %error, "a node cannot be read"),
        }
    }

    /// All pods, from nothing.
    fn take_all(&mut self, pods: &[Arc<Object>]) {
        self.unplaced.clear();
        for uid in std::mem::take(&mut self.counted).into_keys() {
            self.forget(&uid);
        }
        // First what is taken, then what is wanted.
        let (bound, pending): (Vec<_>, Vec<_>) = pods.iter().partition(|object| is_bound(object));
        for object in bound.into_iter().chain(pending) {
            self.put_pod(object);
        }
    }

    fn take(&mut self, change: &Change) {
        if change.kind == ChangeKind::Deleted {
            self.unplaced.remove(change.object.uid());
            self.forget(change.object.uid());
            return self.retry();
        }
        if self.put_pod(&change.object) == Room::MayHaveGrown {
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
        if let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) {
            self.unplaced.remove(object.uid());
            let has_ended =
                matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"));
            self.count(&node, object.uid(), &pod);
            return if has_ended { Room::MayHaveGrown } else { Room::AsBefore };
        }
        // A binding of it is under way already.
        if !self.counted.contains_key(object.uid()) {
            self.place(object, pod);
        }
        Room::AsBefore
    }

    fn place(&mut self, object: &Arc<Object>, pod: Pod) {
        let nodes: Vec<&NodeState> = self.nodes.values().collect();
        match place(&pod, &nodes) {
            Placement::NotOurs => {
                self.unplaced.remove(object.uid());
            }
            Placement::Bind { node } => {
                self.unplaced.remove(object.uid());
                self.count(&node, object.uid(), &pod);
                self.writes.push(bind(self.store.clone(), object.clone(), pod, node));
            }
            Placement::Unschedulable { message } => {
                self.recorder.report_scheduling(&pod, EventType::Warning, "FailedScheduling", message.clone());
                self.unplaced.insert(object.uid().to_owned(), object.clone());
                self.tell(object, "Unschedulable", &message);
            }
            Placement::Gated { message } => {
                self.unplaced.insert(object.uid().to_owned(), object.clone());
                self.tell(object, "SchedulingGated", &message);
            }
        }
    }

    /// Something may fit now that did not.
    fn retry(&mut self) {
        for object in std::mem::take(&mut self.unplaced).into_values() {
            // Its newest version, if it is still there.
            if let Some(object) = self.store.get(object.key()).filter(|now| now.uid() == object.uid()) {
                self.put_pod(&object);
            }
        }
    }

    fn bound(&mut self, bound: Bound) {
        let key = bound.object.key();
        match bound.result {
            Ok(_) => {
                let message = format!("Successfully assigned {}/{} to {}", key.namespace, key.name, bound.node);
                self.recorder.report_scheduling(&bound.pod, EventType::Normal, "Scheduled", message);
            }
            Err(StoreError::NotFound(_) | StoreError::OtherUid { .. } | StoreError::AlreadyBound { .. } | StoreError::Closed) => {
                self.forget(bound.object.uid());
                debug!(%key, "a pod was bound or gone before it was placed");
            }
            Err(error) => {
                warn!(%key, %error, "a pod was not bound; it is tried again with the next change");
                self.forget(bound.object.uid());
                self.unplaced.insert(bound.object.uid().to_owned(), bound.object);
            }
        }
    }

    fn count(&mut self, node: &str, uid: &str, pod: &Pod) {
        if let Some(state) = self.nodes.get_mut(node) {
            state.put(pod);
            self.counted.insert(uid.to_owned(), node.to_owned());
        }
    }

    fn forget(&mut self, uid: &str) {
        self.counted.remove(uid);
        self.nodes.values_mut().for_each(|state| state.remove(uid));
    }

    /// Writes the condition `PodScheduled`, where it says something new.
    fn tell(&self, object: &Object, reason: &str, message: &str) {
        let Ok(value) = object.parse::<Value>() else { return };
        let Some(status) = unscheduled(&value["status"], reason, message, Timestamp::now()) else { return };
        let only_if = Preconditions { uid: Some(object.uid().to_owned()), ..Preconditions::default() };
        let (store, key) = (self.store.clone(), object.key().clone());
        self.writes.push(Box::pin(async move {
            if let Err(error) = store.update_status(key.clone(), status, only_if, Durability::Soon).await {
                debug!(%key, %error, "a pod's condition was not written");
            }
            Written::Condition
        }));
    }
}

fn is_bound(object: &Arc<Object>) -> bool {
    object.parse::<Pod>().is_ok_and(|pod| pod.spec.is_some_and(|spec| spec.node_name.is_some()))
}

fn bind(store: Store, object: Arc<Object>, pod: Pod, node: String) -> BoxFuture<'static, Written> {
    Box::pin(async move {
        let only_if = Preconditions { uid: Some(object.uid().to_owned()), ..Preconditions::default() };
        let result = store.bind(object.key().clone(), &node, only_if).await;
        Written::Binding(Box::new(Bound { object, pod, node, result }))
    })
}

/// The status with the condition that the pod is not scheduled; `None` where it says so already.
fn unscheduled(status: &Value, reason: &str, message: &str, now: Timestamp) -> Option<Value> {
    let mut status = status.clone();
    let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let is_it = |condition: &&Value| condition["type"] == "PodScheduled";
    let before = conditions.iter().find(is_it).cloned();
    let is_same = |before: &Value| before["status"] == "False" && before["reason"] == reason && before["message"] == message;
    if before.as_ref().is_some_and(is_same) {
        return None;
    }
    let since = before.filter(|before| before["status"] == "False").map(|before| before["lastTransitionTime"].clone());
    conditions.retain(|condition| !is_it(&condition));
    conditions.push(json!({
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": since.unwrap_or_else(|| json!(seconds(now))),
    }));
    status["conditions"] = json!(conditions);
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::unscheduled;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    #[test]
    fn the_condition_is_written_once_and_keeps_its_time() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let pending = json!({"phase": "Pending", "conditions": [{"type": "Other", "status": "True"}]});
        let first = unscheduled(&pending, "Unschedulable", "too big", at("2026-01-01T00:00:00Z")).expect("it is new");
        assert_eq!(first["conditions"][0]["type"], "Other");
        assert_eq!(first["conditions"][1]["message"], "too big");
        assert_eq!(unscheduled(&first, "Unschedulable", "too big", at("2026-01-02T00:00:00Z")), None);
        let other: Value = unscheduled(&first, "Unschedulable", "still too big", at("2026-01-02T00:00:00Z")).expect("it differs");
        assert_eq!(other["conditions"][1]["lastTransitionTime"], "2026-01-01T00:00:00Z");
        assert_eq!(other["conditions"].as_array().map(Vec::len), Some(2));
    }
}
