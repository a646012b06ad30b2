//! Labels, annotations, taints, cordon and drain.

use super::{Done, FakeDaemon, failed, out, pod};
use objects::Status;
use serde_json::{Value, json};
use wire::{DeleteRequest, Request};

fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "namespace": "", "uid": format!("uid-{name}"), "labels": {"zone": "east"}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// A pod of a ReplicaSet, on oak.
fn replica(name: &str) -> Value {
    let mut pod = pod(name);
    pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": true}]);
    pod
}

fn owned_by(kind: &str, name: &str) -> Value {
    let mut pod = replica(name);
    pod["metadata"]["ownerReferences"][0]["kind"] = json!(kind);
    pod
}

fn noted(out: &str, err: &str) -> Done {
    Done { code: 0, out: out.to_owned(), err: err.to_owned() }
}

async fn value(daemon: &FakeDaemon, object: &str, path: &str) -> String {
    daemon.run(&["get", object, "-o", &format!("jsonpath={path}")]).await.out
}

#[tokio::test]
async fn labels_are_set_changed_and_taken_away() {
    let daemon = FakeDaemon::start(vec![pod("a"), pod("b"), node("oak")]);
    assert_eq!(daemon.run(&["label", "pods", "a", "tier=web", "env=test"]).await, out("pod/a labeled\n"));
    assert_eq!(value(&daemon, "pod/a", "{.metadata.labels}").await, r#"{"app":"a","env":"test","tier":"web"}"#);
    assert_eq!(daemon.run(&["label", "pod/a", "tier=web"]).await, out("pod/a not labeled\n"));
    let taken = daemon.run(&["label", "pod/a", "tier=db"]).await;
    assert_eq!(taken, failed("error: 'tier' already has a value (web), and --overwrite is false\n"));
    assert_eq!(daemon.run(&["label", "pod/a", "tier=db", "--overwrite"]).await, out("pod/a labeled\n"));
    assert_eq!(daemon.run(&["label", "pod", "a", "tier-"]).await, out("pod/a unlabeled\n"));
    assert_eq!(daemon.run(&["label", "pod", "a", "tier-"]).await, noted("pod/a not labeled\n", "label \"tier\" not found.\n"));
    assert_eq!(daemon.run(&["label", "pods", "--all", "x=y"]).await, out("pod/b labeled\npod/a labeled\n"));
    assert_eq!(daemon.run(&["label", "no", "oak", "disk=ssd", "--dry-run=client"]).await, out("node/oak labeled (dry run)\n"));
    assert_eq!(daemon.run(&["label", "node", "oak", "--list"]).await, out("zone=east\n"));
    assert_eq!(daemon.run(&["label", "pods", "-l", "app=b", "x-"]).await, out("pod/b unlabeled\n"));
}

#[tokio::test]
async fn what_cannot_be_a_change_of_labels_is_refused() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let check = async |arguments: &[&str], expected: &str| assert_eq!(daemon.run(arguments).await, failed(expected));
    check(&["label", "pod", "a"], "error: at least one label update is required\n").await;
    check(&["label", "pod", "a", "x=y", "x-"], "error: can not both modify and remove a label in the same command\n").await;
    check(&["label", "pod", "a", "x=y=z"], "error: invalid label spec: x=y=z\n").await;
    check(&["label", "pod", "x=y"], "error: resource(s) were provided, but no name was specified\n").await;
    check(&["label", "pod", "a", "x=y", "b"], "error: all resources must be specified before label changes: b\n").await;
    check(&["label", "pod", "c", "x=y"], "Error from server (NotFound): pods \"c\" not found\n").await;
    let bad = daemon.run(&["label", "pod", "a", "x=y z"]).await.err;
    assert!(bad.starts_with("error: invalid label value: \"x=y z\": a valid label must be"), "{bad}");
}

#[tokio::test]
async fn annotations_are_set_changed_and_taken_away() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    assert_eq!(daemon.run(&["annotate", "pod", "a", "why=because a=b"]).await, out("pod/a annotated\n"));
    assert_eq!(value(&daemon, "pod/a", "{.metadata.annotations.why}").await, "because a=b");
    let taken = daemon.run(&["annotate", "pod", "a", "why=not"]).await;
    let expected =
        "error: --overwrite is false but found the following declared annotation(s): 'why' already has a value (because a=b)\n";
    assert_eq!(taken, failed(expected));
    assert_eq!(daemon.run(&["annotate", "pod", "a", "why=not", "--overwrite"]).await, out("pod/a annotated\n"));
    assert_eq!(daemon.run(&["annotate", "pod", "a", "--list"]).await, out("why=not\n"));
    assert_eq!(daemon.run(&["annotate", "pod", "a", "why-"]).await, out("pod/a annotated\n"));
    assert_eq!(value(&daemon, "pod/a", "{.metadata.annotations}").await, "");
    let none = daemon.run(&["annotate", "pod", "a"]).await;
    assert_eq!(none, failed("error: at least one annotation update is required\n"));
}

#[tokio::test]
async fn a_change_that_others_overtake_is_made_again() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    daemon.refuse_changes(Status::stale(objects::Kind::Pod, "a"));
    assert_eq!(daemon.run(&["label", "pod", "a", "x=y"]).await, out("pod/a labeled\n"));
    let sent = daemon.requests();
    assert_eq!(sent.iter().filter(|request| matches!(request, Request::Get(_))).count(), 2);
}

#[tokio::test]
async fn taints_are_set_changed_and_taken_away() {
    let daemon = FakeDaemon::start(vec![node("oak"), node("elm")]);
    assert_eq!(daemon.run(&["taint", "nodes", "oak", "use=db:NoSchedule"]).await, out("node/oak tainted\n"));
    assert_eq!(value(&daemon, "node/oak", "{.spec.taints}").await, r#"[{"effect":"NoSchedule","key":"use","value":"db"}]"#);
    let taken = daemon.run(&["taint", "nodes", "oak", "use=web:NoSchedule"]).await;
    assert_eq!(taken, failed("error: node oak already has use taint(s) with same effect(s) and --overwrite is false\n"));
    assert_eq!(daemon.run(&["taint", "no", "oak", "use=web:NoSchedule", "--overwrite"]).await, out("node/oak modified\n"));
    assert_eq!(daemon.run(&["taint", "node/oak", "x:NoExecute"]).await, out("node/oak tainted\n"));
    assert_eq!(daemon.run(&["taint", "node", "oak", "use:NoSchedule-"]).await, out("node/oak untainted\n"));
    assert_eq!(daemon.run(&["taint", "node", "oak", "use-"]).await, failed("error: taint \"use\" not found\n"));
    assert_eq!(daemon.run(&["taint", "node", "oak", "x-", "y:PreferNoSchedule"]).await, out("node/oak modified\n"));
    assert_eq!(daemon.run(&["taint", "node", "--all", "z:NoSchedule"]).await.out, "node/elm tainted\nnode/oak tainted\n");
}

#[tokio::test]
async fn what_cannot_be_a_taint_is_refused() {
    let daemon = FakeDaemon::start(vec![node("oak")]);
    let check = async |arguments: &[&str], expected: &str| assert_eq!(daemon.run(arguments).await, failed(expected));
    check(&["taint", "node", "oak"], "error: at least one taint update is required\n").await;
    check(&["taint", "pod", "a", "x:NoSchedule"], "error: invalid resource type pod, only [\"node\"] are supported\n").await;
    check(&["taint", "node", "oak", "x:Never"], "error: invalid taint effect: Never, unsupported taint effect\n").await;
    check(&["taint", "node", "oak", "x=y"], "error: invalid taint spec: x=y\n").await;
    let both = "error: can not both modify and remove the following taint(s) in the same command: x:NoSchedule\n";
    check(&["taint", "node", "oak", "x:NoSchedule", "x:NoSchedule-"], both).await;
}

#[tokio::test]
async fn a_node_is_cordoned_and_opened_again() {
    let daemon = FakeDaemon::start(vec![node("oak")]);
    assert_eq!(daemon.run(&["cordon", "oak", "--dry-run=client"]).await, out("node/oak cordoned (dry run)\n"));
    assert_eq!(daemon.run(&["cordon", "oak"]).await, out("node/oak cordoned\n"));
    assert!(daemon.run(&["get", "nodes"]).await.out.contains("Ready,SchedulingDisabled"));
    assert_eq!(daemon.run(&["cordon", "node/oak"]).await, out("node/oak already cordoned\n"));
    assert_eq!(daemon.run(&["uncordon", "-l", "zone=east"]).await, out("node/oak uncordoned\n"));
    assert_eq!(daemon.run(&["uncordon", "oak"]).await, out("node/oak already uncordoned\n"));
    assert_eq!(daemon.run(&["cordon", "elm"]).await, failed("Error from server (NotFound): nodes \"elm\" not found\n"));
    let none = daemon.run(&["cordon"]).await.err;
    assert!(none.starts_with("error: USAGE: cordon NODE [flags]"), "{none}");
    let both = daemon.run(&["drain", "oak", "-l", "a=b"]).await;
    assert_eq!(both, failed("error: cannot specify both a node name and a --selector option\n"));
}

#[tokio::test]
async fn a_node_is_drained_of_what_is_made_anew_elsewhere() {
    let mut other = replica("other");
    other["spec"]["nodeName"] = json!("elm");
    let daemon = FakeDaemon::start(vec![node("oak"), replica("a"), replica("b"), other]);
    let drained =
        "node/oak cordoned\nevicting pod default/a\nevicting pod default/b\npod/a evicted\npod/b evicted\nnode/oak drained\n";
    assert_eq!(daemon.run(&["drain", "oak", "--grace-period=7"]).await, out(drained));
    let graces = daemon.requests().into_iter().filter_map(|request| match request {
        Request::Delete(DeleteRequest { grace_period_seconds, .. }) => Some(grace_period_seconds),
        _ => None,
    });
    assert_eq!(graces.collect::<Vec<_>>(), [Some(7), Some(7)]);
    let mut names = daemon.names();
    names.sort();
    assert_eq!(names, ["oak", "other"]);
}

#[tokio::test]
async fn what_would_be_lost_is_not_drained_without_a_word() {
    let mut scratch = replica("scratch");
    scratch["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    let mut ended = pod("ended");
    ended["status"]["phase"] = json!("Succeeded");
    let daemon = FakeDaemon::start(vec![node("oak"), pod("bare"), scratch, owned_by("DaemonSet", "agent"), replica("a"), ended]);
    let refused = daemon.run(&["drain", "oak"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (1, "node/oak cordoned\n"));
    let reasons = [
        "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/agent",
        "cannot delete Pods that declare no controller (use --force to override): default/bare",
        "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/scratch",
    ];
    let expected = format!(
        "error: unable to drain node \"oak\" due to error: [{}], continuing command...\nThere are pending nodes to be drained:\n \
         oak\n{}\n",
        reasons.join(", "),
        reasons.join("\n")
    );
    assert_eq!(refused.err, expected);
    assert_eq!(daemon.names().len(), 6, "nothing was deleted");
    let all = ["drain", "oak", "--ignore-daemonsets", "--force", "--delete-emptydir-data"];
    let done = daemon.run(&all).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(
        done.err,
        "Warning: deleting Pods that declare no controller: default/bare; deleting Pods with local storage: default/scratch; \
         ignoring DaemonSet-managed Pods: default/agent\n"
    );
    let mut names = daemon.names();
    names.sort();
    assert_eq!(names, ["agent", "oak"]);
}

#[tokio::test]
async fn a_drain_gives_up_when_its_time_is_over() {
    let mut slow = replica("slow");
    slow["metadata"]["annotations"] = json!({"slow": true});
    let daemon = FakeDaemon::start(vec![node("oak"), slow]);
    let tried = daemon.run(&["drain", "oak", "--dry-run=server"]).await;
    assert_eq!(
        tried,
        out(
            "node/oak cordoned (server dry run)\nevicting pod default/slow (server dry run)\nnode/oak drained (server dry run)\n"
        )
    );
    let late = daemon.run(&["drain", "oak", "--timeout=50ms"]).await;
    assert_eq!(late.code, 1);
    assert!(late.err.ends_with("error: drain did not complete within 50ms\n"), "{}", late.err);
    assert!(late.err.contains("There are pending nodes to be drained:\n oak\n"), "{}", late.err);
}
