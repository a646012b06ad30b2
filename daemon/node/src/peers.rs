//! The other daemons of the cluster, as the verbs see them: who there is, a way to ask one of them, and an end to one.

use futures_util::future::BoxFuture;
use objects::Status;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use wire::{Member, MemberState, Members};

/// What a stream between daemons is for: to be served as the API.
pub const API_STREAM: u8 = 1;

/// Bytes in both directions, to and from another daemon.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A stream to another daemon. Dropping it ends what was asked over it; its end or an error says that the other is gone.
pub type ByteStream = Box<dyn Duplex>;

/// What the verbs ask of the cluster.
pub trait Peers: Send + Sync {
    /// All members as this node sees them now, itself among them.
    fn members(&self) -> Members;

    /// What the protocol between daemons counted; none where there is no such protocol.
    fn counters(&self) -> Option<gossip::Counters> {
        None
    }

    /// Opens a stream to the API of a node's daemon: what is at its other end is served by [`crate::api::serve_peer`]. The caller
    /// bounds the wait.
    fn dial<'a>(&'a self, node: &'a str) -> BoxFuture<'a, io::Result<ByteStream>>;

    /// Denies a node's identity for good, on every node, and makes what it knows worthless. Done again, it changes nothing.
    fn remove<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<(), Status>>;
}

/// The peers of a node that is of no cluster: none.
#[derive(Debug)]
pub struct Alone {
    node: String,
    since: i64,
}

impl Alone {
    /// A node by itself, since now.
    pub fn new(node: &str) -> Self {
        Self { node: node.to_owned(), since: jiff::Timestamp::now().as_second() }
    }
}

impl Peers for Alone {
    fn members(&self) -> Members {
        let member = Member {
            name: self.node.clone(),
            state: MemberState::Alive,
            since: self.since,
            address: String::new(),
            round_trip_ms: None,
            clock_offset_ms: None,
            is_self: true,
            instance: u64::try_from(self.since).unwrap_or_default() * 1000,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let as_of = jiff::Timestamp::now().as_second();
        Members { node: self.node.clone(), cluster: String::new(), as_of, members: vec![member] }
    }

    fn dial<'a>(&'a self, node: &'a str) -> BoxFuture<'a, io::Result<ByteStream>> {
        let error = io::Error::new(io::ErrorKind::NotFound, format!("this node is of no cluster that {node} is of"));
        Box::pin(std::future::ready(Err(error)))
    }

    fn remove<'a>(&'a self, _node: &'a str) -> BoxFuture<'a, Result<(), Status>> {
        // Nobody could come in with its identity.
        Box::pin(std::future::ready(Ok(())))
    }
}
