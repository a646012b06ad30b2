//! Every rule that a pod breaks is told, in the API server's words.

use super::{causes, create, merge, minimal, patched};
use serde_json::{Value, json};

#[test]
fn every_fault_is_reported_at_once() {
    let faults = causes(&json!({
        "metadata": {"name": "A", "labels": {"-": "ok"}},
        "spec": {"restartPolicy": "Sometimes", "hostname": "a.b", "nodeSelector": {"a": "b c"}, "activeDeadlineSeconds": 0,
                 "containers": [{"name": "B", "image": "", "ports": [{"containerPort": 70000}]}]},
    }));
    let fields: Vec<&str> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
    assert_eq!(
        fields,
        [
            "metadata.name",
            "metadata.labels",
            "spec.containers[0].name",
            "spec.containers[0].image",
            "spec.containers[0].ports[0].containerPort",
            "spec.restartPolicy",
            "spec.nodeSelector",
            "spec.activeDeadlineSeconds",
            "spec.hostname",
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn rules_that_kubernetes_has_hold_here() {
    let container = |patch: Value| {
        let mut one = json!({"name": "a", "image": "b"});
        merge(&mut one, &patch);
        json!({"spec": {"volumes": [{"name": "v"}], "containers": [one]}})
    };
    for (patch, expected) in [
        (
            container(json!({"env": [{"name": "a=b"}]})),
            "spec.containers[0].env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
        (
            container(json!({"env": [{"name": "a", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]})),
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
        ),
        (
            container(json!({"env": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a b']"}}}]})),
            "spec.containers[0].env[0].valueFrom.fieldRef: Invalid value: \"a b\": name part must consist of",
        ),
        (
            container(json!({"env": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]})),
            "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"status.phase\": supported values: \"metadata.name\"",
        ),
        (
            container(json!({"resources": {"limits": {"gpu": "1"}}})),
            "spec.containers[0].resources.limits[gpu]: Invalid value: \"gpu\": must be a standard resource type or fully qualified",
        ),
        (
            container(json!({"livenessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}})),
            "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            container(json!({"readinessProbe": {"exec": {"command": ["a"]}, "terminationGracePeriodSeconds": 1}})),
            "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes",
        ),
        (
            container(
                json!({"livenessProbe": {"httpGet": {"port": 1, "scheme": "ftp", "httpHeaders": [{"name": "a b", "value": ""}]}}}),
            ),
            "spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: \"ftp\": supported values: \"HTTP\", \"HTTPS\"",
        ),
        (
            container(json!({"volumeMounts": [{"name": "w", "mountPath": "/x"}]})),
            "spec.containers[0].volumeMounts[0].name: Not found: \"w\"",
        ),
        (
            container(json!({"volumeMounts": [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}]})),
            "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be unique",
        ),
        (
            container(json!({"volumeMounts": [{"name": "v", "mountPath": "/x", "mountPropagation": "Bidirectional"}]})),
            "spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
        ),
        (
            container(json!({"securityContext": {"runAsUser": -1}})),
            "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        ),
        (
            json!({"spec": {"hostPID": true, "shareProcessNamespace": true}}),
            "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
        ),
        (
            json!({"spec": {"dnsConfig": {"nameservers": ["1.2.3"]}}}),
            "spec.dnsConfig.nameservers[0]: Invalid value: \"1.2.3\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
        (
            json!({"spec": {"dnsConfig": {"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]}}}),
            "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]: must not have more than 3 nameservers",
        ),
        (
            json!({"spec": {"tolerations": [{"key": "a", "operator": "Like"}]}}),
            "spec.tolerations[0].operator: Unsupported value: \"Like\": supported values: \"Equal\", \"Exists\"",
        ),
        (
            json!({"spec": {"hostNetwork": true, "containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 80, "hostPort": 81}]}]}}),
            "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
        ),
        (
            json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}}}),
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
        ),
        (
            json!({"spec": {"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]}}),
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        ),
        (
            json!({"spec": {"schedulingGates": [{"name": "g"}], "nodeName": "n"}}),
            "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
        ),
        (
            json!({"metadata": {"annotations": {"a": "x".repeat(300_000)}}}),
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
        (json!({"metadata": {"finalizers": ["a b"]}}), "metadata.finalizers: Invalid value: \"a b\": name part must consist of"),
    ] {
        let found = causes(&patch);
        assert!(found.first().is_some_and(|fault| fault.starts_with(expected)), "wanted {expected}\n got {found:?}");
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_in_the_api_servers_words() {
    let message = |value: Value| create(value).map_or_else(|status| status.message, |_| "admitted".to_owned());
    let of_pod = |words: &str| format!("Pod in version \"v1\" cannot be handled as a Pod: {words}");
    assert_eq!(message(json!({"kind": "Pod"})), "Object 'apiVersion' is missing in '{\"kind\":\"Pod\"}'");
    assert_eq!(message(json!({"apiVersion": "v1"})), "Object 'Kind' is missing in '{\"apiVersion\":\"v1\"}'");
    assert_eq!(
        message(json!({"apiVersion": "apps/v1", "kind": "StatefulSet"})),
        "no matches for kind \"StatefulSet\" in version \"apps/v1\""
    );
    for (patch, words) in [
        (
            json!({"spec": {"foo": 1, "bar": {}}, "status": {"x": 1}}),
            "strict decoding error: unknown field \"spec.bar\", unknown field \"spec.foo\", unknown field \"status.x\"",
        ),
        (
            json!({"metadata": {"labels": {"a": 1.1}}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            json!({"spec": {"containers": {}}}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            json!({"spec": {"containers": ["a"]}}),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (json!({"spec": "a"}), "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"),
        (
            json!({"spec": {"hostNetwork": "yes"}}),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            json!({"spec": {"restartPolicy": true}}),
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
        ),
        (
            json!({"spec": {"terminationGracePeriodSeconds": 1.5}}),
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
        ),
        (
            json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}}),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ] {
        assert_eq!(message(patched(&minimal(), &patch)), of_pod(words));
    }
}

#[test]
fn requests_for_another_namespace_are_refused() {
    let status = create(patched(&minimal(), &json!({"metadata": {"namespace": "other"}}))).expect_err("the namespaces differ");
    assert_eq!(
        (status.code, status.message.as_str()),
        (400, "the namespace of the provided object does not match the namespace sent on the request")
    );
}
