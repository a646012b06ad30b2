//! What can go wrong with a copy, and what is said of one that went well.

use std::io;
use std::path::{Path, PathBuf};

/// Why a copy ended early, or one of its files did not come along.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The kernel refused something about a path.
    #[error("{}: {}", path.display(), words(why))]
    File {
        /// As the user named it, or below that.
        path: PathBuf,
        /// What the kernel said.
        why: io::Error,
    },
    /// Neither a file nor a folder.
    #[error("{}: it is {what}, not a file or a folder", path.display())]
    Strange {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// What is there and what is to be there do not go together.
    #[error("{}: {why}", path.display())]
    InTheWay {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The archive names what no archive of ours names.
    #[error("the archive holds {0:?}, which cannot be copied")]
    Archive(PathBuf),
    /// The other side went away.
    #[error("the copy was broken off: what came whole is there, the rest is missing")]
    BrokenOff,
    /// The stream of bytes failed.
    #[error("the stream broke: {}", words(.0))]
    Stream(io::Error),
    /// All that could be copied was.
    #[error("{0} of the files and folders could not be copied")]
    Incomplete(u64),
}

impl Fault {
    pub(crate) fn file(path: &Path, why: impl Into<io::Error>) -> Self {
        Self::File { path: path.to_owned(), why: why.into() }
    }

    /// Whether there is nothing at the path that the user named.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::File { why, .. } if why.kind() == io::ErrorKind::NotFound)
    }
}

/// What the kernel says, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
}
