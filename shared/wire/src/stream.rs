//! What a daemon answers: whole answers, changes, progress, and the bytes of streams.

use objects::Status;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// JSON in a part of a list, in bytes: enough to be worth a message, and soon here on a slow line.
pub const PART_BYTES: usize = 128 * 1024;

/// The whole answer to a request, or the start of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Response {
    /// Objects, with the version a watch resumes from.
    List(ObjectList),
    /// One object.
    Object {
        /// The object as JSON.
        object: Box<serde_json::Value>,
        /// What a user should know: fields that have no effect yet, deprecated ones.
        #[serde(default)]
        warnings: Vec<String>,
        /// What happened, in kubectl's word: `created`, `configured`, `unchanged`, `replaced`, `deleted`.
        #[serde(default)]
        outcome: String,
    },
    /// Images of the node.
    Images {
        /// Newest first.
        images: Vec<ImageSummary>,
    },
    /// The members of the cluster.
    Members(crate::Members),
    /// What changed lately.
    History(crate::History),
    /// The probes of a pod.
    Probes(crate::PodProbes),
    /// How much nodes and containers use.
    Usage(crate::Usages),
    /// A node is of the cluster no more.
    NodeRemoved {
        /// The node.
        node: String,
        /// How many of its pods were removed with it.
        pods: usize,
    },
    /// What lets a client in.
    Credentials(Box<crate::Credentials>),
    /// Bytes follow in binary frames.
    Stream,
    /// It is done, and there is nothing more to say.
    Done,
}

/// Objects of one kind at one version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectList {
    /// Each as JSON, ordered by namespace and name.
    pub items: Vec<Box<RawValue>>,
    /// Where a watch goes on from.
    pub resource_version: String,
    /// Whether this is only a part, and the next one follows under the same number. Only for who asked for parts. Since 1.5.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

impl ObjectList {
    /// How much JSON it holds, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.items.iter().map(|item| item.get().len()).sum()
    }
}

/// Cuts a list into parts of at least [`PART_BYTES`] of JSON; the last one may be empty.
#[derive(Debug)]
pub struct Parts<I> {
    items: Option<I>,
    resource_version: String,
}

impl<I: Iterator<Item = Box<RawValue>>> Parts<I> {
    /// The parts of a list of these objects.
    pub const fn new(items: I, resource_version: String) -> Self {
        Self { items: Some(items), resource_version }
    }
}

impl<I: Iterator<Item = Box<RawValue>>> Iterator for Parts<I> {
    type Item = ObjectList;

    fn next(&mut self) -> Option<ObjectList> {
        let rest = self.items.as_mut()?;
        let mut bytes = 0;
        let mut items = Vec::new();
        while bytes < PART_BYTES {
            let Some(item) = rest.next() else {
                self.items = None;
                break;
            };
            bytes += item.get().len();
            items.push(item);
        }
        Some(ObjectList { items, resource_version: self.resource_version.clone(), more: self.items.is_some() })
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WatchEventKind {
    /// It was made, or came into the selection.
    Added,
    /// It changed.
    Modified,
    /// It is gone, or left the selection; the object is its last state.
    Deleted,
    /// Nothing happened; the object holds only the version to resume from.
    Bookmark,
}

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchEventKind,
    /// The replica's version after it.
    pub resource_version: String,
    /// The object as JSON.
    pub object: Box<RawValue>,
}

/// How a stream ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "camelCase")]
pub enum StreamEnd {
    /// All was sent.
    Complete,
    /// The client cancelled it.
    Cancelled,
    /// The program ended, and all that it wrote was sent. Since 1.2.
    Exited {
        /// Its exit code; 128 and the signal's number where one killed it.
        code: i32,
    },
    /// It cannot go on.
    Failed {
        /// Why.
        status: Status,
    },
}

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullProgress {
    /// What happens: `Resolving`, `Downloading`, `Extracting`.
    pub stage: String,
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes in all, where known.
    pub total_bytes: Option<u64>,
}

/// One image of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageSummary {
    /// Manifest digest, `sha256:…`.
    pub digest: String,
    /// Its names, canonical: `docker.io/library/nginx:alpine`.
    pub names: Vec<String>,
    /// Bytes of its layers, unpacked.
    pub size_bytes: u64,
    /// Seconds since 1970 when it came to this node.
    pub created_at: i64,
    /// Whether a container uses it.
    pub in_use: bool,
}

/// A binary frame: bytes of one stream.
///
/// Layout: the request's number (4 bytes, big endian), the channel (1 byte, see [`crate::channel`]), the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFrame<'a> {
    /// The stream's request.
    pub id: u32,
    /// Which of the stream's channels.
    pub channel: u8,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl<'a> StreamFrame<'a> {
    /// Bytes before the payload.
    pub const HEADER_BYTES: usize = 5;

    /// The frame as bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::HEADER_BYTES + self.bytes.len());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.push(self.channel);
        out.extend_from_slice(self.bytes);
        out
    }

    /// Reads a frame; `None` where it is shorter than its header.
    #[must_use]
    pub fn try_from_bytes(frame: &'a [u8]) -> Option<Self> {
        let (id, rest) = frame.split_first_chunk::<4>()?;
        let (channel, bytes) = rest.split_first()?;
        Some(Self { id: u32::from_be_bytes(*id), channel: *channel, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::{PART_BYTES, Parts, StreamFrame};
    use serde_json::value::RawValue;

    #[test]
    fn the_parts_of_a_list_are_the_list() {
        let item = |bytes: usize| RawValue::from_string(format!("\"{}\"", "x".repeat(bytes - 2))).expect("JSON");
        let parts = |sizes: &[usize]| {
            let parts = Parts::new(sizes.iter().map(|bytes| item(*bytes)), "7".to_owned());
            parts.map(|part| (part.bytes(), part.items.len(), part.more)).collect::<Vec<_>>()
        };
        assert_eq!(parts(&[]), [(0, 0, false)]);
        assert_eq!(parts(&[10, 20]), [(30, 2, false)]);
        assert_eq!(parts(&[PART_BYTES, 10]), [(PART_BYTES, 1, true), (10, 1, false)]);
        assert_eq!(parts(&[PART_BYTES - 1, 3 * PART_BYTES, 10]), [(4 * PART_BYTES - 1, 2, true), (10, 1, false)]);
        assert_eq!(parts(&[PART_BYTES]), [(PART_BYTES, 1, true), (0, 0, false)], "an empty part ends it");
    }

    #[test]
    fn a_stream_frame_survives_the_way_and_a_short_one_is_refused() {
        let frame = StreamFrame { id: 7, channel: 1, bytes: b"hello" };
        assert_eq!(StreamFrame::try_from_bytes(&frame.to_bytes()), Some(frame));
        assert_eq!(StreamFrame::try_from_bytes(&[0, 0, 0, 1]), None);
    }
}
