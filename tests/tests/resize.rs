//! Other resources for a pod that runs, without a restart.

use end_to_end::watch::EventWatch;
use end_to_end::{PATIENCE, World, condition, is_skipped};
use serde_json::{Value, json};

/// What the kernel allows a container: microseconds of cpu in a tenth of a second, and bytes of memory.
fn limits(world: &World, pod: &str) -> (String, String) {
    // Of either version of control groups; the container sees its own group as the root.
    let script = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max; \
        cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
    let said = world.skiff(&["exec", pod, "--", "sh", "-c", script]).ok();
    let mut lines = said.lines().map(str::to_owned);
    (lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
}

fn resize(world: &World, pod: &Value) {
    let said = world.skiff_with(&["replace", "--subresource", "resize", "-f", "-"], &pod.to_string()).ok();
    assert_eq!(said, format!("pod/{} resized\n", pod["metadata"]["name"].as_str().unwrap_or_default()));
}

fn manifest(name: &str, cpu: &str, memory: &str) -> Value {
    let amounts = json!({"cpu": cpu, "memory": memory});
    let container = json!({"name": "c", "image": "skiff/demo:1.0", "resources": {"limits": amounts, "requests": amounts},
        "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}})
}

#[test]
fn a_pod_gets_other_limits_while_it_runs() {
    if is_skipped("a_pod_gets_other_limits_while_it_runs") {
        return;
    }
    let world = World::new(&[]);
    world.load_demo_image();
    let mut events = EventWatch::begin(&world);
    let _ = world.skiff_with(&["create", "-f", "-"], &manifest("a", "200m", "64Mi").to_string()).ok();
    world.wait_ready("a");
    assert_eq!(limits(&world, "a"), ("20000".to_owned(), (64 << 20).to_string()));
    for (cpu, memory, quota, bytes) in [("500m", "128Mi", "50000", 128 << 20), ("100m", "96Mi", "10000", 96 << 20)] {
        resize(&world, &manifest("a", cpu, memory));
        world.wait_pod("a", "resized", |pod| {
            let status = &pod["status"]["containerStatuses"][0];
            status["resources"]["limits"]["cpu"] == cpu && condition(pod, "PodResizeInProgress").is_empty()
        });
        events.until(PATIENCE, "a", |told| told.reason == "ResizeCompleted");
        assert_eq!(limits(&world, "a"), (quota.to_owned(), bytes.to_string()));
    }
    let pod = world.get("pod", "a").expect("the pod");
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
    assert_eq!((&pod["status"]["observedGeneration"], &pod["metadata"]["generation"]), (&json!(3), &json!(3)));
    // No machine has that much.
    resize(&world, &manifest("a", "5000", "96Mi"));
    let pod = world.wait_pod("a", "pending", |pod| condition(pod, "PodResizePending") == "True");
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let pending = conditions.iter().find(|condition| condition["type"] == "PodResizePending").expect("the condition");
    assert_eq!(pending["reason"], "Infeasible", "{pending}");
    assert_eq!(limits(&world, "a").0, "10000");
    resize(&world, &manifest("a", "100m", "96Mi"));
    world.wait_pod("a", "not pending any more", |pod| condition(pod, "PodResizePending").is_empty());
    let refused = world.skiff_with(&["replace", "--subresource", "status", "-f", "-"], &manifest("a", "1", "96Mi").to_string());
    assert!(refused.fails().contains("Must be one of [resize]"));
    let _ = world.skiff(&["delete", "pod", "a"]).ok();
    world.wait_clean();
}
