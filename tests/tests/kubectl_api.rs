//! What kubectl finds beside pods and their streams: events in both versions, counts, certificates, leases, bindings, evictions, proxies.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{World, eventually, is_skipped};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const PODS: &str = "/api/v1/namespaces/default/pods";

fn world() -> World {
    let world = World::new(&["--listen", LISTEN]);
    world.load_demo_image();
    world
}

fn pod(name: &str, fields: &Value) -> Value {
    let mut spec = json!({
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "skiff/demo:1.0", "command": ["demo-server"], "ports": [{"containerPort": 8080, "name": "web"}]}],
    });
    spec.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec})
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn events_are_shown_in_both_versions() {
    if is_skipped("events_are_shown_in_both_versions") {
        return;
    }
    let world = world();
    let _ = world.skiff_with(&["create", "-f", "-"], &pod("web", &json!({})).to_string()).ok();
    world.wait_ready("web");
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let core = kubectl.run(&["get", "events", "--field-selector", "involvedObject.name=web,reason=Started"]).ok();
        assert!(core.contains("Started container main"), "{program:?}: {core}");
        let newer = kubectl.run(&["get", "events.events.k8s.io", "--field-selector", "regarding.name=web,reason=Started"]).ok();
        assert!(newer.contains("Started container main"), "{program:?}: {newer}");
        let whole = parsed(&kubectl.run(&["get", "events.v1.events.k8s.io", "-o", "json"]).ok());
        let started =
            whole["items"].as_array().expect("items").iter().find(|event| event["reason"] == "Started").expect("an event");
        assert_eq!(
            (&started["apiVersion"], &started["note"], &started["regarding"]["name"]),
            (&json!("events.k8s.io/v1"), &json!("Started container main"), &json!("web")),
            "{program:?}"
        );
        assert!(started["deprecatedFirstTimestamp"].is_string() && started.get("message").is_none(), "{started}");
        assert!(kubectl.run(&["events"]).ok().contains("Started container main"), "{program:?}");
        let explained = kubectl.run(&["explain", "events", "--api-version=events.k8s.io/v1"]).ok();
        assert!(explained.contains("regarding"), "{program:?}: {explained}");
        let mut watch = kubectl.command(&["get", "events.events.k8s.io", "--watch-only", "-o", "jsonpath={.note}{\"\\n\"}"]);
        let mut watching = watch.stdout(Stdio::piped()).spawn().expect("kubectl runs");
        let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"generateName": "told-"}, "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": "example.com/tester", "reportingInstance": "tester-1", "action": "Testing", "reason": "Told", "type": "Normal",
            "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": "web"}, "note": "hello",
        });
        // The watch may not have begun yet: events are made until one of them is seen.
        let (seen_tx, seen) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let line = lines.next().expect("a line").expect("text");
                seen_tx.send(line).expect("somebody waits");
            });
            eventually("the watch sees an event", || {
                let _ = kubectl.feed(&["create", "-f", "-"], &event.to_string()).ok();
                let wait = std::time::Duration::from_millis(500);
                seen.recv_timeout(wait)
                    .map_err(|error| error.to_string())
                    .and_then(|line| if line == "hello" { Ok(()) } else { Err(line) })
            });
        });
        watching.kill().and_then(|()| watching.wait()).expect("it ends");
    }
}

#[test]
fn what_the_daemon_keeps_for_others_is_there() {
    if is_skipped("what_the_daemon_keeps_for_others_is_there") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        let _ = kubectl.run(&["create", "namespace", "room"]).ok();
        eventually("the certificates are in the new namespace", || {
            let ran = kubectl.run(&["get", "configmap", "kube-root-ca.crt", "-n", "room", "-o", "jsonpath={.data.ca\\.crt}"]);
            if ran.stdout.starts_with("-----BEGIN CERTIFICATE-----") { Ok(()) } else { Err(format!("{ran:?}")) }
        });
        let ca = kubectl.run(&["get", "cm", "kube-root-ca.crt", "-n", "room", "-o", "jsonpath={.data.ca\\.crt}"]).ok();
        let file = world.folder().join("ca.crt");
        std::fs::write(&file, ca).expect("written");
        // It is what the daemon's certificate is signed with.
        let mut curl = world.inside("curl");
        let trusted = curl
            .args(["-sS", "--cacert", &file.to_string_lossy(), "--resolve"])
            .args(["kubernetes.default.svc:6443:127.0.0.1", "https://kubernetes.default.svc:6443/version"]);
        let answered = trusted.output().expect("curl runs");
        assert!(String::from_utf8_lossy(&answered.stdout).contains("\"code\": 401"), "{answered:?}");
        let _ = kubectl.run(&["delete", "namespace", "room"]).ok();
        eventually("the node has a lease", || {
            let described = kubectl.run(&["describe", "node", "node1"]).ok();
            let is_there = described.contains("HolderIdentity:  node1") && !described.contains("RenewTime:       <unset>");
            if is_there { Ok(()) } else { Err(described) }
        });
        let renewed = || {
            kubectl
                .run(&[
                    "get",
                    "lease",
                    "node1",
                    "-n",
                    "kube-node-lease",
                    "-o",
                    "jsonpath={.spec.renewTime} {.metadata.resourceVersion}",
                ])
                .ok()
        };
        let first = renewed();
        let (time, version) = first.split_once(' ').expect("two words");
        eventually("it is renewed without being written", || {
            let now = renewed();
            if now.split_once(' ').is_some_and(|(later, same)| later > time && same == version) { Ok(()) } else { Err(now) }
        });
        let counted = kubectl.run(&["get", "--raw", "/metrics"]).ok();
        for name in [
            "apiserver_request_total{verb=\"GET\"",
            "process_cpu_seconds_total ",
            "skiff_cluster_members{state=\"alive\"} 1",
            "kubelet_running_pods ",
        ] {
            assert!(counted.contains(name), "{program:?}: {name} is not in\n{counted}");
        }
    }
}

#[test]
fn pods_are_bound_evicted_and_asked_through_the_daemon() {
    if is_skipped("pods_are_bound_evicted_and_asked_through_the_daemon") {
        return;
    }
    let world = world();
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        // A scheduler of somebody else's.
        let other = pod("web", &json!({"schedulerName": "own-scheduler"}));
        let _ = kubectl.feed(&["create", "-f", "-"], &other.to_string()).ok();
        let binding = |node: &str| {
            let target = json!({"apiVersion": "v1", "kind": "Node", "name": node});
            json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}, "target": target}).to_string()
        };
        let path = format!("{PODS}/web/binding");
        assert_eq!(parsed(&kubectl.feed(&["create", "--raw", &path, "-f", "-"], &binding("node1")).ok())["status"], "Success");
        world.wait_ready("web");
        let again = kubectl.feed(&["create", "--raw", &path, "-f", "-"], &binding("node1")).fails();
        assert!(again.contains("already assigned to node"), "{program:?}: {again}");
        for name in ["web", "web:8080", "http:web:web"] {
            let answered = kubectl.run(&["get", "--raw", &format!("{PODS}/{name}/proxy/")]).ok();
            assert!(answered.contains("web"), "{program:?}: {name}: {answered}");
        }
        let mut command = kubectl.command(&["proxy", "--port=0"]);
        let mut proxying = command.stdout(Stdio::piped()).spawn().expect("kubectl runs");
        let told = BufReader::new(proxying.stdout.take().expect("a pipe")).lines().next().expect("a line").expect("text");
        let address = told.rsplit(' ').next().expect("an address").to_owned();
        assert!(world.http(&format!("http://{address}{PODS}/web/proxy/")).contains("web"), "{program:?}");
        assert!(world.http(&format!("http://{address}/api/v1/nodes/node1")).contains("\"kind\": \"Node\""), "{program:?}");
        proxying.kill().and_then(|()| proxying.wait()).expect("it ends");
        let closed = kubectl.run(&["get", "--raw", &format!("{PODS}/web:1/proxy/")]).fails();
        assert!(closed.contains("error trying to reach pod web"), "{program:?}: {closed}");
        let eviction =
            json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}});
        let path = format!("{PODS}/web/eviction");
        assert_eq!(
            parsed(&kubectl.feed(&["create", "--raw", &path, "-f", "-"], &eviction.to_string()).ok())["status"],
            "Success"
        );
        let _ = kubectl.run(&["wait", "--for=delete", "pod/web", "--timeout=60s"]).ok();
        let missing = kubectl.feed(&["create", "--raw", &path, "-f", "-"], &eviction.to_string()).fails();
        assert!(missing.contains("pods \"web\" not found"), "{program:?}: {missing}");
    }
}

#[test]
fn a_pod_is_copied_for_a_look_and_clients_of_protobuf_are_served() {
    if is_skipped("a_pod_is_copied_for_a_look_and_clients_of_protobuf_are_served") {
        return;
    }
    let world = world();
    let _ = world.skiff_with(&["create", "-f", "-"], &pod("web", &json!({})).to_string()).ok();
    world.wait_ready("web");
    let secret = world.folder().join("of-the-node");
    std::fs::write(&secret, "seen\n").expect("a file");
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &[]);
        // Newer ones send the copy as protobuf.
        let words = ["debug", "web", "--image=skiff/demo:1.0", "--copy-to=copy", "--share-processes", "--", "sleep", "86403"];
        let copied = kubectl.run(&words);
        assert_eq!(copied.code, 0, "{program:?}: {copied:?}");
        let _ = kubectl.run(&["wait", "pod/copy", "--for=condition=Ready", "--timeout=60s"]).ok();
        let copy = parsed(&kubectl.run(&["get", "pod", "copy", "-o", "json"]).ok());
        assert_eq!(
            (copy["spec"]["containers"].as_array().map(Vec::len), &copy["spec"]["shareProcessNamespace"]),
            (Some(2), &json!(true))
        );
        assert_eq!(copy["spec"]["containers"][0]["ports"][0]["containerPort"], 8080, "{program:?}");
        let _ = kubectl.run(&["delete", "pod", "copy", "--now"]).ok();
        // A pod beside a node sees all of its files.
        let path = format!("/host{}", secret.display());
        let words = ["debug", "node/node1", "--image=skiff/demo:1.0", "-i", "--", "cat", path.as_str()];
        let node = kubectl.feed(&words, "");
        assert!(node.code == 0 && node.stdout.contains("seen"), "{program:?}: {node:?}");
        let _ = kubectl.run(&["delete", "pod", "--all", "--now", "-l", "app!=web"]);
    }
    let token = world.skiff(&["kubeconfig", "--token"]).ok();
    let token = token.lines().find_map(|line| line.trim().strip_prefix("token: ")).expect("a token").trim_matches('"').to_owned();
    let ask = |accept: &str, path: &str| {
        let mut curl = world.inside("curl");
        curl.args(["-ksS", "-o", "-", "-w", "\n%{http_code} %{content_type}", "-H", &format!("Authorization: Bearer {token}")]);
        let output =
            curl.args(["-H", &format!("Accept: {accept}"), &format!("https://{LISTEN}{path}")]).output().expect("curl runs");
        output.stdout
    };
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
    for path in [format!("{PODS}/web"), PODS.to_owned(), "/api/v1/nodes".to_owned(), format!("{PODS}/none")] {
        let answer = ask(PROTOBUF, &path);
        let code = if path.ends_with("none") { 404 } else { 200 };
        assert!(answer.starts_with(b"k8s\0"), "{path}: {}", String::from_utf8_lossy(&answer));
        assert!(answer.ends_with(format!("\n{code} {PROTOBUF}").as_bytes()), "{path}: {}", String::from_utf8_lossy(&answer));
    }
    let refused = ask(PROTOBUF, "/apis/metrics.k8s.io/v1beta1/nodes");
    assert!(refused.ends_with(format!("\n406 {PROTOBUF}").as_bytes()), "{}", String::from_utf8_lossy(&refused));
    let either = ask(&format!("{PROTOBUF}, application/json"), PODS);
    assert!(either.starts_with(b"{"), "JSON is what is kept: {}", String::from_utf8_lossy(&either));
}
