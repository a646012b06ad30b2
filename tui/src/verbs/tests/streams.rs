//! `exec` and `port-forward` against a daemon that the tests play.

use super::{failed, pod};
use crate::verbs::fake_daemon::{Done, FakeDaemon};
use objects::Status;
use serde_json::json;
use wire::{ExecRequest, Request};

fn asked(daemon: &FakeDaemon) -> ExecRequest {
    let requests = daemon.requests();
    let Some(Request::Exec(exec)) = requests.last() else { panic!("{requests:?}") };
    exec.clone()
}

#[tokio::test]
async fn a_program_gets_our_input_and_its_output_and_code_are_ours() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let big = "0123456789abcdef".repeat(64 * 1024);
    let done = daemon.run_with(&["exec", "-i", "a", "--", "cat", "-u"], &big).await;
    assert_eq!((done.code, done.out == big, done.err.as_str()), (0, true, ""), "{} bytes came back", done.out.len());
    let exec = asked(&daemon);
    assert_eq!((exec.pod.as_str(), exec.container.as_deref(), exec.stdin, exec.tty), ("a", Some("main"), true, false));
    assert_eq!(exec.command, ["cat", "-u"]);
    let done = daemon.run(&["exec", "pod/a", "--", "fail", "3"]).await;
    let expected = Done { code: 3, out: "half ".into(), err: "oops\ncommand terminated with exit code 3\n".into() };
    assert_eq!(done, expected);
    assert!(!asked(&daemon).stdin);
}

#[tokio::test]
async fn what_cannot_be_run_is_told_as_kubectl_does() {
    let mut two = pod("two");
    two["spec"]["containers"] = json!([{"name": "main", "image": "x"}, {"name": "side", "image": "x"}]);
    two["spec"]["initContainers"] = json!([{"name": "first", "image": "x"}]);
    let mut over = pod("over");
    over["status"]["phase"] = json!("Succeeded");
    let daemon = FakeDaemon::start(vec![pod("a"), two, over]);
    let done = daemon.run(&["exec", "two", "--", "fail", "0"]).await;
    assert_eq!(done.err, "Defaulted container \"main\" out of: main, side, first (init)\noops\n");
    assert_eq!(daemon.run(&["exec", "two", "-c", "side", "--", "fail", "0"]).await.err, "oops\n");
    assert_eq!(asked(&daemon).container.as_deref(), Some("side"));
    let done = daemon.run(&["exec", "-it", "a", "--", "fail", "0"]).await;
    assert_eq!(done.err, "Unable to use a TTY - input is not a terminal or the right kind of file\noops\n");
    let completed = "error: cannot exec into a container in a completed pod; current phase is Succeeded\n";
    assert_eq!(daemon.run(&["exec", "over", "--", "ls"]).await, failed(completed));
    let missing = "Error from server (NotFound): pods \"none\" not found\n";
    assert_eq!(daemon.run(&["exec", "none", "--", "ls"]).await, failed(missing));
    assert_eq!(daemon.run(&["exec", "a"]).await, failed("error: you must specify at least one command for the container\n"));
    let old = "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n";
    assert_eq!(daemon.run(&["exec", "a", "ls"]).await, failed(old));
    daemon.refuse_streams(Status::internal("error executing command in container: no such file"));
    let internal = "error: Internal error occurred: error executing command in container: no such file\n";
    assert_eq!(daemon.run(&["exec", "a", "--", "nothing"]).await, failed(internal));
    daemon.refuse_streams(Status::bad_request("container x is not valid for pod a"));
    let wrong = "Error from server (BadRequest): container x is not valid for pod a\n";
    assert_eq!(daemon.run(&["exec", "a", "-c", "x", "--", "ls"]).await, failed(wrong));
}

#[tokio::test]
async fn ports_that_cannot_be_forwarded_are_told() {
    let mut waiting = pod("waiting");
    waiting["status"]["phase"] = json!("Pending");
    let daemon = FakeDaemon::start(vec![pod("a"), waiting]);
    let pending = "error: unable to forward port because pod is not running. Current status=Pending\n";
    assert_eq!(daemon.run(&["port-forward", "waiting", ":80"]).await, failed(pending));
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("an address").port();
    let done = daemon.run(&["port-forward", "a", &format!("{port}:80"), "--address", "127.0.0.1"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(done.err.starts_with(&format!("Unable to listen on port {port}: ")), "{}", done.err);
    assert!(
        done.err.ends_with(&format!("error: unable to listen on any of the requested ports: [{{{port} 80}}]\n")),
        "{}",
        done.err
    );
}

#[tokio::test]
async fn what_chooses_pods_has_ports_as_long_as_it_chooses_one_that_runs() {
    let service = |name: &str, spec: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec})
    };
    let mut waiting = pod("waiting");
    waiting["metadata"]["labels"] = json!({"app": "shop"});
    waiting["status"]["phase"] = json!("Pending");
    let daemon = FakeDaemon::start(vec![
        waiting,
        service("shop", json!({"selector": {"app": "shop"}, "ports": [{"port": 80}]})),
        service("outside", json!({"type": "ExternalName", "externalName": "a.example"})),
    ]);
    let told = async |target: &str, port: &str| daemon.run(&["port-forward", target, port]).await;
    assert_eq!(told("svc/shop", ":80").await, failed("error: no pod of service/shop runs\n"));
    assert_eq!(told("svc/outside", ":80").await, failed("error: service/outside chooses no pods: it has no selector\n"));
    assert_eq!(told("svc/shop", "web").await, failed("error: Service 'shop' does not have a named port 'web'\n"));
    let gone = "Error from server (NotFound): deployments.apps \"shop\" not found\n";
    assert_eq!(told("deploy/shop", ":80").await, failed(gone));
    assert_eq!(told("cm/shop", ":80").await, failed("error: cm/shop is no pod, and nothing that chooses pods\n"));
}
