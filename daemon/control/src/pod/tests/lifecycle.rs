//! From the first look to the last exit.

use super::bench::{Bench, at, manifest};
use crate::pod::{Action, Found, Input, RejectReason, Rejection, StartFailure};
use k8s_openapi::api::core::v1::PodStatus;
use serde_json::json;

#[test]
fn a_pod_starts_sandbox_then_image_then_container_in_the_order_of_the_manifest() {
    let mut bench = Bench::new(manifest("Always", &["kubia", "envoy"]));
    assert_eq!(bench.give(Input::Found(Found::default())), ["create sandbox 0"]);
    assert_eq!((bench.phase(), bench.state("kubia").as_str()), ("Pending", "waiting ContainerCreating | - | 0"));
    assert_eq!(bench.condition("PodReadyToStartContainers"), "False");
    let ready = Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] };
    assert_eq!(bench.give(ready.clone()), ["ensure kubia kubia:1 IfNotPresent"]);
    assert_eq!(bench.give(ready), [""; 0], "a second answer changes nothing");
    assert_eq!(
        bench.image_ready("kubia"),
        ["Normal Pulled: Container image \"kubia:1\" already present on machine", "start kubia/0"]
    );
    assert_eq!(
        bench.started("kubia", 0),
        [
            "Normal Created: Created container kubia",
            "Normal Started: Started container kubia",
            "ensure envoy envoy:1 IfNotPresent"
        ]
    );
    assert_eq!(bench.phase(), "Pending", "one has not run yet");
    assert_eq!(bench.condition("Ready"), "False / ContainersNotReady / containers with unready status: [envoy]");
    bench.image_ready("envoy");
    bench.started("envoy", 0);
    assert_eq!(bench.phase(), "Running");
    for condition in ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"] {
        assert_eq!(bench.condition(condition), "True", "{condition}");
    }
    let status = bench.container("kubia");
    assert_eq!(status.container_id.as_deref(), Some("skiff://u1/kubia/0"));
    assert_eq!(status.image_id, "docker.io/kubia:1@sha256:0");
    assert_eq!(bench.status.pod_ip.as_deref(), Some("10.1.0.5"));
    assert_eq!(bench.status.host_ip.as_deref(), Some("192.168.1.2"));
    assert_eq!(bench.status.qos_class.as_deref(), Some("BestEffort"));
    assert_eq!(bench.status.observed_generation, Some(1));
}

#[test]
fn a_container_that_cannot_start_holds_nobody_up_and_is_tried_again() {
    let mut bench = Bench::new(manifest("Always", &["kubia", "envoy"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("kubia");
    let failed = bench.give(Input::StartFailed {
        container: "kubia".into(),
        attempt: 0,
        reason: StartFailure::CreateContainerConfigError,
        message: "configmap \"x\" not found".to_owned(),
        at: at(0).wall,
    });
    assert_eq!(failed, ["Warning Failed: Error: configmap \"x\" not found", "ensure envoy envoy:1 IfNotPresent"]);
    assert_eq!(bench.state("kubia"), "waiting CreateContainerConfigError | - | 0");
    bench.image_ready("envoy");
    bench.started("envoy", 0);
    assert_eq!(bench.wake(), ["ensure kubia kubia:1 IfNotPresent"]);
    assert_eq!(bench.ms, 10_000);
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/0", "nothing was made, so the attempt is not used up");
}

#[test]
fn a_program_that_cannot_be_executed_counts_as_an_attempt_that_ended_with_128() {
    let mut bench = Bench::new(manifest("Always", &["kubia"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("kubia");
    let failed = bench.give(Input::StartFailed {
        container: "kubia".into(),
        attempt: 0,
        reason: StartFailure::RunContainerError,
        message: "failed to start container".to_owned(),
        at: at(0).wall,
    });
    assert_eq!(failed, ["Normal Created: Created container kubia", "Warning Failed: Error: failed to start container"]);
    assert_eq!(bench.state("kubia"), "waiting RunContainerError | StartError 128 | 0");
    bench.wake();
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/1");
}

#[test]
fn a_pod_that_is_done_gives_its_sandbox_back_and_keeps_its_status() {
    for (policy, codes, phase) in
        [("Never", [0, 0], "Succeeded"), ("Never", [0, 3], "Failed"), ("OnFailure", [0, 0], "Succeeded")]
    {
        let mut bench = Bench::running(policy, &["a", "b"]);
        assert_eq!(bench.exited("a", 0, codes[0]), [""; 0]);
        assert_eq!(bench.phase(), "Running");
        assert_eq!(bench.exited("b", 0, codes[1]), ["destroy sandbox 0"]);
        assert_eq!(bench.phase(), phase, "{policy} {codes:?}");
        assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release volumes"]);
        assert_eq!(bench.condition("PodReadyToStartContainers"), "False");
        let reason = if phase == "Succeeded" { "PodCompleted" } else { "PodFailed" };
        assert_eq!(bench.condition("Ready"), format!("False / {reason}"));
        assert_eq!(bench.status.pod_ip.as_deref(), Some("10.1.0.5"));
        assert_eq!(bench.give(Input::Removed), ["release"]);
    }
}

#[test]
fn the_words_of_an_end_are_the_runtimes() {
    for (code, oom_killed, words) in [(0, false, "Completed 0"), (143, false, "Error 143"), (137, true, "OOMKilled 137")] {
        let mut bench = Bench::running("Never", &["a"]);
        let exit = crate::pod::Exit { oom_killed, ..super::bench::exit(code, 5) };
        let message = Some("last words".to_owned());
        bench.give(Input::Exited { container: "a".into(), attempt: 0, exit, termination_message: message });
        assert_eq!(bench.state("a"), format!("{words} | - | 0"));
        let terminated = bench.container("a").state.clone().and_then(|state| state.terminated).expect("it ended");
        assert_eq!(terminated.message.as_deref(), Some("last words"));
    }
}

#[test]
fn another_image_replaces_the_running_container_whatever_the_policy() {
    let mut bench = Bench::running("Never", &["kubia"]);
    let changed = bench.spec(|manifest| manifest["spec"]["containers"][0]["image"] = json!("kubia:2"));
    assert_eq!(changed, ["Normal Killing: Container kubia definition changed, will be restarted", "stop kubia/0"]);
    bench.ms = 29_999;
    assert_eq!(bench.give(Input::Tick), [""; 0]);
    assert_eq!(bench.wake(), ["kill kubia/0"]);
    assert_eq!(bench.exited("kubia", 0, 137), ["ensure kubia kubia:2 IfNotPresent"]);
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/1");
    bench.started("kubia", 1);
    assert_eq!(bench.state("kubia"), "running | Error 137 | 1");
    assert_eq!(bench.container("kubia").image, "kubia:2");
}

#[test]
fn a_sandbox_that_cannot_be_made_is_reported_and_tried_again() {
    let mut bench = Bench::new(manifest("Always", &["kubia"]));
    bench.give(Input::Found(Found::default()));
    let failed = bench.give(Input::SandboxFailed { sandbox: 0, message: "no address is free".to_owned() });
    assert_eq!(failed, ["Warning FailedCreatePodSandBox: Failed to create pod sandbox: no address is free"]);
    assert_eq!(bench.wake(), ["create sandbox 1"]);
    assert_eq!(bench.ms, 10_000);
}

#[test]
fn a_rejected_pod_fails_with_the_nodes_words_and_starts_nothing() {
    let mut bench = Bench::new(manifest("Always", &["kubia"]));
    let message = "Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 0, capacity: 2000";
    let rejection = Rejection { reason: RejectReason::OutOfCpu, message: message.to_owned() };
    assert_eq!(bench.give(Input::Rejected(rejection)), [format!("Warning OutOfcpu: {message}"), "release volumes".to_owned()]);
    assert_eq!((bench.phase(), bench.status.reason.as_deref()), ("Failed", Some("OutOfcpu")));
    assert_eq!(bench.status.container_statuses, None);
    assert_eq!(bench.give(Input::Found(Found::default())), [""; 0]);
}

#[test]
fn a_pod_past_its_deadline_is_stopped_and_fails() {
    let mut manifest = manifest("Always", &["kubia"]);
    manifest["spec"]["activeDeadlineSeconds"] = json!(60);
    let mut bench = Bench::new(manifest);
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("kubia");
    bench.started("kubia", 0);
    let words = "Pod was active on the node longer than the specified deadline";
    let over = [
        format!("Normal DeadlineExceeded: {words}"),
        "Normal Killing: Stopping container kubia".to_owned(),
        "stop kubia/0".to_owned(),
    ];
    assert_eq!(bench.wake(), over);
    assert_eq!(bench.ms, 60_000);
    assert_eq!(bench.exited("kubia", 0, 0), ["destroy sandbox 0"]);
    assert_eq!((bench.phase(), bench.status.reason.as_deref()), ("Failed", Some("DeadlineExceeded")));
    assert_eq!(bench.status.message.as_deref(), Some(words));
}

#[test]
fn a_condition_keeps_the_time_of_its_last_change() {
    let mut bench = Bench::new(manifest("Always", &["kubia"]));
    bench.give(Input::Found(Found::default()));
    bench.ms = 5_000;
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.ms = 9_000;
    bench.image_ready("kubia");
    bench.started("kubia", 0);
    let conditions = bench.status.conditions.clone().expect("conditions");
    let changed: Vec<i64> = conditions
        .iter()
        .map(|condition| condition.last_transition_time.as_ref().expect("a time").0.as_second() - at(0).wall.as_second())
        .collect();
    assert_eq!(changed, [5, 0, 9, 9, 0]);
}

#[test]
fn readiness_gates_hold_a_pod_back() {
    let mut bench = Bench::running("Always", &["kubia"]);
    bench.spec(|manifest| manifest["spec"]["readinessGates"] = json!([{"conditionType": "x"}]));
    let missing = "corresponding condition of pod readiness gate \"x\" does not exist.";
    assert_eq!(bench.condition("Ready"), format!("False / ReadinessGatesNotReady / {missing}"));
    bench.spec(|manifest| manifest["status"] = json!({"conditions": [{"type": "x", "status": "True"}]}));
    assert_eq!(bench.condition("Ready"), "True");
    assert_eq!(bench.condition("x"), "True", "what others write is kept");
}

#[test]
fn what_others_wrote_meanwhile_is_kept_in_a_status() {
    let status = |conditions: serde_json::Value| -> PodStatus {
        serde_json::from_value(json!({"conditions": conditions})).expect("a status")
    };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status});
    let mut own = status(json!([condition("Ready", "True"), condition("DisruptionTarget", "True"), condition("x", "False")]));
    let stored = json!([
        condition("Ready", "False"),
        condition("DisruptionTarget", "False"),
        condition("y", "True"),
        condition("x", "True")
    ]);
    crate::pod::keep_foreign(&mut own, Some(&status(stored)));
    let kept = json!([
        condition("Ready", "True"),
        condition("DisruptionTarget", "True"),
        condition("y", "True"),
        condition("x", "True")
    ]);
    assert_eq!(own, status(kept));
}

#[test]
fn a_start_writes_one_snapshot_and_three_statuses() {
    let mut machine = crate::pod::PodMachine::new(super::bench::host(), super::bench::pod(&manifest("Always", &["a"])));
    let (image, image_id) = ("a:1".to_owned(), "x".to_owned());
    let inputs = [
        Input::Found(Found::default()),
        Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] },
        Input::ImageReady { container: "a".into(), image, image_id, pulled: None },
        Input::Started { container: "a".into(), attempt: 0, container_id: "c".to_owned(), user: None, at: at(0).wall },
    ];
    let actions: Vec<Action> = inputs.into_iter().flat_map(|input| machine.step(at(0), input)).collect();
    assert_eq!(actions.iter().filter(|action| matches!(action, Action::SaveSnapshot)).count(), 1);
    assert_eq!(actions.iter().filter(|action| matches!(action, Action::PublishStatus(_))).count(), 3);
}
