//! What probes came to is asked of the pod's own node.

use super::Cluster;
use crate::api::tests::{create, object, running};
use crate::probes::history::ProbeRecord;
use control::pod::{ProbeKind, ProbeVerdict};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;
use wire::{DryRun, PodProbes, ProbeRuns, ProbesRequest};

fn of(pod: &str) -> ProbesRequest {
    ProbesRequest { namespace: "default".to_owned(), pod: pod.to_owned() }
}

#[tokio::test]
async fn the_probes_of_a_pod_of_another_node_are_told() {
    let cluster = Cluster::joined().await;
    let probe = json!({"exec": {"command": ["true"]}});
    let container = json!({"name": "main", "image": "box:1", "livenessProbe": probe, "readinessProbe": probe});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probed"}, "spec": {"containers": [container]}});
    let mut uid = String::new();
    for served in [&cluster.near, &cluster.far] {
        let (made, _) = object(&served.client().await, create(pod.clone(), DryRun::No)).await;
        uid = made["metadata"]["uid"].as_str().expect("a uid").to_owned();
        served.put_status_of("n2", "probed", running(0)).await;
    }
    let at = Timestamp::from_millisecond(5_000).expect("a time");
    let (took, verdict, output) = (Duration::from_micros(1_500), ProbeVerdict::Failure, "no".to_owned());
    let record = ProbeRecord { at, took, verdict, output };
    cluster.far.probes.add(&uid, ("main", ProbeKind::Liveness), record);
    let client = cluster.near.client().await;
    let PodProbes { node, probes, .. } = client.probes(of("probed")).await.expect("its probes");
    assert_eq!(node, "n2");
    let [alive, ready] = probes.as_slice() else { panic!("{probes:?}") };
    let run = wire::ProbeRun { at_ms: 5_000, took_us: 1_500, verdict: wire::ProbeVerdict::Failure, output: "no".to_owned() };
    let expected = |probe, runs| ProbeRuns { container: "main".to_owned(), probe, runs };
    assert_eq!(alive, &expected(wire::ProbeKind::Liveness, vec![run]));
    assert_eq!(ready, &expected(wire::ProbeKind::Readiness, Vec::new()), "one that has not run yet");
    assert!(client.probes(of("a")).await.expect("a pod without probes").probes.is_empty());
    let missing = client.probes(of("none")).await.expect_err("there is none");
    assert_eq!(missing.to_string(), "pods \"none\" not found");
}
