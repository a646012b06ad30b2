//! Clients that are slow, many, or speak nonsense: they cost a bounded amount, and nobody else notices.

use super::client::Api;
use super::{PODS, pod};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rest::rights::Role;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What the process has in memory, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("a process has memory");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}

async fn next_line(body: &mut Incoming) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(60), body.frame()).await.expect("an event in time");
    let frame = frame.expect("it goes on").expect("a frame");
    String::from_utf8_lossy(frame.data_ref().expect("data")).into_owned()
}

#[tokio::test]
async fn a_thousand_idle_watches_cost_little_and_each_is_told() {
    let api = Api::new().await;
    let before = resident();
    let mut watches = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..4 {
        let remote = api.remote(Some(Role::Viewer)).await;
        for _ in 0..250 {
            watches.push(remote.open(&format!("{PODS}?watch=true")).await);
        }
        connections.push(remote);
    }
    assert_eq!(api.post(PODS, &pod("a")).await.code, 201);
    for watch in &mut watches {
        assert!(next_line(watch).await.starts_with("{\"type\":\"ADDED\""));
    }
    // The clients' side of all of them is in it, too.
    let cost = resident().saturating_sub(before) / 1000;
    assert!(cost < 100 * 1024, "{cost} bytes a watch");
}

#[tokio::test]
async fn half_a_request_and_endless_headers_harm_nobody() {
    let api = Api::new().await;
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut half = UnixStream::connect(api.socket()).await.expect("a connection");
        half.write_all(b"POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            .await
            .expect("written");
        held.push(half);
    }
    let mut endless = UnixStream::connect(api.socket()).await.expect("a connection");
    let _ = endless.write_all(b"GET /api HTTP/1.1\r\n").await;
    let line = format!("x-{}: y\r\n", "a".repeat(1000));
    let mut written = 0;
    while written < 4 * 1024 * 1024 && endless.write_all(line.as_bytes()).await.is_ok() {
        written += line.len();
    }
    assert!(written < 2 * 1024 * 1024, "it was read on and on");
    for nonsense in ["\0\0\0\0", "PRI * HTTP/2.0\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut stream = UnixStream::connect(api.socket()).await.expect("a connection");
        stream.write_all(nonsense.as_bytes()).await.expect("written");
        stream.shutdown().await.expect("ended");
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("it is closed");
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{nonsense:?}");
    }
    assert_eq!(api.get(PODS).await.code, 200);
    assert_eq!(api.post(PODS, &pod("a")).await.code, 201);
}

#[tokio::test]
async fn who_does_not_read_holds_up_nobody_and_no_list_is_made_for_it() {
    let api = Api::new().await;
    for index in 0..200 {
        let mut object = pod(&format!("p{index}"));
        object["metadata"]["annotations"]["filler"] = "x".repeat(20_000).into();
        assert_eq!(api.post(PODS, &object).await.code, 201);
    }
    let before = resident();
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut stream = UnixStream::connect(api.socket()).await.expect("a connection");
        stream.write_all(format!("GET {PODS} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("written");
        held.push(stream);
    }
    // All are answered as far as they read: four megabytes each, if lists were made.
    assert_eq!(api.get(&format!("{PODS}/p0")).await.code, 200);
    let cost = resident().saturating_sub(before) / 100;
    assert!(cost < 1024 * 1024, "{cost} bytes a reader");
}

#[tokio::test]
async fn strangers_keep_nobody_out() {
    let api = Api::new().await;
    let mut strangers = Vec::new();
    for _ in 0..80 {
        strangers.extend(api.stranger().await);
    }
    assert!(strangers.len() <= 70, "{} strangers are kept", strangers.len());
    let viewer = api.remote(Some(Role::Viewer)).await;
    assert_eq!(viewer.get(PODS).await.code, 200);
}
