//! The messages between a console and a daemon: one websocket carries everything, multiplexed and versioned.
//!
//! Text frames hold one [`ClientMessage`] or [`ServerMessage`] as JSON; binary frames hold the bytes of a stream
//! ([`StreamFrame`]). Every request has a number chosen by the client; whatever answers it carries that number. A stream
//! (a watch, a log, a pull) starts with the window its request granted and goes on as far as [`ClientMessage::Credit`]
//! allows, so one slow reader stalls only itself. No I/O happens here.

mod change;
mod credentials;
mod duplex;
mod history;
mod members;
mod message;
mod probes;
mod request;
mod stream;
mod usage;

pub use change::{DeleteOptions, Patch, PatchRequest, Propagation};
pub use credentials::{Credentials, CredentialsRequest, Proof};
pub use duplex::{
    ATTENDED, AttachRequest, CopyDirection, CopyRequest, ExecRequest, HostExecRequest, INPUT_WINDOW, PortForwardRequest,
    TerminalSize, channel, frame_cost,
};
pub use history::{History, HistoryRequest, PastChange};
pub use members::{Member, MemberState, Members};
pub use message::{ClientMessage, ServerHello, ServerMessage};
pub use probes::{PodProbes, ProbeKind, ProbeRun, ProbeRuns, ProbeVerdict, ProbesRequest};
pub use request::{
    ApplyRequest, CreateRequest, DeleteRequest, DryRun, GetRequest, ImageImportRequest, ImageLoadRequest, ImagePullRequest,
    ListRequest, LogsRequest, NodeRemoveRequest, ObjectRef, ReplaceRequest, Request, Selection, WatchRequest,
};
pub use stream::{
    ImageSummary, ObjectList, PART_BYTES, Parts, PullProgress, Response, StreamEnd, StreamFrame, WatchEvent, WatchEventKind,
};
pub use usage::{ContainerUsage, NodeUsage, PodUsage, Unmeasured, UsageRequest, Usages, Used};

/// The protocol's version. A daemon answers a client of the same major version; a minor version only adds.
pub const PROTOCOL: Version = Version { major: 1, minor: 6 };

/// The window a stream starts with when its request names none: bytes of a log, or events of a watch times 1024.
pub const DEFAULT_WINDOW: u32 = 256 * 1024;

/// The window of a watch that takes its first list in parts, so that a distant daemon need not wait for credit after each of them.
pub const LIST_WINDOW: u32 = 1024 * 1024;

/// The largest text or binary frame either side takes, in bytes. A manifest of a megabyte fits; a longer one is refused.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// The largest message a client takes from the daemon it chose, in bytes. Longer lists come in parts.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A protocol version, sent in the first message of either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Version {
    /// Differs where the two sides cannot understand each other.
    pub major: u16,
    /// Differs where one side knows more requests than the other.
    pub minor: u16,
}
