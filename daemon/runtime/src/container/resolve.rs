//! Paths inside a root that is not trusted: resolved by the kernel with the root as the end of every way up, and used as
//! descriptors from then on.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat, mkdirat, openat, openat2, readlinkat, statat};
use rustix::io::Errno;

/// A rename or mount somewhere else makes the kernel ask to try again; it never takes long.
const TRIES: usize = 128;
/// As many links as the kernel follows.
const LINK_LIMIT: usize = 40;

/// What is to be at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// The root of a container's file system, seen from outside.
#[derive(Debug)]
pub(super) struct Root {
    descriptor: OwnedFd,
}

impl Root {
    pub(super) fn new(descriptor: OwnedFd) -> Root {
        Root { descriptor }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// What is at a path now; links are followed, inside the root.
    pub(super) fn find(&self, path: &Path) -> io::Result<OwnedFd> {
        self.open(path, OFlags::PATH)
    }

    /// Opens what is at a path. Links that the kernel makes up (`/proc/self/fd/3`) lead nowhere.
    pub(super) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        open_in(self.descriptor(), path.as_os_str(), flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
    }

    /// A folder in the root itself that is no link: where `/proc`, `/sys` and `/dev` go.
    pub(super) fn plain_directory(&self, name: &str) -> io::Result<OwnedFd> {
        match mkdirat(self.descriptor(), name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST | Errno::ROFS) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        open_in(self.descriptor(), OsStr::new(name), flags, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
    }

    /// What is at a path; whatever is missing on the way is made, and so is the end. A link that leads nowhere is completed,
    /// inside the root.
    pub(super) fn find_or_make(&self, path: &Path, kind: Kind) -> io::Result<OwnedFd> {
        self.make(path, kind, &mut 0)
    }

    fn make(&self, path: &Path, kind: Kind, links: &mut usize) -> io::Result<OwnedFd> {
        match self.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::NOENT.into()) };
        let directory = self.make(parent, Kind::Directory, links)?;
        let made = match kind {
            Kind::Directory => mkdirat(&directory, name, Mode::from_raw_mode(0o755)),
            Kind::File => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
                openat(&directory, name, flags, Mode::from_raw_mode(0o644)).map(drop)
            }
        };
        match made {
            Ok(()) => {}
            Err(Errno::EXIST) if *links < LINK_LIMIT => {
                // It was not found, and is there: a link into nothing.
                *links += 1;
                let target = readlinkat(&directory, name, Vec::new())?;
                let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
                return self.make(&parent.join(target), kind, links);
            }
            Err(Errno::EXIST) => return Err(Errno::LOOP.into()),
            Err(error) => return Err(error.into()),
        }
        open_in(directory.as_fd(), name, OFlags::PATH | OFlags::NOFOLLOW, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
    }

    /// The folder that a path's last name is in, made if it is missing, and that name.
    pub(super) fn parent<'p>(&self, path: &'p Path) -> io::Result<(OwnedFd, &'p OsStr)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::INVAL.into()) };
        Ok((self.find_or_make(parent, Kind::Directory)?, name))
    }
}

pub(super) fn open_in(directory: BorrowedFd<'_>, path: &OsStr, flags: OFlags, resolve: ResolveFlags) -> io::Result<OwnedFd> {
    for _ in 0..TRIES {
        match openat2(directory, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
    Err(Errno::AGAIN.into())
}

/// What a descriptor leads to.
pub(super) fn stat_of(descriptor: BorrowedFd<'_>) -> io::Result<Stat> {
    statat(descriptor, "", AtFlags::EMPTY_PATH).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with a folder beside it that nothing may reach.
    fn root() -> (tempfile::TempDir, Root, PathBuf) {
        let dir = tempfile::tempdir().expect("temporary folder");
        let inside = dir.path().join("root");
        fs::create_dir(&inside).expect("root");
        fs::create_dir(dir.path().join("outside")).expect("outside");
        let descriptor =
            rustix::fs::open(&inside, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("open");
        (dir, Root::new(descriptor), inside)
    }

    #[test]
    fn what_is_missing_is_made_inside_the_root() {
        let (_dir, root, inside) = root();
        root.find_or_make(Path::new("/a/b/c"), Kind::Directory).expect("folder");
        root.find_or_make(Path::new("/a/d/file"), Kind::File).expect("file");
        assert!(inside.join("a/b/c").is_dir() && inside.join("a/d/file").is_file());
    }

    #[test]
    fn links_that_climb_or_start_at_the_host_stay_inside() {
        let (dir, root, inside) = root();
        symlink("../../../outside", inside.join("climbs")).expect("link");
        symlink(dir.path().join("outside"), inside.join("absolute")).expect("link");
        root.find_or_make(Path::new("/climbs/x"), Kind::File).expect("made");
        root.find_or_make(Path::new("/absolute/y"), Kind::File).expect("made");
        assert!(inside.join("outside/x").is_file());
        assert_eq!(fs::read_dir(dir.path().join("outside")).expect("read").count(), 0);
    }

    #[test]
    fn a_link_into_nothing_is_completed_inside() {
        let (_dir, root, inside) = root();
        fs::create_dir(inside.join("etc")).expect("folder");
        symlink("../run/resolve/stub.conf", inside.join("etc/resolv.conf")).expect("link");
        root.find_or_make(Path::new("/etc/resolv.conf"), Kind::File).expect("made");
        assert!(inside.join("run/resolve/stub.conf").is_file());
    }

    #[test]
    fn links_in_circles_are_refused() {
        let (_dir, root, inside) = root();
        symlink("b", inside.join("a")).expect("link");
        symlink("a", inside.join("b")).expect("link");
        assert!(root.find_or_make(Path::new("/a/x"), Kind::File).is_err());
        symlink("c/d", inside.join("c")).expect("link");
        assert!(root.find_or_make(Path::new("/c/x"), Kind::File).is_err());
    }

    #[test]
    fn a_plain_directory_is_no_link() {
        let (_dir, root, inside) = root();
        symlink("etc", inside.join("dev")).expect("link");
        fs::write(inside.join("sys"), "").expect("file");
        assert!(root.plain_directory("dev").is_err());
        assert!(root.plain_directory("sys").is_err());
        root.plain_directory("proc").expect("made");
        assert!(inside.join("proc").is_dir());
    }
}
