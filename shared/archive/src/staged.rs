//! What is made under a name of its own and gets its final one when it is complete; until then dropping it removes it.

use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Seek};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ftruncate, openat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::base::Found;

/// Names are drawn until one is free.
const TRIES: usize = 16;

/// A file or link that is not there yet.
pub(crate) struct Staged<'f> {
    folder: BorrowedFd<'f>,
    name: OsString,
    is_placed: bool,
}

impl<'f> Staged<'f> {
    /// A new file that is empty, for reading and writing.
    pub(crate) fn file(folder: BorrowedFd<'f>, mode: Mode) -> io::Result<(Self, OwnedFd)> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::make(folder, |name| openat(folder, name, flags, mode))
    }

    /// A new link.
    pub(crate) fn link(folder: BorrowedFd<'f>, target: &Path) -> io::Result<Self> {
        Self::make(folder, |name| symlinkat(target, folder, name)).map(|(staged, ())| staged)
    }

    fn make<T>(folder: BorrowedFd<'f>, make: impl Fn(&OsStr) -> Result<T, Errno>) -> io::Result<(Self, T)> {
        for _ in 0..TRIES {
            let name = OsString::from(format!(".skiff-cp-{:016x}", RandomState::new().build_hasher().finish()));
            match make(&name) {
                Err(Errno::EXIST) => {}
                made => return made.map(|made| (Self { folder, name, is_placed: false }, made)).map_err(io::Error::from),
            }
        }
        Err(Errno::EXIST.into())
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Gives it its final name, in the same folder; what has that name, unless it is a folder, is replaced.
    pub(crate) fn place(mut self, name: &OsStr, file: Option<OwnedFd>) -> io::Result<()> {
        match renameat(self.folder, &self.name, self.folder, name) {
            Ok(()) => {
                self.is_placed = true;
                Ok(())
            }
            // The name is a mount, as every single file of a volume is: its content can be replaced, the name cannot.
            Err(Errno::BUSY) => match file {
                Some(file) => refill(self.folder, name, File::from(file)),
                None => Err(Errno::BUSY.into()),
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// Puts one file's content into another one.
fn refill(folder: BorrowedFd<'_>, name: &OsStr, mut from: File) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = Found::of(openat(folder, name, flags, Mode::empty())?)?;
    if found.kind() != FileType::RegularFile {
        return Err(Errno::BUSY.into());
    }
    let into = found.open(OFlags::WRONLY)?;
    from.rewind()?;
    ftruncate(&into, 0)?;
    io::copy(&mut from, &mut File::from(into)).map(drop)
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.is_placed {
            // Whatever keeps it there kept it from being used, too.
            let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}
