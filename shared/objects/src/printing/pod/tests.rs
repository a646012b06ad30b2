//! The cells of a pod's row.

use super::{cells, pod_status};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;

fn pod(spec: &Value, status: &Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": spec, "status": status})
}

fn one(state: &Value) -> Value {
    json!([{"name": "c", "ready": state.get("running").is_some(), "restartCount": 0, "state": state}])
}

#[track_caller]
fn check(pod: &Value, ready: &str, status: &str) {
    let summary = pod_status(pod);
    assert_eq!((format!("{}/{}", summary.ready, summary.total).as_str(), summary.status.as_str()), (ready, status));
}

#[test]
fn a_pod_without_containers_yet_shows_its_phase_or_the_phases_reason() {
    let spec = json!({"containers": [{"name": "c"}]});
    check(&pod(&spec, &json!({"phase": "Pending"})), "0/1", "Pending");
    check(&pod(&spec, &json!({"phase": "Failed", "reason": "Evicted"})), "0/1", "Evicted");
    let gated = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]});
    check(&pod(&spec, &gated), "0/1", "SchedulingGated");
}

#[test]
fn a_containers_state_says_more_than_the_phase() {
    let spec = json!({"containers": [{"name": "c"}]});
    let cases = [
        (json!({"running": {}}), "1/1", "Running"),
        (json!({"waiting": {"reason": "CrashLoopBackOff"}}), "0/1", "CrashLoopBackOff"),
        (json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}}), "0/1", "OOMKilled"),
        (json!({"terminated": {"exitCode": 3}}), "0/1", "ExitCode:3"),
        (json!({"terminated": {"exitCode": 137, "signal": 9}}), "0/1", "Signal:9"),
    ];
    for (state, ready, status) in cases {
        check(&pod(&spec, &json!({"phase": "Running", "containerStatuses": one(&state)})), ready, status);
    }
}

#[test]
fn a_completed_container_beside_a_running_one_depends_on_readiness() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let statuses = json!([
        {"name": "a", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
        {"name": "b", "ready": true, "state": {"running": {}}},
    ]);
    let with = |ready: &str| json!({"phase": "Running", "containerStatuses": statuses, "conditions": [{"type": "Ready", "status": ready}]});
    check(&pod(&spec, &with("True")), "1/2", "Running");
    check(&pod(&spec, &with("False")), "1/2", "NotReady");
}

#[test]
fn init_containers_are_counted_up_to_the_first_that_is_not_done() {
    let spec = json!({"containers": [{"name": "c"}], "initContainers": [{"name": "i"}, {"name": "j"}]});
    let with = |second: &Value| {
        let first = json!({"name": "i", "restartCount": 2, "state": {"terminated": {"exitCode": 0}}});
        let second = json!({"name": "j", "restartCount": 1, "state": second});
        pod(&spec, &json!({"phase": "Pending", "initContainerStatuses": [first, second]}))
    };
    check(&with(&json!({"running": {}})), "0/1", "Init:1/2");
    check(&with(&json!({"waiting": {"reason": "PodInitializing"}})), "0/1", "Init:1/2");
    check(&with(&json!({"waiting": {"reason": "ImagePullBackOff"}})), "0/1", "Init:ImagePullBackOff");
    check(&with(&json!({"terminated": {"exitCode": 1, "reason": "Error"}})), "0/1", "Init:Error");
    check(&with(&json!({"terminated": {"exitCode": 1, "signal": 9}})), "0/1", "Init:Signal:9");
    assert_eq!(pod_status(&with(&json!({"running": {}}))).restarts, 3);
}

#[test]
fn a_started_sidecar_counts_as_a_container() {
    let spec = json!({"containers": [{"name": "c"}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]});
    let sidecar = json!([{"name": "s", "ready": true, "started": true, "restartCount": 4, "state": {"running": {}}}]);
    let running = one(&json!({"running": {}}));
    let pod = pod(&spec, &json!({"phase": "Running", "initContainerStatuses": sidecar, "containerStatuses": running}));
    check(&pod, "2/2", "Running");
    assert_eq!(pod_status(&pod).restarts, 4);
}

#[test]
fn a_deleted_pod_is_terminating_unless_it_has_ended_or_its_node_is_lost() {
    let deleted = |status: Value| json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"containers": [{}]}, "status": status});
    check(&deleted(json!({"phase": "Running"})), "0/1", "Terminating");
    check(&deleted(json!({"phase": "Succeeded"})), "0/1", "Succeeded");
    check(&deleted(json!({"phase": "Running", "reason": "NodeLost"})), "0/1", "Unknown");
}

#[test]
fn restarts_tell_when_the_last_one_was() {
    let status = json!([{"name": "c", "restartCount": 2, "ready": true, "state": {"running": {}},
        "lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:14Z"}}}]);
    let pod = pod(&json!({"containers": [{"name": "c"}]}), &json!({"phase": "Running", "containerStatuses": status}));
    let now: Timestamp = "2026-01-01T00:01:00Z".parse().expect("a time");
    assert_eq!(cells(&pod, now)[3], "2 (46s ago)");
}

/// Golden rows observed on a real API server, where they are at hand.
#[test]
fn the_observed_status_table_holds() {
    let folder = std::env::var_os("SKIFF_CASES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("golden/status-table.json")) else {
        println!("skipped: no status table in {}", folder.display());
        return;
    };
    let golden: Value = serde_json::from_str(&text).expect("the table is JSON");
    let rows = golden["rows"].as_array().expect("the table has rows");
    assert!(!rows.is_empty());
    for row in rows {
        let created: Timestamp = row["pod"]["metadata"]["creationTimestamp"].as_str().expect("a time").parse().expect("a time");
        let expected: Vec<&str> =
            row["cells"].as_array().expect("cells").iter().map(|cell| cell.as_str().expect("text")).collect();
        // The moment of observation was not recorded: one of the next seconds gives every cell.
        let observed = (0..5).map(|seconds| cells(&row["pod"], created + jiff::SignedDuration::from_secs(seconds)));
        let candidates: Vec<Vec<String>> = observed.collect();
        assert!(candidates.iter().any(|cells| *cells == expected), "{}: {:?} != {expected:?}", row["case"], candidates[0]);
    }
}
