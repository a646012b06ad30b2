//! The daemon dies, the pods live; a supervisor dies, its pod is made anew.

use end_to_end::{World, eventually, is_skipped};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    world
}

fn run(world: &World, name: &str, policy: &str, script: &str) {
    let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"restartPolicy": policy,
        "volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "c", "image": "skiff/demo:1.0",
            "command": ["sh", "-c", script], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &manifest.to_string()).ok();
}

fn container(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

#[test]
fn a_killed_daemon_stops_no_container_and_loses_no_line_and_no_exit_code() {
    if is_skipped("a_killed_daemon_stops_no_container_and_loses_no_line_and_no_exit_code") {
        return;
    }
    let mut world = world();
    run(&world, "counter", "Always", "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.05; done");
    run(&world, "leaver", "Never", "while [ ! -e /v/go ]; do sleep 0.05; done; echo last words; exit 37");
    let _ = world.wait_ready("counter");
    let _ = world.wait_ready("leaver");
    let before = world.get("pod", "counter").expect("the pod");
    let uid = world.skiff(&["get", "pod", "leaver", "-o", "jsonpath={.metadata.uid}"]).ok();
    let volume = world.data_dir().join("pods").join(uid).join("volumes/v");
    world.kill_daemon("-KILL");
    // The container ends while nobody is there to see it: a file in its volume tells it to.
    std::fs::write(volume.join("go"), "").expect("the volume is a folder");
    std::thread::sleep(Duration::from_millis(500));
    world.start_daemon();
    let begin = Instant::now();
    let left = world.wait_pod("leaver", "its exit code", |pod| pod["status"]["phase"] == "Failed");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(container(&left)["state"]["terminated"]["exitCode"], 37);
    assert_eq!(world.skiff(&["logs", "leaver"]).ok(), "last words\n");
    let after = world.get("pod", "counter").expect("the pod");
    assert_eq!(container(&before)["containerID"], container(&after)["containerID"]);
    assert_eq!(container(&after)["restartCount"], 0);
    let lines = world.skiff(&["logs", "counter"]).ok();
    for (number, line) in lines.lines().enumerate() {
        assert_eq!(line, format!("line {number}"));
    }
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
}

#[test]
fn an_image_is_kept_for_a_container_whose_start_the_daemon_just_outlived() {
    if is_skipped("an_image_is_kept_for_a_container_whose_start_the_daemon_just_outlived") {
        return;
    }
    let mut world = world();
    run(&world, "user", "Always", "exec sleep 1000");
    let _ = world.wait_ready("user");
    // The status may not be on disk yet.
    world.kill_daemon("-KILL");
    world.start_daemon();
    let _ = world.wait_ready("user");
    let removed = world.skiff(&["image", "rm", "skiff/demo:1.0"]);
    assert!(removed.stderr.contains("is in use by a container"), "{removed:?}");
    let _ = world.skiff(&["delete", "pod", "user", "--grace-period=1"]).ok();
}

#[test]
fn a_killed_supervisor_takes_its_pod_down_and_it_is_made_anew() {
    if is_skipped("a_killed_supervisor_takes_its_pod_down_and_it_is_made_anew") {
        return;
    }
    let world = world();
    run(&world, "phoenix", "Always", "echo up; exec sleep 1000");
    let _ = world.wait_ready("phoenix");
    let uid = world.skiff(&["get", "pod", "phoenix", "-o", "jsonpath={.metadata.uid}"]).ok();
    let killed = std::process::Command::new("pkill").args(["-KILL", "-f", &format!("^skiff-supervisor.*{uid}")]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let pod = world.wait_pod("phoenix", "running again", |pod| {
        container(pod)["restartCount"].as_i64() >= Some(1) && container(pod)["ready"] == true
    });
    let last = &container(&pod)["lastState"]["terminated"];
    assert_eq!((&last["exitCode"], &last["reason"]), (&json!(137), &json!("ContainerStatusUnknown")));
    let _ = world.skiff(&["delete", "pod", "phoenix", "--grace-period=1"]).ok();
}

#[test]
fn a_polite_stop_leaves_the_pods_and_a_new_daemon_takes_them_over_in_time() {
    if is_skipped("a_polite_stop_leaves_the_pods_and_a_new_daemon_takes_them_over_in_time") {
        return;
    }
    let mut world = world();
    run(&world, "steady", "Always", "exec sleep 1000");
    let ip = world.wait_ready("steady");
    world.kill_daemon("-TERM");
    world.start_daemon();
    let pod = eventually("the pod", || world.get("pod", "steady"));
    assert_eq!(pod["status"]["podIP"], json!(ip));
    assert_eq!(container(&pod)["ready"], true);
    // A pod made after the restart gets another address.
    run(&world, "second", "Always", "exec sleep 1000");
    assert_ne!(world.wait_ready("second"), ip);
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
}

#[test]
fn a_lost_store_ends_no_pod() {
    if is_skipped("a_lost_store_ends_no_pod") {
        return;
    }
    let mut world = world();
    run(&world, "survivor", "Always", "exec sleep 1000");
    let _ = world.wait_ready("survivor");
    let before = world.get("pod", "survivor").expect("the pod");
    world.kill_daemon("-KILL");
    std::fs::write(world.data_dir().join("store/store.redb"), "no database").expect("the store's file");
    world.start_daemon();
    let after = world.wait_pod("survivor", "known again", |pod| container(pod)["ready"] == true);
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(container(&before)["containerID"], container(&after)["containerID"]);
    assert_eq!(container(&after)["restartCount"], 0);
    assert!(world.skiff(&["get", "events"]).ok().contains("StoreDamaged"));
    let _ = world.skiff(&["delete", "pod", "survivor", "--grace-period=1"]).ok();
}

#[test]
fn a_pod_of_a_node_that_is_not_there_can_be_deleted() {
    if is_skipped("a_pod_of_a_node_that_is_not_there_can_be_deleted") {
        return;
    }
    let world = World::new(&[]);
    let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lost"}, "spec": {"nodeName": "elsewhere",
        "containers": [{"name": "c", "image": "x"}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &manifest.to_string()).ok();
    let _ = world.skiff(&["delete", "pod", "lost", "--timeout=10s"]).ok();
}

#[test]
fn a_pod_deleted_while_the_daemon_is_away_between_kill_and_start_is_cleaned() {
    if is_skipped("a_pod_deleted_while_the_daemon_is_away_between_kill_and_start_is_cleaned") {
        return;
    }
    let mut world = world();
    run(&world, "slow", "Always", "trap '' TERM; while true; do sleep 0.1; done");
    let _ = world.wait_ready("slow");
    let asked = world.skiff(&["delete", "pod", "slow", "--grace-period=2", "--wait=false"]);
    let _ = asked.ok();
    world.kill_daemon("-KILL");
    world.start_daemon();
    eventually("the pod is gone", || match world.get("pod", "slow") {
        Err(said) if said.contains("NotFound") => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
