//! The API over a real socket and a real store, without any pod running: no root needed.

mod lists;
mod played;

pub use super::http::tests::random;
use super::{ListenError, Listener};
use crate::cluster::trust::Trust;
use crate::images::Images;
use crate::peers::{Alone, Peers};
use crate::probes::history::ProbeHistory;
use crate::shutdown::{self, Trigger};
use crate::verbs::Verbs;
use client::{Address, Client, ClientError, Received, connect};
use control::version::NodeId;
use futures_util::{SinkExt, StreamExt};
use objects::{Kind, Status};
use played::Played;
use runtime::image::{ImageStore, PullOptions};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use store::{Durability, Key, Preconditions, Store};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use wire::{
    ApplyRequest, ClientMessage, CreateRequest, DeleteRequest, DryRun, GetRequest, ListRequest, LogsRequest, ObjectRef, PROTOCOL,
    ReplaceRequest, Request, Response, Selection, ServerMessage, StreamEnd, StreamFrame, WatchEventKind, WatchRequest, channel,
};

pub struct Served {
    pub folder: TempDir,
    pub store: Store,
    pub verbs: Arc<Verbs>,
    /// How many programs run in its containers.
    pub running: Arc<AtomicUsize>,
    /// What its probes came to.
    pub probes: ProbeHistory,
    name: &'static str,
    _trigger: Trigger,
}

impl Served {
    fn new() -> Self {
        Self::of("n", Arc::new(Alone::new("n")))
    }

    /// A node of this name, with its peers.
    pub fn of(name: &'static str, peers: Arc<dyn Peers>) -> Self {
        Self::with_door(name, peers, None)
    }

    /// The same, with the cluster's keys.
    pub fn with_door(name: &'static str, peers: Arc<dyn Peers>, trust: Option<Trust>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, writer, damage) =
            Store::open(&folder.path().join("store"), NodeId::from(name), store::Settings::default()).expect("a store");
        assert!(damage.is_empty());
        std::thread::spawn(|| writer.run());
        lay_foundation(&store);
        let images = ImageStore::open(&folder.path().join("images")).expect("an image store");
        let images = Images::new(images, PullOptions::default());
        let verbs = Verbs::new(name.to_owned(), store.clone(), images, folder.path().join("logs"));
        let containers = Played::default();
        let (running, probes) = (containers.running.clone(), containers.probes.clone());
        let verbs = verbs.with_peers(peers).with_containers(Arc::new(containers));
        let verbs = Arc::new(match trust {
            Some(trust) => verbs.with_door(trust, None),
            None => verbs,
        });
        let listener = Listener::bind(&folder.path().join("socket"), None).expect("a socket");
        let (trigger, shutdown) = shutdown::signal();
        tokio::spawn(listener.serve(verbs.clone(), shutdown));
        Self { folder, store, verbs, running, probes, name, _trigger: trigger }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub async fn client(&self) -> Client {
        let (client, driver) = connect(&Address::Unix(self.socket()), "test").await.expect("a connection");
        tokio::spawn(driver.run());
        client
    }

    /// Binds a pod to this node and gives it a status, as scheduler and worker do.
    pub async fn put_status(&self, name: &str, status: Value) {
        self.put_status_of(self.name, name, status).await;
    }

    /// The same for any node.
    pub async fn put_status_of(&self, node: &str, name: &str, status: Value) {
        // A pod is bound once; again is refused and changes nothing.
        let _ = self.store.bind(pod_key(name), node, Preconditions::default()).await;
        let written = self.store.update_status(pod_key(name), status, Preconditions::default(), Durability::Soon).await;
        written.expect("a status");
    }
}

/// The objects that every daemon makes first. They are written by another thread, so that it can be waited for here.
fn lay_foundation(store: &Store) {
    let store = store.clone();
    let laying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(crate::foundation::lay(&store)).expect("the foundation is written");
    });
    laying.join().expect("it was laid");
}

pub fn pod_key(name: &str) -> Key {
    Key { kind: Kind::Pod, namespace: "default".to_owned(), name: name.to_owned() }
}

fn pod_ref(name: &str) -> ObjectRef {
    ObjectRef { kind: Kind::Pod, namespace: "default".to_owned(), name: name.to_owned() }
}

pub fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
           "spec": {"containers": [{"name": "main", "image": "box:1"}]}})
}

pub fn create(object: Value, dry_run: DryRun) -> Request {
    Request::Create(CreateRequest { object, namespace: "default".to_owned(), dry_run })
}

fn apply(object: Value) -> Request {
    Request::Apply(ApplyRequest { object, namespace: "default".to_owned(), dry_run: DryRun::No })
}

fn delete(name: &str, grace_period_seconds: Option<i64>) -> Request {
    Request::Delete(DeleteRequest {
        object: pod_ref(name),
        grace_period_seconds,
        uid: None,
        dry_run: DryRun::No,
        options: wire::DeleteOptions::default(),
    })
}

pub async fn object(client: &Client, request: Request) -> (Value, String) {
    match client.request(request).await {
        Ok(Response::Object { object, outcome, .. }) => (*object, outcome),
        other => panic!("{other:?}"),
    }
}

pub async fn refusal(client: &Client, request: Request) -> Status {
    match client.request(request).await {
        Err(ClientError::Refused(status)) => status,
        other => panic!("{other:?}"),
    }
}

pub async fn get(client: &Client, name: &str) -> Result<Value, u16> {
    match client.request(Request::Get(GetRequest { object: pod_ref(name) })).await {
        Ok(Response::Object { object, .. }) => Ok(*object),
        Err(ClientError::Refused(status)) => Err(status.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_object_is_created_once_and_refused_with_every_fault() {
    let served = Served::new();
    let client = served.client().await;
    let (_, outcome) = object(&client, create(pod("a"), DryRun::Yes)).await;
    assert_eq!((outcome.as_str(), get(&client, "a").await), ("created", Err(404)));
    let (made, _) = object(&client, create(pod("a"), DryRun::No)).await;
    assert_eq!((&made["status"]["phase"], &made["metadata"]["namespace"]), (&json!("Pending"), &json!("default")));
    assert_eq!(get(&client, "a").await, Ok(made));
    assert_eq!(refusal(&client, create(pod("a"), DryRun::No)).await.code, 409);
    assert_eq!(refusal(&client, create(pod("a"), DryRun::Yes)).await.code, 409);
    let mut faulty = pod("B");
    faulty["spec"]["containers"][0]["name"] = json!("");
    let status = refusal(&client, create(faulty, DryRun::No)).await;
    assert_eq!((status.code, status.details.map(|details| details.causes.len())), (422, Some(2)), "{}", status.message);
    let stateful = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "d"}});
    let status = refusal(&client, create(stateful, DryRun::No)).await;
    assert_eq!((status.code, status.message.as_str()), (404, "no matches for kind \"StatefulSet\" in version \"apps/v1\""));
    assert_eq!(refusal(&client, create(json!([]), DryRun::No)).await.code, 400);
    assert_eq!(refusal(&client, create(json!({"kind": "Pod", "apiVersion": "v1", "metadata": 7}), DryRun::No)).await.code, 400);
}

#[tokio::test]
async fn generated_names_differ() {
    let served = Served::new();
    let client = served.client().await;
    let mut wanted = pod("x");
    wanted["metadata"] = json!({"generateName": "web-"});
    let (first, _) = object(&client, create(wanted.clone(), DryRun::No)).await;
    let (second, _) = object(&client, create(wanted, DryRun::No)).await;
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    assert!(name(&first).starts_with("web-") && name(&first).len() == 9 && name(&first) != name(&second), "{first}");
}

#[tokio::test]
async fn apply_creates_changes_and_leaves_alone() {
    let served = Served::new();
    let client = served.client().await;
    let outcome = async |wanted: Value| object(&client, apply(wanted)).await;
    assert_eq!(outcome(pod("a")).await.1, "created");
    assert_eq!(outcome(pod("a")).await.1, "unchanged");
    // What others wrote stays, what the manifest names no more goes.
    let mut live = get(&client, "a").await.expect("it is there");
    live["metadata"]["labels"]["other"] = json!("1");
    let replace = ReplaceRequest { object: live, namespace: "default".to_owned(), dry_run: DryRun::No };
    assert_eq!(object(&client, Request::Replace(replace)).await.1, "replaced");
    let mut wanted = pod("a");
    wanted["metadata"]["labels"] = json!({"new": "2"});
    let (merged, word) = outcome(wanted).await;
    assert_eq!((word.as_str(), &merged["metadata"]["labels"]), ("configured", &json!({"other": "1", "new": "2"})));
    let mut renamed = pod("a");
    renamed["spec"]["containers"][0]["name"] = json!("other");
    assert_eq!(refusal(&client, apply(renamed)).await.code, 422);
}

#[tokio::test]
async fn a_stale_replace_is_a_conflict() {
    let served = Served::new();
    let client = served.client().await;
    let (old, _) = object(&client, create(pod("a"), DryRun::No)).await;
    let replace =
        |object: Value| Request::Replace(ReplaceRequest { object, namespace: "default".to_owned(), dry_run: DryRun::No });
    let mut newer = old.clone();
    newer["metadata"]["labels"]["app"] = json!("b");
    object(&client, replace(newer)).await;
    let mut stale = old;
    stale["metadata"]["labels"]["app"] = json!("c");
    let status = refusal(&client, replace(stale)).await;
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert!(status.message.contains("the object has been modified"), "{}", status.message);
    assert_eq!(refusal(&client, replace(pod("none"))).await.code, 404);
}

#[tokio::test]
async fn a_pending_pod_is_deleted_at_once_and_a_bound_one_gets_a_mark() {
    let served = Served::new();
    let client = served.client().await;
    for name in ["pending", "bound"] {
        object(&client, create(pod(name), DryRun::No)).await;
    }
    served.put_status("bound", json!({"phase": "Running"})).await;
    object(&client, delete("pending", None)).await;
    assert_eq!(get(&client, "pending").await, Err(404));
    let (marked, _) = object(&client, delete("bound", None)).await;
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let (shorter, _) = object(&client, delete("bound", Some(3))).await;
    assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 3);
    let wrong = DeleteRequest {
        object: pod_ref("bound"),
        grace_period_seconds: Some(0),
        uid: Some("x".into()),
        dry_run: DryRun::No,
        options: wire::DeleteOptions::default(),
    };
    assert_eq!(refusal(&client, Request::Delete(wrong)).await.code, 409);
    object(&client, delete("bound", Some(0))).await;
    assert_eq!(refusal(&client, delete("bound", None)).await.code, 404);
}

#[tokio::test]
async fn a_watch_shows_what_enters_and_leaves_its_selection_and_resumes() {
    let served = Served::new();
    let client = served.client().await;
    object(&client, create(pod("a"), DryRun::No)).await;
    object(&client, create(pod("b"), DryRun::No)).await;
    let selection = || Selection { label_selector: Some("app=a".to_owned()), ..Selection::default() };
    let list = client.request(Request::List(ListRequest { kind: Kind::Pod, selection: selection(), in_parts: false })).await;
    assert!(matches!(list, Ok(Response::List(list)) if list.items.len() == 1));
    let mut watch = client.watch(Kind::Pod, selection(), None).await.expect("a watch");
    let start = watch.resource_version().to_owned();
    assert_eq!(watch.take_snapshot().map(|list| list.items.len()), Some(1));
    for (name, label) in [("b", "a"), ("a", "z")] {
        let mut changed = pod(name);
        changed["metadata"]["labels"]["app"] = json!(label);
        let replace = ReplaceRequest { object: changed, namespace: "default".to_owned(), dry_run: DryRun::No };
        object(&client, Request::Replace(replace)).await;
    }
    let mut resumed = client.watch(Kind::Pod, selection(), Some(start)).await.expect("a watch");
    assert!(resumed.take_snapshot().is_none());
    for watch in [&mut watch, &mut resumed] {
        for expected in [WatchEventKind::Added, WatchEventKind::Deleted] {
            assert_eq!(watch.next().await.expect("it goes on").map(|event| event.kind), Some(expected));
        }
    }
    let of_another_store = client.watch(Kind::Pod, Selection::default(), Some("1".to_owned())).await.err();
    assert_eq!(of_another_store.as_ref().and_then(ClientError::status).map(|status| status.code), Some(410));
    let unreadable = Selection { field_selector: Some("spec.foo=1".to_owned()), ..Selection::default() };
    let refused = client.watch(Kind::Pod, unreadable, None).await.err();
    assert_eq!(refused.as_ref().and_then(ClientError::status).map(|status| status.code), Some(400));
}

pub fn running(attempt: u32) -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": attempt,
        "containerID": format!("skiff://u/main/{attempt}"), "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]})
}

#[tokio::test]
async fn a_log_is_followed_until_its_container_has_ended() {
    let served = Served::new();
    let client = served.client().await;
    let (made, _) = object(&client, create(pod("a"), DryRun::No)).await;
    let of = |follow| LogsRequest { namespace: "default".into(), pod: "a".into(), follow, ..LogsRequest::default() };
    let mut unscheduled = client.logs(of(true)).await.expect("a log");
    assert_eq!(unscheduled.next().await.expect("the end"), None);
    let waiting = json!({"phase": "Pending", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}]});
    served.put_status("a", waiting).await;
    let refused = client.logs(of(false)).await.err().expect("refused");
    assert_eq!(refused.to_string(), "container \"main\" in pod \"a\" is waiting to start: ContainerCreating");

    let uid = made["metadata"]["uid"].as_str().expect("a uid");
    let folder = served.folder.path().join("logs").join(format!("default_a_{uid}")).join("main");
    std::fs::create_dir_all(&folder).expect("a folder");
    let line = |text: &str| format!("2026-01-01T00:00:00.000000001Z stdout F {text}\n");
    std::fs::write(folder.join("0.log"), line("one")).expect("a log");
    served.put_status("a", running(0)).await;
    let mut log = client.logs(of(true)).await.expect("a log");
    assert_eq!(log.next().await.expect("bytes").as_deref(), Some(&b"one\n"[..]));
    std::fs::write(folder.join("0.log"), line("one") + &line("two")).expect("a log");
    assert_eq!(log.next().await.expect("bytes").as_deref(), Some(&b"two\n"[..]));
    let ended = json!({"phase": "Running", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "containerID": "skiff://u/main/0"}}}]});
    served.put_status("a", ended).await;
    assert_eq!(log.next().await.expect("the end"), None);

    let wrong = LogsRequest { container: Some("zz".into()), ..of(false) };
    assert_eq!(client.logs(wrong).await.err().expect("refused").to_string(), "container zz is not valid for pod a");
    let previous = LogsRequest { previous: true, ..of(false) };
    let refused = client.logs(previous).await.err().expect("refused");
    assert_eq!(refused.to_string(), "previous terminated container \"main\" in pod \"a\" not found");
    let both = LogsRequest { since_seconds: Some(1), since_time: Some("2020-01-01T00:00:00Z".into()), ..of(false) };
    let refused = client.logs(both).await.err().expect("refused");
    let words = "PodLogOptions \"a\" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
    assert_eq!(refused.to_string(), words);
    let stream = |stream: &str| LogsRequest { stream: Some(stream.to_owned()), ..of(false) };
    let refused = client.logs(LogsRequest { tail_lines: Some(1), ..stream("both") }).await.err().expect("refused");
    let words = "PodLogOptions \"a\" is invalid: [stream: Unsupported value: \"both\": supported values: \"All\", \"Stderr\", \"Stdout\", \
        []: Forbidden: `tailLines` and specific `stream` are mutually exclusive for now]";
    assert_eq!(refused.to_string(), words);
    std::fs::write(folder.join("0.log"), line("one") + &line("two").replace("stdout", "stderr")).expect("a log");
    for (request, words) in [
        (stream("All"), "one\ntwo\n"),
        (LogsRequest { tail_lines: Some(1), ..stream("All") }, "two\n"),
        (stream("Stdout"), "one\n"),
        (stream("Stderr"), "two\n"),
    ] {
        let mut log = client.logs(request).await.expect("a log");
        assert_eq!(log.next().await.expect("bytes").as_deref(), Some(words.as_bytes()));
        assert_eq!(log.next().await.expect("the end"), None);
    }
    let mut log = client.logs_apart(of(true)).await.expect("a log");
    for (channel, words) in [(channel::STDOUT, &b"one\n"[..]), (channel::STDERR, b"two\n")] {
        assert_eq!(log.next().await.expect("bytes"), Some(Received::Bytes(channel, words.into())));
    }
    assert_eq!(log.next().await.expect("the end"), None);
}

/// A websocket of our own, to say what no client says.
pub struct Raw(tokio_tungstenite::WebSocketStream<tokio::net::UnixStream>);

impl Raw {
    async fn open(served: &Served) -> Self {
        let stream = tokio::net::UnixStream::connect(served.socket()).await.expect("a connection");
        let (socket, _) = tokio_tungstenite::client_async("ws://localhost/v1", stream).await.expect("a websocket");
        Self(socket)
    }

    pub async fn greeted(served: &Served) -> Self {
        let mut raw = Self::open(served).await;
        raw.say(&ClientMessage::Hello { version: PROTOCOL, agent: "raw".to_owned() }).await;
        assert!(matches!(raw.next().await, Some(ServerMessage::Hello(_))));
        raw
    }

    pub async fn say(&mut self, message: &ClientMessage) {
        let text = serde_json::to_string(message).expect("it serialises");
        self.0.send(Message::text(text)).await.expect("the daemon is there");
    }

    /// The next message; `None` once the daemon has hung up.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("a daemon's message")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

impl Raw {
    pub async fn say_bytes(&mut self, id: u32, channel: u8, bytes: &[u8]) {
        let frame = StreamFrame { id, channel, bytes }.to_bytes();
        // A daemon that hangs up in the middle shows when it is read from.
        let _ = self.0.send(Message::binary(frame)).await;
    }

    /// The next message, or the next bytes of a stream.
    pub async fn next_with_bytes(&mut self) -> Result<ServerMessage, (u32, Vec<u8>)> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("a daemon's message")),
                Some(Ok(Message::Binary(frame))) => {
                    let StreamFrame { id, bytes, .. } = StreamFrame::try_from_bytes(&frame).expect("a frame");
                    return Err((id, bytes.to_vec()));
                }
                Some(Ok(_)) => {}
                ended => panic!("{ended:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_talks_nonsense_is_hung_up_on_and_harms_nobody() {
    let served = Served::new();
    let watched = served.client().await;
    let list = || Request::List(ListRequest { kind: Kind::Pod, selection: Selection::default(), in_parts: false });
    for nonsense in [
        Message::text("{"),
        Message::binary(vec![0; 9]),
        Message::text("{\"type\":\"request\"}"),
        Message::text("x".repeat(1 << 20)),
    ] {
        let mut greeted = Raw::greeted(&served).await;
        greeted.0.send(nonsense.clone()).await.expect("the daemon is there");
        assert!(greeted.next().await.is_none(), "{nonsense:?}");
        let mut stranger = Raw::open(&served).await;
        stranger.0.send(nonsense).await.expect("the daemon is there");
        assert!(stranger.next().await.is_none());
    }
    let mut raw = Raw::greeted(&served).await;
    // A frame larger than allowed.
    let _ = raw.0.send(Message::text("x".repeat(wire::MAX_FRAME_BYTES + 1))).await;
    assert!(raw.next().await.is_none());
    // A verb of a later version is refused, and the connection goes on.
    let mut raw = Raw::greeted(&served).await;
    raw.0.send(Message::text("{\"type\":\"request\",\"id\":7,\"request\":{\"verb\":\"teleport\"}}")).await.expect("sent");
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 7, result: Err(status) }) if status.code == 400));
    raw.say(&ClientMessage::Request { id: 8, request: list() }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 8, result: Ok(_) })));
    assert!(matches!(watched.request(list()).await, Ok(Response::List(_))));
}

#[tokio::test]
async fn a_reader_that_gives_no_credit_stalls_its_own_stream_only() {
    let served = Served::new();
    let mut raw = Raw::greeted(&served).await;
    let watch = WatchRequest { kind: Kind::Pod, selection: Selection::default(), resume_from: None, window: 1, in_parts: false };
    raw.say(&ClientMessage::Request { id: 1, request: Request::Watch(watch) }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::Response { id: 1, result: Ok(_) })));
    for (id, name) in [(2, "a"), (3, "b"), (4, "c")] {
        raw.say(&ClientMessage::Request { id, request: create(pod(name), DryRun::No) }).await;
        let (mut answered, mut events) = (false, 0);
        // The first event fits the window, as every first one does; the others wait for credit.
        while !answered || id == 2 && events == 0 {
            match raw.next().await.expect("it goes on") {
                ServerMessage::Response { id: answer, result: Ok(_) } if answer == id => answered = true,
                ServerMessage::Event { id: 1, .. } => events += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(events, u32::from(id == 2));
    }
    raw.say(&ClientMessage::Credit { id: 1, bytes: 1 << 20 }).await;
    for _ in 0..2 {
        assert!(matches!(raw.next().await, Some(ServerMessage::Event { id: 1, .. })));
    }
    raw.say(&ClientMessage::Cancel { id: 1 }).await;
    assert!(matches!(raw.next().await, Some(ServerMessage::End { id: 1, end: StreamEnd::Cancelled })));
}

#[tokio::test]
async fn a_socket_that_is_served_is_not_taken_and_a_dead_one_is() {
    let served = Served::new();
    assert!(matches!(Listener::bind(&served.socket(), None), Err(ListenError::InUse(_))));
    let dead = served.folder.path().join("dead");
    drop(std::os::unix::net::UnixListener::bind(&dead).expect("a socket"));
    let bound = Listener::bind(&dead, None).expect("a dead daemon's socket is replaced");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&bound.path).expect("a socket").permissions());
    assert_eq!(mode & 0o777, 0o660);
    assert!(matches!(Listener::bind(&dead, Some("no such group")), Err(ListenError::Group(_))));
}
