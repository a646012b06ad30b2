//! The members of the cluster, and what is said of nodes that are not seen.

use super::super::fake_daemon::FakeDaemon;
use super::{failed, out, pod};
use objects::{Kind, Status};
use serde_json::{Value, json};
use wire::{Member, MemberState, NodeRemoveRequest, Request};

fn member(name: &str, state: MemberState, seconds: i64) -> Member {
    let now = crate::verbs::fake_daemon::clock().timestamp().as_second();
    Member {
        name: name.to_owned(),
        state,
        since: now - seconds,
        address: format!("{name}:7946"),
        round_trip_ms: Some(0.42),
        clock_offset_ms: Some(-1500.0),
        is_self: name == "oak",
        instance: u64::try_from(now - 7200).expect("a time") * 1000,
        version: "0.1.0".to_owned(),
    }
}

fn on_node(name: &str, node: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["nodeName"] = json!(node);
    pod
}

#[tokio::test]
async fn the_members_of_the_cluster_are_listed() {
    let daemon = FakeDaemon::start(Vec::new());
    daemon.sees(vec![member("elm", MemberState::Down, 40), member("oak", MemberState::Alive, 7200)]);
    let table = "NAME   STATE               SINCE   ADDRESS    RTT     CLOCK   VERSION\n\
                 elm    down                40s     elm:7946   0.4ms   -1.5s   0.1.0\n\
                 oak    alive (this node)   120m    oak:7946   -       -       0.1.0\n";
    assert_eq!(daemon.run(&["node", "ls"]).await, out(table));
    assert_eq!(daemon.run(&["node", "ls", "-o", "name"]).await, out("node/elm\nnode/oak\n"));
    let wide = daemon.run(&["node", "ls", "-owide", "--no-headers"]).await.out;
    assert!(wide.starts_with("elm   down                40s    elm:7946   0.4ms   -1.5s   0.1.0   120m   c0ffee\n"), "{wide}");
    let json: Value = serde_json::from_str(&daemon.run(&["node", "ls", "-o", "json"]).await.out).expect("JSON");
    assert_eq!(json["items"][0]["state"], "down");
    daemon.run(&["node", "ls", "--on", "elm"]).await;
    assert!(daemon.requests().iter().any(|request| matches!(request, Request::On { node, .. } if node == "elm")));
}

#[tokio::test]
async fn nodes_are_removed_and_a_refusal_is_told() {
    let daemon = FakeDaemon::start(Vec::new());
    daemon.refuse(Status::conflict(Kind::Node, "elm", "it is alive"));
    let done = daemon.run(&["node", "rm", "elm", "fir", "--force"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, "node/fir removed, with 1 pod\n"));
    let refused = "Error from server (Conflict): Operation cannot be fulfilled on nodes \"elm\": it is alive\n";
    assert_eq!(done.err, refused);
    let forced = |request: &Request| matches!(request, Request::NodeRemove(NodeRemoveRequest { force: true, .. }));
    assert!(daemon.requests().iter().all(forced));
    assert_eq!(daemon.run(&["node", "rm"]).await.code, 1);
}

#[tokio::test]
async fn objects_of_nodes_that_are_not_seen_come_with_a_warning() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "elm", "uid": "n"}});
    let daemon = FakeDaemon::start(vec![pod("a"), on_node("b", "elm"), on_node("c", "elm"), on_node("d", "fir"), node]);
    let members = [
        ("elm", MemberState::Down, 40),
        ("fir", MemberState::Alive, 9),
        ("oak", MemberState::Alive, 90),
        ("yew", MemberState::Left, 60),
    ];
    daemon.sees(members.iter().map(|(name, state, seconds)| member(name, *state, *seconds)).collect());
    let warning = "Warning: node elm has not been seen for 40s; its pods are shown as they were then\n";
    for arguments in [&["get", "pods"][..], &["get", "pod", "b", "-o", "name"], &["describe", "pod", "b"]] {
        let done = daemon.run(arguments).await;
        assert_eq!((done.code, done.err.as_str()), (0, warning), "{arguments:?}");
    }
    let done = daemon.run(&["get", "nodes"]).await;
    assert_eq!(done.err, "Warning: node elm has not been seen for 40s; it is shown as it was then\n");
    assert_eq!(daemon.run(&["get", "pod", "a"]).await.err, "", "of a node that is seen");
    assert_eq!(daemon.run(&["get", "pod", "d"]).await.err, "");
    // A daemon that has just started has heard of nobody yet.
    daemon.sees(vec![member("elm", MemberState::Down, 40), member("oak", MemberState::Alive, 9)]);
    assert_eq!(daemon.run(&["get", "pods"]).await.err, "");
}

#[tokio::test]
async fn images_of_a_named_node_are_asked_of_that_node() {
    let daemon = FakeDaemon::start(Vec::new());
    assert_eq!(daemon.run(&["image", "ls", "--on", "elm"]).await.code, 0);
    assert_eq!(daemon.run(&["image", "--on", "elm", "pull", "nginx:alpine", "-q"]).await.code, 0);
    assert_eq!(daemon.run(&["image", "load", "--on", "elm", "/srv/box.tar"]).await.code, 0);
    let requests = daemon.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| matches!(request, Request::On { node, .. } if node == "elm")), "{requests:?}");
    let done = daemon.run(&["image", "load", "--on", "elm", "box.tar"]).await;
    assert_eq!(done, failed("error: the path \"box.tar\" must be absolute: it is one of node elm\n"));
}
