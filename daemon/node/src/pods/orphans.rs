//! What is left of pods that this node has no more: removed once, when the daemon starts.

use super::folders::Folders;
use super::machinery::Machinery;
use super::sandbox;
use crate::errors::chain;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::{info, warn};

/// Removes every sandbox, control group, address and folder of these pods.
pub async fn remove(machinery: Arc<Machinery>, uids: BTreeSet<String>) -> String {
    for uid in &uids {
        info!(pod = uid, "removing what is left of a pod that is not this node's any more");
        let folders = folders(&machinery, uid);
        if let Err(error) = sandbox::remove(&machinery, uid, &folders).await {
            warn!(pod = uid, error = %chain(&error), "cannot remove what is left of a pod; the next start tries again");
        }
    }
    String::new()
}

/// The uids of all pods of which something is left. Blocks. To be called before any pod is started: what is found and belongs
/// to no pod of the store is an orphan, and not a pod that has just come.
pub fn find(machinery: &Machinery) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = machinery.cgroups.pods().unwrap_or_default().into_iter().collect();
    found.extend(machinery.network.allocations().into_iter().map(|(uid, _)| uid));
    found.extend(names(&machinery.pods_dir));
    found.extend(names(&machinery.run_pods_dir));
    found.extend(names(&machinery.logs_dir).iter().filter_map(|name| name.rsplit_once('_')).map(|(_, uid)| uid.to_owned()));
    found
}

fn folders(machinery: &Machinery, uid: &str) -> Folders {
    let suffix = format!("_{uid}");
    let log_dir = names(&machinery.logs_dir).into_iter().find(|name| name.ends_with(&suffix));
    Folders {
        pod_dir: machinery.pods_dir.join(uid),
        // A pod without logs has no such folder, which is as good as one that is removed.
        log_dir: machinery.logs_dir.join(log_dir.unwrap_or(suffix)),
        run_dir: machinery.run_pods_dir.join(uid),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(PathBuf::from(folder)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
