//! How much pods use of what is scarce. Blocks.

use crate::pods::Machinery;
use control::pressure::{ContainerUse, PodUse, Signal};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use runtime::cgroup::Usage;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// What each pod uses. One of which nothing can be read uses nothing: it has just come, or is going.
pub fn measure(machinery: &Machinery, signal: Signal, pods: &[Arc<Pod>]) -> Vec<PodUse> {
    let of = |pod: &Arc<Pod>| match signal {
        Signal::Memory => of_group(machinery, pod, |usage| usage.memory_working_set_bytes),
        Signal::Pids => of_group(machinery, pod, |usage| usage.pids),
        Signal::Disk | Signal::Inodes => of_disk(machinery, pod, signal),
    };
    pods.iter().map(of).collect()
}

fn of_group(machinery: &Machinery, pod: &Arc<Pod>, amount: fn(&Usage) -> u64) -> PodUse {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let read = |id: Option<&str>| machinery.cgroups.usage(uid, id).ok().map(|usage| amount(&usage));
    let status = pod.status.clone().unwrap_or_default();
    let statuses = [status.container_statuses, status.init_container_statuses].into_iter().flatten().flatten();
    let container = |status: ContainerStatus| {
        let used = read(Some(&format!("{}-{}", status.name, status.restart_count)))?;
        Some(ContainerUse { name: status.name, used })
    };
    PodUse { pod: pod.clone(), used: read(None).unwrap_or(0), containers: statuses.filter_map(container).collect() }
}

/// What lies on the disk: what containers wrote to their roots, volumes, logs.
fn of_disk(machinery: &Machinery, pod: &Arc<Pod>, signal: Signal) -> PodUse {
    let folders = machinery.folders(pod);
    let mut total = Room::default();
    for folder in [&folders.pod_dir, &folders.log_dir] {
        if let Ok(metadata) = std::fs::symlink_metadata(folder) {
            total.add(folder, metadata.dev());
        }
    }
    let used = if signal == Signal::Disk { total.bytes } else { total.inodes };
    PodUse { pod: pod.clone(), used, containers: Vec::new() }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Room {
    bytes: u64,
    inodes: u64,
}

impl Room {
    /// Adds a folder with everything below it, as far as it is of the same file system: memory volumes are not.
    fn add(&mut self, path: &Path, device: u64) {
        let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
        if metadata.dev() != device {
            return;
        }
        self.bytes += metadata.blocks() * 512;
        self.inodes += 1;
        if metadata.is_dir() {
            // A folder that goes meanwhile uses nothing.
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                self.add(&entry.path(), device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Room;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn room_on_the_disk_is_counted_in_blocks_and_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("sub")).expect("a folder");
        std::fs::write(folder.path().join("sub/file"), vec![1; 100_000]).expect("a file");
        std::os::unix::fs::symlink("/", folder.path().join("link")).expect("a link");
        let device = std::fs::metadata(folder.path()).expect("metadata").dev();
        let mut room = Room::default();
        room.add(folder.path(), device);
        assert_eq!(room.inodes, 4);
        assert!((100_000..400_000).contains(&room.bytes), "{room:?}");
    }
}
