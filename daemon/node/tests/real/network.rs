//! A node's range of pod addresses, and what happens when another node has the same. Needs root; skipped without.

use crate::world::{World, is_possible};
use client::Client;
use control::version::NodeId;
use objects::Kind;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Key, Store};
use wire::{GetRequest, ObjectRef, Request, Response, Selection};

fn node(name: &str) -> ObjectRef {
    ObjectRef { kind: Kind::Node, namespace: String::new(), name: name.to_owned() }
}

async fn pod_cidr(client: &Client) -> String {
    match client.request(Request::Get(GetRequest { object: node("node1") })).await.expect("the node is there") {
        Response::Object { object, .. } => object["spec"]["podCIDR"].as_str().expect("a range").to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The message of the first event with this reason, which may have to come first.
async fn event(client: &Client, reason: &str) -> String {
    let mut watch = client.watch(Kind::Event, Selection::default(), None).await.expect("a watch");
    let mut events: Vec<Value> = Vec::new();
    for item in watch.take_snapshot().expect("a snapshot").items {
        events.push(serde_json::from_str(item.get()).expect("JSON"));
    }
    loop {
        if let Some(event) = events.iter().find(|event| event["reason"] == reason) {
            return event["message"].as_str().unwrap_or_default().to_owned();
        }
        let next = watch.next().await.expect("the watch goes on").expect("the daemon runs");
        events.push(serde_json::from_str(next.object.get()).expect("JSON"));
    }
}

/// Writes a Node object into the store of a daemon that does not run.
async fn make_node(world: &World, name: &str, range: &str) {
    let opened = Store::open(&world.data_dir().join("store"), NodeId::from("another"), store::Settings::default());
    let (store, writer, damage) = opened.expect("the store opens");
    assert!(damage.is_empty(), "{damage:?}");
    let writer = std::thread::spawn(|| writer.run());
    let object = json!({"apiVersion": "v1", "kind": "Node", "spec": {"podCIDR": range}, "status": {},
        "metadata": {"name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2020-01-01T00:00:00Z"}});
    store.create(Key::new(Kind::Node, "", name), object).await.expect("the node is made");
    store.close().await;
    writer.join().expect("the writer ends").expect("it ends in order");
}

fn address(pod: &Value) -> String {
    pod["status"]["podIP"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_node_whose_range_another_had_first_moves_and_its_pods_get_new_sandboxes() {
    if !is_possible() {
        return;
    }
    let mut world = World::new().await;
    let client = world.client().await;
    let serves = json!({"terminationGracePeriodSeconds": 1, "containers": [
        {"name": "main", "image": "localhost/box:1", "command": ["httpd", "-f", "-p", "8080", "-h", "/etc"]}]});
    world.create(&client, "serves", serves).await;
    let before = world.wait_ready(&client, "serves").await;
    let range = pod_cidr(&client).await;
    let base = range.strip_suffix("0/24").expect("a /24").to_owned();
    assert!(address(&before).starts_with(&base), "{range}: {before:#}");

    // What the daemon learns of while it is down: another node, made earlier, has the same range.
    world.kill_daemon();
    make_node(&world, "earlier", &range).await;
    world.start_daemon();
    let client = world.client().await;

    let has_moved = |pod: Option<&Value>| {
        let is_ready = |pod: &Value| pod["status"]["containerStatuses"][0]["ready"] == true;
        pod.is_some_and(|pod| is_ready(pod) && !address(pod).is_empty() && !address(pod).starts_with(&base))
    };
    let after = world.wait(&client, "serves", "moved", has_moved).await.expect("it is there");
    let moved = pod_cidr(&client).await;
    assert!(moved != range && address(&after).starts_with(moved.strip_suffix("0/24").expect("a /24")), "{moved}: {after:#}");
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 1);
    let waited = tokio::time::timeout(Duration::from_secs(30), event(&client, "CIDRConflict")).await;
    let message = waited.expect("the event comes");
    assert!(message.contains(&range) && message.contains("earlier") && message.contains(&moved), "{message}");
    let fetch = |world: &World| {
        let url = format!("http://{}:8080/hostname", address(&after));
        let output =
            world.inside("curl").args(["-sS", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", &url]).output();
        String::from_utf8_lossy(&output.expect("curl runs").stdout).into_owned()
    };
    assert_eq!(fetch(&world), "serves\n");

    world.kill_daemon();
    world.start_daemon();
    let client = world.client().await;
    let again = world.wait_ready(&client, "serves").await;
    assert_eq!((address(&again), pod_cidr(&client).await), (address(&after), moved));
    assert_eq!(again["status"]["containerStatuses"][0]["restartCount"], 1, "a restart of the daemon changes nothing");
    assert_eq!(fetch(&world), "serves\n");
}
