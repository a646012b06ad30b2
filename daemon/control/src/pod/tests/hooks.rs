//! Hooks: what waits for them, and what their failure does.

use super::bench::{Bench, manifest};
use crate::pod::{Found, FoundSandbox, HookKind, Input};
use serde_json::json;

fn with_hook(policy: &str, hook: &str) -> Bench {
    let mut manifest = manifest(policy, &["a", "b"]);
    manifest["spec"]["containers"][0]["lifecycle"][hook] = json!({"exec": {"command": ["true"]}});
    let mut bench = Bench::new(manifest);
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] });
    bench.image_ready("a");
    bench
}

#[test]
fn until_its_hook_has_ended_a_container_waits_and_so_does_the_next() {
    let mut bench = with_hook("Always", "postStart");
    let lines = bench.started("a", 0);
    assert_eq!(lines, ["Normal Created: Created container a", "Normal Started: Started container a", "hook PostStart a/0"]);
    assert_eq!((bench.phase(), bench.state("a").as_str()), ("Pending", "waiting ContainerCreating | - | 0"));
    assert_eq!(bench.hook_ended("a", 0, HookKind::PostStart, Ok(())), ["ensure b b:1 IfNotPresent"]);
    assert_eq!(bench.state("a"), "running | - | 0");
}

#[test]
fn a_hook_that_fails_ends_its_container() {
    let mut bench = with_hook("Always", "postStart");
    bench.started("a", 0);
    let lines = bench.hook_ended("a", 0, HookKind::PostStart, Err("it exited with 1"));
    assert_eq!(
        lines,
        [
            "Warning FailedPostStartHook: it exited with 1",
            "Normal Killing: FailedPostStartHook",
            "stop a/0",
            "ensure b b:1 IfNotPresent"
        ]
    );
    bench.image_ready("b");
    bench.started("b", 0);
    assert_eq!(bench.exited("a", 0, 0), ["ensure a a:1 IfNotPresent"]);
    assert_eq!(bench.state("a"), "waiting PostStartHookError | Completed 0 | 0");
    assert_eq!(bench.waiting_message("a"), "it exited with 1");
    bench.image_ready("a");
    bench.started("a", 1);
    bench.hook_ended("a", 1, HookKind::PostStart, Err("again"));
    bench.exited("a", 1, 0);
    assert_eq!(bench.state("a"), "waiting PostStartHookError | Completed 0 | 1");
    bench.wake();
    assert_eq!(bench.state("a"), "waiting CrashLoopBackOff | Completed 0 | 1");
}

/// Seed 923791: a look from before its start came while it was being stopped, and it counted as ended while it ran on.
#[test]
fn a_look_from_before_the_start_is_not_the_end_of_what_is_stopped() {
    let look = || Found { sandbox: FoundSandbox::Alive { sandbox: 0, ips: Vec::new() }, containers: Vec::new() };
    let mut bench = with_hook("Never", "postStart");
    bench.started("a", 0);
    bench.hook_ended("a", 0, HookKind::PostStart, Err("no"));
    bench.ms = 5_000;
    bench.give(Input::Found(look()));
    bench.exited("a", 0, 7);
    assert_eq!(bench.state("a"), "Error 7 | - | 0");

    let mut bench = with_hook("Never", "postStart");
    bench.started("a", 0);
    bench.hook_ended("a", 0, HookKind::PostStart, Err("no"));
    bench.ms = 31_000;
    bench.give(Input::Found(look()));
    assert_eq!(bench.state("a"), "ContainerStatusUnknown 137 | - | 0", "one that nobody finds for so long is gone");
}

#[test]
fn under_never_a_container_whose_hook_failed_shows_its_own_end() {
    let mut bench = with_hook("Never", "postStart");
    bench.started("a", 0);
    bench.hook_ended("a", 0, HookKind::PostStart, Err("no"));
    bench.exited("a", 0, 0);
    assert_eq!(bench.state("a"), "Completed 0 | - | 0");
}

#[test]
fn a_hook_whose_answer_stays_out_is_asked_for_again() {
    let mut bench = with_hook("Always", "postStart");
    bench.started("a", 0);
    assert_eq!(bench.wake(), ["hook PostStart a/0"]);
    assert_eq!(bench.ms, 60_000);
}

#[test]
fn the_stop_signal_comes_after_the_hook_and_the_hook_is_part_of_the_grace() {
    let mut bench = with_hook("Always", "preStop");
    bench.started("a", 0);
    bench.image_ready("b");
    bench.started("b", 0);
    let lines = bench.mark(30);
    let killing = "Normal Killing: Stopping container";
    assert_eq!(lines, [format!("{killing} a"), "hook PreStop a/0".to_owned(), format!("{killing} b"), "stop b/0".to_owned()]);
    bench.ms = 12_000;
    assert_eq!(bench.hook_ended("a", 0, HookKind::PreStop, Err("no")), ["Warning FailedPreStopHook: no", "stop a/0"]);
    bench.exited("b", 0, 0);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 30_000);
}

#[test]
fn a_hook_that_does_not_end_leaves_two_seconds() {
    for (grace_seconds, stop_ms, kill_ms) in [(30, 30_000, 32_000), (1, 1_000, 3_000), (0, 1_000, 3_000)] {
        let mut bench = with_hook("Always", "preStop");
        bench.started("a", 0);
        bench.mark(grace_seconds);
        assert_eq!(bench.wake(), ["stop a/0"]);
        assert_eq!(bench.ms, stop_ms);
        assert_eq!(bench.wake(), ["kill a/0"]);
        assert_eq!(bench.ms, kill_ms);
        assert_eq!(bench.hook_ended("a", 0, HookKind::PreStop, Ok(())), [""; 0], "too late");
    }
}
