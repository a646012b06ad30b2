//! A node that puts a pod out: it is short of something, or is switched off.

use super::bench::{Bench, Memory, manifest};
use crate::pod::{Found, Input, RejectReason, Rejection};

const LOW: &str = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ";

fn evict(bench: &mut Bench, grace_seconds: u64) -> Vec<String> {
    bench.give(Input::Evicted { message: LOW.to_owned(), grace_seconds })
}

fn go(bench: &mut Bench) {
    bench.exited("a", 0, 143);
    bench.give(Input::SandboxGone { sandbox: 0 });
}

#[test]
fn an_evicted_pod_fails_with_the_reason_and_is_not_started_again() {
    let mut bench = Bench::running("Always", &["a"]);
    let told = format!("Warning Evicted: {LOW}");
    assert_eq!(evict(&mut bench, 0), [told.as_str(), "Normal Killing: Stopping container a", "stop a/0"]);
    assert_eq!(bench.phase(), "Running", "a phase is final only once nothing runs");
    assert_eq!(bench.condition("DisruptionTarget"), format!("True / TerminationByKubelet / {LOW}"));
    assert_eq!(evict(&mut bench, 0), [""; 0], "once is enough");
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 2_000, "a container always has two seconds");
    assert_eq!(bench.exited("a", 0, 137), ["destroy sandbox 0"]);
    assert_eq!(bench.give(Input::SandboxGone { sandbox: 0 }), ["release volumes"]);
    let status = (bench.phase(), bench.status.reason.as_deref(), bench.status.message.as_deref());
    assert_eq!(status, ("Failed", Some("Evicted"), Some(LOW)));
    assert_eq!(bench.state("a"), "Error 137 | - | 0");
    assert_eq!(bench.condition("DisruptionTarget"), format!("True / TerminationByKubelet / {LOW}"));
}

#[test]
fn what_was_said_of_an_eviction_survives_the_daemon() {
    let mut bench = Bench::running("Always", &["a"]);
    evict(&mut bench, 10);
    go(&mut bench);
    let said = bench.status.clone();
    assert_eq!(bench.restart_daemon(Memory::Kept, Found::default()), [""; 0]);
    assert_eq!(bench.status, said);
    bench.restart_daemon(Memory::Lost, Found::default());
    assert_eq!((bench.phase(), bench.status.reason.as_deref()), ("Failed", Some("Evicted")));
}

#[test]
fn a_pod_that_goes_already_is_not_evicted() {
    let mut bench = Bench::running("Always", &["a"]);
    bench.mark(30);
    assert_eq!(evict(&mut bench, 0), [""; 0]);
    go(&mut bench);
    assert_ne!(bench.status.reason.as_deref(), Some("Evicted"));
}

/// Seed 151628: what was left of a pod that had completed kept its thirty seconds, whatever the node lacked.
#[test]
fn a_pod_that_goes_already_is_hastened_by_an_eviction() {
    let mut bench = Bench::running("Always", &["a"]);
    bench.mark(30);
    bench.ms = 1_000;
    assert_eq!(evict(&mut bench, 1), [""; 0]);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 3_000);
}

#[test]
fn a_soft_eviction_has_the_shorter_of_both_graces() {
    let mut bench = Bench::running("Always", &["a"]);
    evict(&mut bench, 300);
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 30_000);
}

#[test]
fn one_that_was_put_out_before_anything_ran_was_taken_all_the_same() {
    let mut bench = Bench::new(manifest("Always", &["a"]));
    bench.give(Input::Found(Found::default()));
    assert_eq!(evict(&mut bench, 0), [&format!("Warning Evicted: {LOW}"), "destroy sandbox 0"]);
    bench.give(Input::SandboxGone { sandbox: 0 });
    assert_eq!((bench.phase(), bench.status.reason.as_deref()), ("Failed", Some("Evicted")));
    assert!(bench.status.container_statuses.is_some());
    let mut refused = Bench::new(manifest("Always", &["a"]));
    let message = "Pod was rejected: The node had condition: [DiskPressure]. ".to_owned();
    refused.give(Input::Rejected(Rejection { reason: RejectReason::Evicted, message }));
    assert_eq!((refused.phase(), refused.status.reason.as_deref()), ("Failed", Some("Evicted")));
    assert!(refused.status.container_statuses.is_none());
}

#[test]
fn a_node_that_is_switched_off_ends_its_pods_with_their_grace() {
    let mut bench = Bench::running("Always", &["a"]);
    assert_eq!(bench.give(Input::ShuttingDown { grace_seconds: 20 }), ["Normal Killing: Stopping container a", "stop a/0"]);
    let words = "Pod was terminated in response to imminent node shutdown.";
    assert_eq!(bench.condition("DisruptionTarget"), format!("True / TerminationByKubelet / {words}"));
    assert_eq!(bench.wake(), ["kill a/0"]);
    assert_eq!(bench.ms, 20_000);
    go(&mut bench);
    let status = (bench.phase(), bench.status.reason.as_deref(), bench.status.message.as_deref());
    assert_eq!(status, ("Failed", Some("Terminated"), Some(words)));
}
