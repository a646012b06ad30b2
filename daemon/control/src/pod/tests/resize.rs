//! Other resources for containers that run.

use super::bench::{Bench, Memory, at, manifest, pod};
use crate::pod::{Found, FoundContainer, FoundSandbox, FoundState, Input, NoRoom};
use crate::scheduler::{NodeState, room_for};
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

fn with(cpu: &str) -> Value {
    let mut manifest = manifest("Always", &["a"]);
    manifest["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": cpu}, "requests": {"cpu": cpu}});
    manifest
}

fn running(manifest: Value) -> Bench {
    let mut bench = Bench::new(manifest);
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] });
    bench.image_ready("a");
    bench.started("a", 0);
    bench
}

fn ask(bench: &mut Bench, cpu: &str) -> Vec<String> {
    bench.spec(|manifest| {
        manifest["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": cpu}, "requests": {"cpu": cpu}})
    })
}

fn resized(bench: &mut Bench, result: Result<(), &str>) -> Vec<String> {
    bench.give(Input::Resized { container: "a".into(), attempt: 0, result: result.map_err(str::to_owned) })
}

fn shown(bench: &Bench) -> (Value, Value) {
    let status = serde_json::to_value(bench.container("a")).expect("JSON");
    (status["resources"]["limits"]["cpu"].clone(), status["allocatedResources"]["cpu"].clone())
}

fn has(bench: &Bench, kind: &str) -> bool {
    bench.status.conditions.iter().flatten().any(|condition| condition.type_ == kind)
}

#[test]
fn a_running_container_is_given_what_its_manifest_asks_for_now() {
    let mut bench = running(with("1"));
    assert_eq!(ask(&mut bench, "2"), ["Normal ResizeStarted: Resize of container a started", "resize a/0"]);
    assert_eq!(bench.condition("PodResizeInProgress"), "True");
    assert_eq!(shown(&bench), (json!("1"), json!("2")), "what it has, and what it was promised");
    assert_eq!(resized(&mut bench, Ok(())), ["Normal ResizeCompleted: Resize of container a completed"]);
    assert!(!has(&bench, "PodResizeInProgress"));
    assert_eq!((shown(&bench), bench.state("a")), ((json!("2"), json!("2")), "running | - | 0".to_owned()));
    assert_eq!(ask(&mut bench, "2000m"), [""; 0], "the same in other words");
}

#[test]
fn what_fails_is_told_once_and_tried_again() {
    let mut bench = running(with("2"));
    ask(&mut bench, "1");
    let told = "Warning ResizeError: Resize of container a failed: busy";
    assert_eq!(resized(&mut bench, Err("busy")), [told]);
    assert_eq!(bench.condition("PodResizeInProgress"), "True / Error / busy");
    assert_eq!(bench.wake(), ["resize a/0"]);
    assert_eq!(bench.ms, 10_000);
    assert_eq!(resized(&mut bench, Err("busy")), [""; 0]);
    assert_eq!(bench.wake(), ["resize a/0"]);
    resized(&mut bench, Ok(()));
    assert_eq!(shown(&bench).0, json!("1"));
}

#[test]
fn a_container_whose_policy_wants_it_is_started_again() {
    let mut manifest = with("1");
    manifest["spec"]["containers"][0]["resizePolicy"] = json!([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]);
    let mut bench = running(manifest);
    let lines = ask(&mut bench, "2");
    assert_eq!(lines, ["Normal Killing: Container a resize requires restart", "stop a/0"]);
    bench.exited("a", 0, 0);
    bench.image_ready("a");
    bench.started("a", 1);
    assert_eq!((shown(&bench).0, has(&bench, "PodResizeInProgress")), (json!("2"), false));
}

#[test]
fn without_room_nothing_changes_until_there_is() {
    let mut bench = running(with("1"));
    let deferred = NoRoom { is_final: false, message: "no room".to_owned() };
    assert_eq!(bench.give(Input::Room(Some(deferred.clone()))), ["Warning ResizeDeferred: no room"]);
    assert_eq!(ask(&mut bench, "2"), [""; 0]);
    assert_eq!(bench.condition("PodResizePending"), "True / Deferred / no room");
    assert_eq!(shown(&bench), (json!("1"), json!("1")));
    assert_eq!(bench.give(Input::Room(Some(deferred))), [""; 0], "it is told once");
    let lines = bench.give(Input::Room(None));
    assert_eq!(lines, ["Normal ResizeStarted: Resize of container a started", "resize a/0"]);
    assert!(!has(&bench, "PodResizePending"));
    bench.give(Input::Room(Some(NoRoom { is_final: true, message: "too small".to_owned() })));
    assert_eq!(bench.condition("PodResizePending"), "True / Infeasible / too small");
}

#[test]
fn a_restarted_daemon_knows_what_was_given() {
    let mut bench = running(with("1"));
    ask(&mut bench, "2");
    let state = FoundState::Running { started_at: at(0).wall };
    let container = FoundContainer { container: "a".into(), attempt: 0, container_id: "u1/a/0".to_owned(), user: None, state };
    let sandbox = FoundSandbox::Alive { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] };
    let found = || Found { sandbox: sandbox.clone(), containers: vec![container.clone()] };
    let lines = bench.restart_daemon(Memory::Kept, found());
    assert_eq!(lines, ["Normal ResizeStarted: Resize of container a started", "resize a/0"]);
    resized(&mut bench, Ok(()));
    assert_eq!(bench.restart_daemon(Memory::Kept, found()), [""; 0]);
}

#[test]
fn a_node_says_whether_it_has_room_and_whether_it_ever_could() {
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "n"},
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"}}}))
    .expect("a node");
    let mut state = NodeState::new(&node);
    let mut other = with("1");
    other["metadata"]["uid"] = json!("u2");
    state.put(&pod(&other));
    state.put(&pod(&with("500m")));
    let judge = |cpu: &str| room_for(&pod(&with(cpu)), &state).map(|no_room| (no_room.is_final, no_room.message));
    assert_eq!(judge("1"), None);
    let words = "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000";
    assert_eq!(judge("1500m"), Some((false, words.to_owned())));
    assert_eq!(judge("3"), Some((true, "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000".to_owned())));
}
