//! `cp`: copies files and folders to and from a container, which needs no program for it.

mod progress;
mod spec;
mod worker;

use super::containers;
use super::context::Context;
use super::failure::Failure;
use archive::{Base, Fault, Folders, Links, Modes, Unpack};
use bytes::Bytes;
use clap::Args;
use client::{DuplexReader, DuplexSender, Received};
use objects::Kind;
use progress::Progress;
use spec::{Files, Remote};
use std::path::PathBuf;
use tokio::sync::mpsc;
use wire::{CopyDirection, CopyRequest, channel};
use worker::{Event, Packing, Unpacking};

/// Arguments of `cp`.
#[derive(Debug, Args)]
pub struct CpArgs {
    /// FROM and TO: a local path, or [NAMESPACE/]POD:PATH.
    #[arg(value_name = "FROM TO")]
    paths: Vec<String>,
    /// This container.
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Give what is copied the permissions and the time of any new file.
    #[arg(long)]
    no_preserve: bool,
}

/// Does it.
pub async fn run(args: &CpArgs, context: &mut Context) -> Result<(), Failure> {
    let [from, to] = args.paths.as_slice() else { return Err(Failure::message("source and destination are required")) };
    match (Files::parse(from)?, Files::parse(to)?) {
        (Files::Local(from), Files::Remote(to)) => into_container(args, context, &from, &to).await,
        (Files::Remote(from), Files::Local(to)) => from_container(args, context, &from, to).await,
        (Files::Remote(_), Files::Remote(_)) => Err(Failure::message("one of src or dest must be a local file specification")),
        (Files::Local(_), Files::Local(_)) => Err(Failure::message("one of src or dest must be a remote file specification")),
    }
}

async fn open(
    args: &CpArgs,
    context: &mut Context,
    remote: &Remote,
    (direction, is_content): (CopyDirection, bool),
) -> Result<(DuplexSender, DuplexReader), Failure> {
    if let Some(namespace) = &remote.namespace {
        context.namespace.clone_from(namespace);
    }
    let container = match &args.container {
        Some(container) => Some(container.clone()),
        None => {
            let pod = context.get(context.reference(Kind::Pod, &remote.pod)).await?;
            containers::default(context, &pod, false)?
        }
    };
    let request = CopyRequest {
        namespace: context.namespace.clone(),
        pod: remote.pod.clone(),
        container,
        direction,
        path: remote.path.clone(),
        is_content,
        no_preserve: args.no_preserve,
        window: 0,
    };
    Ok(context.client().await?.copy(request).await?)
}

async fn into_container(args: &CpArgs, context: &mut Context, from: &str, to: &Remote) -> Result<(), Failure> {
    if std::fs::metadata(from).is_err() {
        return Err(Failure::message(format!("{from} doesn't exist in local filesystem")));
    }
    let (path, name) = (PathBuf::from(from), spec::name_of(from));
    let (sender, reader) = open(args, context, to, (CopyDirection::IntoContainer, spec::is_content(from))).await?;
    let progress = Progress::new(context);
    let mut packing = Packing::begin(move |archive, note| archive::pack(&Base::Machine, &path, &name, archive, note));
    let copied = tokio::try_join!(send(&sender, &mut packing, &progress), receive(reader, None, &progress));
    progress.clear()?;
    match copied? {
        (None, ()) => Ok(()),
        (Some(left_out), ()) => Err(left_out),
    }
}

/// Sends what is packed; what was left out is returned, where it is a fault.
async fn send(sender: &DuplexSender, packing: &mut Packing, progress: &Progress<'_>) -> Result<Option<Failure>, Failure> {
    loop {
        let (sent, left_out) = match packing.next().await {
            Event::Bytes(bytes) => {
                progress.more(bytes.len())?;
                (sender.send(&bytes).await, None)
            }
            Event::Note(note) => {
                progress.note(note.as_bytes())?;
                continue;
            }
            Event::Done(Ok(_)) => (sender.finish().await, Some(None)),
            // All but some files: the others are to arrive.
            Event::Done(Err(fault @ Fault::Incomplete(_))) => (sender.finish().await, Some(Some(failure(&fault)))),
            Event::Done(Err(fault)) => return Err(failure(&fault)),
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
    progress: &Progress<'_>,
) -> Result<(), Failure> {
    let ended = loop {
        match reader.next().await {
            Ok(Some(Received::Bytes(channel::STDERR, notes))) => progress.note(&notes)?,
            Ok(Some(Received::Bytes(_, bytes))) => {
                progress.more(bytes.len())?;
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

async fn from_container(args: &CpArgs, context: &mut Context, from: &Remote, to: String) -> Result<(), Failure> {
    let (_sender, reader) = open(args, context, from, (CopyDirection::FromContainer, false)).await?;
    let progress = Progress::new(context);
    let how = Unpack {
        folders: Folders::Over,
        // A container is not to lay a way out of the copy that somebody follows later.
        links: Links::Inside,
        modes: if args.no_preserve { Modes::New } else { Modes::Kept },
        owner: None,
    };
    let target = PathBuf::from(to);
    let mut unpacking = Unpacking::begin(move |archive, note| archive::unpack(&Base::Machine, &target, &how, archive, note));
    let Unpacking { archive, events, .. } = &mut unpacking;
    let told = async {
        loop {
            match worker::next(events).await {
                Event::Note(note) => progress.note(note.as_bytes())?,
                Event::Bytes(_) => {}
                Event::Done(result) => return result.map(drop).map_err(|fault| failure(&fault)),
            }
        }
    };
    // Either ends with the other: without bytes nothing is unpacked, and what nobody unpacks is not taken.
    let (received, unpacked) = tokio::join!(receive(reader, Some(archive), &progress), told);
    progress.clear()?;
    // Where the container's side failed, ours broke off for that.
    received.and(unpacked)
}

fn failure(fault: &Fault) -> Failure {
    Failure::message(fault.to_string())
}
