//! Makes the files and folders of an archive.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, fchmod, fchown, futimens, mkdirat, utimensat,
};
use rustix::io::Errno;
use tar::{Archive, Entry, EntryType};

use crate::base::{Base, open_below};
use crate::fault::{Copied, Fault};
use crate::links::stays_inside;
use crate::staged::Staged;
use crate::stream::Watched;
use crate::target::{Target, Top};

/// Longer paths cannot be used in a system call.
const MAX_PATH_BYTES: usize = 4096;

/// What a folder of the archive does to a folder that is at the target already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folders {
    /// It goes into it, under its own name.
    Inside,
    /// Its content goes into it.
    Over,
}

/// Which symbolic links are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// All: where they lead is the other side's matter.
    Any,
    /// Those that lead to something else of the copy; the others are left out.
    Inside,
}

/// What becomes of permissions and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// They are those of the archive.
    Kept,
    /// They are those of any new file.
    New,
}

/// How an archive is unpacked.
#[derive(Debug, Clone)]
pub struct Unpack {
    /// See there. A file that is copied to a folder always goes into it.
    pub folders: Folders,
    /// See there.
    pub links: Links,
    /// See there.
    pub modes: Modes,
    /// User and group of all that is made; `None` is whoever makes it.
    pub owner: Option<(u32, u32)>,
}

/// Makes the file or folder that an archive holds at a path. `note` is told of what is left out.
///
/// # Errors
/// What cannot be made, or an archive that is not whole. What was made before stays; no file is there half.
pub fn unpack(base: &Base, path: &Path, how: &Unpack, archive: impl Read, note: &mut dyn FnMut(String)) -> Result<Copied, Fault> {
    let (stream, has_ended) = Watched::new(archive);
    let mut archive = Archive::new(stream);
    let broken = |error| if has_ended.get() { Fault::BrokenOff } else { Fault::Stream(error) };
    let mut entries = archive.entries().map_err(broken)?;
    let first = entries.next().ok_or(Fault::BrokenOff)?.map_err(broken)?;
    let (top, _) = split(&first)?;
    let top = Top { name: &top, is_folder: first.header().entry_type().is_dir() };
    let target = Target::find(base, path, &top, how.folders)?;
    let mut unpacking = Unpacking { how, note, target, copied: Copied::default(), made: Vec::new() };
    let mut result = unpacking.entry(first);
    while result.is_ok() {
        let Some(entry) = entries.next() else { break };
        result = entry.map_err(broken).and_then(|entry| unpacking.entry(entry));
    }
    // What is there is to be as it should, whatever comes of the rest.
    let copied = unpacking.finish();
    result?;
    if has_ended.get() { Err(Fault::BrokenOff) } else { copied }
}

/// The name at an entry's top, and the path below.
fn split(entry: &Entry<'_, impl Read>) -> Result<(OsString, PathBuf), Fault> {
    let path = entry.path().map_err(Fault::Stream)?;
    let strange = || Fault::Archive(path.to_path_buf());
    let mut components = path.components();
    let top = match components.next() {
        Some(Component::Normal(name)) => name.to_owned(),
        _ => return Err(strange()),
    };
    let below = components.as_path();
    let is_plain = below.components().all(|component| matches!(component, Component::Normal(_)));
    if !is_plain || path.as_os_str().len() > MAX_PATH_BYTES {
        return Err(strange());
    }
    Ok((top, below.to_owned()))
}

/// An archive on its way out.
struct Unpacking<'a> {
    how: &'a Unpack,
    note: &'a mut dyn FnMut(String),
    target: Target,
    copied: Copied,
    /// Folders that were made: what they are to be in the end, for a folder's time changes with what is made in it.
    made: Vec<Made>,
}

/// A folder that was made.
struct Made {
    below: PathBuf,
    mode: Mode,
    times: Timestamps,
}

impl Unpacking<'_> {
    fn entry(&mut self, entry: Entry<'_, impl Read>) -> Result<(), Fault> {
        let (_, below) = split(&entry)?;
        match entry.header().entry_type() {
            EntryType::Directory => self.folder(entry, below)?,
            EntryType::Regular => self.file(entry, &below)?,
            EntryType::Symlink => self.link(&entry, &below)?,
            _ => return Err(Fault::Archive(below)),
        }
        self.copied.entries += 1;
        Ok(())
    }

    /// The folder that something is made in.
    fn parent(&self, below: &Path, shown: &Path) -> Result<(OwnedFd, OsString), Fault> {
        let place = self.target.place(below);
        let name = place.file_name().ok_or_else(|| Fault::Archive(below.to_owned()))?;
        let parent = place.parent().unwrap_or(Path::new(""));
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let folder = open_below(self.target.folder.as_fd(), parent, flags).map_err(|why| in_the_way(shown, why))?;
        Ok((folder, name.to_owned()))
    }

    fn folder(&mut self, mut entry: Entry<'_, impl Read>, below: PathBuf) -> Result<(), Fault> {
        if self.target.place(&below).as_os_str().is_empty() {
            return Ok(());
        }
        let shown = &self.target.shown(&below);
        let (folder, name) = self.parent(&below, shown)?;
        let mode = mode_of(&entry);
        let first = if self.how.modes == Modes::Kept { Mode::RWXU } else { mode | Mode::RWXU };
        match mkdirat(&folder, &name, first) {
            Ok(()) => {
                self.own(&folder, &name, shown)?;
                let times = times_of(&mut entry);
                self.made.push(Made { below, mode, times });
                Ok(())
            }
            // A folder that was there stays as it was, but for what is new in it.
            Err(Errno::EXIST) => match open_below(folder.as_fd(), Path::new(&name), OFlags::PATH | OFlags::DIRECTORY) {
                Ok(_) => Ok(()),
                Err(why) => Err(in_the_way(shown, why)),
            },
            Err(error) => Err(Fault::file(shown, error)),
        }
    }

    fn file(&mut self, mut entry: Entry<'_, impl Read>, below: &Path) -> Result<(), Fault> {
        let shown = &self.target.shown(below);
        let fail = |why: io::Error| Fault::file(shown, why);
        let (folder, name) = self.parent(below, shown)?;
        let (mode, times, size) = (mode_of(&entry), times_of(&mut entry), entry.size());
        let first = if self.how.modes == Modes::Kept { Mode::RUSR | Mode::WUSR } else { mode };
        let (staged, file) = Staged::file(folder.as_fd(), first).map_err(fail)?;
        let mut file = File::from(file);
        let count = copy(&mut entry, &mut file, shown)?;
        if count != size {
            return Err(Fault::BrokenOff);
        }
        if let Some((uid, gid)) = self.how.owner {
            fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(|errno| fail(errno.into()))?;
        }
        if self.how.modes == Modes::Kept {
            fchmod(&file, mode).and_then(|()| futimens(&file, &times)).map_err(|errno| fail(errno.into()))?;
        }
        staged.place(&name, Some(file.into())).map_err(|why| in_the_way(shown, why))?;
        self.copied.bytes += size;
        Ok(())
    }

    fn link(&mut self, entry: &Entry<'_, impl Read>, below: &Path) -> Result<(), Fault> {
        let shown = &self.target.shown(below);
        let target = entry.link_name().map_err(Fault::Stream)?.ok_or_else(|| Fault::Archive(below.to_owned()))?;
        if self.how.links == Links::Inside && !stays_inside(below, &target) {
            (self.note)(format!("{}: left out, the link leads out of the copy, to {}", shown.display(), target.display()));
            return Ok(());
        }
        let (folder, name) = self.parent(below, shown)?;
        let staged = Staged::link(folder.as_fd(), &target).map_err(|why| Fault::file(shown, why))?;
        self.own(&folder, staged.name(), shown)?;
        if self.how.modes == Modes::Kept {
            let seconds = i64::try_from(entry.header().mtime().unwrap_or(0)).unwrap_or(0);
            // A file system without times of links has others that matter.
            let _ = utimensat(&folder, staged.name(), &modified(seconds, 0), AtFlags::SYMLINK_NOFOLLOW);
        }
        staged.place(&name, None).map_err(|why| in_the_way(shown, why))
    }

    fn own(&self, folder: &OwnedFd, name: &OsStr, shown: &Path) -> Result<(), Fault> {
        let Some((uid, gid)) = self.how.owner else { return Ok(()) };
        chownat(folder, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| Fault::file(shown, errno))
    }

    /// Gives the folders their permissions and times, the innermost first.
    fn finish(self) -> Result<Copied, Fault> {
        let Modes::Kept = self.how.modes else { return Ok(self.copied) };
        for Made { below, mode, times } in self.made.iter().rev() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let set = open_below(self.target.folder.as_fd(), &self.target.place(below), flags).and_then(|folder| {
                fchmod(&folder, *mode)?;
                futimens(&folder, times).map_err(io::Error::from)
            });
            set.map_err(|why| Fault::file(&self.target.shown(below), why))?;
        }
        Ok(self.copied)
    }
}

/// Copies a file's bytes; which of the two sides failed makes a difference.
fn copy(from: &mut impl Read, into: &mut File, shown: &Path) -> Result<u64, Fault> {
    let mut bytes = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return Ok(total),
            Ok(count) => {
                io::Write::write_all(into, &bytes[..count]).map_err(|why| Fault::file(shown, why))?;
                total += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Stream(error)),
        }
    }
}

/// A link, or a file in place of a folder or the other way round, is told of as such.
fn in_the_way(shown: &Path, why: io::Error) -> Fault {
    let told = match why.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => "there is a link on the way to it, which is not followed",
        Some(Errno::NOTDIR) => "there is something on the way to it that is no folder",
        Some(Errno::ISDIR | Errno::NOTEMPTY) => "it is a folder there, and is not replaced",
        _ => return Fault::file(shown, why),
    };
    Fault::InTheWay { path: shown.to_owned(), why: told }
}

fn mode_of(entry: &Entry<'_, impl Read>) -> Mode {
    Mode::from_raw_mode(entry.header().mode().unwrap_or(0o644) & 0o1777)
}

fn modified(seconds: i64, nanoseconds: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
    }
}

/// An entry's time; to the nanosecond where the archive says so.
fn times_of(entry: &mut Entry<'_, impl Read>) -> Timestamps {
    let exact = entry.pax_extensions().ok().flatten().and_then(|extensions| {
        let mut extensions = extensions.flatten();
        let time = extensions.find(|extension| extension.key() == Ok("mtime"))?;
        let (seconds, fraction) = time.value().ok()?.split_once('.')?;
        let fraction = fraction.get(..9).unwrap_or(fraction);
        Some((seconds.parse().ok()?, fraction.parse().ok()?))
    });
    let (seconds, nanoseconds) = exact.unwrap_or_else(|| (i64::try_from(entry.header().mtime().unwrap_or(0)).unwrap_or(0), 0));
    modified(seconds, nanoseconds)
}
