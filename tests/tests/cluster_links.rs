//! Bad networks and bad clocks: slow, lossy and reordering links, several networks with a router between, a node in another hour.

use end_to_end::{Cluster, condition, eventually, is_skipped, manifest};
use serde_json::json;

const NODES: [&str; 3] = ["n1", "n2", "n3"];

#[test]
fn slow_lossy_links_that_reorder_and_double_still_converge() {
    if is_skipped("slow_lossy_links_that_reorder_and_double_still_converge") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    for node in NODES {
        cluster.link(node, &["--delay-ms", "30", "--jitter-ms", "60", "--loss-percent", "8", "--duplicate-percent", "5"]);
    }
    for number in 0..24 {
        cluster.create(
            NODES[number % 3],
            &manifest::pod(&format!("pod-{number:02}"), "", &json!({"name": "c", "image": "skiff/demo:1.0"})),
        );
    }
    for number in (0..24).step_by(2) {
        let name = format!("pod-{number:02}");
        let through = NODES[(number + 1) % 3];
        eventually("the pod is known through another node", || cluster.get(through, "pod", &name));
        let _ = cluster.skiff(through, &["delete", "pod", &name]).ok();
    }
    let pods = cluster.wait_same("the list of pods", |node| {
        let pods = cluster.snapshot(node, "pods")?;
        let is_settled = pods.iter().all(|pod| condition(pod, "Ready") == "True");
        if pods.len() == 12 && is_settled { Ok(pods) } else { Err(format!("{} pods: {pods:#?}", pods.len())) }
    });
    assert!(
        pods.iter().all(|pod| pod["metadata"]["name"].as_str().is_some_and(|name| name.ends_with(['1', '3', '5', '7', '9'])))
    );
    cluster.wait_whole();
}

#[test]
fn pods_of_different_networks_reach_each_other_through_a_router_that_knows_no_pod() {
    if is_skipped("pods_of_different_networks_reach_each_other_through_a_router_that_knows_no_pod") {
        return;
    }
    // n1 and n3 share a link; n2 is behind the router.
    let cluster = Cluster::over_networks(3, 2);
    cluster.wait_whole();
    for node in NODES {
        cluster.create("n1", &manifest::server(&format!("web-{node}"), node));
    }
    let pods = NODES.map(|node| cluster.wait_ready("n1", &format!("web-{node}")));
    for from in &pods {
        for to in &pods {
            let url = format!("http://{}:8080/", to["status"]["podIP"].as_str().expect("an address"));
            let answer = eventually("one pod answers another", || cluster.fetch_from_pod(from, &url));
            assert!(answer.contains(to["metadata"]["name"].as_str().expect("a name")), "{answer}");
        }
    }
}

#[test]
fn a_node_whose_clock_is_an_hour_ahead_takes_part_and_is_told_of() {
    if is_skipped("a_node_whose_clock_is_an_hour_ahead_takes_part_and_is_told_of") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &manifest::sleeper("before", "n1"));
    let _ = cluster.wait_ready("n3", "before");
    cluster.stop("n3");
    cluster.clock("n3", "+1h");
    cluster.start("n3");
    cluster.wait_whole();
    let told = cluster.wait_event("n1", "n3", "ClockSkew");
    assert!(told.contains(" s ahead of"), "it says by how much: {told}");
    // What it said before it could measure is known as well, and nobody reads of what will happen in an hour.
    eventually("the first events of n3 are known, in the time of the others", || {
        let soon = cluster.on("n1", &["date", "-u", "-d", "+2 min", "+%Y-%m-%dT%H:%M:%SZ"]).ok();
        let events = cluster.list("n1", "events")?;
        let of_n3 = events.iter().filter(|event| event["source"]["host"] == "n3");
        let last = |event: &serde_json::Value| event["lastTimestamp"].as_str().unwrap_or_default().to_owned();
        let told: Vec<(String, String)> = of_n3.map(|event| (event["reason"].to_string(), last(event))).collect();
        assert!(told.iter().all(|(_, time)| time.as_str() < soon.trim()), "by {soon}: {told:?}");
        let starts = told.iter().filter(|(reason, _)| reason.contains("Starting")).count();
        if starts == 2 { Ok(()) } else { Err(format!("{told:?}")) }
    });
    // What it writes is seen by all, and does not outrank what is written after it.
    cluster.create("n3", &manifest::sleeper("ahead", "n3"));
    for node in NODES {
        let _ = cluster.wait_ready(node, "ahead");
    }
    for (edited, through) in [("first", "n3"), ("second", "n1"), ("third", "n3"), ("fourth", "n2")] {
        eventually("an edit through one node is seen by all", || {
            let mut pod = cluster.get(through, "pod", "ahead")?;
            pod["metadata"]["labels"]["round"] = json!(edited);
            let ran = cluster.skiff_with(through, &["replace", "-f", "-"], &pod.to_string());
            if ran.code == 0 { Ok(()) } else { Err(ran.stderr) }
        });
        for node in NODES {
            cluster.wait(node, ("pod", "ahead"), "edited", |pod| pod["metadata"]["labels"]["round"] == *edited);
        }
    }
    let _ = cluster.skiff("n1", &["delete", "pod", "ahead"]).ok();
    for node in NODES {
        cluster.wait_gone(node, "pod", "ahead");
    }
}
