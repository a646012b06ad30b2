//! What goes into the engine and what comes out: the whole of its contact with the world.

use crate::member::{Identity, Member};
use crate::standing::Standing;
use crate::wire::Named;
use control::clock::Now;
use control::record::{RecordId, Stamp};
use control::version::NodeId;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the engine starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who this node is. `instance` should be greater than that of any start before.
    pub identity: Identity,
    /// For the engine's random choices.
    pub seed: u64,
    /// What the records are worth: [`Standing::Fresh`] where there are none and the node joins a cluster, [`Standing::Returning`] where its
    /// last contact is longer ago than tombstones are kept, [`Standing::Settled`] otherwise, and for the first node of a cluster.
    pub standing: Standing,
    /// How long deletions are remembered, with a margin for clocks: who sees nobody for longer returns, even if it never stopped.
    pub horizon_ms: u64,
    /// Members of before, as far as they are remembered, and since when each is not seen: they are looked for.
    pub known: Vec<(Identity, Now)>,
    /// Addresses to join by, looked for until each has answered once.
    pub join: Vec<SocketAddr>,
    /// Nodes that the operator removed.
    pub denied: BTreeSet<NodeId>,
    /// All records that the store holds.
    pub records: Vec<(RecordId, Stamp)>,
}

/// What happened. Each can come late, or twice.
#[derive(Debug, Clone)]
pub enum Input {
    /// Nothing: it may be time for a timer. To be said at [`crate::Engine::wake_at`].
    Tick,
    /// A datagram came, and was opened.
    Datagram {
        /// Where from.
        from: SocketAddr,
        /// Its plaintext.
        bytes: Vec<u8>,
    },
    /// A message came on the reliable channel.
    Message {
        /// Whom the channel's certificate names.
        from: NodeId,
        /// All of its bytes.
        bytes: Vec<u8>,
    },
    /// The channel to a peer broke or could not be opened: what was given out for it lately may not have arrived.
    Unreachable {
        /// The peer.
        peer: NodeId,
    },
    /// This node wrote records: they are in the store, as safe as they will be, and go to the others. What is said in one input travels
    /// together.
    Changed(Vec<Named>),
    /// What became of records that [`Output::Merge`] brought, and of others that they pushed out.
    Merged(Vec<Merged>),
    /// Records that the store dropped at their expiry.
    Forgotten(Vec<(RecordId, Stamp)>),
    /// All that the store holds: changes of it may have been missed.
    Held(Vec<(RecordId, Stamp)>),
    /// The answer to [`Output::Load`].
    Loaded {
        /// Of the question.
        token: u64,
        /// How many of its names were looked at, in order: at least one.
        read: usize,
        /// What there is of these.
        records: Vec<Named>,
    },
    /// The answer to [`Output::Review`]: those that were dropped.
    Reviewed {
        /// Dropped from the store.
        dropped: Vec<(RecordId, Stamp)>,
    },
    /// More addresses to join by.
    Join(Vec<SocketAddr>),
    /// The nodes that the operator removed, all of them: nothing of theirs counts any more.
    Denied(BTreeSet<NodeId>),
    /// This node leaves. What the engine answers is to be sent; after that it says and takes nothing.
    Leave,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Its name.
    pub id: RecordId,
    /// Its stamp.
    pub stamp: Stamp,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a replica did with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is held now.
    Kept,
    /// It was known, or something greater is: it is not held.
    Known,
    /// It is not taken: its clock is too far ahead, it has expired, it is not valid. It is not asked for again for a minute.
    Refused,
    /// It was held, and one that came in replaced its object.
    Gone,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Seal and send this; nobody waits for it.
    Datagram {
        /// Where to.
        to: SocketAddr,
        /// The plaintext, of at most [`crate::MAX_DATAGRAM_BYTES`].
        bytes: Vec<u8>,
    },
    /// Send this on the reliable channel, in order with what was given out for that peer before. If it cannot be:
    /// [`Input::Unreachable`].
    Message {
        /// The peer.
        to: NodeId,
        /// Where its datagrams are received; its reliable channel is found from that.
        address: SocketAddr,
        /// The bytes of one message.
        bytes: Vec<u8>,
    },
    /// Merge these into the store, and say what became of each: [`Input::Merged`].
    Merge {
        /// Whom they came from.
        from: NodeId,
        /// The records.
        records: Arc<Vec<Named>>,
    },
    /// Read these from the store: [`Input::Loaded`].
    Load {
        /// Repeated in the answer.
        token: u64,
        /// What to read, in this order.
        ids: Vec<RecordId>,
        /// Once it is more than this, stop.
        max_bytes: usize,
    },
    /// The cluster does not know these records, which this returning node holds. Drop those of objects that were born before the last
    /// contact (they were deleted, and the deletion is forgotten already), keep the others, and answer with [`Input::Reviewed`].
    Review {
        /// All parts of such objects.
        records: Vec<(RecordId, Stamp)>,
    },
    /// Something is known of a member that was not. Worth remembering on disk: identity and state.
    Member(Member),
    /// This node has what the cluster has, and counts as such from now on.
    Settled,
}
