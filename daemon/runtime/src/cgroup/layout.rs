//! Finds out which control group hierarchies this machine has, from a mountinfo file.
//!
//! Three layouts are common: version 2 alone; version 1, a hierarchy for each controller or some together (`cpu,cpuacct`);
//! and hybrid, where version 2 is mounted beside version 1 and has no controllers. A layout is version 1 here as soon as one
//! of the controllers we need is mounted as such.

use std::fs;
use std::path::{Path, PathBuf};

use super::CgroupError;

/// The controllers that limits need, in version 2.
pub(super) const V2_CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// The controllers that limits, accounting and device rules need, in version 1.
const V1_CONTROLLERS: [&str; 5] = ["cpu", "cpuacct", "memory", "pids", "devices"];

/// Where the hierarchies are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// The unified hierarchy.
    V2 {
        /// Its mount point.
        mount: PathBuf,
    },
    /// One mount point a controller; some may be equal.
    V1(V1Mounts),
}

/// The mount points of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct V1Mounts {
    pub(super) cpu: PathBuf,
    pub(super) cpuacct: PathBuf,
    pub(super) memory: PathBuf,
    pub(super) pids: PathBuf,
    pub(super) devices: PathBuf,
}

impl Layout {
    /// Reads the mounts; `mountinfo` is `/proc/self/mountinfo` outside of tests.
    pub(super) fn detect(mountinfo: &Path) -> Result<Self, CgroupError> {
        let read = fs::read_to_string(mountinfo);
        let text = read.map_err(|source| CgroupError::Mounts { path: mountinfo.to_owned(), source })?;
        Self::of_mounts(&text)
    }

    fn of_mounts(text: &str) -> Result<Self, CgroupError> {
        let mounts: Vec<Mount> = text.lines().filter_map(Mount::parse).collect();
        let v1 = |controller: &str| {
            let has = |mount: &&Mount| !mount.is_v2 && mount.controllers.iter().any(|name| name == controller);
            mounts.iter().find(has).map(|mount| mount.point.clone())
        };
        let unified = mounts.iter().find(|mount| mount.is_v2);
        if let (Some(unified), true) = (unified, V1_CONTROLLERS.iter().all(|name| v1(name).is_none())) {
            return Ok(Self::V2 { mount: unified.point.clone() });
        }
        match (v1("cpu"), v1("cpuacct"), v1("memory"), v1("pids"), v1("devices")) {
            (Some(cpu), Some(cpuacct), Some(memory), Some(pids), Some(devices)) => {
                Ok(Self::V1(V1Mounts { cpu, cpuacct, memory, pids, devices }))
            }
            _ => {
                let missing: Vec<&str> = V1_CONTROLLERS.into_iter().filter(|name| v1(name).is_none()).collect();
                Err(CgroupError::Missing { missing: missing.join(",") })
            }
        }
    }

    /// Every mount point once.
    pub(super) fn mounts(&self) -> Vec<&Path> {
        match self {
            Self::V2 { mount } => vec![mount],
            Self::V1(v1) => {
                let mut all: Vec<&Path> = vec![&v1.pids, &v1.memory, &v1.cpu, &v1.cpuacct, &v1.devices];
                let mut seen = Vec::new();
                all.retain(|mount| {
                    let is_new = !seen.contains(mount);
                    seen.push(*mount);
                    is_new
                });
                all
            }
        }
    }

    /// The mount point whose groups list a pod's processes.
    pub(super) fn processes(&self) -> &Path {
        match self {
            Self::V2 { mount } => mount,
            Self::V1(v1) => &v1.pids,
        }
    }

    /// The mount point with the memory controller.
    pub(super) fn memory(&self) -> &Path {
        match self {
            Self::V2 { mount } => mount,
            Self::V1(v1) => &v1.memory,
        }
    }
}

/// A line of mountinfo that is a control group hierarchy.
struct Mount {
    point: PathBuf,
    is_v2: bool,
    controllers: Vec<String>,
}

impl Mount {
    /// `36 25 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory`; see proc_pid_mountinfo(5).
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?;
        let mut fields = after.split(' ');
        let is_v2 = match fields.next()? {
            "cgroup" => false,
            "cgroup2" => true,
            _ => return None,
        };
        let controllers = fields.nth(1)?.split(',').map(str::to_owned).collect();
        Some(Self { point: unescape(point), is_v2, controllers })
    }
}

/// mountinfo writes blanks, tabs, line ends and backslashes as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut plain = text.to_owned();
    for (escape, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        plain = plain.replace(escape, character);
    }
    PathBuf::from(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
37 31 0:34 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

    #[test]
    fn a_hybrid_machine_is_used_through_version_1() {
        let layout = Layout::of_mounts(HYBRID).unwrap();
        let paths: Vec<_> = layout.mounts().iter().map(|path| path.display().to_string()).collect();
        let names = ["pids", "memory", "cpu,cpuacct", "devices"].map(|name| format!("/sys/fs/cgroup/{name}"));
        assert_eq!(paths, names, "a hierarchy that two controllers share is listed once");
    }

    #[test]
    fn a_unified_machine_is_used_through_version_2() {
        let text = "41 31 0:38 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n\
                    42 31 0:37 / /mnt/systemd rw - cgroup cgroup rw,name=systemd";
        assert_eq!(Layout::of_mounts(text).unwrap(), Layout::V2 { mount: "/sys/fs/cgroup".into() });
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |text: &str| Layout::of_mounts(text).unwrap_err().to_string();
        assert!(message("").contains("cpu,cpuacct,memory,pids,devices"));
        let without_pids: String = HYBRID.lines().filter(|line| !line.contains("pids")).map(|line| format!("{line}\n")).collect();
        assert!(message(&without_pids).contains("controllers: pids;"));
    }

    #[test]
    fn mount_points_with_blanks_are_read() {
        let text = "41 31 0:38 / /sys/fs/my\\040cgroups rw - cgroup2 cgroup2 rw";
        assert_eq!(Layout::of_mounts(text).unwrap(), Layout::V2 { mount: "/sys/fs/my cgroups".into() });
    }
}
