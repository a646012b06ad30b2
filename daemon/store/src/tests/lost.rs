//! Objects of nodes that cannot be seen.

use super::{Opened, folder, key, of, pod, set_status};
use crate::tests::merge::{everything, id};
use crate::{ChangeKind, Durability, Key, Lost, Preconditions};
use control::record::Part;
use objects::Kind;
use objects::printing::{node_status, pod_status};
use serde_json::{Value, json};

fn lost() -> Lost {
    Lost::from([("node1".to_owned(), "2026-01-02T03:04:05Z".parse().expect("a time"))])
}

fn node() -> Key {
    Key::new(Kind::Node, "", "node1")
}

#[tokio::test]
async fn a_node_that_cannot_be_seen_and_its_pods_are_shown_so_and_nothing_of_it_is_stored() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "2026-01-01T00:00:00Z"});
    let object = json!({"metadata": {"uid": "n", "name": "node1"}, "spec": {}, "status": {"conditions": [ready]}});
    let before = store.create(node(), object).await.expect("created").to_value();
    for name in ["runs", "ended", "elsewhere"] {
        store.create(key(name), pod(name, name)).await.expect("created");
    }
    store.bind(key("runs"), "node1", of("runs")).await.expect("bound");
    let conditions = json!([{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}]);
    let running = json!({"phase": "Running", "conditions": conditions,
        "containerStatuses": [{"name": "main", "ready": false, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    set_status(store, "runs", "runs", running).await.expect("a status");
    store.bind(key("ended"), "node1", of("ended")).await.expect("bound");
    set_status(store, "ended", "ended", json!({"phase": "Succeeded"})).await.expect("a status");
    let records = everything(store);
    let (_, mut pods) = store.list_and_watch(Kind::Pod, None);
    let (_, mut told) = store.follow_records();

    store.set_lost(lost()).await.expect("shown");
    let change = pods.try_next().expect("in time").expect("a change");
    assert_eq!((change.kind, change.object.key()), (ChangeKind::Modified, &key("runs")));
    assert!(pods.try_next().expect("in time").is_none());
    let shown = change.object.to_value();
    assert_eq!(pod_status(&shown).status, "Unknown");
    assert_eq!(shown["status"]["message"], "Node node1 which was running pod runs is unresponsive");
    assert_eq!(
        shown["status"]["conditions"][0],
        json!({"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:05Z"})
    );
    assert_eq!(shown["status"]["conditions"][1], json!({"type": "PodScheduled", "status": "True"}));
    let seen = store.get(&node()).expect("it is there").to_value();
    assert_eq!(node_status(&seen), "NotReady");
    assert_eq!(seen["status"]["conditions"][0]["reason"], "NodeStatusUnknown");
    assert_eq!(seen["status"]["conditions"][0]["message"], "Kubelet stopped posting node status.");
    let effects: Vec<&Value> = seen["spec"]["taints"].as_array().expect("taints").iter().map(|taint| &taint["effect"]).collect();
    assert_eq!(effects, ["NoSchedule", "NoExecute"]);
    assert_eq!((everything(store), told.try_next().expect("in time")), (records, None));

    // A user cordons the node as it is shown.
    let mut cordoned = seen;
    cordoned["spec"]["unschedulable"] = json!(true);
    store.update(node(), cordoned, Preconditions::default()).await.expect("updated");
    store.set_lost(Lost::new()).await.expect("shown");
    let after = store.get(&node()).expect("it is there").to_value();
    assert_eq!((&after["spec"], &after["status"]), (&json!({"unschedulable": true}), &before["status"]));
    assert_eq!(store.get(&key("runs")).expect("it is there").to_value()["status"]["phase"], "Running");
    assert!(store.set_lost(Lost::new()).await.is_ok() && pods.try_next().expect("in time").is_some());
    assert!(pods.try_next().expect("in time").is_none(), "the same again changes nothing");
}

#[tokio::test]
async fn what_is_written_about_a_lost_node_is_shown_as_lost_too() {
    let folder = folder();
    let opened = Opened::at(folder.path());
    let store = opened.store();
    store.set_lost(lost()).await.expect("shown");
    let made = store.create(node(), json!({"metadata": {"uid": "n"}})).await.expect("created").to_value();
    assert_eq!(made["status"]["conditions"][0]["reason"], "NodeStatusNeverUpdated");
    store.create(key("a"), pod("a", "1")).await.expect("created");
    let bound = store.bind(key("a"), "node1", of("1")).await.expect("bound").to_value();
    assert_eq!(bound["status"]["phase"], "Unknown");
    // Written at the version that was read, however it was shown.
    let version = bound["metadata"]["resourceVersion"].as_str().expect("a version").parse().expect("a version");
    let only_if = Preconditions { uid: None, resource_version: Some(version) };
    store.update(key("a"), bound, only_if).await.expect("updated");
    let stored = store.record(&id("pods/default/a", Part::Status)).expect("it is there");
    assert!(stored.json().is_some_and(|json| json.contains("Pending")));
    store.update_status(key("a"), json!({"phase": "Running"}), of("1"), Durability::Now).await.expect("written");
    assert_eq!(store.get(&key("a")).expect("it is there").to_value()["status"]["phase"], "Unknown");
}
