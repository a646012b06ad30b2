//! What the verbs reach into the containers of this node for: programs, files, ports, and what the probes came to.

pub mod output;

use crate::probes::history::{ProbeTotals, ProbesOfPod};
use archive::{Folders, Modes};
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use objects::Status;
use runtime::protocol::Since;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use wire::{CopyDirection, NodeUsage, StreamEnd, TerminalSize};

/// Where bytes of a stream go.
pub type Sink = Box<dyn AsyncWrite + Send + Unpin>;
/// Where bytes of a stream come from.
pub type Source = Box<dyn AsyncRead + Send + Unpin>;

/// Gives a terminal a size.
pub type Resize = Box<dyn Fn(TerminalSize) -> io::Result<()> + Send + Sync>;

/// A stream with bytes in both directions. Dropping it ends what it is with.
pub struct Duplex {
    /// Where the client's bytes go; `None` where nothing reads them. It is dropped at their end.
    pub input: Option<Sink>,
    /// What goes to the client, each with its channel.
    pub outputs: Vec<(u8, Source)>,
    /// The terminal, where there is one.
    pub resize: Option<Resize>,
    /// What the end is.
    pub ending: Ending,
}

/// When a stream is over.
pub enum Ending {
    /// Once this is known, and what was written until then is sent.
    Known(BoxFuture<'static, StreamEnd>),
    /// When both directions have ended by themselves; the client is told of the end of ours.
    BothWays,
}

impl Ending {
    /// Waits for the end; `known` is told once what was written until then is all there will be.
    pub async fn come(self, known: &watch::Sender<bool>) -> StreamEnd {
        let end = match self {
            Self::Known(end) => end.await,
            Self::BothWays => StreamEnd::Complete,
        };
        let _ = known.send(true);
        end
    }
}

/// A container that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its pod, as it is stored.
    pub pod: Arc<Pod>,
    /// Its name.
    pub container: String,
    /// Which start of it.
    pub attempt: u32,
}

/// How a program is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// It and its arguments.
    pub argv: Vec<String>,
    /// What its standard streams are.
    pub streams: Standard,
}

/// The standard streams of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// Nothing to read, and a pipe each for what it writes.
    Output,
    /// Three pipes.
    All,
    /// A terminal, of this size at first.
    Terminal(Option<TerminalSize>),
}

/// What whoever attaches to a container is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attach {
    /// Whether it writes.
    pub stdin: bool,
    /// The size of its terminal, for a container that has one.
    pub size: Option<TerminalSize>,
    /// From when on it hears a container without input and terminal.
    pub since: Since,
}

/// What is to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Which way.
    pub direction: CopyDirection,
    /// The file or folder in the container.
    pub path: String,
    /// Into the container: how.
    pub folders: Folders,
    /// Into the container: what becomes of permissions and times.
    pub modes: Modes,
}

/// The containers of this node, as the verbs reach into them.
pub trait Containers: Send + Sync {
    /// Runs a program beside a container's own, until it ends or the stream is dropped.
    ///
    /// # Errors
    /// Why it cannot be run, in Kubernetes' words.
    fn exec(self: Arc<Self>, container: Running, program: Program) -> BoxFuture<'static, Result<Duplex, Status>>;

    /// Hears what a container writes, and writes to it. Dropping the stream leaves the container as it is.
    ///
    /// # Errors
    /// Why nobody can attach to it, in Kubernetes' words.
    fn attach(self: Arc<Self>, container: Running, how: Attach) -> BoxFuture<'static, Result<Duplex, Status>>;

    /// Runs a program of this machine, in the namespaces of a container or, without one, in the machine's own.
    ///
    /// # Errors
    /// Why it cannot be run.
    fn exec_on_host(self: Arc<Self>, container: Option<Running>, program: Program) -> BoxFuture<'static, Result<Duplex, Status>>;

    /// Copies files to or from a container: an archive goes one way, and what is said of it comes on [`wire::channel::STDERR`].
    ///
    /// # Errors
    /// Why nothing can be copied, in Kubernetes' words.
    fn copy(self: Arc<Self>, container: Running, transfer: Transfer) -> BoxFuture<'static, Result<Duplex, Status>>;

    /// Connects to a port of a pod from inside of it.
    ///
    /// # Errors
    /// Why there is no connection, in Kubernetes' words.
    fn connect(self: Arc<Self>, pod: Arc<Pod>, port: u16) -> BoxFuture<'static, Result<Duplex, Status>>;

    /// What this node and these pods of it use.
    ///
    /// # Errors
    /// Why it cannot be measured.
    fn usage(self: Arc<Self>, pods: Vec<Arc<Pod>>) -> BoxFuture<'static, Result<NodeUsage, Status>>;

    /// How often probes came to what.
    fn probe_totals(&self) -> ProbeTotals;

    /// What the probes of a pod came to lately, by its uid.
    fn probes(&self, uid: &str) -> ProbesOfPod;
}
