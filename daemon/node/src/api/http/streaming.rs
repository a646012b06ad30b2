//! exec, attach and port-forward: requests that become streams, over websockets and SPDY.
//!
//! What is refused is refused as HTTP, before anything else is spoken. Then the connection is the stream's: in websockets a message's first
//! byte says which channel it is of; SPDY has streams of its own, and is also spoken inside of a websocket by newer clients.

use super::answer::{self, Body};
use super::channels::{self, Channels};
use super::site::{Asked, text, websocket_key};
use super::{ports, spdy};
use crate::streams::Duplex;
use crate::verbs::Verbs;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt, future};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use objects::Status;
use std::sync::Arc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use wire::{AttachRequest, ExecRequest};

/// The most bytes of a websocket's message.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// SPDY in a websocket: how newer clients forward ports.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// The protocol of forwarded ports inside of SPDY.
const PORT_FORWARD: &str = "portforward.k8s.io";

/// What is done with a connection once it is no HTTP any more.
pub type Afterwards = Box<dyn FnOnce(TokioIo<Upgraded>) -> BoxFuture<'static, ()> + Send>;

/// An answer that says that the connection is another one now, and what is done with it.
pub struct Switch {
    /// The answer.
    pub response: Response<Body>,
    /// When the connection is ours.
    pub on: OnUpgrade,
    /// What follows.
    pub afterwards: Afterwards,
}

/// Which of a program's streams a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// It sends input.
    pub stdin: bool,
    /// It takes output.
    pub stdout: bool,
    /// It takes errors.
    pub stderr: bool,
    /// There is a terminal: errors come with the output.
    pub tty: bool,
}

impl Wants {
    fn of(asked: &Asked) -> Result<Self, Status> {
        let tty = asked.query.flag("tty");
        let wants = Self {
            stdin: asked.query.flag("stdin"),
            stdout: asked.query.flag("stdout"),
            stderr: asked.query.flag("stderr") && !tty,
            tty,
        };
        if !(wants.stdin || wants.stdout || wants.stderr) {
            return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
        }
        Ok(wants)
    }
}

/// The words of a header, however many lines it has.
fn words(parts: &Parts, name: &str) -> Vec<String> {
    let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// The protocols that a client would speak in a websocket.
pub fn offered(parts: &Parts) -> Vec<String> {
    words(parts, "sec-websocket-protocol")
}

/// How a client wants to go on.
enum Upgrade {
    /// As a websocket with this key, one of these protocols.
    WebSocket { key: String, protocols: Vec<String> },
    /// As SPDY, one of these protocols inside of it.
    Spdy { protocols: Vec<String> },
}

impl Upgrade {
    fn of(parts: &Parts) -> Result<Self, Status> {
        if let Some(key) = websocket_key(parts) {
            return Ok(Self::WebSocket { key, protocols: offered(parts) });
        }
        let is_spdy = text(&parts.headers, UPGRADE.as_str()).is_some_and(|word| word.eq_ignore_ascii_case("SPDY/3.1"));
        if is_spdy && matches!(parts.method, Method::GET | Method::POST) {
            return Ok(Self::Spdy { protocols: words(parts, "x-stream-protocol-version") });
        }
        Err(Status::bad_request("Upgrade request required"))
    }
}

/// What a client's streams are to be with.
enum Other {
    /// A program that is run for it.
    Program(ExecRequest),
    /// A container that runs already.
    Container(AttachRequest),
}

impl Other {
    fn of(asked: &Asked, wants: Wants) -> Self {
        let namespace = asked.target.namespace().to_owned();
        let pod = asked.target.name.clone().unwrap_or_default();
        let container = asked.query.text("container").map(str::to_owned);
        if asked.below() == "attach" {
            // Whether there is a terminal is the container's own matter (`pkg/kubelet`, `GetAttach`).
            return Self::Container(AttachRequest { namespace, pod, container, stdin: wants.stdin, ..AttachRequest::default() });
        }
        let command = asked.query.all("command").map(str::to_owned).collect();
        let (stdin, tty) = (wants.stdin, wants.tty);
        Self::Program(ExecRequest { namespace, pod, container, command, stdin, tty, ..ExecRequest::default() })
    }

    async fn open(self, verbs: &Verbs) -> Result<Duplex, Status> {
        match self {
            Self::Program(request) => verbs.exec(request).await,
            Self::Container(request) => verbs.attach(request).await,
        }
    }
}

/// Runs a program in a container, or attaches to the one that it runs.
///
/// # Errors
/// What the verb refuses, and 400 for a request that asks for no stream.
pub async fn command(verbs: &Verbs, asked: &Asked, parts: &mut Parts) -> Result<Switch, Status> {
    verbs.check_placed(asked.target.namespace(), asked.target.name.as_deref().unwrap_or_default())?;
    let wants = Wants::of(asked)?;
    let upgrade = Upgrade::of(parts)?;
    let on = take_upgrade(parts)?;
    let other = Other::of(asked, wants);
    match upgrade {
        Upgrade::WebSocket { key, protocols } => {
            let (channels, name) = Channels::choose(&protocols)?;
            let duplex = other.open(verbs).await?;
            let run = move |socket| -> BoxFuture<'static, ()> { Box::pin(channels::command(socket, channels, duplex, wants)) };
            Ok(Switch { response: websocket(&key, name), on, afterwards: over_websocket(run) })
        }
        Upgrade::Spdy { protocols } => {
            let version = spdy::Version::choose(&protocols)?;
            let duplex = other.open(verbs).await?;
            let afterwards: Afterwards = Box::new(move |stream| {
                let (incoming, outgoing) = spdy::of_stream(stream);
                Box::pin(spdy::command(incoming, outgoing, (version, duplex), wants))
            });
            Ok(Switch { response: switching("SPDY/3.1", &[("x-stream-protocol-version", version.name())]), on, afterwards })
        }
    }
}

/// Forwards connections to a pod's ports.
///
/// # Errors
/// What the verb refuses, and 400 for a request that asks for no stream.
pub fn port_forward(verbs: &Arc<Verbs>, asked: &Asked, parts: &mut Parts) -> Result<Switch, Status> {
    let namespace = asked.target.namespace().to_owned();
    let pod = asked.target.name.clone().unwrap_or_default();
    verbs.check_placed(&namespace, &pod)?;
    let upgrade = Upgrade::of(parts)?;
    let on = take_upgrade(parts)?;
    let to = spdy::Forward { verbs: verbs.clone(), namespace, pod };
    match upgrade {
        Upgrade::WebSocket { key, protocols } if protocols.iter().any(|name| name == TUNNEL) => {
            let run = move |socket: Socket| -> BoxFuture<'static, ()> {
                let (sink, stream) = socket.split();
                let bytes = stream.take_while(|message| future::ready(matches!(message, Ok(message) if !message.is_close())));
                let incoming =
                    bytes.filter_map(|message| future::ready(message.ok().filter(Message::is_binary).map(Message::into_data)));
                let outgoing = sink.with(|bytes| future::ok(Message::Binary(bytes))).sink_map_err(|_: tungstenite::Error| ());
                Box::pin(spdy::forward(Box::pin(incoming), Box::pin(outgoing), to))
            };
            Ok(Switch { response: websocket(&key, Some(TUNNEL)), on, afterwards: over_websocket(run) })
        }
        Upgrade::WebSocket { key, protocols } => {
            // Of the channels only these forms carry ports.
            let offered: Vec<String> = protocols.iter().filter(|name| name.starts_with("v4.")).cloned().collect();
            if offered.is_empty() && !protocols.is_empty() {
                let message = format!(
                    "unable to negotiate protocol: client supports {protocols:?}, server accepts {TUNNEL}, v4.channel.k8s.io, v4.base64.channel.k8s.io"
                );
                return Err(Status::bad_request(message));
            }
            let (channels, name) = Channels::choose(&offered)?;
            let ports = ports::asked(&asked.query, channels)?;
            let run = move |socket: Socket| -> BoxFuture<'static, ()> { Box::pin(ports::forward(socket, channels, ports, to)) };
            Ok(Switch { response: websocket(&key, name), on, afterwards: over_websocket(run) })
        }
        Upgrade::Spdy { protocols } => {
            if !protocols.is_empty() && !protocols.iter().any(|name| name == PORT_FORWARD) {
                return Err(Status::bad_request(format!("unable to negotiate protocol: use {PORT_FORWARD}")));
            }
            let afterwards: Afterwards = Box::new(move |stream| {
                let (incoming, outgoing) = spdy::of_stream(stream);
                Box::pin(spdy::forward(incoming, outgoing, to))
            });
            Ok(Switch { response: switching("SPDY/3.1", &[("x-stream-protocol-version", PORT_FORWARD)]), on, afterwards })
        }
    }
}

use tokio_tungstenite::tungstenite;

/// A client's websocket.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What is done with a connection that becomes a websocket.
pub fn over_websocket<F>(run: F) -> Afterwards
where
    F: FnOnce(Socket) -> BoxFuture<'static, ()> + Send + 'static,
{
    Box::new(move |stream| {
        Box::pin(async move {
            let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES));
            run(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await).await;
        })
    })
}

/// What lets us have the connection.
pub fn take_upgrade(parts: &mut Parts) -> Result<OnUpgrade, Status> {
    let on = parts.extensions.remove::<OnUpgrade>();
    on.ok_or_else(|| Status::bad_request("Upgrade request required: it needs HTTP/1.1"))
}

/// The answer to a request for a websocket.
pub fn websocket(key: &str, protocol: Option<&str>) -> Response<Body> {
    let accept = derive_accept_key(key.as_bytes());
    let mut headers = vec![("sec-websocket-accept", accept.as_str())];
    headers.extend(protocol.map(|protocol| ("sec-websocket-protocol", protocol)));
    switching("websocket", &headers)
}

fn switching(to: &'static str, more: &[(&'static str, &str)]) -> Response<Body> {
    let mut response = answer::bytes(StatusCode::SWITCHING_PROTOCOLS, "text/plain", "");
    let headers = response.headers_mut();
    headers.clear();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(to));
    for (name, value) in more {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    response
}
