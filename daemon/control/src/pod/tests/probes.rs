//! Probes: when they run, and what they bring about.

use super::bench::{Bench, Memory, at, manifest};
use crate::pod::{Found, FoundContainer, FoundSandbox, FoundState, Input, ProbeKind, ProbeVerdict};
use serde_json::{Value, json};

fn probed(policy: &str, probes: &[(&str, Value)]) -> Bench {
    probed_since(0, policy, probes)
}

/// A pod that began at this time, in ms.
fn probed_since(begin_ms: u64, policy: &str, probes: &[(&str, Value)]) -> Bench {
    let mut manifest = manifest(policy, &["kubia"]);
    for (name, probe) in probes {
        manifest["spec"]["containers"][0][*name] = probe.clone();
    }
    let mut bench = Bench::new(manifest);
    bench.ms = begin_ms;
    bench.give(Input::Found(Found::default()));
    bench.give(Input::SandboxReady { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] });
    bench.image_ready("kubia");
    bench.ms = 1_500;
    bench
}

fn probe(period: i32, failures: i32) -> Value {
    json!({"tcpSocket": {"port": 80}, "periodSeconds": period, "failureThreshold": failures})
}

#[test]
fn a_liveness_probe_ticks_with_its_pod_and_ends_the_container_at_its_threshold() {
    let mut bench = probed("Always", &[("livenessProbe", probe(10, 3))]);
    assert_eq!(bench.started("kubia", 0).len(), 2, "the first tick is not yet");
    assert_eq!(bench.wake(), ["probe Liveness kubia/0 1"]);
    assert_eq!(bench.ms, 10_000);
    assert_eq!(bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Success), [""; 0]);
    for run in 2..=3 {
        assert_eq!(bench.wake(), [format!("probe Liveness kubia/0 {run}")]);
        let lines = bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Failure);
        assert_eq!(lines, ["Warning Unhealthy: Liveness probe failed: no"]);
    }
    bench.wake();
    assert_eq!(
        bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Failure),
        [
            "Warning Unhealthy: Liveness probe failed: no",
            "Normal Killing: Container kubia failed liveness probe, will be restarted",
            "stop kubia/0"
        ]
    );
    assert_eq!(bench.wake(), ["kill kubia/0"]);
    assert_eq!(bench.ms, 70_000, "the pod's own grace");
    assert_eq!(bench.exited("kubia", 0, 137), ["ensure kubia kubia:1 IfNotPresent"]);
    assert_eq!(bench.state("kubia"), "Error 137 | - | 0");
}

#[test]
fn under_never_an_unhealthy_container_is_not_started_again() {
    let mut bench = probed("Never", &[("livenessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    bench.wake();
    let lines = bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Failure);
    assert_eq!(lines[1], "Normal Killing: Container kubia failed liveness probe");
    assert_eq!(bench.exited("kubia", 0, 0), ["destroy sandbox 0"]);
    assert_eq!(bench.phase(), "Succeeded");
}

#[test]
fn a_container_stopped_as_unhealthy_starts_again_under_on_failure_even_if_it_ends_well() {
    let mut bench = probed("OnFailure", &[("livenessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    bench.wake();
    bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Failure);
    assert_eq!(bench.exited("kubia", 0, 0), ["ensure kubia kubia:1 IfNotPresent"]);
}

#[test]
fn a_probes_own_grace_goes_before_the_pods() {
    let mut own = probe(10, 1);
    own["terminationGracePeriodSeconds"] = json!(5);
    let mut bench = probed("Always", &[("startupProbe", own)]);
    bench.started("kubia", 0);
    bench.wake();
    let lines = bench.probed("kubia", 0, ProbeKind::Startup, ProbeVerdict::Failure);
    assert_eq!(lines[1], "Normal Killing: Container kubia failed startup probe, will be restarted");
    assert_eq!(bench.wake(), ["kill kubia/0"]);
    assert_eq!(bench.ms, 15_000);
}

#[test]
fn readiness_is_asked_at_once_and_decides_over_ready() {
    let mut bench = probed("Always", &[("readinessProbe", probe(10, 2))]);
    let lines = bench.started("kubia", 0);
    assert_eq!(lines[2..], ["probe Readiness kubia/0 1"]);
    assert_eq!(bench.condition("Ready"), "False / ContainersNotReady / containers with unready status: [kubia]");
    assert_eq!(bench.container("kubia").started, Some(true));
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Success);
    assert_eq!(bench.condition("Ready"), "True");
    bench.wake();
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Failure);
    assert_eq!(bench.condition("Ready"), "True", "once is below the threshold");
    bench.wake();
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Failure);
    assert_eq!(bench.condition("Ready"), "False / ContainersNotReady / containers with unready status: [kubia]");
    assert_eq!(bench.state("kubia"), "running | - | 0", "it is not ended for it");
}

#[test]
fn readiness_that_was_asked_for_at_once_goes_on_with_its_pod() {
    let mut bench = probed("Always", &[("livenessProbe", probe(10, 1)), ("readinessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Success);
    assert_eq!(bench.wake(), ["probe Liveness kubia/0 1", "probe Readiness kubia/0 2"]);
    assert_eq!(bench.ms, 10_000);
}

#[test]
fn pods_that_began_at_almost_the_same_time_tick_together() {
    for begin_ms in [1, 13, 50] {
        let mut bench = probed_since(begin_ms, "Always", &[("livenessProbe", probe(10, 1))]);
        bench.started("kubia", 0);
        for tick_ms in [10_050, 20_050] {
            bench.wake();
            assert_eq!(bench.ms, tick_ms, "began at {begin_ms}");
            bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Success);
        }
    }
}

#[test]
fn the_others_wait_for_the_startup_probe() {
    let probes = [("startupProbe", probe(5, 9)), ("livenessProbe", probe(5, 1)), ("readinessProbe", probe(60, 1))];
    let mut bench = probed("Always", &probes);
    bench.started("kubia", 0);
    assert_eq!(bench.wake(), ["probe Startup kubia/0 1"]);
    bench.probed("kubia", 0, ProbeKind::Startup, ProbeVerdict::Failure);
    assert_eq!(bench.container("kubia").started, Some(false));
    assert_eq!(bench.wake(), ["probe Startup kubia/0 2"]);
    assert_eq!(
        bench.probed("kubia", 0, ProbeKind::Startup, ProbeVerdict::Success),
        ["probe Liveness kubia/0 1", "probe Readiness kubia/0 1"]
    );
    assert_eq!(bench.container("kubia").started, Some(true));
    bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Success);
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Success);
    assert_eq!(bench.wake(), ["probe Liveness kubia/0 2"], "the startup probe is over");
}

#[test]
fn the_initial_delay_counts_from_the_containers_start() {
    let mut delayed = probe(4, 1);
    delayed["initialDelaySeconds"] = json!(10);
    let mut bench = probed("Always", &[("readinessProbe", delayed)]);
    bench.started("kubia", 0);
    assert_eq!(bench.wake(), ["probe Readiness kubia/0 1"]);
    assert_eq!(bench.ms, 12_000, "the first tick after 11.5 s");
}

#[test]
fn a_probe_that_cannot_be_run_says_nothing() {
    let mut bench = probed("Always", &[("livenessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    bench.wake();
    let lines = bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Unknown);
    assert_eq!(lines, ["Warning Unhealthy: Liveness probe errored and resulted in unknown state: no"]);
    bench.wake();
    let lines = bench.probed("kubia", 0, ProbeKind::Liveness, ProbeVerdict::Warning);
    assert_eq!(lines, ["Warning ProbeWarning: Liveness probe warning: no"]);
    assert_eq!(bench.state("kubia"), "running | - | 0");
}

#[test]
fn a_result_that_stays_out_is_given_up_and_an_old_one_changes_nothing() {
    let mut bench = probed("Always", &[("livenessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    assert_eq!(bench.wake(), ["probe Liveness kubia/0 1"]);
    assert_eq!(bench.wake(), ["probe Liveness kubia/0 2"]);
    assert_eq!(bench.ms, 21_000, "its limit and ten seconds");
    let old = Input::Probed {
        container: "kubia".into(),
        attempt: 0,
        probe: ProbeKind::Liveness,
        run: 1,
        verdict: ProbeVerdict::Failure,
        output: String::new(),
    };
    assert_eq!(bench.give(old), [""; 0]);
}

#[test]
fn a_deleted_pod_is_only_asked_whether_it_is_ready() {
    let mut bench = probed("Always", &[("livenessProbe", probe(10, 1)), ("readinessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Success);
    bench.mark(30);
    assert_eq!(bench.condition("Ready"), "True");
    assert_eq!(bench.wake(), ["probe Readiness kubia/0 2"]);
}

#[test]
fn what_is_ready_stays_ready_when_the_daemon_is_restarted() {
    let mut bench = probed("Always", &[("startupProbe", probe(10, 1)), ("readinessProbe", probe(10, 1))]);
    bench.started("kubia", 0);
    bench.wake();
    bench.probed("kubia", 0, ProbeKind::Startup, ProbeVerdict::Success);
    bench.probed("kubia", 0, ProbeKind::Readiness, ProbeVerdict::Success);
    assert_eq!(bench.condition("Ready"), "True");
    bench.ms = 13_000;
    let state = FoundState::Running { started_at: at(0).wall };
    let kubia =
        FoundContainer { container: "kubia".into(), attempt: 0, container_id: "u1/kubia/0".to_owned(), user: None, state };
    let sandbox = FoundSandbox::Alive { sandbox: 0, ips: vec!["10.1.0.5".to_owned()] };
    let lines = bench.restart_daemon(Memory::Kept, Found { sandbox, containers: vec![kubia] });
    assert_eq!(lines, [""; 0]);
    assert_eq!(bench.condition("Ready"), "True");
    assert_eq!(bench.wake(), ["probe Readiness kubia/0 1"]);
    assert_eq!(bench.ms, 20_000, "on the pod's own grid");
}
