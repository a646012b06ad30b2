//! Deployments on several machines: nobody leads, a machine dies, and the network is cut in two.

use end_to_end::{Cluster, condition, eventually, is_skipped, manifest};
use serde_json::{Value, json};

/// A Deployment whose pods put up with a lost node for seconds.
fn deployment(replicas: u32) -> Value {
    let mut pod = manifest::sleeper("kubia", "");
    let spec = pod["spec"].take();
    let labels = json!({"app": "kubia"});
    let mut template = json!({"metadata": {"labels": labels}, "spec": spec});
    template["spec"]["tolerations"] =
        json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}]);
    // One a node, as far as that goes.
    template["spec"]["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": labels}}]);
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "kubia"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}})
}

fn pods(cluster: &Cluster, node: &str) -> Result<Vec<Value>, String> {
    cluster.list(node, "pods")
}

/// Waits until a node sees so many ready pods and the Deployment says the same.
fn wait_available(cluster: &Cluster, node: &str, count: usize) {
    eventually(&format!("{count} pods are ready in the eyes of {node}"), || {
        let pods = pods(cluster, node)?;
        let ready = pods.iter().filter(|pod| condition(pod, "Ready") == "True").count();
        let status = cluster.get(node, "deployment", "kubia")?["status"].clone();
        let is_said = status["availableReplicas"] == count && status["updatedReplicas"] == count;
        if ready == count && is_said { Ok(()) } else { Err(format!("{ready} pods; {status}")) }
    });
}

/// Waits until all nodes see the same so many pods, all ready, and no machine has others.
fn wait_settled(cluster: &Cluster, count: usize) {
    let _ = cluster.wait_same("the pods", |node| {
        let pods = pods(cluster, node)?;
        let is_ready = pods.iter().all(|pod| condition(pod, "Ready") == "True");
        let names: Vec<String> = pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect();
        if is_ready && names.len() == count { Ok(names) } else { Err(format!("{names:?}")) }
    });
    let copies = || cluster.nodes().iter().map(|node| cluster.copies(node, "")).sum::<usize>();
    eventually("as many pods run as are seen", || if copies() == count { Ok(()) } else { Err(copies().to_string()) });
}

#[test]
fn pods_of_a_machine_that_dies_are_made_elsewhere_and_none_is_too_many_when_it_is_back() {
    if is_skipped("pods_of_a_machine_that_dies_are_made_elsewhere_and_none_is_too_many_when_it_is_back") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &deployment(3));
    wait_available(&cluster, "n1", 3);
    wait_settled(&cluster, 3);
    cluster.crash("n3");
    let lost = |node: &str| cluster.wait(node, ("node", "n3"), "lost", |node| condition(node, "Ready") == "Unknown");
    let _ = (lost("n1"), lost("n2"));
    for node in ["n1", "n2"] {
        wait_available(&cluster, node, 3);
    }
    // Also what a node acted for that is gone now goes on.
    let _ = cluster.skiff("n2", &["scale", "deployment/kubia", "--replicas=5"]).ok();
    wait_available(&cluster, "n1", 5);
    cluster.start("n3");
    cluster.wait_whole();
    wait_settled(&cluster, 5);
    let _ = cluster.skiff("n3", &["delete", "deployment", "kubia"]).ok();
    wait_settled(&cluster, 0);
}

#[test]
fn both_sides_of_a_split_keep_a_deployment_up_and_as_many_pods_as_are_wanted_are_left() {
    if is_skipped("both_sides_of_a_split_keep_a_deployment_up_and_as_many_pods_as_are_wanted_are_left") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n3", &deployment(3));
    wait_available(&cluster, "n3", 3);
    wait_settled(&cluster, 3);
    cluster.cut(&["n1,n2", "n3"]);
    // Each side makes what it misses, and nothing is killed because it is not seen.
    let on = |node: &str| cluster.copies(node, "");
    eventually("each side has all pods", || {
        let sides = (on("n1") + on("n2"), on("n3"));
        if sides == (3, 3) { Ok(()) } else { Err(format!("{sides:?}")) }
    });
    for node in ["n1", "n3"] {
        wait_available(&cluster, node, 3);
    }
    cluster.heal();
    cluster.wait_whole();
    wait_settled(&cluster, 3);
    let _ = cluster.skiff("n1", &["set", "image", "deployment/kubia", "c=docker.io/skiff/demo:1.0"]).ok();
    let told = cluster.skiff("n2", &["rollout", "status", "deployment/kubia", "--timeout=60s"]).ok();
    assert!(told.ends_with("deployment \"kubia\" successfully rolled out\n"), "{told}");
    wait_settled(&cluster, 3);
}
