//! Copies files to and from a container that runs: its root is read and written from here, so its image needs no program for it.
//!
//! The root is opened through the container's first process, and so is seen with everything that is mounted there. The work is done by
//! a thread that may wait for a disk, over pipes; it ends by itself when their other ends are closed.

use super::inside::Inside;
use super::machinery::Machinery;
use crate::streams::{Duplex, Ending, Running, Sink, Source, Transfer};
use archive::{Base, Copied, Fault, Links, Unpack, pack, unpack};
use objects::Status;
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::net::unix::pipe;
use tracing::debug;
use wire::{CopyDirection, StreamEnd, channel};

impl Machinery {
    pub(super) async fn copy_files(&self, container: &Running, transfer: &Transfer) -> Result<Duplex, Status> {
        let Inside { root, pid } = self.inside(container).await?;
        let work = Work {
            base: Base::Root(root),
            path: self.working_folder(container)?.join(&transfer.path),
            how: Unpack {
                folders: transfer.folders,
                // Where they lead in the container is for the container to follow.
                links: Links::Any,
                modes: transfer.modes,
                owner: Some(owner_of(pid)?),
            },
            container: container.container.clone(),
        };
        let failed = |error: io::Error| Status::internal(format!("cannot make pipes: {error}"));
        match transfer.direction {
            CopyDirection::FromContainer => work.read().map_err(failed),
            CopyDirection::IntoContainer => work.write().map_err(failed),
        }
    }
}

/// One copy.
struct Work {
    base: Base,
    path: PathBuf,
    how: Unpack,
    /// Its name, for what is said.
    container: String,
}

impl Work {
    fn read(self) -> io::Result<Duplex> {
        let ((archive, into), (notes, noted)) = (source()?, source()?);
        let ending = self.begin(noted, move |work, note| {
            let name = work.path.file_name().unwrap_or(OsStr::new("root"));
            pack(&work.base, &work.path, name, File::from(into), note)
        });
        Ok(Duplex { input: None, outputs: vec![(channel::STDOUT, archive), (channel::STDERR, notes)], resize: None, ending })
    }

    fn write(self) -> io::Result<Duplex> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let input: Sink = Box::new(pipe::Sender::from_owned_fd(writer)?);
        let (notes, noted) = source()?;
        let ending = self.begin(noted, move |work, note| unpack(&work.base, &work.path, &work.how, File::from(reader), note));
        Ok(Duplex { input: Some(input), outputs: vec![(channel::STDERR, notes)], resize: None, ending })
    }

    fn begin(
        self,
        noted: OwnedFd,
        copy: impl FnOnce(&Self, &mut dyn FnMut(String)) -> Result<Copied, Fault> + Send + 'static,
    ) -> Ending {
        let working = tokio::task::spawn_blocking(move || {
            let mut noted = File::from(noted);
            // A client that has gone hears nothing.
            let result = copy(&self, &mut |note| drop(writeln!(noted, "{note}")));
            result.map_err(|fault| self.refusal(&fault))
        });
        Ending::Known(Box::pin(async move {
            match working.await {
                Ok(Ok(copied)) => {
                    debug!(entries = copied.entries, bytes = copied.bytes, "files were copied");
                    StreamEnd::Complete
                }
                Ok(Err(status)) => StreamEnd::Failed { status },
                Err(_) => StreamEnd::Failed { status: Status::internal("the copy was interrupted") },
            }
        }))
    }

    /// Nearly all that fails is about a path that the client named.
    fn refusal(&self, fault: &Fault) -> Status {
        Status::bad_request(format!("in container {:?}: {fault}", self.container))
    }
}

/// A pipe: what is read from it, and where that is written.
fn source() -> io::Result<(Source, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Box::new(pipe::Receiver::from_owned_fd(reader)?), writer))
}

/// The user and the group of a container's first process: what is copied into the container is theirs.
fn owner_of(pid: i32) -> Result<(u32, u32), Status> {
    let unreadable = |why: String| Status::internal(format!("cannot tell whose the container is: {why}"));
    let path = Path::new("/proc").join(pid.to_string()).join("status");
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    parse_owner(&text).ok_or_else(|| unreadable("its process has no ids".to_owned()))
}

/// The effective ids: `Uid:`, `Gid:` and then real, effective, saved, file system (`Documentation/filesystems/proc.rst`).
fn parse_owner(status: &str) -> Option<(u32, u32)> {
    let id = |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().nth(1)?.parse().ok();
    Some((id("Uid:")?, id("Gid:")?))
}

#[cfg(test)]
mod tests {
    use super::parse_owner;

    #[test]
    fn the_owner_is_who_the_process_is_now() {
        assert_eq!(parse_owner("Name:\tx\nUid:\t0\t101\t0\t101\nGid:\t0\t7\t0\t7\n"), Some((101, 7)));
        assert_eq!(parse_owner("Name:\tx\n"), None);
    }
}
