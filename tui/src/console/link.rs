//! The way to the daemon: watches that are always on, questions, and logs, as messages in and out.

mod copy;
mod driver;
mod forward;
mod keyboard;
mod pane;

pub use crate::forward::backend::Target;
pub use driver::drive;
pub use keyboard::Keyboard;

use objects::{Kind, Status};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use wire::{CopyRequest, ImagePullRequest, LogsRequest, PullProgress, Request, Response, TerminalSize};

/// What the state asks of the daemon. `id` is chosen by the state and comes back with every answer.
#[derive(Debug, Clone)]
pub enum Command {
    /// A question with one answer.
    Ask {
        /// The answer's number.
        id: u32,
        /// What is asked.
        request: Box<Request>,
    },
    /// An image to pull to a node.
    Pull {
        /// The number of its progress and its answer.
        id: u32,
        /// The node.
        node: String,
        /// Which image.
        request: Box<ImagePullRequest>,
    },
    /// A log to read.
    Logs {
        /// The stream's number.
        id: u32,
        /// Which log.
        request: Box<LogsRequest>,
    },
    /// A kind to watch from now on.
    Watch {
        /// The kind.
        kind: Kind,
    },
    /// A port to forward.
    Forward {
        /// The forward's number.
        id: u32,
        /// From where to where.
        forward: Box<Forward>,
    },
    /// Files to copy.
    Copy {
        /// The copy's number.
        id: u32,
        /// What to where.
        copy: Box<Copy>,
    },
    /// A program to run, or to join, on a terminal of ours.
    Pane {
        /// The program's number.
        id: u32,
        /// Which program.
        request: Box<PaneRequest>,
        /// What is typed to it.
        keyboard: Keyboard,
    },
    /// What is typed to such a program; nothing is the end of its input.
    Type {
        /// The program's number.
        id: u32,
        /// The bytes that a terminal would send.
        bytes: Vec<u8>,
    },
    /// Such a program's terminal has another size.
    Resize {
        /// The program's number.
        id: u32,
        /// The size.
        size: TerminalSize,
    },
    /// A log, a forward, a copy or a program that nobody wants any more.
    End {
        /// Its number.
        id: u32,
    },
}

/// A port-forward as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The pod, or what chooses pods.
    pub target: Target,
    /// The target's port.
    pub port: u16,
    /// Where to listen: an address, or `localhost` for both of its own.
    pub address: String,
    /// The port to listen on; 0 is any free one.
    pub local: u16,
}

/// How a port-forward stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ForwardReport {
    /// Whether it listens.
    pub state: ForwardState,
    /// The pod that the last connection went to, or the next one goes to; nothing as long as nobody knows.
    #[serde(default)]
    pub pod: Option<String>,
    /// Connections that are open.
    pub open: u32,
    /// Connections there were in all.
    pub total: u64,
    /// Connections that failed.
    pub failed: u64,
    /// Bytes to the pod.
    pub up: u64,
    /// Bytes from the pod.
    pub down: u64,
    /// Why the last connection failed; nothing once one ended well.
    pub fault: Option<String>,
}

/// Whether a port-forward listens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ForwardState {
    /// Not yet.
    #[default]
    Opening,
    /// It does.
    Listening {
        /// The port.
        port: u16,
    },
    /// It cannot.
    Failed {
        /// Why.
        why: String,
    },
}

/// A copy as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The container's side.
    pub request: CopyRequest,
    /// The path on this machine.
    pub local: String,
}

/// A program on a terminal of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneRequest {
    /// Which.
    pub program: PaneProgram,
    /// The terminal's size.
    pub size: TerminalSize,
}

/// Which program has a terminal of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaneProgram {
    /// One that is run in a container, and ends when nobody reads it any more.
    Exec {
        /// The pod's namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container; `None` is the only one.
        container: Option<String>,
        /// The program and its words.
        command: Vec<String>,
    },
    /// The container's own, which goes on when nobody reads it any more.
    Attach {
        /// The pod's namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container; `None` is the only one.
        container: Option<String>,
        /// Whether it reads its input (`stdin`).
        has_input: bool,
        /// Whether it has a terminal (`tty`).
        has_terminal: bool,
    },
    /// A shell of a node's own.
    Node {
        /// The node.
        node: String,
    },
}

/// What is heard of a program that has a terminal of ours.
#[derive(Debug)]
pub enum PaneNews {
    /// It runs.
    Begun,
    /// It wrote something.
    Output(Chunk),
    /// It does not read what is typed, and has lost some of it.
    Full,
    /// Nothing more comes.
    Ended(PaneEnd),
}

/// Why nothing more comes of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaneEnd {
    /// It ended with this code.
    Exited(i32),
    /// It could not be run or joined: why.
    Failed(String),
    /// The link was lost: why. What was run has ended, what was joined goes on.
    Lost(String),
    /// It was left.
    Left,
}

/// A piece of what a program wrote. The program goes on writing when enough of them were dropped.
#[derive(Debug)]
pub struct Chunk {
    /// The bytes; a character or a sequence may be cut anywhere.
    pub bytes: Vec<u8>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Chunk {
    /// A piece that takes a place until it is dropped.
    pub const fn new(bytes: Vec<u8>, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { bytes, _place: place }
    }
}

/// How the link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The first connection is being made.
    Connecting {
        /// Why the last try failed.
        error: Option<String>,
    },
    /// There is a connection.
    Live {
        /// The node's name.
        node: String,
        /// The daemon's version.
        daemon: String,
    },
    /// It is gone, and another one is being made.
    Lost {
        /// How long ago, at the moment of the message.
        ago: Duration,
        /// Tries since then.
        attempt: u32,
        /// Why.
        error: String,
    },
}

/// A part of a list.
#[derive(Debug)]
pub struct ListPart {
    /// The objects.
    pub objects: Vec<Box<RawValue>>,
    /// Whether a list begins with it; parts of one before that had no last are worth nothing.
    pub is_first: bool,
    /// Whether the list is whole with it.
    pub is_last: bool,
}

/// What the link tells the state.
#[derive(Debug)]
pub enum Delta {
    /// The link stands differently.
    Standing(Standing),
    /// How long the last question took to be answered.
    RoundTrip(Duration),
    /// A part of the list of a kind as it is now; what is missing in all parts is gone.
    List {
        /// The kind.
        kind: Kind,
        /// The part.
        part: ListPart,
    },
    /// One object is new or differs.
    Changed {
        /// Its kind.
        kind: Kind,
        /// The object.
        object: Box<RawValue>,
    },
    /// One object is gone.
    Gone {
        /// Its kind.
        kind: Kind,
        /// Its last state.
        object: Box<RawValue>,
    },
    /// A kind that the daemon does not let us watch.
    Refused {
        /// The kind.
        kind: Kind,
        /// Why.
        why: String,
    },
    /// The answer to [`Command::Ask`].
    Answer {
        /// The question's number.
        id: u32,
        /// The answer, or why there is none.
        result: Result<Response, Failure>,
    },
    /// How far [`Command::Pull`] is.
    Progress {
        /// The pull's number.
        id: u32,
        /// How far.
        step: PullProgress,
    },
    /// Bytes of a log.
    Log {
        /// The stream's number.
        id: u32,
        /// The bytes; lines may be cut anywhere.
        bytes: Vec<u8>,
    },
    /// How a port-forward stands.
    Forward {
        /// Its number.
        id: u32,
        /// How it stands.
        report: ForwardReport,
    },
    /// How far a copy is.
    Copied {
        /// The copy's number.
        id: u32,
        /// Bytes so far.
        bytes: u64,
    },
    /// A copy ended.
    CopyEnd {
        /// The copy's number.
        id: u32,
        /// How many bytes there were, or what is missing and why.
        result: Result<u64, String>,
    },
    /// News of a program that has a terminal of ours.
    Pane {
        /// The program's number.
        id: u32,
        /// What.
        news: PaneNews,
    },
    /// A log ended.
    LogEnd {
        /// The stream's number.
        id: u32,
        /// Why, where it was not its end.
        failure: Option<Failure>,
    },
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The daemon refused.
    Refused(Box<Status>),
    /// The link failed; whether the daemon did it nobody knows.
    Link(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(status) => status.fmt(f),
            Self::Link(why) => f.write_str(why),
        }
    }
}
