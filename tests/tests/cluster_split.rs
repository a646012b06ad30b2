//! The network is cut in two, both sides go on and take changes, and the sides meet again.

use end_to_end::{Cluster, condition, eventually, is_skipped, manifest};
use serde_json::{Value, json};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// Cuts n1 and n2 off from n3, and waits until both sides know.
fn split(cluster: &Cluster) {
    cluster.cut(&["n1,n2", "n3"]);
    for (seen_by, lost) in [("n1", "n3"), ("n2", "n3"), ("n3", "n1"), ("n3", "n2")] {
        cluster.wait(seen_by, ("node", lost), "lost", |node| condition(node, "Ready") == "Unknown");
    }
}

/// Changes an object through a node, whatever its version is by then.
fn edit(cluster: &Cluster, node: &str, object: (&str, &str), change: impl Fn(&mut Value)) {
    let (kind, name) = object;
    eventually(&format!("{kind} {name} is edited through {node}"), || {
        let mut seen = cluster.get(node, kind, name)?;
        change(&mut seen);
        let ran = cluster.skiff_with(node, &["replace", "-f", "-"], &seen.to_string());
        if ran.code == 0 { Ok(()) } else { Err(ran.stderr) }
    });
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().expect("every object has a uid").to_owned()
}

#[test]
fn both_sides_of_a_split_take_changes_and_become_one_again() {
    if is_skipped("both_sides_of_a_split_take_changes_and_become_one_again") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    for (name, node) in [("edited", "n2"), ("doomed-left", "n1"), ("doomed-right", "n3"), ("bystander", "n3")] {
        cluster.create("n1", &manifest::sleeper(name, node));
    }
    for node in NODES {
        for pod in ["edited", "doomed-left", "doomed-right", "bystander"] {
            let _ = cluster.wait_ready(node, pod);
        }
    }
    split(&cluster);
    // Each side says what it cannot see.
    cluster.wait("n1", ("pod", "bystander"), "unknown", |pod| pod["status"]["phase"] == "Unknown");
    cluster.wait("n3", ("pod", "edited"), "unknown", |pod| pod["status"]["phase"] == "Unknown");
    let listed = cluster.skiff("n1", &["get", "pods"]);
    assert!(listed.stderr.contains("n3 has not been seen"), "{listed:?}");
    // Creates on both sides, among them the same name.
    cluster.create("n1", &manifest::sleeper("left", ""));
    cluster.create("n3", &manifest::sleeper("right", ""));
    cluster.create("n2", &manifest::sleeper("twin", ""));
    let _ = cluster.wait_ready("n1", "twin");
    cluster.create("n3", &manifest::sleeper("twin", ""));
    for (node, pod) in [("n1", "left"), ("n3", "right"), ("n3", "twin")] {
        let _ = cluster.wait_ready(node, pod);
    }
    // Deletes, of what the other side edits at the same time.
    let _ = cluster.skiff("n1", &["delete", "pod", "doomed-left"]).ok();
    let _ = cluster.skiff("n3", &["delete", "pod", "doomed-right"]).ok();
    edit(&cluster, "n3", ("pod", "doomed-left"), |pod| pod["metadata"]["labels"]["side"] = json!("right"));
    edit(&cluster, "n2", ("pod", "doomed-right"), |pod| pod["metadata"]["labels"]["side"] = json!("left"));
    // Both sides edit one pod; the right one later.
    edit(&cluster, "n1", ("pod", "edited"), |pod| pod["metadata"]["labels"]["side"] = json!("left"));
    edit(&cluster, "n3", ("pod", "edited"), |pod| pod["metadata"]["labels"]["side"] = json!("right"));
    cluster.heal();
    cluster.wait_whole();
    let pods = cluster.wait_same("the list of pods", |node| {
        let pods = cluster.snapshot(node, "pods")?;
        let names: Vec<&str> = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
        let is_settled = pods.iter().all(|pod| condition(pod, "Ready") == "True");
        if names == ["bystander", "edited", "left", "right", "twin"] && is_settled { Ok(pods) } else { Err(format!("{pods:#?}")) }
    });
    assert_eq!(pods[1]["metadata"]["labels"]["side"], "right", "the later edit holds");
    for node in NODES {
        // Every change that lost is told.
        let told = cluster.wait_event(node, "edited", "ChangeOverwritten");
        assert!(told.contains("node n1") && told.contains("node n3"), "{told}");
        let _ = cluster.wait_event(node, "twin", "ReplacedElsewhere");
        for deleted in ["doomed-left", "doomed-right"] {
            let _ = cluster.wait_event(node, deleted, "ChangeLostToDeletion");
        }
    }
    // Whoever was cut off says what it missed.
    let met = cluster.wait_event("n2", "n2", "SidesMet");
    assert!(met.contains("sees n3 again after"), "{met}");
    // What runs is what is seen: of every pod one copy, and of the deleted ones none.
    for (pod, copies) in pods.iter().map(|pod| (uid(pod), 1)) {
        let running = || NODES.map(|node| cluster.copies(node, &pod)).iter().sum::<usize>();
        eventually("one copy of each pod", || if running() == copies { Ok(()) } else { Err(format!("{} of {pod}", running())) });
    }
    let supervisors = || NODES.map(|node| cluster.copies(node, "")).iter().sum::<usize>();
    eventually("no copy of what lost", || if supervisors() == pods.len() { Ok(()) } else { Err(supervisors().to_string()) });
}

#[test]
fn a_pod_that_both_sides_placed_runs_once_when_they_meet() {
    if is_skipped("a_pod_that_both_sides_placed_runs_once_when_they_meet") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    let mut pod = manifest::sleeper("choosy", "");
    pod["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    cluster.create("n1", &pod);
    let pending = cluster.wait("n3", ("pod", "choosy"), "not placed", |pod| condition(pod, "PodScheduled") == "False");
    assert!(pending["status"].to_string().contains("0/3 nodes are available"), "{}", pending["status"]);
    let uid = uid(&pending);
    split(&cluster);
    edit(&cluster, "n1", ("node", "n2"), |node| node["metadata"]["labels"]["disk"] = json!("ssd"));
    let first = cluster.wait_ready("n1", "choosy");
    assert_eq!(first["spec"]["nodeName"], "n2");
    edit(&cluster, "n3", ("node", "n3"), |node| node["metadata"]["labels"]["disk"] = json!("ssd"));
    let second = cluster.wait_ready("n3", "choosy");
    assert_eq!(second["spec"]["nodeName"], "n3");
    assert_eq!((cluster.copies("n2", &uid), cluster.copies("n3", &uid)), (1, 1));
    cluster.heal();
    eventually("the loser stops its copy", || match (cluster.copies("n2", &uid), cluster.copies("n3", &uid)) {
        (1, 0) => Ok(()),
        copies => Err(format!("{copies:?}")),
    });
    for node in NODES {
        let pod = cluster.wait(node, ("pod", "choosy"), "at its first place", |pod| {
            pod["spec"]["nodeName"] == "n2" && condition(pod, "Ready") == "True"
        });
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
    }
}
