//! A program's streams over a websocket: `k8s.io/apimachinery/pkg/util/remotecommand`, `k8s.io/kubelet/pkg/cri/streaming/remotecommand`.
//!
//! A message's first byte is its channel: 0 input, 1 output, 2 errors, 3 how it ended, 4 the terminal's size, 255 the end of a channel
//! (version 5). In the base64 forms it is a digit, and the rest is base64.
//!
//! Nothing in these protocols says when a client has made the streams that it sorts messages into. kubectl before 1.34 reads from the start,
//! and throws away what comes for a stream that it has not made yet ("Unknown stream id 1, discarding message",
//! `client-go/tools/remotecommand/websocket.go`, kubernetes#131189). So a ping goes first, and the rest once it is answered: by then the client
//! has read and written, and what it does between two messages of its own start is done.

use super::streaming::{Socket, Wants};
use crate::streams::output::Output;
use crate::streams::{Duplex, Resize, Sink};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt, future};
use objects::Status;
use serde::Deserialize;
use serde_json::{Value, json};
use std::pin::pin;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wire::{StreamEnd, TerminalSize, channel};

/// Messages that wait to be sent.
pub const QUEUE: usize = 16;
/// How long a client may take to close the connection once all is said.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to answer the ping that goes first. All have to (RFC 6455, 5.5.2); one that does not is sent the rest then.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const END_OF_CHANNEL: u8 = 255;

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// Since 4 the end is told as a Status, since 5 the input can end.
    version: u8,
    is_base64: bool,
}

impl Channels {
    /// The best that a client offers.
    ///
    /// # Errors
    /// 400 where there is none.
    pub fn choose(offered: &[String]) -> Result<(Self, Option<&'static str>), Status> {
        const KNOWN: [(&str, u8, bool); 5] = [
            ("v5.channel.k8s.io", 5, false),
            ("v4.channel.k8s.io", 4, false),
            ("v4.base64.channel.k8s.io", 4, true),
            ("channel.k8s.io", 1, false),
            ("base64.channel.k8s.io", 1, true),
        ];
        if offered.is_empty() {
            return Ok((Self { version: 1, is_base64: false }, None));
        }
        let found = KNOWN.iter().find(|(name, ..)| offered.iter().any(|offered| offered == name));
        let (name, version, is_base64) = found.ok_or_else(|| {
            let known = KNOWN.map(|(name, ..)| name).join(", ");
            Status::bad_request(format!("unable to negotiate protocol: client supports {offered:?}, server accepts {known}"))
        })?;
        Ok((Self { version: *version, is_base64: *is_base64 }, Some(name)))
    }

    /// Whether bytes are sent as base64.
    pub fn is_base64(self) -> bool {
        self.is_base64
    }

    /// A message of a channel.
    pub fn message(self, channel: u8, bytes: &[u8]) -> Message {
        if self.is_base64 {
            return Message::text(format!("{channel}{}", STANDARD.encode(bytes)));
        }
        let mut message = Vec::with_capacity(1 + bytes.len());
        message.push(channel);
        message.extend_from_slice(bytes);
        Message::binary(message)
    }

    /// A message's channel and bytes; none where it is no message of ours.
    pub fn read(self, message: Message) -> Option<(u8, Vec<u8>)> {
        match message {
            Message::Text(text) if self.is_base64 => {
                let channel = u8::try_from(text.chars().next()?.to_digit(10)?).ok()?;
                Some((channel, STANDARD.decode(text.get(1..)?).ok()?))
            }
            // Some clients send the size as text.
            Message::Text(text) => text.as_bytes().split_first().map(|(channel, bytes)| (*channel, bytes.to_vec())),
            Message::Binary(bytes) => bytes.split_first().map(|(channel, bytes)| (*channel, bytes.to_vec())),
            _ => None,
        }
    }
}

/// The streams of a program over a websocket, to the end of either.
pub async fn command(socket: Socket, channels: Channels, duplex: Duplex, wants: Wants) {
    let Duplex { input, outputs, resize, ending } = duplex;
    let (sink, stream) = socket.split();
    let (messages, queued) = mpsc::channel::<Message>(QUEUE);
    let (answered, mut is_answered) = watch::channel(false);
    let working = async move {
        let _ = messages.send(Message::Ping(Bytes::new())).await;
        let _ = tokio::time::timeout(ANSWER_TIMEOUT, is_answered.wait_for(|answered| *answered)).await;
        let (known, is_known) = watch::channel(false);
        let sending = outputs.into_iter().filter(|(channel, _)| takes(wants, *channel)).map(|(channel, source)| {
            let (messages, mut output) = (messages.clone(), Output::new(source, is_known.clone()));
            async move {
                while let Some(bytes) = output.next().await {
                    if messages.send(channels.message(channel, bytes)).await.is_err() {
                        return;
                    }
                }
            }
        });
        let (end, _) = tokio::join!(ending.come(&known), future::join_all(sending));
        let told = if channels.version >= 4 { Some(status(&end).to_string()) } else { words(&end) };
        if let Some(told) = told {
            let _ = messages.send(channels.message(channel::CREDIT, told.as_bytes())).await;
        }
    };
    let mut hearing = pin!(hear(stream, (channels, answered), input, resize));
    // A client that goes away takes the program along: the streams are dropped.
    tokio::select! {
        _ = async { tokio::join!(working, write(sink, queued)) } => {
            // Whoever closes first may cut off what is still on its way: the client has read all once it closes, too.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, hearing).await;
        }
        () = &mut hearing => {}
    }
}

/// Sends the messages of a queue until nobody fills it any more, and closes the websocket.
pub async fn write(mut sink: SplitSink<Socket, Message>, mut queued: mpsc::Receiver<Message>) {
    while let Some(message) = queued.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // Clients take an end without this code for a fault.
    let normal = CloseFrame { code: CloseCode::Normal, reason: Default::default() };
    let _ = sink.send(Message::Close(Some(normal))).await;
}

/// Whether a client takes a channel's output.
pub fn takes(wants: Wants, channel: u8) -> bool {
    match channel {
        channel::STDOUT => wants.stdout || wants.tty,
        channel::STDERR => wants.stderr,
        _ => false,
    }
}

/// Passes on what the client sends, until it goes away; whatever it says of itself tells that it is there, too.
async fn hear(
    mut stream: SplitStream<Socket>,
    (channels, answered): (Channels, watch::Sender<bool>),
    mut input: Option<Sink>,
    resize: Option<Resize>,
) {
    while let Some(Ok(message)) = stream.next().await {
        if message.is_close() {
            return;
        }
        // Its own pings may be a matter of its connection alone.
        if !message.is_ping() {
            answered.send_replace(true);
        }
        match channels.read(message) {
            Some((channel::STDIN, bytes)) => {
                if let Some(sink) = &mut input
                    && sink.write_all(&bytes).await.is_err()
                {
                    // The program reads no more.
                    input = None;
                }
            }
            Some((channel::RESIZE, bytes)) => {
                if let (Some(resize), Some(size)) = (&resize, size(&bytes)) {
                    let _ = resize(size);
                }
            }
            Some((END_OF_CHANNEL, bytes)) if bytes == [channel::STDIN] => input = None,
            _ => {}
        }
    }
}

/// A terminal's size, as clients send it.
pub fn size(bytes: &[u8]) -> Option<TerminalSize> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Size {
        width: u16,
        height: u16,
    }
    let Size { width, height } = serde_json::from_slice(bytes).ok()?;
    Some(TerminalSize { columns: width, rows: height })
}

/// How a program ended, as a Status.
pub fn status(end: &StreamEnd) -> Value {
    match end {
        StreamEnd::Complete | StreamEnd::Cancelled | StreamEnd::Exited { code: 0 } => {
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        }
        StreamEnd::Exited { code } => json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        StreamEnd::Failed { status } => {
            let mut document = rest::refusal::document(status, "");
            if document.get("reason").is_none() {
                document["reason"] = "InternalError".into();
            }
            document
        }
    }
}

/// How a program ended, in words; nothing where it ended well.
pub fn words(end: &StreamEnd) -> Option<String> {
    match end {
        StreamEnd::Complete | StreamEnd::Cancelled | StreamEnd::Exited { code: 0 } => None,
        StreamEnd::Exited { code } => Some(format!("command terminated with non-zero exit code: exit status {code}")),
        StreamEnd::Failed { status } => Some(status.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Channels, size, status, words};
    use tokio_tungstenite::tungstenite::Message;
    use wire::{StreamEnd, TerminalSize};

    fn choose(names: &[&str]) -> Option<(Channels, Option<&'static str>)> {
        Channels::choose(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn the_newest_protocol_that_both_know_is_spoken() {
        assert_eq!(choose(&["v4.channel.k8s.io", "v5.channel.k8s.io"]).and_then(|(_, name)| name), Some("v5.channel.k8s.io"));
        assert_eq!(choose(&["channel.k8s.io"]).map(|(channels, _)| channels.version), Some(1));
        assert_eq!(choose(&[]).and_then(|(_, name)| name), None);
        assert!(choose(&["v9.channel.k8s.io"]).is_none());
    }

    #[test]
    fn messages_carry_their_channel_in_both_forms() {
        for name in ["v5.channel.k8s.io", "v4.base64.channel.k8s.io"] {
            let (channels, _) = choose(&[name]).expect("a protocol");
            assert_eq!(channels.read(channels.message(2, b"no")), Some((2, b"no".to_vec())));
        }
        let (channels, _) = choose(&["v4.base64.channel.k8s.io"]).expect("a protocol");
        for nothing in ["", "x", "0!", "\u{e9}abc"] {
            assert_eq!(channels.read(Message::text(nothing)), None, "{nothing}");
        }
    }

    #[test]
    fn an_end_is_told_with_its_code() {
        assert_eq!(status(&StreamEnd::Exited { code: 0 })["status"], "Success");
        let failed = status(&StreamEnd::Exited { code: 3 });
        assert_eq!((&failed["reason"], &failed["details"]["causes"][0]["message"]), (&"NonZeroExitCode".into(), &"3".into()));
        assert_eq!(words(&StreamEnd::Exited { code: 0 }), None);
    }

    #[test]
    fn a_size_is_read_or_not() {
        assert_eq!(size(br#"{"Width":80,"Height":24}"#), Some(TerminalSize { columns: 80, rows: 24 }));
        assert_eq!(size(b"{}"), None);
    }
}
