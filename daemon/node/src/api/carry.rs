//! Passes a request on to another node's daemon, and its answers back.
//!
//! One byte stream a request, with the protocol of every client on it: a websocket, a greeting, one request with the number 1. So
//! a slow reader stalls its own stream only, and dropping the stream ends the work at the other end. Nothing piles up: what the
//! client allows is passed on as it comes, the other daemon sends no more than that, and one that did would wait in
//! [`super::outbox::Window::take`] with its bytes still in the stream.

use super::inbox::{Inbox, Said};
use super::outbox::Closed;
use super::requests::Call;
use crate::peers::ByteStream;
use crate::verbs::Verbs;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use objects::Status;
use std::convert::Infallible;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use wire::{ClientMessage, MAX_ANSWER_BYTES, PROTOCOL, Request, Response, ServerMessage, StreamEnd, StreamFrame};

/// How long another daemon may take to be reached and to greet us.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);
/// The number of the one request of a stream.
const ID: u32 = 1;

type Socket = WebSocketStream<ByteStream>;

/// Why a daemon that was reached cannot be asked.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the websocket broke: {0}")]
    Socket(#[from] Box<tungstenite::Error>),
    #[error("it speaks protocol {0}.{1}; use one version on all nodes")]
    Version(u16, u16),
    #[error("it does not answer as a daemon")]
    NoHello,
    #[error("it answered with what cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the connection to it was lost")]
    Gone,
}

/// How far a carried request came.
enum Came {
    /// To its answer, which was passed on.
    Answered,
    /// To the end of its stream.
    Ended(StreamEnd),
}

impl Call {
    /// Has another node's daemon do the request, and passes on all that it answers. The end of a stream is returned.
    pub(super) async fn carry(&self, node: &str, request: Request) -> Result<Option<StreamEnd>, Closed> {
        let is_stream = request.window().is_some();
        let reached = match tokio::time::timeout(REACH_TIMEOUT, reach(&self.verbs, node)).await {
            Ok(reached) => reached,
            Err(_) => Err(self.verbs.unreachable(node, "it did not answer in time")),
        };
        let socket = match reached {
            Ok(socket) => socket,
            Err(status) => return self.answer(Err(status)).await.map(|()| None),
        };
        let (mut sink, mut stream) = socket.split();
        let request = Request::Carried { by: self.verbs.node_name().to_owned(), request: Box::new(request) };
        let mut started = Started::No;
        let result = match say(&mut sink, &ClientMessage::Request { id: ID, request }).await {
            Err(fault) => Ok(Err(fault)),
            Ok(()) => {
                // What the client says goes on while an answer waits for it to read: both run side by side. Whichever way the
                // answers end, there is nobody left to pass anything on to.
                tokio::select! {
                    came = self.pass_back(&mut stream, is_stream, &mut started) => came,
                    never = pass_on(&self.inbox, &mut sink) => match never {},
                }
            }
        };
        match result? {
            Ok(Came::Answered) => Ok(None),
            Ok(Came::Ended(end)) => Ok(Some(end)),
            Err(fault) => self.broken(node, &fault, started).await,
        }
    }

    /// Passes answers back until the last one.
    async fn pass_back(
        &self,
        stream: &mut SplitStream<Socket>,
        is_stream: bool,
        started: &mut Started,
    ) -> Result<Result<Came, Fault>, Closed> {
        loop {
            let message = match stream.next().await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str::<ServerMessage>(&text) {
                    Ok(message) => message,
                    Err(error) => return Ok(Err(error.into())),
                },
                Some(Ok(Message::Binary(frame))) => {
                    let Some(StreamFrame { channel, bytes, .. }) = StreamFrame::try_from_bytes(&frame) else {
                        return Ok(Err(Fault::NoHello));
                    };
                    if channel != wire::channel::CREDIT {
                        self.window.take(bytes.len()).await;
                    }
                    self.outbox.send_bytes(self.id, channel, bytes).await?;
                    continue;
                }
                Some(Ok(Message::Close(_))) | None => return Ok(Err(Fault::Gone)),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Ok(Err(Box::new(error).into())),
            };
            match &message {
                ServerMessage::End { end, .. } => return Ok(Ok(Came::Ended(end.clone()))),
                ServerMessage::Event { event, .. } => self.window.take(event.object.get().len()).await,
                ServerMessage::Response { result: Ok(Response::List(part)), .. }
                    if is_stream && matches!(started, Started::Yes) =>
                {
                    self.window.take(part.bytes()).await;
                }
                _ => {}
            }
            let goes_on = match &message {
                ServerMessage::Response { result: Ok(Response::List(list)), .. } if list.more => true,
                ServerMessage::Response { result: Ok(response), .. } => is_stream || matches!(response, Response::Stream),
                ServerMessage::Response { result: Err(_), .. } => false,
                _ => true,
            };
            if matches!(message, ServerMessage::Response { .. }) {
                *started = Started::Yes;
            }
            self.outbox.send(&message.with_id(self.id)).await?;
            if !goes_on {
                return Ok(Ok(Came::Answered));
            }
        }
    }

    /// The other daemon went away in the middle, or broke the protocol.
    async fn broken(&self, node: &str, fault: &Fault, started: Started) -> Result<Option<StreamEnd>, Closed> {
        let status = self.verbs.unreachable(node, &fault.to_string());
        match started {
            Started::Yes => Ok(Some(StreamEnd::Failed { status })),
            Started::No => self.answer(Err(status)).await.map(|()| None),
        }
    }
}

/// Whether the client has an answer already.
#[derive(Debug, Clone, Copy)]
enum Started {
    Yes,
    No,
}

/// Asks another node's daemon what has one answer.
///
/// # Errors
/// What it refuses, and 503 where it cannot be reached.
pub async fn ask(verbs: &Verbs, node: &str, request: Request) -> Result<Response, Status> {
    let mut socket = reach(verbs, node).await?;
    let request = Request::Carried { by: verbs.node_name().to_owned(), request: Box::new(request) };
    let broken = |fault: &Fault| verbs.unreachable(node, &fault.to_string());
    let sent = socket.send(text(&ClientMessage::Request { id: ID, request })).await;
    sent.map_err(|error| broken(&Box::new(error).into()))?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(ServerMessage::Response { result, .. }) => return result,
                Ok(_) => {}
                Err(error) => return Err(broken(&error.into())),
            },
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(broken(&Box::new(error).into())),
            None => return Err(broken(&Fault::Gone)),
        }
    }
}

/// Passes on what the client says. Never returns: that the other daemon is gone shows in its answers.
async fn pass_on(inbox: &Inbox, sink: &mut SplitSink<Socket, Message>) -> Infallible {
    loop {
        let sent = match inbox.next().await {
            Said::Credit(bytes) => say(sink, &ClientMessage::Credit { id: ID, bytes }).await,
            Said::Bytes(channel, bytes) => {
                let frame = StreamFrame { id: ID, channel, bytes: &bytes }.to_bytes();
                sink.send(Message::binary(frame)).await.map_err(|error| Box::new(error).into())
            }
        };
        if sent.is_err() {
            // What it said before it went may still be on its way: that comes first, and then its end.
            return std::future::pending().await;
        }
    }
}

/// Connects to a node's daemon and greets it.
async fn reach(verbs: &Verbs, node: &str) -> Result<Socket, Status> {
    let stream = verbs.dial(node).await?;
    greet(stream, verbs.node_name()).await.map_err(|fault| verbs.unreachable(node, &fault.to_string()))
}

async fn greet(stream: ByteStream, by: &str) -> Result<Socket, Fault> {
    let config = WebSocketConfig::default().max_message_size(Some(MAX_ANSWER_BYTES)).max_frame_size(Some(MAX_ANSWER_BYTES));
    let connected = tokio_tungstenite::client_async_with_config("ws://localhost/v1", stream, Some(config)).await;
    let (mut socket, _) = connected.map_err(Box::new)?;
    let agent = format!("skiffd/{} on {by}", env!("CARGO_PKG_VERSION"));
    socket.send(text(&ClientMessage::Hello { version: PROTOCOL, agent })).await.map_err(Box::new)?;
    match socket.next().await {
        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text)? {
            // Of an earlier minor version: it refuses what it does not know.
            ServerMessage::Hello(hello) if hello.version.major == PROTOCOL.major => Ok(socket),
            ServerMessage::Hello(hello) => Err(Fault::Version(hello.version.major, hello.version.minor)),
            _ => Err(Fault::NoHello),
        },
        Some(Ok(_)) => Err(Fault::NoHello),
        Some(Err(error)) => Err(Box::new(error).into()),
        None => Err(Fault::Gone),
    }
}

async fn say(sink: &mut SplitSink<Socket, Message>, message: &ClientMessage) -> Result<(), Fault> {
    sink.send(text(message)).await.map_err(|error| Box::new(error).into())
}

fn text(message: &ClientMessage) -> Message {
    // Every message is made of strings, numbers and JSON values, which always serialise.
    Message::text(serde_json::to_string(message).expect("a client message is plain data"))
}

#[cfg(test)]
mod tests;
