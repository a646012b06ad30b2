//! Hides and protects parts of `/proc` and `/sys`, and makes sure that it did.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, StatVfsMountFlags, fstatvfs, makedev, open};
use rustix::mount::{MountAttrFlags, OpenTreeFlags};

use super::failure::During;
use super::mounts::{NO_DEVICES_SUID_EXEC, attach, clone_tree, new_filesystem};
use super::resolve::{Root, stat_of};
use crate::protocol::{Stage, StartFailure};
use crate::sys::{MountAttributes, set_mount_attributes_recursive};

/// What hides something: the same two for every path of a container.
#[derive(Default)]
struct Covers {
    null: Option<OwnedFd>,
    /// Attached somewhere already; copies of it are attached further.
    empty: Option<OwnedFd>,
}

/// Hides paths: a file reads as `/dev/null`, a folder is empty. What is not there needs no hiding. Must be called while the
/// host's `/dev/null` is there: the image's own is not to be trusted.
pub(super) fn mask(root: &Root, paths: &[PathBuf]) -> Result<(), StartFailure> {
    let mut covers = Covers::default();
    for pattern in paths {
        for path in expand(root, pattern) {
            covers.cover(root, &path).during(Stage::Mounts, || format!("error masking path {path:?}"))?;
        }
    }
    Ok(())
}

/// Paths that a pattern with at most one `*` in one of its names stands for.
fn expand(root: &Root, pattern: &Path) -> Vec<PathBuf> {
    let is_pattern = |name: &OsStr| name.as_bytes().contains(&b'*');
    let names: Vec<&OsStr> = pattern.iter().collect();
    let Some(star) = names.iter().position(|name| is_pattern(name)) else { return vec![pattern.to_path_buf()] };
    let folder: PathBuf = names[..star].iter().collect();
    let rest: PathBuf = names[star + 1..].iter().collect();
    let mut parts = names[star].as_bytes().splitn(2, |byte| *byte == b'*');
    let (before, after) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let matches = |name: &OsString| {
        let bytes = name.as_bytes();
        bytes.len() >= before.len() + after.len() && bytes.starts_with(before) && bytes.ends_with(after)
    };
    // A folder that is not there has nothing to hide.
    let Ok(directory) = root.open(&folder, OFlags::RDONLY | OFlags::DIRECTORY) else { return Vec::new() };
    let Ok(entries) = rustix::fs::Dir::read_from(&directory) else { return Vec::new() };
    let names = entries.flatten().map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_os_string());
    names.filter(matches).map(|name| folder.join(name).join(&rest)).collect()
}

impl Covers {
    fn cover(&mut self, root: &Root, path: &Path) -> io::Result<()> {
        let target = match root.find(path) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => return Ok(()),
            other => other?,
        };
        let cover = if FileType::from_raw_mode(stat_of(target.as_fd())?.st_mode).is_dir() {
            self.cover_directory(target.as_fd())?
        } else {
            self.cover_file(target.as_fd())?
        };
        let (seen, wanted) = (stat_of(root.find(path)?.as_fd())?, stat_of(cover)?);
        if (seen.st_dev, seen.st_ino) != (wanted.st_dev, wanted.st_ino) {
            return Err(io::Error::other("it can still be seen"));
        }
        Ok(())
    }

    fn cover_directory(&mut self, target: BorrowedFd<'_>) -> io::Result<BorrowedFd<'_>> {
        if let Some(empty) = &self.empty {
            attach(clone_tree(empty.as_fd(), OpenTreeFlags::empty())?.as_fd(), target)?;
        }
        let empty = match self.empty.take() {
            Some(empty) => empty,
            None => {
                let attributes = NO_DEVICES_SUID_EXEC | MountAttrFlags::MOUNT_ATTR_RDONLY;
                let empty = new_filesystem("tmpfs", &[("nr_inodes", Some("1")), ("mode", Some("555"))], attributes)?;
                attach(empty.as_fd(), target)?;
                empty
            }
        };
        Ok(OwnedFd::as_fd(self.empty.insert(empty)))
    }

    fn cover_file(&mut self, target: BorrowedFd<'_>) -> io::Result<BorrowedFd<'_>> {
        let null = match self.null.take() {
            Some(null) => null,
            None => host_null()?,
        };
        let null = OwnedFd::as_fd(self.null.insert(null));
        attach(clone_tree(null, OpenTreeFlags::empty())?.as_fd(), target)?;
        Ok(null)
    }
}

/// The host's `/dev/null`, and nothing that pretends to be it.
fn host_null() -> io::Result<OwnedFd> {
    let null = open("/dev/null", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = stat_of(null.as_fd())?;
    if FileType::from_raw_mode(stat.st_mode).is_char_device() && stat.st_rdev == makedev(1, 3) {
        return Ok(null);
    }
    Err(io::Error::other("the host's /dev/null is not the null device"))
}

/// Makes paths read-only, with everything mounted below them.
pub(super) fn protect(root: &Root, paths: &[PathBuf]) -> Result<(), StartFailure> {
    for path in paths {
        protect_path(root, path).during(Stage::Mounts, || format!("error making path {path:?} read-only"))?;
    }
    Ok(())
}

fn protect_path(root: &Root, path: &Path) -> io::Result<()> {
    let target = match root.find(path) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => return Ok(()),
        other => other?,
    };
    let tree = clone_tree(target.as_fd(), OpenTreeFlags::AT_RECURSIVE)?;
    set_mount_attributes_recursive(tree.as_fd(), MountAttributes::READ_ONLY)?;
    attach(tree.as_fd(), target.as_fd())?;
    if fstatvfs(root.find(path)?.as_fd())?.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Ok(());
    }
    Err(io::Error::other("it can still be written to"))
}
