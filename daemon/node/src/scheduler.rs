//! Binds pending pods to this node, the only one yet, and says why where it cannot.

use crate::events::{About, Recorder, Reporter};
use crate::shutdown::Shutdown;
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use store::{ChangeKind, Object, Preconditions, Store, StoreError};
use tracing::{debug, warn};

/// The task. See the module.
pub struct Scheduler {
    node_name: String,
    store: Store,
    recorder: Recorder,
}

impl Scheduler {
    /// The scheduler of this node.
    pub fn new(node_name: String, store: Store, recorder: Recorder) -> Self {
        Self { node_name, store, recorder }
    }

    /// Places pods until the shutdown signal.
    pub async fn run(self, mut shutdown: Shutdown) {
        let (mut list, mut watcher) = self.store.list_and_watch(Kind::Pod, None);
        loop {
            for object in list.items.drain(..) {
                self.place(&object).await;
            }
            let change = tokio::select! {
                () = shutdown.wait() => return,
                change = watcher.next() => change,
            };
            match change {
                Ok(change) if change.kind == ChangeKind::Deleted => {}
                Ok(change) => list.items.push(change.object),
                Err(_) => (list, watcher) = self.store.list_and_watch(Kind::Pod, None),
            }
        }
    }

    async fn place(&self, object: &Object) {
        let pod: Pod = match object.parse() {
            Ok(pod) => pod,
            Err(error) => return warn!(key = %object.key(), %error, "a pod cannot be read"),
        };
        if pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_some()) {
            return;
        }
        let only_if = Preconditions { uid: Some(object.uid().to_owned()), ..Preconditions::default() };
        match self.store.bind(object.key().clone(), &self.node_name, only_if).await {
            Ok(_) => {
                let key = object.key();
                let message = format!("Successfully assigned {}/{} to {}", key.namespace, key.name, self.node_name);
                self.recorder.report_by(Reporter::Scheduler, About::pod(&pod, None), "Normal", "Scheduled", message);
            }
            Err(StoreError::NotFound(_) | StoreError::OtherUid { .. } | StoreError::AlreadyBound { .. } | StoreError::Closed) => {
                debug!(key = %object.key(), "a pod was bound or gone before it was placed");
            }
            Err(error) => warn!(key = %object.key(), %error, "a pod was not bound"),
        }
    }
}
