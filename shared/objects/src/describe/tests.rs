//! Descriptions, line by line.

use super::{event, node, pod};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::{Value, json};

fn now() -> Zoned {
    "2026-01-01T01:00:00Z".parse::<Timestamp>().expect("a time").to_zoned(TimeZone::UTC)
}

fn kubia() -> Value {
    json!({
        "metadata": {
            "name": "kubia", "namespace": "default", "labels": {"app": "kubia", "tier": "web"},
            "annotations": {"note": "hi", "long": "x".repeat(200), "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "nodeName": "oak",
            "priority": 0,
            "containers": [{
                "name": "kubia", "image": "luksa/kubia:1.0", "command": ["sh", "-c", "a\nb"],
                "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "http"}],
                "resources": {"limits": {"memory": "128Mi"}, "requests": {"cpu": "250m"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
                "env": [
                    {"name": "A", "value": "b"},
                    {"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
                    {"name": "MIB", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
                ],
                "volumeMounts": [{"name": "v", "mountPath": "/z"}, {"name": "v", "mountPath": "/a", "readOnly": true}],
            }],
            "volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}],
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        "status": {
            "phase": "Running", "qosClass": "Burstable", "hostIP": "10.0.0.4", "podIP": "10.1.0.5",
            "podIPs": [{"ip": "10.1.0.5"}], "startTime": "2026-01-01T00:50:00Z",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{
                "name": "kubia", "ready": true, "restartCount": 1, "imageID": "sha256:1", "containerID": "skiff://2",
                "state": {"running": {"startedAt": "2026-01-01T00:52:00Z"}},
                "lastState": {"terminated": {
                    "exitCode": 137, "reason": "OOMKilled", "startedAt": "2026-01-01T00:50:00Z", "finishedAt": "2026-01-01T00:51:00Z",
                }},
            }],
        },
    })
}

const KUBIA: &str = "\
Name:         kubia
Namespace:    default
Priority:     0
Node:         oak/10.0.0.4
Start Time:   Thu, 01 Jan 2026 00:50:00 +0000
Labels:       app=kubia
              tier=web
Annotations:  long:
                LONG...
              note: hi
Status:       Running
IP:           10.1.0.5
IPs:
  IP:  10.1.0.5
Containers:
  kubia:
    Container ID:  skiff://2
    Image:         luksa/kubia:1.0
    Image ID:      sha256:1
    Port:          8080/TCP (http)
    Host Port:     0/TCP (http)
    Command:
      sh
      -c
      a
      b
    State:          Running
      Started:      Thu, 01 Jan 2026 00:52:00 +0000
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
      Started:      Thu, 01 Jan 2026 00:50:00 +0000
      Finished:     Thu, 01 Jan 2026 00:51:00 +0000
    Ready:          True
    Restart Count:  1
    Limits:
      memory:  128Mi
    Requests:
      cpu:     250m
    Liveness:  http-get http://:8080/ delay=0s timeout=0s period=10s successThreshold=0 failureThreshold=0
    Environment:
      A:    b
      IP:   10.1.0.5 (v1:status.podIP)
      MIB:  128 (limits.memory)
    Mounts:
      /a from v (ro)
      /z from v (rw)
Conditions:
  Type    Status
  Ready   True 
Volumes:
  v:
    Type:        EmptyDir (a temporary directory that shares a pod's lifetime)
    Medium:      Memory
    SizeLimit:   <unset>
QoS Class:       Burstable
Node-Selectors:  <none>
Tolerations:     k:NoExecute op=Exists for 300s
";

#[track_caller]
fn check(found: &str, expected: &str) {
    // Line by line, so that a difference is seen at once.
    let (found, expected): (Vec<&str>, Vec<&str>) = (found.lines().collect(), expected.lines().collect());
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "line {}", number + 1);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_pod_is_laid_out_as_kubectl_does() {
    let expected = KUBIA.replace("LONG", &"x".repeat(138)) + "Events:          <none>\n";
    check(&pod(&kubia(), &[], &now()), &expected);
}

#[test]
fn events_stand_in_a_table_at_the_end() {
    let events = [
        json!({
            "type": "Warning", "reason": "BackOff", "message": "Back-off restarting\n", "count": 5, "source": {"component": "kubelet"},
            "firstTimestamp": "2026-01-01T00:50:00Z", "lastTimestamp": "2026-01-01T00:58:00Z",
            "involvedObject": {"fieldPath": "spec.containers{kubia}"},
        }),
        json!({"type": "Normal", "reason": "Scheduled", "message": "Assigned", "eventTime": "2026-01-01T00:50:00.123456Z",
            "reportingComponent": "default-scheduler"}),
    ];
    let described = pod(&kubia(), &events, &now());
    let table = described.split_once("300s\n").expect("the tolerations are last").1;
    let expected = "\
Events:
  Type     Reason     Age               From               Message
  ----     ------     ----              ----               -------
  Normal   Scheduled  9m59s             default-scheduler  Assigned
  Warning  BackOff    2m (x5 over 10m)  kubelet            spec.containers{kubia}: Back-off restarting
";
    check(table, expected);
}

#[test]
fn a_deleted_pod_tells_how_long_it_has_been_terminating() {
    let mut deleted = kubia();
    deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:59:30Z");
    deleted["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    let described = pod(&deleted, &[], &now());
    assert!(
        described.contains("Status:                    Terminating (lasts 30s)\nTermination Grace Period:  30s\n"),
        "{described}"
    );
}

#[test]
fn a_node_tells_what_its_pods_ask_for() {
    let oak = json!({
        "metadata": {"name": "oak", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"taints": [{"key": "a", "value": "v", "effect": "NoExecute"}, {"key": "b", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "110", "example.com/gpu": "1"},
            "addresses": [{"type": "InternalIP", "address": "10.0.0.4"}],
        },
    });
    let mut ended = kubia();
    ended["status"]["phase"] = json!("Succeeded");
    let described = node(&oak, &[kubia(), ended], &[], &now());
    let tail = described.split_once("Kubelet Version:").expect("the system's facts").1;
    let expected = "
Non-terminated Pods:          (1 in total)
  Namespace                   Name     CPU Requests  CPU Limits  Memory Requests  Memory Limits  Age
  ---------                   ----     ------------  ----------  ---------------  -------------  ---
  default                     kubia    250m (12%)    0 (0%)      0 (0%)           128Mi (12%)    <unknown>
Allocated resources:
  (Total limits may be over 100 percent, i.e., overcommitted.)
  Resource           Requests    Limits
  --------           --------    ------
  cpu                250m (12%)  0 (0%)
  memory             0 (0%)      128Mi (12%)
  ephemeral-storage  0 (0%)      0 (0%)
  example.com/gpu    0           0
Events:              <none>
";
    check(tail.trim_start_matches(' '), expected);
    assert!(described.contains("Taints:             a=v:NoExecute\n                    b:NoSchedule\n"), "{described}");
}

#[test]
fn an_init_container_that_needs_more_counts_for_the_pod() {
    use super::resources::{Side, of_pod};
    let mut pod = kubia();
    pod["spec"]["initContainers"] = json!([
        {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
        {"name": "first", "resources": {"requests": {"cpu": "1"}}},
    ]);
    assert_eq!(of_pod(&pod, Side::Requests)["cpu"].canonical(), "1100m");
    pod["spec"]["initContainers"][1]["resources"]["requests"]["cpu"] = json!("100m");
    assert_eq!(of_pod(&pod, Side::Requests)["cpu"].canonical(), "350m");
}

#[test]
fn an_event_shows_every_field_in_words() {
    let described = event(&json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "kubia.1", "namespace": "default", "uid": "u"},
        "involvedObject": {"kind": "Pod", "fieldPath": "spec.containers{kubia}"}, "count": 2, "series": null,
    }));
    let expected = "\
Name:         kubia.1
Namespace:    default
Labels:       <none>
Annotations:  <none>
API Version:  v1
Count:        2
Involved Object:
  Field Path:  spec.containers{kubia}
  Kind:        Pod
Kind:          Event
Metadata:
  UID:   u
Series:  <nil>
";
    check(&described, expected);
}

#[test]
fn anything_at_all_can_be_described() {
    for object in
        [json!(null), json!([1]), json!({"spec": {"containers": [null, {"env": [3], "ports": [{}]}], "volumes": [1, {}]}})]
    {
        let one = std::slice::from_ref(&object);
        let _ = (pod(&object, one, &now()), node(&object, one, &[], &now()), event(&object));
    }
    let hostile = json!({"metadata": {"annotations": {"a": "é".repeat(200)}, "name": "\u{1b}[2J"}});
    assert!(!pod(&hostile, &[], &now()).contains('\u{1b}'));
}
