//! Restarts: of containers, of sandboxes, of the daemon, of the machine.

use super::bench::{Bench, Memory, at, exit, manifest};
use crate::pod::{Found, FoundContainer, FoundSandbox, FoundState, Input, StartFailure};
use serde_json::json;

/// Lets a container crash, with a second's run each time, and tells how long it then waits.
fn crash_and_wait(bench: &mut Bench, attempt: u32) -> u64 {
    bench.ms += 1000;
    let crashed = bench.ms;
    let mut lines = bench.exited("kubia", attempt, 1);
    while !lines.iter().any(|line| line.starts_with("ensure")) {
        lines = bench.wake();
    }
    let waited = bench.ms - crashed;
    bench.image_ready("kubia");
    bench.started("kubia", attempt + 1);
    waited / 1000
}

#[test]
fn a_crashing_container_waits_longer_each_time() {
    let mut bench = Bench::running("Always", &["kubia"]);
    let waits: Vec<u64> = (0..8).map(|attempt| crash_and_wait(&mut bench, attempt)).collect();
    assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    bench.ms += 601_000;
    assert_eq!(crash_and_wait(&mut bench, 8), 0, "ten minutes of running are forgiven");
    assert_eq!(bench.state("kubia"), "running | Error 1 | 9");
}

#[test]
fn a_crash_is_shown_then_the_back_off_is_shown_and_reported() {
    let mut bench = Bench::running("Always", &["kubia"]);
    crash_and_wait(&mut bench, 0);
    assert_eq!(bench.exited("kubia", 1, 1), [""; 0]);
    assert_eq!(bench.state("kubia"), "Error 1 | Error 1 | 1");
    let words = "Back-off restarting failed container kubia in pod kubia_default(u1)";
    assert_eq!(bench.wake(), [format!("Warning BackOff: {words}")]);
    assert_eq!(bench.state("kubia"), "waiting CrashLoopBackOff | Error 1 | 1");
    assert_eq!(bench.waiting_message("kubia"), "back-off 10s restarting failed container=kubia pod=kubia_default(u1)");
    assert_eq!(bench.phase(), "Running");
    assert_eq!(bench.condition("Ready"), "False / ContainersNotReady / containers with unready status: [kubia]");
}

#[test]
fn a_new_image_does_not_wait_for_the_crashes_of_the_old_one() {
    let mut bench = Bench::running("Always", &["kubia"]);
    crash_and_wait(&mut bench, 0);
    bench.exited("kubia", 1, 1);
    bench.wake();
    let changed = bench.spec(|manifest| manifest["spec"]["containers"][0]["image"] = json!("kubia:2"));
    assert_eq!(changed, ["ensure kubia kubia:2 IfNotPresent"]);
}

#[test]
fn only_failures_restart_under_on_failure() {
    let mut bench = Bench::running("OnFailure", &["a", "b"]);
    assert_eq!(bench.exited("a", 0, 0), [""; 0]);
    assert_eq!(bench.exited("b", 0, 1), ["ensure b b:1 IfNotPresent"]);
}

#[test]
fn a_killed_supervisor_ends_its_containers_and_the_pod_is_made_anew() {
    let mut bench = Bench::running("Always", &["a", "b"]);
    bench.exited("a", 0, 0);
    let lost = bench.give(Input::SandboxLost { sandbox: 0 });
    let changed = "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.";
    assert_eq!(lost, [changed, "destroy sandbox 0"]);
    assert_eq!(bench.state("b"), "ContainerStatusUnknown 137 | - | 0");
    assert_eq!(bench.exited("b", 0, 0), [""; 0], "what comes later about it changes nothing");
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["create sandbox 1"]);
    assert_eq!(bench.give(Input::SandboxLost { sandbox: 0 }), [""; 0]);
    bench.give(Input::SandboxReady { sandbox: 1, ips: vec!["10.1.0.6".to_owned()] });
    bench.image_ready("a");
    bench.started("a", 1);
    assert_eq!(bench.image_ready("b")[1], "start b/1");
    bench.started("b", 1);
    assert_eq!(bench.state("b"), "running | ContainerStatusUnknown 137 | 1");
    assert_eq!(bench.status.pod_ip.as_deref(), Some("10.1.0.6"));
}

#[test]
fn a_killed_supervisor_fails_a_pod_that_never_restarts() {
    let mut bench = Bench::running("Never", &["a"]);
    assert_eq!(bench.give(Input::SandboxLost { sandbox: 0 }), ["destroy sandbox 0"]);
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release volumes"]);
    assert_eq!(bench.phase(), "Failed");
}

fn alive() -> FoundSandbox {
    FoundSandbox::Alive { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] }
}

fn found(name: &str, attempt: u32, state: FoundState) -> FoundContainer {
    FoundContainer { container: name.into(), attempt, container_id: format!("u1/{name}/{attempt}"), user: None, state }
}

#[test]
fn a_restarted_daemon_finds_what_runs_and_does_nothing() {
    for memory in [Memory::Kept, Memory::Lost] {
        let mut bench = Bench::running("Always", &["kubia"]);
        let before = bench.status.clone();
        let running = found("kubia", 0, FoundState::Running { started_at: at(0).wall });
        let lines = bench.restart_daemon(memory, Found { sandbox: alive(), containers: vec![running] });
        assert_eq!(lines, [""; 0]);
        assert_eq!(bench.status, before);
    }
}

#[test]
fn an_exit_while_the_daemon_was_away_is_seen_and_back_off_goes_on() {
    let mut bench = Bench::running("Always", &["kubia"]);
    crash_and_wait(&mut bench, 0);
    crash_and_wait(&mut bench, 1);
    let end = bench.ms + 1000;
    bench.ms = end + 5000;
    let exited = found("kubia", 2, FoundState::Exited { exit: exit(7, end), termination_message: None });
    bench.restart_daemon(Memory::Kept, Found { sandbox: alive(), containers: vec![exited] });
    assert_eq!(bench.state("kubia"), "Error 7 | Error 1 | 2");
    bench.wake();
    assert_eq!(bench.state("kubia"), "waiting CrashLoopBackOff | Error 7 | 2");
    while bench.wake() != ["ensure kubia kubia:1 IfNotPresent"] {}
    assert_eq!(bench.ms, end + 20_000, "the wait counts from the end, not from the daemon's return");
}

#[test]
fn after_a_reboot_a_pod_starts_again_and_counts_on() {
    let mut bench = Bench::running("Always", &["kubia"]);
    crash_and_wait(&mut bench, 0);
    let lines = bench.restart_daemon(Memory::Lost, Found::default());
    assert_eq!(lines, ["Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.", "create sandbox 0"]);
    assert_eq!(bench.state("kubia"), "ContainerStatusUnknown 137 | Error 1 | 1");
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/2");
}

#[test]
fn a_pod_that_was_done_stays_done_after_a_reboot() {
    let mut bench = Bench::running("Never", &["kubia"]);
    bench.exited("kubia", 0, 0);
    bench.give(Input::SandboxGone { sandbox: 0 });
    assert_eq!(bench.restart_daemon(Memory::Lost, Found::default()), [""; 0]);
    assert_eq!(bench.phase(), "Succeeded");
}

#[test]
fn an_answer_that_stays_out_is_looked_for() {
    let mut bench = Bench::running("Always", &["kubia"]);
    bench.exited("kubia", 0, 1);
    bench.image_ready("kubia");
    assert_eq!(bench.wake(), ["observe"]);
    assert_eq!(bench.ms, 60_000);
    let exited = found("kubia", 0, FoundState::Exited { exit: exit(1, 0), termination_message: None });
    let lines = bench.give(Input::Found(Found { sandbox: alive(), containers: vec![exited] }));
    assert_eq!(lines, ["ensure kubia kubia:1 IfNotPresent"], "it is not being started: it is started again");
}

#[test]
fn an_exit_that_was_never_told_is_found_in_time() {
    let mut bench = Bench::running("Never", &["kubia"]);
    assert_eq!(bench.wake(), ["observe"]);
    assert_eq!(bench.ms, 300_000);
    let lines = bench.give(Input::Found(Found { sandbox: alive(), containers: Vec::new() }));
    assert_eq!(lines, ["destroy sandbox 0"]);
    assert_eq!(bench.state("kubia"), "ContainerStatusUnknown 137 | - | 0");
}

#[test]
fn an_answer_about_an_older_attempt_changes_nothing() {
    let mut bench = Bench::running("Always", &["kubia"]);
    bench.exited("kubia", 0, 1);
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/1");
    let shown = bench.state("kubia");
    assert_eq!(bench.started("kubia", 0), [""; 0]);
    assert_eq!(bench.exited("kubia", 0, 3), [""; 0]);
    let failed = Input::StartFailed {
        container: "kubia".into(),
        attempt: 0,
        reason: StartFailure::RunContainerError,
        message: "late".to_owned(),
        at: at(0).wall,
    };
    assert_eq!(bench.give(failed), [""; 0]);
    assert_eq!(bench.state("kubia"), shown);
    bench.started("kubia", 1);
    assert_eq!(bench.state("kubia"), "running | Error 1 | 1");
}

#[test]
fn a_start_that_was_lost_with_its_sandbox_uses_up_its_number() {
    let mut bench = Bench::new(manifest("Always", &["kubia"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/0");
    bench.give(Input::SandboxLost { sandbox: 0 });
    bench.give(Input::SandboxGone { sandbox: 0 });
    bench.give(Input::SandboxReady { sandbox: 1, ips: Vec::new() });
    assert_eq!(bench.image_ready("kubia")[1], "start kubia/1");
    assert_eq!(bench.started("kubia", 0), [""; 0], "an answer out of the old sandbox");
    assert_eq!(bench.state("kubia"), "ContainerStatusUnknown 137 | - | 0");
}

#[test]
fn a_status_that_comes_back_as_the_object_does_not_shorten_a_wait() {
    let mut bench = Bench::new(manifest("Always", &["kubia"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("kubia");
    bench.give(Input::StartFailed {
        container: "kubia".into(),
        attempt: 0,
        reason: StartFailure::CreateContainerConfigError,
        message: "no".to_owned(),
        at: at(0).wall,
    });
    assert_eq!(bench.spec(|manifest| manifest["metadata"]["resourceVersion"] = json!("7")), [""; 0]);
}

/// Seed 642193: the failure of an earlier try came again, late, and a second instance was started beside the first.
#[test]
fn a_start_that_was_called_failed_and_runs_has_no_second_beside_it() {
    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("a");
    let (reason, message, at) = (StartFailure::CreateContainerError, "no".to_owned(), at(0).wall);
    bench.give(Input::StartFailed { container: "a".into(), attempt: 0, reason, message, at });
    assert_eq!(bench.wake(), ["ensure a a:1 IfNotPresent"]);
    let state = FoundState::Running { started_at: at };
    let running = FoundContainer { container: "a".into(), attempt: 0, container_id: "u1/a/0".to_owned(), user: None, state };
    let sandbox = FoundSandbox::Alive { sandbox: 0, ips: Vec::new() };
    bench.give(Input::Found(Found { sandbox, containers: vec![running] }));
    assert_eq!(bench.state("a"), "running | - | 0");
    assert_eq!(bench.image_ready("a"), [""; 0]);
}
