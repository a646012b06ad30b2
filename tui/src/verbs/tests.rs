//! The verbs against a daemon that the tests play.

mod attending;
mod changes;
mod logs;
mod manifests;
mod members;
mod nodes;
mod probes;
mod streams;
mod top;
mod waiting;

use super::fake_daemon::{Done, FakeDaemon, run, run_into};
use serde_json::{Value, json};
use wire::{Request, WatchEventKind};

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "default", "uid": format!("uid-{name}"), "labels": {"app": name},
            "creationTimestamp": "2026-01-01T00:55:00Z",
        },
        "spec": {"nodeName": "oak", "containers": [{"name": "main", "image": "x"}]},
        "status": {
            "phase": "Running", "podIP": "10.1.0.5", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0, "state": {"running": {}}}],
        },
    })
}

fn event(name: &str, about: &str, seconds: u8) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": about, "namespace": "default", "uid": format!("uid-{about}"), "apiVersion": "v1"},
        "type": "Normal", "reason": "Started", "message": format!("Started container {name}"), "count": 1,
        "firstTimestamp": format!("2026-01-01T00:59:{seconds:02}Z"), "lastTimestamp": format!("2026-01-01T00:59:{seconds:02}Z"),
    })
}

const MANIFEST: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: new\nspec:\n  containers:\n  - name: main\n    image: x\n";

const CLIENT_VERSION: &str = concat!("Client Version: v", env!("CARGO_PKG_VERSION"), "\n");

fn out(text: &str) -> Done {
    Done { code: 0, out: text.to_owned(), err: String::new() }
}

fn failed(text: &str) -> Done {
    Done { code: 1, out: String::new(), err: text.to_owned() }
}

impl Done {
    /// The fake daemon calls an apply of the same object `unchanged`; either word will do.
    fn with_any_first_line(self) -> Self {
        Self { out: self.out.replacen("configured", "unchanged", 1), ..self }
    }
}

#[tokio::test]
async fn pods_are_shown_in_a_table_or_in_the_form_that_is_asked_for() {
    let daemon = FakeDaemon::start(vec![pod("a"), pod("b")]);
    let table = "NAME   READY   STATUS    RESTARTS   AGE\na      1/1     Running   0          5m\nb      1/1     Running   0          5m\n";
    assert_eq!(daemon.run(&["get", "pods"]).await, out(table));
    assert_eq!(daemon.run(&["get", "po", "a", "--no-headers"]).await, out("a     1/1   Running   0     5m\n"));
    assert_eq!(daemon.run(&["get", "all", "--no-headers"]).await.out.lines().next(), Some("pod/a   1/1   Running   0     5m"));
    assert_eq!(daemon.run(&["get", "pods", "-o", "name"]).await, out("pod/a\npod/b\n"));
    assert_eq!(daemon.run(&["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]).await, out("a b"));
    assert_eq!(daemon.run(&["get", "pod/a", "-ojsonpath={.status.podIP}"]).await, out("10.1.0.5"));
    let columns = daemon.run(&["get", "pods", "-o=custom-columns=NAME:.metadata.name,IP:.status.podIP"]).await;
    assert_eq!(columns, out("NAME   IP\na      10.1.0.5\nb      10.1.0.5\n"));
    let yaml = daemon.run(&["get", "pod", "a", "-o", "yaml"]).await.out;
    assert!(yaml.starts_with("apiVersion: v1\nkind: Pod\nmetadata:\n"), "{yaml}");
    let json: Value = serde_json::from_str(&daemon.run(&["get", "pods", "-o", "json"]).await.out).expect("JSON");
    assert_eq!((json["kind"].as_str(), json["items"].as_array().map(Vec::len)), (Some("List"), Some(2)));
    let wide = daemon.run(&["get", "pods", "-A", "-owide"]).await.out;
    assert!(wide.starts_with("NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   IP         NODE   NOMINATED NODE"), "{wide}");
    let labels = daemon.run(&["get", "pods", "-L", "app", "--show-labels=true", "--sort-by=.metadata.name"]).await.out;
    assert!(labels.contains("APP   LABELS\na      1/1     Running   0          5m    a     app=a\n"), "{labels}");
}

#[tokio::test]
async fn objects_are_selected_by_labels_and_fields() {
    let daemon = FakeDaemon::start(vec![pod("a"), pod("b")]);
    assert_eq!(daemon.run(&["get", "pods", "-l", "app=b", "-o", "name"]).await, out("pod/b\n"));
    assert_eq!(daemon.run(&["get", "pods", "--field-selector", "metadata.name!=b", "-o", "name"]).await, out("pod/a\n"));
    let bad = daemon.run(&["get", "pods", "-l", "a===b"]).await;
    assert_eq!(bad, failed("Error from server (BadRequest): unable to parse requirement: found '=', expected: identifier\n"));
    let named = daemon.run(&["get", "pod", "a", "-l", "app=a"]).await;
    assert_eq!(named, failed("error: name cannot be provided when a selector is specified\n"));
}

#[tokio::test]
async fn what_is_not_there_is_told_as_kubectl_does() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    assert_eq!(daemon.run(&["get", "pod", "x"]).await, failed("Error from server (NotFound): pods \"x\" not found\n"));
    assert_eq!(daemon.run(&["get", "pod", "x", "--ignore-not-found"]).await, out(""));
    let two = daemon.run(&["get", "pod", "x", "a", "--no-headers"]).await;
    assert_eq!((two.code, two.err.as_str()), (1, "Error from server (NotFound): pods \"x\" not found\n"));
    assert!(two.out.starts_with("a "));
    let none = |err: &str| Done { code: 0, out: String::new(), err: err.to_owned() };
    assert_eq!(daemon.run(&["get", "pods", "-n", "other"]).await, none("No resources found in other namespace.\n"));
    assert_eq!(daemon.run(&["get", "nodes"]).await, none("No resources found\n"));
    assert_eq!(daemon.run(&["get", "bars"]).await, failed("error: the server doesn't have a resource type \"bars\"\n"));
    assert_eq!(daemon.run(&["get", "pods", "-n", "other", "-o", "json"]).await.code, 0);
    let format = daemon.run(&["get", "pods", "-o", "foo"]).await.err;
    assert!(format.starts_with("error: unable to match a printer suitable for the output format \"foo\""), "{format}");
}

#[tokio::test]
async fn a_watch_shows_what_is_there_and_then_the_changes_in_the_same_columns() {
    let daemon = FakeDaemon::start(vec![pod("kubia")]);
    daemon.end_watches_after(2);
    let mut changed = pod("kubia");
    changed["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    daemon.then(WatchEventKind::Modified, changed);
    daemon.then(WatchEventKind::Added, pod("b"));
    let expected = "NAME    READY   STATUS    RESTARTS   AGE
kubia   1/1     Running   0          5m
kubia   0/1     CrashLoopBackOff   0          5m
b       1/1     Running            0          5m
";
    assert_eq!(daemon.run(&["get", "pods", "-w"]).await, out(expected));
    daemon.end_watches_after(1);
    daemon.then(WatchEventKind::Deleted, pod("b"));
    assert_eq!(daemon.run(&["get", "pod", "b", "--watch-only", "-o", "name"]).await, out("pod/b\n"));
    assert_eq!(daemon.run(&["get", "pod", "b", "-w"]).await, failed("Error from server (NotFound): pods \"b\" not found\n"));
    assert_eq!(daemon.run(&["get", "pods,nodes", "-w"]).await, failed("error: you may only specify a single resource type\n"));
    daemon.then(WatchEventKind::Added, event("new", "a", 55));
    let events = daemon.run(&["events", "-w", "--no-headers"]).await;
    assert_eq!(events, out("5s    Normal   Started   Pod/a   Started container new\n"));
}

#[tokio::test]
async fn a_lost_connection_is_told() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    daemon.hang_up_on_watches();
    let lost = daemon.run(&["get", "pods", "-w", "--watch-only"]).await;
    assert_eq!((lost.code, lost.out.as_str()), (1, ""));
    assert!(lost.err.starts_with("error: the connection to the daemon was lost"), "{}", lost.err);
}

/// A reader that went away.
struct Closed;

impl std::io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_broken_pipe_ends_quietly() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    for verb in [&["get", "pods"][..], &["logs", "a"], &["delete", "pod", "a"]] {
        let done = run_into(&daemon.node(), verb, "", Box::new(Closed)).await;
        assert_eq!(done, out(""), "{verb:?}");
    }
}

#[tokio::test]
async fn an_object_is_described_with_its_events() {
    let daemon = FakeDaemon::start(vec![pod("a"), pod("ab"), event("e1", "a", 30)]);
    let described = daemon.run(&["describe", "pod", "a"]).await;
    assert_eq!((described.code, described.err.as_str()), (0, ""));
    assert!(
        described.out.starts_with("Name:         a\n") && described.out.contains("Started container e1"),
        "{}",
        described.out
    );
    let without = daemon.run(&["describe", "pod/a", "--show-events=false"]).await.out;
    assert!(!without.contains("Events:") && without.ends_with("Tolerations:     <none>\n"), "{without}");
    let prefix = daemon.run(&["describe", "pods"]).await.out;
    assert_eq!(prefix.matches("\n\n\nName:").count(), 1, "{prefix}");
    assert_eq!(daemon.run(&["describe", "pod", "x"]).await, failed("Error from server (NotFound): pods \"x\" not found\n"));
}

#[tokio::test]
async fn events_are_shown_oldest_first() {
    let daemon = FakeDaemon::start(vec![event("young", "a", 50), event("old", "b", 10)]);
    let all = daemon.run(&["events"]).await;
    let expected = "LAST SEEN   TYPE     REASON    OBJECT   MESSAGE
50s         Normal   Started   Pod/b    Started container old
10s         Normal   Started   Pod/a    Started container young
";
    assert_eq!(all, out(expected));
    let one = daemon.run(&["events", "--for", "pod/a", "--no-headers"]).await;
    assert_eq!(one, out("10s   Normal   Started   Pod/a   Started container young\n"));
    let none = daemon.run(&["events", "--types=Warning"]).await;
    assert_eq!(none, Done { code: 0, out: String::new(), err: "No events found in default namespace.\n".into() });
}

#[tokio::test]
async fn images_are_listed_pulled_and_removed() {
    let daemon = FakeDaemon::start(Vec::new());
    let listed = daemon.run(&["image", "ls"]).await;
    let expected = "NAME                             DIGEST         SIZE     AGE   IN USE
docker.io/library/nginx:alpine   0123456789ab   4.1MiB   90s   yes
";
    assert_eq!(listed, out(expected));
    assert_eq!(daemon.run(&["image", "ls", "-o", "name"]).await, out("docker.io/library/nginx:alpine\n"));
    let pulled = daemon.run(&["image", "pull", "nginx:alpine"]).await;
    let expected =
        Done { code: 0, out: "docker.io/library/nginx:alpine pulled\n".into(), err: "Resolving\nDownloading\n".into() };
    assert_eq!(pulled, expected);
    assert_eq!(daemon.run(&["image", "rm", "nginx:alpine"]).await, out("nginx:alpine removed\n"));
    let archive = daemon.file("a.tar", "");
    assert_eq!(
        daemon.run(&["image", "load", archive.to_str().expect("UTF-8")]).await,
        out("docker.io/library/nginx:alpine loaded\n")
    );
    assert_eq!(daemon.run(&["image", "load", "/nowhere.tar"]).await, failed("error: the path \"/nowhere.tar\" does not exist\n"));
    let imported = ["image", "import", archive.to_str().expect("UTF-8"), "x:1", "--entrypoint", "/bin/sh -c"];
    assert_eq!(daemon.run(&imported).await.code, 0);
    assert!(
        daemon
            .requests()
            .iter()
            .any(|request| matches!(request, Request::ImageImport(import) if import.entrypoint == ["/bin/sh", "-c"]))
    );
    assert_eq!(daemon.run(&["image", "prune"]).await, out("docker.io/library/nginx:alpine removed\n4.1MiB freed\n"));
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_told_with_what_to_do() {
    let gone = run("unix:///nowhere/skiffd.sock", &["get", "pods"], "").await;
    let expected = "error: cannot connect to the daemon at unix:///nowhere/skiffd.sock: No such file or directory (os error 2)
is skiffd running? start it, or name another daemon with --node or SKIFF_NODE
";
    assert_eq!(gone, failed(expected));
    let version = run("/nowhere/skiffd.sock", &["version"], "").await;
    assert_eq!((version.code, version.out.as_str()), (1, CLIENT_VERSION));
    assert_eq!(run("/nowhere", &["version", "--client"], "").await, out(CLIENT_VERSION));
    let daemon = FakeDaemon::start(Vec::new());
    assert_eq!(daemon.run(&["version"]).await, out(&format!("{CLIENT_VERSION}Server Version: v0.1.0 (node oak)\n")));
}

#[tokio::test]
async fn a_command_line_that_is_wrong_is_told_before_a_daemon_is_needed() {
    for (line, expected) in [
        ("get bars", "error: the server doesn't have a resource type \"bars\""),
        ("get", "You must specify the type of resource to get."),
        ("logs", "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'."),
        ("delete", "error: You must provide one or more resources by argument or filename."),
        ("delete pods --all -l a=b", "error: cannot set --all and --selector at the same time"),
        ("delete pod a --now --grace-period=3", "error: --now and --grace-period cannot be specified together"),
        (
            "delete pod a --force --grace-period=3",
            "error: --force and --grace-period greater than 0 cannot be specified together",
        ),
        ("wait pod/a --for=Ready", "error: unrecognized condition: \"Ready\""),
        ("describe", "error: You must specify the type of resource to describe."),
        ("apply -f /nowhere.yaml", "error: the path \"/nowhere.yaml\" does not exist"),
        ("get pods -o jsonpath={.a", "error: error parsing jsonpath {.a, unclosed action"),
        ("events --types=Bad", "error: valid --types are Normal or Warning"),
        ("image pull x --creds nobody", "error: --creds: expected USER:PASSWORD"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let done = run("/nowhere/skiffd.sock", &arguments, "").await;
        assert!(done.code == 1 && done.err.starts_with(expected), "{line}: {}", done.err);
    }
}

#[tokio::test]
async fn verbs_that_ask_nobody_need_no_daemon() {
    let explained = run("/nowhere", &["explain", "pod.spec.containers.image"], "").await;
    assert!(explained.out.contains("FIELD: image <string>"), "{explained:?}");
    assert_eq!(run("/nowhere", &["explain", "pod.foo"], "").await, failed("error: field \"foo\" does not exist\n"));
    let kinds = run("/nowhere", &["api-resources", "--namespaced=false"], "").await;
    let rows: Vec<Vec<&str>> = kinds.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[2], ["nodes", "no", "v1", "false", "Node"]);
    assert_eq!(rows[3], ["priorityclasses", "pc", "scheduling.k8s.io/v1", "false", "PriorityClass"]);
    let script = run("/nowhere", &["completion", "bash"], "").await;
    assert!(script.out.contains("_skiff()"));
}
