//! What every pod worker works with: the node's network, control groups, images and folders.

use super::folders::Folders;
use crate::images::Images;
use crate::probes::history::ProbeHistory;
use crate::usage::Meter;
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use runtime::cgroup::Cgroups;
use runtime::network::{Cidr, Network};
use runtime::sandbox::SupervisorImage;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use store::Key;
use tokio::sync::{Notify, Semaphore, watch};

/// Shared by all workers; nothing in it belongs to one pod.
pub struct Machinery {
    /// The node's name.
    pub node_name: String,
    /// The node's own address.
    pub host_ip: IpAddr,
    /// All of the node's memory, in bytes.
    pub memory_bytes: u64,
    /// All of the node's cpus, in thousandths of a core.
    pub cpu_milli: u64,
    /// `<data-dir>/pods`
    pub pods_dir: PathBuf,
    /// `<data-dir>/logs`
    pub logs_dir: PathBuf,
    /// `<run-dir>/pods`
    pub run_pods_dir: PathBuf,
    /// The most processes of a pod, where that is limited.
    pub pod_max_pids: Option<u64>,
    /// Rotation: bytes of a file.
    pub log_max_bytes: u64,
    /// Rotation: number of files.
    pub log_max_files: u32,
    /// The pods' network.
    pub network: Arc<Network>,
    /// Told when a namespace was taken from the pool.
    pub network_taken: Arc<Notify>,
    /// This node's range of pod addresses, told when it changes.
    pub pod_cidr: watch::Receiver<Cidr>,
    /// The pods' control groups.
    pub cgroups: Arc<Cgroups>,
    /// The images.
    pub images: Images,
    /// Changes whenever some ConfigMap or Secret does.
    pub sources: watch::Receiver<u64>,
    /// The last results of the pods' probes.
    pub probes: ProbeHistory,
    /// What was measured of it and its pods lately.
    pub meter: Meter,
    /// The supervisor's program.
    pub supervisor: SupervisorImage,
    /// How many workers may do blocking work at once: more would only wait for the same kernel locks.
    pub hands: Arc<Semaphore>,
}

impl Machinery {
    /// Where a pod's files are.
    pub fn folders(&self, pod: &Pod) -> Folders {
        let meta = &pod.metadata;
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let uid = part(&meta.uid);
        Folders {
            pod_dir: self.pods_dir.join(&uid),
            log_dir: self.logs_dir.join(format!("{}_{}_{uid}", part(&meta.namespace), part(&meta.name))),
            run_dir: self.run_pods_dir.join(&uid),
        }
    }

    /// A pod's key in the store.
    pub fn key_of(&self, pod: &Pod) -> Key {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        Key { kind: Kind::Pod, namespace: part(&pod.metadata.namespace), name: part(&pod.metadata.name) }
    }

    /// Runs blocking work on a blocking thread, a bounded number at once.
    ///
    /// # Panics
    /// If the work does; it is then lost to the worker, too.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place = self.hands.clone().acquire_owned().await.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        match done.await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
