//! Files and folders to and from a container as one stream of the daemon's: for the verb and for the console.

mod worker;

use archive::{Base, Fault, Folders, Links, Modes, Unpack};
use bytes::Bytes;
use client::{Client, ClientError, DuplexReader, DuplexSender, Received};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use tokio::sync::mpsc;
use wire::{CopyRequest, channel};
use worker::{Event, Packing, Unpacking};

/// Whoever is told how a copy goes.
pub trait Telling {
    /// So many bytes more have come or gone.
    ///
    /// # Errors
    /// It cannot be told; the copy ends.
    fn more(&self, bytes: usize) -> io::Result<()>;
    /// Whole lines about what is left out.
    ///
    /// # Errors
    /// It cannot be told; the copy ends.
    fn note(&self, text: &[u8]) -> io::Result<()>;
}

/// Why a copy ended early, or without some of the files.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The files on this side.
    #[error(transparent)]
    Files(#[from] Fault),
    /// The link, or the container's side.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody hears how it goes any more.
    #[error("cannot tell how the copy goes")]
    Telling(#[from] io::Error),
}

/// Copies a local path into the container of the request.
///
/// # Errors
/// [`CopyError::Files`] with an incomplete copy says that all but some files arrived.
pub async fn into_container(client: &Client, request: CopyRequest, from: &str, telling: &impl Telling) -> Result<(), CopyError> {
    let (path, name) = (PathBuf::from(from), name_of(from));
    let (sender, reader) = client.copy(request).await?;
    let mut packing = Packing::begin(move |archive, note| archive::pack(&Base::Machine, &path, &name, archive, note));
    let (left_out, ()) = tokio::try_join!(send(&sender, &mut packing, telling), receive(reader, None, telling))?;
    left_out.map_or(Ok(()), Err)
}

/// Copies a path of the request's container to a local one.
///
/// # Errors
/// As [`into_container`]; where the container's side failed, that is told.
pub async fn from_container(client: &Client, request: CopyRequest, to: String, telling: &impl Telling) -> Result<(), CopyError> {
    let modes = if request.no_preserve { Modes::New } else { Modes::Kept };
    let (_sender, reader) = client.copy(request).await?;
    // A container is not to lay a way out of the copy that somebody follows later.
    let how = Unpack { folders: Folders::Over, links: Links::Inside, modes, owner: None };
    let target = PathBuf::from(to);
    let mut unpacking = Unpacking::begin(move |archive, note| archive::unpack(&Base::Machine, &target, &how, archive, note));
    let Unpacking { archive, events, .. } = &mut unpacking;
    let told = async {
        loop {
            match worker::next(events).await {
                Event::Note(note) => telling.note(note.as_bytes())?,
                Event::Bytes(_) => {}
                Event::Done(result) => return result.map(drop).map_err(CopyError::from),
            }
        }
    };
    // Either ends with the other: without bytes nothing is unpacked, and what nobody unpacks is not taken.
    let (received, unpacked) = tokio::join!(receive(reader, Some(archive), telling), told);
    // Where the container's side failed, ours broke off for that.
    received.and(unpacked)
}

/// Sends what is packed; what was left out is returned, where it is a fault.
async fn send(sender: &DuplexSender, packing: &mut Packing, telling: &impl Telling) -> Result<Option<CopyError>, CopyError> {
    loop {
        let (sent, left_out) = match packing.next().await {
            Event::Bytes(bytes) => {
                telling.more(bytes.len())?;
                (sender.send(&bytes).await, None)
            }
            Event::Note(note) => {
                telling.note(note.as_bytes())?;
                continue;
            }
            Event::Done(Ok(_)) => (sender.finish().await, Some(None)),
            // All but some files: the others are to arrive.
            Event::Done(Err(fault @ Fault::Incomplete(_))) => (sender.finish().await, Some(Some(fault.into()))),
            Event::Done(Err(fault)) => return Err(fault.into()),
        };
        // That the stream has ended is told by its reader.
        match (sent, left_out) {
            (_, Some(left_out)) => return Ok(left_out),
            (Err(_), None) => return Ok(None),
            (Ok(()), None) => {}
        }
    }
}

/// Takes what comes to the end of the stream: notes, and an archive for whoever unpacks it.
async fn receive(
    mut reader: DuplexReader,
    mut archive: Option<&mut Option<mpsc::Sender<Bytes>>>,
    telling: &impl Telling,
) -> Result<(), CopyError> {
    let ended = loop {
        match reader.next().await {
            Ok(Some(Received::Bytes(channel::STDERR, notes))) => telling.note(&notes)?,
            Ok(Some(Received::Bytes(_, bytes))) => {
                telling.more(bytes.len())?;
                let Some(Some(archive)) = archive.as_deref() else { continue };
                if archive.send(bytes).await.is_err() {
                    // Whoever unpacks it says why.
                    break Ok(());
                }
            }
            Ok(Some(Received::Exited(_))) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    if let Some(archive) = &mut archive {
        **archive = None;
    }
    ended
}

/// Whether a local path means what is in a folder rather than the folder: `folder/.`.
pub fn is_content(path: &str) -> bool {
    path == "." || path.ends_with("/.")
}

/// The name that a local file or folder is sent under.
fn name_of(path: &str) -> OsString {
    let last = match Path::new(path).components().next_back() {
        Some(Component::Normal(name)) => Some(name.to_owned()),
        // A way up has a name that only the kernel knows.
        _ => std::fs::canonicalize(path).ok().and_then(|path| path.file_name().map(ToOwned::to_owned)),
    };
    last.unwrap_or_else(|| OsString::from("root"))
}

#[cfg(test)]
mod tests {
    use super::{is_content, name_of};

    #[test]
    fn a_folder_has_its_name_and_may_stand_for_its_content() {
        for (path, name, content) in [("a/b", "b", false), ("a/b/", "b", false), ("a/b/.", "b", true), ("/", "root", false)] {
            assert_eq!((name_of(path), is_content(path)), (name.into(), content), "{path}");
        }
        assert!(is_content("."));
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("sub")).expect("a folder");
        let up = dir.path().join("sub/..");
        assert_eq!(name_of(up.to_str().expect("text")), dir.path().file_name().expect("a name"));
    }
}
