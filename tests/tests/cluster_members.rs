//! Who belongs to the cluster: joins, tokens, strangers, drains, removals, ranges of addresses that two nodes chose alike.

use end_to_end::{Cluster, condition, eventually, is_skipped, manifest};
use serde_json::{Value, json};
use std::time::Instant;

fn token(cluster: &Cluster, node: &str, flags: &[&str]) -> String {
    cluster.script(&[&["token", node], flags].concat()).ok()
}

fn names(cluster: &Cluster, node: &str, kind: &str) -> Result<Vec<String>, String> {
    let objects = cluster.list(node, kind)?;
    Ok(objects.iter().filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned)).collect())
}

#[test]
fn only_a_valid_token_lets_a_machine_in() {
    if is_skipped("only_a_valid_token_lets_a_machine_in") {
        return;
    }
    let mut cluster = Cluster::new(2);
    cluster.wait_whole();
    cluster.boot("n3");
    // Made first, so that its second is over when it is shown.
    let (short, made) = (token(&cluster, "n1", &["--ttl", "1s"]), Instant::now());
    let good = token(&cluster, "n1", &[]);
    let refused = cluster.join("n3", "n1", "skiff1.nonsense").fails();
    assert!(refused.contains("token is damaged"), "{refused}");
    let other = Cluster::new(1);
    let refused = cluster.join("n3", "n1", &token(&other, "n1", &[])).fails();
    assert!(refused.contains("another cluster") || refused.contains("not the cluster"), "{refused}");
    drop(other);
    eventually("the second is over", || if made.elapsed().as_secs() > 1 { Ok(()) } else { Err("not yet".to_owned()) });
    let refused = cluster.join("n3", "n1", &short).fails();
    assert!(refused.contains("expired") && refused.contains("skiffd token"), "it says why and what to do: {refused}");
    assert_eq!(names(&cluster, "n1", "nodes").expect("nodes"), ["n1", "n2"]);
    let _ = cluster.join("n3", "n2", &good).ok();
    cluster.wait_whole();
    cluster.create("n1", &manifest::sleeper("welcome", "n3"));
    let _ = cluster.skiff("n3", &["image", "load", &end_to_end::demo_image().to_string_lossy()]).ok();
    let _ = cluster.wait_ready("n2", "welcome");
    // The token is not needed again.
    cluster.stop("n3");
    cluster.start("n3");
    cluster.wait_whole();
}

#[test]
fn a_strangers_packets_change_nothing() {
    if is_skipped("a_strangers_packets_change_nothing") {
        return;
    }
    let mut cluster = Cluster::new(2);
    cluster.wait_whole();
    cluster.boot("n9");
    let before = cluster.on("n1", &["sh", "-c", "awk '/VmRSS/ {print $2}' /proc/$(pgrep -x skiffd)/status"]).ok();
    let address = cluster.address("n1");
    let script = "for port in 7946 7947; do for size in 0 1 50 1200 1500 60000; do i=0; while [ $i -lt 200 ]; do \
        head -c $size /dev/urandom | busybox nc -u -w 0 \"$0\" $port 2>/dev/null; i=$((i+1)); done; done; done; exit 0";
    let _ = cluster.on("n9", &["timeout", "20", "sh", "-c", script, &address]);
    let after = cluster.on("n1", &["sh", "-c", "awk '/VmRSS/ {print $2}' /proc/$(pgrep -x skiffd)/status"]).ok();
    let kib = |text: &str| text.trim().parse::<u64>().expect("KiB");
    assert!(kib(&after) < kib(&before) + 40_000, "{before} KiB, then {after} KiB");
    cluster.create("n1", &manifest::sleeper("unmoved", "n2"));
    let _ = cluster.wait_ready("n1", "unmoved");
    assert_eq!(names(&cluster, "n1", "nodes").expect("nodes"), ["n1", "n2"]);
}

#[test]
fn a_cordoned_node_gets_no_pods_and_a_drained_one_loses_its_own() {
    if is_skipped("a_cordoned_node_gets_no_pods_and_a_drained_one_loses_its_own") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &manifest::sleeper("resident", "n2"));
    let resident = cluster.wait_ready("n3", "resident");
    let _ = cluster.skiff("n1", &["cordon", "n2"]).ok();
    cluster.wait("n3", ("node", "n2"), "cordoned", |node| node["spec"]["unschedulable"] == true);
    let table = cluster.skiff("n3", &["get", "nodes"]).ok();
    assert!(table.lines().any(|row| row.starts_with("n2") && row.contains("Ready,SchedulingDisabled")), "{table}");
    for number in 0..4 {
        let name = format!("elsewhere-{number}");
        cluster.create("n3", &manifest::sleeper(&name, ""));
        assert_ne!(cluster.wait_ready("n3", &name)["spec"]["nodeName"], "n2");
    }
    // A pod without a controller is not made anew elsewhere: only with --force.
    let refused = cluster.skiff("n3", &["drain", "n2"]).fails();
    assert!(refused.contains("--force") && refused.contains("resident"), "{refused}");
    let _ = cluster.wait_ready("n1", "resident");
    let _ = cluster.skiff("n3", &["drain", "n2", "--force"]).ok();
    cluster.wait_gone("n1", "pod", "resident");
    assert_eq!(cluster.copies("n2", resident["metadata"]["uid"].as_str().expect("a uid")), 0);
    let _ = cluster.skiff("n2", &["uncordon", "n2"]).ok();
    cluster.wait("n1", ("node", "n2"), "open again", |node| node["spec"]["unschedulable"] != true);
    let mut pod = manifest::sleeper("choosy", "");
    pod["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "n2"});
    cluster.create("n1", &pod);
    let _ = cluster.wait_ready("n1", "choosy");
}

#[test]
fn a_stopped_daemon_leaves_and_a_removed_node_does_not_come_back() {
    if is_skipped("a_stopped_daemon_leaves_and_a_removed_node_does_not_come_back") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.create("n1", &manifest::sleeper("orphan", "n3"));
    let _ = cluster.wait_ready("n2", "orphan");
    let refused = cluster.skiff("n1", &["node", "rm", "n3"]).fails();
    assert!(refused.contains("is alive"), "{refused}");
    cluster.stop("n3");
    // A polite leave is known at once. The pods of a daemon that is only restarted are not shown as lost for it.
    let members = cluster.skiff("n1", &["node", "ls"]).ok();
    assert!(members.lines().any(|row| row.contains("n3") && row.contains("left")), "{members}");
    assert_eq!(condition(&cluster.get("n1", "pod", "orphan").expect("the pod"), "Ready"), "True");
    let _ = cluster.skiff("n1", &["node", "rm", "n3"]).ok();
    for node in ["n1", "n2"] {
        cluster.wait_gone(node, "node", "n3");
        cluster.wait_gone(node, "pod", "orphan");
    }
    // Nobody lets it in, and it is told so.
    let _ = cluster.script(&["start", "n3"]);
    eventually("n3 says why it ends", || {
        let said = cluster.script(&["logs", "n3"]).ok();
        if said.contains("was removed from its cluster") && said.contains("skiffd reset") { Ok(()) } else { Err(said) }
    });
    for number in 0..3 {
        let name = format!("after-{number}");
        cluster.create("n1", &manifest::sleeper(&name, ""));
        assert_ne!(cluster.wait_ready("n1", &name)["spec"]["nodeName"], "n3");
    }
    let members = cluster.skiff("n1", &["node", "ls"]).ok();
    assert!(!members.lines().any(|row| row.starts_with("n3") && row.contains("alive")), "{members}");
    assert_eq!(names(&cluster, "n1", "nodes").expect("nodes"), ["n1", "n2"]);
    assert_eq!(names(&cluster, "n2", "nodes").expect("nodes"), ["n1", "n2"]);
}

#[test]
fn a_daemon_that_cannot_start_takes_leave() {
    if is_skipped("a_daemon_that_cannot_start_takes_leave") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.kill("n3");
    let is_seen_as = |state: &str| {
        eventually(&format!("n1 and n2 see n3 as {state}"), || {
            for node in ["n1", "n2"] {
                let members = cluster.skiff(node, &["node", "ls"]).ok();
                if !members.lines().any(|row| row.starts_with("n3") && row.contains(state)) {
                    return Err(members);
                }
            }
            Ok(())
        });
    };
    is_seen_as("down");
    // It is a member before it comes to its socket, whose place is taken.
    let socket = cluster.folder().join("run/n3/skiffd.sock");
    let _ = std::fs::remove_file(&socket);
    std::fs::create_dir_all(socket.join("taken")).expect("a folder");
    let refused = cluster.script(&["start", "n3"]).fails();
    assert!(refused.contains("skiffd.sock") || cluster.log("n3").contains("skiffd.sock"), "{refused}");
    // Not as down: nobody waits for whether it answers.
    is_seen_as("left");
    std::fs::remove_dir_all(&socket).expect("removed");
    cluster.start("n3");
    cluster.wait_whole();
}

#[test]
fn what_the_other_side_of_a_split_said_of_a_removed_node_goes_with_it() {
    if is_skipped("what_the_other_side_of_a_split_said_of_a_removed_node_goes_with_it") {
        return;
    }
    let cluster = Cluster::new(3);
    cluster.wait_whole();
    cluster.cut(&["n1", "n2,n3"]);
    eventually("n1 sees n3 no more", || {
        let members = cluster.skiff("n1", &["node", "ls"]).ok();
        if members.lines().any(|row| row.starts_with("n3") && row.contains("down")) { Ok(()) } else { Err(members) }
    });
    let _ = cluster.skiff("n1", &["node", "rm", "n3"]).ok();
    cluster.wait_gone("n1", "node", "n3");
    // n3 makes its Node anew, later than n1 deleted it, and n2 places a pod there.
    let uid = |seen: &Value| seen["metadata"]["uid"].as_str().map(str::to_owned);
    let before = uid(&cluster.get("n2", "node", "n3").expect("n3"));
    let _ = cluster.skiff("n2", &["delete", "node", "n3"]).ok();
    cluster.wait("n2", ("node", "n3"), "made anew", |seen| uid(seen) != before);
    cluster.create("n2", &manifest::sleeper("ghost", "n3"));
    let _ = cluster.wait_ready("n2", "ghost");
    cluster.heal();
    eventually("n1 and n2 see each other again", || {
        let members = cluster.skiff("n1", &["node", "ls"]).ok();
        if members.lines().any(|row| row.starts_with("n2") && row.contains("alive")) { Ok(()) } else { Err(members) }
    });
    // It does come over, and it does not stay.
    cluster.wait("n1", ("pod", "ghost"), "known on n1", |_| true);
    for node in ["n1", "n2"] {
        cluster.wait_gone(node, "node", "n3");
        cluster.wait_gone(node, "pod", "ghost");
    }
}

#[test]
fn nodes_that_joined_on_two_sides_of_a_split_settle_who_keeps_a_range() {
    if is_skipped("nodes_that_joined_on_two_sides_of_a_split_settle_who_keeps_a_range") {
        return;
    }
    // Four ranges for four nodes; n3 and n7 begin to look at the same one.
    let mut cluster = Cluster::with(2, 1, &["--cluster-cidr", "10.88.0.0/22"]);
    cluster.wait_whole();
    let token = token(&cluster, "n1", &[]);
    cluster.boot("n3");
    cluster.boot("n7");
    cluster.cut(&["n1,n3", "n2,n7"]);
    let _ = cluster.join("n3", "n1", &token).ok();
    let _ = cluster.join("n7", "n2", &token).ok();
    let range = |seen_by: &str, node: &str| -> Result<Value, String> {
        let range = cluster.get(seen_by, "node", node)?["spec"]["podCIDR"].clone();
        if range.is_string() { Ok(range) } else { Err("no range yet".to_owned()) }
    };
    let first = eventually("n3 has a range", || range("n3", "n3"));
    let second = eventually("n7 has a range", || range("n7", "n7"));
    assert_eq!(first, second, "what the test is about");
    for node in ["n3", "n7"] {
        let _ = cluster.skiff(node, &["image", "load", &end_to_end::demo_image().to_string_lossy()]).ok();
        cluster.create(node, &manifest::server(&format!("web-{node}"), node));
        let _ = cluster.wait_ready(node, &format!("web-{node}"));
    }
    cluster.heal();
    cluster.wait_whole();
    eventually("all ranges differ", || {
        let mut ranges =
            cluster.nodes().iter().map(|node| Ok(range("n1", node)?.to_string())).collect::<Result<Vec<_>, String>>()?;
        ranges.sort();
        ranges.dedup();
        if ranges.len() == 4 { Ok(()) } else { Err(format!("{ranges:?}")) }
    });
    assert_eq!(range("n1", "n3").expect("a range"), first, "the node that was made first keeps its own");
    let pods = ["web-n3", "web-n7"].map(|pod| {
        cluster.wait("n1", ("pod", pod), "ready with its own address", |seen| {
            let others = if pod == "web-n3" { "web-n7" } else { "web-n3" };
            let other = cluster.get("n1", "pod", others).unwrap_or_default();
            condition(seen, "Ready") == "True" && seen["status"]["podIP"] != other["status"]["podIP"]
        })
    });
    for (from, to) in [(&pods[0], &pods[1]), (&pods[1], &pods[0])] {
        let url = format!("http://{}:8080/", to["status"]["podIP"].as_str().expect("an address"));
        let answer = eventually("one pod answers another", || cluster.fetch_from_pod(from, &url));
        assert!(answer.contains(to["metadata"]["name"].as_str().expect("a name")), "{answer}");
    }
    let events =
        cluster.list("n1", "events").expect("events").iter().map(|event| event["reason"].to_string()).collect::<Vec<_>>();
    assert!(events.iter().any(|reason| reason.contains("CIDR")), "the move is told by an event: {events:?}");
}
