//! Puts out the pods of this node that do not tolerate its `NoExecute` taints, when `control::eviction` says so.

use crate::clock;
use crate::events::{About, Recorder, Reporter};
use crate::shutdown::Shutdown;
use crate::verbs::Verbs;
use control::eviction::{self, Eviction};
use control::pod::EventType;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use objects::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Key, Store};
use tracing::warn;
use wire::{DeleteRequest, DryRun, ObjectRef};

/// How soon an eviction that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The task. See the module.
pub struct Evictor {
    verbs: Arc<Verbs>,
    store: Store,
    recorder: Recorder,
    is_tainted: bool,
    /// When each pod was first seen on the tainted node, by uid.
    since: BTreeMap<String, Timestamp>,
    /// Pods that have a time to go.
    announced: BTreeMap<String, Pod>,
}

impl Evictor {
    /// A task over this node's verbs.
    pub fn new(verbs: Arc<Verbs>, store: Store, recorder: Recorder) -> Self {
        Self { verbs, store, recorder, is_tainted: false, since: BTreeMap::new(), announced: BTreeMap::new() }
    }

    /// Looks after every change until the shutdown signal.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (_, mut nodes) = self.store.list_and_watch(Kind::Node, None);
        let (_, mut pods) = self.store.list_and_watch(Kind::Pod, None);
        let mut wait = self.look().await;
        loop {
            // What a change says is read from the store; watchers hold positions, so none is lost when another arm wins.
            let is_own = tokio::select! {
                () = shutdown.wait() => return,
                change = nodes.next() => match change {
                    Ok(change) => change.object.key().name == self.verbs.node_name(),
                    Err(_) => {
                        nodes = self.store.list_and_watch(Kind::Node, None).1;
                        true
                    }
                },
                change = pods.next() => {
                    if change.is_err() {
                        pods = self.store.list_and_watch(Kind::Pod, None).1;
                    }
                    // Without taints pods come and go without a look.
                    self.is_tainted
                }
                () = sleep(wait) => true,
            };
            if is_own {
                wait = self.look().await;
            }
        }
    }

    fn taints(&self) -> Vec<Taint> {
        let node = self.store.get(&Key::new(Kind::Node, "", self.verbs.node_name()));
        let node = node.and_then(|node| node.parse::<Node>().ok());
        let taints = node.and_then(|node| node.spec?.taints).unwrap_or_default();
        taints.into_iter().filter(eviction::counts).collect()
    }

    /// Looks at every pod of the node; how long nothing more is to be done.
    async fn look(&mut self) -> Option<Duration> {
        let (taints, now) = (self.taints(), clock::now());
        self.is_tainted = !taints.is_empty();
        let mut pods = BTreeMap::new();
        if !taints.is_empty() || !self.since.is_empty() {
            let ours = self.store.pods_on(self.verbs.node_name());
            pods.extend(ours.iter().filter_map(|object| Some((object.uid().to_owned(), object.parse::<Pod>().ok()?))));
        }
        self.since.retain(|uid, _| pods.contains_key(uid) && !taints.is_empty());
        let mut wait: Option<Duration> = None;
        for (uid, pod) in &pods {
            let verdict = match taints.is_empty() {
                true => Eviction::None,
                false => eviction::judge(now, pod, &taints, *self.since.entry(uid.clone()).or_insert(now.wall)),
            };
            let next = match verdict {
                Eviction::None => {
                    if self.announced.remove(uid).is_some() && pod.metadata.deletion_timestamp.is_none() {
                        self.tell(pod, eviction::cancelling(pod));
                    }
                    None
                }
                Eviction::At(at) => {
                    self.announced.insert(uid.clone(), pod.clone());
                    Some(Duration::try_from(at.duration_since(now.wall)).unwrap_or_default())
                }
                Eviction::Now => self.evict(uid, pod).await,
            };
            wait = wait.into_iter().chain(next).min();
        }
        self.announced.retain(|uid, _| pods.contains_key(uid));
        wait
    }

    async fn evict(&mut self, uid: &str, pod: &Pod) -> Option<Duration> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let object = ObjectRef { kind: Kind::Pod, namespace: text(&pod.metadata.namespace), name: text(&pod.metadata.name) };
        let request = DeleteRequest {
            object,
            grace_period_seconds: None,
            uid: Some(uid.to_owned()),
            dry_run: DryRun::No,
            options: wire::DeleteOptions::default(),
        };
        match self.verbs.delete(request).await {
            Ok(_) => {
                self.announced.remove(uid);
                self.tell(pod, eviction::marking(pod));
                None
            }
            // It is gone already.
            Err(status) if matches!(status.reason.as_str(), "NotFound" | "Conflict") => None,
            Err(status) => {
                warn!(pod = uid, error = status.message, "a pod was not put out; it is tried again");
                Some(AGAIN)
            }
        }
    }

    fn tell(&self, pod: &Pod, message: String) {
        let what = ("TaintManagerEviction", message);
        self.recorder.report_by(Reporter::TaintEviction, About::pod(pod, None), EventType::Normal, what);
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
