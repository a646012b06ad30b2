//! `/sys/fs/cgroup`: the container's own groups, as the root of its cgroup namespace, read-only unless privileged.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, openat2, symlinkat};
use rustix::mount::MountAttrFlags;

use super::failure::During;
use super::mounts::{NO_DEVICES_SUID_EXEC, attach, new_filesystem};
use super::resolve::Root;
use crate::protocol::{Stage, StartFailure};
use crate::spec::{CgroupAttach, Privilege};
use crate::sys::{MountAttributes, set_mount_attributes};

const TARGET: &str = "/sys/fs/cgroup";

/// A version 1 hierarchy of the host that the container has a group in.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// Name of the folder that it is mounted on: `cpu,cpuacct`.
    folder: String,
    /// Options that name it: `cpu`, `cpuacct` or `name=systemd`.
    options: Vec<String>,
}

/// The hierarchies that the container has a group in; must be called while the host's tree is there.
pub(super) struct Hierarchies(Vec<Hierarchy>);

/// Finds out how the host mounts the version 1 hierarchies. The others would show the host's own groups.
pub(super) fn find_hierarchies(cgroup: &CgroupAttach) -> Result<Hierarchies, StartFailure> {
    if cgroup.v1.is_empty() {
        return Ok(Hierarchies(Vec::new()));
    }
    let table = fs::read_to_string("/proc/self/mountinfo").during(Stage::Mounts, || "reading the mount table")?;
    Ok(Hierarchies(hierarchies_of(&table, cgroup)))
}

fn hierarchies_of(table: &str, cgroup: &CgroupAttach) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in table.lines() {
        // id parent major:minor root mountpoint options tags… - type source options
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut right = right.split(' ');
        if right.next() != Some("cgroup") {
            continue;
        }
        let Some(mountpoint) = left.split(' ').nth(4).map(Path::new) else { continue };
        if !cgroup.v1.iter().any(|dir| dir.starts_with(mountpoint)) {
            continue;
        }
        let Some(folder) = mountpoint.file_name().and_then(|name| name.to_str()) else { continue };
        let is_name = |option: &&str| {
            option.starts_with("name=")
                || !(option.contains('=')
                    || ["rw", "ro", "xattr", "clone_children", "noprefix", "cpuset_v2_mode"].contains(option))
        };
        let options = right.nth(1).unwrap_or("").split(',').filter(is_name).map(str::to_string).collect();
        let hierarchy = Hierarchy { folder: folder.to_string(), options };
        if !found.contains(&hierarchy) {
            found.push(hierarchy);
        }
    }
    found
}

/// Mounts them. Without any group of its own the container sees an empty folder.
pub(super) fn mount_cgroups(
    root: &Root,
    hierarchies: &Hierarchies,
    cgroup: &CgroupAttach,
    privilege: Privilege,
) -> Result<(), StartFailure> {
    let attributes = match privilege {
        Privilege::Confined => NO_DEVICES_SUID_EXEC | MountAttrFlags::MOUNT_ATTR_RDONLY,
        Privilege::Privileged => NO_DEVICES_SUID_EXEC,
    };
    let mounted = if !hierarchies.0.is_empty() {
        mount_v1(root, hierarchies, cgroup, attributes)
    } else if cgroup.v2.is_some() {
        root.find(Path::new(TARGET))
            .and_then(|target| new_filesystem("cgroup2", &[], attributes).and_then(|mount| attach(mount.as_fd(), target.as_fd())))
    } else {
        Ok(())
    };
    mounted.during(Stage::Mounts, || format!("error mounting \"cgroup\" to rootfs at \"{TARGET}\""))
}

fn mount_v1(root: &Root, hierarchies: &Hierarchies, cgroup: &CgroupAttach, attributes: MountAttrFlags) -> io::Result<()> {
    let folder_of = new_filesystem("tmpfs", &[("mode", Some("755"))], NO_DEVICES_SUID_EXEC)?;
    attach(folder_of.as_fd(), root.find(Path::new(TARGET))?.as_fd())?;
    for Hierarchy { folder, options } in &hierarchies.0 {
        let named: Vec<(&str, Option<&str>)> = options
            .iter()
            .flat_map(|option| match option.split_once('=') {
                Some((name, value)) => vec![("none", None), (name, Some(value))],
                None => vec![(option.as_str(), None)],
            })
            .collect();
        let mount = new_filesystem("cgroup", &named, attributes)?;
        attach(mount.as_fd(), make_directory(&folder_of, folder)?.as_fd())?;
        // Programs look for /sys/fs/cgroup/cpu even where the folder is cpu,cpuacct.
        for option in options.iter().filter(|option| *option != folder && !option.contains('=')) {
            symlinkat(folder.as_str(), &folder_of, option.as_str())?;
        }
    }
    if cgroup.v2.is_some() {
        let mount = new_filesystem("cgroup2", &[], attributes)?;
        attach(mount.as_fd(), make_directory(&folder_of, "unified")?.as_fd())?;
    }
    if attributes.contains(MountAttrFlags::MOUNT_ATTR_RDONLY) {
        set_mount_attributes(folder_of.as_fd(), MountAttributes::READ_ONLY)?;
    }
    Ok(())
}

fn make_directory(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(parent, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hierarchies_with_a_group_of_ours_are_shown() {
        let table = "\
30 25 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,nosuid shared:10 - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw shared:11 master:2 - cgroup systemd rw,xattr,release_agent=/lib/x,name=systemd
34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
35 30 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
";
        let v1 = ["cpu,cpuacct", "systemd", "memory"].map(|name| format!("/sys/fs/cgroup/{name}/skiff/a").into()).to_vec();
        let cgroup = CgroupAttach { v1, ..CgroupAttach::default() };
        let found = hierarchies_of(table, &cgroup);
        let text: Vec<String> = found.iter().map(|found| format!("{}: {}", found.folder, found.options.join(" "))).collect();
        assert_eq!(text, ["cpu,cpuacct: cpu cpuacct", "memory: memory", "systemd: name=systemd"]);
    }
}
