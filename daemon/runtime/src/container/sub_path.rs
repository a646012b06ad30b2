//! A part of a volume (`subPath`): found, and made where it is missing, without ever leaving the volume. Whoever can write to the volume
//! may put links into it, at any moment, so nothing is looked up twice by its name.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat};
use rustix::io::Errno;

use super::resolve::{Kind, open_in};

/// Links are followed as long as they stay inside; those that the kernel makes up lead nowhere.
const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// What is at `part` of a volume now, to be mounted, and what it is.
pub(super) fn find_part(volume: &Path, part: &Path) -> io::Result<(OwnedFd, Kind)> {
    let found = find(&open_volume(volume)?, part)?;
    let is_folder = FileType::from_raw_mode(fstat(&found)?.st_mode).is_dir();
    Ok((found, if is_folder { Kind::Directory } else { Kind::File }))
}

/// Makes the folders that are missing at `part` of a volume, with the permissions of the volume itself. What is there, file or folder,
/// stays.
///
/// # Errors
/// Where the part lies outside the volume, by `..` or by where links lead, and those of the file system.
pub fn make_part(volume: &Path, part: &Path) -> io::Result<()> {
    let volume = open_volume(volume)?;
    let mode = Mode::from_raw_mode(fstat(&volume)?.st_mode & 0o7777);
    make(&volume, part, mode).map(drop)
}

fn open_volume(volume: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, volume, flags, Mode::empty()).map_err(io::Error::from)
}

fn find(volume: &OwnedFd, part: &Path) -> io::Result<OwnedFd> {
    open_in(volume.as_fd(), part.as_os_str(), OFlags::PATH, INSIDE).map_err(|error| match error.raw_os_error() {
        Some(libc::EXDEV) => io::Error::other("it leads out of the volume"),
        _ => error,
    })
}

fn make(volume: &OwnedFd, part: &Path, mode: Mode) -> io::Result<OwnedFd> {
    match find(volume, part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let (Some(parent), Some(name)) = (part.parent(), part.file_name()) else { return Err(Errno::NOENT.into()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let folder = make(volume, parent, mode)?;
    match mkdirat(&folder, name, mode) {
        Ok(()) => {}
        // It was not found, and is there: the folder of another container that starts, or a link into nothing, which the next step refuses.
        Err(Errno::EXIST) => return openat(&folder, name, plain_folder(), Mode::empty()).map_err(io::Error::from),
        Err(errno) => return Err(errno.into()),
    }
    let made = openat(&folder, name, plain_folder(), Mode::empty())?;
    // Whatever the umask of this process.
    fchmod(&made, mode)?;
    Ok(made)
}

fn plain_folder() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    /// A volume with a folder beside it that nothing may reach.
    fn volume() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("temporary folder");
        let volume = dir.path().join("volume");
        fs::create_dir(&volume).expect("volume");
        fs::create_dir(dir.path().join("outside")).expect("outside");
        fs::write(dir.path().join("outside/secret"), "").expect("secret");
        (dir, volume)
    }

    #[test]
    fn what_is_missing_is_made_with_the_volumes_permissions() {
        let (_dir, volume) = volume();
        fs::set_permissions(&volume, Permissions::from_mode(0o2777)).expect("changed");
        fs::write(volume.join("file"), "").expect("file");
        for part in ["a/b/c", "a/b/c", "a/./d", "file", "."] {
            make_part(&volume, Path::new(part)).expect(part);
        }
        let mode = |part: &str| fs::metadata(volume.join(part)).expect(part).permissions().mode() & 0o7777;
        assert_eq!((mode("a"), mode("a/b/c"), mode("a/d")), (0o2777, 0o2777, 0o2777));
        assert!(volume.join("file").is_file(), "what is there stays");
        let kind = |part: &str| find_part(&volume, Path::new(part)).expect(part).1;
        assert_eq!((kind("a"), kind("file")), (Kind::Directory, Kind::File));
        assert!(make_part(&volume, Path::new("file/x")).is_err(), "a file is no folder");
    }

    #[test]
    fn links_are_followed_inside_only() {
        let (dir, volume) = volume();
        let out = |part: &str| {
            let said = make_part(&volume, Path::new(part)).expect_err(part).to_string();
            assert!(find_part(&volume, Path::new(part)).is_err(), "{part}");
            said
        };
        fs::create_dir(volume.join("real")).expect("folder");
        symlink("real", volume.join("inside")).expect("link");
        symlink("../outside", volume.join("climbs")).expect("link");
        symlink(dir.path().join("outside"), volume.join("absolute")).expect("link");
        symlink("nowhere", volume.join("dangling")).expect("link");
        make_part(&volume, Path::new("inside/made")).expect("made");
        assert!(volume.join("real/made").is_dir());
        for part in ["climbs", "climbs/new", "absolute/secret", "absolute/new", "..", "../outside/new", "/etc"] {
            assert_eq!(out(part), "it leads out of the volume", "{part}");
        }
        for part in ["dangling", "dangling/new"] {
            out(part);
        }
        assert_eq!(fs::read_dir(dir.path().join("outside")).expect("read").count(), 1);
        assert!(!volume.join("nowhere").exists());
    }
}
