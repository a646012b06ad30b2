//! Frames of the wrong kind on the streams of Kubernetes' clients, by a seed: the stream ends or goes on, nothing panics, and no program is
//! left running. `SKIFF_SEED=n` repeats one.

use super::{Cluster, http};
use crate::api::http::tests::random::{Random, seeds};
use rest::spdy::{Frame, Writer};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const POD: &str = "/api/v1/namespaces/default/pods/a";
const WEBSOCKET: &str =
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol:";
const SPDY: &str = "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version:";

/// What is asked for, and whether it is a websocket.
const STREAMS: [(&str, &str, &str); 7] = [
    ("/exec?command=cat&stdin=1&stdout=1&stderr=1", WEBSOCKET, "v5.channel.k8s.io"),
    ("/exec?command=cat&stdin=1&stdout=1&tty=1", WEBSOCKET, "v4.base64.channel.k8s.io"),
    ("/portforward?ports=8080,8081", WEBSOCKET, "v4.channel.k8s.io"),
    ("/portforward?ports=8080", WEBSOCKET, "v4.base64.channel.k8s.io"),
    ("/portforward", WEBSOCKET, "SPDY/3.1+portforward.k8s.io"),
    ("/exec?command=cat&stdin=1&stdout=1&stderr=1", SPDY, "v4.channel.k8s.io"),
    ("/portforward", SPDY, "portforward.k8s.io"),
];

async fn open(socket: &Path, (path, upgrade, protocol): (&str, &str, &str)) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.expect("a connection");
    let head = format!("GET {POD}{path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{upgrade} {protocol}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{path}: {}", String::from_utf8_lossy(&answer));
    stream
}

/// A frame of a websocket as a client sends it, with a mask of zeros, or one that says more or less than it holds.
fn websocket_frame(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    let first = match random.below(4) {
        0 => u8::try_from(random.below(256)).expect("a byte"),
        _ => random.pick(&[0x82, 0x81, 0x89, 0x02, 0x80]),
    };
    let claimed = match random.below(6) {
        0 => random.next(),
        1 => random.below(200),
        _ => payload.len() as u64,
    };
    let is_masked = if random.below(10) == 0 { 0 } else { 0x80 };
    let mut bytes = vec![first, is_masked | 127];
    bytes.extend(claimed.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn spdy_frames(random: &mut Random, writer: &mut Writer) -> Vec<u8> {
    let id = u32::try_from(random.below(12)).expect("small");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let kind = random.pick(&["error", "stdin", "stdout", "stderr", "data", "resize", "other", ""]);
    let headers = vec![header("streamtype", kind), header("port", random.pick(&["8080", "0", "x"])), header("requestid", "1")];
    let frame = match random.below(8) {
        0..3 => Frame::SynStream { id, is_last: random.below(2) == 0, headers },
        3..5 => Frame::Data { id, is_last: random.below(2) == 0, bytes: vec![b'x'; random.index(5000)] },
        5 => Frame::Reset { id, code: 5 },
        6 => Frame::Ping(id),
        _ => Frame::SynReply { id },
    };
    writer.write(&frame)
}

#[tokio::test]
async fn frames_of_the_wrong_kind_end_a_stream_at_most() {
    let cluster = Cluster::joined().await;
    for seed in seeds(70) {
        let mut random = Random::new(seed);
        let asked = STREAMS[random.index(STREAMS.len())];
        let socket = if random.below(2) == 0 { cluster.near.socket() } else { cluster.far.socket() };
        let mut stream = open(&socket, asked).await;
        let mut writer = Writer::default();
        for _ in 0..random.below(20) {
            let mut bytes = spdy_frames(&mut random, &mut writer);
            if random.below(4) == 0 && !bytes.is_empty() {
                let place = random.index(bytes.len());
                bytes[place] = u8::try_from(random.below(256)).expect("a byte");
            }
            if asked.1 == WEBSOCKET {
                if !asked.2.starts_with("SPDY") {
                    bytes.insert(0, random.pick(&[0, 1, 2, 3, 4, 5, 9, 255, b'0', b'4']));
                }
                bytes = websocket_frame(&mut random, &bytes);
            }
            if stream.write_all(&bytes).await.is_err() {
                break;
            }
        }
        // Whatever it was: once the client goes away, all of it ends.
        let _ = stream.shutdown().await;
        let closed = async {
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), closed).await;
        assert!(ended.is_ok(), "SKIFF_SEED={seed} {asked:?} is never over");
    }
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while cluster.far.running.load(Ordering::SeqCst) > 0 {
        assert!(std::time::Instant::now() < end, "programs are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(http::get(&cluster.near.socket(), POD).await.code, 200);
}
