//! The mounts of a container: those that every container gets, and its volumes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, fstatfs};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use super::failure::During;
use super::resolve::{Kind, Root};
use super::sub_path::find_part;
use crate::protocol::{Stage, StartFailure};
use crate::spec::{Access, BindKind, Mount, Privilege, Propagation};
use crate::sys::{MountAttributes, set_mount_attributes, set_mount_attributes_recursive};

pub(super) const NO_DEVICES_SUID_EXEC: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NODEV.union(MountAttrFlags::MOUNT_ATTR_NOSUID).union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

// <linux/magic.h>
const PROC: i64 = 0x9fa0;
const SYSFS: i64 = 0x6265_6572;
const CGROUP: i64 = 0x27_e0eb;
const CGROUP2: i64 = 0x6367_7270;

/// A new file system, not yet attached anywhere. Options without a value are flags.
pub(super) fn new_filesystem(kind: &str, options: &[(&str, Option<&str>)], attributes: MountAttrFlags) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        match value {
            Some(value) => fsconfig_set_string(context.as_fd(), *name, *value)?,
            None => fsconfig_set_flag(context.as_fd(), *name)?,
        }
    }
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(io::Error::from)
}

/// Attaches a mount on a target that was resolved before.
pub(super) fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags).map_err(io::Error::from)
}

/// A copy of the mount that a descriptor leads into, from there on, not attached.
pub(super) fn clone_tree(source: BorrowedFd<'_>, recursive: OpenTreeFlags) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(source, "", flags | recursive).map_err(io::Error::from)
}

/// A volume whose source is at hand, and whose place is not.
pub(super) struct Pending<'s> {
    mount: OwnedFd,
    target: &'s Path,
    kind: Kind,
    source: &'s Path,
}

/// Takes hold of the sources of all volumes, as long as the host's tree is there and may still be shared with it, outer
/// targets first.
pub(super) fn take_sources(mounts: &[Mount]) -> Result<Vec<Pending<'_>>, StartFailure> {
    let mut pending = Vec::with_capacity(mounts.len());
    for mount in mounts {
        pending.push(match mount {
            Mount::Bind { source, target, kind, access, propagation } => {
                let mount = take_bind(source, *access, *propagation)
                    .during(Stage::Mounts, || format!("error mounting {source:?} to rootfs at {target:?}"))?;
                let kind = match kind {
                    BindKind::Directory => Kind::Directory,
                    BindKind::File => Kind::File,
                };
                Pending { mount, target, kind, source }
            }
            Mount::Part { volume, part, target, access, propagation } => {
                let (mount, kind) = find_part(volume, part)
                    .and_then(|(found, kind)| Ok((limit(clone_tree(found.as_fd(), ALL)?, *access, *propagation)?, kind)))
                    .during(Stage::Mounts, || format!("error mounting {:?} to rootfs at {target:?}", volume.join(part)))?;
                Pending { mount, target, kind, source: volume }
            }
            Mount::Tmpfs { target, size_bytes, mode } => {
                let (size, mode) = (size_bytes.to_string(), format!("{mode:o}"));
                let attributes = MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOSUID;
                let mount = new_filesystem("tmpfs", &[("size", Some(&size)), ("mode", Some(&mode))], attributes)
                    .during(Stage::Mounts, || format!("error mounting \"tmpfs\" to rootfs at {target:?}"))?;
                Pending { mount, target, kind: Kind::Directory, source: Path::new("tmpfs") }
            }
        });
    }
    pending.sort_by_key(|pending| pending.target.components().count());
    Ok(pending)
}

/// With all mounts below.
const ALL: OpenTreeFlags = OpenTreeFlags::AT_RECURSIVE;

fn take_bind(source: &Path, access: Access, propagation: Propagation) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | ALL;
    limit(open_tree(CWD, source, flags)?, access, propagation)
}

/// A copy of a mount, with what the container may do with it.
fn limit(mount: OwnedFd, access: Access, propagation: Propagation) -> io::Result<OwnedFd> {
    let propagation = match propagation {
        Propagation::Private => libc::MS_PRIVATE,
        Propagation::Slave => libc::MS_SLAVE,
        Propagation::Shared => libc::MS_SHARED,
    };
    let all = MountAttributes { propagation, ..MountAttributes::default() };
    match access {
        Access::RecursiveReadOnly => {
            set_mount_attributes_recursive(mount.as_fd(), MountAttributes { propagation, ..MountAttributes::READ_ONLY })?;
        }
        Access::ReadOnly => {
            set_mount_attributes_recursive(mount.as_fd(), all)?;
            set_mount_attributes(mount.as_fd(), MountAttributes::READ_ONLY)?;
        }
        Access::ReadWrite => set_mount_attributes_recursive(mount.as_fd(), all)?,
    }
    Ok(mount)
}

/// Attaches the volumes. One whose target is in `/proc` or `/sys`, by its name or by where links lead, is refused: it would
/// hide what security modules and the masks rely on. A privileged container may have one in `/sys`.
pub(super) fn attach_volumes(root: &Root, volumes: Vec<Pending<'_>>, privilege: Privilege) -> Result<(), StartFailure> {
    for volume in volumes {
        let Pending { mount, target, kind, source } = volume;
        let attached = refuse_name(target, privilege).and_then(|()| root.find_or_make(target, kind)).and_then(|place| {
            refuse_place(place.as_fd(), privilege)?;
            attach(mount.as_fd(), place.as_fd())
        });
        attached.during(Stage::Mounts, || format!("error mounting {source:?} to rootfs at {target:?}"))?;
    }
    Ok(())
}

fn refuse_name(target: &Path, privilege: Privilege) -> io::Result<()> {
    match target.components().nth(1).map(|name| name.as_os_str().as_encoded_bytes()) {
        Some(b"proc") => Err(io::Error::other("nothing can be mounted inside /proc")),
        Some(b"sys") if privilege == Privilege::Confined => Err(io::Error::other("nothing can be mounted inside /sys")),
        _ => Ok(()),
    }
}

fn refuse_place(place: BorrowedFd<'_>, privilege: Privilege) -> io::Result<()> {
    let kind = fstatfs(place)?.f_type as i64;
    if kind == PROC {
        return Err(io::Error::other("nothing can be mounted inside /proc"));
    }
    if privilege == Privilege::Confined && [SYSFS, CGROUP, CGROUP2].contains(&kind) {
        return Err(io::Error::other("nothing can be mounted inside /sys"));
    }
    Ok(())
}

/// Mounts `/proc` and `/sys` on folders that are no links.
pub(super) fn mount_kernel_filesystems(root: &Root, privilege: Privilege) -> Result<(), StartFailure> {
    let sys_attributes = match privilege {
        Privilege::Confined => NO_DEVICES_SUID_EXEC | MountAttrFlags::MOUNT_ATTR_RDONLY,
        Privilege::Privileged => NO_DEVICES_SUID_EXEC,
    };
    for (kind, name, attributes) in [("proc", "proc", NO_DEVICES_SUID_EXEC), ("sysfs", "sys", sys_attributes)] {
        let mounted = plain_directory(root, name)
            .and_then(|target| new_filesystem(kind, &[], attributes).and_then(|mount| attach(mount.as_fd(), target.as_fd())));
        mounted.during(Stage::Mounts, || format!("error mounting \"{kind}\" to rootfs at \"/{name}\""))?;
    }
    Ok(())
}

/// The folder for one of the kernel's own file systems.
pub(super) fn plain_directory(root: &Root, name: &str) -> io::Result<OwnedFd> {
    root.plain_directory(name).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP | libc::ENOTDIR) => io::Error::other("it must be mounted on an ordinary directory"),
        _ => error,
    })
}
