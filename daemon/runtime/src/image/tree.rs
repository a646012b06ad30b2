//! The tree of the layer that is being unpacked. Every path is resolved by the kernel below the root's descriptor, with no
//! link followed, so that nothing an archive contains can lead out of it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat,
    fchmod, fchown, fsetxattr, fstat, futimens, lsetxattr, mkdirat, open, openat, openat2, statat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::lowers::{Found, Lowers, OPAQUE, entry_path, is_opaque, is_whiteout};
use super::unpack::UnpackError;

/// Without NOFOLLOW: the kernel then says ELOOP, not ENOTDIR, where the last part of a path is a link.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// Nested deeper, a tree could not be walked with the descriptors a process has.
const MAX_DEPTH: usize = 256;
const IMPLICIT_FOLDER_MODE: u32 = 0o755;

/// Owner, mode, times and extended attributes of an entry.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    pub(crate) times: Timestamps,
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
}

impl Attributes {
    /// Those of something in a lower layer.
    pub(crate) fn of(found: &Found) -> Result<Attributes, Errno> {
        let is_ours = |(name, _): &(String, Vec<u8>)| !name.starts_with("trusted.");
        Ok(Attributes {
            uid: found.stat.st_uid,
            gid: found.stat.st_gid,
            mode: found.stat.st_mode & 0o7777,
            times: modified(found.stat.st_mtime, found.stat.st_mtime_nsec as _),
            xattrs: found.xattrs()?.into_iter().filter(is_ours).collect(),
        })
    }
}

/// Both times of a file set to when it was modified.
pub(crate) fn modified(seconds: i64, nanos: u32) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// The folder that entries are being put in. Putting them there changes its time, which is set back when we leave it.
struct Entered {
    path: PathBuf,
    folder: OwnedFd,
    times: Timestamps,
}

/// The layer's root and the layers below it.
pub(crate) struct Tree {
    root: OwnedFd,
    lowers: Lowers,
    entered: Option<Entered>,
    /// Whether the content came to depend on the layers below.
    pub(crate) needs_lower: bool,
    /// Folders and files that were made without an entry of their own.
    pub(crate) implicit: u64,
}

impl Tree {
    /// Opens an empty folder as the root.
    pub(crate) fn open(root: &Path, lowers: &[PathBuf]) -> Result<Tree, Errno> {
        let root = open(root, FOLDER, Mode::empty())?;
        let lowers = Lowers::open(lowers)?;
        Ok(Tree { root, lowers, entered: None, needs_lower: false, implicit: 0 })
    }

    /// What the layers below show at this path. From here on the layer depends on them, whatever they say.
    pub(crate) fn find_lower(&mut self, path: &Path) -> Result<Option<Found>, UnpackError> {
        self.needs_lower = true;
        self.lowers.find(path).map_err(|errno| UnpackError::io("look for", path, errno))
    }

    /// Opens the folder for putting an entry in; what is missing on the way is made as the layers below have it.
    pub(crate) fn enter(&mut self, path: &Path) -> Result<BorrowedFd<'_>, UnpackError> {
        if self.entered.as_ref().is_none_or(|entered| entered.path != path) {
            self.leave()?;
            let folder = self.open_or_make(path)?;
            // Making it entered its parent.
            self.leave()?;
            let stat = fstat(&folder).map_err(|errno| UnpackError::io("open", path, errno))?;
            let times = modified(stat.st_mtime, stat.st_mtime_nsec as _);
            self.entered = Some(Entered { path: path.to_owned(), folder, times });
        }
        let entered = self.entered.as_ref().expect("entered just above");
        Ok(entered.folder.as_fd())
    }

    /// Sets the time of the entered folder back to what it was.
    pub(crate) fn leave(&mut self) -> Result<(), UnpackError> {
        match self.entered.take() {
            Some(entered) => {
                let done = futimens(&entered.folder, &entered.times);
                done.map_err(|errno| UnpackError::io("set the time of", &entered.path, errno))
            }
            None => Ok(()),
        }
    }

    fn open_folder(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        openat2(&self.root, path, FOLDER, Mode::empty(), BENEATH)
    }

    fn open_or_make(&mut self, path: &Path) -> Result<OwnedFd, UnpackError> {
        match self.open_folder(path) {
            Ok(folder) => return Ok(folder),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => return Err(UnpackError::on_the_way(path, errno)),
        }
        let mut reached = PathBuf::new();
        for name in path {
            reached.push(name);
            match self.open_folder(&reached) {
                Ok(_) => {}
                Err(Errno::NOENT) => self.make_implicit_folder(&reached)?,
                // A whiteout is in the way; any other file is a fault of the archive.
                Err(Errno::NOTDIR) if self.stat(&reached)?.is_some_and(|stat| is_whiteout(&stat)) => {
                    self.make_implicit_folder(&reached)?;
                }
                Err(errno) => return Err(UnpackError::on_the_way(&reached, errno)),
            }
        }
        self.open_folder(path).map_err(|errno| UnpackError::on_the_way(path, errno))
    }

    /// A folder that the archive names only as a part of other paths: it looks as it does below.
    fn make_implicit_folder(&mut self, path: &Path) -> Result<(), UnpackError> {
        let attributes = match self.find_lower(path)? {
            Some(found) if found.file_type() == FileType::Directory => {
                Attributes::of(&found).map_err(|errno| UnpackError::io("read the attributes of", path, errno))?
            }
            _ => Attributes { uid: 0, gid: 0, mode: IMPLICIT_FOLDER_MODE, times: modified(0, 0), xattrs: Vec::new() },
        };
        self.implicit += 1;
        self.make_folder(path, &attributes)
    }

    /// Makes a folder, or gives the one that is there these attributes.
    pub(crate) fn make_folder(&mut self, path: &Path, attributes: &Attributes) -> Result<(), UnpackError> {
        let mut hides_below = false;
        if let Some(name) = path.file_name() {
            let name = name.to_owned();
            let parent = parent(path);
            let made = mkdirat(self.enter(parent)?, &name, Mode::RWXU);
            match made {
                Ok(()) => {}
                Err(Errno::EXIST) => {
                    let stat = self.stat(path)?.ok_or_else(|| UnpackError::io("make", path, Errno::NOENT))?;
                    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                        // A whiteout or a file: either hid what the layers below have there.
                        hides_below = true;
                        self.remove(path)?;
                        let made = mkdirat(self.enter(parent)?, &name, Mode::RWXU);
                        made.map_err(|errno| UnpackError::io("make", path, errno))?;
                    }
                }
                Err(errno) => return Err(UnpackError::io("make", path, errno)),
            }
        }
        // Whatever folder was entered, it may be this one, whose time is set now.
        self.leave()?;
        let folder = self.open_folder(path).map_err(|errno| UnpackError::on_the_way(path, errno))?;
        set_on_descriptor(folder.as_fd(), attributes, path)?;
        if hides_below {
            fsetxattr(&folder, OPAQUE, b"y", XattrFlags::empty()).map_err(|errno| UnpackError::io("mark", path, errno))?;
        }
        Ok(())
    }

    /// Marks the folder as hiding everything the layers below have in it. Whiteouts in it have nothing to hide from then on.
    pub(crate) fn make_opaque(&mut self, path: &Path) -> Result<(), UnpackError> {
        let folder = self.enter(path)?;
        let failed = |errno| UnpackError::io("mark", path, errno);
        if !is_opaque(folder).map_err(failed)? {
            remove_whiteouts(folder).map_err(failed)?;
            fsetxattr(folder, OPAQUE, b"y", XattrFlags::empty()).map_err(failed)?;
        }
        Ok(())
    }

    /// Whether this layer hides what is below at this path: an opaque folder or a whiteout is on the way.
    pub(crate) fn is_cut_off(&self, path: &Path) -> Result<bool, UnpackError> {
        let mut reached = PathBuf::new();
        let mut names = path.iter();
        loop {
            match self.open_folder(&reached) {
                Ok(folder) => {
                    if is_opaque(folder.as_fd()).map_err(|errno| UnpackError::io("look at", &reached, errno))? {
                        return Ok(true);
                    }
                }
                Err(Errno::NOENT) => return Ok(false),
                Err(Errno::NOTDIR) if self.stat(&reached)?.is_some_and(|stat| is_whiteout(&stat)) => return Ok(true),
                Err(errno) => return Err(UnpackError::on_the_way(&reached, errno)),
            }
            match names.next() {
                Some(name) if reached.join(name) != path => reached.push(name),
                _ => return Ok(false),
            }
        }
    }

    /// What this layer has at a path whose folders exist.
    pub(crate) fn stat(&self, path: &Path) -> Result<Option<Stat>, UnpackError> {
        let folder = match self.open_folder(parent(path)) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(UnpackError::on_the_way(path, errno)),
        };
        let Some(name) = path.file_name() else {
            return fstat(&folder).map(Some).map_err(|errno| UnpackError::io("look at", path, errno));
        };
        match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(UnpackError::io("look at", path, errno)),
        }
    }

    /// Removes what an entry replaces, a folder with all that is in it.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<(), UnpackError> {
        if self.entered.as_ref().is_some_and(|entered| entered.path.starts_with(path)) {
            self.leave()?;
        }
        let Some(name) = path.file_name() else {
            return Err(UnpackError::Root { path: path.to_owned() });
        };
        let name = name.to_owned();
        let folder = self.enter(parent(path))?;
        match unlinkat(folder, &name, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::ISDIR) => {
                let removed = std::fs::remove_dir_all(entry_path(folder, &name));
                removed.map_err(|source| UnpackError::Io { action: "replace", path: path.to_owned(), source })
            }
            Err(errno) => Err(UnpackError::io("replace", path, errno)),
        }
    }

    /// Makes one entry that is no folder, in place of what is there.
    pub(crate) fn place<T>(
        &mut self,
        path: &Path,
        make: impl Fn(BorrowedFd<'_>, &OsStr) -> Result<T, Errno>,
    ) -> Result<T, UnpackError> {
        let Some(name) = path.file_name() else {
            return Err(UnpackError::Root { path: path.to_owned() });
        };
        let name: OsString = name.to_owned();
        match make(self.enter(parent(path))?, &name) {
            Err(Errno::EXIST) => {
                self.remove(path)?;
                make(self.enter(parent(path))?, &name).map_err(|errno| UnpackError::io("make", path, errno))
            }
            other => other.map_err(|errno| UnpackError::io("make", path, errno)),
        }
    }

    /// Sets the attributes of a link, device or fifo that was placed just before. A link has no mode of its own.
    pub(crate) fn set_on_entry(&mut self, path: &Path, attributes: &Attributes) -> Result<(), UnpackError> {
        let is_link = self.stat(path)?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
        let name = path.file_name().unwrap_or_default().to_owned();
        let folder = self.enter(parent(path))?;
        let (uid, gid) = (Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)));
        chownat(folder, &name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| UnpackError::io("set the owner of", path, errno))?;
        if !is_link {
            chmodat(folder, &name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())
                .map_err(|errno| UnpackError::io("set the mode of", path, errno))?;
        }
        let by_path = entry_path(folder, &name);
        for (key, value) in &attributes.xattrs {
            check_xattr(key, path, lsetxattr(&by_path, key.as_str(), value, XattrFlags::empty()))?;
        }
        utimensat(folder, &name, &attributes.times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| UnpackError::io("set the time of", path, errno))
    }
}

/// Sets the attributes of an open file or folder. The order matters: changing the owner clears setuid and capabilities.
pub(crate) fn set_on_descriptor(fd: BorrowedFd<'_>, attributes: &Attributes, path: &Path) -> Result<(), UnpackError> {
    let (uid, gid) = (Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)));
    fchown(fd, uid, gid).map_err(|errno| UnpackError::io("set the owner of", path, errno))?;
    let mode = Mode::from_raw_mode(attributes.mode);
    fchmod(fd, mode).map_err(|errno| UnpackError::io("set the mode of", path, errno))?;
    for (key, value) in &attributes.xattrs {
        check_xattr(key, path, fsetxattr(fd, key.as_str(), value, XattrFlags::empty()))?;
    }
    futimens(fd, &attributes.times).map_err(|errno| UnpackError::io("set the time of", path, errno))
}

/// Removes the whiteouts of a folder and of those in it. Trees are not deep (see [`MAX_DEPTH`]), so this may call itself.
fn remove_whiteouts(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        match entry.file_type() {
            FileType::Directory if !matches!(name.to_bytes(), b"." | b"..") => {
                let inner = openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
                remove_whiteouts(inner.as_fd())?;
            }
            FileType::CharacterDevice if is_whiteout(&statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?) => {
                unlinkat(folder, name, AtFlags::empty())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// An attribute that the file system or the kind of file cannot have is left out, as tar does; a capability never is.
fn check_xattr(key: &str, path: &Path, set: Result<(), Errno>) -> Result<(), UnpackError> {
    match set {
        Err(Errno::NOTSUP | Errno::PERM) if key != "security.capability" => {
            tracing::debug!(path = %path.display(), key, "left out an attribute that cannot be set here");
            Ok(())
        }
        other => other.map_err(|errno| UnpackError::io("set an attribute of", path, errno)),
    }
}

/// The folder of a path; the root is the empty path.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// A path of an archive in plain names relative to the root; `.` and repeated slashes are dropped. Paths that could lead out
/// of the root are refused, also where they would come back.
pub(crate) fn clean_path(raw: &[u8]) -> Result<PathBuf, UnpackError> {
    let shown = || PathBuf::from(OsString::from_vec(raw.to_vec()));
    if raw.contains(&0) || raw.is_empty() {
        return Err(UnpackError::Path { path: shown() });
    }
    if raw[0] == b'/' && raw.iter().any(|byte| *byte != b'/') {
        return Err(UnpackError::Absolute { path: shown() });
    }
    let mut path = PathBuf::new();
    let mut depth = 0;
    for name in raw.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        if name == b".." {
            return Err(UnpackError::ClimbsOut { path: shown() });
        }
        depth += 1;
        path.push(OsStr::from_bytes(name));
    }
    if depth > MAX_DEPTH { Err(UnpackError::TooDeep { path: shown() }) } else { Ok(path) }
}
