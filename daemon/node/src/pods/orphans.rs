//! What is left of pods that this node has no more: looked for when the daemon starts, removed once it is certain that they are none of
//! its pods. A machine that lost power may have lost the records of its youngest pods, and gets them back from the others.

use super::folders::Folders;
use super::machinery::Machinery;
use super::sandbox;
use crate::errors::chain;
use control::membership::Members;
use objects::Kind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::watch;
use tracing::{info, warn};

/// How long others are to be seen until what they do not tell of is no pod of this node. They compare all records every second.
const TOLD: Duration = Duration::from_secs(30);

/// Waits until this node knows of all its pods: after a while among others, or alone where there are no others. A node that only sees
/// nobody waits on: it cannot know what the others hold for it.
pub async fn certain(store: Store, alive: watch::Receiver<Members>) {
    told(alive, TOLD, |me| store.list(Kind::Node, None).items.iter().all(|node| node.key().name == me)).await;
}

async fn told(mut alive: watch::Receiver<Members>, patience: Duration, is_only_node: impl Fn(&str) -> bool) {
    loop {
        let (sees_others, me) = {
            let members = alive.borrow_and_update();
            (sees_others(&members), members.me().clone())
        };
        let has_changed = async { alive.wait_for(|members| self::sees_others(members) != sees_others).await.is_ok() };
        match tokio::time::timeout(patience, has_changed).await {
            Err(_) if sees_others || is_only_node(me.as_str()) => return,
            Err(_) | Ok(true) => {}
            // Nothing is to be learnt any more: the daemon ends.
            Ok(false) => std::future::pending().await,
        }
    }
}

fn sees_others(members: &Members) -> bool {
    members.alive().nth(1).is_some()
}

/// Removes the sandbox, control group, address and folders of one pod; gives its uid back.
pub async fn remove(machinery: Arc<Machinery>, uid: String) -> String {
    info!(pod = uid, "removing what is left of a pod that is not this node's any more");
    let folders = folders(&machinery, &uid);
    if let Err(error) = sandbox::remove(&machinery, &uid, &folders).await {
        warn!(pod = uid, error = %chain(&error), "cannot remove what is left of a pod; the next start tries again");
    }
    uid
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

#[cfg(test)]
mod tests;
