//! Pods that only their folders still know: brought back when the store had to be begun anew.
//!
//! Each pod that was started on this node has its object in its folder, beside its volumes. A store that is lost therefore ends no
//! pod: its object is put back with its uid, and its worker finds what runs. What other nodes know of it, its deletion too, counts more.

use crate::errors::chain;
use k8s_openapi::api::core::v1::Pod;
use objects::Kind;
use std::fs;
use std::io;
use std::path::Path;
use store::{Key, Store};
use tracing::{info, warn};

/// The pod's object, in the pod's folder.
const FILE: &str = "pod.json";

/// Keeps a pod's object in its folder. Blocks.
///
/// # Errors
/// The file cannot be written.
pub fn keep(pod: &Pod, pod_dir: &Path) -> io::Result<()> {
    let unfinished = pod_dir.join("pod.json.part");
    fs::write(&unfinished, serde_json::to_vec(pod)?)?;
    fs::rename(unfinished, pod_dir.join(FILE))
}

/// Puts the pods of these folders into a store that has just been begun. What cannot be read is told, and left to the orphans.
pub async fn restore(store: &Store, pods_dir: &Path) {
    for entry in fs::read_dir(pods_dir).into_iter().flatten().flatten() {
        let path = entry.path().join(FILE);
        let pod = match read(&path) {
            Ok(pod) => pod,
            Err(error) => {
                warn!(path = %path.display(), error = %chain(&error), "cannot bring a pod back");
                continue;
            }
        };
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let key = Key::new(Kind::Pod, pod["metadata"]["namespace"].as_str().unwrap_or_default(), name);
        match store.restore(key, pod.clone()).await {
            Ok(_) => info!(pod = name, "brought back a pod that the store had lost"),
            Err(error) => warn!(pod = name, error = %chain(&error), "cannot bring a pod back"),
        }
    }
}

fn read(path: &Path) -> io::Result<serde_json::Value> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}
