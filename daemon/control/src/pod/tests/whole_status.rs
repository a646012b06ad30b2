//! Whole statuses, field by field, as the kubelet writes them for what runs here (`generateAPIPodStatus`).

use super::bench::{Bench, Memory, at, manifest};
use crate::pod::{Found, FoundContainer, FoundSandbox, FoundState, Input};
use k8s_openapi::api::core::v1::{ContainerUser, LinuxContainerUser};
use serde_json::{Value, json};

/// A pod with an init container, a container with everything a status tells of, and an ephemeral one.
fn wanted() -> Value {
    let mut wanted = manifest("Always", &["a"]);
    let container = &mut wanted["spec"]["containers"][0];
    container["resources"] = json!({"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}});
    container["volumeMounts"] = json!([
        {"name": "v", "mountPath": "/v"},
        {"name": "v", "mountPath": "/r", "readOnly": true},
        {"name": "v", "mountPath": "/rr", "readOnly": true, "recursiveReadOnly": "IfPossible"},
    ]);
    wanted["spec"]["initContainers"] = json!([{"name": "i", "image": "i:1", "imagePullPolicy": "IfNotPresent"}]);
    wanted
}

fn user(uid: i64, groups: &[i64]) -> Option<ContainerUser> {
    let linux = LinuxContainerUser { uid, gid: groups[0], supplemental_groups: Some(groups.to_vec()) };
    Some(ContainerUser { linux: Some(linux) })
}

fn started_as(bench: &mut Bench, name: &str, user: Option<ContainerUser>) {
    let (container_id, at) = (format!("u1/{name}/0"), at(bench.ms).wall);
    bench.give(Input::Started { container: name.into(), attempt: 0, container_id, user, at });
}

fn conditions(list: &[(&str, &str, Option<&str>, Option<&str>)]) -> Value {
    let condition = |(kind, status, reason, message): &(&str, &str, Option<&str>, Option<&str>)| {
        let mut condition = json!({"type": kind, "status": status, "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z"});
        for (name, value) in [("reason", reason), ("message", message)] {
            if let Some(value) = value {
                condition[name] = json!(value);
            }
        }
        condition
    };
    list.iter().map(condition).collect()
}

fn mounts() -> Value {
    json!([
        {"name": "v", "mountPath": "/v"},
        {"name": "v", "mountPath": "/r", "readOnly": true, "recursiveReadOnly": "Disabled"},
        {"name": "v", "mountPath": "/rr", "readOnly": true, "recursiveReadOnly": "Enabled"},
    ])
}

fn check(bench: &Bench, expected: &Value) {
    let status = serde_json::to_value(&bench.status).expect("JSON");
    let text = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    assert_eq!(text(&status), text(expected));
}

#[test]
fn a_status_is_whole_before_and_after_its_containers_run() {
    let mut bench = Bench::new(wanted());
    bench.give(Input::Found(Found::default()));
    let not_yet = [
        ("PodReadyToStartContainers", "False", None, None),
        ("Initialized", "False", Some("ContainersNotInitialized"), Some("containers with incomplete status: [i]")),
        ("Ready", "False", Some("ContainersNotReady"), Some("containers with unready status: [a]")),
        ("ContainersReady", "False", Some("ContainersNotReady"), Some("containers with unready status: [a]")),
        ("PodScheduled", "True", None, None),
    ];
    let waiting = json!({"waiting": {"reason": "PodInitializing"}});
    check(
        &bench,
        &json!({
            "observedGeneration": 1,
            "phase": "Pending",
            "conditions": conditions(&not_yet),
            "hostIP": "192.168.1.2",
            "hostIPs": [{"ip": "192.168.1.2"}],
            "startTime": "2026-01-01T00:00:00Z",
            "qosClass": "Burstable",
            "initContainerStatuses": [{"name": "i", "state": waiting, "lastState": {}, "ready": false, "started": false,
                "restartCount": 0, "image": "i:1", "imageID": ""}],
            "containerStatuses": [{"name": "a", "state": waiting, "lastState": {}, "ready": false, "started": false,
                "restartCount": 0, "image": "a:1", "imageID": "", "volumeMounts": mounts()}],
        }),
    );
    bench.give(Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] });
    bench.image_ready("i");
    started_as(&mut bench, "i", user(0, &[0]));
    bench.exited("i", 0, 0);
    bench.image_ready("a");
    started_as(&mut bench, "a", user(101, &[102, 4000]));
    check(&bench, &running());
}

fn running() -> Value {
    let now = [
        ("PodReadyToStartContainers", "True", None, None),
        ("Initialized", "True", None, None),
        ("Ready", "True", None, None),
        ("ContainersReady", "True", None, None),
        ("PodScheduled", "True", None, None),
    ];
    let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed", "containerID": "skiff://u1/i/0",
        "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z"}});
    json!({
        "observedGeneration": 1,
        "phase": "Running",
        "conditions": conditions(&now),
        "hostIP": "192.168.1.2",
        "hostIPs": [{"ip": "192.168.1.2"}],
        "podIP": "10.1.0.5",
        "podIPs": [{"ip": "10.1.0.5"}],
        "startTime": "2026-01-01T00:00:00Z",
        "qosClass": "Burstable",
        "initContainerStatuses": [{"name": "i", "state": ended, "lastState": {}, "ready": true, "started": false,
            "restartCount": 0, "image": "i:1", "imageID": "docker.io/i:1@sha256:0", "containerID": "skiff://u1/i/0",
            "resources": {}, "user": {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}}],
        "containerStatuses": [{"name": "a", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "lastState": {},
            "ready": true, "started": true, "restartCount": 0, "image": "a:1", "imageID": "docker.io/a:1@sha256:0",
            "containerID": "skiff://u1/a/0", "allocatedResources": {"cpu": "500m"},
            "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}}, "volumeMounts": mounts(),
            "user": {"linux": {"uid": 101, "gid": 102, "supplementalGroups": [102, 4000]}}}],
    })
}

#[test]
fn who_a_container_was_started_as_outlives_a_restart_and_is_learnt_by_one() {
    let found = |user| {
        let state = FoundState::Running { started_at: at(0).wall };
        let kubia = FoundContainer { container: "a".into(), attempt: 0, container_id: "u1/a/0".to_owned(), user, state };
        let sandbox = FoundSandbox::Alive { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] };
        Found { sandbox, containers: vec![kubia] }
    };
    for memory in [Memory::Kept, Memory::Lost] {
        let mut bench = Bench::running("Always", &["a"]);
        assert_eq!((bench.container("a").user.clone(), bench.machine.knows_user("a", 0)), (None, false));
        bench.restart_daemon(memory, found(user(7, &[8])));
        assert_eq!(bench.container("a").user, user(7, &[8]));
        bench.restart_daemon(memory, found(None));
        assert_eq!(bench.container("a").user, user(7, &[8]));
        assert!(bench.machine.knows_user("a", 0) && !bench.machine.knows_user("a", 1));
    }
}
