//! What only the daemon sends, over a websocket: logs and watches, for clients in browsers.
//!
//! `apiserver/pkg/util/httpstream/wsstream` (`Reader`) and `apiserver/pkg/endpoints/handlers/watch.go`.

use super::site::websocket_key;
use super::streaming::{Socket, Switch, offered, over_websocket, take_upgrade, websocket};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, Stream, StreamExt};
use hyper::http::request::Parts;
use objects::Status;
use std::io;
use std::pin::pin;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How bytes become messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// As they come.
    Binary,
    /// In base64, as text.
    Base64,
    /// A text a line.
    Lines,
}

/// The protocols of bytes, and what a client gets that names none.
const BYTES: [(&str, Framing); 2] = [("binary.k8s.io", Framing::Binary), ("base64.binary.k8s.io", Framing::Base64)];

/// Whether a request asks for a websocket.
pub fn is_asked(parts: &Parts) -> bool {
    websocket_key(parts).is_some()
}

/// Sends bytes over a websocket, in the first protocol that a client offers and we know.
///
/// # Errors
/// 400 where it offers none that we know.
pub fn bytes<S>(parts: &mut Parts, chunks: S) -> Result<Switch, Status>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let offered = offered(parts);
    let known = offered.iter().find_map(|name| BYTES.into_iter().find(|(known, _)| known == name));
    match known {
        Some((name, framing)) => switch(parts, Some(name), framing, chunks),
        None if offered.is_empty() => switch(parts, None, Framing::Binary, chunks),
        None => {
            let known = BYTES.map(|(name, _)| name).join(", ");
            Err(Status::bad_request(format!("unable to negotiate protocol: client supports {offered:?}, server accepts {known}")))
        }
    }
}

/// Sends lines over a websocket, a message each. A protocol that a client names only to show its token is none of ours, and left unanswered.
///
/// # Errors
/// 400 where the connection cannot become one.
pub fn lines<S>(parts: &mut Parts, chunks: S) -> Result<Switch, Status>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    switch(parts, None, Framing::Lines, chunks)
}

fn switch<S>(parts: &mut Parts, protocol: Option<&str>, framing: Framing, chunks: S) -> Result<Switch, Status>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let key = websocket_key(parts).ok_or_else(|| Status::bad_request("Upgrade request required"))?;
    let on = take_upgrade(parts)?;
    let run = move |socket| -> BoxFuture<'static, ()> { Box::pin(send(socket, framing, chunks)) };
    Ok(Switch { response: websocket(&key, protocol), on, afterwards: over_websocket(run) })
}

/// Sends all, until either side has enough.
async fn send<S>(socket: Socket, framing: Framing, chunks: S)
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    let (mut sink, mut stream) = socket.split();
    let sending = async {
        let mut chunks = pin!(chunks);
        let mut end = CloseFrame { code: CloseCode::Normal, reason: Default::default() };
        while let Some(chunk) = chunks.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    // A reason of a close is short (RFC 6455, 5.5).
                    let reason: String = error.to_string().chars().filter(char::is_ascii).take(100).collect();
                    end = CloseFrame { code: CloseCode::Error, reason: reason.into() };
                    break;
                }
            };
            for message in messages(framing, &chunk) {
                if sink.send(message).await.is_err() {
                    return;
                }
            }
        }
        let _ = sink.send(Message::Close(Some(end))).await;
    };
    // What a client says counts for nothing but that it goes; either's end loses nothing that anybody waits for.
    let hearing = async { while stream.next().await.is_some_and(|message| message.is_ok_and(|message| !message.is_close())) {} };
    tokio::select! {
        () = sending => {}
        () = hearing => {}
    }
}

fn messages(framing: Framing, chunk: &Bytes) -> Vec<Message> {
    match framing {
        Framing::Binary => vec![Message::binary(chunk.clone())],
        Framing::Base64 => vec![Message::text(STANDARD.encode(chunk))],
        Framing::Lines => {
            let lines = chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| Message::text(String::from_utf8_lossy(line).into_owned())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, messages};
    use bytes::Bytes;
    use tokio_tungstenite::tungstenite::Message;

    #[test]
    fn bytes_go_as_they_are_in_base64_or_a_line_a_message() {
        let chunk = Bytes::from_static(b"{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(messages(Framing::Binary, &chunk), [Message::binary(chunk.clone())]);
        assert_eq!(messages(Framing::Base64, &Bytes::from_static(b"hi\n")), [Message::text("aGkK")]);
        assert_eq!(messages(Framing::Lines, &chunk), [Message::text("{\"a\":1}"), Message::text("{\"b\":2}")]);
    }
}
