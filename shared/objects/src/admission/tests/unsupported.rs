//! What would run half is refused; what has no effect, or is probably a mistake, is warned of.

use super::super::{refuse_unsupported, warn_without_effect};
use super::{admitted, create, minimal, patched};
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::{Value, json};

fn typed(patch: &Value) -> Pod {
    Pod::deserialize(admitted(patched(&minimal(), patch))).expect("an admitted pod is one")
}

#[test]
fn what_would_run_half_is_refused_with_the_fields_path() {
    assert!(refuse_unsupported(&typed(&json!({}))).is_empty());
    let supported = json!({"spec": {
        "volumes": [{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}, {"name": "c", "configMap": {"name": "c"}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": "s"}}]}}],
        "imagePullSecrets": [{"name": "s"}], "hostUsers": true, "os": {"name": "linux"},
        "securityContext": {"runAsUser": 1}, "shareProcessNamespace": true, "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}],
        "containers": [{"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": true}],
            "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "R", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}],
            "envFrom": [{"secretRef": {"name": "s"}}], "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
            "securityContext": {"privileged": true, "capabilities": {"add": ["NET_ADMIN"]}, "readOnlyRootFilesystem": true, "runAsGroup": 1}}],
    }});
    assert_eq!(refuse_unsupported(&typed(&supported)), []);
    assert_eq!(warn_without_effect(&typed(&supported)), Vec::<String>::new());
    let refused = json!({"spec": {
        "volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}},
            {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}], "hostUsers": false,
        "initContainers": [{"name": "s", "image": "b", "restartPolicy": "Always"}, {"name": "i", "image": "b", "restartPolicy": "Never",
            "env": [{"name": "N", "valueFrom": {"resourceFieldRef": {"resource": "limits.ephemeral-storage"}}}]}],
        "securityContext": {"fsGroup": 1}, "runtimeClassName": "gvisor",
        "containers": [{"name": "a", "image": "b",
            "env": [{"name": "N", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}}],
            "securityContext": {"runAsNonRoot": true}}],
    }});
    let refused = refuse_unsupported(&typed(&refused));
    let fields: Vec<&str> = refused.iter().map(|cause| cause.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "spec.volumes[0].nfs",
            "spec.volumes[1].projected.sources[0].serviceAccountToken",
            "spec.containers[0].env[0].valueFrom.fileKeyRef",
            "spec.initContainers[1].env[0].valueFrom.resourceFieldRef.resource",
            "spec.initContainers[1].restartPolicy",
            "spec.containers[0].securityContext.runAsNonRoot",
            "spec.securityContext.fsGroup",
            "spec.hostUsers",
            "spec.runtimeClassName",
        ]
    );
    assert_eq!(
        refused[0].message,
        "Forbidden: not supported yet: volumes other than emptyDir, hostPath, configMap, secret, downwardAPI and projected"
    );
    assert_eq!(refused[0].reason, "FieldValueForbidden");
}

#[test]
fn what_has_no_effect_is_warned_of_by_name() {
    let patch = json!({"spec": {"activeDeadlineSeconds": 5, "schedulerName": "mine", "nodeSelector": {"disk": "ssd"},
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]}},
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": {}}]},
        },
        "containers": [{
        "name": "a", "image": "b", "tty": true, "stdin": false, "ports": [{"containerPort": 1, "hostPort": 2}],
        "livenessProbe": {"exec": {"command": ["a"]}}}]}});
    let warned = warn_without_effect(&typed(&patch));
    let fields: Vec<&str> = warned.iter().filter_map(|warning| warning.split(": ").next()).collect();
    assert_eq!(fields, ["spec.containers[0].ports[0].hostPort", "spec.schedulerName"]);
}

#[test]
fn what_is_probably_a_mistake_is_warned_of_in_the_api_servers_words() {
    let patch = json!({"spec": {"terminationGracePeriodSeconds": -1, "containers": [
        {"name": "a", "image": "b", "ports": [{"containerPort": 80, "name": "p"}, {"containerPort": 80}], "resources": {"limits": {"memory": "100m"}}},
        {"name": "c", "image": "b", "ports": [{"containerPort": 80, "hostPort": 8080, "name": "p"}], "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}, {"name": "X", "value": "$(X)3"}]},
    ]}});
    let warned = create(patched(&minimal(), &patch)).expect("the pod is valid").warnings;
    assert_eq!(
        warned,
        [
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
            "spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, must be an integer",
            "spec.containers[0].resources.requests[memory]: fractional byte value \"100m\" is invalid, must be an integer",
            "spec.containers[1].env[1]: hides previous definition of \"X\", which may be dropped when using apply",
            "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
            "spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]",
            "spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[1]",
            "spec.containers[1].ports[0]: duplicate port name \"p\" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]",
        ]
    );
    assert!(create(minimal()).expect("the pod is valid").warnings.is_empty());
}
