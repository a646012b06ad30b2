//! The two envelopes: what a client says and what a daemon answers.

use crate::{Request, Response, StreamEnd, Version, WatchEvent};
use objects::Status;
use serde::{Deserialize, Serialize};

/// What a client sends in a text frame.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientMessage {
    /// The first message of a connection.
    Hello {
        /// What the client speaks.
        version: Version,
        /// The program and its version, for the daemon's log: `skiff/0.1.0`.
        agent: String,
    },
    /// A numbered request. Numbers of one connection are never used twice.
    Request {
        /// The number that every answer carries.
        id: u32,
        /// What is asked.
        request: Request,
    },
    /// The reader of a stream took this many bytes more (watch events count their JSON bytes).
    Credit {
        /// The stream's request.
        id: u32,
        /// Bytes to add to the window.
        bytes: u32,
    },
    /// The client wants no more of this stream. The daemon answers with [`ServerMessage::End`].
    Cancel {
        /// The stream's request.
        id: u32,
    },
}

/// What a daemon sends in a text frame: an object of one member, named after the variant. (A `type` member inside would make
/// the reader buffer the message, and objects could not be passed on as the text they are.)
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServerMessage {
    /// The answer to the client's hello.
    Hello(ServerHello),
    /// The whole answer of a request that is no stream, or the start of one that is.
    Response {
        /// The request.
        id: u32,
        /// The answer, or the refusal as Kubernetes words it.
        result: Result<Response, Status>,
    },
    /// One change of a watch.
    Event {
        /// The watch's request.
        id: u32,
        /// The change.
        event: WatchEvent,
    },
    /// Progress of long work, to be shown and forgotten.
    Progress {
        /// The request that does the work.
        id: u32,
        /// How far it is.
        progress: crate::PullProgress,
    },
    /// A stream is over. Nothing with its number follows.
    End {
        /// The stream's request.
        id: u32,
        /// Why it ended.
        end: StreamEnd,
    },
}

impl ServerMessage {
    /// The message under another number; a greeting has none. For a daemon that passes answers on.
    #[must_use]
    pub fn with_id(self, id: u32) -> Self {
        match self {
            Self::Hello(hello) => Self::Hello(hello),
            Self::Response { result, .. } => Self::Response { id, result },
            Self::Event { event, .. } => Self::Event { id, event },
            Self::Progress { progress, .. } => Self::Progress { id, progress },
            Self::End { end, .. } => Self::End { id, end },
        }
    }
}

/// The daemon's side of the greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerHello {
    /// What the daemon speaks.
    pub version: Version,
    /// The node's name.
    pub node: String,
    /// The daemon's version: `0.1.0`.
    pub daemon: String,
    /// Differs after the daemon's store was made anew: a `resourceVersion` of another epoch cannot be resumed.
    pub epoch: String,
}

#[cfg(test)]
mod tests {
    use super::ServerMessage;
    use crate::{ObjectList, Response, WatchEvent, WatchEventKind};
    use serde_json::value::RawValue;

    #[test]
    fn objects_survive_the_way_as_the_text_they_are() {
        let object = || RawValue::from_string("{\"b\":1.0,\"a\":[]}".to_owned()).expect("JSON");
        let event = WatchEvent { kind: WatchEventKind::Added, resource_version: "7".to_owned(), object: object() };
        let list = ObjectList { items: vec![object()], resource_version: "7".to_owned(), more: false };
        let messages =
            [ServerMessage::Event { id: 1, event }, ServerMessage::Response { id: 2, result: Ok(Response::List(list)) }];
        for message in messages {
            let text = serde_json::to_string(&message).expect("it serialises");
            assert!(text.contains(object().get()), "{text}");
            let read: ServerMessage = serde_json::from_str(&text).expect("it is read");
            assert_eq!(serde_json::to_string(&read).expect("it serialises"), text);
        }
    }
}
