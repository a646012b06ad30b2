//! The overlay that is a container's root.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};

use super::failure::During;
use super::resolve::Root;
use crate::protocol::{Stage, StartFailure};
use crate::spec::Rootfs;
use crate::sys::{MountAttributes, set_mount_attributes};

/// The kernel reads one page of mount options.
const OPTIONS_LIMIT: usize = 4095;

/// Mounts the overlay, in this mount namespace, and opens its root.
pub(super) fn mount_root(rootfs: &Rootfs) -> Result<Root, StartFailure> {
    let stage = Stage::Rootfs;
    let lowers = rootfs.lowers.iter().map(|path| open_layer(path)).collect::<Result<Vec<_>, _>>()?;
    let what = || format!("mounting the root of {} layers", lowers.len());
    match (&rootfs.upper, lowers.as_slice()) {
        // Overlayfs wants two layers at least; one that stays as it is needs no overlay.
        (None, [only]) => bind(only, &rootfs.mountpoint).during(stage, what)?,
        (None, lowers) => overlay(lowers, None, &rootfs.mountpoint).during(stage, what)?,
        (Some(upper), lowers) => {
            let upper = (open_layer(&upper.upper)?, open_layer(&upper.work)?);
            overlay(lowers, Some(&upper), &rootfs.mountpoint).during(stage, what)?;
        }
    }
    let root = open(&rootfs.mountpoint, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .during(stage, || format!("opening {}", rootfs.mountpoint.display()))?;
    Ok(Root::new(root))
}

fn open_layer(path: &Path) -> Result<OwnedFd, StartFailure> {
    open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .during(Stage::Rootfs, || format!("opening layer {}", path.display()))
}

fn bind(layer: &OwnedFd, mountpoint: &Path) -> io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(layer, "", flags)?;
    set_mount_attributes(tree.as_fd(), MountAttributes::READ_ONLY)?;
    move_mount(&tree, "", CWD, mountpoint, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(())
}

/// The options name descriptors: short, so that any number of layers fits, free of the signs that overlayfs gives a
/// meaning, and the container reads no paths of the host in its mount table.
fn overlay(lowers: &[OwnedFd], upper: Option<&(OwnedFd, OwnedFd)>, mountpoint: &Path) -> io::Result<()> {
    let lowers: Vec<String> = lowers.iter().map(by_descriptor).collect();
    let mut options = format!("lowerdir={}", lowers.join(":"));
    if let Some((upper, work)) = upper {
        // Volatile: what a container wrote to its root need not outlive a power cut, and without it the end of each
        // container would wait for the whole disk to be synced.
        options.push_str(&format!(",upperdir={},workdir={},volatile", by_descriptor(upper), by_descriptor(work)));
    }
    if options.len() > OPTIONS_LIMIT {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    let options = CString::new(options).map_err(io::Error::other)?;
    mount("overlay", mountpoint, "overlay", MountFlags::empty(), &*options).map_err(io::Error::from)
}

fn by_descriptor(layer: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", layer.as_raw_fd())
}
