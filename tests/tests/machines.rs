//! The stage of the cluster tests itself: machines, their power, their links and clocks (`scripts/cluster`).

use end_to_end::{Cluster, Ran, eventually, is_skipped, manifest};
use serde_json::json;
use std::time::{Duration, Instant};

fn ping(cluster: &Cluster, from: &str, address: &str) -> Ran {
    cluster.on(from, &["busybox", "ping", "-c", "1", "-W", "1", address])
}

#[test]
fn a_cut_network_is_cut_both_ways_and_healed() {
    if is_skipped("a_cut_network_is_cut_both_ways_and_healed") {
        return;
    }
    let cluster = Cluster::new(3);
    let reaches = |from: &str, to: &str| ping(&cluster, from, &format!("10.99.0.{}", &to[1..])).code == 0;
    assert!(reaches("n1", "n2") && reaches("n3", "n1"));
    cluster.cut(&["n1,n2", "n3"]);
    assert!(reaches("n1", "n2") && !reaches("n1", "n3") && !reaches("n3", "n2"));
    cluster.cut(&["n1"]);
    assert!(reaches("n2", "n3") && !reaches("n1", "n3") && !reaches("n2", "n1"));
    cluster.heal();
    assert!(reaches("n1", "n2") && reaches("n2", "n3") && reaches("n3", "n1"));
    let refused = cluster.script(&["cut", "n1", "n7"]).fails();
    assert!(refused.contains("there is no machine n7"), "{refused}");
}

#[test]
fn networks_meet_in_a_router_and_a_slow_link_delays() {
    if is_skipped("networks_meet_in_a_router_and_a_slow_link_delays") {
        return;
    }
    let cluster = Cluster::over_networks(2, 2);
    // The first packet may be lost while the links learn of each other.
    let reach = || {
        let ran = ping(&cluster, "n1", "10.99.1.2");
        if ran.code == 0 { Ok(ran.stdout) } else { Err(ran.stdout) }
    };
    let reached = eventually("n1 reaches n2", reach);
    // One router on the way takes one from the time to live.
    assert!(reached.contains("ttl=63"), "{reached}");
    cluster.link("n2", &["--delay-ms", "100"]);
    let took = eventually("n1 reaches n2 over the slow link", || {
        let begin = Instant::now();
        reach().map(|_| begin.elapsed())
    });
    assert!(took >= Duration::from_millis(200), "{took:?}");
    cluster.cut(&["n1", "n2"]);
    let _ = ping(&cluster, "n1", "10.99.1.2").fails();
    cluster.heal();
    cluster.link("n2", &["--loss-percent", "100"]);
    let _ = ping(&cluster, "n1", "10.99.1.2").fails();
    let refused = cluster.script(&["link", "n2", "--loss-percent", "many"]).fails();
    assert!(refused.contains("invalid value 'many'"), "{refused}");
    let _ = eventually("the link is good again", reach);
}

#[test]
fn a_machine_without_power_has_no_process_and_comes_back_as_another_boot() {
    if is_skipped("a_machine_without_power_has_no_process_and_comes_back_as_another_boot") {
        return;
    }
    let cluster = Cluster::new(1);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "phoenix"}, "spec": {"containers": [
        {"name": "c", "image": "skiff/demo:1.0", "command": ["sleep", "1000"]}]}});
    cluster.create("n1", &pod);
    let _ = cluster.wait_ready("n1", "phoenix");
    let boot = |cluster: &Cluster| cluster.on("n1", &["cat", "/proc/sys/kernel/random/boot_id"]).ok();
    let first = boot(&cluster);
    // The daemon alone: the pod lives.
    cluster.kill("n1");
    let is_running = || cluster.on("n1", &["pgrep", "-f", "^sleep 1000$"]).code == 0;
    assert!(is_running());
    cluster.start("n1");
    assert_eq!(cluster.wait_ready("n1", "phoenix")["status"]["containerStatuses"][0]["restartCount"], 0);
    assert_eq!(first, boot(&cluster));
    cluster.crash("n1");
    assert!(cluster.on("n1", &["true"]).fails().contains("n1 does not run"));
    cluster.start("n1");
    assert_ne!(first, boot(&cluster));
    eventually("the pod is made anew", || if is_running() { Ok(()) } else { Err("no process".to_owned()) });
    let _ = cluster.wait_ready("n1", "phoenix");
    let _ = cluster.wait_event("n1", "n1", "Rebooted");
}

#[test]
fn a_clock_can_be_set_ahead() {
    if is_skipped("a_clock_can_be_set_ahead") {
        return;
    }
    let cluster = Cluster::new(1);
    cluster.stop("n1");
    cluster.clock("n1", "+1h");
    cluster.start("n1");
    let seconds = |text: &str| text.trim().parse::<i64>().expect("a number");
    let now = seconds(&cluster.on("n1", &["date", "+%s"]).ok());
    eventually("a heartbeat an hour ahead", || {
        let node = cluster.get("n1", "node", "n1")?;
        let beat = node["status"]["conditions"][0]["lastHeartbeatTime"].as_str().unwrap_or_default().to_owned();
        let beat = seconds(&cluster.on("n1", &["date", "+%s", "-d", &beat]).ok());
        if beat - now > 3500 { Ok(()) } else { Err(format!("{beat} at {now}")) }
    });
}

#[test]
fn a_pod_can_be_asked_to_fetch_and_its_copies_counted() {
    if is_skipped("a_pod_can_be_asked_to_fetch_and_its_copies_counted") {
        return;
    }
    let cluster = Cluster::new(1);
    cluster.create("n1", &manifest::server("web", "n1"));
    let pod = cluster.wait_ready("n1", "web");
    let url = format!("http://{}:8080/", pod["status"]["podIP"].as_str().expect("an address"));
    let answer = eventually("the pod answers itself", || cluster.fetch_from_pod(&pod, &url));
    assert!(answer.contains("web"), "{answer}");
    assert!(cluster.fetch_from_pod(&pod, "http://127.0.0.1:1/").is_err());
    assert_eq!(cluster.copies("n1", pod["metadata"]["uid"].as_str().expect("a uid")), 1);
    assert_eq!(cluster.copies("n1", "another"), 0);
    cluster.wait_whole();
    assert_eq!(cluster.wait_same("the list of pods", |node| cluster.snapshot(node, "pods")).len(), 1);
}
