//! Where a copy's paths begin, and what is found at one of them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat2};
use rustix::io::Errno;

/// A rename somewhere else makes the kernel ask to try again; it never takes long.
const TRIES: usize = 128;

/// Where paths begin.
#[derive(Debug)]
pub enum Base {
    /// A folder that no path and no link leads out of: the root of a container, seen from outside, with its mounts.
    Root(OwnedFd),
    /// This machine, as it is for this process.
    Machine,
}

impl Base {
    /// Opens what is at a path. Links are followed, in a root only inside of it.
    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        match self {
            Self::Root(root) => open_in(root.as_fd(), path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS),
            Self::Machine => open_in(CWD, path, flags, ResolveFlags::empty()),
        }
    }

    /// What is at a path now, not opened yet.
    pub(crate) fn find(&self, path: &Path) -> io::Result<Found> {
        Found::of(self.open(path, OFlags::PATH)?)
    }
}

/// Opens what is at a path below a folder, on which there is no link and nothing that leads up.
pub(crate) fn open_below(folder: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    // The empty path is the folder itself.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    open_in(folder, path, flags, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS)
}

fn open_in(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, resolve: ResolveFlags) -> io::Result<OwnedFd> {
    for _ in 0..TRIES {
        match openat2(folder, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
    Err(Errno::AGAIN.into())
}

/// Something that was found and is not opened: doing so would wait for a pipe's other end, and may set off a device.
#[derive(Debug)]
pub(crate) struct Found {
    descriptor: OwnedFd,
    pub(crate) stat: Stat,
}

impl Found {
    pub(crate) fn of(descriptor: OwnedFd) -> io::Result<Self> {
        let stat = fstat(&descriptor)?;
        Ok(Self { descriptor, stat })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    pub(crate) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Opens this very file or folder, whatever has its name by now.
    pub(crate) fn open(&self, flags: OFlags) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}", self.descriptor.as_raw_fd());
        open(path, flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty()).map_err(io::Error::from)
    }

    /// What it is, in words.
    pub(crate) fn what(&self) -> &'static str {
        match self.kind() {
            FileType::Fifo => "a pipe",
            FileType::Socket => "a socket",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            _ => "something else",
        }
    }
}
