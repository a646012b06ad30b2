//! Requests for another node's daemon: two daemons of one process, each with a store of its own, joined by streams in memory.

mod frames;
mod kubernetes;
mod probes;
mod streams;

use crate::api::http::tests::client as http;
use crate::api::serve_peer;
use crate::api::tests::{Raw, Served, create, get, object, pod, pod_key, refusal, running};
use crate::peers::{Alone, ByteStream, Peers};
use crate::verbs::Verbs;
use client::Client;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use objects::{Kind, Status};
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;
use store::Key;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use wire::{
    ClientMessage, DryRun, ListRequest, LogsRequest, Member, MemberState, Members, NodeRemoveRequest, PROTOCOL, Request,
    Response, Selection, ServerHello, ServerMessage, StreamEnd, StreamFrame,
};

/// Who is at the other end of a stream.
enum Far {
    /// A daemon.
    Daemon(Arc<Verbs>),
    /// Somebody who takes the stream and says nothing.
    Silent,
    /// Somebody who sends every byte back, on the next channel.
    Echo,
    /// Nobody.
    Nobody,
}

/// The cluster as n1 sees it: itself and n2.
struct Wires {
    state: Mutex<MemberState>,
    far: OnceLock<Far>,
    served: Mutex<Vec<JoinHandle<()>>>,
    removed: Mutex<Vec<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked while holding it")
}

fn member(name: &str, state: MemberState) -> Member {
    Member {
        name: name.to_owned(),
        state,
        since: 60,
        address: String::new(),
        round_trip_ms: None,
        clock_offset_ms: None,
        is_self: name == "n1",
        instance: 1,
        version: String::new(),
    }
}

impl Peers for Wires {
    fn members(&self) -> Members {
        let members = vec![member("n1", MemberState::Alive), member("n2", *locked(&self.state))];
        Members { node: "n1".to_owned(), cluster: "c".to_owned(), as_of: 100, members }
    }

    fn dial<'a>(&'a self, _node: &'a str) -> BoxFuture<'a, io::Result<ByteStream>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let task = match self.far.get().expect("the test says who is there") {
            Far::Daemon(verbs) => tokio::spawn(serve_peer(Box::new(far), "n1".to_owned(), verbs.clone())),
            Far::Echo => tokio::spawn(echo(far)),
            Far::Silent => tokio::spawn(async move {
                let _held = far;
                std::future::pending().await
            }),
            Far::Nobody => {
                let error = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
                return Box::pin(std::future::ready(Err(error)));
            }
        };
        locked(&self.served).push(task);
        Box::pin(std::future::ready(Ok(Box::new(near) as ByteStream)))
    }

    fn remove<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<(), Status>> {
        locked(&self.removed).push(node.to_owned());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Greets, answers the request with a stream, and sends back what comes; ends the stream at an empty frame.
async fn echo(stream: DuplexStream) {
    let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a websocket");
    let text = |message: &ServerMessage| Message::text(serde_json::to_string(message).expect("JSON"));
    while let Some(Ok(message)) = socket.next().await {
        let answer = match message {
            Message::Text(said) => match serde_json::from_str(&said).expect("a client's message") {
                ClientMessage::Hello { .. } => {
                    let (node, daemon, epoch) = ("n2".to_owned(), "0".to_owned(), "1".to_owned());
                    text(&ServerMessage::Hello(ServerHello { version: PROTOCOL, node, daemon, epoch }))
                }
                ClientMessage::Request { id, request: Request::Carried { .. } } => {
                    text(&ServerMessage::Response { id, result: Ok(Response::Stream) })
                }
                ClientMessage::Credit { id, bytes } => {
                    let bytes = bytes.to_be_bytes();
                    Message::binary(StreamFrame { id, channel: 9, bytes: &bytes }.to_bytes())
                }
                other => panic!("{other:?}"),
            },
            Message::Binary(frame) => match StreamFrame::try_from_bytes(&frame).expect("a frame") {
                StreamFrame { id, bytes: [], .. } => text(&ServerMessage::End { id, end: StreamEnd::Complete }),
                StreamFrame { id, channel, bytes } => Message::binary(StreamFrame { id, channel: channel + 1, bytes }.to_bytes()),
            },
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

/// n1, which clients are connected to, and n2, where the pod `a` runs.
struct Cluster {
    near: Served,
    far: Served,
    wires: Arc<Wires>,
    log: PathBuf,
}

impl Cluster {
    async fn new() -> Self {
        let wires = Arc::new(Wires {
            state: Mutex::new(MemberState::Alive),
            far: OnceLock::new(),
            served: Mutex::default(),
            removed: Mutex::default(),
        });
        let near = Served::of("n1", wires.clone());
        let far = Served::of("n2", Arc::new(Alone::new("n2")));
        let (mut made, _) = object(&far.client().await, create(pod("a"), DryRun::No)).await;
        let uid = made["metadata"]["uid"].as_str().expect("a uid").to_owned();
        // It is one pod, in both stores.
        made["metadata"].as_object_mut().expect("an object").remove("resourceVersion");
        near.store.create(pod_key("a"), made).await.expect("it is new there");
        for served in [&near, &far] {
            served.put_status_of("n2", "a", running(0)).await;
        }
        let folder = far.folder.path().join("logs").join(format!("default_a_{uid}")).join("main");
        std::fs::create_dir_all(&folder).expect("a folder");
        let log = folder.join("0.log");
        std::fs::write(&log, line("one")).expect("a log");
        Self { near, far, wires, log }
    }

    /// With the real daemon of n2 at the other end.
    async fn joined() -> Self {
        let cluster = Self::new().await;
        cluster.met_by(Far::Daemon(cluster.far.verbs.clone()));
        cluster
    }

    fn met_by(&self, far: Far) {
        assert!(self.wires.far.set(far).is_ok(), "said once");
    }

    fn append(&self, text: &str) {
        let log = std::fs::read_to_string(&self.log).expect("a log") + text;
        std::fs::write(&self.log, log).expect("a log");
    }

    /// Waits until n2 works on nothing that n1 has passed on.
    async fn idle(&self) {
        let served: Vec<_> = locked(&self.wires.served).drain(..).collect();
        assert!(!served.is_empty(), "something was passed on");
        for task in served {
            task.await.expect("it ends by itself");
        }
    }
}

fn line(text: &str) -> String {
    format!("2026-01-01T00:00:00.000000001Z stdout F {text}\n")
}

fn logs(follow: bool) -> LogsRequest {
    LogsRequest { namespace: "default".into(), pod: "a".into(), follow, ..LogsRequest::default() }
}

fn ended() -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": 0, "containerID": "skiff://u/main/0"}}}]})
}

async fn refused(client: &Client) -> Status {
    let error = client.logs(logs(false)).await.err().expect("it is refused");
    error.status().expect("a status").clone()
}

#[tokio::test]
async fn a_log_is_passed_on_as_http_too() {
    let cluster = Cluster::joined().await;
    cluster.append(&line("two"));
    let path = "/api/v1/namespaces/default/pods/a/log";
    let log = http::get(&cluster.near.socket(), &format!("{path}?tailLines=1")).await;
    assert_eq!((log.code, log.text.as_str()), (200, "two\n"), "{log:?}");
    cluster.append(&line("aside").replace("stdout", "stderr"));
    let log = http::get(&cluster.near.socket(), &format!("{path}?stream=Stderr")).await;
    assert_eq!((log.code, log.text.as_str()), (200, "aside\n"), "{log:?}");
    let refused = http::get(&cluster.near.socket(), &format!("{path}?stream=stderr&tailLines=1")).await;
    assert_eq!((refused.code, refused.message().contains("stream: Unsupported value: \"stderr\"")), (422, true), "{refused:?}");
    let refused = http::get(&cluster.near.socket(), &format!("{path}?container=zz")).await;
    assert_eq!((refused.code, refused.message()), (400, "container zz is not valid for pod a"));
    cluster.idle().await;
}

#[tokio::test]
async fn a_log_of_another_node_is_followed_to_its_end() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let mut log = client.logs(logs(true)).await.expect("a log");
    assert_eq!(log.next().await.expect("bytes").as_deref(), Some(&b"one\n"[..]));
    cluster.append(&line("two"));
    assert_eq!(log.next().await.expect("bytes").as_deref(), Some(&b"two\n"[..]));
    cluster.far.put_status("a", ended()).await;
    assert_eq!(log.next().await.expect("the end"), None);
    cluster.idle().await;
    // What the other daemon refuses, it refuses in its own words.
    let wrong = LogsRequest { container: Some("zz".into()), ..logs(false) };
    assert_eq!(client.logs(wrong).await.err().expect("refused").to_string(), "container zz is not valid for pod a");
}

#[tokio::test]
async fn a_cancelled_log_ends_at_its_node_too() {
    let cluster = Cluster::joined().await;
    let mut raw = Raw::greeted(&cluster.near).await;
    raw.say(&ClientMessage::Request { id: 7, request: Request::Logs(logs(true)) }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 7, result: Ok(Response::Stream) })));
    raw.say(&ClientMessage::Cancel { id: 7 }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::End { id: 7, end: StreamEnd::Cancelled })));
    cluster.idle().await;
    // So does the log of a client that vanishes.
    raw.say(&ClientMessage::Request { id: 8, request: Request::Logs(logs(true)) }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 8, result: Ok(Response::Stream) })));
    drop(raw);
    cluster.idle().await;
}

#[tokio::test]
async fn a_slow_reader_holds_a_log_back_at_its_node_and_nothing_else() {
    const WINDOW: u32 = 100_000;
    let cluster = Cluster::joined().await;
    let text = "x".repeat(999);
    let lines = 3000;
    std::fs::write(&cluster.log, line(&text).repeat(lines)).expect("a log");
    let mut raw = Raw::greeted(&cluster.near).await;
    raw.say(&ClientMessage::Request { id: 1, request: Request::Logs(LogsRequest { window: WINDOW, ..logs(false) }) }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 1, result: Ok(Response::Stream) })));
    let list = Request::List(ListRequest { kind: Kind::Pod, selection: Selection::default(), in_parts: false });
    let mut came = 0;
    let mut answers = 0;
    let mut given = WINDOW;
    // Each question is answered though nobody reads the log, and of the log comes what was allowed and one chunk more.
    while answers < 20 {
        raw.say(&ClientMessage::Request { id: 2 + answers, request: list.clone() }).await;
        loop {
            match raw.next_with_bytes().await {
                Ok(ServerMessage::Response { id, result: Ok(Response::List(_)) }) if id == 2 + answers => break,
                Ok(other) => panic!("{other:?}"),
                Err((id, bytes)) => {
                    assert_eq!(id, 1);
                    came += bytes.len();
                }
            }
        }
        answers += 1;
        assert!(came < given as usize + 256 * 1024, "{came} bytes of {given}");
        if answers == 10 {
            raw.say(&ClientMessage::Credit { id: 1, bytes: WINDOW }).await;
            given += WINDOW;
        }
    }
    raw.say(&ClientMessage::Credit { id: 1, bytes: 60_000_000 }).await;
    loop {
        match raw.next_with_bytes().await {
            Err((1, bytes)) => came += bytes.len(),
            Ok(ServerMessage::End { id: 1, end: StreamEnd::Complete }) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(came, lines * 1000, "nothing is lost");
}

#[tokio::test]
async fn a_node_that_dies_in_the_middle_ends_the_log_with_what_is_known() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let mut log = client.logs(logs(true)).await.expect("a log");
    assert!(log.next().await.expect("bytes").is_some());
    *locked(&cluster.wires.state) = MemberState::Suspect;
    let served: Vec<_> = locked(&cluster.wires.served).drain(..).collect();
    served.iter().for_each(JoinHandle::abort);
    let status = log.next().await.err().and_then(|error| error.status().cloned()).expect("a status");
    assert_eq!(status.code, 503);
    assert!(status.message.starts_with("node n2 cannot be reached from node n1: it was last seen 40s ago, and "), "{status}");
}

#[tokio::test]
async fn a_node_that_cannot_be_reached_is_told_with_what_is_known_of_it() {
    let cluster = Cluster::new().await;
    cluster.met_by(Far::Nobody);
    let client = cluster.near.client().await;
    let status = refused(&client).await;
    assert_eq!((status.code, status.reason.as_str()), (503, "ServiceUnavailable"));
    assert_eq!(status.message, "node n2 cannot be reached from node n1: connection refused");
    for (state, words) in [(MemberState::Down, "it was last seen 40s ago"), (MemberState::Left, "its daemon was stopped 40s ago")]
    {
        *locked(&cluster.wires.state) = state;
        assert_eq!(refused(&client).await.message, format!("node n2 cannot be reached from node n1: {words}"));
    }
    // A pod of a node that nobody knows.
    object(&client, create(pod("b"), DryRun::No)).await;
    cluster.near.put_status_of("n9", "b", running(0)).await;
    let of_b = LogsRequest { pod: "b".into(), ..logs(false) };
    assert_eq!(client.logs(of_b).await.err().expect("refused").to_string(), "nodes \"n9\" not found");
}

#[tokio::test]
async fn a_node_that_says_nothing_is_waited_for_some_seconds() {
    let cluster = Cluster::new().await;
    cluster.met_by(Far::Silent);
    let client = cluster.near.client().await;
    let started = Instant::now();
    let status = refused(&client).await;
    assert_eq!(status.message, "node n2 cannot be reached from node n1: it did not answer in time");
    assert!(started.elapsed() >= super::REACH_TIMEOUT);
}

#[tokio::test]
async fn a_request_is_never_passed_on_twice() {
    let cluster = Cluster::joined().await;
    // n2 has heard that the pod is elsewhere.
    object(&cluster.far.client().await, create(pod("b"), DryRun::No)).await;
    cluster.far.put_status_of("n1", "b", running(0)).await;
    object(&cluster.near.client().await, create(pod("b"), DryRun::No)).await;
    cluster.near.put_status_of("n2", "b", running(0)).await;
    let client = cluster.near.client().await;
    let of_b = LogsRequest { pod: "b".into(), ..logs(false) };
    let status = client.logs(of_b).await.err().and_then(|error| error.status().cloned()).expect("a status");
    assert_eq!((status.code, status.message.as_str()), (503, "pod b is on node n1, not on node n2; try again"));
    let twice = Request::Carried { by: "n3".into(), request: Box::new(on("n2", Request::Members)) };
    assert_eq!(refusal(&client, twice).await.code, 400);
    assert_eq!(refusal(&client, on("n2", on("n1", Request::Members))).await.code, 400);
}

fn on(node: &str, request: Request) -> Request {
    Request::On { node: node.to_owned(), request: Box::new(request) }
}

#[tokio::test]
async fn a_request_for_a_named_node_is_answered_by_that_node() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    assert!(matches!(client.request(on("n2", Request::ImageList)).await, Ok(Response::Images { images }) if images.is_empty()));
    for (node, expected) in [("n1", "n1"), ("n2", "n2")] {
        let Ok(Response::Members(members)) = client.request(on(node, Request::Members)).await else { panic!("no members") };
        assert_eq!(members.node, expected);
    }
    assert_eq!(refusal(&client, on("n2", Request::ImageRemove { image: "box:1".into() })).await.code, 404);
    assert_eq!(refusal(&client, on("n9", Request::ImageList)).await.message, "nodes \"n9\" not found");
}

#[tokio::test]
async fn bytes_and_credit_go_both_ways_under_the_clients_number() {
    let cluster = Cluster::new().await;
    cluster.met_by(Far::Echo);
    let mut raw = Raw::greeted(&cluster.near).await;
    raw.say(&ClientMessage::Request { id: 40, request: Request::Logs(logs(true)) }).await;
    raw.say_bytes(40, 0, b"early").await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 40, result: Ok(Response::Stream) })));
    assert_eq!(raw.next_with_bytes().await.expect_err("bytes"), (40, b"early".to_vec()));
    raw.say(&ClientMessage::Credit { id: 40, bytes: 77 }).await;
    assert_eq!(raw.next_with_bytes().await.expect_err("bytes"), (40, 77_u32.to_be_bytes().to_vec()));
    raw.say_bytes(40, 4, &[7; 100_000]).await;
    assert_eq!(raw.next_with_bytes().await.expect_err("bytes"), (40, vec![7; 100_000]));
    raw.say_bytes(40, 0, b"").await;
    assert!(matches!(raw.next().await, Some(ServerMessage::End { id: 40, end: StreamEnd::Complete })));
}

#[tokio::test]
async fn a_client_that_sends_more_than_is_taken_is_hung_up_on() {
    let cluster = Cluster::new().await;
    cluster.met_by(Far::Silent);
    let mut raw = Raw::greeted(&cluster.near).await;
    raw.say(&ClientMessage::Request { id: 1, request: Request::Logs(logs(true)) }).await;
    for _ in 0..3 {
        raw.say_bytes(1, 0, &vec![0; 500_000]).await;
    }
    assert!(raw.next().await.is_none());
}

fn remove(name: &str, force: bool) -> Request {
    Request::NodeRemove(NodeRemoveRequest { name: name.to_owned(), force })
}

#[tokio::test]
async fn a_node_is_removed_with_its_pods_once_it_is_gone() {
    let cluster = Cluster::joined().await;
    let client = cluster.near.client().await;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2", "uid": "u"}});
    let key = Key::new(Kind::Node, "", "n2");
    cluster.near.store.create(key.clone(), node).await.expect("a node");
    object(&client, create(pod("other"), DryRun::No)).await;
    assert_eq!(refusal(&client, remove("n9", false)).await.code, 404);
    assert_eq!(refusal(&client, remove("n1", true)).await.code, 400);
    let status = refusal(&client, remove("n2", false)).await;
    assert_eq!(status.code, 409);
    assert!(status.message.contains("it is alive"), "{status}");
    assert!(locked(&cluster.wires.removed).is_empty());
    *locked(&cluster.wires.state) = MemberState::Down;
    let removed = client.request(remove("n2", false)).await;
    assert!(matches!(&removed, Ok(Response::NodeRemoved { node, pods: 1 }) if node == "n2"), "{removed:?}");
    assert_eq!(*locked(&cluster.wires.removed), ["n2"]);
    assert!(cluster.near.store.get(&key).is_none() && cluster.near.store.get(&pod_key("a")).is_none());
    assert!(get(&client, "other").await.is_ok());
}

#[tokio::test]
async fn a_list_in_parts_of_another_node_is_passed_on_to_its_last_part() {
    let cluster = Cluster::joined().await;
    let far = cluster.far.client().await;
    for number in 0..4 {
        let mut pod = pod(&format!("long{number}"));
        pod["metadata"]["annotations"] = json!({"text": "x".repeat(wire::PART_BYTES)});
        object(&far, create(pod, DryRun::No)).await;
    }
    let client = cluster.near.client().await;
    let list = Request::List(ListRequest { kind: Kind::Pod, selection: Selection::default(), in_parts: true });
    let answer = client.request(on("n2", list)).await;
    assert!(matches!(&answer, Ok(Response::List(list)) if list.items.len() == 5), "{answer:?}");
    cluster.idle().await;
}
