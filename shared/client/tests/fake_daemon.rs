//! A client against a daemon that the test plays itself: every answer at the moment that the test chooses.

use client::{Address, Client, ClientError, LinkState, LinkWatchEvent, PullStep, connect, link};
use futures_util::{SinkExt, StreamExt};
use objects::{Kind, Status};
use serde_json::value::RawValue;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wire::{
    ClientMessage, ImagePullRequest, ListRequest, LogsRequest, ObjectList, PROTOCOL, PullProgress, Request, Response, Selection,
    ServerHello, ServerMessage, StreamEnd, StreamFrame, Version, WatchEvent, WatchEventKind,
};

/// Where the test's daemon listens.
struct Fake {
    folder: TempDir,
    listener: UnixListener,
}

/// The daemon's side of one connection.
struct Served(WebSocketStream<UnixStream>);

impl Fake {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        Self { folder, listener }
    }

    fn address(&self) -> Address {
        Address::Unix(self.folder.path().join("socket"))
    }

    async fn accept_version(&self, version: Version) -> Served {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        let socket = tokio_tungstenite::accept_async(stream).await.expect("a websocket");
        let mut served = Served(socket);
        let ClientMessage::Hello { version: asked, .. } = served.next().await else { panic!("no hello") };
        assert_eq!(asked, PROTOCOL);
        let hello = ServerHello { version, node: "n".to_owned(), daemon: "0".to_owned(), epoch: "1".to_owned() };
        served.say(ServerMessage::Hello(hello)).await;
        served
    }

    async fn accept(&self) -> Served {
        self.accept_version(PROTOCOL).await
    }

    /// Both ends of a connection, its driver running.
    async fn connected(&self) -> (Client, Served) {
        let address = self.address();
        let (connected, served) = tokio::join!(connect(&address, "test"), self.accept());
        let (client, driver) = connected.expect("a connection");
        tokio::spawn(driver.run());
        (client, served)
    }
}

impl Served {
    async fn next(&mut self) -> ClientMessage {
        match self.0.next().await.expect("the client is there").expect("a message") {
            Message::Text(text) => serde_json::from_str(&text).expect("a client's message"),
            other => panic!("{other:?}"),
        }
    }

    async fn request(&mut self) -> (u32, Request) {
        match self.next().await {
            ClientMessage::Request { id, request } => (id, request),
            other => panic!("{other:?}"),
        }
    }

    async fn say(&mut self, message: ServerMessage) {
        let text = serde_json::to_string(&message).expect("it serialises");
        self.0.send(Message::text(text)).await.expect("the client is there");
    }

    async fn answer(&mut self, id: u32, result: Result<Response, Status>) {
        self.say(ServerMessage::Response { id, result }).await;
    }

    async fn bytes(&mut self, id: u32, bytes: &[u8]) {
        let frame = StreamFrame { id, channel: 1, bytes }.to_bytes();
        self.0.send(Message::binary(frame)).await.expect("the client is there");
    }
}

fn list(version: &str) -> Response {
    Response::List(ObjectList { items: Vec::new(), resource_version: version.to_owned(), more: false })
}

fn event(version: &str, bytes: usize) -> WatchEvent {
    let object = RawValue::from_string(format!("\"{}\"", "x".repeat(bytes))).expect("JSON");
    WatchEvent { kind: WatchEventKind::Added, resource_version: version.to_owned(), object }
}

#[tokio::test]
async fn answers_find_their_requests_in_any_order() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    let asking = async { tokio::join!(client.request(Request::ImageList), client.request(Request::ImagePrune)) };
    let serving = async {
        let (first, _) = served.request().await;
        let (second, _) = served.request().await;
        served.answer(second, Err(Status::bad_request("no"))).await;
        served.answer(first, Ok(Response::Done)).await;
    };
    let ((images, pruned), ()) = tokio::join!(asking, serving);
    assert!(matches!(images, Ok(Response::Done)), "{images:?}");
    assert_eq!(pruned.expect_err("refused").status().map(|status| status.code), Some(400));
}

#[tokio::test]
async fn another_major_version_is_refused_and_nobody_listening_is_told() {
    let fake = Fake::new();
    let address = fake.address();
    let (connected, _served) = tokio::join!(connect(&address, "test"), fake.accept_version(Version { major: 9, minor: 0 }));
    assert!(matches!(connected.err(), Some(ClientError::Version { .. })));
    drop(fake);
    assert!(matches!(connect(&address, "test").await.err(), Some(ClientError::Connect { .. })));
}

#[tokio::test]
async fn a_watch_gives_credit_as_it_is_read_and_is_cancelled_when_dropped() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    let opening = client.watch(Kind::Pod, Selection::default(), None);
    let serving = async {
        let (id, _) = served.request().await;
        served.answer(id, Ok(list("5"))).await;
        id
    };
    let (watch, id) = tokio::join!(opening, serving);
    let mut watch = watch.expect("a watch");
    assert!(watch.take_snapshot().is_some_and(|list| list.items.is_empty()));
    assert_eq!(watch.resource_version(), "5");
    for version in 6..8 {
        served.say(ServerMessage::Event { id, event: event(&version.to_string(), 70_000) }).await;
    }
    watch.next().await.expect("it goes on").expect("an event");
    assert_eq!(watch.resource_version(), "6");
    watch.next().await.expect("it goes on").expect("an event");
    match served.next().await {
        ClientMessage::Credit { id: credited, bytes } => assert_eq!((credited, bytes), (id, 70_002)),
        other => panic!("{other:?}"),
    }
    drop(watch);
    assert!(matches!(served.next().await, ClientMessage::Cancel { id: cancelled } if cancelled == id));
}

#[tokio::test]
async fn a_daemon_that_ignores_the_window_is_stopped() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    let serving = async {
        let (id, _) = served.request().await;
        served.answer(id, Ok(Response::Stream)).await;
        for _ in 0..10_000 {
            served.bytes(id, b"x").await;
        }
        assert!(matches!(served.next().await, ClientMessage::Cancel { .. }));
    };
    let (log, ()) = tokio::join!(client.logs(LogsRequest::default()), serving);
    let mut log = log.expect("a log");
    let error = loop {
        match log.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended in peace"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ClientError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn a_log_is_read_to_its_end_and_a_failure_is_told() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    for end in [StreamEnd::Complete, StreamEnd::Failed { status: Status::internal("disk") }] {
        let is_failure = matches!(end, StreamEnd::Failed { .. });
        let serving = async {
            let (id, request) = served.request().await;
            assert!(matches!(request, Request::Logs(logs) if logs.window > 0));
            served.answer(id, Ok(Response::Stream)).await;
            served.bytes(id, b"hello\n").await;
            served.say(ServerMessage::End { id, end }).await;
        };
        let (log, ()) = tokio::join!(client.logs(LogsRequest::default()), serving);
        let mut log = log.expect("a log");
        assert_eq!(log.next().await.expect("bytes").as_deref(), Some(&b"hello\n"[..]));
        let last = log.next().await;
        assert_eq!(last.is_err(), is_failure, "{last:?}");
        assert!(matches!(log.next().await, Ok(None)));
    }
}

#[tokio::test]
async fn a_pull_tells_its_progress_and_then_what_came() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    let serving = async {
        let (id, _) = served.request().await;
        let progress = PullProgress { stage: "Downloading".to_owned(), done_bytes: 1, total_bytes: Some(2) };
        served.say(ServerMessage::Progress { id, progress }).await;
        served.answer(id, Ok(Response::Images { images: Vec::new() })).await;
    };
    let request = ImagePullRequest { image: "a".to_owned(), credentials: None };
    let (pull, ()) = tokio::join!(client.pull(request), serving);
    let mut pull = pull.expect("a pull");
    assert!(matches!(pull.next().await, Ok(PullStep::Progress(PullProgress { done_bytes: 1, .. }))));
    assert!(matches!(pull.next().await, Ok(PullStep::Done(images)) if images.is_empty()));
}

#[tokio::test]
async fn everyone_who_waits_is_told_that_the_connection_is_lost() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    let serving = async {
        served.request().await;
        drop(served);
    };
    let (answer, ()) = tokio::join!(client.request(Request::ImageList), serving);
    assert!(matches!(answer, Err(ClientError::Lost { .. })), "{answer:?}");
    assert!(matches!(client.request(Request::ImageList).await, Err(ClientError::Lost { .. })));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_the_connection_and_never_panics() {
    for garbage in [Message::text("{"), Message::text("{\"what\":1}"), Message::binary(vec![1, 2, 3])] {
        let fake = Fake::new();
        let address = fake.address();
        let (connected, mut served) = tokio::join!(connect(&address, "test"), fake.accept());
        let (_client, driver) = connected.expect("a connection");
        served.0.send(garbage).await.expect("the client is there");
        assert!(matches!(driver.run().await, ClientError::Protocol { .. }));
    }
}

#[tokio::test]
async fn a_link_comes_back_and_its_watch_resumes_and_lists_again_where_it_must() {
    let fake = Fake::new();
    let (mut link, driver) = link(fake.address(), "test");
    tokio::spawn(driver.run());
    let mut watch = link.watch(Kind::Pod, Selection::default());

    let mut served = fake.accept().await;
    let serving = async {
        let (id, request) = served.request().await;
        assert!(matches!(request, Request::Watch(watch) if watch.resume_from.is_none()));
        served.answer(id, Ok(list("5"))).await;
        served.say(ServerMessage::Event { id, event: event("6", 1) }).await;
    };
    let (first, ()) = tokio::join!(watch.next(), serving);
    assert!(matches!(first, Ok(LinkWatchEvent::Snapshot(list)) if list.resource_version == "5"));
    assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Change(event)) if event.resource_version == "6"));

    drop(served);
    assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Interrupted)));
    while !matches!(link.state(), LinkState::Lost { .. }) {
        assert!(link.changed().await);
    }
    assert!(matches!(link.request(Request::ImageList).await, Err(ClientError::NotConnected)));

    let serving = async {
        let mut served = fake.accept().await;
        let (id, request) = served.request().await;
        assert!(matches!(request, Request::Watch(watch) if watch.resume_from.as_deref() == Some("6")));
        served.answer(id, Ok(list("6"))).await;
        served
    };
    let (resumed, mut served) = tokio::join!(watch.next(), serving);
    assert!(matches!(resumed, Ok(LinkWatchEvent::Resumed)), "{resumed:?}");

    // The daemon went on without us for too long.
    let serving = async {
        served.say(ServerMessage::End { id: 1, end: StreamEnd::Failed { status: Status::expired("too old") } }).await;
        let (id, request) = served.request().await;
        assert!(matches!(request, Request::Watch(watch) if watch.resume_from.is_none()));
        served.answer(id, Ok(list("900"))).await;
    };
    let reading = async {
        assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Interrupted)));
        watch.next().await
    };
    let (listed, ()) = tokio::join!(reading, serving);
    assert!(matches!(listed, Ok(LinkWatchEvent::Snapshot(list)) if list.resource_version == "900"));
}

fn part(names: &[&str], version: &str, more: bool) -> Response {
    let items = names.iter().map(|name| RawValue::from_string(format!("\"{name}\"")).expect("JSON")).collect();
    Response::List(ObjectList { items, resource_version: version.to_owned(), more })
}

#[tokio::test]
async fn a_list_in_parts_is_one_answer() {
    let fake = Fake::new();
    let (client, mut served) = fake.connected().await;
    let list = ListRequest { kind: Kind::Pod, selection: Selection::default(), in_parts: true };
    let serving = async {
        let (id, _) = served.request().await;
        for (names, more) in [(&["a", "b"][..], true), (&["c"], true), (&[], false)] {
            served.answer(id, Ok(part(names, "5", more))).await;
        }
    };
    let (answer, ()) = tokio::join!(client.request(Request::List(list)), serving);
    let Ok(Response::List(list)) = answer else { panic!("{answer:?}") };
    assert_eq!((list.items.len(), list.more), (3, false));
}

#[tokio::test]
async fn a_list_that_breaks_off_in_its_middle_is_begun_anew() {
    let fake = Fake::new();
    let (link, driver) = link(fake.address(), "test");
    tokio::spawn(driver.run());
    let mut watch = link.watch(Kind::Pod, Selection::default());
    let mut served = fake.accept().await;
    let serving = async {
        let (id, request) = served.request().await;
        assert!(matches!(request, Request::Watch(watch) if watch.in_parts));
        served.answer(id, Ok(part(&["a"], "5", true))).await;
        served.answer(id, Ok(part(&["b"], "5", true))).await;
    };
    let (first, ()) = tokio::join!(watch.next(), serving);
    assert!(matches!(first, Ok(LinkWatchEvent::Snapshot(list)) if list.more));
    assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Part(list)) if list.more));
    drop(served);
    assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Interrupted)));
    let serving = async {
        let mut served = fake.accept().await;
        let (id, request) = served.request().await;
        assert!(matches!(request, Request::Watch(watch) if watch.resume_from.is_none()), "half a list is nothing to go on from");
        served.answer(id, Ok(part(&["a"], "7", true))).await;
        served.answer(id, Ok(part(&[], "7", false))).await;
        served.say(ServerMessage::Event { id, event: event("8", 1) }).await;
        served
    };
    let (again, _served) = tokio::join!(watch.next(), serving);
    assert!(matches!(again, Ok(LinkWatchEvent::Snapshot(list)) if list.more && list.resource_version == "7"));
    assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Part(list)) if !list.more));
    assert!(matches!(watch.next().await, Ok(LinkWatchEvent::Change(event)) if event.resource_version == "8"));
}
