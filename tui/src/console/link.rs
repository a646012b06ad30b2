//! The way to the daemon: watches that are always on, questions, and logs, as messages in and out.

mod driver;

pub use driver::drive;

use objects::{Kind, Status};
use serde_json::value::RawValue;
use std::time::Duration;
use wire::{ImagePullRequest, LogsRequest, PullProgress, Request, Response};

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
    /// A log that nobody reads any more.
    EndLogs {
        /// The stream's number.
        id: u32,
    },
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

/// What the link tells the state.
#[derive(Debug)]
pub enum Delta {
    /// The link stands differently.
    Standing(Standing),
    /// How long the last question took to be answered.
    RoundTrip(Duration),
    /// All objects of a kind as they are now; what is missing here is gone.
    Snapshot {
        /// The kind.
        kind: Kind,
        /// The objects.
        objects: Vec<Box<RawValue>>,
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
