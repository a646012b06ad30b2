//! Looks things up in a stack of unpacked layers the way overlayfs shows them: whiteouts hide, opaque folders cut off.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fgetxattr, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;

/// The attribute overlayfs keeps on a folder that hides everything below it.
pub(crate) const OPAQUE: &str = "trusted.overlay.opaque";

/// The layers below the one that is being unpacked, top first.
#[derive(Debug, Default)]
pub(crate) struct Lowers {
    roots: Vec<OwnedFd>,
}

/// Something in a lower layer: its name in an open folder. Links are not followed.
#[derive(Debug)]
pub(crate) struct Found {
    folder: OwnedFd,
    name: PathBuf,
    pub(crate) stat: Stat,
}

/// What one layer says about a path.
enum Answer {
    Has(Found),
    /// Nothing here or further down.
    Hides,
    /// Ask the next layer.
    Silent,
}

impl Lowers {
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Lowers, Errno> {
        let roots = paths.iter().map(|path| open(path, FOLDER, Mode::empty())).collect::<Result<_, _>>()?;
        Ok(Lowers { roots })
    }

    /// What these layers together show at this path, which is relative and has only plain names.
    pub(crate) fn find(&self, path: &Path) -> Result<Option<Found>, Errno> {
        for root in &self.roots {
            match find_in_layer(root.as_fd(), path)? {
                Answer::Has(found) => return Ok(Some(found)),
                Answer::Hides => return Ok(None),
                Answer::Silent => {}
            }
        }
        Ok(None)
    }
}

impl Found {
    pub(crate) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    pub(crate) fn open_file(&self) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(File::from(openat(&self.folder, &self.name, flags, Mode::empty())?))
    }

    pub(crate) fn read_link(&self) -> Result<Vec<u8>, Errno> {
        Ok(readlinkat(&self.folder, &self.name, Vec::new())?.into_bytes())
    }

    /// All attributes. There is no call for this on a descriptor that is not open for reading, so it goes by the folder's.
    pub(crate) fn xattrs(&self) -> Result<Vec<(String, Vec<u8>)>, Errno> {
        let path = entry_path(self.folder.as_fd(), self.name.as_os_str());
        let mut names = vec![0; 64 << 10];
        let length = match rustix::fs::llistxattr(&path, &mut names[..]) {
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            other => other?,
        };
        let mut xattrs = Vec::new();
        for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let mut value = vec![0; 64 << 10];
            let length = rustix::fs::lgetxattr(&path, name, &mut value[..])?;
            value.truncate(length);
            if let Ok(name) = std::str::from_utf8(name) {
                xattrs.push((name.to_owned(), value));
            }
        }
        Ok(xattrs)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A path to something in an open folder, for calls that take no descriptor of a folder.
pub(crate) fn entry_path(folder: BorrowedFd<'_>, name: &OsStr) -> PathBuf {
    Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name)
}

/// A character device 0:0 is overlayfs' mark for "removed".
pub(crate) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

pub(crate) fn is_opaque(folder: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut value = [0u8; 1];
    match fgetxattr(folder, OPAQUE, &mut value[..]) {
        Ok(_) => Ok(value == *b"y"),
        Err(Errno::NODATA | Errno::NOTSUP | Errno::RANGE) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn find_in_layer(root: BorrowedFd<'_>, path: &Path) -> Result<Answer, Errno> {
    let mut folder = root.try_clone_to_owned().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let mut is_cut_off = false;
    let mut names = path.iter().peekable();
    while let Some(name) = names.next() {
        let stat = match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) if is_cut_off => return Ok(Answer::Hides),
            Err(Errno::NOENT) => return Ok(Answer::Silent),
            Err(errno) => return Err(errno),
        };
        if is_whiteout(&stat) {
            return Ok(Answer::Hides);
        }
        if names.peek().is_none() {
            return Ok(Answer::Has(Found { folder, name: name.into(), stat }));
        }
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(Answer::Hides);
        }
        folder = openat(&folder, name, FOLDER, Mode::empty())?;
        is_cut_off |= is_opaque(folder.as_fd())?;
    }
    let stat = fstat(&folder)?;
    Ok(Answer::Has(Found { folder, name: ".".into(), stat }))
}
