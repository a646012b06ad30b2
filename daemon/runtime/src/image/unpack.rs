//! Unpacks one layer's archive into an overlay lower directory.
//!
//! Archives are written by strangers. Every path is resolved beneath the root without following a link (see `tree`), what an
//! archive may hold is limited, and attributes through which it could speak to overlayfs itself are refused.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, linkat, makedev, mknodat, openat, symlinkat};
use rustix::io::Errno;
use thiserror::Error;

use super::lowers::{Found, is_whiteout};
use super::store::Limits;
use super::tar_stream::{Entry, Kind, TarError, TarStream};
use super::tree::{self, Attributes, Tree, clean_path, parent};

const WHITEOUT_PREFIX: &[u8] = b".wh.";
const OPAQUE_NAME: &[u8] = b".wh..wh..opq";
/// Other names with this prefix are AUFS' own bookkeeping, which old Docker versions packed too.
const AUFS_PREFIX: &[u8] = b".wh..wh.";
const BUFFER_BYTES: usize = 256 << 10;

/// Why a layer's archive was not unpacked.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// The archive itself is broken.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// A path has `..` in it.
    #[error("{path} climbs out of the image's root")]
    ClimbsOut {
        /// The path as the archive has it.
        path: PathBuf,
    },
    /// A path begins at the root of the host.
    #[error("{path} is absolute; paths of a layer are relative to the image's root")]
    Absolute {
        /// The path as the archive has it.
        path: PathBuf,
    },
    /// A path goes through a symbolic link, which could lead anywhere.
    #[error("{path} goes through a symbolic link")]
    ThroughLink {
        /// The path of the entry, or the part of it that is a link.
        path: PathBuf,
    },
    /// A part of the path is a file.
    #[error("{path} is no folder, but entries lie in it")]
    NotAFolder {
        /// The part of the path.
        path: PathBuf,
    },
    /// A path is empty or has a zero byte in it.
    #[error("{path:?} is no path")]
    Path {
        /// The path as the archive has it.
        path: PathBuf,
    },
    /// Too many folders in one another.
    #[error("{path} is nested too deep")]
    TooDeep {
        /// The path as the archive has it.
        path: PathBuf,
    },
    /// The root itself would be replaced or removed.
    #[error("an entry would replace the image's root {path:?}")]
    Root {
        /// The path, cleaned.
        path: PathBuf,
    },
    /// `.wh.` without a name, or with `.` or `..` as one.
    #[error("{path} is a whiteout of nothing")]
    Whiteout {
        /// The path of the whiteout.
        path: PathBuf,
    },
    /// The archive has overlayfs' own mark as a device.
    #[error("{path} is the device 0:0, by which overlayfs marks what was removed")]
    WhiteoutDevice {
        /// The path of the device.
        path: PathBuf,
    },
    /// The archive has an attribute that belongs to overlayfs.
    #[error("{path} has the attribute {name}, which belongs to overlayfs")]
    OverlayAttribute {
        /// The path of the entry.
        path: PathBuf,
        /// The attribute.
        name: String,
    },
    /// The target of a hard link is not there.
    #[error("{path} is a hard link to {target}, which is not in the image")]
    LinkTarget {
        /// The path of the link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// An owner that the kernel cannot store.
    #[error("{path} belongs to user {uid} and group {gid}, which are out of range")]
    Owner {
        /// The path of the entry.
        path: PathBuf,
        /// User id.
        uid: u64,
        /// Group id.
        gid: u64,
    },
    /// The layer is larger than the limit.
    #[error("the layer is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The layer has more entries than the limit.
    #[error("the layer has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// A system call failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// How it failed.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    pub(crate) fn io(action: &'static str, path: &Path, errno: Errno) -> UnpackError {
        UnpackError::Io { action, path: path.to_owned(), source: errno.into() }
    }

    /// What it means that a folder of a path cannot be opened.
    pub(crate) fn on_the_way(path: &Path, errno: Errno) -> UnpackError {
        let path = path.to_owned();
        match errno {
            Errno::LOOP => UnpackError::ThroughLink { path },
            Errno::XDEV => UnpackError::ClimbsOut { path },
            Errno::NOTDIR => UnpackError::NotAFolder { path },
            errno => UnpackError::Io { action: "open", path, source: errno.into() },
        }
    }
}

/// What a layer turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Whether the content depends on the layers below.
    pub(crate) needs_lower: bool,
    /// The size of all files.
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

struct Unpacker {
    tree: Tree,
    limits: Limits,
    bytes: u64,
    entries: u64,
    buffer: Vec<u8>,
}

/// Unpacks the archive into a new folder `root`, reading `archive` to its end. `lowers` are the trees below, top first.
pub(crate) fn unpack(archive: &mut impl Read, root: &Path, lowers: &[PathBuf], limits: Limits) -> Result<Unpacked, UnpackError> {
    let in_root = |action, source| UnpackError::Io { action, path: root.to_owned(), source };
    std::fs::create_dir(root).map_err(|error| in_root("create", error))?;
    let open = std::fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(0o755));
    open.map_err(|error| in_root("set the mode of", error))?;
    let tree = Tree::open(root, lowers).map_err(|errno| UnpackError::io("open", root, errno))?;
    let mut unpacker = Unpacker { tree, limits, bytes: 0, entries: 0, buffer: vec![0; BUFFER_BYTES] };

    // Twice the limit leaves room for headers and padding; what is left is a bomb.
    let most = limits.layer_bytes.saturating_mul(2).saturating_add(limits.layer_entries.saturating_mul(4096));
    let mut limited = archive.take(most);
    let mut stream = TarStream::new(&mut limited);
    let result = unpacker.all(&mut stream);
    let result = result.and_then(|()| match io::copy(&mut limited, &mut io::sink()) {
        Ok(_) => Ok(()),
        Err(error) => Err(TarError::Read(error).into()),
    });
    match result {
        // The end that was seen is ours, not the archive's.
        Ok(()) | Err(UnpackError::Tar(_)) if limited.limit() == 0 => {
            return Err(UnpackError::TooLarge { limit: limits.layer_bytes });
        }
        other => other?,
    }
    unpacker.tree.leave()?;
    let entries = unpacker.entries + unpacker.tree.implicit;
    Ok(Unpacked { needs_lower: unpacker.tree.needs_lower, bytes: unpacker.bytes, entries })
}

impl Unpacker {
    fn all<R: Read>(&mut self, stream: &mut TarStream<R>) -> Result<(), UnpackError> {
        while let Some(entry) = stream.next_entry()? {
            self.entries += 1;
            if self.entries + self.tree.implicit > self.limits.layer_entries {
                return Err(UnpackError::TooManyEntries { limit: self.limits.layer_entries });
            }
            let path = clean_path(&entry.path)?;
            let name = path.file_name().unwrap_or_default().as_bytes().to_owned();
            if name == OPAQUE_NAME {
                self.tree.make_opaque(parent(&path))?;
            } else if path.iter().any(|part| part.as_bytes().starts_with(AUFS_PREFIX)) {
                tracing::debug!(path = %path.display(), "skipped a file of AUFS' bookkeeping");
            } else if let Some(hidden) = name.strip_prefix(WHITEOUT_PREFIX) {
                self.whiteout(&path, hidden)?;
            } else {
                self.entry(stream, &entry, &path)?;
            }
        }
        Ok(())
    }

    fn entry<R: Read>(&mut self, stream: &mut TarStream<R>, entry: &Entry, path: &Path) -> Result<(), UnpackError> {
        if entry.kind == Kind::HardLink {
            return self.hard_link(entry, path);
        }
        let attributes = attributes(entry, path)?;
        match entry.kind {
            Kind::Folder => self.tree.make_folder(path, &attributes),
            Kind::File => {
                self.claim(entry.size)?;
                let mut file = self.tree.place(path, create_file)?;
                copy_data(stream, &mut file, &mut self.buffer, path)?;
                if !stream.is_at_end_of_data() {
                    return Err(TarError::Truncated("a file").into());
                }
                tree::set_on_descriptor(file.as_fd(), &attributes, path)
            }
            Kind::Symlink => {
                // Where it points is for the container to find out: it resolves in the container's own root.
                if entry.link.is_empty() || entry.link.contains(&0) {
                    return Err(UnpackError::Path { path: path.to_owned() });
                }
                let target = OsStr::from_bytes(&entry.link);
                self.tree.place(path, |folder, name| symlinkat(target, folder, name))?;
                self.tree.set_on_entry(path, &attributes)
            }
            Kind::CharDevice if entry.device == (0, 0) => Err(UnpackError::WhiteoutDevice { path: path.to_owned() }),
            Kind::CharDevice => self.node(path, FileType::CharacterDevice, entry.device, &attributes),
            Kind::BlockDevice => self.node(path, FileType::BlockDevice, entry.device, &attributes),
            Kind::Fifo => self.node(path, FileType::Fifo, (0, 0), &attributes),
            Kind::HardLink => Ok(()),
        }
    }

    fn claim(&mut self, bytes: u64) -> Result<(), UnpackError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.layer_bytes {
            return Err(UnpackError::TooLarge { limit: self.limits.layer_bytes });
        }
        Ok(())
    }

    fn node(&mut self, path: &Path, kind: FileType, device: (u32, u32), attributes: &Attributes) -> Result<(), UnpackError> {
        let device = makedev(device.0, device.1);
        self.tree.place(path, |folder, name| mknodat(folder, name, kind, Mode::RUSR | Mode::WUSR, device))?;
        self.tree.set_on_entry(path, attributes)
    }

    /// `.wh.name` hides `name` of the layers below. What this layer itself has of that name stays.
    fn whiteout(&mut self, path: &Path, hidden: &[u8]) -> Result<(), UnpackError> {
        if hidden.is_empty() || hidden == b"." || hidden == b".." {
            return Err(UnpackError::Whiteout { path: path.to_owned() });
        }
        let target = parent(path).join(OsStr::from_bytes(hidden));
        // Overlayfs lists a whiteout by name where no other layer has the folder it lies in; so there is one only where
        // there is something to hide.
        if self.tree.is_cut_off(&target)? {
            return Ok(());
        }
        match self.tree.stat(&target)? {
            None if self.tree.find_lower(&target)?.is_none() => Ok(()),
            None => {
                let (kind, device) = (FileType::CharacterDevice, makedev(0, 0));
                self.tree.place(&target, |folder, name| mknodat(folder, name, kind, Mode::empty(), device))
            }
            Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => self.tree.make_opaque(&target),
            Some(_) => Ok(()),
        }
    }

    fn hard_link(&mut self, entry: &Entry, path: &Path) -> Result<(), UnpackError> {
        let target = clean_path(&entry.link)?;
        let missing = || UnpackError::LinkTarget { path: path.to_owned(), target: target.clone() };
        if target == path {
            return Err(missing());
        }
        match self.tree.stat(&target)? {
            Some(stat) if is_whiteout(&stat) => return Err(missing()),
            Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => return Err(missing()),
            Some(_) => {}
            None if self.tree.is_cut_off(&target)? => return Err(missing()),
            None => {
                let found = self.tree.find_lower(&target)?;
                let found = found.filter(|found| found.file_type() != FileType::Directory).ok_or_else(missing)?;
                self.copy_up(&found, &target)?;
            }
        }
        // The target's folder is opened once more for every link: links are rare, and its descriptor must outlive `place`.
        let folder = self.tree.enter(parent(&target))?.try_clone_to_owned();
        let folder = folder.map_err(|source| UnpackError::Io { action: "open", path: target.clone(), source })?;
        let target_name = target.file_name().unwrap_or_default();
        self.tree.place(path, |to, name| linkat(&folder, target_name, to, name, AtFlags::empty()))
    }

    /// Copies a file of a lower layer to the same place in this one, so that it can be linked to here.
    fn copy_up(&mut self, found: &Found, path: &Path) -> Result<(), UnpackError> {
        let failed = |errno| UnpackError::io("copy from a lower layer", path, errno);
        let attributes = Attributes::of(found).map_err(failed)?;
        self.tree.implicit += 1;
        match found.file_type() {
            FileType::RegularFile => {
                self.claim(found.stat.st_size.try_into().unwrap_or(u64::MAX))?;
                let mut from = found.open_file().map_err(failed)?;
                let mut to = self.tree.place(path, create_file)?;
                copy_data(&mut from, &mut to, &mut self.buffer, path)?;
                tree::set_on_descriptor(to.as_fd(), &attributes, path)
            }
            FileType::Symlink => {
                let link = found.read_link().map_err(failed)?;
                self.tree.place(path, |folder, name| symlinkat(OsStr::from_bytes(&link), folder, name))?;
                self.tree.set_on_entry(path, &attributes)
            }
            kind => {
                let device = found.stat.st_rdev;
                self.tree.place(path, |folder, name| mknodat(folder, name, kind, Mode::RUSR | Mode::WUSR, device))?;
                self.tree.set_on_entry(path, &attributes)
            }
        }
    }
}

fn create_file(folder: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?))
}

fn copy_data(from: &mut impl Read, to: &mut File, buffer: &mut [u8], path: &Path) -> Result<(), UnpackError> {
    loop {
        match from.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let written = to.write_all(&buffer[..count]);
                written.map_err(|source| UnpackError::Io { action: "write", path: path.to_owned(), source })?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(TarError::Read(error).into()),
        }
    }
}

fn attributes(entry: &Entry, path: &Path) -> Result<Attributes, UnpackError> {
    // The highest number means "leave as it is" to the kernel.
    let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX);
    let out_of_range = || UnpackError::Owner { path: path.to_owned(), uid: entry.uid, gid: entry.gid };
    let mut xattrs = Vec::new();
    for (name, value) in &entry.xattrs {
        if name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") {
            return Err(UnpackError::OverlayAttribute { path: path.to_owned(), name: name.clone() });
        }
        // The rest (security labels, trusted.*) belongs to the machine, not to an image.
        let is_kept = name == "security.capability" || name.starts_with("user.") || name.starts_with("system.posix_acl_");
        if is_kept {
            xattrs.push((name.clone(), value.clone()));
        }
    }
    Ok(Attributes {
        uid: id(entry.uid).ok_or_else(out_of_range)?,
        gid: id(entry.gid).ok_or_else(out_of_range)?,
        mode: entry.mode & 0o7777,
        times: tree::modified(entry.mtime.0, entry.mtime.1),
        xattrs,
    })
}

#[cfg(test)]
#[path = "unpack/tests.rs"]
mod tests;
