//! The orderly shutdown of the machine: its pods are ended before it goes (`pkg/kubelet/nodeshutdown`).
//!
//! A daemon that only restarts leaves its pods alone. That the machine goes is known from systemd, which then is `stopping`, or told by
//! SIGPWR, for other init systems and power supplies. Pods go in two phases, each with its part of the grace: first all but the critical
//! ones, then those. Meanwhile the node is not ready and takes no pods.

use crate::config::ShutdownGrace;
use crate::pods::{Machinery, Order, Ordered, Orders};
use crate::relief::ended;
use control::pressure::is_critical;
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::watch;
use tracing::{info, warn};

/// How long systemd may take to say what it does.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);
/// Past its grace a pod has two seconds for SIGKILL, and its sandbox has to go.
const MARGIN: Duration = Duration::from_secs(5);

/// Whether systemd is stopping the machine.
pub async fn is_going_down() -> bool {
    let mut command = tokio::process::Command::new("systemctl");
    command.arg("is-system-running").kill_on_drop(true);
    match tokio::time::timeout(ASK_TIMEOUT, command.output()).await {
        Ok(Ok(output)) => output.stdout.trim_ascii() == b"stopping",
        // Without systemd nobody says so.
        Ok(Err(_)) | Err(_) => false,
    }
}

/// Ends the pods of a machine.
pub struct Closing {
    /// What the pods work with.
    pub machinery: Arc<Machinery>,
    /// Where the pods are.
    pub store: Store,
    /// Where they are told.
    pub orders: Orders,
    /// Told that no pods are taken any more.
    pub closing: watch::Sender<bool>,
    /// How long they have.
    pub grace: ShutdownGrace,
}

impl Closing {
    /// Ends all pods, and returns once they have ended or their time is over. Where they have none they are left alone: they are started
    /// again when the machine is back, while those that were ended here have failed for good.
    pub async fn run(self) {
        if self.grace.total.is_zero() {
            return info!("the daemon ends, the pods run on until the machine is off");
        }
        self.closing.send_replace(true);
        let (critical, others): (Vec<Pod>, Vec<Pod>) = self.own_pods().into_iter().partition(is_critical);
        info!(pods = others.len(), critical = critical.len(), "the machine goes down: its pods are ended");
        self.phase(others, self.grace.total.saturating_sub(self.grace.critical)).await;
        self.phase(critical, self.grace.critical).await;
    }

    async fn phase(&self, pods: Vec<Pod>, grace: Duration) {
        let mut ends = Vec::new();
        for pod in &pods {
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let order = Order::ShutDown { grace_seconds: grace.as_secs() };
            if self.orders.send(Ordered { uid: uid.clone(), order }).await.is_ok() {
                let key = self.machinery.key_of(pod);
                ends.push(async move { ended(&self.store, key, &uid).await });
            }
        }
        if tokio::time::timeout(grace + MARGIN, join_all(ends)).await.is_err() {
            warn!("some pods have not ended in time");
        }
    }

    fn own_pods(&self) -> Vec<Pod> {
        self.store.pods_on(&self.machinery.node_name).iter().filter_map(|object| object.parse().ok()).collect()
    }
}
