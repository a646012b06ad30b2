//! A program's streams over a websocket, frame by frame: what is sent waits for a client that is ready to sort it.

use super::client::Api;
use super::{PODS, pod};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const BINARY: u8 = 2;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A websocket as a client has it that answers nothing by itself.
struct RawSocket(UnixStream);

impl RawSocket {
    /// Asks for streams of a program.
    async fn exec(api: &Api, pod: &str, streams: &str) -> Self {
        let mut stream = UnixStream::connect(api.socket()).await.expect("a connection");
        let request = format!(
            "GET {PODS}/{pod}/exec?command=x&{streams} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// The next frame's kind and bytes.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        tokio::time::timeout(Duration::from_secs(60), self.read_frame()).await.expect("a frame in time")
    }

    async fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let [first, length] = [self.0.read_u8().await.expect("a frame"), self.0.read_u8().await.expect("its length")];
        let length = match length {
            126 => usize::from(self.0.read_u16().await.expect("its length")),
            length => usize::from(length),
        };
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.expect("its bytes");
        (first & 0x0f, bytes)
    }

    /// Sends a short frame, with a mask of zeros.
    async fn send(&mut self, kind: u8, bytes: &[u8]) {
        let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 126).expect("few bytes");
        let frame = [&[0x80 | kind, 0x80 | length, 0, 0, 0, 0], bytes].concat();
        self.0.write_all(&frame).await.expect("written");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_websocket_before_its_client_has_answered() {
    let api = Api::new().await;
    assert_eq!(api.post(PODS, &pod("a")).await.code, 201);
    api.set_running("a").await;
    let mut socket = RawSocket::exec(&api, "a", "stdout=true").await;
    let (kind, token) = socket.frame().await;
    assert_eq!((kind, token.as_slice()), (PING, &[][..]), "{}", String::from_utf8_lossy(&token));
    // The client's own connection is alive, and its streams are not there yet.
    socket.send(PING, b"alive").await;
    assert_eq!(socket.frame().await, (PONG, b"alive".to_vec()));
    socket.send(PONG, &token).await;
    let (kind, bytes) = socket.frame().await;
    assert_eq!((kind, bytes[0]), (BINARY, 3), "{}", String::from_utf8_lossy(&bytes));
    assert!(String::from_utf8_lossy(&bytes).contains("exit status 7"), "{}", String::from_utf8_lossy(&bytes));
}

#[tokio::test]
async fn a_client_that_sends_input_is_ready_for_output() {
    let api = Api::new().await;
    assert_eq!(api.post(PODS, &pod("a")).await.code, 201);
    api.set_running("a").await;
    let mut socket = RawSocket::exec(&api, "a", "stdout=true&stdin=true").await;
    assert_eq!(socket.frame().await.0, PING);
    socket.send(BINARY, b"\0hello").await;
    assert_eq!(socket.frame().await, (BINARY, b"\x01hello".to_vec()));
    socket.send(BINARY, b"\xff\0").await;
    let (kind, bytes) = socket.frame().await;
    assert_eq!((kind, bytes[0]), (BINARY, 3), "{}", String::from_utf8_lossy(&bytes));
}
