//! `attach`: hears a container that runs, and writes to it.

use super::containers;
use super::context::Context;
use super::exec::refusal;
use super::failure::Failure;
use super::session::{self, DetachKeys, Ours, Parted};
use super::terminal;
use crate::templates;
use clap::Args;
use client::{DuplexReader, DuplexSender};
use objects::lookup;
use serde_json::Value;
use wire::AttachRequest;

/// The keys that detach, as in other programs that attach to containers.
pub const DETACH_KEYS: &str = "ctrl-p,ctrl-q";

/// Arguments of `attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// POD or pod/POD; deploy/NAME, rs/NAME or svc/NAME for one of their pods.
    target: String,
    /// This container.
    #[arg(short = 'c', long)]
    container: Option<String>,
    /// Let the container read our input, if it reads any (stdin in its manifest).
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Our terminal is the container's, if it has one (tty in its manifest).
    #[arg(short = 't', long)]
    tty: bool,
    /// Say only what the container says.
    #[arg(short = 'q', long)]
    quiet: bool,
    /// With -it: typed one after the other, these keys detach; the container goes on.
    #[arg(long, value_name = "KEYS", default_value = DETACH_KEYS)]
    detach_keys: String,
}

/// From when on a container without input and terminal is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// From its first byte, or not at all.
    Start,
}

/// How one attaches.
#[derive(Debug, Clone)]
pub struct How {
    /// Whether the container reads our input.
    pub stdin: bool,
    /// Whether our terminal is its own.
    pub tty: bool,
    /// Whether to say only what the container says.
    pub quiet: bool,
    /// What detaches.
    pub keys: DetachKeys,
}

/// Does it.
pub async fn run(args: &AttachArgs, context: &mut Context) -> Result<(), Failure> {
    let keys = DetachKeys::parse(&args.detach_keys)?;
    let (_, pod) = containers::unended(context, &args.target, "attach").await?;
    let container = match &args.container {
        Some(container) => container.clone(),
        None => containers::default(context, &pod, args.quiet)?.unwrap_or_default(),
    };
    let how = How { stdin: args.stdin, tty: args.tty, quiet: args.quiet, keys };
    match to(context, &pod, &container, how, Since::Now).await?.attend(context).await? {
        Parted::Detached => context.note("detached; the container goes on"),
        // Its code is its own: we only looked on.
        Parted::Exited(_) => Ok(()),
    }
}

/// An attachment that stands.
pub struct Attached {
    streams: (DuplexSender, DuplexReader),
    ours: Ours,
}

impl Attached {
    /// Passes everything on until one side ends it.
    pub async fn attend(self, context: &mut Context) -> Result<Parted, Failure> {
        session::attend(context, self.streams, self.ours).await
    }
}

/// Attaches to a container of a pod. Nothing of what it writes is printed yet.
pub async fn to(context: &mut Context, pod: &Value, container: &str, how: How, since: Since) -> Result<Attached, Failure> {
    let has_tty = templates::container(pod, container).is_some_and(|definition| definition["tty"] == true);
    if how.tty && !has_tty && !how.quiet {
        context.note(format!("error: Unable to use a TTY - container {container} did not allocate one"))?;
    }
    let has_terminal = session::has_terminal(context, how.tty && has_tty && how.stdin, how.quiet)?;
    let request = AttachRequest {
        namespace: lookup::namespace(pod).to_owned(),
        pod: lookup::name(pod).to_owned(),
        container: Some(container.to_owned()),
        stdin: how.stdin,
        size: if has_terminal { terminal::size() } else { None },
        from_start: since == Since::Start,
        window: 0,
    };
    let streams = context.client().await?.attach(request).await.map_err(refusal)?;
    if has_terminal && !how.quiet {
        context.note("If you don't see a command prompt, try pressing enter.")?;
    }
    let ours = Ours { stdin: how.stdin, terminal: has_terminal, detach: has_terminal.then_some(how.keys) };
    Ok(Attached { streams, ours })
}
