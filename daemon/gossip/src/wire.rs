//! What nodes say to each other: datagrams, and messages on the reliable channel. Both start with the version of the protocol.

use crate::index::Digest;
use crate::key::Key;
use crate::member::{Identity, MAX_MEMBERS};
use crate::pack::{pack, unpack};
use crate::roll::Roll;
use crate::standing::Standing;
use control::record::{Fate, Part, Record, RecordId};
use control::version::NodeId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// The version of datagrams and messages, their first byte.
pub const VERSION: u8 = 4;

/// The longest datagram: with what seals and carries it, it fits in any link's frame.
pub const MAX_DATAGRAM_BYTES: usize = 1_200;

/// The longest message: one of the largest records with its frame.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024 + 64 * 1024;

/// Keys in one message.
pub(crate) const MAX_KEYS: usize = 2_048;

/// The longest name of an object: two Kubernetes names and a kind.
const MAX_OBJECT_BYTES: usize = 1_024;

/// A record with its name.
pub type Named = (RecordId, Record);

/// Why bytes are neither datagram nor message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// More than may be sent.
    #[error("{bytes} bytes are more than the {most} that may be sent")]
    TooLong {
        /// So many.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Another protocol.
    #[error("version {version} of the protocol is not spoken here (this is version {VERSION}); upgrade the older daemon")]
    Version {
        /// The first byte, 0 where there is none.
        version: u8,
    },
    /// Packed otherwise than we pack.
    #[error("cannot unpack it")]
    Packing,
    /// Not what we write.
    #[error("cannot read it")]
    Encoding(#[from] postcard::Error),
    /// Bytes after its end.
    #[error("{bytes} bytes follow its end")]
    Trailing {
        /// So many.
        bytes: usize,
    },
    /// A field with a value that no node writes.
    #[error("its {field} is not what a node says")]
    Value {
        /// Which.
        field: &'static str,
    },
}

/// What travels in one datagram. It may be lost, doubled or late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Datagram {
    /// Membership: a packet of foca.
    Swim(Vec<u8>),
    /// Is anybody there? To an address that was given, or that of a lost member.
    Seek(Meeting),
    /// The answer to it.
    Found(Meeting),
    /// The sender suspects the receiver of being dead: it says otherwise, if it gets this.
    Doubt {
        /// The sender.
        from: NodeId,
        /// The receiver, as it is known.
        you: Identity,
        /// How often it has refuted before.
        incarnation: u16,
    },
    /// The sender leaves.
    Leave(Identity),
    /// What the sender holds.
    Digest(Summary),
    /// What the sender has got lately, so that who missed it can ask.
    Fresh {
        /// The sender.
        from: NodeId,
        /// At most what fits.
        keys: Vec<Key>,
    },
}

/// Two nodes that may have lost each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// The sender.
    pub me: Identity,
    /// The receiver is taken for dead up to this instance; it has to come with a later one.
    pub you_died_as: Option<u64>,
}

/// What a node holds, to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The sender.
    pub from: NodeId,
    /// Of its records.
    pub digest: Digest,
    /// Of the members that it counts on, itself among them.
    pub roll: Roll,
    /// Whether its set may be compared with.
    pub standing: Standing,
    /// The first word or the answer.
    pub turn: Turn,
}

/// Whose turn it is in a comparison of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// Answer if yours still differs in a moment.
    Ask,
    /// Answer at once if yours differs: we have just met.
    Meet,
    /// It differed: reconcile if it still does.
    Differs,
}

/// What travels on the reliable channel between two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Fresh records, to be handed on.
    Push {
        /// The receiver serves the ring's members from itself to this place.
        until: u64,
        /// The records.
        records: Arc<Vec<Named>>,
    },
    /// Please give these.
    Want {
        /// Repeated in the answers.
        want: u32,
        /// Which.
        keys: Vec<Key>,
    },
    /// Some of what was wanted.
    Give {
        /// The question.
        want: u32,
        /// In the last answer: how many of the keys were looked at.
        handled: Option<u32>,
        /// Those that are still held, perhaps at a later version.
        records: Vec<Named>,
    },
    /// The initiator's side of a reconciliation.
    Reconcile {
        /// Its number.
        session: u32,
        /// The sender's.
        standing: Standing,
        /// Of negentropy.
        frame: Vec<u8>,
    },
    /// The responder's.
    Answer {
        /// Its number.
        session: u32,
        /// The sender's.
        standing: Standing,
        /// Of negentropy.
        frame: Vec<u8>,
    },
    /// The responder has no time or no standing for it.
    Refuse {
        /// Its number.
        session: u32,
    },
    /// What the receiver lacks: its to ask for.
    Have {
        /// Its number.
        session: u32,
        /// Which.
        keys: Vec<Key>,
        /// Whether the reconciliation is over with this.
        is_last: bool,
    },
    /// Members that the sender knows: all of them, or in the answer those that the question did not know so.
    Roll {
        /// They.
        members: Vec<foca::Member<Identity>>,
        /// Whether it asks for what the receiver knows beyond them.
        is_question: bool,
    },
}

impl Datagram {
    /// Its bytes, to be sealed. The caller sees to it that they fit.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a vector takes any number of bytes and every type has a form")
    }

    /// From opened bytes.
    ///
    /// # Errors
    /// Anything that this version does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let datagram: Self = whole(versioned(bytes, MAX_DATAGRAM_BYTES)?)?;
        let identity = match &datagram {
            Self::Seek(meeting) | Self::Found(meeting) => Some(&meeting.me),
            Self::Leave(identity) | Self::Doubt { you: identity, .. } => Some(identity),
            Self::Swim(_) | Self::Digest(_) | Self::Fresh { .. } => None,
        };
        if identity.is_some_and(|identity| !identity.is_sound()) {
            return Err(Malformed::Value { field: "identity" });
        }
        Ok(datagram)
    }
}

impl Message {
    /// Its bytes, packed where it is long.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let plain = postcard::to_extend(self, Vec::new()).expect("a vector takes any number of bytes and every type has a form");
        pack(VERSION, &plain)
    }

    /// From the channel's bytes.
    ///
    /// # Errors
    /// Anything that this version does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let message: Self = whole(&unpack(versioned(bytes, MAX_MESSAGE_BYTES)?, MAX_MESSAGE_BYTES)?)?;
        match &message {
            Self::Push { records, .. } if !records.iter().all(is_sound) => Err(Malformed::Value { field: "record" }),
            Self::Give { records, .. } if !records.iter().all(is_sound) => Err(Malformed::Value { field: "record" }),
            Self::Want { keys, .. } | Self::Have { keys, .. } if keys.len() > MAX_KEYS => Err(Malformed::Value { field: "keys" }),
            Self::Roll { members, .. } if members.len() > MAX_MEMBERS || !members.iter().all(|member| member.id().is_sound()) => {
                Err(Malformed::Value { field: "members" })
            }
            _ => Ok(message),
        }
    }
}

/// About what a record takes in a message.
pub(crate) fn weight((id, record): &Named) -> usize {
    let json = record.json().map_or(0, |json| json.len());
    id.object.len() + json + 64 + 24 * record.ancestry.writers().count()
}

fn is_sound((id, record): &Named) -> bool {
    record.stamp.fate == Fate::of(&record.body)
        && (record.stamp.fate == Fate::Live || id.part == Part::Spec)
        && !id.object.is_empty()
        && id.object.len() <= MAX_OBJECT_BYTES
}

/// What follows the version.
fn versioned(bytes: &[u8], most: usize) -> Result<&[u8], Malformed> {
    if bytes.len() > most {
        return Err(Malformed::TooLong { bytes: bytes.len(), most });
    }
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        other => Err(Malformed::Version { version: other.map_or(0, |(version, _)| *version) }),
    }
}

fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let (value, rest) = postcard::take_from_bytes(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(Malformed::Trailing { bytes: rest.len() }) }
}
