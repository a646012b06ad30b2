//! Verbs that wait: for objects to be gone, and for conditions.

use super::super::fake_daemon::{Done, FakeDaemon};
use super::{MANIFEST, failed, out, pod};
use serde_json::json;
use wire::{Request, WatchEventKind};

#[tokio::test]
async fn delete_tells_what_it_deleted_and_waits_until_it_is_gone() {
    let daemon = FakeDaemon::start(vec![pod("a"), pod("b"), pod("c")]);
    assert_eq!(daemon.run(&["delete", "pod", "a"]).await, out("pod \"a\" deleted from default namespace\n"));
    assert_eq!(daemon.run(&["delete", "pod/x"]).await, failed("Error from server (NotFound): pods \"x\" not found\n"));
    assert_eq!(daemon.run(&["delete", "pod", "x", "--ignore-not-found"]).await, out(""));
    let forced = daemon.run(&["delete", "pod", "b", "--force", "--grace-period=0"]).await;
    assert_eq!(forced.out, "pod \"b\" force deleted from default namespace\n");
    assert!(forced.err.starts_with("Warning: Immediate deletion does not wait"));
    assert_eq!(daemon.run(&["delete", "pods", "--all", "-o", "name"]).await, out("pod/c\n"));
    assert_eq!(daemon.run(&["delete", "pods", "-l", "app=c"]).await, out("No resources found\n"));
    assert_eq!(daemon.run(&["delete", "pods"]).await, failed("error: resource(s) were provided, but no name was specified\n"));
    let from_file = daemon.run_with(&["delete", "-f", "-"], MANIFEST).await;
    assert_eq!(from_file, failed("Error from server (NotFound): error when deleting \"STDIN\": pods \"new\" not found\n"));
    let graces: Vec<Option<i64>> = daemon
        .requests()
        .into_iter()
        .filter_map(|request| match request {
            Request::Delete(delete) => Some(delete.grace_period_seconds),
            _ => None,
        })
        .collect();
    assert_eq!(graces, [None, None, None, Some(0), None, None]);
}

#[tokio::test]
async fn delete_gives_up_at_its_timeout() {
    let mut slow = pod("a");
    slow["metadata"]["annotations"] = json!({"slow": true});
    let daemon = FakeDaemon::start(vec![slow]);
    let timed_out = daemon.run(&["delete", "pod", "a", "--timeout=20ms"]).await;
    assert_eq!((timed_out.code, timed_out.err.as_str()), (1, "error: timed out waiting for the condition on pods/a\n"));
    assert_eq!(daemon.run(&["delete", "pod", "a", "--wait=false"]).await.code, 0);
}

#[tokio::test]
async fn wait_ends_when_the_condition_holds() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    assert_eq!(daemon.run(&["wait", "--for=condition=Ready", "pod/a"]).await, out("pod/a condition met\n"));
    let mut ready = pod("late");
    ready["status"]["phase"] = json!("Running");
    daemon.then(WatchEventKind::Added, ready);
    let late = daemon.run(&["wait", "pod/late", "--for=create", "--for=jsonpath={.status.phase}=Running", "--timeout=1m"]).await;
    assert_eq!(late, out("pod/late condition met\npod/late condition met\n"));
    assert_eq!(daemon.run(&["wait", "pod/gone", "--for=delete"]).await, out("pod/gone condition met\n"));
    assert_eq!(
        daemon.run(&["wait", "pod/gone", "--for=condition=Ready"]).await,
        failed("Error from server (NotFound): pods \"gone\" not found\n")
    );
    let once = daemon.run(&["wait", "pod/a", "--for=condition=Foo", "--timeout=0"]).await;
    assert_eq!(once, failed("error: condition not met for pods/a\n"));
    assert_eq!(
        daemon.run(&["wait", "pods", "-l", "app=x", "--for=condition=Ready"]).await,
        failed("error: no matching resources found\n")
    );
    assert_eq!(daemon.run(&["wait", "pod/a"]).await, failed("error: unrecognized condition: []\n"));
}

#[tokio::test]
async fn wait_gives_up_at_its_timeout() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let timed_out = daemon.run(&["wait", "pod/a", "--for=condition=Ready=false", "--timeout=20ms"]).await;
    assert_eq!(timed_out, failed("error: timed out waiting for the condition on pods/a\n"));
}

#[tokio::test]
async fn wait_goes_on_with_the_other_objects_after_one_that_fails() {
    let mut stuck = pod("a");
    stuck["status"]["conditions"][0]["status"] = json!("False");
    let daemon = FakeDaemon::start(vec![stuck, pod("b")]);
    let all = daemon.run(&["wait", "pods", "--all", "--for=condition=Ready", "--timeout=20ms"]).await;
    let err = "error: timed out waiting for the condition on pods/a\n";
    assert_eq!(all, Done { code: 1, out: "pod/b condition met\n".into(), err: err.into() });
    let missing = daemon.run(&["wait", "pod/x", "pod/b", "--for=condition=Ready"]).await;
    let err = "Error from server (NotFound): pods \"x\" not found\n";
    assert_eq!(missing, Done { code: 1, out: "pod/b condition met\n".into(), err: err.into() });
}
