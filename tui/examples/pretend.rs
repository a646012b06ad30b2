//! A stand-in for a daemon, to try the console with: pods that change, logs that grow, verbs that answer.
//!
//! `cargo run -p tui --example pretend -- /tmp/pretend.sock [pods] [changes a second] [nodes]`. It runs nothing and keeps nothing. With
//! several nodes the last one has not been seen for 40 seconds.

use futures_util::{SinkExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use objects::{Kind, Status};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{broadcast, mpsc};
use tokio_tungstenite::tungstenite::Message;
use wire::{
    ClientMessage, DryRun, Member, MemberState, Members, PROTOCOL, Parts, Request, Response, ServerHello, ServerMessage,
    StreamEnd, StreamFrame, WatchEvent, WatchEventKind,
};

type Objects = BTreeMap<(Kind, String, String), Value>;

struct World {
    objects: std::cell::RefCell<Objects>,
    version: std::cell::Cell<u64>,
    changes: broadcast::Sender<(Kind, WatchEventKind, Value)>,
    /// How many nodes there are.
    nodes: usize,
    started: Timestamp,
}

/// The names of nodes.
const NODES: [&str; 5] = ["oak", "elm", "fir", "ash", "yew"];

impl World {
    fn put(&self, kind: Kind, mut object: Value) {
        self.version.set(self.version.get() + 1);
        object["metadata"]["resourceVersion"] = json!(self.version.get().to_string());
        let known = self.objects.borrow_mut().insert(key(kind, &object), object.clone());
        let what = if known.is_some() { WatchEventKind::Modified } else { WatchEventKind::Added };
        let _ = self.changes.send((kind, what, object));
    }

    fn remove(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        self.version.set(self.version.get() + 1);
        let gone = self.objects.borrow_mut().remove(&(kind, namespace.to_owned(), name.to_owned()))?;
        let _ = self.changes.send((kind, WatchEventKind::Deleted, gone.clone()));
        Some(gone)
    }
}

fn key(kind: Kind, object: &Value) -> (Kind, String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (kind, text("namespace"), text("name"))
}

fn ago(seconds: i64) -> String {
    (Timestamp::now() - SignedDuration::from_secs(seconds)).to_string()
}

fn pod(number: usize, nodes: usize) -> Value {
    let place = number % nodes;
    let apps = ["web", "api", "kubia", "fortune", "envoy", "redis", "batch"];
    let app = apps[number % apps.len()];
    let name = format!("{app}-{:05x}-{:03}", number.wrapping_mul(2_654_435_761) & 0xfffff, number);
    let age = 30 + (number as i64 * number as i64 * 37) % 900_000;
    let container = |name: &str, image: &str| {
        json!({"name": name, "image": image, "ports": [{"containerPort": 8080}],
               "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}})
    };
    let running = json!({"running": {"startedAt": ago(age - 2)}});
    let (phase, state, ready, restarts, last) = match number % 11 {
        3 => (
            "Running",
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}),
            false,
            7,
            json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(42)}}),
        ),
        5 => ("Pending", json!({"waiting": {"reason": "ContainerCreating"}}), false, 0, json!({})),
        7 => ("Succeeded", json!({"terminated": {"exitCode": 0, "reason": "Completed"}}), false, 0, json!({})),
        8 => ("Pending", json!({"waiting": {"reason": "ImagePullBackOff"}}), false, 0, json!({})),
        9 => (
            "Running",
            running.clone(),
            false,
            1,
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(4000)}}),
        ),
        _ => ("Running", running, true, 0, json!({})),
    };
    let namespace = ["default", "default", "default", "team-1", "kube-system"][number % 5];
    let mut containers = vec![container(app, &format!("docker.io/luksa/{app}:1.{}", number % 9))];
    let mut statuses = vec![json!({"name": app, "ready": ready, "restartCount": restarts, "state": state, "lastState": last,
                                   "image": "x", "imageID": "sha256:0", "containerID": format!("skiff://{number:064x}")})];
    if app == "fortune" {
        containers.push(container("html-generator", "docker.io/luksa/fortune:latest"));
        statuses.push(
            json!({"name": "html-generator", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": ago(age)}}}),
        );
    }
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{number}"), "labels": {"app": app},
                     "creationTimestamp": ago(age), "annotations": {"note": "first line\nsecond: line"}},
        "spec": {"nodeName": NODES[place], "containers": containers, "restartPolicy": "Always"},
        "status": {"phase": if is_unseen(place, nodes) { "Unknown" } else { phase }, "podIP": format!("10.88.{}.{}", number / 250, 2 + number % 250), "hostIP": "192.168.1.4",
                   "qosClass": "Burstable", "startTime": ago(age), "containerStatuses": statuses,
                   "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

/// In a cluster the last node is not seen.
fn is_unseen(place: usize, nodes: usize) -> bool {
    place > 0 && place + 1 == nodes
}

fn node(place: usize, nodes: usize) -> Value {
    let (name, ready) = (NODES[place], if is_unseen(place, nodes) { "Unknown" } else { "True" });
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": format!("node-{place}"), "creationTimestamp": ago(86_400 * 12), "labels": {"kubernetes.io/os": "linux"}},
        "status": {"capacity": {"cpu": "8", "memory": "16305016Ki", "pods": "110"}, "allocatable": {"cpu": "8", "memory": "15881234Ki", "pods": "110"},
            "conditions": [{"type": "Ready", "status": ready}, {"type": "MemoryPressure", "status": "False"}],
            "addresses": [{"type": "InternalIP", "address": format!("192.168.1.{}", 4 + place)}, {"type": "Hostname", "address": name}],
            "nodeInfo": {"kubeletVersion": "v0.1.0", "osImage": "Debian GNU/Linux 13", "kernelVersion": "6.18.0", "architecture": "amd64",
                         "containerRuntimeVersion": "skiff://0.1.0"}}})
}

fn event(number: usize, pod: &Value) -> Value {
    let cases = [
        ("Normal", "Scheduled", "Successfully assigned to oak"),
        ("Normal", "Pulled", "Container image already present on machine"),
        ("Warning", "BackOff", "Back-off restarting failed container in pod"),
        ("Normal", "Started", "Container started"),
        (
            "Warning",
            "Failed",
            "Failed to pull image: manifest unknown: the tag does not exist in the registry, and this is a long message",
        ),
    ];
    let (kind, reason, message) = cases[number % cases.len()];
    json!({"apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("event.{number:x}"), "namespace": pod["metadata"]["namespace"], "uid": format!("event-{number}"), "creationTimestamp": ago(60)},
        "involvedObject": {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]},
        "type": kind, "reason": reason, "message": message, "count": 1 + number % 9,
        "firstTimestamp": ago(3_000), "lastTimestamp": ago((number as i64 * 17) % 3_000), "source": {"component": "skiffd", "host": "oak"}})
}

fn world(pods: usize, nodes: usize) -> Rc<World> {
    let (changes, _) = broadcast::channel(4_096);
    let world = Rc::new(World { objects: Objects::new().into(), version: 1.into(), changes, nodes, started: Timestamp::now() });
    for place in 0..nodes {
        world.put(Kind::Node, node(place, nodes));
    }
    for number in 0..pods {
        let pod = pod(number, nodes);
        if number < 40 {
            world.put(Kind::Event, event(number, &pod));
        }
        world.put(Kind::Pod, pod);
    }
    world
}

async fn serve(stream: UnixStream, world: Rc<World>) -> Option<()> {
    let socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    let (mut sink, mut source) = socket.split();
    let (out, mut outgoing) = mpsc::channel::<Message>(256);
    tokio::task::spawn_local(async move {
        while let Some(message) = outgoing.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = source.next().await {
        let Message::Text(text) = message else { continue };
        match serde_json::from_str(&text).ok()? {
            ClientMessage::Hello { .. } => {
                let hello =
                    ServerHello { version: PROTOCOL, node: "oak".into(), daemon: "0.1.0".into(), epoch: "pretend".into() };
                say(&out, &ServerMessage::Hello(hello)).await?;
            }
            ClientMessage::Request { id, request } => {
                tokio::task::spawn_local(answer(id, request, world.clone(), out.clone()));
            }
            ClientMessage::Credit { .. } | ClientMessage::Cancel { .. } => {}
        }
    }
    Some(())
}

async fn say(out: &mpsc::Sender<Message>, message: &ServerMessage) -> Option<()> {
    out.send(Message::text(serde_json::to_string(message).ok()?)).await.ok()
}

fn raw(object: &Value) -> Option<Box<serde_json::value::RawValue>> {
    serde_json::value::to_raw_value(object).ok()
}

async fn answer(id: u32, request: Request, world: Rc<World>, out: mpsc::Sender<Message>) -> Option<()> {
    let result = match request {
        Request::Watch(watch) => return stream_watch(id, watch.kind, &world, &out).await,
        Request::Logs(logs) => return stream_logs(id, &logs, &out).await,
        Request::Get(get) => {
            let object = world.objects.borrow().get(&(get.object.kind, get.object.namespace, get.object.name.clone())).cloned();
            object.ok_or(Status::not_found(get.object.kind, &get.object.name)).map(|object| done(object, ""))
        }
        Request::Members => Ok(Response::Members(members(&world))),
        Request::Apply(apply) => write(&world, apply.object, &apply.namespace, apply.dry_run, "created"),
        Request::Replace(replace) if replace.object["kind"] == "Node" => {
            world.put(Kind::Node, replace.object.clone());
            Ok(done(replace.object, "replaced"))
        }
        Request::Replace(replace) => write(&world, replace.object, &replace.namespace, replace.dry_run, "replaced"),
        Request::Delete(delete) => {
            let object = delete.object;
            world
                .remove(object.kind, &object.namespace, &object.name)
                .map(|gone| done(gone, "deleted"))
                .ok_or(Status::not_found(object.kind, &object.name))
        }
        _ => Err(Status::bad_request("this stand-in has no such verb")),
    };
    say(&out, &ServerMessage::Response { id, result }).await
}

fn members(world: &World) -> Members {
    let started = world.started.as_second();
    let member = |place: usize| Member {
        name: NODES[place].to_owned(),
        state: if is_unseen(place, world.nodes) { MemberState::Down } else { MemberState::Alive },
        since: if is_unseen(place, world.nodes) { started - 40 } else { started - 7_000 },
        address: format!("192.168.1.{}:7946", 4 + place),
        round_trip_ms: Some(0.3 + place as f64 / 7.0),
        clock_offset_ms: Some(place as f64),
        is_self: place == 0,
        instance: 1,
        version: "0.1.0".to_owned(),
    };
    let as_of = Timestamp::now().as_second();
    Members { node: NODES[0].to_owned(), cluster: "pretend".to_owned(), as_of, members: (0..world.nodes).map(member).collect() }
}

fn done(object: Value, outcome: &str) -> Response {
    Response::Object { object: Box::new(object), warnings: Vec::new(), outcome: outcome.to_owned() }
}

fn write(world: &World, mut object: Value, namespace: &str, dry_run: DryRun, outcome: &str) -> Result<Response, Status> {
    if object["metadata"]["namespace"].is_null() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    let key = key(Kind::Pod, &object);
    let known = world.objects.borrow().get(&key).cloned();
    let wanted = object["metadata"]["resourceVersion"].clone();
    if outcome == "replaced"
        && wanted.is_string()
        && known.as_ref().is_some_and(|known| known["metadata"]["resourceVersion"] != wanted)
    {
        return Err(Status::stale(Kind::Pod, &key.2));
    }
    if let Some(known) = known {
        object["status"] = known["status"].clone();
    } else {
        object["metadata"]["creationTimestamp"] = json!(ago(0));
        object["metadata"]["uid"] = json!(format!("uid-{}", key.2));
        object["status"] = json!({"phase": "Pending"});
    }
    if dry_run == DryRun::No {
        world.put(Kind::Pod, object.clone());
    }
    Ok(done(object, outcome))
}

async fn stream_watch(id: u32, kind: Kind, world: &World, out: &mpsc::Sender<Message>) -> Option<()> {
    let mut changes = world.changes.subscribe();
    let version = world.version.get().to_string();
    let keys: Vec<_> = world.objects.borrow().keys().filter(|(own, ..)| *own == kind).cloned().collect();
    // As a daemon does: the first part goes out before the rest is made.
    let items = keys.into_iter().filter_map(|key| raw(world.objects.borrow().get(&key)?));
    for part in Parts::new(items, version) {
        say(out, &ServerMessage::Response { id, result: Ok(Response::List(part)) }).await?;
    }
    loop {
        match changes.recv().await {
            Ok((own, what, object)) if own == kind => {
                let event = WatchEvent { kind: what, resource_version: world.version.get().to_string(), object: raw(&object)? };
                say(out, &ServerMessage::Event { id, event }).await?;
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}

async fn stream_logs(id: u32, logs: &wire::LogsRequest, out: &mpsc::Sender<Message>) -> Option<()> {
    if logs.previous && !logs.pod.contains('3') {
        let name = logs.container.clone().unwrap_or_default();
        let why = format!("previous terminated container \"{name}\" in pod \"{}\" not found", logs.pod);
        return say(out, &ServerMessage::Response { id, result: Err(Status::bad_request(why)) }).await;
    }
    say(out, &ServerMessage::Response { id, result: Ok(Response::Stream) }).await?;
    let line = |number: usize| {
        let text = match number % 9 {
            2 => "WARN  slow answer from upstream 10.88.0.7:8080 after 1204 ms".to_owned(),
            5 => "ERROR cannot open /var/lib/data: permission denied".to_owned(),
            7 => format!(
                "GET /items/{number}?page=2&user=küche HTTP/1.1 200 {} bytes \u{1b}[32mok\u{1b}[0m — {}",
                number * 37,
                "long ".repeat(20)
            ),
            _ => format!("INFO  request {number} handled in {} ms", number % 40),
        };
        format!("{} {text}\n", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%9fZ"))
    };
    let first: String = if logs.since_time.is_some() { String::new() } else { (0..200).map(line).collect() };
    let send = |text: String| {
        let frame = StreamFrame { id, channel: 1, bytes: text.as_bytes() }.to_bytes();
        out.send(Message::binary(frame))
    };
    send(first).await.ok()?;
    let mut number = 200;
    if !logs.follow {
        return say(out, &ServerMessage::End { id, end: StreamEnd::Complete }).await;
    }
    loop {
        tokio::time::sleep(Duration::from_millis(700)).await;
        send(line(number)).await.ok()?;
        number += 1;
    }
}

async fn change(world: Rc<World>, pods: usize, a_second: u64) {
    for number in 0.. {
        tokio::time::sleep(Duration::from_micros(1_000_000 / a_second.max(1))).await;
        let fresh = pod(number % pods.max(1), world.nodes);
        if world.objects.borrow().contains_key(&key(Kind::Pod, &fresh)) {
            world.put(Kind::Pod, fresh);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "/tmp/pretend.sock".to_owned());
    let number = |text: Option<String>, otherwise: usize| text.and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (pods, a_second) = (number(args.next(), 40), number(args.next(), 0));
    let nodes = number(args.next(), 1).clamp(1, NODES.len());
    let _ = std::fs::remove_file(&path);
    let world = world(pods, nodes);
    // Whoever can connect is answered at once: what is measured against this must not wait until it has a world.
    let listener = UnixListener::bind(&path)?;
    let tasks = tokio::task::LocalSet::new();
    tasks
        .run_until(async move {
            if a_second > 0 {
                tokio::task::spawn_local(change(world.clone(), pods, a_second as u64));
            }
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::task::spawn_local(serve(stream, world.clone()));
            }
        })
        .await
}
