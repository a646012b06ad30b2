//! One connection: the greeting, then numbered requests, each a task of its own that this one owns.
//!
//! The reader never waits for a request's work, and the writer is apart: a client that does not read stops only its own
//! streams, and one that vanishes ends them all.

use super::inbox::{Full, Inbox};
use super::outbox::{Outbox, Window, outbox};
use super::peer::Peer;
use super::requests;
use crate::verbs::Verbs;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use objects::Status;
use rest::rights::Caller;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::{debug, info};
use wire::{ClientMessage, DEFAULT_WINDOW, MAX_FRAME_BYTES, PROTOCOL, Request, ServerHello, ServerMessage, StreamFrame};

/// How long a client may take to greet us.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests and streams of one connection at once.
const MAX_ACTIVE: usize = 512;

/// A request that is being worked on.
struct Active {
    window: Arc<Window>,
    inbox: Arc<Inbox>,
    /// Dropped or used: the client wants no more.
    cancel: Option<oneshot::Sender<()>>,
}

/// Why a connection is closed by us.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no greeting within {} s", HELLO_TIMEOUT.as_secs())]
    Late,
    #[error("the first message is no greeting")]
    NoHello,
    #[error("a message that cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("request number {0} is in use")]
    Reused(u32),
    #[error("a binary frame shorter than its header")]
    Short,
    #[error("bytes for number {0}, which was not asked for")]
    Stray(u32),
    #[error("request number {0} was sent more bytes than it asked for")]
    TooMuch(u32),
    #[error("the websocket broke")]
    Socket(#[from] Box<tungstenite::Error>),
    #[error("the client went away")]
    Gone,
}

/// Serves one connection to its end.
pub async fn serve<S>(socket: WebSocketStream<S>, peer: Peer, caller: Caller, verbs: Arc<Verbs>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeted = tokio::time::timeout(HELLO_TIMEOUT, greet(socket)).await.unwrap_or(Err(Fault::Late));
    let (socket, agent) = match greeted {
        Ok(greeted) => greeted,
        Err(fault) => {
            debug!(%peer, %fault, "a connection ended before its greeting");
            return;
        }
    };
    debug!(%peer, agent, "connected");
    let (sink, stream) = socket.split();
    let (outbox, outgoing) = outbox();
    let hello = ServerHello {
        version: PROTOCOL,
        node: verbs.node_name().to_owned(),
        daemon: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: verbs.epoch(),
    };
    let caller = Arc::new(caller);
    let mut session = Session { verbs, caller, outbox, active: HashMap::new(), newest: None, tasks: JoinSet::new() };
    let reading = async {
        if session.outbox.send(&ServerMessage::Hello(hello)).await.is_err() {
            return Fault::Gone;
        }
        session.read(stream).await
    };
    // The writer ends when the socket is broken; the reader when the client closed it or misbehaved. Either way all that is
    // left is to drop what was queued.
    tokio::select! {
        fault = reading => match fault {
            Fault::Gone | Fault::Socket(_) => debug!(%peer, agent, "disconnected"),
            fault => info!(%peer, agent, %fault, "a connection was closed for a fault"),
        },
        () = outgoing.write_to(sink) => debug!(%peer, agent, "disconnected"),
    }
}

/// What a console may send.
pub fn configuration() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES))
}

async fn greet<S>(mut socket: WebSocketStream<S>) -> Result<(WebSocketStream<S>, String), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match socket.next().await {
        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text)? {
            // Another major version is told ours and decides for itself; it cannot do harm with requests we cannot read.
            ClientMessage::Hello { agent, .. } => Ok((socket, agent.chars().take(128).collect())),
            _ => Err(Fault::NoHello),
        },
        Some(Err(error)) => Err(Box::new(error).into()),
        _ => Err(Fault::NoHello),
    }
}

struct Session {
    verbs: Arc<Verbs>,
    caller: Arc<Caller>,
    outbox: Outbox,
    active: HashMap<u32, Active>,
    /// The greatest number of a request so far.
    newest: Option<u32>,
    tasks: JoinSet<u32>,
}

impl Session {
    async fn read<S>(&mut self, mut stream: SplitStream<WebSocketStream<S>>) -> Fault
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            // A websocket keeps what it has read of a frame, so nothing is lost when a task's end comes first.
            tokio::select! {
                biased;
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Ok(id) = done {
                        self.active.remove(&id);
                    }
                }
                message = stream.next() => {
                    let result = match message {
                        Some(Ok(Message::Text(text))) => self.take(&text).await,
                        Some(Ok(Message::Binary(frame))) => self.take_bytes(&frame),
                        Some(Ok(Message::Close(_))) | None => Err(Fault::Gone),
                        Some(Ok(_)) => Ok(()),
                        Some(Err(error)) => Err(Box::new(error).into()),
                    };
                    if let Err(fault) = result {
                        return fault;
                    }
                }
            }
        }
    }

    async fn take(&mut self, text: &str) -> Result<(), Fault> {
        match serde_json::from_str(text) {
            Ok(ClientMessage::Hello { .. }) => Err(Fault::NoHello),
            Ok(ClientMessage::Request { id, request }) => self.start(id, request).await,
            Ok(ClientMessage::Credit { id, bytes }) => {
                // A stream that has just ended may still get some.
                if let Some(active) = self.active.get(&id) {
                    active.window.give(bytes);
                    active.inbox.credit(bytes);
                }
                Ok(())
            }
            Ok(ClientMessage::Cancel { id }) => {
                if let Some(cancel) = self.active.get_mut(&id).and_then(|active| active.cancel.take()) {
                    let _ = cancel.send(());
                }
                Ok(())
            }
            Err(error) => self.unreadable(text, error).await,
        }
    }

    /// Bytes for a stream go to whoever works on it. The reader never waits for that one, so there is a limit.
    fn take_bytes(&mut self, frame: &Bytes) -> Result<(), Fault> {
        let StreamFrame { id, channel, .. } = StreamFrame::try_from_bytes(frame).ok_or(Fault::Short)?;
        match self.active.get(&id) {
            Some(active) => {
                let kept = active.inbox.bytes(channel, frame.slice(StreamFrame::HEADER_BYTES..));
                kept.map_err(|Full| Fault::TooMuch(id))
            }
            // A stream that has just ended may still get some.
            None if self.newest.is_some_and(|newest| id <= newest) => Ok(()),
            None => Err(Fault::Stray(id)),
        }
    }

    /// A request that this version does not know is refused; what has no number cannot be answered and ends the connection.
    async fn unreadable(&mut self, text: &str, error: serde_json::Error) -> Result<(), Fault> {
        #[derive(serde::Deserialize)]
        struct Numbered {
            id: u32,
        }
        let Ok(Numbered { id }) = serde_json::from_str(text) else { return Err(error.into()) };
        self.refuse(id, Status::bad_request(format!("the request cannot be read: {error}"))).await
    }

    async fn start(&mut self, id: u32, request: Request) -> Result<(), Fault> {
        if self.active.contains_key(&id) {
            return Err(Fault::Reused(id));
        }
        if self.active.len() >= MAX_ACTIVE {
            let status = Status {
                code: 429,
                reason: "TooManyRequests".to_owned(),
                message: format!("this connection has {MAX_ACTIVE} requests open"),
                details: None,
            };
            return self.refuse(id, status).await;
        }
        let window = Arc::new(Window::new(request.window().unwrap_or(DEFAULT_WINDOW)));
        self.newest = self.newest.max(Some(id));
        let inbox = Arc::new(Inbox::default());
        let (cancel, cancelled) = oneshot::channel();
        self.active.insert(id, Active { window: window.clone(), inbox: inbox.clone(), cancel: Some(cancel) });
        let call = requests::Call {
            id,
            verbs: self.verbs.clone(),
            caller: self.caller.clone(),
            outbox: self.outbox.clone(),
            window,
            inbox,
        };
        self.tasks.spawn(async move {
            call.run(request, cancelled).await;
            id
        });
        Ok(())
    }

    async fn refuse(&mut self, id: u32, status: Status) -> Result<(), Fault> {
        let refusal = ServerMessage::Response { id, result: Err(status) };
        self.outbox.send(&refusal).await.map_err(|_| Fault::Gone)
    }
}
