//! Why objects are not ready.

use super::{Lead, NodeView, node, pod};
use crate::console::model::row::Tone;
use serde_json::{Value, json};

fn with(status: &Value) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "oak", "containers": [{"name": "web", "image": "kubia",
            "readinessProbe": {"httpGet": {"path": "/ok", "port": 8080}}}]},
        "status": {"phase": "Running", "podIP": "10.1.1.1", "containerStatuses": [status]},
    })
}

fn event(reason: &str, message: &str, path: &str) -> Value {
    json!({"reason": reason, "message": message, "type": "Warning", "count": 4, "lastTimestamp": "2026-01-01T00:01:00Z",
        "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": path}})
}

fn check(pod: &Value, events: &[Value], tone: Tone, verdict: &str, lead: &Lead) {
    let why = super::pod(pod, events, &NodeView::default());
    assert_eq!(why.tone, tone, "{why:?}");
    assert!(why.verdict.contains(verdict), "{why:?}");
    assert!(why.steps.iter().any(|step| step.leads.contains(lead)), "{why:?}");
}

#[test]
fn a_crash_names_the_code_and_leads_to_the_log_before() {
    let status = json!({"name": "web", "restartCount": 5, "ready": false, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 127, "reason": "Error", "finishedAt": "2026-01-01T00:00:30Z"}}});
    let log = Lead::Log { container: "web".to_owned(), is_previous: true };
    check(&with(&status), &[], Tone::Bad, "5 restarts); it exited with code 127", &log);
    let why = pod(&with(&status), &[], &NodeView::default());
    let details = why.steps.iter().flat_map(|step| &step.details).cloned().collect::<Vec<_>>().join(" ");
    assert!(details.contains("not found in the image"), "{details}");
}

#[test]
fn memory_an_image_and_a_probe_are_told_apart() {
    let killed = json!({"name": "web", "restartCount": 1, "ready": false, "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
    check(&with(&killed), &[], Tone::Bad, "more memory than its limit", &Lead::Edit);
    let image = json!({"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off"}}});
    let failed = event("Failed", "manifest unknown", "spec.containers{web}");
    check(&with(&image), &[failed], Tone::Bad, "its image kubia cannot be had", &Lead::Events);
    let running =
        json!({"name": "web", "ready": false, "started": true, "state": {"running": {"startedAt": "2026-01-01T00:00:30Z"}}});
    check(&with(&running), &[], Tone::Busy, "has not passed yet: GET http :8080/ok", &Lead::Probes);
    let unhealthy = event("Unhealthy", "Readiness probe failed: 503", "spec.containers{web}");
    check(&with(&running), &[unhealthy], Tone::Bad, "its readiness probe fails", &Lead::Probes);
}

#[test]
fn what_was_well_when_a_node_was_seen_last_is_not_told_to_be_so_now() {
    let since = "2026-01-01T00:02:00Z".parse().ok();
    let running = json!({"name": "web", "ready": true, "started": true, "state": {"running": {"startedAt": "2026-01-01T00:00:30Z"}},
            "restartCount": 1, "lastState": {"terminated": {"exitCode": 137}}});
    let why = super::pod(&with(&running), &[], &NodeView { unseen_since: since, object: None });
    let tones: Vec<(&str, Tone)> = why.steps.iter().map(|step| (step.what.as_str(), step.tone)).collect();
    let after = [("node", Tone::Bad), ("sandbox", Tone::Plain), ("container web", Tone::Plain)];
    assert_eq!(tones[2..], after, "{why:?}");
    assert_eq!(why.steps[4].details, ["started once again; before, it exited with code 137"]);
    let unknown = |kind: &str| json!({"type": kind, "status": "Unknown"});
    let lost = json!({"metadata": {"name": "oak"}, "status": {"conditions": [unknown("MemoryPressure"), unknown("Ready")]},
        "spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}});
    let why = node(&lost, since);
    let tones: Vec<Tone> = why.steps.iter().map(|step| step.tone).collect();
    assert_eq!(tones, [Tone::Bad, Tone::Plain, Tone::Bad, Tone::Warn], "{why:?}");
    assert!(why.steps[3].says.starts_with("node.kubernetes.io/unreachable:NoExecute; "), "{why:?}");
}

#[test]
fn a_pod_nobody_takes_says_what_the_scheduler_said() {
    let mut pending = with(&json!({"name": "web"}));
    pending["spec"]["nodeName"] = json!("");
    let failed = event("FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.", "");
    check(&pending, &[failed], Tone::Bad, "3 Insufficient cpu", &Lead::Edit);
    check(&pending, &[], Tone::Busy, "no node has been chosen yet", &Lead::Events);
    pending["spec"]["schedulingGates"] = json!([{"name": "wait"}]);
    check(&pending, &[], Tone::Warn, "scheduling gates: wait", &Lead::Edit);
}

#[test]
fn containers_wait_for_the_init_container_that_fails() {
    let mut held = with(&json!({"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}));
    held["spec"]["initContainers"] = json!([{"name": "setup", "image": "busybox"}]);
    held["status"]["initContainerStatuses"] = json!([{"name": "setup", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 2, "message": "no table\n"}}}]);
    let why = pod(&held, &[], &NodeView::default());
    assert!(why.verdict.starts_with("init setup: "), "{why:?}");
    let last = why.steps.last().expect("a step");
    assert_eq!((last.tone, last.says.as_str()), (Tone::Plain, "waits for the step before"));
}

#[test]
fn volumes_that_are_not_there_and_nodes_that_are_not_seen() {
    let creating = with(&json!({"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}}));
    let mount = event("FailedMount", "configmap \"app\" not found", "");
    check(&creating, &[mount], Tone::Bad, "volumes: configmap \"app\" not found", &Lead::Edit);
    let view = NodeView { unseen_since: Some("2026-01-01T00:00:00Z".parse().expect("a time")), object: None };
    assert!(pod(&creating, &[], &view).verdict.contains("oak is not seen"));
}

#[test]
fn a_ready_pod_and_one_that_has_ended_have_nothing_wrong() {
    let mut ready = with(&json!({"name": "web", "ready": true, "state": {"running": {}}}));
    ready["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    assert_eq!(pod(&ready, &[], &NodeView::default()).verdict, "It is ready.");
    let mut done = with(&json!({"name": "web", "state": {"terminated": {"exitCode": 0}}}));
    done["status"]["phase"] = json!("Succeeded");
    assert_eq!(pod(&done, &[], &NodeView::default()).tone, Tone::Done);
}

#[test]
fn a_node_says_what_keeps_pods_away() {
    let mut object = json!({"metadata": {"name": "oak"}, "status": {"conditions": [
        {"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "False"}]}});
    assert_eq!(node(&object, None).tone, Tone::Ok);
    object["spec"] = json!({"unschedulable": true});
    assert!(node(&object, None).verdict.contains("no new pods"));
    object["status"]["conditions"][1] = json!({"type": "DiskPressure", "status": "True", "message": "little is free"});
    let why = node(&object, None);
    assert_eq!((why.tone, why.verdict.as_str()), (Tone::Bad, "DiskPressure: True"));
}
