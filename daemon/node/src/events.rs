//! Events: one task takes reports from everywhere, counts what comes again, and writes them to the store.
//!
//! Reporting never waits: the queue is bounded, and what does not fit is counted and dropped. An event tells people what
//! happened; nothing is decided by it. Events expire in the store.

mod conflicts;
mod object;

use crate::shutdown::Shutdown;
use control::events::{Correlator, Decision, Occurrence, Report, Source, Subject};
use control::pod::{EventType, PodEvent};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Key, Preconditions, Store, StoreError};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

/// Reports that may wait.
const QUEUE: usize = 4096;
/// Reports that are written together: the store makes one commit of them.
const BATCH: usize = 256;

/// What an event is about: an object, or a part of it.
#[derive(Debug, Clone)]
pub struct About {
    subject: Subject,
    field_path: Option<String>,
}

impl About {
    /// A node; kubelet gives its name for its uid.
    pub fn node(name: &str) -> Self {
        let (kind, namespace) = ("Node".to_owned(), String::new());
        Self { subject: Subject { kind, namespace, name: name.to_owned(), uid: name.to_owned() }, field_path: None }
    }

    /// An object.
    pub fn object(key: &Key, uid: &str) -> Self {
        let Key { kind, namespace, name } = key.clone();
        let subject = Subject { kind: kind.name().to_owned(), namespace, name, uid: uid.to_owned() };
        Self { subject, field_path: None }
    }

    /// A pod, or a container of it.
    pub fn pod(pod: &Pod, field_path: Option<String>) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (meta, kind) = (&pod.metadata, "Pod".to_owned());
        let subject = Subject { kind, namespace: text(&meta.namespace), name: text(&meta.name), uid: text(&meta.uid) };
        Self { subject, field_path }
    }
}

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporter {
    /// The node agent.
    Kubelet,
    /// The scheduler.
    Scheduler,
    /// The replica of the cluster's objects.
    Replica,
    /// Whoever tells of nodes that come and go.
    NodeController,
    /// Whoever puts out pods because of taints.
    TaintEviction,
    /// Whoever makes the pods of ReplicaSets.
    ReplicaSet,
    /// Whoever makes the ReplicaSets of Deployments.
    Deployment,
}

impl Reporter {
    /// As `source.component`.
    pub const fn component(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::Scheduler => "default-scheduler",
            Self::Replica => "replica",
            Self::NodeController => "node-controller",
            Self::TaintEviction => "taint-eviction-controller",
            Self::ReplicaSet => "replicaset-controller",
            Self::Deployment => "deployment-controller",
        }
    }
}

#[derive(Debug)]
struct Reported {
    by: Reporter,
    at: Timestamp,
    report: Report,
    /// Of the event's metadata.
    annotations: Option<Value>,
}

/// What is said of something.
struct Said<'a> {
    /// One word.
    reason: &'a str,
    /// The sentence.
    message: String,
    /// Of the event's metadata.
    annotations: Option<Value>,
}

/// Takes reports. Clones are the same.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Reported>,
    dropped: Arc<AtomicU64>,
    node_name: Arc<str>,
    time_known: Arc<watch::Sender<bool>>,
}

impl Recorder {
    /// This node's name.
    pub fn node_name(&self) -> &str {
        &self.node_name
    }

    /// From now on the store knows the cluster's time, as well as it ever will: see [`Writer::run_once_time_is_known`].
    pub fn time_is_known(&self) {
        self.time_known.send_replace(true);
    }

    /// Reports something that the node agent saw. Never waits.
    pub fn report(&self, about: About, kind: EventType, reason: &str, message: String) {
        self.report_by(Reporter::Kubelet, about, kind, (reason, message));
    }

    /// Reports something that the scheduler did. Never waits.
    pub fn report_scheduling(&self, pod: &Pod, kind: EventType, reason: &str, message: String) {
        self.report_by(Reporter::Scheduler, About::pod(pod, None), kind, (reason, message));
    }

    /// Reports what a pod's machine says. Never waits.
    pub fn report_pod(&self, pod: &Pod, event: PodEvent) {
        self.report(About::pod(pod, event.field_path), event.kind, event.reason, event.message);
    }

    /// Reports something as one of the parts of this daemon. Never waits.
    pub fn report_by(&self, by: Reporter, about: About, kind: EventType, (reason, message): (&str, String)) {
        self.report_said(by, about, kind, Said { reason, message, annotations: None });
    }

    fn report_said(&self, by: Reporter, about: About, kind: EventType, said: Said<'_>) {
        let Said { reason, message, annotations } = said;
        let source = Source { component: by.component().to_owned(), host: self.node_name.to_string() };
        let About { subject, field_path } = about;
        let report = Report { source, subject, field_path, kind, reason: reason.to_owned(), message };
        if self.queue.try_send(Reported { by, at: Timestamp::now(), report, annotations }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes what the [`Recorder`] takes. See [`Writer::run`].
pub struct Writer {
    queue: mpsc::Receiver<Reported>,
    dropped: Arc<AtomicU64>,
    store: Store,
    correlator: Correlator,
    time_known: watch::Receiver<bool>,
}

/// The two ends of the way of events.
pub fn channel(node_name: &str, store: Store) -> (Recorder, Writer) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let (time_known_tx, time_known) = watch::channel(false);
    let time_known_tx = Arc::new(time_known_tx);
    let recorder = Recorder { queue: sender, dropped: dropped.clone(), node_name: node_name.into(), time_known: time_known_tx };
    (recorder, Writer { queue, dropped, store, correlator: Correlator::default(), time_known })
}

impl Writer {
    /// The same, but nothing is written before [`Recorder::time_is_known`]: a daemon that starts on a machine whose clock is wrong has
    /// not measured by how much, and others would not take what it writes.
    pub async fn run_once_time_is_known(mut self, mut shutdown: Shutdown) {
        // Both only wait. Where the daemon ends before, what waits is written as it is.
        tokio::select! {
            _ = self.time_known.wait_for(|is_known| *is_known) => {}
            () = shutdown.wait() => {}
        }
        self.run(shutdown).await;
    }

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
    async fn write(&mut self, batch: &mut Vec<Reported>) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn!(dropped, "events came faster than they are written");
        }
        // In the order in which they were reported: who watches sees a container created before it is started.
        let mut events: Vec<(Reported, Occurrence)> = Vec::with_capacity(batch.len());
        let mut places: HashMap<String, usize> = HashMap::new();
        let correction = SignedDuration::from_millis(self.store.clock_correction());
        for mut reported in batch.drain(..) {
            // In the cluster's time, whatever this machine's clock says: beside the events of others it is read.
            reported.at = reported.at.checked_sub(correction).unwrap_or(reported.at);
            match self.correlator.report(reported.at, &reported.report) {
                Decision::Drop => {}
                Decision::Create(occurrence) | Decision::Update(occurrence) => {
                    let place = *places.entry(occurrence.name.clone()).or_insert(events.len());
                    match events.get_mut(place) {
                        Some(known) => *known = (reported, occurrence),
                        None => events.push((reported, occurrence)),
                    }
                }
            }
        }
        let writes = events.into_iter().map(|(reported, occurrence)| put(&self.store, reported, occurrence));
        futures_util::future::join_all(writes).await;
    }
}

/// Makes the event, or counts it where it is there.
async fn put(store: &Store, reported: Reported, occurrence: Occurrence) {
    let subject = &reported.report.subject;
    let namespace = if subject.namespace.is_empty() { "default" } else { &subject.namespace };
    let key = Key { kind: Kind::Event, namespace: namespace.to_owned(), name: occurrence.name.clone() };
    let known = store.get(&key).and_then(|known| known.parse::<Value>().ok());
    let result = match known {
        Some(known) => {
            let counted = object::annotated(object::counted(known, reported.by, &occurrence), &reported);
            store.update(key.clone(), counted, Preconditions::default()).await
        }
        None => Err(StoreError::NotFound(key.clone())),
    };
    let result = match result {
        // The first of its kind, or it has expired.
        Err(StoreError::NotFound(_)) => store.create(key.clone(), object::new(&reported, &occurrence, namespace)).await,
        result => result,
    };
    if let Err(error) = result {
        debug!(%key, %error, "an event was not stored");
    }
}

#[cfg(test)]
mod tests {
    use super::{About, channel};
    use control::pod::EventType;
    use control::version::NodeId;
    use objects::Kind;
    use serde_json::Value;
    use store::Store;

    fn opened() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let opened = Store::open(folder.path(), NodeId::from("n"), store::Settings::default());
        let (store, writer, _) = opened.expect("a store");
        std::thread::spawn(|| writer.run());
        (folder, store)
    }

    #[tokio::test]
    async fn events_are_written_in_the_order_in_which_they_were_reported() {
        let (_folder, store) = opened();
        let (_, mut watcher) = store.list_and_watch(Kind::Event, None);
        let (recorder, events) = channel("n", store.clone());
        let expected: Vec<String> = (0..20).map(|number| format!("Reason{number}")).collect();
        for reason in &expected {
            recorder.report(About::node("n"), EventType::Normal, reason, "said".to_owned());
        }
        // Told twice, it stays in its place.
        recorder.report(About::node("n"), EventType::Normal, "Reason3", "said".to_owned());
        let (trigger, shutdown) = crate::shutdown::signal();
        trigger.shut_down();
        events.run(shutdown).await;
        let mut told = Vec::new();
        while told.len() < expected.len() {
            let event: Value = watcher.next().await.expect("a change").object.parse().expect("an event");
            told.push(event["reason"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(told, expected);
    }

    #[tokio::test]
    async fn events_are_in_the_clusters_time_and_wait_until_it_is_known() {
        let (_folder, store) = opened();
        let (_, mut watcher) = store.list_and_watch(Kind::Event, None);
        let (recorder, events) = channel("n", store.clone());
        let (_trigger, shutdown) = crate::shutdown::signal();
        recorder.report(About::node("n"), EventType::Normal, "Starting", "said before the time was known".to_owned());
        tokio::spawn(events.run_once_time_is_known(shutdown));
        tokio::task::yield_now().await;
        // Measured: this machine's clock is an hour ahead of those of the others.
        store.set_clock_correction(3_600_000).await.expect("open");
        assert_eq!(store.list(Kind::Event, None).items.len(), 0);
        recorder.time_is_known();
        let event: Value = watcher.next().await.expect("a change").object.parse().expect("an event");
        for field in ["firstTimestamp", "lastTimestamp"] {
            let time: jiff::Timestamp = event[field].as_str().expect("a time").parse().expect("a time");
            let ago_s = jiff::Timestamp::now().as_second() - time.as_second();
            assert!((3_590..3_700).contains(&ago_s), "{field} is {ago_s} s ago by our clock");
        }
        let created = event["metadata"]["creationTimestamp"].as_str().expect("a time");
        assert_eq!(Some(created), event["firstTimestamp"].as_str());
    }
}
