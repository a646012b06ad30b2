//! What a world must not leave behind: processes, control groups, mounts.

use std::fs;
use std::path::{Path, PathBuf};

/// Everything on this machine that still belongs to a world after it was reset.
pub fn of(name: &str, folder: &Path) -> Vec<String> {
    let mut left = processes(folder);
    let mut roots = vec![PathBuf::from("/sys/fs/cgroup").join(name)];
    roots.extend(fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path().join(name)));
    left.extend(roots.iter().filter(|root| root.exists()).map(|root| format!("control group {}", root.display())));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    left.extend(mounts.lines().filter(|line| line.contains(&*folder.to_string_lossy())).map(|line| format!("mount {line}")));
    left
}

/// Supervisors and containers name the world's folder in their mounts or are named after us.
fn processes(folder: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_pid = entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_pid {
            continue;
        }
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_supervisor = command.starts_with(b"skiff-supervisor");
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        let has_ours = mounts.lines().any(|line| line.contains(&*folder.to_string_lossy()));
        let cwd = fs::read_link(entry.path().join("fd/2")).unwrap_or_default();
        if has_ours || (is_supervisor && cwd.starts_with(folder)) {
            left.push(format!("process {}: {}", entry.file_name().display(), String::from_utf8_lossy(&command)));
        }
    }
    left
}
