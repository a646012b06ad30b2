//! Pods from manifest to end, through the verbs, with the project's own demo image.

use end_to_end::{World, eventually, is_skipped};
use serde_json::{Value, json};

fn world() -> World {
    let world = World::new(&[]);
    world.load_demo_image();
    world
}

fn pod(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string()
}

fn shell(name: &str, script: &str) -> Value {
    json!({"name": name, "image": "skiff/demo:1.0", "command": ["sh", "-c", script]})
}

fn create(world: &World, name: &str, spec: &Value) {
    assert_eq!(world.skiff_with(&["create", "-f", "-"], &pod(name, spec)).ok(), format!("pod/{name} created\n"));
}

fn delete(world: &World, name: &str) {
    let said = world.skiff(&["delete", "pod", name, "--grace-period=1"]).ok();
    assert_eq!(said, format!("pod \"{name}\" deleted from default namespace\n"));
}

/// The reasons of a pod's events, oldest first.
fn event_reasons(world: &World, name: &str) -> Vec<String> {
    let selector = format!("involvedObject.name={name}");
    let list = world.skiff(&["get", "events", "--field-selector", &selector, "-o", "json"]).ok();
    let list: Value = serde_json::from_str(&list).expect("a list");
    let mut events: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
    events.sort_by_key(|event| event["metadata"]["name"].as_str().map(str::to_owned));
    events.iter().filter_map(|event| event["reason"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_demo_manifests_run_and_leave_nothing_behind() {
    if is_skipped("the_demo_manifests_run_and_leave_nothing_behind") {
        return;
    }
    let world = world();
    let manifests = format!("{}/../demos/manifests", env!("CARGO_MANIFEST_DIR"));
    let _ = world.skiff(&["apply", "-f", &manifests]).ok();
    let _ = world.skiff(&["wait", "pod", "-l", "demo=ready", "--for=condition=Ready", "--timeout=60s"]).ok();
    let again = world.skiff(&["apply", "-f", &manifests]).ok();
    assert!(again.lines().all(|line| line.ends_with(" unchanged")), "{again}");
    let table = world.skiff(&["get", "pods", "-o", "wide"]).ok();
    assert!(table.starts_with("NAME "), "{table}");
    let _ = world.skiff(&["delete", "-f", &manifests, "--grace-period=1"]).ok();
    assert_eq!(world.skiff(&["get", "pods"]).stderr, "No resources found in default namespace.\n");
}

#[test]
fn two_containers_share_network_and_volume_and_answer_from_the_node() {
    if is_skipped("two_containers_share_network_and_volume_and_answer_from_the_node") {
        return;
    }
    let world = world();
    let mut writer = shell("writer", "echo shared > /data/file; hostname > /data/name; exec sleep 1000");
    writer["volumeMounts"] = json!([{"name": "v", "mountPath": "/data"}]);
    let mut server = shell("server", "exec httpd -f -p 8080 -h /www");
    server["volumeMounts"] = json!([{"name": "v", "mountPath": "/www", "readOnly": true}]);
    create(
        &world,
        "pair",
        &json!({"containers": [writer, server], "volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]}),
    );
    let ip = world.wait_ready("pair");
    assert_eq!(world.http(&format!("http://{ip}:8080/file")), "shared\n");
    assert_eq!(world.http(&format!("http://{ip}:8080/name")), "pair\n");
    let mut reasons = event_reasons(&world, "pair");
    reasons.dedup();
    assert_eq!(reasons, ["Scheduled", "Pulled", "Created", "Started", "Pulled", "Created", "Started"]);
    delete(&world, "pair");
}

#[test]
fn a_crashing_container_backs_off_and_keeps_its_previous_log() {
    if is_skipped("a_crashing_container_backs_off_and_keeps_its_previous_log") {
        return;
    }
    let world = world();
    create(&world, "crash", &json!({"containers": [shell("c", "echo I am $$ and I fail; exit 3")]}));
    let pod = world.wait_pod("crash", "in back-off", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
            && pod["status"]["containerStatuses"][0]["restartCount"] == 1
    });
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(status["lastState"]["terminated"]["reason"], "Error");
    assert_eq!(pod["status"]["phase"], "Running");
    let message = status["state"]["waiting"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("back-off 10s restarting failed container=c pod=crash_default("), "{message}");
    assert!(world.skiff(&["logs", "crash"]).ok().contains("and I fail"));
    assert!(world.skiff(&["logs", "crash", "--previous"]).ok().contains("and I fail"));
    assert!(event_reasons(&world, "crash").contains(&"BackOff".to_owned()));
    delete(&world, "crash");
}

#[test]
fn restart_policies_end_a_pod_as_they_should() {
    if is_skipped("restart_policies_end_a_pod_as_they_should") {
        return;
    }
    let world = world();
    for (name, policy, script, phase) in [
        ("ok", "Never", "echo done", "Succeeded"),
        ("bad", "Never", "exit 7", "Failed"),
        ("once", "OnFailure", "true", "Succeeded"),
    ] {
        create(&world, name, &json!({"restartPolicy": policy, "containers": [shell("c", script)]}));
        let pod = world.wait_pod(name, phase, |pod| pod["status"]["phase"] == phase);
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
    }
    assert_eq!(world.skiff(&["logs", "ok"]).ok(), "done\n");
    let table = world.skiff(&["get", "pods", "--no-headers"]).ok();
    for (name, word) in [("ok", "Completed"), ("bad", "Error"), ("once", "Completed")] {
        let row = table.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        assert!(row.contains(word), "{table}");
    }
    let _ = world.skiff(&["delete", "pods", "--all"]).ok();
}

#[test]
fn deletion_asks_first_and_kills_when_the_grace_is_over() {
    if is_skipped("deletion_asks_first_and_kills_when_the_grace_is_over") {
        return;
    }
    let world = world();
    create(
        &world,
        "polite",
        &json!({"containers": [shell("c", "trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done")]}),
    );
    create(&world, "stubborn", &json!({"containers": [shell("c", "trap '' TERM; while true; do sleep 0.1; done")]}));
    let _ = world.wait_ready("polite");
    let _ = world.wait_ready("stubborn");
    let follower =
        world.skiff_command(&["logs", "-f", "polite"]).stdout(std::process::Stdio::piped()).spawn().expect("skiff runs");
    delete(&world, "polite");
    let followed = follower.wait_with_output().expect("a follower ends with its container");
    assert_eq!(String::from_utf8_lossy(&followed.stdout), "bye\n");
    let begin = std::time::Instant::now();
    let _ = world.skiff(&["delete", "pod", "stubborn", "--grace-period=2"]).ok();
    let took = begin.elapsed();
    assert!(took >= std::time::Duration::from_secs(2), "{took:?}");
    assert!(event_reasons(&world, "stubborn").contains(&"Killing".to_owned()));
}

#[test]
fn a_container_is_confined() {
    if is_skipped("a_container_is_confined") {
        return;
    }
    let world = world();
    let script = "id -u; hostname; grep -c . /proc/self/status >/dev/null; \
        awk '/^(CapEff|NoNewPrivs|Seccomp):/ {print $1 $2}' /proc/self/status; \
        ls /proc/self/fd | tr '\\n' ' '; echo; touch /x 2>&1; mount -t tmpfs none /mnt 2>&1; cat /proc/kcore | head -c 1 | wc -c; \
        ps | wc -l; cat /sys/kernel/security 2>&1 >/dev/null; echo 1 > /proc/sys/kernel/panic 2>&1; exit 0";
    let mut container = shell("c", script);
    container["securityContext"] = json!({"runAsUser": 1000, "runAsGroup": 1000, "readOnlyRootFilesystem": true,
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    create(&world, "tight", &json!({"restartPolicy": "Never", "containers": [container]}));
    world.wait_pod("tight", "done", |pod| pod["status"]["phase"] == "Succeeded");
    let said = world.skiff(&["logs", "tight"]).ok();
    for expected in ["1000\ntight\n", "CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "Read-only file system"] {
        assert!(said.contains(expected), "{expected} is missing in:\n{said}");
    }
    delete(&world, "tight");
}

#[test]
fn what_cannot_start_says_why() {
    if is_skipped("what_cannot_start_says_why") {
        return;
    }
    let world = world();
    let missing = json!({"containers": [{"name": "c", "image": "skiff/demo:1.0", "command": ["/no/such/program"]}]});
    create(&world, "missing", &missing);
    let pod = world.wait_pod("missing", "not started", |pod| {
        let state = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
        state["reason"] == "StartError" && state["exitCode"] == 128
    });
    let text = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"].to_string();
    assert!(text.contains("/no/such/program") && text.contains("no such file or directory"), "{text}");
    let never = json!({"containers": [{"name": "c", "image": "nowhere.example/x:1", "imagePullPolicy": "Never"}]});
    create(&world, "never", &never);
    world.wait_pod("never", "ErrImageNeverPull", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImageNeverPull"
    });
    let _ = world.skiff(&["delete", "pods", "--all", "--grace-period=1"]).ok();
}

#[test]
fn limits_reach_the_kernel_and_a_container_over_its_memory_is_oom_killed() {
    if is_skipped("limits_reach_the_kernel_and_a_container_over_its_memory_is_oom_killed") {
        return;
    }
    let world = world();
    let mut greedy = shell("c", "dd if=/dev/zero of=/dev/null bs=200M count=1; exit 0");
    greedy["command"] = json!(["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"]);
    greedy["resources"] = json!({"limits": {"memory": "20Mi", "cpu": "500m"}});
    create(&world, "greedy", &json!({"restartPolicy": "Never", "containers": [greedy]}));
    let pod = world.wait_pod("greedy", "OOMKilled", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] == "OOMKilled"
    });
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 137);
    assert_eq!(pod["status"]["qosClass"], "Guaranteed");
    delete(&world, "greedy");
}

#[test]
fn bad_manifests_are_refused_with_their_place() {
    if is_skipped("bad_manifests_are_refused_with_their_place") {
        return;
    }
    let world = World::new(&[]);
    let unknown = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  foo: 1\n  containers:\n  - name: a\n    image: b\n";
    let said = world.skiff_with(&["apply", "-f", "-"], unknown).fails();
    assert!(said.contains("unknown field \"spec.foo\""), "{said}");
    let twice = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  name: y\n";
    let said = world.skiff_with(&["apply", "-f", "-"], twice).fails();
    assert!(said.contains("STDIN:5:3") && said.contains("duplicate key"), "{said}");
    let volume =
        json!({"containers": [{"name": "a", "image": "b"}], "volumes": [{"name": "v", "nfs": {"server": "s", "path": "/p"}}]});
    let said = world.skiff_with(&["create", "-f", "-"], &pod("x", &volume)).fails();
    assert!(said.contains("spec.volumes[0].nfs"), "{said}");
    assert_eq!(world.skiff(&["get", "pod", "nope"]).fails(), "Error from server (NotFound): pods \"nope\" not found\n");
}

#[test]
fn the_node_tells_what_it_is() {
    if is_skipped("the_node_tells_what_it_is") {
        return;
    }
    let world = World::new(&[]);
    let node = eventually("the node object", || world.get("node", "node1"));
    let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready").cloned().unwrap_or_default();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("True"), &json!("KubeletReady")));
    assert!(node["status"]["capacity"]["memory"].as_str().is_some_and(|memory| memory.ends_with("Ki")));
    let table = world.skiff(&["get", "nodes"]).ok();
    assert!(table.lines().nth(1).is_some_and(|row| row.starts_with("node1") && row.contains("Ready")), "{table}");
    assert!(world.skiff(&["describe", "node", "node1"]).ok().contains("Allocatable:"));
}
