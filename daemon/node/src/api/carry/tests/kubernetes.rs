//! exec and port-forward as Kubernetes' clients ask for them, of a pod of this node and of another one.

use super::{Cluster, http, line};
use futures_util::{SinkExt, StreamExt};
use rest::spdy::{Frame, Reader, Writer};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const POD: &str = "/api/v1/namespaces/default/pods/a";

/// The sockets of the daemon that has the pod, and of one that has not.
fn sockets(cluster: &Cluster) -> [PathBuf; 2] {
    [cluster.far.socket(), cluster.near.socket()]
}

async fn websocket(socket: &Path, path: &str, protocol: &str) -> tokio_tungstenite::WebSocketStream<UnixStream> {
    let stream = UnixStream::connect(socket).await.expect("a connection");
    let mut request = format!("ws://localhost{path}").into_client_request().expect("a request");
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header"));
    let (socket, response) = tokio_tungstenite::client_async(request, stream).await.expect("a websocket");
    assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
    socket
}

/// SPDY over a connection that was asked for it.
struct Spdy {
    stream: UnixStream,
    reader: Reader,
    writer: Writer,
}

impl Spdy {
    async fn open(socket: &Path, path: &str, protocol: &str) -> Self {
        let mut stream = UnixStream::connect(socket).await.expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\
             X-Stream-Protocol-Version: {protocol}\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
        let answer = String::from_utf8(answer).expect("text").to_lowercase();
        assert!(
            answer.starts_with("http/1.1 101") && answer.contains(&format!("x-stream-protocol-version: {protocol}")),
            "{answer}"
        );
        Self { stream, reader: Reader::default(), writer: Writer::default() }
    }

    async fn send(&mut self, frame: &Frame) {
        let bytes = self.writer.write(frame);
        self.stream.write_all(&bytes).await.expect("written");
    }

    async fn begin(&mut self, id: u32, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.send(&Frame::SynStream { id, is_last: false, headers }).await;
    }

    async fn data(&mut self, id: u32, bytes: &[u8], is_last: bool) {
        self.send(&Frame::Data { id, is_last, bytes: bytes.to_vec() }).await;
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.reader.frame().expect("SPDY") {
                return Some(frame);
            }
            let mut bytes = vec![0; 4096];
            match self.stream.read(&mut bytes).await.expect("read") {
                0 => return None,
                count => self.reader.push(&bytes[..count]),
            }
        }
    }

    /// What comes on a stream until its end.
    async fn all(&mut self, wanted: u32) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.next().await.expect("it goes on") {
                Frame::Data { id, is_last, bytes } if id == wanted => {
                    all.extend(bytes);
                    if is_last {
                        return all;
                    }
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_program_runs_over_a_websocket() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let path = format!("{POD}/exec?command=cat&stdin=true&stdout=true&stderr=true");
        let mut stream = websocket(&socket, &path, "v5.channel.k8s.io").await;
        stream.send(Message::binary(b"\0hello ".to_vec())).await.expect("sent");
        stream.send(Message::binary(b"\0you".to_vec())).await.expect("sent");
        stream.send(Message::binary(vec![255, 0])).await.expect("sent");
        let (mut output, mut status) = (Vec::new(), Value::Null);
        while let Some(Ok(message)) = stream.next().await {
            let bytes = message.into_data();
            match bytes.split_first() {
                Some((1, bytes)) => output.extend_from_slice(bytes),
                Some((3, bytes)) => status = serde_json::from_slice(bytes).expect("a Status"),
                _ => {}
            }
        }
        assert_eq!(output, b"hello you");
        assert_eq!((&status["reason"], &status["details"]["causes"][0]["message"]), (&"NonZeroExitCode".into(), &"7".into()));
    }
    assert_eq!(cluster.far.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_program_runs_over_spdy() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let path = format!("{POD}/exec?command=cat&stdin=true&stdout=true&tty=true");
        let mut spdy = Spdy::open(&socket, &path, "v4.channel.k8s.io").await;
        for (id, kind) in [(1, "error"), (3, "stdin"), (5, "stdout"), (7, "resize")] {
            spdy.begin(id, &[("streamtype", kind)]).await;
            assert_eq!(spdy.next().await, Some(Frame::SynReply { id }));
        }
        spdy.data(7, b"{\"Width\":80,\"Height\":24}\n", false).await;
        spdy.data(3, b"hello", false).await;
        spdy.data(3, b"", true).await;
        let (mut output, mut status) = (Vec::new(), Value::Null);
        while status.is_null() {
            match spdy.next().await.expect("it goes on") {
                Frame::Data { id: 5, bytes, .. } => output.extend(bytes),
                Frame::Data { id: 1, bytes, .. } => status = serde_json::from_slice(&bytes).expect("a Status"),
                _ => {}
            }
        }
        assert_eq!(output, b"hello80x24\n");
        assert_eq!(status["details"]["causes"][0]["message"], "7");
    }
}

#[tokio::test]
async fn a_container_is_attached_to_over_a_websocket_and_spdy() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let path = format!("{POD}/attach?stdin=true&stdout=true&stderr=true");
        let mut stream = websocket(&socket, &path, "v4.channel.k8s.io").await;
        stream.send(Message::binary(b"\0hello".to_vec())).await.expect("sent");
        let mut output = Vec::new();
        while output != b"hello" {
            let message = stream.next().await.expect("it goes on").expect("a message");
            if !message.is_ping() {
                output.extend_from_slice(message.into_data().strip_prefix(b"\x01").expect("output"));
            }
        }
        let mut spdy = Spdy::open(&socket, &path, "v4.channel.k8s.io").await;
        for (id, kind) in [(1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")] {
            spdy.begin(id, &[("streamtype", kind)]).await;
            assert_eq!(spdy.next().await, Some(Frame::SynReply { id }));
        }
        spdy.data(3, b"you", true).await;
        assert_eq!(spdy.all(5).await, b"you");
    }
}

#[tokio::test]
async fn a_log_comes_over_a_websocket_as_bytes_or_in_base64() {
    let cluster = Cluster::joined().await;
    cluster.append(&line("two"));
    for socket in sockets(&cluster) {
        for (protocol, expected) in [("binary.k8s.io", &b"one\ntwo\n"[..]), ("base64.binary.k8s.io", b"b25lCnR3bwo=")] {
            let mut stream = websocket(&socket, &format!("{POD}/log"), protocol).await;
            let mut output = Vec::new();
            while let Some(Ok(message)) = stream.next().await {
                assert!(message.is_close() || message.is_text() == protocol.starts_with("base64"), "{message:?}");
                if !message.is_close() {
                    output.extend(message.into_data());
                }
            }
            assert_eq!(output, expected, "{protocol}");
        }
    }
}

#[tokio::test]
async fn what_pods_of_another_node_use_is_asked_of_it() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let path = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods";
        let list = http::get(&socket, path).await;
        assert_eq!((list.code, &list.body["kind"]), (200, &"PodMetricsList".into()), "{list:?}");
        let pod = &list.body["items"][0];
        assert_eq!((&pod["metadata"]["name"], &pod["window"]), (&"a".into(), &"15s".into()), "{list:?}");
        assert_eq!(pod["containers"][0]["usage"], json!({"cpu": "1000000n", "memory": "1024Ki"}));
        assert_eq!(http::get(&socket, &format!("{path}/a")).await.body["kind"], "PodMetrics");
        let missing = http::get(&socket, &format!("{path}/none")).await;
        assert_eq!((missing.code, missing.message()), (404, "pods.metrics.k8s.io \"none\" not found"));
        assert_eq!(http::get(&socket, &format!("{path}?labelSelector=x%3Dy")).await.body["items"], json!([]));
    }
}

#[tokio::test]
async fn ports_are_forwarded_over_spdy_several_at_once() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let mut spdy = Spdy::open(&socket, &format!("{POD}/portforward"), "portforward.k8s.io").await;
        for (error, data, port, request) in [(1, 3, "8080", "0"), (5, 7, "8081", "1"), (9, 11, "1", "2")] {
            spdy.begin(error, &[("streamtype", "error"), ("port", port), ("requestid", request)]).await;
            spdy.data(error, b"", true).await;
            spdy.begin(data, &[("streamtype", "data"), ("port", port), ("requestid", request)]).await;
        }
        assert_eq!(String::from_utf8(spdy.all(9).await).expect("text"), "Internal error occurred: connection refused");
        for (id, text) in [(7, "second"), (3, "first")] {
            spdy.data(id, text.as_bytes(), true).await;
            assert_eq!(spdy.all(id).await, text.as_bytes());
        }
    }
}

#[tokio::test]
async fn ports_are_forwarded_over_spdy_in_a_websocket() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let mut stream = websocket(&socket, &format!("{POD}/portforward"), "SPDY/3.1+portforward.k8s.io").await;
        let (mut writer, mut reader) = (Writer::default(), Reader::default());
        let headers = |kind: &str| {
            [("streamtype", kind), ("port", "8080"), ("requestid", "0")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec()
        };
        let frames = [
            Frame::SynStream { id: 1, is_last: true, headers: headers("error") },
            Frame::SynStream { id: 3, is_last: false, headers: headers("data") },
            Frame::Data { id: 3, is_last: true, bytes: b"hello".to_vec() },
        ];
        for frame in &frames {
            stream.send(Message::binary(writer.write(frame))).await.expect("sent");
        }
        let mut output = Vec::new();
        'reading: while let Some(Ok(message)) = stream.next().await {
            reader.push(&message.into_data());
            while let Some(frame) = reader.frame().expect("SPDY") {
                if let Frame::Data { id: 3, is_last, bytes } = frame {
                    output.extend(bytes);
                    if is_last {
                        break 'reading;
                    }
                }
            }
        }
        assert_eq!(output, b"hello");
    }
}

#[tokio::test]
async fn ports_are_forwarded_over_the_channels_of_a_websocket() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let path = format!("{POD}/portforward?ports=8080,1&ports=8081");
        let mut stream = websocket(&socket, &path, "v4.channel.k8s.io").await;
        let mut channels: [Vec<u8>; 6] = Default::default();
        let is_told = |channels: &[Vec<u8>; 6]| channels[0].len() == 7 && channels[4].len() == 8 && channels[3].len() > 2;
        for message in [&b"\0first"[..], b"\x04second", b"\x01nobody hears this", b"\x09nor that", b""] {
            stream.send(Message::binary(message.to_vec())).await.expect("sent");
        }
        while !is_told(&channels) {
            let message = tokio::time::timeout(Duration::from_secs(30), stream.next()).await.expect("it goes on in time");
            let bytes = message.expect("it goes on").expect("a message").into_data();
            let (channel, bytes) = bytes.split_first().expect("a channel");
            channels[usize::from(*channel)].extend_from_slice(bytes);
        }
        let [first, no_error, _, refused, second, _] = channels;
        assert_eq!((first, no_error), (b"\x90\x1ffirst".to_vec(), b"\x90\x1f".to_vec()));
        assert_eq!(second, b"\x91\x1fsecond");
        assert_eq!(refused, b"\x01\0Internal error occurred: connection refused");
        stream.close(None).await.expect("closed");
        while let Some(Ok(_)) = stream.next().await {}
    }
    assert_eq!(cluster.far.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_cannot_be_a_stream_is_refused_as_http() {
    let cluster = Cluster::joined().await;
    for socket in sockets(&cluster) {
        let check = async |path: &str, code: u16, message: &str| {
            let answer = http::get(&socket, &format!("{POD}{path}")).await;
            assert_eq!((answer.code, answer.message()), (code, message), "{path}");
        };
        check("/exec?command=cat&stdout=true", 400, "Upgrade request required").await;
        check("/exec?command=cat", 400, "you must specify at least 1 of stdin, stdout, stderr").await;
        check("/attach?stdout=true", 400, "Upgrade request required").await;
        check("/attach", 400, "you must specify at least 1 of stdin, stdout, stderr").await;
        check("/portforward", 400, "Upgrade request required").await;
    }
}
