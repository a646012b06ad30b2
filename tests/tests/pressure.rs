//! A node that is short of something puts pods out in Kubernetes' order; one that is switched off ends its pods first.

use end_to_end::watch::EventWatch;
use end_to_end::{World, condition, eventually, is_skipped};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn world(flags: &[&str]) -> World {
    let world = World::new(flags);
    world.load_demo_image();
    world
}

fn create(world: &World, name: &str, spec: &Value) {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string();
    assert_eq!(world.skiff_with(&["create", "-f", "-"], &pod).ok(), format!("pod/{name} created\n"));
}

fn shell(script: &str) -> Value {
    json!({"name": "c", "image": "skiff/demo:1.0", "command": ["sh", "-c", script]})
}

const LISTENS: &str = "trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done";

fn restart_with(world: &mut World, flags: &[&str]) {
    world.kill_daemon("-TERM");
    world.add_flags(flags);
    world.start_daemon();
}

/// The evicted pod, once nothing of it runs.
fn evicted(world: &World, name: &str) -> Value {
    let pod = world.wait_pod(name, "Failed", |pod| pod["status"]["phase"] == "Failed");
    assert_eq!(pod["status"]["reason"], "Evicted", "{}", pod["status"]);
    assert_eq!(condition(&pod, "DisruptionTarget"), "True", "{}", pod["status"]);
    pod
}

fn wait_condition(world: &World, kind: &str, taint: &str) {
    eventually(&format!("the node has {kind}"), || {
        let node = world.get("node", "node1")?;
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let is_tainted = taints.iter().any(|found| found["key"] == taint && found["effect"] == "NoSchedule");
        if condition(&node, kind) == "True" && is_tainted { Ok(()) } else { Err(node.to_string()) }
    });
}

#[test]
fn short_of_memory_the_pod_goes_that_uses_most_above_its_request() {
    if is_skipped("short_of_memory_the_pod_goes_that_uses_most_above_its_request") {
        return;
    }
    let mut world = world(&[]);
    let mut greedy = shell("v=$(head -c 60000000 /dev/zero | tr '\\0' x); echo full; while true; do sleep 0.1; done");
    greedy["resources"] = json!({"requests": {"memory": "1Mi"}});
    let mut modest = shell(LISTENS);
    modest["resources"] = json!({"requests": {"memory": "200Mi"}});
    create(&world, "modest", &json!({"containers": [modest]}));
    create(&world, "greedy", &json!({"containers": [greedy]}));
    world.wait_ready("modest");
    eventually("greedy has taken its memory", || match world.skiff(&["logs", "greedy"]).stdout.as_str() {
        "full\n" => Ok(()),
        other => Err(other.to_owned()),
    });
    // Some of it is always in use.
    restart_with(&mut world, &["--eviction-hard", "memory.available<100%", "--eviction-pressure-transition-period", "0s"]);
    let pod = evicted(&world, "greedy");
    assert_eq!(world.get("pod", "modest").expect("the pod")["status"]["phase"], "Running", "one goes at a time");
    let message = pod["status"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("The node was low on resource: memory. Threshold quantity: "), "{message}");
    assert!(
        message.contains("Container c was using ") && message.contains(", request is 1Mi, has larger consumption of memory. ")
    );
    wait_condition(&world, "MemoryPressure", "node.kubernetes.io/memory-pressure");
    let mut events = EventWatch::begin(&world);
    let told = events.until(end_to_end::PATIENCE, "greedy", |told| told.reason == "Evicted");
    assert_eq!(told.last().map(|told| told.message.as_str()), Some(message));
    // Who asks for nothing is not taken now, not even where somebody else chose the node.
    create(&world, "late", &json!({"nodeName": "node1", "containers": [shell("true")]}));
    let late = world.wait_pod("late", "Failed", |pod| pod["status"]["phase"] == "Failed");
    assert_eq!(late["status"]["message"], "Pod was rejected: The node had condition: [MemoryPressure]. ");
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
    world.wait_clean();
}

#[test]
fn short_of_disk_the_pod_goes_that_wrote_most() {
    if is_skipped("short_of_disk_the_pod_goes_that_wrote_most") {
        return;
    }
    let mut world = world(&[]);
    create(&world, "small", &json!({"containers": [shell(LISTENS)]}));
    create(
        &world,
        "large",
        &json!({"containers": [shell(&format!("head -c 30000000 /dev/zero > /big; sync; echo full; {LISTENS}"))]}),
    );
    world.wait_ready("small");
    eventually("large has written", || match world.skiff(&["logs", "large"]).stdout.as_str() {
        "full\n" => Ok(()),
        other => Err(other.to_owned()),
    });
    restart_with(&mut world, &["--eviction-hard", "nodefs.available<100%"]);
    let pod = evicted(&world, "large");
    let message = pod["status"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("The node was low on resource: ephemeral-storage. Threshold quantity: "), "{message}");
    assert_eq!(world.get("pod", "small").expect("the pod")["status"]["phase"], "Running");
    wait_condition(&world, "DiskPressure", "node.kubernetes.io/disk-pressure");
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
    world.wait_clean();
}

/// The second of a day: of `2026-01-01T10:20:30Z`.
fn seconds(time: &str) -> i64 {
    let mut parts = time.trim_end_matches('Z').rsplit(['T', ':']).map(|part| part.parse::<i64>().unwrap_or_default());
    let (second, minute, hour) = (parts.next(), parts.next(), parts.next());
    second.unwrap_or_default() + 60 * minute.unwrap_or_default() + 3600 * hour.unwrap_or_default()
}

#[test]
fn a_machine_that_is_switched_off_ends_its_pods_with_hooks_and_grace() {
    if is_skipped("a_machine_that_is_switched_off_ends_its_pods_with_hooks_and_grace") {
        return;
    }
    let mut world = world(&["--shutdown-grace-period", "6s", "--shutdown-grace-period-critical-pods", "2s"]);
    let mut polite = shell(LISTENS);
    polite["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh", "-c", "echo hook > /proc/1/fd/1"]}}});
    create(&world, "polite", &json!({"containers": [polite]}));
    create(&world, "stubborn", &json!({"containers": [shell("trap '' TERM; while true; do sleep 0.1; done")]}));
    create(&world, "critical", &json!({"priorityClassName": "system-node-critical", "containers": [shell(LISTENS)]}));
    for name in ["polite", "stubborn", "critical"] {
        world.wait_ready(name);
    }
    let begin = Instant::now();
    world.kill_daemon("-PWR");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(30), "{took:?}");
    assert!(world.processes("skiff-supervisor").is_empty(), "nothing of them runs when the daemon ends");
    world.start_daemon();
    let mut ends: Vec<i64> = Vec::new();
    for (name, code) in [("polite", 0), ("stubborn", 137), ("critical", 0)] {
        let pod = world.get("pod", name).expect("the pod");
        let status = &pod["status"];
        let said = (&status["phase"], &status["reason"], &status["message"]);
        let words = "Pod was terminated in response to imminent node shutdown.";
        assert_eq!(said, (&json!("Failed"), &json!("Terminated"), &json!(words)), "{name}");
        let terminated = &status["containerStatuses"][0]["state"]["terminated"];
        assert_eq!(terminated["exitCode"], code, "{name}: {status}");
        ends.push(seconds(terminated["finishedAt"].as_str().unwrap_or_default()));
    }
    // The others have four seconds, of which one makes use; only then is the critical pod told.
    let after = |index: usize| (ends[2] - ends[index]).rem_euclid(24 * 3600);
    assert!((3..60).contains(&after(0)) && after(1) < 60, "{ends:?}");
    assert_eq!(world.skiff(&["logs", "polite"]).ok(), "hook\nbye\n");
    let _ = world.skiff(&["delete", "pods", "--all"]).ok();
    world.wait_clean();
}
