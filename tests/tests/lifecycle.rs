//! A pod's life to the letter: init containers, sidecars, probes, hooks and deadlines, as a watch shows them.

use end_to_end::watch::PodWatch;
use end_to_end::{World, is_skipped};
use serde_json::{Value, json};

fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    world
}

fn shell(name: &str, script: &str) -> Value {
    json!({"name": name, "image": "skiff/demo:1.0", "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}]})
}

fn create(world: &World, name: &str, mut spec: Value) {
    spec["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string();
    assert_eq!(world.skiff_with(&["create", "-f", "-"], &pod).ok(), format!("pod/{name} created\n"));
}

fn delete(world: &World, name: &str) {
    let _ = world.skiff(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// The events of a pod, oldest first: reason and message.
fn events(world: &World, name: &str) -> Vec<(String, String)> {
    let selector = format!("involvedObject.name={name}");
    let list = world.skiff(&["get", "events", "--field-selector", &selector, "-o", "json"]).ok();
    let list: Value = serde_json::from_str(&list).expect("a list");
    let mut events: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
    events.sort_by_key(|event| event["metadata"]["name"].as_str().map(str::to_owned));
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    events.iter().map(|event| (text(event, "reason"), text(event, "message"))).collect()
}

fn message(world: &World, pod: &str, reason: &str) -> String {
    let all = events(world, pod);
    let found = all.iter().find(|(known, _)| known == reason);
    found.unwrap_or_else(|| panic!("no event {reason}: {all:?}")).1.clone()
}

#[test]
fn init_containers_run_in_order_and_are_tried_again() {
    if is_skipped("init_containers_run_in_order_and_are_tried_again") {
        return;
    }
    let world = world();
    let mut watch = PodWatch::begin(&world);
    let init =
        [shell("one", "sleep 0.3; echo one >> /v/order"), shell("two", "echo two >> /v/order; test $(wc -l < /v/order) = 3")];
    let app = shell("app", "cat /v/order; exec sleep 1000");
    create(&world, "ordered", json!({"initContainers": init, "containers": [app]}));
    let seen = watch.until("ordered", "1/1 Running");
    let mut stages = seen.iter().filter(|shown| shown.contains("Init")).map(String::as_str);
    assert_eq!(stages.next(), Some("0/1 Init:0/2"), "{seen:?}");
    assert!(stages.any(|shown| shown == "0/1 Init:1/2"), "{seen:?}");
    assert!(stages.any(|shown| shown == "0/1 Init:Error"), "{seen:?}");
    assert!(stages.any(|shown| shown == "0/1 PodInitializing"), "{seen:?}");
    assert_eq!(world.skiff(&["logs", "ordered", "-c", "app"]).ok(), "one\ntwo\ntwo\n");
    let pod = world.get("pod", "ordered").expect("the pod");
    let init = &pod["status"]["initContainerStatuses"];
    assert_eq!((&init[0]["restartCount"], &init[1]["restartCount"]), (&json!(0), &json!(1)), "{init}");
    assert_eq!(init[1]["lastState"]["terminated"]["exitCode"], 1, "{init}");
    delete(&world, "ordered");
}

#[test]
fn an_init_container_that_fails_under_never_fails_the_pod() {
    if is_skipped("an_init_container_that_fails_under_never_fails_the_pod") {
        return;
    }
    let world = world();
    let mut watch = PodWatch::begin(&world);
    let spec = json!({"restartPolicy": "Never", "initContainers": [shell("i", "exit 3")], "containers": [shell("app", "true")]});
    create(&world, "stuck", spec);
    watch.until("stuck", "0/1 Init:Error");
    let pod = world.wait_pod("stuck", "Failed", |pod| pod["status"]["phase"] == "Failed");
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "PodInitializing");
    delete(&world, "stuck");
}

#[test]
fn a_sidecar_starts_before_and_ends_after_what_it_serves() {
    if is_skipped("a_sidecar_starts_before_and_ends_after_what_it_serves") {
        return;
    }
    let world = world();
    let script = "trap 'test -f /v/ended && exit 0; exit 9' TERM; touch /v/up; while true; do sleep 0.05; done";
    let mut sidecar = shell("sidecar", script);
    sidecar["restartPolicy"] = json!("Always");
    sidecar["startupProbe"] = json!({"exec": {"command": ["test", "-f", "/v/up"]}, "periodSeconds": 1});
    let app = shell("app", "test -f /v/up || exit 5; sleep 0.5; touch /v/ended");
    create(&world, "served", json!({"restartPolicy": "Never", "initContainers": [sidecar], "containers": [app]}));
    let pod = world.wait_pod("served", "Succeeded", |pod| pod["status"]["phase"] == "Succeeded");
    let status = &pod["status"];
    assert_eq!(status["containerStatuses"][0]["state"]["terminated"]["exitCode"], 0, "{status}");
    assert_eq!(status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"], 0, "{status}");
    delete(&world, "served");
}

#[test]
fn readiness_follows_its_probe() {
    if is_skipped("readiness_follows_its_probe") {
        return;
    }
    let world = world();
    let mut watch = PodWatch::begin(&world);
    let script = "httpd -p 8080 -h /v; sleep 1.5; touch /v/ok; sleep 3; rm /v/ok; exec sleep 1000";
    let mut app = shell("app", script);
    app["ports"] = json!([{"name": "http", "containerPort": 8080}]);
    app["readinessProbe"] = json!({"httpGet": {"path": "/ok", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1});
    create(&world, "moody", json!({"containers": [app]}));
    watch.until("moody", "0/1 Running");
    watch.until("moody", "1/1 Running");
    watch.until("moody", "0/1 Running");
    // The first run may have come before the server listened.
    let words = "Readiness probe failed: HTTP probe failed with statuscode: 404";
    let all = events(&world, "moody");
    assert!(all.contains(&("Unhealthy".to_owned(), words.to_owned())), "{all:?}");
    delete(&world, "moody");
}

#[test]
fn a_container_that_is_not_alive_is_stopped_with_its_hook_and_started_again() {
    if is_skipped("a_container_that_is_not_alive_is_stopped_with_its_hook_and_started_again") {
        return;
    }
    let world = world();
    let mut app = shell("app", "trap 'echo told to end; exit 0' TERM; while true; do sleep 0.05; done");
    let command = ["sh", "-c", "echo not well; echo at all >&2; exit 1"];
    app["livenessProbe"] = json!({"exec": {"command": command}, "periodSeconds": 1, "failureThreshold": 2});
    app["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh", "-c", "echo last chance > /proc/1/fd/1"]}}});
    create(&world, "ill", json!({"containers": [app]}));
    let pod = world.wait_pod("ill", "started again", |pod| pod["status"]["containerStatuses"][0]["restartCount"] == 1);
    let ended = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(0), &json!("Completed")), "{pod}");
    assert_eq!(message(&world, "ill", "Unhealthy"), "Liveness probe failed: not well\nat all\n");
    assert_eq!(message(&world, "ill", "Killing"), "Container app failed liveness probe, will be restarted");
    assert_eq!(world.skiff(&["logs", "ill", "--previous"]).ok(), "last chance\ntold to end\n");
    delete(&world, "ill");
}

#[test]
fn a_start_hook_holds_up_and_its_failure_is_told() {
    if is_skipped("a_start_hook_holds_up_and_its_failure_is_told") {
        return;
    }
    let world = world();
    let mut watch = PodWatch::begin(&world);
    let mut first = shell("first", "exec sleep 1000");
    first["lifecycle"] = json!({"postStart": {"exec": {"command": ["sh", "-c", "sleep 1; touch /v/hooked"]}}});
    let second = shell("second", "test -f /v/hooked && exec sleep 1000");
    create(&world, "hooked", json!({"containers": [first, second]}));
    let seen = watch.until("hooked", "2/2 Running");
    assert!(seen.iter().all(|shown| !shown.starts_with("1/2 Running")), "the first waits for its hook: {seen:?}");
    let mut app = shell("app", "exec sleep 1000");
    app["lifecycle"] = json!({"postStart": {"exec": {"command": ["sh", "-c", "echo no; exit 1"]}}});
    create(&world, "unhooked", json!({"terminationGracePeriodSeconds": 1, "containers": [app]}));
    world.wait_pod("unhooked", "in back-off", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    });
    let said = message(&world, "unhooked", "FailedPostStartHook");
    assert!(
        said.starts_with("Exec lifecycle hook ([sh -c echo no; exit 1]) for Container \"app\" in Pod \"unhooked_default("),
        "{said}"
    );
    let end = "failed - error: command 'sh -c echo no; exit 1' exited with 1: , message: \"no\\n\"";
    assert!(said.ends_with(end), "{said}");
    assert_eq!(message(&world, "unhooked", "Killing"), "FailedPostStartHook");
    for pod in ["hooked", "unhooked"] {
        delete(&world, pod);
    }
}

#[test]
fn a_pod_past_its_deadline_fails() {
    if is_skipped("a_pod_past_its_deadline_fails") {
        return;
    }
    let world = world();
    let app = shell("app", "exec sleep 1000");
    create(&world, "late", json!({"activeDeadlineSeconds": 1, "terminationGracePeriodSeconds": 1, "containers": [app]}));
    let pod = world.wait_pod("late", "Failed", |pod| pod["status"]["phase"] == "Failed");
    assert_eq!(pod["status"]["reason"], "DeadlineExceeded");
    assert_eq!(message(&world, "late", "DeadlineExceeded"), "Pod was active on the node longer than the specified deadline");
    delete(&world, "late");
}

#[test]
fn a_ready_pod_stays_ready_over_a_restart_of_the_daemon_and_a_probe_that_hangs_is_killed() {
    if is_skipped("a_ready_pod_stays_ready_over_a_restart_of_the_daemon_and_a_probe_that_hangs_is_killed") {
        return;
    }
    let mut world = world();
    let mut app = shell("app", "exec sleep 1000");
    app["readinessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 60});
    let mut slow = shell("slow", "exec sleep 1000");
    slow["readinessProbe"] = json!({"exec": {"command": ["sleep", "1000"]}, "periodSeconds": 1, "failureThreshold": 1});
    create(&world, "steady", json!({"containers": [app, slow]}));
    let is_ready = |pod: &Value| pod["status"]["containerStatuses"][0]["ready"] == true;
    world.wait_pod("steady", "half ready", is_ready);
    let mut watch = PodWatch::begin(&world);
    watch.until("steady", "1/2 Running");
    drop(watch);
    world.wait_pod("steady", "probed", |_| events(&world, "steady").iter().any(|(reason, _)| reason == "Unhealthy"));
    let words = "Readiness probe failed: command timed out: \"sleep 1000\" timed out after 1s";
    assert_eq!(message(&world, "steady", "Unhealthy"), words);
    world.kill_daemon("-KILL");
    world.start_daemon();
    let seen: Vec<bool> = (0..20).map(|_| is_ready(&world.get("pod", "steady").expect("the pod"))).collect();
    assert!(seen.iter().all(|is_ready| *is_ready), "{seen:?}");
    delete(&world, "steady");
}

#[test]
fn a_pod_waits_for_its_readiness_gates() {
    if is_skipped("a_pod_waits_for_its_readiness_gates") {
        return;
    }
    let world = world();
    let gate = "example.com/in-service";
    let spec = json!({"readinessGates": [{"conditionType": gate}], "containers": [shell("app", "exec sleep 1000")]});
    create(&world, "gated", spec);
    let ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default()
    };
    let pod = world.wait_pod("gated", "waits for its gate", |pod| ready(pod)["reason"] == "ReadinessGatesNotReady");
    let missing = format!("corresponding condition of pod readiness gate \"{gate}\" does not exist.");
    assert_eq!(ready(&pod)["message"], json!(missing));
    let patch = |status: &str| {
        let patch = json!({"status": {"conditions": [{"type": gate, "status": status}]}}).to_string();
        let _ = world.skiff(&["patch", "pod", "gated", "--subresource=status", "-p", &patch]).ok();
    };
    patch("True");
    world.wait_pod("gated", "is ready", |pod| ready(pod)["status"] == "True");
    patch("False");
    world.wait_pod("gated", "is not ready", |pod| ready(pod)["status"] == "False");
    delete(&world, "gated");
}
