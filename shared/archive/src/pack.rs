//! Reads a file or a folder into an archive.
//!
//! Each thing is first found and looked at, then opened through what was found: what is renamed in between is read whole or not at
//! all, and nothing that is no file is ever opened. A folder on the way down holds a descriptor, so depth has a limit.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags, fstatfs, openat, readlinkat};
use tar::{Builder, EntryType, Header};

use crate::base::{Base, Found};
use crate::fault::{Copied, Fault};
use crate::stream::Exactly;

/// Folders within each other; each holds a descriptor.
const MAX_DEPTH: usize = 256;
/// The permissions that are copied. Set-user-id bits would mean another user on the other side.
const MODE_BITS: u32 = 0o1777;
/// Files of the kernel's own have a content and no size: what is read of one.
const SIZELESS_BYTES: u64 = 1 << 20;
/// The file systems that a kernel makes up (`include/uapi/linux/magic.h`): proc, sysfs, cgroup, cgroup2.
const MADE_UP: [u64; 4] = [0x9fa0, 0x6265_6572, 0x0027_e0eb, 0x6367_7270];

/// Packs what is at a path, under a name of its own, into an archive. Links below the path are packed as links. `note` is told of
/// each thing that is left out; the others are packed.
///
/// # Errors
/// Where there is nothing to copy, the stream fails, or ([`Fault::Incomplete`], with a whole archive) something could not be read.
pub fn pack(base: &Base, path: &Path, name: &OsStr, archive: impl Write, note: &mut dyn FnMut(String)) -> Result<Copied, Fault> {
    let found = base.find(path).map_err(|why| Fault::file(path, why))?;
    let mut packing = Packing { builder: Builder::new(archive), copied: Copied::default(), faults: 0, note };
    let name = Path::new(name);
    match found.kind() {
        FileType::RegularFile => packing.file(&found, name, path)?,
        FileType::Directory => packing.folder(&found, name, path, 0)?,
        _ => return Err(Fault::Strange { path: path.to_owned(), what: found.what() }),
    }
    packing.builder.into_inner().and_then(|mut archive| archive.flush()).map_err(Fault::Stream)?;
    match packing.faults {
        0 => Ok(packing.copied),
        faults => Err(Fault::Incomplete(faults)),
    }
}

struct Packing<'n, W: Write> {
    builder: Builder<W>,
    copied: Copied,
    faults: u64,
    note: &'n mut dyn FnMut(String),
}

impl<W: Write> Packing<'_, W> {
    /// One that could not be read: told of, counted, left out.
    fn fault(&mut self, path: &Path, why: io::Error) {
        // Removed while we came to it: as if we had come later.
        if why.kind() != io::ErrorKind::NotFound {
            self.faults += 1;
            (self.note)(Fault::file(path, why).to_string());
        }
    }

    fn header(&mut self, found: &Found, kind: EntryType, size: u64) -> Result<Header, Fault> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(found.stat.st_mode & MODE_BITS);
        header.set_mtime(u64::try_from(found.stat.st_mtime).unwrap_or(0));
        if found.stat.st_mtime >= 0 && found.stat.st_mtime_nsec > 0 {
            let exact = format!("{}.{:09}", found.stat.st_mtime, found.stat.st_mtime_nsec);
            self.builder.append_pax_extensions([("mtime", exact.as_bytes())]).map_err(Fault::Stream)?;
        }
        Ok(header)
    }

    fn file(&mut self, found: &Found, at: &Path, shown: &Path) -> Result<(), Fault> {
        let mut file = match found.open(OFlags::RDONLY) {
            Ok(file) => File::from(file),
            Err(why) => {
                self.fault(shown, why);
                return Ok(());
            }
        };
        let mut size = u64::try_from(found.stat.st_size).unwrap_or(0);
        let mut start = Vec::new();
        if size == 0 {
            if let Err(why) = Read::by_ref(&mut file).take(SIZELESS_BYTES).read_to_end(&mut start) {
                self.fault(shown, why);
                return Ok(());
            }
            size = start.len() as u64;
        }
        let mut header = self.header(found, EntryType::Regular, size)?;
        let mut content = Exactly::new(Readable { inner: start.as_slice().chain(file), why: None }, size);
        self.builder.append_data(&mut header, at, &mut content).map_err(Fault::Stream)?;
        let missing = content.missing;
        if let Some(why) = content.into_inner().why {
            self.fault(shown, why);
        } else if missing > 0 {
            (self.note)(format!("{}: it shrank by {missing} bytes while it was read; they are zeros", shown.display()));
        }
        self.copied.entries += 1;
        self.copied.bytes += size;
        Ok(())
    }

    fn link(&mut self, found: &Found, at: &Path, shown: &Path) -> Result<(), Fault> {
        match readlinkat(found.descriptor(), "", Vec::new()) {
            Ok(target) => {
                let mut header = self.header(found, EntryType::Symlink, 0)?;
                let target = OsStr::from_bytes(target.as_bytes());
                self.builder.append_link(&mut header, at, target).map_err(Fault::Stream)?;
                self.copied.entries += 1;
            }
            Err(why) => self.fault(shown, why.into()),
        }
        Ok(())
    }

    fn folder(&mut self, found: &Found, at: &Path, shown: &Path, depth: usize) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            self.fault(shown, io::Error::other(format!("more than {MAX_DEPTH} folders are within each other")));
            return Ok(());
        }
        let opened = found.open(OFlags::RDONLY | OFlags::DIRECTORY).and_then(|folder| Ok((Dir::read_from(&folder)?, folder)));
        let (entries, folder) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                self.fault(shown, why);
                return Ok(());
            }
        };
        if depth > 0 && fstatfs(&folder).is_ok_and(|system| MADE_UP.contains(&system.f_type.cast_unsigned())) {
            (self.note)(format!("{}: left out, the kernel makes it up", shown.display()));
            return Ok(());
        }
        let mut header = self.header(found, EntryType::Directory, 0)?;
        self.builder.append_data(&mut header, at, io::empty()).map_err(Fault::Stream)?;
        self.copied.entries += 1;
        for entry in entries {
            let name = match entry {
                Ok(entry) => OsStr::from_bytes(entry.file_name().to_bytes()).to_owned(),
                Err(why) => {
                    self.fault(shown, why.into());
                    break;
                }
            };
            if name != "." && name != ".." {
                self.entry(&folder, &name, (at.join(&name), shown.join(&name)), depth + 1)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &OsStr, (at, shown): (PathBuf, PathBuf), depth: usize) -> Result<(), Fault> {
        match find_in(folder, name) {
            Err(why) => self.fault(&shown, why),
            Ok(found) => match found.kind() {
                FileType::RegularFile => self.file(&found, &at, &shown)?,
                FileType::Directory => self.folder(&found, &at, &shown, depth)?,
                FileType::Symlink => self.link(&found, &at, &shown)?,
                _ => (self.note)(format!("{}: left out, it is {}", shown.display(), found.what())),
            },
        }
        Ok(())
    }
}

/// One name of a folder, which may be a link.
fn find_in(folder: &OwnedFd, name: &OsStr) -> io::Result<Found> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Found::of(openat(folder.as_fd(), name, flags, Mode::empty())?)
}

/// A file that cannot be read on ends there; why is kept.
struct Readable<R> {
    inner: R,
    why: Option<io::Error>,
}

impl<R: Read> Read for Readable<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.why = Some(error);
                    return Ok(0);
                }
                Ok(count) => return Ok(count),
            }
        }
    }
}
