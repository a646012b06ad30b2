//! Init containers, sidecars and ephemeral containers.

use super::bench::{Bench, Memory, at, manifest};
use crate::pod::{Found, FoundContainer, FoundSandbox, FoundState, Input, ProbeKind, ProbeVerdict};
use serde_json::{Value, json};

/// A pod with these init containers, those that start with `s` being sidecars, and the container `app`.
fn with_init(policy: &str, init: &[&str]) -> Value {
    let mut manifest = manifest(policy, &["app"]);
    let init: Vec<Value> = init
        .iter()
        .map(|name| {
            let restart_policy = name.starts_with('s').then_some("Always");
            json!({"name": name, "image": format!("{name}:1"), "imagePullPolicy": "IfNotPresent", "restartPolicy": restart_policy})
        })
        .collect();
    manifest["spec"]["initContainers"] = json!(init);
    manifest
}

fn begun(manifest: Value) -> Bench {
    let mut bench = Bench::new(manifest);
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] });
    bench
}

fn start(bench: &mut Bench, name: &str, attempt: u32) -> Vec<String> {
    bench.image_ready(name);
    bench.started(name, attempt)
}

fn wait(bench: &mut Bench, line: &str) {
    for _ in 0..10 {
        if bench.wake().iter().any(|done| done == line) {
            return;
        }
    }
    panic!("{line} did not come");
}

#[test]
fn init_containers_run_one_after_the_other_and_then_the_apps() {
    let mut bench = begun(with_init("Always", &["i1", "i2"]));
    assert_eq!(bench.phase(), "Pending");
    assert_eq!(bench.state("app"), "waiting PodInitializing | - | 0");
    let incomplete = "False / ContainersNotInitialized / containers with incomplete status: [i1 i2]";
    assert_eq!(bench.condition("Initialized"), incomplete);
    let lines = start(&mut bench, "i1", 0);
    assert_eq!(lines, ["Normal Created: Created container i1", "Normal Started: Started container i1"]);
    assert_eq!(bench.exited("i1", 0, 0), ["ensure i2 i2:1 IfNotPresent"]);
    assert!(bench.container("i1").ready);
    start(&mut bench, "i2", 0);
    assert_eq!(bench.exited("i2", 0, 0), ["ensure app app:1 IfNotPresent"]);
    assert_eq!((bench.phase(), bench.condition("Initialized").as_str()), ("Pending", "True"));
    start(&mut bench, "app", 0);
    assert_eq!((bench.phase(), bench.condition("Ready").as_str()), ("Running", "True"));
    assert_eq!(bench.exited("app", 0, 1), ["ensure app app:1 IfNotPresent"], "init containers do not run again");
}

#[test]
fn an_init_container_that_fails_is_tried_again_with_back_off() {
    for policy in ["Always", "OnFailure"] {
        let mut bench = begun(with_init(policy, &["i1"]));
        start(&mut bench, "i1", 0);
        assert_eq!(bench.exited("i1", 0, 1), ["ensure i1 i1:1 IfNotPresent"]);
        assert_eq!(bench.state("i1"), "Error 1 | - | 0");
        start(&mut bench, "i1", 1);
        bench.exited("i1", 1, 1);
        assert_eq!(bench.phase(), "Pending");
        bench.wake();
        assert_eq!(bench.state("i1"), "waiting CrashLoopBackOff | Error 1 | 1");
        wait(&mut bench, "ensure i1 i1:1 IfNotPresent");
        assert_eq!(bench.ms, 10_000);
        start(&mut bench, "i1", 2);
        assert_eq!(bench.exited("i1", 2, 0), ["ensure app app:1 IfNotPresent"]);
    }
}

#[test]
fn an_init_container_that_fails_under_never_fails_the_pod() {
    let mut bench = begun(with_init("Never", &["i1", "i2"]));
    start(&mut bench, "i1", 0);
    bench.exited("i1", 0, 0);
    start(&mut bench, "i2", 0);
    assert_eq!(bench.exited("i2", 0, 1), ["destroy sandbox 0"]);
    assert_eq!(bench.phase(), "Failed");
    assert_eq!(bench.state("i2"), "Error 1 | - | 0");
    assert_eq!(bench.state("app"), "waiting PodInitializing | - | 0", "it had no part in it");
}

#[test]
fn in_another_sandbox_init_containers_run_again() {
    let mut bench = begun(with_init("Always", &["i1"]));
    start(&mut bench, "i1", 0);
    bench.exited("i1", 0, 0);
    start(&mut bench, "app", 0);
    let lost = bench.give(Input::SandboxLost { sandbox: 0 });
    assert_eq!(lost[1], "destroy sandbox 0");
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["create sandbox 1"]);
    let ready = Input::SandboxReady { sandbox: 1, ips: Vec::new() };
    assert_eq!(bench.give(ready), ["ensure i1 i1:1 IfNotPresent"]);
    start(&mut bench, "i1", 1);
    assert_eq!(bench.exited("i1", 1, 0), ["ensure app app:1 IfNotPresent"]);
    assert_eq!(bench.state("i1"), "Completed 0 | Completed 0 | 1");
}

#[test]
fn after_a_restart_of_the_daemon_what_is_initialized_stays_so() {
    for memory in [Memory::Kept, Memory::Lost] {
        let mut bench = begun(with_init("Always", &["i1"]));
        start(&mut bench, "i1", 0);
        bench.exited("i1", 0, 0);
        start(&mut bench, "app", 0);
        let found = |name: &str, state| FoundContainer {
            container: name.into(),
            attempt: 0,
            container_id: format!("u1/{name}/0"),
            user: None,
            state,
        };
        let init = FoundState::Exited { exit: super::bench::exit(0, 0), termination_message: None };
        let app = FoundState::Running { started_at: at(0).wall };
        let sandbox = FoundSandbox::Alive { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] };
        let lines = bench.restart_daemon(memory, Found { sandbox, containers: vec![found("i1", init), found("app", app)] });
        assert_eq!(lines, [""; 0]);
        assert_eq!(bench.exited("app", 0, 1), ["ensure app app:1 IfNotPresent"]);
    }
}

#[test]
fn a_sidecar_lets_the_next_start_once_its_startup_probe_succeeds() {
    let mut manifest = with_init("Always", &["s1"]);
    manifest["spec"]["initContainers"][0]["startupProbe"] = json!({"tcpSocket": {"port": 1}, "periodSeconds": 5});
    let mut bench = begun(manifest);
    let lines = start(&mut bench, "s1", 0);
    assert_eq!(lines[2..], ["probe Startup s1/0 1"]);
    assert_eq!(bench.condition("Initialized"), "False / ContainersNotInitialized / containers with incomplete status: [s1]");
    let lines = bench.probed("s1", 0, ProbeKind::Startup, ProbeVerdict::Success);
    assert_eq!(lines, ["ensure app app:1 IfNotPresent"]);
    assert_eq!(bench.container("s1").started, Some(true));
    start(&mut bench, "app", 0);
    assert_eq!((bench.phase(), bench.condition("Ready").as_str()), ("Running", "True"));
    assert_eq!(bench.exited("s1", 0, 0), ["ensure s1 s1:1 IfNotPresent"], "it is kept running");
    assert_eq!(bench.condition("Ready"), "False / ContainersNotReady / containers with unready status: [s1]");
}

#[test]
fn sidecars_end_after_the_apps_in_reverse_order_and_do_not_count() {
    let mut bench = begun(with_init("Never", &["s1", "s2"]));
    start(&mut bench, "s1", 0);
    start(&mut bench, "s2", 0);
    start(&mut bench, "app", 0);
    let lines = bench.exited("app", 0, 0);
    assert_eq!(
        lines,
        ["Normal Killing: Stopping container s1", "Normal Killing: Stopping container s2", "stop s2/0"],
        "the pod is done, and its sidecars with it"
    );
    assert_eq!(bench.phase(), "Running");
    assert_eq!(bench.exited("s2", 0, 143), ["stop s1/0"]);
    assert_eq!(bench.exited("s1", 0, 143), ["destroy sandbox 0"]);
    assert_eq!(bench.phase(), "Succeeded");
}

#[test]
fn a_deleted_pods_sidecars_wait_for_its_apps_as_long_as_the_grace_lasts() {
    let mut bench = begun(with_init("Always", &["s1"]));
    start(&mut bench, "s1", 0);
    start(&mut bench, "app", 0);
    let lines = bench.mark(30);
    assert_eq!(lines, ["Normal Killing: Stopping container s1", "Normal Killing: Stopping container app", "stop app/0"]);
    assert_eq!(bench.wake(), ["stop s1/0", "kill app/0"]);
    assert_eq!(bench.ms, 30_000);
    assert_eq!(bench.wake(), ["kill s1/0"]);
    assert_eq!(bench.ms, 32_000, "it has two seconds after its signal");
}

#[test]
fn an_ephemeral_container_starts_beside_the_rest_and_never_again() {
    let mut bench = Bench::running("Always", &["app"]);
    let lines = bench.spec(|manifest| {
        manifest["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "debug:1"}]);
    });
    assert_eq!(lines, ["ensure debug debug:1 IfNotPresent"]);
    start(&mut bench, "debug", 0);
    assert_eq!(bench.state("debug"), "running | - | 0");
    assert_eq!(bench.container("debug").started, None);
    assert_eq!(bench.condition("Ready"), "True", "it does not count");
    assert_eq!(bench.exited("debug", 0, 1), [""; 0]);
    assert_eq!(bench.phase(), "Running");
}
