//! The console in a real terminal, through every screen, small and large.

use end_to_end::{Console, World, is_skipped};
use serde_json::json;

fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [
        {"name": "talker", "image": "skiff/demo:1.0", "command": ["sh", "-c", "i=0; while true; do echo tick $i; i=$((i+1)); sleep 0.2; done"]},
        {"name": "sleeper", "image": "skiff/demo:1.0", "command": ["sleep", "1000"]}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &manifest.to_string()).ok();
    let _ = world.wait_ready("web");
    world
}

fn every_screen(columns: u16, lines: u16) {
    let mut world = world();
    let console = Console::open(&world, columns, lines);
    let pods = console.wait_for("web");
    assert!(pods.contains("2/2") && pods.contains("Running"), "{pods}");
    // Live, without a key: a pod made elsewhere appears.
    let other = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "brief"}, "spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "skiff/demo:1.0", "command": ["true"]}]}});
    let _ = world.skiff_with(&["create", "-f", "-"], &other.to_string()).ok();
    console.wait_until("brief is done", |screen| screen.contains("brief") && screen.contains("Completed"));
    console.press(&["?"]);
    console.wait_for("describe");
    console.escape();
    console.type_text("/web");
    console.press(&["Enter"]);
    console.wait_until("the filter hides brief", |screen| screen.contains("web") && !screen.contains("brief"));
    console.press(&["d"]);
    console.wait_for("Container ID:");
    console.press(&["G"]);
    console.wait_for("Scheduled");
    console.escape();
    console.press(&["D"]);
    console.wait_for("apiVersion: v1");
    console.escape();
    console.press(&["Enter"]);
    console.wait_until("the containers", |screen| screen.contains("talker") && screen.contains("sleeper"));
    console.press(&["o"]);
    console.wait_for("tick");
    console.escape();
    console.type_text(":events");
    console.press(&["Enter"]);
    console.wait_for("Scheduled");
    console.type_text(":nodes");
    console.press(&["Enter"]);
    console.wait_for("node1");
    console.resize(columns + 11, lines + 3);
    console.wait_for("node1");
    console.type_text(":pods");
    console.press(&["Enter"]);
    console.wait_for("web");
    world.kill_daemon("-KILL");
    console.wait_until("the link is shown as lost, the rows stay", |screen| screen.contains("lost") && screen.contains("web"));
    world.start_daemon();
    console.wait_until("the link is back", |screen| !screen.contains("lost") && screen.contains("web"));
    console.type_text(":q!");
    console.press(&["Enter"]);
    console.wait_until("the console ends", |_| console.is_over());
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
}

#[test]
fn every_screen_works_in_a_small_terminal() {
    if !is_skipped("every_screen_works_in_a_small_terminal") {
        every_screen(80, 24);
    }
}

#[test]
fn every_screen_works_in_a_large_terminal() {
    if !is_skipped("every_screen_works_in_a_large_terminal") {
        every_screen(200, 60);
    }
}

#[test]
fn a_pod_is_deleted_only_after_a_confirmation() {
    if is_skipped("a_pod_is_deleted_only_after_a_confirmation") {
        return;
    }
    let world = world();
    let console = Console::open(&world, 100, 30);
    console.wait_for("web");
    console.type_text("xd");
    console.wait_for("Cancel");
    // The focus is on Cancel: Enter keeps the pod.
    console.press(&["Enter"]);
    console.wait_until("the dialog is gone", |screen| !screen.contains("Cancel"));
    assert!(world.get("pod", "web").is_ok());
    console.type_text("xd");
    console.wait_for("Cancel");
    console.press(&["Tab", "Enter"]);
    console.wait_until("the pod goes", |screen| screen.contains("Terminating") || !screen.contains("web"));
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=0", "--force"]);
}
