//! Streams in both directions, to a pod of another node: all bytes, at each reader's pace, and nothing left behind.

use super::{Cluster, Raw};
use client::{Client, ClientError, Received};
use std::sync::atomic::Ordering;
use wire::{ClientMessage, ExecRequest, PortForwardRequest, Request, Response, ServerMessage, StreamEnd, TerminalSize, channel};

fn exec(command: &str) -> ExecRequest {
    let (namespace, pod) = ("default".to_owned(), "a".to_owned());
    ExecRequest { namespace, pod, command: vec![command.to_owned()], stdin: true, ..ExecRequest::default() }
}

/// Bytes that are not the same anywhere.
fn many() -> Vec<u8> {
    let mut state = 1_u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(3 * 1024 * 1024 + 1).collect()
}

async fn echoed(client: &Client, bytes: &[u8]) -> (Vec<u8>, i32) {
    let (sender, mut reader) = client.exec(exec("cat")).await.expect("a program");
    let sending = async {
        sender.send(bytes).await.expect("it is sent");
        sender.finish().await.expect("it is sent");
    };
    let receiving = async {
        let mut back = Vec::new();
        loop {
            match reader.next().await.expect("it goes on") {
                Some(Received::Bytes(channel::STDOUT, bytes)) => back.extend_from_slice(&bytes),
                Some(Received::Exited(code)) => return (back, code),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(sending, receiving).1
}

#[tokio::test]
async fn every_byte_comes_back_from_another_node_and_then_the_code() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let bytes = many();
    let (back, code) = echoed(&client, &bytes).await;
    assert!(back == bytes, "{} of {} bytes", back.len(), bytes.len());
    assert_eq!(code, 7);
    cluster.idle().await;
    assert_eq!(cluster.far.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn many_small_frames_are_within_the_window() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let (sender, mut reader) = client.exec(exec("cat")).await.expect("a program");
    let sending = async {
        for _ in 0..20_000 {
            sender.send(b"x").await.expect("it is sent");
        }
        sender.finish().await.expect("it is sent");
    };
    let receiving = async {
        let mut count = 0;
        while let Some(Received::Bytes(_, bytes)) = reader.next().await.expect("it goes on") {
            count += bytes.len();
        }
        count
    };
    assert_eq!(tokio::join!(sending, receiving).1, 20_000);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let (sender, reader) = client.exec(exec("cat")).await.expect("a program");
    let bytes = many();
    // Never done: all windows and pipes on the way are full before.
    let mut stuck = Box::pin(sender.send(&bytes));
    tokio::select! {
        sent = &mut stuck => panic!("nobody reads: {sent:?}"),
        (back, _) = echoed(&client, &bytes) => assert!(back == bytes),
    }
    drop((stuck, reader));
    cluster.idle().await;
    assert_eq!(cluster.far.running.load(Ordering::SeqCst), 0, "a stream that is dropped ends its program");
}

#[tokio::test]
async fn a_client_that_vanishes_takes_its_program_along() {
    let cluster = Cluster::joined().await;
    let mut raw = Raw::greeted(&cluster.near).await;
    raw.say(&ClientMessage::Request { id: 1, request: Request::Exec(exec("cat")) }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 1, result: Ok(Response::Stream) })));
    assert_eq!(cluster.far.running.load(Ordering::SeqCst), 1);
    drop(raw);
    cluster.idle().await;
    assert_eq!(cluster.far.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_client_that_sends_more_than_it_may_loses_its_stream() {
    let cluster = Cluster::joined().await;
    let mut raw = Raw::greeted(&cluster.near).await;
    // Nothing is read from it, and so it reads nothing.
    let request = ExecRequest { window: 1, ..exec("cat") };
    raw.say(&ClientMessage::Request { id: 1, request: Request::Exec(request) }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 1, result: Ok(Response::Stream) })));
    for _ in 0..40 {
        raw.say_bytes(1, channel::STDIN, &[0; 32 * 1024]).await;
    }
    let end = loop {
        match raw.next_with_bytes().await {
            Ok(ServerMessage::End { end, .. }) => break end,
            Ok(other) => panic!("{other:?}"),
            Err(_bytes) => {}
        }
    };
    assert!(matches!(end, StreamEnd::Failed { status } if status.code == 400));
}

#[tokio::test]
async fn sizes_of_the_terminal_reach_the_program_in_their_order() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let (sender, mut reader) = client.exec(ExecRequest { tty: true, ..exec("cat") }).await.expect("a program");
    for columns in [80, 81] {
        sender.resize(TerminalSize { columns, rows: 24 }).await.expect("it is sent");
    }
    sender.finish().await.expect("it is sent");
    let mut text = Vec::new();
    while let Some(Received::Bytes(_, bytes)) = reader.next().await.expect("it goes on") {
        text.extend_from_slice(&bytes);
    }
    assert_eq!(String::from_utf8_lossy(&text), "80x24\n81x24\n");
}

#[tokio::test]
async fn a_connection_to_a_port_closes_one_side_at_a_time() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let forward = |port| PortForwardRequest { namespace: "default".into(), pod: "a".into(), port, window: 0 };
    let (sender, mut reader) = client.port_forward(forward(80)).await.expect("a connection");
    sender.send(b"ping").await.expect("it is sent");
    sender.finish().await.expect("it is sent");
    let mut text = Vec::new();
    let mut ends = 0;
    while let Some(Received::Bytes(channel::STDOUT, bytes)) = reader.next().await.expect("it goes on") {
        ends += usize::from(bytes.is_empty());
        text.extend_from_slice(&bytes);
    }
    assert_eq!((text.as_slice(), ends), (&b"ping"[..], 1));
    cluster.idle().await;
    assert_eq!(refused(client.port_forward(forward(1)).await), "Internal error occurred: connection refused");
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_by_the_pods_own_node() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    assert_eq!(refused(client.exec(exec("nothing")).await), "Internal error occurred: main has no such program");
    let wrong = ExecRequest { container: Some("zz".into()), ..exec("cat") };
    assert_eq!(refused(client.exec(wrong).await), "container zz is not valid for pod a");
    let none = ExecRequest { pod: "none".into(), ..exec("cat") };
    assert_eq!(refused(client.exec(none).await), "pods \"none\" not found");
    let empty = ExecRequest { command: Vec::new(), ..exec("cat") };
    assert_eq!(refused(client.exec(empty).await), "you must specify at least one command for the container");
    cluster.far.put_status("a", super::ended()).await;
    assert_eq!(refused(client.exec(exec("cat")).await), "unable to upgrade connection: container not found (\"main\")");
}

fn refused<T>(result: Result<T, ClientError>) -> String {
    result.err().expect("it is refused").to_string()
}
