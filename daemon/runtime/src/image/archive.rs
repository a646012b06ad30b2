//! Reads files of an image archive by name, whether it is a tar file, a compressed tar file or a folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use thiserror::Error;

use super::StoreError;
use super::compression::{self, CompressionError};
use super::disk::Folders;
use super::tar_stream::{Kind, TarError, TarStream};
use super::tree::clean_path;

/// An archive of a hundred images with all their layers has fewer files.
const MAX_FILES: usize = 20_000;
/// Links to links to links, as the first docker-save archives have one of.
const MAX_LINKS: u32 = 8;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The file or folder cannot be opened.
    #[error("cannot open {path}")]
    Open {
        /// As it was given.
        path: PathBuf,
        /// How it failed.
        #[source]
        source: io::Error,
    },
    /// It is compressed in a way we do not know, or the compressed data are broken.
    #[error("cannot decompress {path}")]
    Compression {
        /// As it was given.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: CompressionError,
    },
    /// It is no tar archive.
    #[error("cannot read {path} as a tar archive")]
    Tar {
        /// As it was given.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: TarError,
    },
    /// It is larger than the limit once it is decompressed.
    #[error("{path} is larger than {limit} bytes when decompressed")]
    TooLarge {
        /// As it was given.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// It has more files than any real image archive.
    #[error("{path} has more than {MAX_FILES} files")]
    TooManyFiles {
        /// As it was given.
        path: PathBuf,
    },
    /// A file that must be there is not.
    #[error("the archive has no file {name}")]
    Missing {
        /// The name inside the archive.
        name: String,
    },
    /// A document is larger than is sensible.
    #[error("{name} of the archive is larger than {limit} bytes")]
    DocumentTooLarge {
        /// The name inside the archive.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file of the archive cannot be read.
    #[error("cannot read {name} of the archive")]
    Read {
        /// The name inside the archive.
        name: String,
        /// How it failed.
        #[source]
        source: io::Error,
    },
    /// The store has no room to decompress it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An opened archive.
pub(crate) enum Archive {
    Tar { file: Arc<File>, members: HashMap<PathBuf, Member> },
    Folder { root: OwnedFd },
}

/// Where a member of a tar archive lies.
pub(crate) enum Member {
    Data { offset: u64, size: u64 },
    LinkTo(PathBuf),
}

impl Archive {
    /// Opens a folder, a tar archive, or a compressed one, which is decompressed to a nameless file of the store first: its
    /// members are needed in another order than they come in. At most `limit` bytes are written.
    pub(crate) fn open(path: &Path, folders: &Folders, limit: u64) -> Result<Archive, ArchiveError> {
        let (file, is_folder) = open(path)?;
        if is_folder {
            return Ok(Archive::Folder { root: file.into() });
        }
        let file = seekable(file, path, folders, limit)?;
        let members = members(&file, path)?;
        Ok(Archive::Tar { file: Arc::new(file), members })
    }

    /// A file's data, or none if there is no such file.
    pub(crate) fn file(&self, name: &str) -> Result<Option<Box<dyn Read + Send>>, ArchiveError> {
        let failed = |source| ArchiveError::Read { name: name.to_owned(), source };
        match self {
            Archive::Tar { file, members } => {
                let Some((offset, size)) = find(members, name) else { return Ok(None) };
                Ok(Some(Box::new(FileSlice { file: Arc::clone(file), offset, left: size })))
            }
            Archive::Folder { root } => {
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
                let file = match openat2(root, name, flags, Mode::empty(), resolve) {
                    Ok(file) => File::from(file),
                    Err(Errno::NOENT) => return Ok(None),
                    Err(errno) => return Err(failed(errno.into())),
                };
                if !file.metadata().map_err(failed)?.is_file() {
                    return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
                }
                Ok(Some(Box::new(file)))
            }
        }
    }

    /// A small file's whole content, or none if there is no such file.
    pub(crate) fn document(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(file) = self.file(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| ArchiveError::Read { name: name.to_owned(), source })?;
        if bytes.len() as u64 > limit {
            return Err(ArchiveError::DocumentTooLarge { name: name.to_owned(), limit });
        }
        Ok(Some(bytes))
    }
}

fn open(path: &Path) -> Result<(File, bool), ArchiveError> {
    let failed = |source| ArchiveError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let kind = FileType::from_raw_mode(fstat(&file).map_err(|errno| failed(errno.into()))?.st_mode);
    Ok((file, kind == FileType::Directory))
}

/// Opens one file for reading it more than once, decompressed.
pub(crate) fn open_tar(path: &Path, folders: &Folders, limit: u64) -> Result<File, ArchiveError> {
    let (file, _) = open(path)?;
    seekable(file, path, folders, limit)
}

fn seekable(mut file: File, path: &Path, folders: &Folders, limit: u64) -> Result<File, ArchiveError> {
    let in_open = |source| ArchiveError::Open { path: path.to_owned(), source };
    let in_compression = |source| ArchiveError::Compression { path: path.to_owned(), source };
    let is_regular = file.metadata().map_err(in_open)?.is_file();
    let reader = compression::decompress(&mut file).map_err(in_compression)?;
    if is_regular && reader.is_plain() {
        drop(reader);
        file.seek(SeekFrom::Start(0)).map_err(in_open)?;
        return Ok(file);
    }
    let mut scratch = folders.scratch_file()?;
    let copied = io::copy(&mut reader.take(limit + 1), &mut scratch);
    let copied = copied.map_err(|source| in_compression(CompressionError::Read(source)))?;
    if copied > limit {
        return Err(ArchiveError::TooLarge { path: path.to_owned(), limit });
    }
    scratch.seek(SeekFrom::Start(0)).map_err(in_open)?;
    Ok(scratch)
}

fn members(file: &File, path: &Path) -> Result<HashMap<PathBuf, Member>, ArchiveError> {
    let in_tar = |source| ArchiveError::Tar { path: path.to_owned(), source };
    let mut stream = TarStream::new(file);
    let mut members = HashMap::new();
    while let Some(entry) = stream.next_entry().map_err(in_tar)? {
        let Ok(name) = clean_path(&entry.path) else { continue };
        let member = match entry.kind {
            Kind::File => Member::Data { offset: stream.position(), size: entry.size },
            // Both are names of other members; they are looked up in the archive and nowhere else.
            Kind::Symlink => match link_target(&name, &entry.link) {
                Some(target) => Member::LinkTo(target),
                None => continue,
            },
            Kind::HardLink => match clean_path(&entry.link) {
                Ok(target) => Member::LinkTo(target),
                Err(_) => continue,
            },
            _ => continue,
        };
        members.insert(name, member);
        if members.len() > MAX_FILES {
            return Err(ArchiveError::TooManyFiles { path: path.to_owned() });
        }
    }
    Ok(members)
}

/// `a/layer.tar -> ../b/layer.tar` means `b/layer.tar`.
fn link_target(name: &Path, link: &[u8]) -> Option<PathBuf> {
    let mut target = name.parent()?.to_owned();
    for part in std::str::from_utf8(link).ok()?.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !target.pop() {
                    return None;
                }
            }
            part => target.push(part),
        }
    }
    Some(target)
}

fn find(members: &HashMap<PathBuf, Member>, name: &str) -> Option<(u64, u64)> {
    let mut name = clean_path(name.as_bytes()).ok()?;
    for _ in 0..MAX_LINKS {
        match members.get(&name)? {
            Member::Data { offset, size } => return Some((*offset, *size)),
            Member::LinkTo(target) => name = target.clone(),
        }
    }
    None
}

/// A part of a file, read without moving the file's own position: several may be read at once.
struct FileSlice {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Read for FileSlice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..limit], self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
