//! Events: one task takes reports from everywhere, counts what comes again, and writes them to the store.
//!
//! Reporting never waits: the queue is bounded, and what does not fit is counted and dropped. An event tells people what
//! happened; nothing is decided by it. Events expire in the store.

use crate::agent::seconds;
use crate::shutdown::Shutdown;
use control::pod::PodEvent;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Key, Preconditions, Store, StoreError};
use tokio::sync::mpsc;
use tracing::{debug, warn};
use uuid::Uuid;

/// Reports that may wait.
const QUEUE: usize = 4096;
/// Reports that are written together: the store makes one commit of them.
const BATCH: usize = 256;

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct About {
    kind: &'static str,
    namespace: String,
    name: String,
    uid: String,
    field_path: Option<String>,
}

impl About {
    /// A node; kubelet gives its name for its uid.
    pub fn node(name: &str) -> Self {
        Self { kind: "Node", namespace: String::new(), name: name.to_owned(), uid: name.to_owned(), field_path: None }
    }

    /// A pod, or a container of it.
    pub fn pod(pod: &Pod, field_path: Option<String>) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let meta = &pod.metadata;
        Self { kind: "Pod", namespace: text(&meta.namespace), name: text(&meta.name), uid: text(&meta.uid), field_path }
    }
}

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reporter {
    /// The node agent.
    Kubelet,
    /// The scheduler.
    Scheduler,
}

#[derive(Debug)]
struct Report {
    about: About,
    by: Reporter,
    kind: &'static str,
    reason: String,
    message: String,
    at: Timestamp,
}

/// Takes reports. Clones are the same.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Report>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// Reports something that the node agent saw. Never waits.
    pub fn report(&self, about: About, kind: &'static str, reason: &str, message: String) {
        self.report_by(Reporter::Kubelet, about, kind, reason, message);
    }

    /// Reports something. Never waits.
    pub fn report_by(&self, by: Reporter, about: About, kind: &'static str, reason: &str, message: String) {
        let report = Report { about, by, kind, reason: reason.to_owned(), message, at: Timestamp::now() };
        if self.queue.try_send(report).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reports what a pod's machine says.
    pub fn report_pod(&self, pod: &Pod, event: PodEvent) {
        self.report(About::pod(pod, event.field_path), event.kind.as_str(), event.reason, event.message);
    }
}

/// Writes what the [`Recorder`] takes. See [`Writer::run`].
pub struct Writer {
    queue: mpsc::Receiver<Report>,
    dropped: Arc<AtomicU64>,
    node_name: String,
    store: Store,
    seen: HashMap<Identity, Seen>,
}

/// What makes two reports the same event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    about: About,
    by: Reporter,
    reason: String,
    message: String,
}

#[derive(Debug, Clone)]
struct Seen {
    name: String,
    uid: String,
    first: Timestamp,
    last: Timestamp,
    count: u64,
}

/// The most events that are remembered to be counted on (`maxLruCacheEntries`).
const REMEMBERED: usize = 4096;

/// The two ends of the way of events.
pub fn channel(node_name: String, store: Store) -> (Recorder, Writer) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let recorder = Recorder { queue: sender, dropped: dropped.clone() };
    (recorder, Writer { queue, dropped, node_name, store, seen: HashMap::new() })
}

impl Writer {
    /// Runs until the shutdown signal, then writes what waits.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                // What `recv_many` has taken is in the batch; it takes nothing when it is dropped.
                taken = self.queue.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                }
                () = shutdown.wait() => {
                    while let Ok(report) = self.queue.try_recv() {
                        batch.push(report);
                    }
                    self.write(&mut batch).await;
                    return;
                }
            }
            self.write(&mut batch).await;
        }
    }

    /// Counts a batch and writes each event of it once, all together.
    async fn write(&mut self, batch: &mut Vec<Report>) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn!(dropped, "events came faster than they are written");
        }
        let mut objects: HashMap<Key, Value> = HashMap::new();
        for report in batch.drain(..) {
            let (key, object) = self.count(report);
            objects.insert(key, object);
        }
        if self.seen.len() > REMEMBERED {
            let mut times: Vec<Timestamp> = self.seen.values().map(|seen| seen.last).collect();
            times.sort_unstable_by(|left, right| right.cmp(left));
            let horizon = times.get(REMEMBERED / 2).copied().unwrap_or(Timestamp::UNIX_EPOCH);
            self.seen.retain(|_, seen| seen.last > horizon);
        }
        let writes = objects.into_iter().map(|(key, object)| put(&self.store, key, object));
        futures_util::future::join_all(writes).await;
    }

    fn count(&mut self, report: Report) -> (Key, Value) {
        let Report { about, by, kind, reason, message, at } = report;
        let name = format!("{}.{:x}", about.name, at.as_nanosecond());
        let identity = Identity { about, by, reason, message };
        let seen = self.seen.entry(identity.clone()).or_insert_with(|| Seen {
            name,
            uid: Uuid::new_v4().to_string(),
            first: at,
            last: at,
            count: 0,
        });
        seen.count += 1;
        seen.last = at;
        let object = object(&identity, seen, kind, &self.node_name);
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        (Key { kind: Kind::Event, namespace, name: seen.name.clone() }, object)
    }
}

async fn put(store: &Store, key: Key, object: Value) {
    let result = match store.get(&key) {
        Some(_) => store.update(key.clone(), object.clone(), Preconditions::default()).await,
        None => store.create(key.clone(), object.clone()).await,
    };
    let result = match result {
        // It expired meanwhile.
        Err(StoreError::NotFound(_)) => store.create(key.clone(), object).await,
        result => result,
    };
    if let Err(error) = result {
        debug!(%key, %error, "an event was not stored");
    }
}

fn object(identity: &Identity, seen: &Seen, kind: &str, node_name: &str) -> Value {
    let about = &identity.about;
    let namespace = if about.namespace.is_empty() { "default" } else { &about.namespace };
    let mut involved = json!({ "kind": about.kind, "name": about.name, "uid": about.uid, "apiVersion": "v1" });
    if !about.namespace.is_empty() {
        involved["namespace"] = json!(about.namespace);
    }
    if let Some(path) = &about.field_path {
        involved["fieldPath"] = json!(path);
    }
    let mut event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": seen.name, "namespace": namespace, "uid": seen.uid, "creationTimestamp": seconds(seen.first),
        },
        "involvedObject": involved,
        "reason": identity.reason,
        "message": identity.message,
        "type": kind,
    });
    match identity.by {
        Reporter::Kubelet => {
            event["source"] = json!({ "component": "kubelet", "host": node_name });
            event["firstTimestamp"] = json!(seconds(seen.first));
            event["lastTimestamp"] = json!(seconds(seen.last));
            event["count"] = json!(seen.count);
            event["reportingComponent"] = json!("kubelet");
            event["reportingInstance"] = json!(node_name);
        }
        Reporter::Scheduler => {
            event["source"] = json!({});
            event["firstTimestamp"] = Value::Null;
            event["lastTimestamp"] = Value::Null;
            event["eventTime"] = json!(micros(seen.first));
            event["action"] = json!(if identity.reason == "Scheduled" { "Binding" } else { "Scheduling" });
            event["reportingComponent"] = json!("default-scheduler");
            event["reportingInstance"] = json!(format!("default-scheduler-{node_name}"));
            if seen.count > 1 {
                event["series"] = json!({ "count": seen.count, "lastObservedTime": micros(seen.last) });
            }
        }
    }
    event
}

/// `metav1.MicroTime`
fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
