//! What nodes say to each other, and how it travels: sealed datagrams over UDP, and QUIC with mutual TLS on the next port.
//!
//! ```text
//!  send_datagram ──▶ UDP, sealed ──────────────────────────▶ Datagram             may be lost
//!  send ──▶ queue of the peer ──▶ one long stream each way ─▶ Event::Message      in order; a failure is Event::Unreachable
//!  open_stream ──▶ a connection of its own ────────────────▶ IncomingStream       a request carried to another daemon
//! ```
//!
//! Connections are opened when something is to be said, and close after 30 s of silence; nothing keeps them up, but those of
//! [`Transport::open_stream`]. Each datagram and each message stream tells the digest of the sender's keys; whoever hears another digest
//! than its own exchanges keys with the sender, so that a removal or a new generation is everywhere within moments.
//!
//! [`Driver::run`] owns every task: a transport works only while it runs.

pub(super) mod connections;
mod driver;
mod exchange;
pub(super) mod framing;
mod inbound;
mod outbound;
pub(super) mod sockets;
mod statistics;

#[cfg(test)]
pub(super) mod tests;

use super::join::Doorman;
use super::trust::{Trust, moment};
use bytes::Bytes;
use connections::Connections;
pub use driver::Driver;
use outbound::Queues;
use pki::datagram::{Opened, PeerClock, Sealer};
pub use sockets::BindError;
pub use statistics::Counter;
use statistics::Statistics;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, mpsc};

/// The longest message.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// Datagrams, and other events, that wait for their reader. Datagrams past it are dropped, messages wait.
const EVENTS: usize = 1024;
/// Streams that wait to be taken.
const STREAMS: usize = 64;
/// Tasks that wait to be started.
const TASKS: usize = 1024;

/// A stream to or from another node: bytes both ways.
pub type PeerStream = tokio::io::Join<quinn::RecvStream, quinn::SendStream>;

/// What a transport needs.
pub struct TransportConfig {
    /// Where datagrams are received; QUIC is on the next port. Port 0 finds two free ones.
    pub gossip: SocketAddr,
    /// When this process started, milliseconds since the epoch: a greater one takes the place of a smaller one.
    pub instance_ms: u64,
    /// Who decides on joins, and what joiners are told; `None` admits nobody.
    pub doorman: Option<Arc<Doorman>>,
}

/// What came, or did not go.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Message {
        /// The sender, as its certificate names it.
        node: Arc<str>,
        /// What it says.
        bytes: Bytes,
    },
    /// Messages to this node were lost, or may have been.
    Unreachable {
        /// The node.
        node: String,
    },
}

/// A datagram that opened.
#[derive(Debug)]
pub struct Datagram {
    /// Where from: what answers go to.
    pub from: SocketAddr,
    /// What it says.
    pub opened: Opened,
}

/// A stream that another node opened.
pub struct IncomingStream {
    /// The node, as its certificate names it.
    pub node: Arc<str>,
    /// What it is for: whatever the other side gave to [`Transport::open_stream`].
    pub kind: u8,
    /// The bytes.
    pub stream: PeerStream,
}

/// What comes from other nodes.
pub struct Incoming {
    /// Datagrams, apart from messages: a reader that takes no more of these for a while still answers those who ask whether it lives.
    pub datagrams: mpsc::Receiver<Datagram>,
    /// Messages, failures.
    pub events: mpsc::Receiver<Event>,
    /// Streams. A transport whose reader dropped this refuses streams.
    pub streams: mpsc::Receiver<IncomingStream>,
}

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It is too long.
    #[error("{bytes} bytes are too long (at most {limit})")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The queue to this node is full.
    #[error("too much waits to be sent to {node} already")]
    Full {
        /// The node.
        node: String,
    },
    /// The kernel does not take it.
    #[error("cannot send a datagram to {to}")]
    Datagram {
        /// The address.
        to: SocketAddr,
        /// What it says.
        #[source]
        source: std::io::Error,
    },
    /// No connection.
    #[error("cannot reach {node} at {address}: {detail}")]
    Unreachable {
        /// The node.
        node: String,
        /// Where it was tried.
        address: SocketAddr,
        /// Why.
        detail: String,
    },
    /// The other side is a node of the cluster, and this one is none any more.
    #[error("this node was removed from the cluster")]
    Removed,
    /// The transport has ended.
    #[error("the daemon is ending")]
    Ended,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Sends to other nodes. Clones share it.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

/// What all tasks of a transport share. No lock is held across a wait.
struct Shared {
    trust: Trust,
    instance_ms: u64,
    socket: UdpSocket,
    /// The same socket, not blocking: sending needs no run time.
    sender: std::net::UdpSocket,
    endpoint: quinn::Endpoint,
    sealer: Mutex<Sealer>,
    connections: Connections,
    queues: Queues,
    statistics: Statistics,
    doorman: Option<Arc<Doorman>>,
    joins: super::join::Joins,
    tries: exchange::Tries,
    handshakes: Arc<Semaphore>,
    datagrams: mpsc::Sender<Datagram>,
    events: mpsc::Sender<Event>,
    streams: mpsc::Sender<IncomingStream>,
    tasks: mpsc::Sender<Task>,
}

impl Shared {
    fn sealer(&self) -> MutexGuard<'_, Sealer> {
        // Whatever panicked has left no half of a datagram behind.
        self.sealer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The QUIC address of a node whose datagrams go to `gossip`.
#[must_use]
pub fn quic_address(gossip: SocketAddr) -> SocketAddr {
    SocketAddr::new(gossip.ip(), gossip.port().saturating_add(1))
}

impl Transport {
    /// Binds both sockets. Nothing moves until [`Driver::run`].
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(config: TransportConfig, trust: Trust) -> Result<(Self, Incoming, Driver), BindError> {
        let keys = trust.keys();
        let sealer = Sealer::new(trust.identity(), config.instance_ms, &keys.bundle)?;
        let sockets::Sockets { socket, sender, endpoint } = sockets::bind(config.gossip, &trust)?;
        let (datagrams, datagrams_rx) = mpsc::channel(EVENTS);
        let (events, events_rx) = mpsc::channel(EVENTS);
        let (streams, streams_rx) = mpsc::channel(STREAMS);
        let (tasks, tasks_rx) = mpsc::channel(TASKS);
        let shared = Arc::new(Shared {
            trust,
            instance_ms: config.instance_ms,
            socket,
            sender,
            endpoint,
            sealer: Mutex::new(sealer),
            connections: Connections::default(),
            queues: Queues::default(),
            statistics: Statistics::default(),
            doorman: config.doorman,
            joins: super::join::Joins::default(),
            tries: exchange::Tries::default(),
            handshakes: driver::handshakes(),
            datagrams,
            events,
            streams,
            tasks,
        });
        let incoming = Incoming { datagrams: datagrams_rx, events: events_rx, streams: streams_rx };
        Ok((Self { shared: shared.clone() }, incoming, Driver::new(shared, tasks_rx)))
    }

    /// Where this node receives datagrams.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn gossip_address(&self) -> std::io::Result<SocketAddr> {
        self.shared.socket.local_addr()
    }

    /// Seals a datagram and sends it: it arrives once, or not at all.
    ///
    /// # Errors
    /// [`SendError::TooLong`] past [`pki::datagram::MAX_PAYLOAD`]; [`SendError::Datagram`] where the kernel knows that it cannot arrive.
    pub fn send_datagram(&self, to: SocketAddr, payload: &[u8]) -> Result<(), SendError> {
        let sealed = self.shared.sealer().seal(moment(), to, payload);
        let sealed = sealed.map_err(|too_long| SendError::TooLong { bytes: too_long.0, limit: pki::datagram::MAX_PAYLOAD })?;
        match self.shared.sender.send_to(&sealed, to) {
            Ok(_) => Ok(()),
            // A full buffer of the kernel is a lost datagram like any other.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(source) => Err(SendError::Datagram { to, source }),
        }
    }

    /// Queues a message to a node, whose datagrams go to `gossip`. Messages to one node arrive in their order; where some were lost,
    /// [`Event::Unreachable`] tells.
    ///
    /// # Errors
    /// [`SendError::TooLong`], [`SendError::Full`], [`SendError::Ended`].
    pub fn send(&self, node: &str, gossip: SocketAddr, message: Bytes) -> Result<(), SendError> {
        outbound::send(&self.shared, node, gossip, message)
    }

    /// Opens a stream to a node, whose datagrams go to `gossip`. `kind` (not 0) tells the other side what it is for. The stream has a
    /// connection of its own, which is kept up until it is dropped.
    ///
    /// # Errors
    /// [`SendError::Unreachable`].
    pub async fn open_stream(&self, node: &str, gossip: SocketAddr, kind: u8) -> Result<PeerStream, SendError> {
        outbound::open_stream(&self.shared, node, gossip, kind).await
    }

    /// Exchanges keys with whatever node answers at an address: for a start after a long sleep, before its datagrams are understood.
    ///
    /// # Errors
    /// [`SendError::Removed`], [`SendError::Unreachable`].
    pub async fn exchange_keys(&self, gossip: SocketAddr) -> Result<(), SendError> {
        exchange::with(&self.shared, gossip).await.map_err(|detail| match detail.as_str() {
            connections::REMOVED => SendError::Removed,
            _ => SendError::Unreachable { node: "a node of the cluster".to_owned(), address: quic_address(gossip), detail },
        })
    }

    /// Closes what there is to a node: it is known to be gone. What waits for it is told as [`Event::Unreachable`].
    pub fn forget(&self, node: &str) {
        self.shared.connections.close(node, "forgotten");
    }

    /// The round trip to each node that was measured, and its clock's offset, by its name: whatever address its datagrams come from.
    #[must_use]
    pub fn clocks(&self) -> HashMap<String, PeerClock> {
        let measured: HashMap<u64, PeerClock> = self.shared.sealer().clocks().collect();
        let bundle = self.shared.trust.keys().bundle;
        let members = bundle.members().iter().filter(|(identity, _)| !bundle.is_denied(**identity));
        members.filter_map(|(identity, name)| Some((name.clone(), *measured.get(&identity.short())?))).collect()
    }

    /// What was counted since the start, each with its name.
    #[must_use]
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let mut counters = self.shared.statistics.list();
        let sealer = self.shared.sealer();
        counters.extend(pki::datagram::Refused::ALL.map(|reason| (reason.word(), sealer.refused(reason))));
        counters
    }
}
