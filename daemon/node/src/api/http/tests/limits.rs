//! Clients that are slow, many, or ask for too much: they cost a bounded amount, and nobody else notices. docs/kubernetes-api.md has the
//! limits.

use super::client::Api;
use super::{PODS, pod};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rest::rights::Role;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What this process has in memory, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("a process has memory");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}

async fn next_line(body: &mut Incoming) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(60), body.frame()).await.expect("an event in time");
    let frame = frame.expect("it goes on").expect("a frame");
    String::from_utf8_lossy(frame.data_ref().expect("data")).into_owned()
}

/// A connection over which this was sent.
async fn begun(api: &Api, text: &str) -> UnixStream {
    let mut stream = UnixStream::connect(api.socket()).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("written");
    stream
}

/// What is answered, to the connection's end.
async fn answer(stream: &mut UnixStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    // A connection that is closed while more is sent is reset; what was answered before counts.
    let _ = read.expect("it is closed in time");
    String::from_utf8_lossy(&answer).into_owned()
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
async fn more_half_requests_than_there_are_places_for_bodies_keep_nobody_waiting() {
    let api = Api::new().await;
    let mut held = Vec::new();
    for length in [100, 2_000_000] {
        let head =
            format!("POST {PODS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        let part = "{\"kind\": ".repeat(if length > 1000 { 10_000 } else { 1 });
        for _ in 0..100 {
            held.push(begun(&api, &format!("{head}{part}")).await);
        }
    }
    // In far less than the minute that each of them may take.
    let made = tokio::time::timeout(Duration::from_secs(30), api.post(PODS, &pod("a"))).await.expect("an answer in time");
    assert_eq!(made.code, 201);
    assert_eq!(api.get(PODS).await.code, 200);
}

#[tokio::test]
async fn endless_heads_and_long_paths_are_refused() {
    let api = Api::new().await;
    let mut endless = begun(&api, "GET /api HTTP/1.1\r\n").await;
    let line = format!("x-{}: y\r\n", "a".repeat(1000));
    let mut written = 0;
    while written < 4 * 1024 * 1024 && endless.write_all(line.as_bytes()).await.is_ok() {
        written += line.len();
    }
    assert!(written < 2 * 1024 * 1024, "it was read on and on");
    let many = "x: y\r\n".repeat(200);
    let long = format!("GET {PODS}?labelSelector={} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    for refused in [format!("GET /api HTTP/1.1\r\nHost: x\r\n{many}\r\n"), long] {
        let mut stream = UnixStream::connect(api.socket()).await.expect("a connection");
        let _ = stream.write_all(refused.as_bytes()).await;
        let said = answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 414"), "{said:?}");
    }
    // One that is huge and still a query.
    let query = format!("{PODS}?labelSelector=a%20in%20({})&{}", "b,".repeat(10_000) + "b", "fieldSelector=&".repeat(1000));
    assert_eq!(api.get(&query).await.code, 200);
    assert_eq!(api.post(PODS, &pod("a")).await.code, 201);
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off() {
    let api = Api::new().await;
    let head = format!("POST {PODS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut stream = begun(&api, &head).await;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(65_536));
    let mut written = 0;
    while written < 64 * 1024 * 1024 && stream.write_all(chunk.as_bytes()).await.is_ok() {
        written += chunk.len();
    }
    assert!(written < 16 * 1024 * 1024, "{written} bytes were taken");
    let said = answer(&mut stream).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 413"), "{said:?}");
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
        held.push(begun(&api, &format!("GET {PODS} HTTP/1.1\r\nHost: x\r\n\r\n")).await);
    }
    // All are answered as far as they read: four megabytes each, if lists were made.
    assert_eq!(api.get(&format!("{PODS}/p0")).await.code, 200);
    let cost = resident().saturating_sub(before) / 100;
    assert!(cost < 1024 * 1024, "{cost} bytes a reader");
    // As many over one connection: what waits for a stream counts, and what its client holds.
    let before = resident();
    let remote = api.remote(Some(Role::Viewer)).await;
    let mut bodies = Vec::new();
    for _ in 0..200 {
        bodies.push(remote.open(PODS).await);
    }
    assert_eq!(api.get(&format!("{PODS}/p0")).await.code, 200);
    let cost = resident().saturating_sub(before) / 200;
    assert!(cost < 300 * 1024, "{cost} bytes a stream");
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
