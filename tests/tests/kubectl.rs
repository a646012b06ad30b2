//! kubectl against one daemon, with every kubectl that is there.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{World, is_skipped};
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
    world.load_demo_image();
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
        assert!(kubectl.run(&["get", "all"]).ok().contains("web"));
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

#[test]
fn manifests_are_applied_edited_and_explained() {
    if is_skipped("manifests_are_applied_edited_and_explained") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        assert_eq!(kubectl.feed(&["apply", "-f", "-"], MANIFEST).ok(), "pod/web created\n", "{program:?}");
        assert_eq!(kubectl.feed(&["apply", "-f", "-"], MANIFEST).ok(), "pod/web unchanged\n", "{program:?}");
        let changed = MANIFEST.replace("{app: web}", "{app: web, tier: front}");
        let differs = kubectl.feed(&["diff", "-f", "-"], &changed);
        assert_eq!(differs.code, 1, "{program:?}: {differs:?}");
        assert!(differs.stdout.contains("+    tier: front"), "{differs:?}");
        assert_eq!(kubectl.feed(&["apply", "-f", "-"], &changed).ok(), "pod/web configured\n", "{program:?}");
        let served = kubectl.feed(&["apply", "--server-side", "-f", "-"], &changed).ok();
        assert_eq!(served, "pod/web serverside-applied\n", "{program:?}");
        let other = changed.replace("front", "back");
        let conflict = kubectl.feed(&["apply", "--server-side", "--field-manager=other", "-f", "-"], &other).fails();
        assert!(conflict.contains("conflict"), "{conflict}");
        assert_eq!(kubectl.run(&["label", "pod", "web", "colour=red"]).ok(), "pod/web labeled\n");
        assert_eq!(kubectl.run(&["label", "pod", "web", "colour-"]).ok(), "pod/web unlabeled\n");
        // Older ones say "annotate".
        assert!(kubectl.run(&["annotate", "pod", "web", "a=b"]).ok().starts_with("pod/web annotate"));
        let patch = r#"{"metadata":{"labels":{"x":"blue"}}}"#;
        for form in ["strategic", "merge"] {
            let _ = kubectl.run(&["patch", "pod", "web", "--type", form, "-p", patch]).ok();
        }
        assert!(kubectl.run(&["get", "pod", "web", "--show-labels"]).ok().contains("x=blue"));
        let edited =
            kubectl.command(&["edit", "pod", "web"]).env("EDITOR", "sed -i s/blue/green/").output().expect("kubectl runs");
        assert!(String::from_utf8_lossy(&edited.stdout).contains("pod/web edited"), "{program:?}: {edited:?}");
        let wrong = kubectl.feed(&["create", "-f", "-"], &MANIFEST.replace("image:", "imagee:")).fails();
        assert!(wrong.contains("unknown field \"spec.containers[0].imagee\""), "{program:?}: {wrong}");
        let explained = kubectl.run(&["explain", "pod.spec.containers.livenessProbe.httpGet"]).ok();
        assert!(explained.contains("port\t<IntOrString> -required-"), "{program:?}: {explained}");
        assert!(kubectl.run(&["explain", "pods", "--recursive"]).ok().contains("terminationGracePeriodSeconds"));
        assert_eq!(kubectl.run(&["cordon", "node1"]).ok(), "node/node1 cordoned\n", "{program:?}");
        assert!(kubectl.run(&["get", "nodes"]).ok().contains("Ready,SchedulingDisabled"));
        assert_eq!(kubectl.run(&["uncordon", "node1"]).ok(), "node/node1 uncordoned\n");
        assert_eq!(kubectl.run(&["taint", "node", "node1", "k=v:PreferNoSchedule"]).ok(), "node/node1 tainted\n");
        assert_eq!(kubectl.run(&["taint", "node", "node1", "k-"]).ok(), "node/node1 untainted\n");
        let replaced = kubectl.feed(&["replace", "--force", "--grace-period=0", "-f", "-"], MANIFEST).ok();
        assert!(replaced.ends_with("pod/web replaced\n"), "{replaced}");
        let gone = kubectl.feed(&["delete", "--now", "-f", "-"], MANIFEST).ok();
        assert!(gone.starts_with("pod \"web\""), "{gone}");
    }
}

#[test]
fn programs_run_in_containers_and_ports_are_forwarded() {
    if is_skipped("programs_run_in_containers_and_ports_are_forwarded") {
        return;
    }
    let world = world();
    let manifest = MANIFEST.replace("trap exit TERM; sleep 86400 & wait", "exec demo-server");
    let _ = world.skiff_with(&["create", "-f", "-"], &manifest).ok();
    world.wait_ready("web");
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let ran = kubectl.run(&["exec", "web", "--", "sh", "-c", "echo out; echo bad >&2; exit 3"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, "out\n"), "{program:?}: {ran:?}");
        assert!(ran.stderr.contains("bad\n") && ran.stderr.contains("exit code 3"), "{program:?}: {ran:?}");
        let counted = kubectl.feed(&["exec", "-i", "web", "--", "wc", "-c"], &"x".repeat(300_000)).ok();
        assert_eq!(counted.trim(), "300000", "{program:?}");
        let missing = kubectl.run(&["exec", "web", "-c", "none", "--", "true"]).fails();
        assert!(missing.contains("container none is not valid for pod web"), "{program:?}: {missing}");
        let folder = kubectl.run(&["cp", "web:/etc/hosts", "hosts"]);
        assert_eq!(folder.code, 0, "{program:?}: {folder:?}");
        let mut command = kubectl.command(&["port-forward", "pod/web", ":8080"]);
        let mut forwarding = command.stdout(Stdio::piped()).spawn().expect("kubectl runs");
        let mut lines = BufReader::new(forwarding.stdout.take().expect("a pipe")).lines();
        let told = lines.next().expect("a line").expect("text");
        let port = told.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).expect("a port").to_owned();
        for _ in 0..3 {
            assert!(world.http(&format!("http://127.0.0.1:{port}/")).contains("web"), "{program:?}");
        }
        forwarding.kill().and_then(|()| forwarding.wait()).expect("it ends");
        assert_eq!(kubectl.run(&["auth", "can-i", "delete", "nodes"]).ok(), "yes\n", "{program:?}");
    }
}
