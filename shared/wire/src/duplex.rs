//! Streams with bytes in both directions: what asks for one, the channels of its frames, and how much a side may send.
//!
//! Frames of the two sides have a window each. The daemon's is the one of every stream: the request grants it, credit adds to it. The
//! client's begins with [`INPUT_WINDOW`], and frames on [`channel::CREDIT`] add to it. A frame takes [`frame_cost`] of a window, so that
//! neither side has to keep more than a few thousand frames. An empty frame is the end of its channel: standard input is closed, or
//! one direction of a connection.

use serde::{Deserialize, Serialize};

/// The channels of a stream's frames.
pub mod channel {
    /// To the program, to the pod: taken from the client's window.
    pub const STDIN: u8 = 0;
    /// From the program, from the pod.
    pub const STDOUT: u8 = 1;
    /// From the program.
    pub const STDERR: u8 = 2;
    /// To the client: four bytes, big endian, that its window grows by. Takes nothing of a window.
    pub const CREDIT: u8 = 3;
    /// To the program's terminal: its new size ([`super::TerminalSize`]). Takes nothing of a window.
    pub const RESIZE: u8 = 4;
}

/// What a client may send before it gets credit, in bytes of [`frame_cost`].
pub const INPUT_WINDOW: u32 = 256 * 1024;

/// The least that a frame takes of a window, in bytes.
const LEAST_COST: usize = 128;

/// What a frame with so many bytes takes of a window.
#[must_use]
pub const fn frame_cost(bytes: usize) -> usize {
    if bytes < LEAST_COST { LEAST_COST } else { bytes }
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminalSize {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

impl TerminalSize {
    /// As a frame on [`channel::RESIZE`] has it: columns, rows, each two bytes, big endian.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.columns.to_be_bytes(), self.rows.to_be_bytes());
        [a, b, c, d]
    }

    /// Reads a frame; `None` where it is none.
    #[must_use]
    pub fn try_from_bytes(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d] = *<&[u8; 4]>::try_from(bytes).ok()?;
        Some(Self { columns: u16::from_be_bytes([a, b]), rows: u16::from_be_bytes([c, d]) })
    }
}

/// See [`crate::Request::Exec`]. The fields are those of `PodExecOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container; `None` is refused with 400 where the pod has several.
    pub container: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whether the program reads what the client sends. Without it, it reads nothing.
    pub stdin: bool,
    /// Whether the program has a terminal: all it writes comes on [`channel::STDOUT`].
    pub tty: bool,
    /// The terminal's first size.
    pub size: Option<TerminalSize>,
    /// The stream's first window in bytes.
    pub window: u32,
}

/// See [`crate::Request::PortForward`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortForwardRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The port, of the pod's own loopback address.
    pub port: u16,
    /// The stream's first window in bytes.
    pub window: u32,
}

/// The annotation of a pod that somebody is about to attach to: the name of the container. What its first instance writes waits for them.
pub const ATTENDED: &str = "skiff.dev/attended";

/// See [`crate::Request::Attach`]. The fields are those of `PodAttachOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttachRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container; `None` is refused with 400 where the pod has several.
    pub container: Option<String>,
    /// Whether the container reads what the client sends, if it reads anything.
    pub stdin: bool,
    /// The size of the client's terminal, for a container that has one.
    pub size: Option<TerminalSize>,
    /// Of a container without input and terminal: everything from its first byte on, or a refusal where that is not kept (see
    /// [`ATTENDED`]). Since 1.6; earlier daemons begin with what comes next.
    pub from_start: bool,
    /// The stream's first window in bytes.
    pub window: u32,
}

/// See [`crate::Request::HostExec`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostExecRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod whose network and host name the program sees; empty is none, and the node's own.
    pub pod: String,
    /// The container of the pod whose processes it sees; `None` is the pod's first.
    pub container: Option<String>,
    /// The program and its arguments; none is a shell.
    pub command: Vec<String>,
    /// Whether the program reads what the client sends.
    pub stdin: bool,
    /// Whether the program has a terminal.
    pub tty: bool,
    /// The terminal's first size.
    pub size: Option<TerminalSize>,
    /// The stream's first window in bytes.
    pub window: u32,
}

/// Which way files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyDirection {
    /// To the client: an archive comes on [`channel::STDOUT`].
    #[default]
    FromContainer,
    /// From the client, which sends an archive on [`channel::STDIN`]. A file has its name in the container once all of it came.
    IntoContainer,
}

/// See [`crate::Request::Copy`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CopyRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container; `None` is refused with 400 where the pod has several.
    pub container: Option<String>,
    /// Which way.
    pub direction: CopyDirection,
    /// The file or folder in the container; one that does not begin with `/` is below its working folder.
    pub path: String,
    /// Into a container: the content of a folder goes into a folder that is there, and not the folder itself.
    pub is_content: bool,
    /// Into a container: permissions and times are those of any new file.
    pub no_preserve: bool,
    /// The stream's first window in bytes.
    pub window: u32,
}

#[cfg(test)]
mod tests {
    use super::{TerminalSize, frame_cost};

    #[test]
    fn a_size_survives_the_way_and_anything_else_is_none() {
        let size = TerminalSize { columns: 300, rows: 24 };
        assert_eq!(TerminalSize::try_from_bytes(&size.to_bytes()), Some(size));
        assert_eq!(TerminalSize::try_from_bytes(&[1, 2, 3]), None);
    }

    #[test]
    fn small_frames_cost_more_than_their_bytes() {
        assert_eq!((frame_cost(0), frame_cost(1), frame_cost(4096)), (128, 128, 4096));
    }
}
