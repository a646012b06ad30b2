//! Many pods at once: all come up and all go, whatever the order.

use crate::world::{World, is_possible};
use client::Client;
use objects::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use wire::{CreateRequest, DeleteRequest, DryRun, ObjectRef, Request, Selection};

const PODS: usize = 50;

/// Watches until every pod is as it should be.
async fn wait_for_all(client: &Client, world: &World, what: &str, is_so: impl Fn(&BTreeMap<String, Value>) -> bool) {
    let mut watch = client.watch(Kind::Pod, Selection::default(), None).await.expect("a watch");
    let mut pods = BTreeMap::new();
    for item in watch.take_snapshot().expect("a snapshot").items {
        let pod: Value = serde_json::from_str(item.get()).expect("JSON");
        pods.insert(pod["metadata"]["name"].to_string(), pod);
    }
    let waiting = async {
        while !is_so(&pods) {
            let event = watch.next().await.expect("it goes on").expect("the daemon runs");
            let pod: Value = serde_json::from_str(event.object.get()).expect("JSON");
            let name = pod["metadata"]["name"].to_string();
            match event.kind {
                wire::WatchEventKind::Deleted => pods.remove(&name),
                wire::WatchEventKind::Added | wire::WatchEventKind::Modified => pods.insert(name, pod),
                wire::WatchEventKind::Bookmark => None,
            };
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "not {what}: {pods:#?}\n{}", world.daemon_says());
}

#[tokio::test]
async fn fifty_pods_at_once_all_run_and_all_go() {
    if !is_possible() {
        return;
    }
    let world = World::new().await;
    let client = world.client().await;
    let begun = Instant::now();
    let creating = (0..PODS).map(|number| {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("pod-{number}")},
            "spec": {"terminationGracePeriodSeconds": 5,
                     "containers": [{"name": "main", "image": "localhost/box:1", "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]}]}});
        client.request(Request::Create(CreateRequest { object, namespace: "default".into(), dry_run: DryRun::No }))
    });
    for created in futures_util::future::join_all(creating).await {
        created.expect("the pod is created");
    }
    let created = begun.elapsed();
    wait_for_all(&client, &world, "running", |pods| {
        pods.len() == PODS && pods.values().all(|pod| pod["status"]["phase"] == "Running")
    })
    .await;
    let running = begun.elapsed();
    let begun = Instant::now();
    let deleting = (0..PODS).map(|number| {
        let object = ObjectRef { kind: Kind::Pod, namespace: "default".into(), name: format!("pod-{number}") };
        client.request(Request::Delete(DeleteRequest {
            object,
            grace_period_seconds: None,
            uid: None,
            dry_run: DryRun::No,
            options: wire::DeleteOptions::default(),
        }))
    });
    for deleted in futures_util::future::join_all(deleting).await {
        deleted.expect("the pod is deleted");
    }
    wait_for_all(&client, &world, "gone", BTreeMap::is_empty).await;
    println!("{PODS} pods: created after {created:?}, running after {running:?}, deleted in {:?}", begun.elapsed());
}
