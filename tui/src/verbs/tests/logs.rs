//! Logs, of one container and of many.

use super::super::fake_daemon::{Done, FakeDaemon};
use super::{failed, out, pod};
use objects::Status;
use serde_json::json;
use wire::Request;

#[tokio::test]
async fn logs_are_printed_whole_and_with_prefixes() {
    let mut two = pod("b");
    two["spec"]["containers"] = json!([{"name": "main"}, {"name": "side"}]);
    let daemon = FakeDaemon::start(vec![pod("a"), two]);
    assert_eq!(daemon.run(&["logs", "a"]).await, out("a:main:1\na:main:2"));
    let defaulted = daemon.run(&["logs", "pod/b", "--tail=3", "--since=90s", "-p", "--timestamps"]).await;
    assert_eq!(
        defaulted,
        Done { code: 0, out: "b:main:1\nb:main:2".into(), err: "Defaulted container \"main\" out of: main, side\n".into() }
    );
    let mut asked = daemon.requests().into_iter().filter_map(|request| match request {
        Request::Logs(logs) => Some(logs),
        _ => None,
    });
    let last = asked.next_back().expect("a log was asked for");
    assert_eq!((last.tail_lines, last.since_seconds, last.previous, last.timestamps), (Some(3), Some(90), true, true));
    assert_eq!(daemon.run(&["logs", "b", "side"]).await.out, "b:side:1\nb:side:2");
    let all = daemon.run(&["logs", "b", "--all-containers=true", "--prefix"]).await.out;
    assert_eq!(all, "[pod/b/main] b:main:1\n[pod/b/main] b:main:2[pod/b/side] b:side:1\n[pod/b/side] b:side:2");
    let mut followed: Vec<String> = daemon
        .run(&["logs", "-f", "-l", "app in (a,b)", "--all-containers", "--prefix"])
        .await
        .out
        .split('[')
        .map(str::to_owned)
        .collect();
    followed.sort();
    assert_eq!(followed.len(), 7, "{followed:?}");
}

#[tokio::test]
async fn what_chooses_pods_means_the_one_that_most_is_to_be_seen_of() {
    let of = |name: &str, phase: &str, is_ready: &str| {
        let mut pod = pod(name);
        pod["metadata"]["labels"] = json!({"app": "web"});
        pod["spec"]["nodeName"] = json!("oak");
        pod["status"] = json!({"phase": phase, "conditions": [{"type": "Ready", "status": is_ready}]});
        pod
    };
    let named = |kind: &str, name: &str, selector: serde_json::Value| {
        json!({"apiVersion": if kind == "Service" { "v1" } else { "apps/v1" }, "kind": kind,
            "metadata": {"name": name, "namespace": "default"}, "spec": {"selector": selector}})
    };
    let daemon = FakeDaemon::start(vec![
        of("a-pending", "Pending", "False"),
        of("b-over", "Succeeded", "False"),
        of("c-not-ready", "Running", "False"),
        of("d-ready", "Running", "True"),
        pod("other"),
        named("Deployment", "web", json!({"matchLabels": {"app": "web"}})),
        named("Service", "web", json!({"app": "web"})),
        named("Deployment", "none", json!({"matchLabels": {"app": "none"}})),
    ]);
    let logs = daemon.run(&["logs", "deploy/web"]).await;
    assert_eq!(logs.out, "d-ready:main:1\nd-ready:main:2");
    assert_eq!(logs.err, "Found 4 pods, using pod/d-ready\n");
    let exec = daemon.run(&["exec", "svc/web", "--", "fail", "0"]).await;
    assert_eq!((exec.code, exec.err.as_str()), (0, "oops\n"));
    let last = daemon.requests().pop();
    assert!(matches!(&last, Some(Request::Exec(exec)) if exec.pod == "d-ready"), "{last:?}");
    assert_eq!(daemon.run(&["logs", "deploy/none"]).await, failed("error: deploy/none has no pods\n"));
    let no_pods = failed("error: ns/default is no pod, and nothing that chooses pods\n");
    assert_eq!(daemon.run(&["logs", "ns/default"]).await, no_pods);
    let missing = daemon.run(&["logs", "pod/x"]).await;
    assert_eq!(missing, failed("error: error from server (NotFound): pods \"x\" not found in namespace \"default\"\n"));
}

#[tokio::test]
async fn less_than_a_second_of_log_is_not_the_whole_log() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let mut asked = Vec::new();
    for since in ["--since=1ms", "--since=1500ms", "--since=0s"] {
        assert_eq!(daemon.run(&["logs", "a", since]).await.code, 0);
        let mut logs = daemon.requests().into_iter().filter_map(|request| match request {
            Request::Logs(logs) => Some(logs.since_seconds),
            _ => None,
        });
        asked.extend(logs.next_back());
    }
    assert_eq!(asked, [Some(1), Some(2), None]);
}

#[tokio::test]
async fn logs_that_cannot_be_had_are_told() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let missing = daemon.run(&["logs", "x"]).await;
    assert_eq!(missing, failed("error: error from server (NotFound): pods \"x\" not found in namespace \"default\"\n"));
    let container = daemon.run(&["logs", "a", "-c", "zz"]).await;
    assert_eq!(container, failed("error: container zz is not valid for pod a out of: main\n"));
    daemon.refuse(Status::bad_request("container \"main\" in pod \"a\" is waiting to start: ContainerCreating"));
    let waiting = daemon.run(&["logs", "a"]).await;
    assert_eq!(
        waiting,
        failed("Error from server (BadRequest): container \"main\" in pod \"a\" is waiting to start: ContainerCreating\n")
    );
    let both = daemon.run(&["logs", "a", "--since=1s", "--since-time=2026-01-01T00:00:00Z"]).await;
    assert_eq!(both, failed("error: at most one of `sinceTime` or `sinceSeconds` may be specified\n"));
}
