//! `/dev`: a file system of our own on whatever the image has there, and the devices in it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, chownat, makedev, mkdirat, mknodat, openat, symlinkat};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, OpenTreeFlags};

use super::failure::During;
use super::mounts::{NO_DEVICES_SUID_EXEC, attach, clone_tree, new_filesystem, plain_directory};
use super::resolve::Root;
use crate::protocol::{Stage, StartFailure};
use crate::spec::{Device, DeviceKind, Privilege};

/// What programs expect in every `/dev`.
const USUAL: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Folders and files of the host's `/dev` that a privileged container has its own of.
const NOT_COPIED: [&str; 8] = ["pts", "shm", "fd", "mqueue", "console", "ptmx", "hugepages", ".udev"];
/// A machine with more device nodes than this has something else in its `/dev`.
const COPY_LIMIT: usize = 8192;

/// Where `/dev/shm` comes from.
pub(super) enum SharedMemory {
    /// A mount that the containers of the sandbox share, not attached.
    Mount(OwnedFd),
    /// One of this container's own: the kernel cannot copy a mount that is not attached (before 6.15).
    Own(u64),
}

/// Mounts `/dev` and fills it.
pub(super) fn mount_dev(root: &Root, shared_memory: &SharedMemory, privilege: Privilege) -> Result<(), StartFailure> {
    let what = |path: &'static str| move || format!("error setting up {path}");
    let target = plain_directory(root, "dev").during(Stage::Mounts, what("/dev"))?;
    // The folder is not writable by others, so nothing needs protection against being filled up by them.
    let options = [("mode", Some("755")), ("size", Some("65536k"))];
    let dev = new_filesystem("tmpfs", &options, MountAttrFlags::MOUNT_ATTR_NOSUID).during(Stage::Mounts, what("/dev"))?;
    fill(dev.as_fd(), privilege).during(Stage::Mounts, what("the devices in /dev"))?;
    attach(dev.as_fd(), target.as_fd()).during(Stage::Mounts, what("/dev"))?;
    let devpts = [("newinstance", None), ("ptmxmode", Some("0666")), ("mode", Some("0620")), ("gid", Some("5"))];
    let no_suid_exec = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let pts = new_filesystem("devpts", &devpts, no_suid_exec).during(Stage::Mounts, what("/dev/pts"))?;
    place(&pts, dev.as_fd(), "pts").during(Stage::Mounts, what("/dev/pts"))?;
    let mqueue = new_filesystem("mqueue", &[], NO_DEVICES_SUID_EXEC).during(Stage::Mounts, what("/dev/mqueue"))?;
    place(&mqueue, dev.as_fd(), "mqueue").during(Stage::Mounts, what("/dev/mqueue"))?;
    match shared_memory {
        SharedMemory::Mount(mount) => place(mount, dev.as_fd(), "shm"),
        SharedMemory::Own(size_bytes) => new_shared_memory(*size_bytes).and_then(|mount| place(&mount, dev.as_fd(), "shm")),
    }
    .during(Stage::Mounts, what("/dev/shm"))
}

/// The file system for a `/dev/shm`.
pub(super) fn new_shared_memory(size_bytes: u64) -> io::Result<OwnedFd> {
    let size = size_bytes.to_string();
    new_filesystem("tmpfs", &[("mode", Some("1777")), ("size", Some(&size))], NO_DEVICES_SUID_EXEC)
}

fn place(mount: &OwnedFd, dev: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let target = openat(dev, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    attach(mount.as_fd(), target.as_fd())
}

fn fill(dev: BorrowedFd<'_>, privilege: Privilege) -> io::Result<()> {
    for folder in ["pts", "shm", "mqueue"] {
        mkdirat(dev, folder, Mode::from_raw_mode(0o755))?;
    }
    for (name, target) in LINKS {
        symlinkat(target, dev, name)?;
    }
    for (name, major, minor) in USUAL {
        mknodat(dev, name, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(major, minor))?;
    }
    match privilege {
        Privilege::Confined => Ok(()),
        Privilege::Privileged => copy_host_devices(dev),
    }
}

/// Makes the nodes of the host's `/dev` here, with their owners and permissions.
fn copy_host_devices(dev: BorrowedFd<'_>) -> io::Result<()> {
    let host = Path::new("/dev");
    let mut folders = vec![PathBuf::new()];
    let mut copied = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(host.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let is_ours =
                entry.file_name().to_str().is_none_or(|name| folder.as_os_str().is_empty() && NOT_COPIED.contains(&name));
            let Ok(metadata) = entry.metadata() else { continue };
            let kind = metadata.file_type();
            copied += 1;
            if is_ours || copied > COPY_LIMIT {
                continue;
            }
            if kind.is_dir() {
                match mkdirat(dev, &path, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => folders.push(path),
                    Err(error) => return Err(error.into()),
                }
            } else if kind.is_char_device() || kind.is_block_device() {
                let file_type = if kind.is_char_device() { FileType::CharacterDevice } else { FileType::BlockDevice };
                match mknodat(dev, &path, file_type, Mode::from_raw_mode(metadata.mode() & 0o7777), metadata.rdev()) {
                    Ok(()) => own(dev, &path, metadata.uid(), metadata.gid())?,
                    // One of the usual ones, or one whose kind this kernel does not let us make.
                    Err(Errno::EXIST | Errno::PERM) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    Ok(())
}

fn own(directory: BorrowedFd<'_>, path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    chownat(directory, path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(io::Error::from)
}

/// Makes the devices that the container is to have beside the usual ones.
pub(super) fn make_devices(root: &Root, devices: &[Device]) -> Result<(), StartFailure> {
    for device in devices {
        let kind = match device.kind {
            DeviceKind::Char => FileType::CharacterDevice,
            DeviceKind::Block => FileType::BlockDevice,
        };
        let made = root.parent(&device.path).and_then(|(directory, name)| {
            let mode = Mode::from_raw_mode(device.mode & 0o7777);
            mknodat(&directory, name, kind, mode, makedev(device.major, device.minor))?;
            own(directory.as_fd(), Path::new(name), device.uid, device.gid)
        });
        made.during(Stage::Mounts, || format!("error making device {}", device.path.display()))?;
    }
    Ok(())
}

/// The host's `/dev/shm`, for a sandbox with the host's IPC.
pub(super) fn host_shared_memory() -> io::Result<OwnedFd> {
    let host = rustix::fs::open("/dev/shm", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    clone_tree(host.as_fd(), OpenTreeFlags::empty())
}
