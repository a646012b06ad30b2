//! What a world must not leave behind: processes, control groups, mounts.

use std::fs;
use std::path::{Path, PathBuf};

/// Everything on this machine that still belongs to a world after it was reset.
pub fn of(name: &str, folder: &Path) -> Vec<String> {
    let named = |(pid, command): (u32, String)| format!("process {pid}: {command}");
    let mut left: Vec<String> = processes(folder).into_iter().map(named).collect();
    let mut parents = vec![PathBuf::from("/sys/fs/cgroup")];
    parents.extend(fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path()));
    let groups = parents.iter().flat_map(fs::read_dir).flatten().flatten();
    let ours = groups.filter(|group| group.file_name().to_str().is_some_and(|found| found.starts_with(name)));
    left.extend(ours.map(|group| format!("control group {}", group.path().display())));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    left.extend(mounts.lines().filter(|line| line.contains(&*folder.to_string_lossy())).map(|line| format!("mount {line}")));
    left
}

/// Supervisors and containers name the world's folder in their mounts or are named after us.
pub fn processes(folder: &Path) -> Vec<(u32, String)> {
    let mut left = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_supervisor = command.starts_with(b"skiff-supervisor");
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        // By its name alone, which nothing else has: a path in there begins at the top of its file system, a tmpfs for example.
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let has_ours = mounts.lines().any(|line| line.contains(&*name));
        let cwd = fs::read_link(entry.path().join("fd/2")).unwrap_or_default();
        if has_ours || names_ours(&command, folder) || (is_supervisor && cwd.starts_with(folder)) {
            left.push((pid, String::from_utf8_lossy(&command).replace('\0', " ")));
        }
    }
    left
}

/// Machines, daemons and slow links have the folder among their arguments.
fn names_ours(command: &[u8], folder: &Path) -> bool {
    String::from_utf8_lossy(command).split('\0').any(|word| Path::new(word).starts_with(folder))
}
