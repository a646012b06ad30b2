//! How a pod is deleted.

use super::bench::{Bench, Memory, at, manifest, pod};
use crate::pod::{Found, FoundContainer, FoundSandbox, FoundState, Input};

#[test]
fn a_deleted_pod_is_stopped_in_parallel_and_its_object_goes_last() {
    let mut bench = Bench::running("Always", &["a", "b"]);
    assert_eq!(
        bench.mark(30),
        ["Normal Killing: Stopping container a", "stop a/0", "Normal Killing: Stopping container b", "stop b/0"]
    );
    assert_eq!(bench.exited("a", 0, 143), [""; 0]);
    assert_eq!(bench.phase(), "Running");
    assert_eq!(bench.exited("b", 0, 0), ["destroy sandbox 0"]);
    assert_eq!(bench.phase(), "Failed");
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release and delete"]);
    assert!(bench.machine.is_released());
    assert_eq!(bench.give(Input::Removed), [""; 0]);
}

#[test]
fn a_container_that_does_not_stop_is_killed_when_its_grace_is_over() {
    for (grace_seconds, kill_ms) in [(30, 30_000), (5, 5_000), (1, 2_000), (0, 2_000)] {
        let mut bench = Bench::running("Always", &["a"]);
        bench.mark(grace_seconds);
        assert_eq!(bench.wake(), ["kill a/0"]);
        assert_eq!(bench.ms, kill_ms);
    }
}

#[test]
fn a_second_deletion_only_shortens() {
    let mut bench = Bench::running("Always", &["a"]);
    bench.mark(30);
    bench.ms = 1_000;
    assert_eq!(bench.mark(300), [""; 0]);
    assert_eq!(bench.mark(5), [""; 0]);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 6_000);
}

#[test]
fn a_pod_whose_object_is_gone_has_two_seconds() {
    let mut bench = Bench::running("Always", &["a"]);
    assert_eq!(bench.give(Input::Removed), ["Normal Killing: Stopping container a", "stop a/0"]);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 2_000);
    bench.exited("a", 0, 137);
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release"]);
}

/// Seed 512030: a look from before the sandbox was made came when it was being taken away, and the pod was released with it.
#[test]
fn a_look_from_before_the_sandbox_is_not_its_end() {
    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    assert_eq!(bench.mark(30), ["destroy sandbox 0"]);
    bench.ms = 1_000;
    assert_eq!(bench.give(Input::Found(Found::default())), [""; 0]);
    assert!(!bench.machine.is_released());
    assert_eq!(bench.wake(), ["observe"]);
    assert_eq!(bench.give(Input::Found(Found::default())), ["release and delete"]);
}

#[test]
fn nothing_starts_after_delete() {
    let mut bench = Bench::new(manifest("Always", &["a", "b"]));
    bench.give(Input::Found(Found::default()));
    assert_eq!(bench.mark(30), ["destroy sandbox 0"], "the sandbox that is being made is not waited for");
    assert_eq!(bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() }), [""; 0]);
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release and delete"]);

    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    assert_eq!(bench.mark(30), ["destroy sandbox 0"]);
    assert_eq!(bench.image_ready("a"), [""; 0]);
}

#[test]
fn a_start_under_way_is_waited_for_and_stopped() {
    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("a");
    assert_eq!(bench.mark(30), [""; 0]);
    bench.ms = 10_000;
    let lines = bench.started("a", 0);
    assert_eq!(lines[2..], ["Normal Killing: Stopping container a", "stop a/0"]);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 30_000, "the time it took to start is not added");
}

#[test]
fn what_no_kill_ends_goes_with_its_sandbox() {
    let mut bench = Bench::running("Always", &["a"]);
    bench.mark(5);
    assert_eq!(bench.wake(), ["kill a/0"]);
    let exceeded = "Warning ExceededGracePeriod: Container runtime did not kill the pod within specified grace period.";
    let lines = bench.wake();
    assert_eq!(lines, ["kill a/0", exceeded, "destroy sandbox 0"]);
    let stuck = Input::SandboxStuck { sandbox: 0, message: "device or resource busy".to_owned() };
    assert_eq!(bench.give(stuck), ["Warning FailedKillPod: error killing pod: device or resource busy"]);
    bench.ms += 10_000;
    assert!(bench.give(Input::Tick).contains(&"destroy sandbox 0".to_owned()));
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release and delete"]);
    assert_eq!(bench.state("a"), "ContainerStatusUnknown 137 | - | 0");
}

#[test]
fn a_deletion_goes_on_after_the_daemon_was_restarted_and_its_deadline_stands() {
    let mut bench = Bench::running("Always", &["a"]);
    bench.mark(30);
    bench.ms = 20_000;
    let state = FoundState::Running { started_at: at(0).wall };
    let running = FoundContainer { container: "a".into(), attempt: 0, container_id: "u1/a/0".to_owned(), user: None, state };
    let sandbox = FoundSandbox::Alive { sandbox: 0, ips: Vec::new() };
    let lines = bench.restart_daemon(Memory::Kept, Found { sandbox, containers: vec![running] });
    assert_eq!(lines, ["Normal Killing: Stopping container a", "stop a/0"]);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 30_000);
}

#[test]
fn a_pod_of_a_machine_that_is_switched_off_fails_with_the_reason() {
    let mut bench = Bench::running("Always", &["a"]);
    bench.give(Input::ShuttingDown { grace_seconds: 10 });
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 10_000);
    bench.exited("a", 0, 137);
    assert_eq!((bench.phase(), bench.status.reason.as_deref()), ("Failed", Some("Terminated")));
}

/// Seed 12358 of the random schedules.
#[test]
fn a_start_that_is_heard_of_after_its_grace_is_killed_at_once() {
    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("a");
    bench.mark(30);
    assert!(bench.wake().contains(&"destroy sandbox 0".to_owned()));
    bench.give(Input::SandboxStuck { sandbox: 0, message: "busy".to_owned() });
    let state = FoundState::Running { started_at: at(0).wall };
    let running = FoundContainer { container: "a".into(), attempt: 0, container_id: "u1/a/0".to_owned(), user: None, state };
    let sandbox = FoundSandbox::Alive { sandbox: 0, ips: Vec::new() };
    let lines = bench.give(Input::Found(Found { sandbox, containers: vec![running] }));
    assert_eq!(lines, ["Normal Killing: Stopping container a", "kill a/0"]);

    // Seed 19308: the same, before the sandbox was given up.
    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: Vec::new() });
    bench.image_ready("a");
    bench.mark(0);
    bench.ms = 5_000;
    assert_eq!(bench.started("a", 0)[2..], ["Normal Killing: Stopping container a", "kill a/0"]);
}

#[test]
fn a_copy_of_a_pod_that_is_placed_elsewhere_is_stopped_with_its_grace_and_says_nothing_more() {
    let mut bench = Bench::running("Always", &["a"]);
    let elsewhere = || Input::PlacedElsewhere { node: "node2".to_owned() };
    let told =
        "Normal PlacedElsewhere: The pod was placed on node node2 before it was placed here; the copy on this node is stopped";
    assert_eq!(bench.give(elsewhere()), [told, "Normal Killing: Stopping container a", "stop a/0"]);
    let said = bench.status.clone();
    assert_eq!(bench.give(elsewhere()), [""; 0], "every change of the other's copy says it again");
    let changed = pod(&bench.manifest);
    assert_eq!(bench.give(Input::Spec(changed)), [""; 0]);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 30_000);
    assert_eq!(bench.exited("a", 0, 137), ["destroy sandbox 0"]);
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release"]);
    assert_eq!(bench.status, said, "what the other node says stands");
}

#[test]
fn a_status_that_another_wrote_is_written_again() {
    let mut bench = Bench::running("Always", &["a"]);
    let said = std::mem::take(&mut bench.status);
    assert_eq!(bench.give(Input::Tick), [""; 0]);
    assert_ne!(bench.status, said);
    bench.give(Input::StatusLost);
    assert_eq!(bench.status, said);
    bench.give(Input::PlacedElsewhere { node: "node2".to_owned() });
    bench.status = said.clone();
    bench.status.phase = Some("Unknown".to_owned());
    let others = bench.status.clone();
    bench.give(Input::StatusLost);
    assert_eq!(bench.status, others);
}
