//! kubectl against one daemon, with every kubectl that is there.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{World, demo_image, is_skipped};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const MANIFEST: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: skiff/demo:1.0
    command: [sh, -c, 'echo one; echo two; trap exit TERM; sleep 86400 & wait']
";

fn world() -> World {
    let world = World::new(&["--listen", LISTEN]);
    let _ = world.skiff(&["image", "load", &demo_image().to_string_lossy()]).ok();
    world
}

fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn objects_are_shown_in_every_form() {
    if is_skipped("objects_are_shown_in_every_form") {
        return;
    }
    let world = world();
    let _ = world.skiff_with(&["create", "-f", "-"], MANIFEST).ok();
    let address = world.wait_ready("web");
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let get = |more: &[&str]| kubectl.run(&[&["get", "pods"], more].concat()).ok();
        let table = get(&[]);
        assert_eq!(words(&table)[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"], "{program:?}");
        assert_eq!(words(&table)[1][..4], ["web", "1/1", "Running", "0"], "{program:?}");
        assert_eq!(words(&get(&["-o", "wide"]))[1][5..], [&address, "node1", "<none>", "<none>"], "{program:?}");
        assert_eq!(words(&get(&["-A", "--show-labels", "--no-headers"]))[0][0], "default");
        assert_eq!(get(&["-o", "name"]), "pod/web\n");
        assert_eq!(get(&["web", "-o", "jsonpath={.status.podIP}"]), address);
        assert_eq!(get(&["-o", "custom-columns=A:.metadata.name,B:.spec.containers[*].name"]), "A     B\nweb   main\n");
        assert!(get(&["-o", "yaml"]).contains("\n    name: web\n"));
        let json: serde_json::Value = serde_json::from_str(&get(&["web", "-o", "json"])).expect("JSON");
        assert_eq!(json["spec"]["nodeName"], "node1");
        assert_eq!(get(&["-l", "app=other", "-o", "name"]), "");
        assert_eq!(get(&["--field-selector", "status.phase=Running", "-o", "name", "--chunk-size", "1"]), "pod/web\n");
        assert!(get(&["--sort-by", ".metadata.name"]).contains("web"));
        let missing = kubectl.run(&["get", "pod", "none"]).fails();
        assert_eq!(missing, "Error from server (NotFound): pods \"none\" not found\n", "{program:?}");
        let described = kubectl.run(&["describe", "pod", "web"]).ok();
        assert!(described.contains("Scheduled") && described.contains("Started container main"), "{described}");
        assert!(kubectl.run(&["describe", "node", "node1"]).ok().contains("KubeletReady"));
        assert!(kubectl.run(&["get", "nodes", "-o", "wide"]).ok().contains("Ready"));
        assert!(kubectl.run(&["get", "events"]).ok().contains("Started container main"));
        assert!(kubectl.run(&["events", "--for", "pod/web"]).ok().contains("Started container main"));
        assert!(kubectl.run(&["get", "all"]).ok().contains("pod/web"));
        assert!(kubectl.run(&["api-resources"]).ok().contains("pods"));
        assert!(kubectl.run(&["api-versions"]).ok().lines().any(|line| line == "v1"));
        assert!(kubectl.run(&["version"]).ok().contains("v1.36"));
    }
}

#[test]
fn logs_waits_watches_and_deletions_work() {
    if is_skipped("logs_waits_watches_and_deletions_work") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &["--token"]);
        let run = ["run", "web", "--image=skiff/demo:1.0", "--labels=app=web", "--command", "--", "sh", "-c"];
        let script = "echo one; echo two; trap exit TERM; sleep 86400 & wait";
        assert_eq!(kubectl.run(&[&run[..], &[script]].concat()).ok(), "pod/web created\n", "{program:?}");
        let _ = kubectl.run(&["wait", "pod/web", "--for=condition=Ready", "--timeout=60s"]).ok();
        assert_eq!(kubectl.run(&["logs", "web"]).ok(), "one\ntwo\n");
        assert_eq!(kubectl.run(&["logs", "web", "--tail=1", "-c", "web"]).ok(), "two\n");
        assert!(kubectl.run(&["logs", "-l", "app=web", "--timestamps"]).ok().contains("Z one\n"));
        let mut watch = kubectl.command(&["get", "pod", "web", "-w", "--no-headers"]);
        let mut watching = watch.stdout(Stdio::piped()).spawn().expect("kubectl runs");
        let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
        assert!(lines.next().expect("a line").expect("text").contains("Running"));
        let deleted = kubectl.run(&["delete", "pod", "web", "--grace-period=1"]).ok();
        assert!(deleted.starts_with("pod \"web\" deleted"), "{deleted}");
        assert!(lines.next().expect("a line").expect("text").contains("Terminating"));
        watching.kill().and_then(|()| watching.wait()).expect("it ends");
        assert!(kubectl.run(&["get", "pods"]).stderr.contains("No resources found in default namespace."));
    }
}

#[test]
fn a_viewer_changes_nothing() {
    if is_skipped("a_viewer_changes_nothing") {
        return;
    }
    let world = world();
    let program = programs().pop().expect("there is one");
    let kubectl = Kubectl::new(&world, &program, &["--role", "viewer", "--user", "ada"]);
    let _ = kubectl.run(&["get", "nodes"]).ok();
    let refused = kubectl.run(&["delete", "node", "node1"]).fails();
    let expected =
        "nodes \"node1\" is forbidden: User \"ada\" cannot delete resource \"nodes\" in API group \"\" at the cluster scope";
    assert!(refused.contains(expected), "{refused}");
    let refused = world.inside("curl").args(["-ks", &format!("https://{LISTEN}/api")]).output().expect("curl runs");
    assert!(String::from_utf8_lossy(&refused.stdout).contains("\"code\": 401"), "{refused:?}");
}
