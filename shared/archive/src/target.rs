//! Where a copy goes: looked at once, with the copy's first thing at hand, and held by its folder from then on.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use crate::base::Base;
use crate::fault::Fault;
use crate::unpack::Folders;

/// What a copy is made in.
#[derive(Debug)]
pub(crate) struct Target {
    /// The folder that the copy's top is made in; where the top's content goes into a folder that is there, that one.
    pub(crate) folder: OwnedFd,
    /// The top's name in the folder; empty where it is the folder itself.
    pub(crate) name: OsString,
    /// As the user named the top.
    shown: PathBuf,
}

/// What is copied: its name, and whether it is a folder.
pub(crate) struct Top<'t> {
    pub(crate) name: &'t OsStr,
    pub(crate) is_folder: bool,
}

impl Target {
    /// Looks at what is at a path.
    pub(crate) fn find(base: &Base, path: &Path, top: &Top<'_>, folders: Folders) -> Result<Self, Fault> {
        let fail = |why: io::Error| Fault::file(path, why);
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let found = match base.find(path) {
            Ok(found) if found.kind() == FileType::Directory => {
                let folder = found.open(flags).map_err(fail)?;
                let goes_over = top.is_folder && folders == Folders::Over;
                let name = if goes_over { OsStr::new("") } else { top.name };
                let shown = if goes_over { path.to_owned() } else { path.join(name) };
                return Ok(Self { folder, name: name.to_owned(), shown });
            }
            Ok(_) if top.is_folder => {
                return Err(Fault::InTheWay { path: path.to_owned(), why: "it is there and is no folder" });
            }
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(fail(why)),
            found => found,
        };
        let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if ends_as_folder && (found.is_ok() || !top.is_folder) {
            return Err(fail(Errno::NOTDIR.into()));
        }
        let Some(name) = path.file_name() else { return Err(fail(Errno::NOENT.into())) };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = base.open(parent, flags).map_err(|why| Fault::file(parent, why))?;
        Ok(Self { folder, name: name.to_owned(), shown: path.to_owned() })
    }

    /// Where something below the top is, from the folder.
    pub(crate) fn place(&self, below: &Path) -> PathBuf {
        if below.as_os_str().is_empty() { PathBuf::from(&self.name) } else { Path::new(&self.name).join(below) }
    }

    /// The same as the user would name it.
    pub(crate) fn shown(&self, below: &Path) -> PathBuf {
        if below.as_os_str().is_empty() { self.shown.clone() } else { self.shown.join(below) }
    }
}
