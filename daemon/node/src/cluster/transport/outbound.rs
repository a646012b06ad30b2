//! What goes out: a bounded queue and a task for each node that is spoken to, and streams with a connection of their own.
//!
//! ```text
//!            first message             connected                     30 s of silence
//!  (no task) ─────────────▶ connecting ─────────▶ stream is open ────────────────────▶ (no task)
//!                               │  failed: what waits is lost, Unreachable   ▲ │ broken: Unreachable
//!                               └──────────▶ waits for the next message ─────┘◀┘
//! ```

use super::connections::{CODE_GONE, CONNECT, Whom, dial, explain};
use super::framing::{self, Hello};
use super::sockets::{IDLE, Silence};
use super::{Event, MAX_MESSAGE_BYTES, PeerStream, SendError, Shared, inbound, quic_address};
use bytes::Bytes;
use quinn::{Connection, SendStream};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

/// Messages that wait for one node.
const MESSAGES: usize = 1024;
/// Their bytes.
const BYTES: usize = 64 << 20;
/// A node that acknowledges nothing for so long after a message is taken for gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(4);
/// A node that takes nothing for so long is taken for gone.
const STALLED: Duration = Duration::from_secs(15);

/// The queues, by node.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<HashMap<String, Queue>>);

#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Outgoing {
    address: SocketAddr,
    message: Bytes,
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        // Every change of the table is one step: it is whole after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn send(shared: &Arc<Shared>, node: &str, gossip: SocketAddr, message: Bytes) -> Result<(), SendError> {
    let bytes = message.len();
    if bytes > MAX_MESSAGE_BYTES {
        return Err(SendError::TooLong { bytes, limit: MAX_MESSAGE_BYTES });
    }
    let full = || SendError::Full { node: node.to_owned() };
    let mut queues = shared.queues.lock();
    if !queues.contains_key(node) {
        let (sender, receiver) = mpsc::channel(MESSAGES);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let speaker = Speaker {
            shared: shared.clone(),
            node: node.to_owned(),
            queue: receiver,
            waiting_bytes: waiting_bytes.clone(),
            open: None,
        };
        shared.tasks.try_send(Box::pin(speaker.run())).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => full(),
            mpsc::error::TrySendError::Closed(_) => SendError::Ended,
        })?;
        queues.insert(node.to_owned(), Queue { sender, waiting_bytes });
    }
    let queue = queues.get(node).ok_or_else(full)?;
    if queue.waiting_bytes.load(Ordering::Relaxed).saturating_add(bytes) > BYTES {
        return Err(full());
    }
    let outgoing = Outgoing { address: quic_address(gossip), message };
    match queue.sender.try_send(outgoing) {
        Ok(()) => {
            queue.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
            Ok(())
        }
        Err(mpsc::error::TrySendError::Full(_)) => Err(full()),
        // Its task is gone without having said so, which a panic does: the next message gets a new one.
        Err(mpsc::error::TrySendError::Closed(_)) => {
            queues.remove(node);
            Err(full())
        }
    }
}

/// The task that speaks to one node.
struct Speaker {
    shared: Arc<Shared>,
    node: String,
    queue: mpsc::Receiver<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    open: Option<Open>,
}

/// The stream that is open.
struct Open {
    connection: Connection,
    stream: SendStream,
    /// The first message that was written since the last look: how many acknowledgements had come then, and when that was.
    unanswered: Option<(u64, Instant)>,
}

/// What a speaker waits for.
enum Turn {
    Message(Outgoing),
    Closed,
    Unacknowledged,
    Silence,
}

impl Speaker {
    async fn run(mut self) {
        loop {
            match self.turn().await {
                Turn::Message(outgoing) => {
                    self.waiting_bytes.fetch_sub(outgoing.message.len(), Ordering::Relaxed);
                    if let Err(why) = self.write(outgoing).await {
                        debug!(node = self.node, why, "a message was not delivered");
                        self.fail().await;
                    }
                }
                Turn::Unacknowledged => self.look_for_acknowledgement().await,
                Turn::Closed => {
                    let Some(open) = self.open.take() else { continue };
                    // A connection that ended in silence has lost nothing; any other may have.
                    let is_silence = matches!(open.connection.close_reason(), Some(quinn::ConnectionError::TimedOut));
                    if !is_silence || open.is_unacknowledged() {
                        self.fail().await;
                    }
                }
                Turn::Silence => {
                    let mut queues = self.shared.queues.lock();
                    // Whoever sends holds the same lock: nothing comes between the look and the removal.
                    if self.queue.is_empty() {
                        queues.remove(&self.node);
                        return;
                    }
                }
            }
        }
    }

    async fn turn(&mut self) -> Turn {
        let Some(open) = &self.open else {
            return match tokio::time::timeout(IDLE, self.queue.recv()).await {
                Ok(Some(outgoing)) => Turn::Message(outgoing),
                Ok(None) | Err(_) => Turn::Silence,
            };
        };
        let look_at = open.unanswered.map_or_else(Instant::now, |(_, at)| at + UNACKNOWLEDGED);
        // A queue loses nothing when another arm wins; the other two only wait, and come first: a busy queue must not hide them.
        tokio::select! {
            biased;
            _ = open.connection.closed() => Turn::Closed,
            () = tokio::time::sleep_until(look_at), if open.unanswered.is_some() => Turn::Unacknowledged,
            message = self.queue.recv() => message.map_or(Turn::Silence, Turn::Message),
        }
    }

    async fn look_for_acknowledgement(&mut self) {
        let Some(open) = &mut self.open else { return };
        if open.is_unacknowledged() {
            open.connection.close(CODE_GONE, b"no acknowledgement");
            self.fail().await;
        } else {
            open.unanswered = None;
        }
    }

    async fn write(&mut self, outgoing: Outgoing) -> Result<(), String> {
        if self.open.as_ref().is_some_and(|open| open.connection.close_reason().is_some()) {
            self.open = None;
        }
        if self.open.is_none() {
            self.open = Some(self.connect(outgoing.address).await?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let acknowledged = acknowledgements(&open.connection);
        let written = tokio::time::timeout(STALLED, framing::write(&mut open.stream, outgoing.message)).await;
        written.map_err(|_| "it takes nothing".to_owned())?.map_err(|error| error.to_string())?;
        open.unanswered.get_or_insert((acknowledged, Instant::now()));
        Ok(())
    }

    async fn connect(&self, address: SocketAddr) -> Result<Open, String> {
        let shared = &self.shared;
        let connection = match shared.connections.with(&self.node) {
            Some(connection) => connection,
            None => {
                let (connection, holder) = dial(shared, Whom::Node(&self.node), address, Silence::Ends).await?;
                inbound::keep(shared, connection.clone(), holder)?;
                connection
            }
        };
        let opened = tokio::time::timeout(CONNECT, connection.open_uni()).await;
        let mut stream = opened.map_err(|_| "it lets no stream be opened".to_owned())?.map_err(|error| error.to_string())?;
        let hello = Hello { instance_ms: shared.instance_ms, trust_digest: shared.trust.keys().trust_digest };
        hello.write(&mut stream).await.map_err(|error| error.to_string())?;
        Ok(Open { connection, stream, unanswered: None })
    }

    /// What waits is lost with the message that failed: it would come too late, and its sender has other ways.
    async fn fail(&mut self) {
        if let Some(open) = self.open.take() {
            // Half a message may be on its way: nothing may follow it on this stream.
            open.connection.close(CODE_GONE, b"a message was not delivered");
        }
        while let Ok(outgoing) = self.queue.try_recv() {
            self.waiting_bytes.fetch_sub(outgoing.message.len(), Ordering::Relaxed);
        }
        // An error means that the daemon ends.
        let _ = self.shared.events.send(Event::Unreachable { node: self.node.clone() }).await;
    }
}

impl Open {
    fn is_unacknowledged(&self) -> bool {
        self.unanswered.is_some_and(|(before, _)| acknowledgements(&self.connection) == before)
    }
}

fn acknowledgements(connection: &Connection) -> u64 {
    connection.stats().frame_rx.acks
}

pub(super) async fn open_stream(shared: &Shared, node: &str, gossip: SocketAddr, kind: u8) -> Result<PeerStream, SendError> {
    let address = quic_address(gossip);
    let failed = |detail: String| SendError::Unreachable { node: node.to_owned(), address, detail };
    let (connection, _) = dial(shared, Whom::Stream(node), address, Silence::IsKeptUp).await.map_err(failed)?;
    let opened = tokio::time::timeout(CONNECT, connection.open_bi()).await;
    let opened = opened.map_err(|_| failed("it lets no stream be opened".to_owned()))?;
    let (mut send, receive) = opened.map_err(|error| failed(error.to_string()))?;
    let told = send.write_all(&[kind]).await;
    // Where the other side closed the connection, its reason says more than the stream's.
    told.map_err(|error| failed(connection.close_reason().map_or(error.to_string(), |reason| explain(&reason))))?;
    Ok(tokio::io::join(receive, send))
}
