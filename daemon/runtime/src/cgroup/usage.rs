//! What a pod or container uses, and how often it ran out of memory.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::CgroupError;
use super::layout::Layout;

/// What a group and everything below it uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Cpu time since the group was made, in nanoseconds.
    pub cpu_ns: u64,
    /// All memory charged to it, in bytes; file cache included.
    pub memory_bytes: u64,
    /// Memory without the file cache that was not used lately, in bytes: what Kubernetes compares with limits and shows.
    pub memory_working_set_bytes: u64,
    /// Anonymous memory, in bytes.
    pub memory_anonymous_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// Reads the usage of the group with the path below each mount point.
pub(super) fn read(layout: &Layout, group: &Path) -> Result<Usage, CgroupError> {
    match layout {
        Layout::V2 { mount } => {
            let folder = mount.join(group);
            let stat = text(&folder.join("memory.stat"))?;
            let memory_bytes = number(&folder.join("memory.current"))?;
            Ok(Usage {
                cpu_ns: field(&text(&folder.join("cpu.stat"))?, "usage_usec").saturating_mul(1000),
                memory_bytes,
                memory_working_set_bytes: memory_bytes.saturating_sub(field(&stat, "inactive_file")),
                memory_anonymous_bytes: field(&stat, "anon"),
                pids: number(&folder.join("pids.current"))?,
            })
        }
        Layout::V1(v1) => {
            let memory = v1.memory.join(group);
            let stat = text(&memory.join("memory.stat"))?;
            let memory_bytes = number(&memory.join("memory.usage_in_bytes"))?;
            Ok(Usage {
                cpu_ns: number(&v1.cpuacct.join(group).join("cpuacct.usage"))?,
                memory_bytes,
                memory_working_set_bytes: memory_bytes.saturating_sub(field(&stat, "total_inactive_file")),
                memory_anonymous_bytes: field(&stat, "total_rss"),
                pids: number(&v1.pids.join(group).join("pids.current"))?,
            })
        }
    }
}

/// How many processes of the group the kernel killed because it was out of memory.
pub(super) fn oom_kills(layout: &Layout, group: &Path) -> Result<u64, CgroupError> {
    let file = match layout {
        Layout::V2 { .. } => "memory.events",
        Layout::V1(_) => "memory.oom_control",
    };
    Ok(field(&text(&layout.memory().join(group).join(file))?, "oom_kill"))
}

fn text(path: &Path) -> Result<String, CgroupError> {
    fs::read_to_string(path).map_err(|source| CgroupError::Read { path: path.to_owned(), source })
}

fn number(path: &Path) -> Result<u64, CgroupError> {
    let text = text(path)?;
    let bad = |_| CgroupError::Read { path: path.to_owned(), source: ErrorKind::InvalidData.into() };
    text.trim().parse().map_err(bad)
}

/// A number of a file with a name and a number a line; 0 where the name is missing, as on older kernels.
fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}
