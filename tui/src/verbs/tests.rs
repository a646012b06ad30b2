//! The verbs against a daemon that the tests play.

mod attending;
mod changes;
mod nodes;
mod probes;
mod streams;
mod top;

use super::fake_daemon::{Done, FakeDaemon, run, run_into};
use objects::{Cause, Kind, Status};
use serde_json::{Value, json};
use wire::{Member, MemberState, NodeRemoveRequest, Request, WatchEventKind};

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
async fn manifests_are_created_from_files_folders_and_standard_input() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let file = daemon.file("new.yaml", MANIFEST);
    assert_eq!(daemon.run(&["create", "-f", file.to_str().expect("UTF-8")]).await, out("pod/new created\n"));
    let again = daemon.run(&["create", "-f", file.to_str().expect("UTF-8")]).await;
    let expected = format!("Error from server (AlreadyExists): error when creating {file:?}: pods \"new\" already exists\n");
    assert_eq!(again, failed(&expected));
    let two = format!("{MANIFEST}---\n{}", MANIFEST.replace("name: new", "name: second"));
    let applied = daemon.run_with(&["apply", "-f", "-"], &two).await;
    assert_eq!(applied, out("pod/new unchanged\npod/second created\n"));
    daemon.file("folder/b.yml", &MANIFEST.replace("name: new", "name: b"));
    daemon.file("folder/inner/c.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"}}"#);
    daemon.file("folder/readme.txt", "no manifest");
    let folder = file.parent().expect("a folder").join("folder");
    let folder = folder.to_str().expect("UTF-8");
    assert_eq!(daemon.run(&["apply", "-f", folder]).await, out("pod/b created\n"));
    assert_eq!(daemon.run(&["apply", "-Rf", folder]).await, out("pod/b configured\npod/c created\n").with_any_first_line());
    assert_eq!(daemon.run(&["apply"]).await, failed("error: must specify one of -f and -k\n"));
    assert_eq!(daemon.run_with(&["apply", "-f", "-"], "").await, failed("error: no objects passed to apply\n"));
    assert_eq!(daemon.run(&["apply", "-f", "/nowhere"]).await, failed("error: the path \"/nowhere\" does not exist\n"));
}

impl Done {
    /// The fake daemon calls an apply of the same object `unchanged`; either word will do.
    fn with_any_first_line(self) -> Self {
        Self { out: self.out.replacen("configured", "unchanged", 1), ..self }
    }
}

#[tokio::test]
async fn one_document_that_fails_does_not_stop_the_next() {
    let daemon = FakeDaemon::start(Vec::new());
    let causes = vec![Cause {
        reason: "FieldValueInvalid".into(),
        message: "Invalid value".into(),
        field: "spec.containers[0].image".into(),
    }];
    daemon.refuse(Status::invalid(Kind::Pod, "new", causes));
    let two = format!("{MANIFEST}---\n{}", MANIFEST.replace("name: new", "name: second"));
    let applied = daemon.run_with(&["apply", "-f", "-"], &two).await;
    let err = "The Pod \"new\" is invalid: spec.containers[0].image: Invalid value (STDIN:8:5)\n";
    assert_eq!(applied, Done { code: 1, out: "pod/second created\n".into(), err: err.into() });
}

#[tokio::test]
async fn faults_of_a_file_are_named_with_line_and_column() {
    let daemon = FakeDaemon::start(Vec::new());
    let file = daemon.file("bad.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: [a\nspec: {}\n");
    let bad = daemon.run(&["apply", "-f", file.to_str().expect("UTF-8")]).await;
    assert_eq!((bad.code, bad.out.as_str()), (1, ""));
    let place = bad.err.strip_prefix(&format!("error: {}:", file.display())).expect("the file's name");
    assert!(place.split(':').take(2).all(|part| part.parse::<u32>().is_ok()), "{place}");
    daemon.refuse(Status::bad_request(
        "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"spec.foo\"",
    ));
    let unknown = daemon.run_with(&["create", "-f", "-"], &format!("{MANIFEST}  foo: 1\n")).await;
    assert!(unknown.err.ends_with("strict decoding error: unknown field \"spec.foo\" (STDIN:9:3)\n"), "{}", unknown.err);
    let words = "json: cannot unmarshal bool into Go struct field Container.spec.containers.name of type string";
    daemon.refuse(Status::bad_request(format!("Pod in version \"v1\" cannot be handled as a Pod: {words}")));
    let misfit = daemon.run_with(&["create", "-f", "-"], &MANIFEST.replace("name: main", "name: yes")).await;
    assert!(misfit.err.ends_with(&format!("{words} (STDIN:7:5)\n")), "{}", misfit.err);
    let kind = daemon.run_with(&["create", "-f", "-"], "apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n").await;
    assert!(kind.err.contains("no matches for kind \"Foo\" in version \"v1\""), "{}", kind.err);
    let none = daemon.run_with(&["create", "-f", "-"], "metadata: {name: x}\n").await;
    assert!(none.err.contains("apiVersion not set, kind not set"), "{}", none.err);
    let other = daemon.run_with(&["create", "-n", "a", "-f", "-"], &MANIFEST.replace("name: new", "namespace: b")).await;
    assert!(
        other.err.contains("the namespace from the provided object \"b\" does not match the namespace \"a\""),
        "{}",
        other.err
    );
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    assert_eq!(
        daemon.run_with(&["create", "-f", "-", "--dry-run=server"], MANIFEST).await,
        out("pod/new created (server dry run)\n")
    );
    assert_eq!(daemon.run_with(&["apply", "-f", "-", "--dry-run=client"], MANIFEST).await, out("pod/new created (dry run)\n"));
    assert_eq!(
        daemon.run(&["delete", "pod", "a", "--dry-run=server"]).await,
        out("pod \"a\" deleted from default namespace (server dry run)\n")
    );
    assert_eq!(daemon.names(), ["a"]);
    // Client side, no daemon is needed.
    let local = run("/nowhere/skiffd.sock", &["create", "-f", "-", "--dry-run=client", "-o", "yaml"], MANIFEST).await;
    let expected = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: new\n  namespace: default\nspec:\n  containers:\n  - image: x\n    name: main\n";
    assert_eq!(local, out(expected));
}

#[tokio::test]
async fn replace_takes_the_place_of_what_is_there() {
    let daemon = FakeDaemon::start(vec![pod("new")]);
    assert_eq!(daemon.run_with(&["replace", "-f", "-"], MANIFEST).await, out("pod/new replaced\n"));
    let forced = daemon.run_with(&["replace", "--force", "-f", "-"], MANIFEST).await;
    assert_eq!(forced, out("pod \"new\" deleted from default namespace\npod/new replaced\n"));
}

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

fn member(name: &str, state: MemberState, seconds: i64) -> Member {
    let now = super::fake_daemon::clock().timestamp().as_second();
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
