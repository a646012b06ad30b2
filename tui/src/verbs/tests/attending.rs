//! `attach`, `run` and `debug` against a daemon that the tests play.

use super::{Done, FakeDaemon, failed, out, pod};
use objects::Status;
use serde_json::{Value, json};
use wire::{AttachRequest, CreateRequest, Request, WatchEventKind};

fn attached(daemon: &FakeDaemon) -> AttachRequest {
    let requests = daemon.requests();
    let Some(Request::Attach(attach)) = requests.last() else { panic!("{requests:?}") };
    attach.clone()
}

/// The pods that were asked for.
fn created(daemon: &FakeDaemon) -> Vec<Value> {
    let of_pod = |request: &Request| match request {
        Request::Create(CreateRequest { object, .. }) => Some(object.clone()),
        _ => None,
    };
    daemon.requests().iter().filter_map(of_pod).collect()
}

fn said(err: &str) -> Done {
    Done { code: 0, out: String::new(), err: err.to_owned() }
}

#[tokio::test]
async fn a_container_hears_us_only_with_i_and_its_code_is_not_ours() {
    let mut two = pod("two");
    two["spec"]["containers"] = json!([{"name": "main", "image": "x"}, {"name": "side", "image": "x"}]);
    let mut over = pod("over");
    over["status"]["phase"] = json!("Failed");
    let daemon = FakeDaemon::start(vec![pod("a"), two, over]);
    let done = daemon.run_with(&["attach", "-i", "pod/a"], "hello\n").await;
    assert_eq!(done, out("hello\n"));
    let attach = attached(&daemon);
    assert_eq!((attach.pod.as_str(), attach.container.as_deref(), attach.stdin), ("a", Some("main"), true));
    let done = daemon.run_with(&["attach", "two"], "unheard\n").await;
    assert_eq!(done, said("Defaulted container \"main\" out of: main, side\n"));
    assert!(!attached(&daemon).stdin);
    assert_eq!(daemon.run(&["attach", "two", "-c", "side", "-q"]).await, said(""));
    assert_eq!(attached(&daemon).container.as_deref(), Some("side"));
    let no_terminal = "error: Unable to use a TTY - container main did not allocate one\n";
    assert_eq!(daemon.run(&["attach", "-it", "a"]).await.err, no_terminal);
    let completed = "error: cannot attach a container in a completed pod; current phase is Failed\n";
    assert_eq!(daemon.run(&["attach", "over"]).await, failed(completed));
    let missing = "Error from server (NotFound): pods \"none\" not found\n";
    assert_eq!(daemon.run(&["attach", "none"]).await, failed(missing));
    daemon.refuse_streams(Status::bad_request("container main is not running"));
    let refused = "Error from server (BadRequest): container main is not running\n";
    assert_eq!(daemon.run(&["attach", "a"]).await, failed(refused));
}

#[tokio::test]
async fn run_makes_a_pod_of_one_container() {
    let daemon = FakeDaemon::start(vec![]);
    let arguments =
        ["run", "web", "--image", "x:1", "--env", "A=1", "--port", "80", "-l", "a=b", "--restart", "Never", "--", "-v", "now"];
    assert_eq!(daemon.run(&arguments).await, out("pod/web created\n"));
    let made = &created(&daemon)[0];
    assert_eq!((&made["metadata"]["labels"], &made["spec"]["restartPolicy"]), (&json!({"a": "b"}), &json!("Never")));
    let container = &made["spec"]["containers"][0];
    assert_eq!(
        (&container["name"], &container["image"], &container["args"]),
        (&json!("web"), &json!("x:1"), &json!(["-v", "now"]))
    );
    assert_eq!(
        (&container["env"], &container["ports"]),
        (&json!([{"name": "A", "value": "1"}]), &json!([{"containerPort": 80}]))
    );
    assert_eq!(daemon.run(&["run", "cmd", "--image", "x", "--command", "--", "sh"]).await, out("pod/cmd created\n"));
    assert_eq!(created(&daemon)[1]["spec"]["containers"][0]["command"], json!(["sh"]));
    assert_eq!(created(&daemon)[1]["metadata"]["labels"], json!({"run": "cmd"}));
    let refused = async |arguments: &[&str], why: &str| {
        assert_eq!(daemon.run(arguments).await, failed(&format!("error: {why}\n")));
    };
    refused(&["run", "web"], "--image is required").await;
    refused(&["run", "web", "--image", "x", "-t"], "-i/--stdin is required for containers with -t/--tty=true").await;
    refused(&["run", "web", "--image", "x", "--rm"], "--rm should only be used for attached containers").await;
    assert_eq!(created(&daemon).len(), 2, "what is refused makes nothing");
}

/// A pod as `run` makes it, which runs.
fn run_as(name: &str, fields: &Value) -> Value {
    let mut pod = pod(name);
    pod["spec"]["containers"] = json!([{"name": name, "image": "x"}]);
    pod["spec"]["containers"][0].as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    pod["status"] = json!({"phase": "Running", "containerStatuses": [{"name": name, "state": {"running": {}}}]});
    pod
}

#[tokio::test]
async fn a_container_without_input_and_terminal_is_heard_from_its_first_byte() {
    let daemon = FakeDaemon::start(vec![]);
    daemon.then(WatchEventKind::Modified, run_as("web", &json!({})));
    assert_eq!(daemon.run(&["run", "web", "--image", "x", "--attach", "-q"]).await, out(""));
    assert_eq!(created(&daemon)[0]["metadata"]["annotations"], json!({"skiff.dev/attended": "web"}));
    assert!(attached(&daemon).from_start && !attached(&daemon).stdin);
    // Where that is not kept, it is in the log.
    daemon.then(WatchEventKind::Modified, run_as("quick", &json!({})));
    daemon.refuse_streams(Status::internal("what container quick wrote first is not kept"));
    let done = daemon.run(&["run", "quick", "--image", "x", "--attach", "-q", "--annotations", "a=b"]).await;
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "quick:quick:1\n", "quick:quick:2"), "{done:?}");
    assert_eq!(created(&daemon)[1]["metadata"]["annotations"], json!({"a": "b", "skiff.dev/attended": "quick"}));
    let requests = daemon.requests();
    let Some(Request::Logs(log)) = requests.last() else { panic!("{requests:?}") };
    assert!(log.follow && log.apart && log.tail_lines.is_none() && log.since_seconds.is_none(), "{log:?}");
}

#[tokio::test]
async fn a_container_with_an_input_is_attached_to_and_heard_once() {
    let interactive = json!({"stdin": true});
    let daemon = FakeDaemon::start(vec![]);
    daemon.then(WatchEventKind::Modified, run_as("web", &interactive));
    assert_eq!(daemon.run_with(&["run", "web", "--image", "x", "-i", "-q"], "hello\n").await, out("hello\n"));
    // One that ends before anybody is attached is heard by its log.
    daemon.then(WatchEventKind::Modified, run_as("quick", &interactive));
    daemon.refuse_streams(Status::bad_request("container quick is not running"));
    let done = daemon.run(&["run", "quick", "--image", "x", "-i", "-q"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "quick:quick:1\n"), "{done:?}");
    assert!(done.err.starts_with("warning: couldn't attach to pod/quick, falling back to streaming logs: "), "{done:?}");
    // What was heard already is not printed again, whatever ends it.
    daemon.then(WatchEventKind::Modified, run_as("slow", &interactive));
    let done = daemon.run(&["run", "slow", "--image", "x", "-i", "-q"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, "half"), "{done:?}");
    assert!(done.err.contains("it was read too slowly"), "{done:?}");
}

#[tokio::test]
async fn debug_adds_a_container_to_a_pod() {
    let daemon = FakeDaemon::start(vec![pod("a")]);
    let arguments = ["debug", "a", "--image", "tools", "-c", "dbg", "--target", "main", "--", "top"];
    assert_eq!(daemon.run(&arguments).await, out(""));
    let requests = daemon.requests();
    let Some(Request::EphemeralContainers(request)) = requests.last() else { panic!("{requests:?}") };
    let added = &request.object["spec"]["ephemeralContainers"][0];
    assert_eq!(
        (&added["name"], &added["targetContainerName"], &added["command"]),
        (&json!("dbg"), &json!("main"), &json!(["top"]))
    );
    let twice = "error: container \"dbg\" already exists in pod \"a\": give another --container\n";
    assert_eq!(daemon.run(&arguments).await, failed(twice));
    let named = daemon.run(&["debug", "a", "--image", "tools"]).await;
    assert!(named.err.starts_with("Defaulting debug container name to debugger-"), "{named:?}");
    let nothing = "error: you must specify --image, or --host-tools for the tools of the pod's node\n";
    assert_eq!(daemon.run(&["debug", "a"]).await, failed(nothing));
}

#[tokio::test]
async fn debug_with_an_image_makes_a_pod_that_sees_all_of_a_node() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "oak", "namespace": "", "uid": "n"}, "spec": {}, "status": {}});
    let daemon = FakeDaemon::start(vec![node, pod("a")]);
    let done = daemon.run(&["debug", "node/oak", "--image", "tools", "--", "chroot", "/host"]).await;
    let made = &created(&daemon)[0];
    let name = made["metadata"]["name"].as_str().unwrap_or_default();
    assert!(name.starts_with("node-debugger-oak-") && name.len() == "node-debugger-oak-".len() + 5, "{name}");
    assert_eq!(done, said(&format!("Creating debugging pod {name} with container debugger on node oak.\n")));
    let spec = &made["spec"];
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(spec[field], true, "{field}");
    }
    assert_eq!((&spec["nodeName"], &spec["restartPolicy"]), (&json!("oak"), &json!("Never")));
    assert_eq!(spec["volumes"], json!([{"name": "host-root", "hostPath": {"path": "/"}}]));
    assert_eq!(spec["tolerations"], json!([{"operator": "Exists"}]));
    let container = &spec["containers"][0];
    assert_eq!(container["volumeMounts"], json!([{"name": "host-root", "mountPath": "/host"}]));
    assert_eq!(container["command"], json!(["chroot", "/host"]));
    let missing = "Error from server (NotFound): nodes \"elm\" not found\n";
    assert_eq!(daemon.run(&["debug", "node/elm", "--image", "tools"]).await, failed(missing));
    let copy = "error: --copy-to is for pods: a node has no copy\n";
    assert_eq!(daemon.run(&["debug", "node/oak", "--image", "tools", "--copy-to", "x"]).await, failed(copy));
    assert_eq!(created(&daemon).len(), 1);
}

/// A pod with something of everything that a copy is without.
fn busy() -> Value {
    let mut busy = pod("busy");
    busy["metadata"]["annotations"] = json!({"a": "b"});
    busy["spec"]["containers"] = json!([
        {"name": "main", "image": "x:1", "command": ["serve"], "args": ["-v"], "livenessProbe": {}, "readinessProbe": {}},
        {"name": "side", "image": "y:1", "startupProbe": {}},
    ]);
    busy["spec"]["initContainers"] = json!([{"name": "first", "image": "z:1"}]);
    busy["spec"]["ephemeralContainers"] = json!([{"name": "old", "image": "t"}]);
    busy
}

#[tokio::test]
async fn debug_looks_into_a_copy_without_labels_and_probes() {
    let daemon = FakeDaemon::start(vec![busy()]);
    let done = daemon.run(&["debug", "busy", "--copy-to", "copy", "--image", "tools", "-c", "dbg"]).await;
    assert_eq!(done, out(""));
    let made = created(&daemon).remove(0);
    assert_eq!(made["metadata"], json!({"name": "copy", "namespace": "default"}));
    let spec = &made["spec"];
    assert_eq!((spec.get("nodeName"), spec.get("ephemeralContainers"), made.get("status")), (None, None, None));
    assert_eq!((&spec["shareProcessNamespace"], &spec["initContainers"][0]["name"]), (&json!(true), &json!("first")));
    let debugger = json!({"name": "dbg", "image": "tools", "stdin": false, "tty": false,
        "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}});
    let main = json!({"name": "main", "image": "x:1", "command": ["serve"], "args": ["-v"]});
    assert_eq!(spec["containers"], json!([main, {"name": "side", "image": "y:1"}, debugger]));
    let again = "Error from server (AlreadyExists): pods \"copy\" already exists\n";
    assert_eq!(daemon.run(&["debug", "busy", "--copy-to", "copy", "--image", "tools", "-c", "dbg"]).await, failed(again));
}

#[tokio::test]
async fn a_copy_has_other_images_another_program_and_what_was_to_be_kept() {
    let daemon = FakeDaemon::start(vec![busy()]);
    let images = [
        "debug",
        "busy",
        "--copy-to",
        "images",
        "--set-image",
        "main=x:2,*=q:1",
        "--same-node",
        "--share-processes=false",
        "--keep-labels",
        "--keep-annotations",
        "--keep-liveness",
        "--keep-init-containers=false",
    ];
    assert_eq!(daemon.run(&images).await, out(""));
    let made = created(&daemon).remove(0);
    assert_eq!(
        made["metadata"],
        json!({"name": "images", "namespace": "default", "labels": {"app": "busy"}, "annotations": {"a": "b"}})
    );
    let spec = &made["spec"];
    let images: Vec<&Value> = (0..2).map(|index| &spec["containers"][index]["image"]).collect();
    assert_eq!((images, spec["containers"].as_array().map(Vec::len)), (vec![&json!("x:2"), &json!("q:1")], Some(2)));
    assert_eq!((&spec["nodeName"], &spec["shareProcessNamespace"]), (&json!("oak"), &json!(false)));
    assert_eq!((spec.get("initContainers"), &spec["containers"][0]["livenessProbe"]), (None, &json!({})));

    let program = ["debug", "busy", "--copy-to", "program", "-c", "main", "--replace", "--", "sh"];
    assert_eq!(daemon.run(&program).await, out(""));
    let main = created(&daemon).remove(1)["spec"]["containers"][0].clone();
    assert_eq!((&main["command"], main.get("args"), &main["image"]), (&json!(["sh"]), None, &json!("x:1")));
    let deleted = |request: &Request| matches!(request, Request::Delete(delete) if delete.uid.as_deref() == Some("uid-busy"));
    assert!(daemon.requests().iter().any(deleted), "the copy takes its place");

    let daemon = FakeDaemon::start(vec![busy()]);
    let nothing = "error: you must specify an existing container or a new image when using --copy-to\n";
    assert_eq!(daemon.run(&["debug", "busy", "--copy-to", "copy"]).await, failed(nothing));
    let wrong = "error: invalid argument \"main\" for --set-image: expected CONTAINER=IMAGE\n";
    assert_eq!(daemon.run(&["debug", "busy", "--copy-to", "copy", "--set-image", "main"]).await, failed(wrong));
    assert!(created(&daemon).is_empty());
}
