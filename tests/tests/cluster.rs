//! Three machines are one cluster: pods over all of them, seen and steered from each; daemons are killed, machines lose their power.

use end_to_end::{Cluster, condition, eventually, is_skipped, manifest};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

fn ip(pod: &Value) -> String {
    pod["status"]["podIP"].as_str().expect("a ready pod has an address").to_owned()
}

fn container(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

fn has_taint(node: &Value, key: &str, effect: &str) -> bool {
    node["spec"]["taints"].as_array().into_iter().flatten().any(|taint| taint["key"] == key && taint["effect"] == effect)
}

#[test]
fn pods_spread_over_three_nodes_and_are_steered_from_any() {
    if is_skipped("pods_spread_over_three_nodes_and_are_steered_from_any") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    for (number, through) in ["n1", "n2", "n3", "n1", "n2", "n3"].iter().enumerate() {
        let mut pod = manifest::server(&format!("web-{number}"), "");
        pod["metadata"]["labels"]["app"] = json!("web");
        cluster.create(through, &pod);
    }
    let pods: Vec<Value> = (0..6).map(|number| cluster.wait_ready("n1", &format!("web-{number}"))).collect();
    for node in NODES {
        let here = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node).count();
        assert_eq!(
            here,
            2,
            "equal pods are dealt out evenly: {:?}",
            pods.iter().map(|pod| &pod["spec"]["nodeName"]).collect::<Vec<_>>()
        );
    }
    let same = cluster.wait_same("the list of pods", |node| cluster.snapshot(node, "pods"));
    assert_eq!(same.len(), 6);
    // Logs, describe and delete of each pod through a node that does not run it.
    for pod in &pods {
        let (name, node) = (pod["metadata"]["name"].as_str().expect("a name"), pod["spec"]["nodeName"].as_str().expect("a node"));
        let through = NODES.into_iter().find(|other| *other != node).expect("another node");
        let said = cluster.skiff(through, &["logs", name]).ok();
        assert!(said.contains("8080"), "the server says where it listens: {said:?}");
        let described = cluster.skiff(through, &["describe", "pod", name]).ok();
        assert!(described.contains("Started") && described.contains(&ip(pod)), "{described}");
        let _ = cluster.skiff(through, &["delete", "pod", name]).ok();
        assert_eq!(cluster.copies(node, pod["metadata"]["uid"].as_str().expect("a uid")), 0);
    }
    cluster.wait_same("the empty list of pods", |node| match cluster.snapshot(node, "pods")? {
        list if list.is_empty() => Ok(()),
        list => Err(format!("{list:?}")),
    });
}

#[test]
fn pods_reach_pods_of_other_nodes_by_their_own_address() {
    if is_skipped("pods_reach_pods_of_other_nodes_by_their_own_address") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    for node in NODES {
        cluster.create("n1", &manifest::server(&format!("web-{node}"), node));
    }
    let pods = NODES.map(|node| cluster.wait_ready("n1", &format!("web-{node}")));
    let cidrs = NODES.map(|node| cluster.get("n1", "node", node).expect("a node")["spec"]["podCIDR"].clone());
    assert!(cidrs[0] != cidrs[1] && cidrs[1] != cidrs[2] && cidrs[0] != cidrs[2], "{cidrs:?}");
    for from in &pods {
        for to in &pods {
            let url = format!("http://{}:8080/", ip(to));
            let answer = eventually("one pod answers another", || cluster.fetch_from_pod(from, &url));
            assert!(answer.contains(to["metadata"]["name"].as_str().expect("a name")), "{answer}");
        }
    }
    // The host of a pod reaches the pods of other hosts, too.
    let answer = cluster.on("n1", &["curl", "-sS", "--max-time", "3", &format!("http://{}:8080/", ip(&pods[2]))]).ok();
    assert!(answer.contains("web-n3"), "{answer}");
}

#[test]
fn a_killed_daemon_is_known_dead_its_pods_go_on_and_nothing_is_lost() {
    if is_skipped("a_killed_daemon_is_known_dead_its_pods_go_on_and_nothing_is_lost") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &manifest::server("steady", "n3"));
    cluster.create("n1", &manifest::sleeper("doomed", "n3"));
    let steady = cluster.wait_ready("n1", "steady");
    let doomed = cluster.wait_ready("n1", "doomed");
    // Acknowledged by n3, and n3 is dead at once.
    cluster.create("n3", &manifest::sleeper("last-words", "n1"));
    cluster.kill("n3");
    let begin = Instant::now();
    for seen_by in ["n1", "n2"] {
        cluster.wait(seen_by, ("node", "n3"), "unknown", |node| condition(node, "Ready") == "Unknown");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "known dead after {:?}", begin.elapsed());
    let seen = cluster.wait("n2", ("pod", "steady"), "unknown", |pod| pod["status"]["phase"] == "Unknown");
    assert_ne!(condition(&seen, "Ready"), "True");
    let answer = cluster.on("n1", &["curl", "-sS", "--max-time", "3", &format!("http://{}:8080/", ip(&steady))]).ok();
    assert!(answer.contains("steady"), "the pod goes on: {answer}");
    let refused = cluster.skiff("n1", &["logs", "steady"]).fails();
    assert!(refused.contains("n3"), "the refusal names the node: {refused}");
    // What is asked of the dead node's pods meanwhile waits for it.
    let _ = cluster.skiff("n2", &["delete", "pod", "doomed", "--wait=false"]).ok();
    cluster.create("n1", &manifest::sleeper("late", "n3"));
    cluster.start("n3");
    cluster.wait_whole();
    for node in NODES {
        let pod = cluster.wait_ready(node, "steady");
        assert_eq!(container(&pod)["containerID"], container(&steady)["containerID"]);
        assert_eq!(container(&pod)["restartCount"], 0);
        let _ = cluster.wait_ready(node, "late");
        let _ = cluster.wait_ready(node, "last-words");
        cluster.wait_gone(node, "pod", "doomed");
    }
    assert_eq!(cluster.copies("n3", doomed["metadata"]["uid"].as_str().expect("a uid")), 0);
}

#[test]
fn a_machine_without_power_is_not_ready_and_its_pods_are_made_anew_when_it_is_back() {
    if is_skipped("a_machine_without_power_is_not_ready_and_its_pods_are_made_anew_when_it_is_back") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &manifest::server("phoenix", "n3"));
    let mut once = manifest::sleeper("once", "n3");
    once["spec"]["restartPolicy"] = json!("Never");
    cluster.create("n1", &once);
    let before = cluster.wait_ready("n2", "phoenix");
    let _ = cluster.wait_ready("n2", "once");
    cluster.crash("n3");
    for seen_by in ["n1", "n2"] {
        let node = cluster.wait(seen_by, ("node", "n3"), "unknown", |node| condition(node, "Ready") == "Unknown");
        assert!(has_taint(&node, "node.kubernetes.io/unreachable", "NoSchedule"), "{}", node["spec"]);
        assert!(has_taint(&node, "node.kubernetes.io/unreachable", "NoExecute"), "{}", node["spec"]);
        cluster.wait(seen_by, ("pod", "phoenix"), "unknown", |pod| pod["status"]["phase"] == "Unknown");
    }
    let _ = cluster.wait_event("n1", "n3", "NodeNotReady");
    let table = cluster.skiff("n2", &["get", "nodes"]).ok();
    assert!(table.lines().any(|row| row.starts_with("n3") && row.contains("NotReady")), "{table}");
    // Nothing is placed on a node that is not seen.
    for number in 0..4 {
        cluster.create("n1", &manifest::sleeper(&format!("elsewhere-{number}"), ""));
        let pod = cluster.wait_ready("n1", &format!("elsewhere-{number}"));
        assert_ne!(pod["spec"]["nodeName"], "n3");
    }
    cluster.start("n3");
    cluster.wait_whole();
    let _ = cluster.wait_event("n1", "n3", "NodeReady");
    for seen_by in NODES {
        let pod = cluster.wait(seen_by, ("pod", "phoenix"), "made anew", |pod| {
            condition(pod, "Ready") == "True" && container(pod)["restartCount"] == 1
        });
        assert_eq!(pod["metadata"]["uid"], before["metadata"]["uid"]);
        cluster.wait(seen_by, ("pod", "once"), "failed", |pod| pod["status"]["phase"] == "Failed");
    }
    let node = cluster.get("n1", "node", "n3").expect("a node");
    assert!(!has_taint(&node, "node.kubernetes.io/unreachable", "NoSchedule"), "{}", node["spec"]);
}

#[test]
fn a_machine_that_lost_its_last_records_with_its_power_keeps_what_its_pods_wrote() {
    if is_skipped("a_machine_that_lost_its_last_records_with_its_power_keeps_what_its_pods_wrote") {
        return;
    }
    let cluster = Cluster::new(2);
    cluster.wait_whole();
    let count = "echo started >>/data/log; trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done";
    let mut pod = manifest::script("keeper", "n2", count);
    pod["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    cluster.create("n1", &pod);
    let before = cluster.wait_ready("n2", "keeper");
    cluster.crash("n2");
    // More than a power failure takes: with the youngest records all others go, too.
    std::fs::remove_dir_all(cluster.folder().join("data/n2/store")).expect("the store goes");
    cluster.start("n2");
    let after = cluster.wait("n1", ("pod", "keeper"), "made anew", |pod| {
        condition(pod, "Ready") == "True" && container(pod)["restartCount"] == 1
    });
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let log = cluster.skiff("n1", &["exec", "keeper", "--", "cat", "/data/log"]).ok();
    assert_eq!(log, "started\nstarted\n");
}
