//! What nodes and pods use: `kubectl top`, `metrics.k8s.io` and `skiff top`, of this node and of another one.

use end_to_end::kubectl::{Kubectl, LISTEN, programs};
use end_to_end::{Cluster, World, eventually, is_skipped};
use serde_json::{Value, json};

/// A pod with a container that is busy and one that sleeps.
fn busy(name: &str, node: &str) -> Value {
    let container = |name: &str, script: &str| json!({"name": name, "image": "skiff/demo:1.0", "command": ["sh", "-c", script]});
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 1,
            "containers": [container("busy", "while :; do :; done"), container("idle", "exec sleep 86400")],
        },
    })
}

/// A cell such as `12m` or `3Mi` as a number.
fn number(cell: &str) -> u64 {
    cell.trim_end_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or_else(|_| panic!("{cell} is no amount"))
}

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn what_is_used_is_shown_by_every_kubectl() {
    if is_skipped("what_is_used_is_shown_by_every_kubectl") {
        return;
    }
    let world = World::new(&["--listen", LISTEN]);
    world.load_demo_image();
    let _ = world.skiff_with(&["create", "-f", "-"], &busy("web", "node1").to_string()).ok();
    world.wait_ready("web");
    for program in programs() {
        let kubectl = Kubectl::new(&world, &program, &["--role", "viewer"]);
        let top = kubectl.run(&["top", "node"]).ok();
        let node = &rows(&top)[1];
        assert!(node[0] == "node1" && number(node[1]) > 20 && number(node[3]) > 10, "{program:?}: {top}");
        let top = kubectl.run(&["top", "pod", "--containers", "--sort-by=cpu"]).ok();
        let lines = rows(&top);
        assert_eq!((lines[1][0], lines[1][1], lines[2][1]), ("web", "busy", "idle"), "{program:?}: {top}");
        assert!(number(lines[1][2]) > 20, "{program:?}: a loop uses cpu: {top}");
        assert!(number(lines[2][2]) < 10, "{program:?}: who sleeps uses none: {top}");
        assert_eq!(rows(&kubectl.run(&["top", "pod", "web", "--no-headers"]).ok()).len(), 1, "{program:?}");
        assert_eq!(kubectl.run(&["top", "pod", "-l", "app=none"]).stdout, "", "{program:?}");
        let missing = kubectl.run(&["top", "pod", "none"]).fails();
        assert!(missing.contains("NotFound"), "{program:?}: {missing}");
        let raw = kubectl.run(&["get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/web"]).ok();
        let raw: Value = serde_json::from_str(&raw).expect("JSON");
        assert_eq!((&raw["kind"], &raw["metadata"]["labels"]["app"]), (&json!("PodMetrics"), &json!("web")), "{program:?}");
        assert!(raw["containers"][0]["usage"]["cpu"].as_str().is_some_and(|cpu| cpu.ends_with('n')), "{raw}");
        let table = kubectl.run(&["get", "pods.metrics.k8s.io"]).ok();
        assert_eq!(rows(&table)[0], ["NAME", "CPU", "MEMORY", "WINDOW"], "{program:?}");
        assert!(kubectl.run(&["explain", "nodes", "--api-version=metrics.k8s.io/v1beta1"]).ok().contains("NodeMetrics"));
        let raw = kubectl.run(&["get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes/none"]).fails();
        assert!(raw.contains("nodes.metrics.k8s.io \"none\" not found"), "{program:?}: {raw}");
    }
    let own = world.skiff(&["top", "pod", "--containers"]).ok();
    assert_eq!(rows(&own)[1][..2], ["web", "busy"], "{own}");
    let memory = number(rows(&own)[1][3]);
    assert!(memory < 50, "a shell has no {memory} MiB");
}

#[test]
fn what_pods_of_another_node_use_is_asked_of_that_node() {
    if is_skipped("what_pods_of_another_node_use_is_asked_of_that_node") {
        return;
    }
    let cluster = Cluster::new(2);
    cluster.create("n1", &busy("far", "n2"));
    cluster.wait_ready("n1", "far");
    let top = cluster.skiff("n1", &["top", "pod", "--containers"]).ok();
    assert!(number(rows(&top)[1][2]) > 20, "{top}");
    assert_eq!(rows(&cluster.skiff("n1", &["top", "node", "--no-headers"]).ok()).len(), 2);
    cluster.kill("n2");
    eventually("its silence is told", || {
        let ran = cluster.skiff("n1", &["top", "node"]);
        let is_told = ran.stderr.contains("Warning: node n2 cannot be reached") && ran.stdout.contains("<unknown>");
        if ran.code == 0 && is_told { Ok(()) } else { Err(format!("{ran:?}")) }
    });
    cluster.start("n2");
}
