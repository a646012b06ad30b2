//! The book's commands for pods, nodes and events, chapters 3 to 6, one by one, with every kubectl that is there.
//!
//! The images are ours: a shell and a web server stand in for the book's.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{World, eventually, is_skipped};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

fn world() -> World {
    let world = World::new(&["--listen", LISTEN]);
    world.load_demo_image();
    world
}

fn pod(name: &str, containers: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  terminationGracePeriodSeconds: 2\n  containers:\n{containers}"
    )
}

/// The book's kubia: it says something and answers HTTP.
fn kubia(name: &str) -> String {
    let script = "echo Kubia server starting...; echo Local hostname is $(hostname); exec demo-server --listen 0.0.0.0:8080";
    pod(name, &container("kubia", script))
}

/// With a second container, as the book's proxy.
fn kubia_ssl(name: &str) -> String {
    kubia(name) + &container("envoy", "echo envoy is here; exec demo-server --listen 0.0.0.0:9901")
}

fn container(name: &str, script: &str) -> String {
    format!("  - name: {name}\n    image: skiff/demo:1.0\n    command: [sh, -c, '{script}']\n")
}

/// With an init container, as the book's kubia-init.
fn kubia_init(name: &str) -> String {
    kubia(name)
        + &format!(
            "  initContainers:\n{}",
            container("network-check", "echo Checking network connectivity; echo Host appears to be reachable")
        )
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    std::fs::create_dir_all(folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// A kubectl that goes on, and its lines.
struct Following {
    program: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn begin(kubectl: &Kubectl<'_>, words: &[&str]) -> Self {
        let mut program = kubectl.command(words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("kubectl runs");
        let lines = BufReader::new(program.stdout.take().expect("a pipe")).lines();
        Self { program, lines }
    }

    /// Reads up to the line that has this in it, with one blank between words. A test that waits for ever is ended by nextest.
    fn until(&mut self, text: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let found = lines.find(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").contains(text));
        found.unwrap_or_else(|| panic!("it ended without {text:?}"))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn chapters_3_and_4_nodes_and_events() {
    if is_skipped("chapters_3_and_4_nodes_and_events") {
        return;
    }
    let world = world();
    let _ = world.skiff_with(&["create", "-f", "-"], &kubia("kubia")).ok();
    world.wait_ready("kubia");
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let run = |words: &[&str]| kubectl.run(words).ok();
        let told = run(&["cluster-info"]);
        assert!(told.contains("is running at") && told.contains(&format!("https://{LISTEN}")), "{program:?}: {told}");
        let nodes = run(&["get", "nodes"]);
        assert_eq!(words(&nodes)[0], ["NAME", "STATUS", "ROLES", "AGE", "VERSION"], "{program:?}");
        assert_eq!(words(&nodes)[1][..3], ["node1", "Ready", "<none>"], "{program:?}");
        // Without a name it describes all of them.
        for described in [run(&["describe", "node", "node1"]), run(&["describe", "node"])] {
            let parts = [
                "Name:",
                "Labels:",
                "Conditions:",
                "Addresses:",
                "Capacity:",
                "Allocatable:",
                "System Info:",
                "Non-terminated Pods:",
                "Allocated resources:",
                "Events:",
            ];
            for part in parts {
                assert!(described.lines().any(|line| line.starts_with(part)), "{program:?} {part}: {described}");
            }
            assert!(described.contains("kubelet is posting ready status") && described.contains("kubia"), "{described}");
        }
        let yaml = run(&["get", "node", "node1", "-o", "yaml"]);
        assert!(yaml.starts_with("apiVersion: v1\nkind: Node\n") && yaml.contains("  podCIDR: "), "{program:?}: {yaml}");
        let unknown = kubectl.run(&["get", "containers"]).fails();
        assert_eq!(unknown, "error: the server doesn't have a resource type \"containers\"\n", "{program:?}");
        assert!(run(&["completion", "bash"]).contains("__start_kubectl"));
        let explained = run(&["explain", "nodes"]);
        assert!(
            explained.contains("KIND:") && explained.contains("Node is a worker node in Kubernetes"),
            "{program:?}: {explained}"
        );
        let explained = run(&["explain", "node.spec"]);
        assert!(explained.contains("unschedulable") && explained.contains("podCIDR"), "{program:?}: {explained}");
        assert!(run(&["explain", "events"]).contains("type\t<string>"), "{program:?}");
        let events = run(&["get", "ev"]);
        assert_eq!(words(&events)[0], ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], "{program:?}");
        assert!(events.contains("pod/kubia") && events.contains("Started container kubia"), "{program:?}: {events}");
        let wide = run(&["get", "ev", "-o", "wide"]);
        let columns =
            ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "SUBOBJECT", "SOURCE", "MESSAGE", "FIRST", "SEEN", "COUNT", "NAME"];
        assert_eq!(words(&wide)[0], columns, "{program:?}");
        assert!(wide.contains("spec.containers{kubia}"), "{program:?}: {wide}");
        let none = kubectl.run(&["get", "ev", "--field-selector", "type=Warning,involvedObject.name=kubia"]);
        // Events have two groups that share the short name, here as in Kubernetes; newer kubectls say so.
        let said: Vec<&str> = none.stderr.lines().filter(|line| !line.starts_with("Warning: short name \"ev\"")).collect();
        assert_eq!((none.code, said), (0, vec!["No resources found in default namespace."]), "{program:?}");
        proxied(&world, &kubectl);
    }
}

/// `kubectl proxy`, and the API over plain HTTP.
fn proxied(world: &World, kubectl: &Kubectl<'_>) {
    let mut proxy = Following::begin(kubectl, &["proxy", "--port=0"]);
    let told = proxy.until("Starting to serve on ");
    let address = told.rsplit(' ').next().expect("an address").to_owned();
    let node = world.http(&format!("http://{address}/api/v1/nodes/node1"));
    assert!(node.contains("\"kind\": \"Node\"") && node.contains("\"name\": \"node1\""), "{node}");
    let answer = world.http(&format!("http://{address}/api/v1/namespaces/default/pods/kubia:8080/proxy/"));
    assert!(answer.contains("kubia"), "{answer}");
}

#[test]
fn chapter_5_a_pod_is_made_and_looked_at() {
    if is_skipped("chapter_5_a_pod_is_made_and_looked_at") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let run = |words: &[&str]| kubectl.run(words).ok();
        let file = write(world.folder(), "kubia.yaml", &kubia("kubia"));
        let mut pods = Following::begin(&kubectl, &["get", "pods", "-w"]);
        let mut events = Following::begin(&kubectl, &["get", "events", "-w"]);
        assert_eq!(run(&["apply", "-f", &file]), "pod/kubia created\n", "{program:?}");
        pods.until("Running");
        for text in ["Successfully assigned default/kubia to node1", "Created container kubia", "Started container kubia"] {
            events.until(text);
        }
        drop((pods, events));
        let address = world.wait_ready("kubia");
        let yaml = run(&["get", "po", "kubia", "-o", "yaml"]);
        assert!(yaml.contains(&format!("podIP: {address}\n")) && yaml.contains("phase: Running\n"), "{program:?}: {yaml}");
        assert_eq!(words(&run(&["get", "pod", "kubia"]))[1][..4], ["kubia", "1/1", "Running", "0"], "{program:?}");
        assert_eq!(words(&run(&["get", "pod", "kubia", "-o", "wide"]))[1][5], address, "{program:?}");
        let described = run(&["describe", "pod", "kubia"]);
        for line in [vec!["Name:", "kubia"], vec!["Namespace:", "default"], vec!["Priority:", "0"], vec!["Status:", "Running"]] {
            assert!(words(&described).contains(&line), "{program:?} {line:?}: {described}");
        }
        assert!(described.contains("Node:") && described.contains("node1/"), "{described}");
        conditions(&kubectl);
        logs(&kubectl);
        inside(&world, &kubectl);
        let curl = format!("wget -qO- {address}:8080");
        let client =
            ["run", "client-pod", "--image=skiff/demo:1.0", "-i", "--restart=Never", "--rm", "--quiet", "--command", "--"];
        let answer = kubectl.run(&[&client[..], &["sh", "-c", &curl]].concat());
        assert!(answer.code == 0 && answer.stdout.contains("kubia"), "{program:?}: {answer:?}");
        assert!(kubectl.run(&["get", "po", "client-pod"]).fails().contains("not found"), "{program:?}");
        let gone = run(&["delete", "po", "kubia"]);
        assert!(gone.starts_with("pod \"kubia\" deleted"), "{program:?}: {gone}");
        let missing = kubectl.run(&["get", "po", "kubia"]).fails();
        assert_eq!(missing, "Error from server (NotFound): pods \"kubia\" not found\n", "{program:?}");
    }
}

/// Chapter 6: the phase and the conditions, as the book asks for them.
fn conditions(kubectl: &Kubectl<'_>) {
    let described = kubectl.run(&["describe", "po", "kubia"]).ok();
    let after = described.split("Conditions:\n").nth(1).expect("conditions");
    for condition in ["Initialized", "Ready", "ContainersReady", "PodScheduled"] {
        assert!(words(after).contains(&vec![condition, "True"]), "{condition}: {described}");
    }
    let block = described.split("Containers:\n").nth(1).expect("containers");
    for line in ["State:          Running", "Ready:          True", "Restart Count:  0"] {
        assert!(block.contains(line), "{line}: {described}");
    }
    let json: serde_json::Value = serde_json::from_str(&kubectl.run(&["get", "po", "kubia", "-o", "json"]).ok()).expect("JSON");
    let status = &json["status"]["containerStatuses"][0];
    assert_eq!((status["name"].as_str(), status["started"].as_bool()), (Some("kubia"), Some(true)), "{json}");
    assert!(status["state"]["running"]["startedAt"].is_string() && status["lastState"] == serde_json::json!({}), "{json}");
}

fn logs(kubectl: &Kubectl<'_>) {
    let log = |more: &[&str]| kubectl.run(&[&["logs", "kubia"], more].concat()).ok();
    assert!(log(&[]).starts_with("Kubia server starting...\nLocal hostname is kubia\n"));
    Following::begin(kubectl, &["logs", "kubia", "-f"]).until("Local hostname is kubia");
    let stamped = log(&["--timestamps=true"]);
    let first = stamped.lines().next().expect("a line");
    assert!(first.ends_with("Z Kubia server starting..."), "{stamped}");
    assert!(log(&["--since=1h"]).contains("Kubia server starting..."));
    assert!(log(&["--since-time=2020-02-01T09:50:00Z"]).contains("Kubia server starting..."));
    assert_eq!(log(&["--since-time=2120-02-01T09:50:00Z"]), "");
    assert_eq!(log(&["--tail=1"]).lines().count(), 1);
    let previous = kubectl.run(&["logs", "kubia", "-p"]).fails();
    assert!(previous.contains("previous terminated container \"kubia\" in pod \"kubia\" not found"), "{previous}");
}

/// Programs, files and ports of the pod.
fn inside(world: &World, kubectl: &Kubectl<'_>) {
    assert!(kubectl.run(&["exec", "kubia", "--", "ps"]).ok().contains("demo-server"));
    assert!(kubectl.run(&["exec", "kubia", "--", "wget", "-qO-", "localhost:8080"]).ok().contains("kubia"));
    let hosts = write(world.folder(), "kubia-hosts", "");
    let _ = kubectl.run(&["cp", "kubia:/etc/hosts", &hosts]).ok();
    assert!(std::fs::read_to_string(&hosts).expect("copied").contains("kubia"));
    let local = write(world.folder(), "local-file", "from outside\n");
    let _ = kubectl.run(&["cp", &local, "kubia:/tmp/in-container"]).ok();
    assert_eq!(kubectl.run(&["exec", "kubia", "--", "cat", "/tmp/in-container"]).ok(), "from outside\n");
    let mut forwarding = Following::begin(kubectl, &["port-forward", "kubia", "8080"]);
    forwarding.until("Forwarding from 127.0.0.1:8080 -> 8080");
    assert!(world.http("http://localhost:8080/").contains("kubia"));
}

#[test]
fn chapter_5_several_containers_and_all_ways_to_delete() {
    if is_skipped("chapter_5_several_containers_and_all_ways_to_delete") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let run = |words: &[&str]| kubectl.run(words).ok();
        let folder = world.folder().join("Chapter05");
        let ssl = write(&folder, "kubia-ssl.yaml", &kubia_ssl("kubia-ssl"));
        let init = write(&folder, "kubia-init.yaml", &kubia_init("kubia-init"));
        let plain = write(&folder, "kubia.yaml", &kubia("kubia"));
        let folder = folder.to_string_lossy().into_owned();
        let deleted = |text: &str| -> Vec<String> {
            let mut names: Vec<String> = text.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect();
            names.sort();
            names
        };
        assert_eq!(run(&["apply", "-f", &folder]).lines().count(), 3, "{program:?}");
        ["kubia", "kubia-init", "kubia-ssl"].iter().for_each(|name| drop(world.wait_ready(name)));
        assert_eq!(run(&["logs", "kubia-ssl", "-c", "envoy"]).lines().next(), Some("envoy is here"), "{program:?}");
        let all = run(&["logs", "kubia-ssl", "--all-containers"]);
        assert!(all.contains("envoy is here") && all.contains("Kubia server starting..."), "{program:?}: {all}");
        assert!(run(&["exec", "kubia-ssl", "-c", "envoy", "--", "sh", "-c", "echo $0"]).contains("sh"));
        assert!(run(&["logs", "kubia-init", "-c", "network-check"]).contains("Host appears to be reachable"), "{program:?}");
        {
            let mut forwarding = Following::begin(&kubectl, &["port-forward", "kubia-ssl", "8080", "1990:9901"]);
            forwarding.until("127.0.0.1:1990 -> 9901");
            for port in [8080, 1990] {
                assert!(world.http(&format!("http://localhost:{port}/")).contains("kubia-ssl"), "{program:?}");
            }
        }
        assert_eq!(deleted(&run(&["delete", "-f", &format!("{ssl},{plain}")])), ["kubia", "kubia-ssl"], "{program:?}");
        assert_eq!(deleted(&run(&["delete", "po", "kubia-init"])), ["kubia-init"], "{program:?}");
        assert_eq!(run(&["apply", "-f", &format!("{plain},{init}")]).lines().count(), 2);
        assert_eq!(deleted(&run(&["delete", "po", "kubia", "kubia-init", "--grace-period", "1"])), ["kubia", "kubia-init"]);
        let _ = run(&["apply", "-f", &folder]);
        assert_eq!(
            deleted(&run(&["delete", "-f", &folder, "--wait=false"])),
            ["kubia", "kubia-init", "kubia-ssl"],
            "{program:?}"
        );
        eventually("they are gone", || match run(&["get", "po"]) {
            text if text.is_empty() => Ok(()),
            text => Err(text),
        });
        let _ = run(&["apply", "-f", &plain]);
        assert_eq!(deleted(&run(&["delete", "po", "--all"])), ["kubia"], "{program:?}");
        let none = kubectl.run(&["get", "po"]);
        assert_eq!(
            (none.stdout.as_str(), none.stderr.as_str()),
            ("", "No resources found in default namespace.\n"),
            "{program:?}"
        );
        let _ = run(&["apply", "-f", &plain]);
        assert!(deleted(&run(&["delete", "all", "--all"])).contains(&"kubia".to_owned()), "{program:?}");
        // It is made anew, as in the book's cluster.
        eventually("the service kubernetes is there", || {
            let found = kubectl.run(&["get", "service", "kubernetes", "-o", "name"]);
            if found.code == 0 { Ok(()) } else { Err(found.stderr) }
        });
    }
}

#[test]
fn chapter_6_a_container_that_ended_is_looked_into() {
    if is_skipped("chapter_6_a_container_that_ended_is_looked_into") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let probe = "    livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, periodSeconds: 1, failureThreshold: 1}\n";
        let manifest =
            pod("kubia-liveness", &container("kubia", "touch /tmp/alive; echo it lives; trap exit TERM; sleep 86400 & wait"))
                + probe;
        let mut pods = Following::begin(&kubectl, &["get", "po", "-w"]);
        let _ = kubectl.feed(&["apply", "-f", "-"], &manifest).ok();
        pods.until("1/1");
        let mut events = Following::begin(&kubectl, &["get", "ev", "-w"]);
        let _ = kubectl.run(&["exec", "kubia-liveness", "--", "rm", "/tmp/alive"]).ok();
        events.until("Liveness probe failed");
        events.until("Container kubia failed liveness probe, will be restarted");
        pods.until("1/1 Running 1");
        drop((pods, events));
        let described = kubectl.run(&["describe", "po", "kubia-liveness"]).ok();
        for text in ["Last State:     Terminated", "Restart Count:  1", "Liveness:       exec [test -e /tmp/alive]"] {
            assert!(described.contains(text), "{program:?} {text}: {described}");
        }
        assert_eq!(kubectl.run(&["logs", "kubia-liveness", "-p"]).ok(), "it lives\n", "{program:?}");
        let gone = kubectl.run(&["delete", "po", "kubia-liveness", "--grace-period", "1"]).ok();
        assert!(gone.starts_with("pod \"kubia-liveness\" deleted"), "{program:?}: {gone}");
    }
}
