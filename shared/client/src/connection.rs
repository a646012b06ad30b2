//! One connection: the greeting, numbered requests, and the driver that moves messages both ways.
//!
//! The driver runs two loops side by side, one that only reads and one that only writes, so that a daemon that is slow to
//! read cannot keep its answers from us. Requests come through a bounded queue; each stream holds a place in the queue of
//! cancellations from its start, so that dropping it always works.

use crate::duplex::{DuplexReader, DuplexSender, duplex};
use crate::handle::{Opened, StreamHandle};
use crate::pending::{After, Forget, Pending, Waiter};
use crate::{Address, ByteStream, ClientError, PullStream, WatchStream, ssh, tls};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use wire::{
    ClientMessage, DEFAULT_WINDOW, ImagePullRequest, LIST_WINDOW, LogsRequest, PROTOCOL, PodProbes, ProbesRequest, Request,
    Response, Selection, ServerHello, ServerMessage, WatchRequest,
};

/// How long a daemon may take to greet us.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SSH and a daemon behind it may take.
const SSH_TIMEOUT: Duration = Duration::from_secs(20);
/// How long ssh may go on to say why it ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Requests that wait to be written.
const COMMANDS: usize = 256;
/// Streams that one connection may have open.
const MAX_STREAMS: usize = 1024;
/// Items that wait for a stream's reader; the window limits their bytes.
const STREAM_ITEMS: usize = 8192;

/// The bytes of a connection, whatever carries them: a socket, TLS, another program.
pub trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

type Socket = WebSocketStream<Box<dyn Carrier>>;

/// One connection to a daemon. Clones share it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    hello: ServerHello,
    next_id: AtomicU32,
    pending: Arc<Pending>,
    commands: mpsc::Sender<Message>,
    cancels: mpsc::Sender<Message>,
}

/// Moves the messages of one connection. It must run for the connection to work.
#[must_use = "a connection works only while its driver runs"]
pub struct Driver {
    socket: Socket,
    pending: Arc<Pending>,
    commands: mpsc::Receiver<Message>,
    cancels: mpsc::Receiver<Message>,
}

/// Connects to a daemon and greets it. `agent` names the program for the daemon's log: `skiff/0.1.0`.
///
/// # Errors
/// [`ClientError::Connect`] where nobody listens, [`ClientError::Handshake`] where it is no daemon of ours,
/// [`ClientError::Version`] where it is of another major version.
pub async fn connect(address: &Address, agent: &str) -> Result<(Client, Driver), ClientError> {
    if let Address::Ssh(host) = address {
        return connect_by_ssh(address, host, agent).await;
    }
    let stream = dial(address).await?;
    match tokio::time::timeout(HELLO_TIMEOUT, greet(address, stream, agent)).await {
        Ok(greeted) => {
            let (socket, hello) = greeted?;
            Ok(assemble(socket, hello))
        }
        Err(_) => {
            Err(ClientError::Handshake { address: address.clone(), detail: format!("no greeting within {HELLO_TIMEOUT:?}") })
        }
    }
}

/// A connection to a daemon over which nothing was said yet: for HTTP, which the daemon answers at the same door.
///
/// # Errors
/// [`ClientError::Connect`] where nobody listens, [`ClientError::Handshake`] where it is no daemon of ours.
pub async fn dial(address: &Address) -> Result<Box<dyn Carrier>, ClientError> {
    match address {
        Address::Unix(path) => match UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(source) => Err(ClientError::Connect { address: address.clone(), source }),
        },
        Address::Tls(remote) => Ok(Box::new(tls::connect(address, remote).await?)),
        Address::Ssh(host) => match ssh::connect(host) {
            Ok((stream, _)) => Ok(Box::new(stream)),
            Err(error) => Err(ClientError::Handshake { address: address.clone(), detail: format!("cannot run ssh: {error}") }),
        },
    }
}

/// The other machine's SSH needs longer than a daemon, and what it says is the only explanation where it fails.
async fn connect_by_ssh(address: &Address, host: &ssh::SshHost, agent: &str) -> Result<(Client, Driver), ClientError> {
    let handshake = |detail: String| ClientError::Handshake { address: address.clone(), detail };
    let started = ssh::connect(host).map_err(|error| handshake(format!("cannot run ssh: {error}")))?;
    let (stream, said) = started;
    let greeted = tokio::time::timeout(SSH_TIMEOUT, greet(address, Box::new(stream), agent)).await;
    let why = match greeted {
        Ok(Ok((socket, hello))) => return Ok(assemble(socket, hello)),
        Ok(Err(error @ ClientError::Version { .. })) => return Err(error),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no greeting within {SSH_TIMEOUT:?}"),
    };
    // Its last words may come a moment after its output ended.
    tokio::time::sleep(LAST_WORDS).await;
    let said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    Err(handshake(if said.is_empty() { why } else { format!("ssh says: {said}") }))
}

async fn greet(address: &Address, stream: Box<dyn Carrier>, agent: &str) -> Result<(Socket, ServerHello), ClientError> {
    // A server looks at our certificate after we take the handshake for done: its refusal may come as an answer to the first bytes.
    let handshake = |detail: String| ClientError::Handshake { address: address.clone(), detail: tls::explain(&detail) };
    let config =
        WebSocketConfig::default().max_message_size(Some(wire::MAX_ANSWER_BYTES)).max_frame_size(Some(wire::MAX_ANSWER_BYTES));
    let (mut socket, _) = tokio_tungstenite::client_async_with_config("ws://localhost/v1", stream, Some(config))
        .await
        .map_err(|error| handshake(error.to_string()))?;
    let hello = ClientMessage::Hello { version: PROTOCOL, agent: agent.to_owned() };
    socket.send(to_text(&hello)).await.map_err(|error| handshake(error.to_string()))?;
    let answer = match socket.next().await {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(Message::Close(Some(frame)))) => return Err(handshake(frame.reason.to_string())),
        Some(Ok(other)) => return Err(handshake(format!("{other:?} in place of a greeting"))),
        Some(Err(error)) => return Err(handshake(error.to_string())),
        None => return Err(handshake("it closed the connection".to_owned())),
    };
    match serde_json::from_str(&answer) {
        Ok(ServerMessage::Hello(hello)) if hello.version.major == PROTOCOL.major => Ok((socket, hello)),
        Ok(ServerMessage::Hello(hello)) => Err(ClientError::Version {
            daemon: format!("{}.{}", hello.version.major, hello.version.minor),
            client: format!("{}.{}", PROTOCOL.major, PROTOCOL.minor),
        }),
        Ok(_) => Err(handshake("an answer before the greeting".to_owned())),
        Err(error) => Err(handshake(error.to_string())),
    }
}

fn assemble(socket: Socket, hello: ServerHello) -> (Client, Driver) {
    let pending = Arc::new(Pending::default());
    let (commands, commands_rx) = mpsc::channel(COMMANDS);
    let (cancels, cancels_rx) = mpsc::channel(MAX_STREAMS);
    let shared = Shared { hello, next_id: AtomicU32::new(1), pending: pending.clone(), commands, cancels };
    let driver = Driver { socket, pending, commands: commands_rx, cancels: cancels_rx };
    (Client { shared: Arc::new(shared) }, driver)
}

impl Client {
    /// What the daemon said of itself.
    #[must_use]
    pub fn hello(&self) -> &ServerHello {
        &self.shared.hello
    }

    /// Asks one question that has one answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the daemon's status, [`ClientError::Lost`] where the connection ended first.
    pub async fn request(&self, request: Request) -> Result<Response, ClientError> {
        let (reader, answer) = oneshot::channel();
        let id = self.start(request, Waiter::Answer { reader, parts: Vec::new() }).await?;
        // Whoever drops this future wants no answer: the place in the table goes with it.
        let _guard = Forget { id, pending: &self.shared.pending };
        match answer.await {
            Ok(result) => result.map_err(ClientError::Refused),
            Err(_) => Err(self.shared.pending.lost()),
        }
    }

    /// Watches objects of a kind: a snapshot, then changes; with `resume_from` only the changes after that version.
    ///
    /// # Errors
    /// As [`Client::request`]; a version that cannot be resumed is refused with 410.
    pub async fn watch(
        &self,
        kind: objects::Kind,
        selection: Selection,
        resume_from: Option<String>,
    ) -> Result<WatchStream, ClientError> {
        let mut stream = self.watch_in_parts(kind, selection, resume_from).await?;
        stream.gather().await?;
        Ok(stream)
    }

    /// The same, as soon as the first part of the snapshot is here; [`WatchStream::next_part`] has the others.
    ///
    /// # Errors
    /// As [`Client::watch`].
    pub async fn watch_in_parts(
        &self,
        kind: objects::Kind,
        selection: Selection,
        resume_from: Option<String>,
    ) -> Result<WatchStream, ClientError> {
        let request = WatchRequest { kind, selection, resume_from: resume_from.clone(), window: LIST_WINDOW, in_parts: true };
        match self.open_stream(Request::Watch(request)).await? {
            (Response::List(list), stream) => Ok(WatchStream::new(stream, list, resume_from.is_some())),
            (other, _) => Err(ClientError::protocol(format!("a watch began with {other:?}"))),
        }
    }

    /// Reads a container's log. The request's window is set here.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn logs(&self, request: LogsRequest) -> Result<ByteStream, ClientError> {
        let request = LogsRequest { window: DEFAULT_WINDOW, ..request };
        match self.open_stream(Request::Logs(request)).await? {
            (Response::Stream, stream) => Ok(ByteStream::new(stream)),
            (other, _) => Err(ClientError::protocol(format!("a log began with {other:?}"))),
        }
    }

    /// What the probes of a pod came to lately, wherever it runs.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn probes(&self, request: ProbesRequest) -> Result<PodProbes, ClientError> {
        match self.request(Request::Probes(request)).await? {
            Response::Probes(probes) => Ok(probes),
            other => Err(ClientError::protocol(format!("the probes of a pod were answered with {other:?}"))),
        }
    }

    pub(crate) async fn open_duplex(&self, request: Request) -> Result<(DuplexSender, DuplexReader), ClientError> {
        match self.open_stream(request).await? {
            (Response::Stream, stream) => Ok(duplex(stream)),
            (other, _) => Err(ClientError::protocol(format!("a stream began with {other:?}"))),
        }
    }

    /// Pulls an image; the stream tells how far it is and then what came.
    ///
    /// # Errors
    /// [`ClientError::Lost`] where there is no connection any more. A pull that fails says so in its last step.
    pub async fn pull(&self, request: ImagePullRequest) -> Result<PullStream, ClientError> {
        self.pull_on(None, request).await
    }

    /// The same on another node, which the daemon asks.
    ///
    /// # Errors
    /// As [`Client::pull`].
    pub async fn pull_on(&self, node: Option<&str>, request: ImagePullRequest) -> Result<PullStream, ClientError> {
        let (items, reader) = mpsc::channel(64);
        let pull = Request::ImagePull(request);
        let request = match node {
            None => pull,
            Some(node) => Request::On { node: node.to_owned(), request: Box::new(pull) },
        };
        let stream = self.open(request, Waiter::Progress(items), reader).await?;
        Ok(PullStream::new(stream))
    }

    async fn open_stream(&self, request: Request) -> Result<(Response, Opened), ClientError> {
        let (start, answer) = oneshot::channel();
        let (items, reader) = mpsc::channel(STREAM_ITEMS);
        let opened = self.open(request, Waiter::Stream { start: Some(start), items }, reader).await?;
        match answer.await {
            Ok(Ok(response)) => Ok((response, opened)),
            Ok(Err(status)) => {
                opened.finish();
                Err(ClientError::Refused(status))
            }
            Err(_) => Err(self.shared.pending.lost()),
        }
    }

    async fn open(
        &self,
        request: Request,
        waiter: Waiter,
        items: mpsc::Receiver<crate::pending::Item>,
    ) -> Result<Opened, ClientError> {
        let cancels = self.shared.cancels.clone();
        let cancel = cancels.reserve_owned().await.map_err(|_| self.shared.pending.lost())?;
        let id = self.start(request, waiter).await?;
        let handle = StreamHandle::new(id, self.shared.pending.clone(), self.shared.commands.clone(), cancel);
        Ok(Opened { handle, items })
    }

    async fn start(&self, request: Request, waiter: Waiter) -> Result<u32, ClientError> {
        let shared = &self.shared;
        let place = shared.commands.reserve().await.map_err(|_| shared.pending.lost())?;
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        shared.pending.add(id, waiter)?;
        place.send(to_text(&ClientMessage::Request { id, request }));
        Ok(id)
    }
}

impl Driver {
    /// Runs until the connection ends or every [`Client`] of it is gone. Returns why.
    pub async fn run(self) -> ClientError {
        let (sink, stream) = self.socket.split();
        let (from_reader, extra_cancels) = mpsc::channel(MAX_STREAMS);
        let reading = read(stream, self.pending.clone(), from_reader);
        let writing = write(sink, self.commands, self.cancels, extra_cancels);
        // Either half's end is the end: the other holds nothing that anybody could still want.
        let error = tokio::select! {
            error = reading => error,
            error = writing => error,
        };
        let detail = match &error {
            ClientError::Lost { detail } => detail.clone(),
            other => other.to_string(),
        };
        self.pending.close(detail);
        error
    }
}

async fn read(mut stream: SplitStream<Socket>, pending: Arc<Pending>, cancels: mpsc::Sender<Message>) -> ClientError {
    loop {
        let after = match stream.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(message) => pending.deliver(message),
                Err(error) => return ClientError::protocol(format!("a message that cannot be read: {error}")),
            },
            Some(Ok(Message::Binary(bytes))) => match pending.deliver_bytes(&bytes) {
                Ok(after) => after,
                Err(error) => return error,
            },
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map_or_else(|| "the daemon closed it".to_owned(), |frame| frame.reason.to_string());
                return ClientError::Lost { detail: why };
            }
            Some(Ok(_)) => After::Nothing,
            Some(Err(error)) => return lost(&error),
            None => return ClientError::Lost { detail: "the daemon closed it".to_owned() },
        };
        if let After::Cancel(id) = after {
            // At most one for each stream, and there is room for one each.
            let _ = cancels.try_send(to_text(&ClientMessage::Cancel { id }));
        }
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut commands: mpsc::Receiver<Message>,
    mut cancels: mpsc::Receiver<Message>,
    mut extra_cancels: mpsc::Receiver<Message>,
) -> ClientError {
    loop {
        // Receiving from a queue loses nothing when another arm wins. Requests first: a cancel must not overtake its request.
        let message = tokio::select! {
            biased;
            message = commands.recv() => message,
            Some(message) = cancels.recv() => Some(message),
            Some(message) = extra_cancels.recv() => Some(message),
        };
        let Some(message) = message else {
            let _ = sink.close().await;
            return ClientError::Lost { detail: "the connection was closed".to_owned() };
        };
        if let Err(error) = sink.send(message).await {
            return lost(&error);
        }
    }
}

fn lost(error: &tungstenite::Error) -> ClientError {
    let detail = match error {
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed => "the daemon went away".to_owned(),
        other => other.to_string(),
    };
    ClientError::Lost { detail }
}

pub(crate) fn to_text(message: &ClientMessage) -> Message {
    // Every message is made of strings, numbers and JSON values, which always serialise.
    Message::text(serde_json::to_string(message).expect("a client message is plain data"))
}
