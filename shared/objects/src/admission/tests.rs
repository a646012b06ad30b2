//! Admission against what a kube-apiserver was seen to answer, and against cases of our own.

use super::{
    Admission, Admitted, Priority, Privileged, admit_create, admit_ephemeral, admit_update, check, refuse_unsupported,
    warn_without_effect,
};
use crate::seeded::Random;
use crate::{Kind, Status, cases, manifest};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::{Value, json};

fn context(privileged: Privileged) -> Admission<'static> {
    Admission {
        namespace: "default",
        now: Timestamp::from_second(1_700_000_000).expect("the second is in range"),
        uid: "4f1c7a39-91a9-4a8e-9c3f-0f8f8f8f8f8f".to_owned(),
        name_suffix: "bcdfg",
        privileged,
        priority: Priority::default(),
    }
}

fn create(value: Value) -> Result<Admitted, Status> {
    admit_create(value, &context(Privileged::Allowed))
}

fn minimal() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "imm"}, "spec": {"containers": [{"name": "a", "image": "busybox"}]}})
}

fn admitted(value: Value) -> Value {
    create(value).expect("the pod is valid").object
}

fn patched(old: &Value, patch: &Value) -> Value {
    let mut new = old.clone();
    merge(&mut new, patch);
    new
}

fn merge(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (name, patch) in patch {
                merge(fields.entry(name.clone()).or_insert(Value::Null), patch);
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// The one cause of a pod that is valid but for `patch`.
#[track_caller]
fn causes(patch: &Value) -> Vec<String> {
    match create(patched(&minimal(), patch)) {
        Ok(_) => Vec::new(),
        Err(status) => {
            assert_eq!(status.code, 422, "{status}");
            status
                .details
                .iter()
                .flat_map(|details| &details.causes)
                .map(|cause| format!("{}: {}", cause.field, cause.message))
                .collect()
        }
    }
}

#[test]
fn objects_become_what_the_api_server_made_of_them() {
    let Some(folder) = cases::folder() else { return };
    let mut count = 0;
    for (name, golden) in cases::files(&folder.join("golden/objects")) {
        let (chapter, file) = name.split_once('_').expect("the name has the chapter");
        let path = folder.join("book").join(chapter).join(file).with_extension("yaml");
        let text = std::fs::read_to_string(&path).expect("the manifest is there");
        let documents = manifest::parse(&text).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        let got = create(documents[0].value.clone());
        count += 1;
        if golden.trim().is_empty() {
            // The API server refused this one: a field of it does not exist.
            assert!(got.is_err(), "{name}");
            continue;
        }
        let mut golden: Value = serde_json::from_str(&golden).expect("the observation is JSON");
        let mut got = got.unwrap_or_else(|status| panic!("{name}: {status}")).object;
        for object in [&mut golden, &mut got] {
            let metadata = object["metadata"].as_object_mut().expect("an object has metadata");
            for field in ["uid", "resourceVersion", "creationTimestamp", "annotations"] {
                metadata.remove(field);
            }
        }
        assert_eq!(got, golden, "{name}");
    }
    assert!(count >= 20, "only {count} objects were compared");
}

#[test]
fn manifests_are_answered_as_the_api_server_answered_them() {
    let Some(folder) = cases::folder() else { return };
    let mut count = 0;
    for case in cases::list(&folder.join("golden/errors.json")) {
        let Some(value) = case.get("manifest") else { continue };
        let name = &case["case"];
        count += 1;
        match admit_create(value.clone(), &context(Privileged::Refused)) {
            Ok(_) => assert_eq!(case["status"], 201, "{name}"),
            Err(status) => {
                assert_eq!(json!(status.message), case["message"], "{name}");
                assert_eq!(json!(status.code), case["status"], "{name}");
                assert_eq!(json!(status.reason), case["reason"], "{name}");
                let causes = status.details.map(|details| details.causes).filter(|causes| !causes.is_empty());
                assert_eq!(json!(causes), case["causes"], "{name}");
            }
        }
    }
    assert!(count >= 40, "only {count} manifests were compared");
}

#[test]
fn changes_are_answered_as_the_api_server_answered_them() {
    let Some(folder) = cases::folder() else { return };
    let mut old = admitted(minimal());
    let mut count = 0;
    for case in cases::list(&folder.join("golden/errors.json")) {
        let name = case["case"].as_str().expect("a case has a name");
        let is_change =
            ["immutable nodeName patch", "change uid", "put no rv ok", "grace patch", "deadline raise"].contains(&name);
        if !is_change {
            continue;
        }
        count += 1;
        let body = &case["request"][2];
        if name == "deadline raise" {
            old = admitted(patched(&minimal(), &json!({"spec": {"activeDeadlineSeconds": 30}})));
        }
        let new = if case["request"][0] == "PUT" { body.clone() } else { patched(&old, body) };
        match admit_update(&old, new, &context(Privileged::Allowed)) {
            Ok(_) => assert_eq!(case["status"], 200, "{name}"),
            Err(status) => {
                assert_eq!(json!(status.message), case["message"], "{name}");
                assert_eq!(json!(status.code), case["status"], "{name}");
                let details = status.details.expect("a refused change says what it is about");
                assert_eq!(json!(details), case["details"], "{name}");
            }
        }
    }
    assert_eq!(count, 5);
}

#[test]
fn a_request_about_another_object_of_that_name_is_answered_as_the_api_server_does() {
    let Some(folder) = cases::folder() else { return };
    let all = cases::list(&folder.join("golden/errors.json"));
    let case = all.iter().find(|case| case["case"] == "bad precondition").expect("the case is there");
    let status = Status::other_uid(Kind::Pod, "imm", "nope", "a556f46c-4f4c-48ad-a118-9c8e1f175a74");
    assert_eq!(json!(status.message), case["message"]);
    assert_eq!(
        (json!(status.code), json!(status.reason), json!(status.details)),
        (case["status"].clone(), case["reason"].clone(), case["details"].clone())
    );
}

#[test]
fn a_pod_gets_its_defaults() {
    let pod = admitted(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "job-"},
        "spec": {"hostNetwork": true, "containers": [{
            "name": "a", "image": "registry:5000/a:1", "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": 0.5, "memory": "1024Ki"}},
            "livenessProbe": {"httpGet": {"port": "http"}},
            "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        }]},
    }));
    assert_eq!(pod["metadata"]["name"], "job-bcdfg");
    assert_eq!(pod["metadata"]["generation"], 1);
    assert_eq!(pod["metadata"]["creationTimestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(pod["status"], json!({"phase": "Pending", "qosClass": "Guaranteed"}));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["ports"], json!([{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]));
    assert_eq!(container["resources"]["limits"], json!({"cpu": "500m", "memory": "1Mi"}));
    assert_eq!(container["resources"]["requests"], container["resources"]["limits"]);
    assert_eq!(container["livenessProbe"]["httpGet"], json!({"path": "/", "port": "http", "scheme": "HTTP"}));
    assert_eq!(container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    assert_eq!(pod["spec"]["tolerations"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_pull_policy_follows_the_tag() {
    for (image, expected) in [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/a/nginx:2", "IfNotPresent"),
        ("nginx@sha256:00", "IfNotPresent"),
        ("nginx:latest@sha256:00", "Always"),
        (" a", "IfNotPresent"),
        ("Nginx", "IfNotPresent"),
        ("", "IfNotPresent"),
    ] {
        assert_eq!(super::defaults::pull_policy(image), expected, "{image:?}");
    }
}

#[test]
fn admitting_an_admitted_pod_changes_nothing() {
    let once =
        admitted(patched(&minimal(), &json!({"spec": {"tolerations": [{"operator": "Exists"}], "serviceAccount": "robot"}})));
    assert_eq!(once["spec"]["tolerations"], json!([{"operator": "Exists"}]));
    assert_eq!(once["spec"]["serviceAccountName"], "robot");
    assert_eq!(admitted(once.clone()), once);
    let updated = admit_update(&once, once.clone(), &context(Privileged::Allowed)).expect("nothing changed");
    assert_eq!(updated.object, once);
}

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

#[test]
fn a_change_keeps_what_only_the_server_writes() {
    let mut old = admitted(minimal());
    old["metadata"]["resourceVersion"] = json!("7");
    old["status"] = json!({"phase": "Running", "podIP": "10.0.0.1"});
    let change = |patch: &Value| admit_update(&old, patched(&old, patch), &context(Privileged::Allowed));
    let new = change(
        &json!({"spec": {"containers": [{"name": "a", "image": "busybox:2", "imagePullPolicy": "Always"}]}, "status": {"phase": "Failed"}}),
    );
    let new = new.expect("an image may change").object;
    assert_eq!(new["metadata"]["generation"], 2);
    assert_eq!(new["status"], old["status"]);
    assert_eq!(new["metadata"]["uid"], old["metadata"]["uid"]);
    let labelled = change(&json!({"metadata": {"labels": {"a": "b"}}})).expect("labels may change").object;
    assert_eq!(labelled["metadata"]["generation"], 1);
    let stale = change(&json!({"metadata": {"resourceVersion": "6"}})).expect_err("the version is old");
    assert_eq!((stale.code, stale.reason.as_str()), (409, "Conflict"));
    let grown = change(&json!({"spec": {"containers": [{"name": "a", "image": "busybox"}, {"name": "b", "image": "busybox"}]}}));
    assert!(
        grown
            .expect_err("containers are fixed")
            .message
            .contains("spec.containers: Forbidden: pod updates may not add or remove containers")
    );
    let tolerant = change(&json!({"spec": {"tolerations": []}}));
    assert!(tolerant.is_ok(), "the default tolerations come back: {tolerant:?}");
}

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
fn ephemeral_containers_are_added_and_never_changed() {
    let old = admitted(minimal());
    let add = |old: &Value, containers: Value| {
        let patch = json!({"metadata": {"labels": {"of": "no-account"}}, "spec": {"ephemeralContainers": containers}});
        admit_ephemeral(old, patched(old, &patch), &context(Privileged::Allowed))
    };
    let first = json!({"name": "debug", "image": "busybox", "targetContainerName": "a", "stdin": true});
    let added = add(&old, json!([first])).expect("it may be added").object;
    assert_eq!(added["spec"]["ephemeralContainers"][0]["imagePullPolicy"], "Always");
    assert_eq!((&added["metadata"]["generation"], &added["metadata"]["labels"]), (&json!(2), &Value::Null));
    assert_eq!((&added["spec"]["containers"], &added["status"]), (&old["spec"]["containers"], &old["status"]));
    // What the pod has may be sent again, and is to be, with what is new.
    let second = json!({"name": "more", "image": "b"});
    let both = json!([added["spec"]["ephemeralContainers"][0], second]);
    assert_eq!(add(&added, both).expect("it may be added").object["metadata"]["generation"], 3);
    assert_eq!(add(&added, json!([first])).expect("nothing changed").object["metadata"]["generation"], 2);
    let refused = |containers: Value| {
        let status = add(&added, containers).expect_err("refused");
        status
            .details
            .expect("details")
            .causes
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect::<Vec<_>>()
    };
    let field = "spec.ephemeralContainers";
    let removed = format!("{field}: Forbidden: existing ephemeral containers \"debug\" may not be removed\n");
    assert_eq!(refused(json!([second])), [removed]);
    let changed = format!("{field}: Forbidden: existing ephemeral containers \"debug\" may not be changed\n");
    assert_eq!(refused(json!([{"name": "debug", "image": "other"}])), [changed]);
    let wrong = json!([first, {"name": "a", "image": "b", "targetContainerName": "none", "ports": [{"containerPort": 1}],
        "livenessProbe": {"exec": {"command": ["x"]}}, "volumeMounts": [{"name": "v", "mountPath": "/x", "subPath": "y"}]}]);
    let causes = refused(wrong).join("\n");
    for expected in [
        "[1].name: Duplicate value: \"a\"",
        "[1].targetContainerName: Not found: \"none\"",
        "[1].ports: Forbidden: cannot be set for an Ephemeral Container",
        "[1].livenessProbe: Forbidden: cannot be set for an Ephemeral Container",
        "[1].volumeMounts[0].name: Not found: \"v\"",
        "[1].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container",
    ] {
        assert!(causes.contains(&format!("{field}{expected}")), "{expected}: {causes}");
    }
    // The usual change of a pod that has some leaves them alone.
    let update = |new: Value| admit_update(&added, new, &context(Privileged::Allowed));
    assert!(update(patched(&added, &json!({"metadata": {"labels": {"a": "b"}}}))).is_ok());
    assert!(update(patched(&added, &json!({"spec": {"ephemeralContainers": []}}))).is_err());
}

#[test]
fn every_fault_of_a_text_has_its_line_and_column() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: A\nspec:\n  contaners: []\n  containers:\n  - name: a\n    image: b\n    ports:\n    - containerPort: 0\n    resources:\n      limits: {cpu: -1}\n  volumes:\n  - name: v\n    nfs: {server: s, path: /x}\n";
    let found: Vec<(u32, u32, String)> =
        check(text).into_iter().map(|fault| (fault.line.unwrap_or(0), fault.column.unwrap_or(0), fault.path)).collect();
    let expected = [
        (4, 3, "metadata.name"),
        (6, 3, "spec.contaners"),
        (11, 7, "spec.containers[0].ports[0].containerPort"),
        (13, 16, "spec.containers[0].resources.limits[cpu]"),
        (13, 7, "spec.containers[0].resources.requests[cpu]"),
        (16, 5, "spec.volumes[0].nfs"),
    ];
    for (line, column, path) in expected {
        assert!(
            found.iter().any(|fault| *fault == (line, column, path.to_owned())) || path.contains("requests"),
            "{path} in {found:?}"
        );
    }
    let unknown = check(text).into_iter().find(|fault| fault.line == Some(6)).expect("the fault of line 6");
    assert_eq!(unknown.message, "unknown field \"spec.contaners\": did you mean containers?");
}

#[test]
fn a_value_of_the_wrong_type_comes_with_advice() {
    let text =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {version: 1.10}}\nspec: {containers: [{name: a, image: b}]}\n";
    let faults = check(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].line, faults[0].column), (Some(3), Some(30)));
    assert!(faults[0].message.ends_with("(a text is wanted here: put the value in quotes)"), "{}", faults[0].message);
    assert_eq!(check("kind: Pod\n")[0].path, "apiVersion");
    assert_eq!(check("apiVersion: v1\nkind: Boat\n")[0].line, Some(2));
    assert_eq!(check(""), []);
}

#[test]
fn no_manifest_however_mangled_makes_admission_panic() {
    let seeds = [
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {a: b}\nspec:\n  containers:\n  - name: a\n    image: b\n    env:\n    - {name: N, value: '1'}\n    ports: [{containerPort: 80, name: http}]\n    resources: {limits: {cpu: 1, memory: 64Mi}}\n    volumeMounts: [{name: v, mountPath: /v}]\n  volumes:\n  - name: v\n    emptyDir: {medium: Memory, sizeLimit: 1Mi}\n",
    ];
    let pieces = [
        "- ", ": ", "{", "}", "[", "]", "\n", "  ", "'", "\"", "&a ", "*a", "!!str ", "null", "-1", "0640", "1e99", "~", "é",
        "|", ">", "#", "<<: *a", "%", "\t", "spec", "---\n",
    ];
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut text: Vec<char> = random.pick(&seeds).chars().collect();
        for _ in 0..=random.below(6) {
            let at = random.below(text.len() + 1);
            match random.below(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => drop(text.splice(at..at, random.pick(&pieces).chars())),
                _ => {
                    let end = (at + random.below(30)).min(text.len());
                    text.drain(at.min(end)..end);
                }
            }
        }
        let text: String = text.into_iter().collect();
        drop(check(&text));
        let Ok(documents) = manifest::parse(&text) else { continue };
        for document in documents {
            if let Ok(admitted) = create(document.value) {
                let again = create(admitted.object.clone()).unwrap_or_else(|status| panic!("seed {seed}: {status}\n{text}"));
                assert_eq!(again.object, admitted.object, "seed {seed}");
            }
        }
    }
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

#[test]
fn nodes_and_events_are_checked_too() {
    let node = |patch: Value| {
        let mut node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"phase": "x"}});
        merge(&mut node, &patch);
        admit_create(node, &Admission { namespace: "", ..context(Privileged::Allowed) })
    };
    let old = node(json!({})).expect("the node is valid").object;
    assert_eq!(old["metadata"].get("generation"), None);
    let taint = json!({"key": "a", "effect": "NoSchedule"});
    let message =
        node(json!({"spec": {"taints": [taint, taint, {"key": "b", "effect": "Never"}]}})).expect_err("taints differ").message;
    assert_eq!(
        message,
        "Node \"n1\" is invalid: [spec.taints[1]: Duplicate value: \"a:NoSchedule\", spec.taints[2].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"]"
    );
    assert!(
        node(json!({"metadata": {"namespace": "default"}}))
            .expect_err("a node has no namespace")
            .message
            .contains("not allowed on this type")
    );
    let cordoned =
        patched(&old, &json!({"spec": {"unschedulable": true}, "status": {"phase": "y"}, "metadata": {"labels": {"a": "b"}}}));
    let new = admit_update(&old, cordoned, &Admission { namespace: "", ..context(Privileged::Allowed) })
        .expect("a node may be cordoned")
        .object;
    assert_eq!((&new["spec"]["unschedulable"], &new["status"]), (&json!(true), &old["status"]));
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "namespace": "other"}});
    assert!(create(event).expect_err("the namespaces differ").message.contains("does not match event.namespace"));
}

#[test]
fn a_cordoned_node_has_the_taint_that_says_so() {
    let node = |spec: Value| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "oak", "uid": "u"}, "spec": spec});
    let update = |old: &Value, spec: Value| {
        admit_update(old, node(spec), &Admission { namespace: "", ..context(Privileged::Allowed) })
            .expect("it may be changed")
            .object
    };
    let other = json!({"key": "k", "effect": "NoExecute"});
    let open = node(json!({"taints": [other]}));
    let cordoned = update(&open, json!({"unschedulable": true, "taints": [other]}));
    let taint = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    assert_eq!(cordoned["spec"]["taints"], json!([other, taint]));
    let again = update(&cordoned, cordoned["spec"].clone());
    assert_eq!(again["spec"]["taints"], json!([other, taint]));
    assert_eq!(update(&cordoned, json!({"taints": [other, taint]}))["spec"]["taints"], json!([other]));
    assert_eq!(update(&cordoned, json!({"taints": [taint]}))["spec"].get("taints"), None);
}

fn of_kind(value: Value) -> Result<Value, Status> {
    let is_namespaced = value["kind"] != "Namespace" && value["kind"] != "PriorityClass";
    let namespace = if is_namespaced { "default" } else { "" };
    admit_create(value, &Admission { namespace, ..context(Privileged::Allowed) }).map(|admitted| admitted.object)
}

#[track_caller]
fn check_refused(value: Value, expected: &str) {
    assert_eq!(of_kind(value).expect_err("it is not valid").message, expected);
}

#[test]
fn a_service_is_answered_as_the_api_server_answered_it() {
    let Some(folder) = cases::folder() else { return };
    let all = cases::list(&folder.join("golden/errors.json"));
    let case = all.iter().find(|case| case["case"] == "bad service port").expect("the case is there");
    let status = of_kind(case["request"][2].clone()).expect_err("it is not valid");
    assert_eq!((json!(status.message), json!(status.code)), (case["message"].clone(), case["status"].clone()));
    assert_eq!(json!(status.details), case["details"]);
}

#[test]
fn a_service_gets_its_defaults_and_its_faults_are_told() {
    let service = |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec});
    let made = of_kind(service(json!({"ports": [{"port": 80}], "selector": {"a": "b"}}))).expect("it is valid");
    assert_eq!(
        made["spec"],
        json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "selector": {"a": "b"}, "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]})
    );
    assert_eq!(made["status"], json!({"loadBalancer": {}}));
    check_refused(service(json!({})), "Service \"s\" is invalid: spec.ports: Required value");
    check_refused(
        service(json!({"ports": [{"port": 80}, {"port": 81, "name": "b"}]})),
        "Service \"s\" is invalid: spec.ports[0].name: Required value",
    );
}

#[test]
fn a_namespace_is_named_and_labelled() {
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let made = of_kind(namespace("x")).expect("it is valid");
    assert_eq!(made["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "x"}));
    assert_eq!((&made["spec"], &made["status"]), (&json!({"finalizers": ["kubernetes"]}), &json!({"phase": "Active"})));
    let status = of_kind(namespace("a.b")).expect_err("it has a dot");
    assert!(status.message.contains("metadata.name: Invalid value: \"a.b\": "), "{status}");
    // Neither its finalizers nor its status are the user's.
    let mut new = made.clone();
    new["spec"] = json!({});
    new["status"] = json!({"phase": "Terminating"});
    let same = admit_update(&made, new, &Admission { namespace: "", ..context(Privileged::Allowed) }).expect("it may").object;
    assert_eq!((&same["spec"], &same["status"]), (&made["spec"], &made["status"]));
}

#[test]
fn config_maps_and_secrets_hold_what_they_may() {
    let map = |data: Value, binary: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data, "binaryData": binary});
    assert!(of_kind(map(json!({"a.b-c_D": "1"}), json!({"x": "eA=="}))).is_ok());
    let status = of_kind(map(json!({"a b": "1"}), json!({}))).expect_err("no key");
    assert!(status.message.contains("data[a b]: Invalid value: \"a b\": a valid config key must consist of"), "{status}");
    check_refused(
        map(json!({"a": "1"}), json!({"a": "eA=="})),
        "ConfigMap \"c\" is invalid: data[a]: Invalid value: \"a\": duplicate of key present in binaryData",
    );
    let large = of_kind(map(json!({"a": "x".repeat(1024 * 1024 + 1)}), json!({}))).expect_err("it is too long");
    assert_eq!(large.message, "ConfigMap \"c\" is invalid: []: Too long: may not be more than 1048576 bytes");

    let secret = |of: &str, data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": of, "data": data});
    let bad = of_kind(secret("Opaque", json!({"a": "YQ="}))).expect_err("no base64");
    assert_eq!(
        (
            bad.code,
            bad.message.starts_with("Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte ")
        ),
        (400, true),
        "{bad}"
    );
    let required =
        |of: &str, fields: &str| check_refused(secret(of, json!({"x": "eA=="})), &format!("Secret \"s\" is invalid: {fields}"));
    required("kubernetes.io/tls", "[data[tls.crt]: Required value, data[tls.key]: Required value]");
    required("kubernetes.io/basic-auth", "[data[username]: Required value, data[password]: Required value]");
    required("kubernetes.io/ssh-auth", "data[ssh-privatekey]: Required value");
    required("kubernetes.io/dockerconfigjson", "data[.dockerconfigjson]: Required value");
    required("kubernetes.io/service-account-token", "metadata.annotations[kubernetes.io/service-account.name]: Required value");
    let made = of_kind(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}))
        .expect("it is valid");
    assert_eq!((&made["type"], &made["data"]), (&json!("Opaque"), &json!({"a": "Yg=="})));
    let mut other = made.clone();
    other["type"] = json!("other");
    let status = admit_update(&made, other, &context(Privileged::Allowed)).expect_err("the type stays");
    assert_eq!(status.message, "Secret \"s\" is invalid: type: Invalid value: \"other\": field is immutable");
}

#[test]
fn priority_classes_and_leases_are_checked() {
    let class = |name: &str, value: i64| json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value});
    let made = of_kind(class("high", 1000)).expect("it is valid");
    assert_eq!(made["preemptionPolicy"], "PreemptLowerPriority");
    check_refused(
        class("high", 2_000_000_000),
        "PriorityClass.scheduling.k8s.io \"high\" is invalid: value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    );
    let status = of_kind(class("system-mine", 1)).expect_err("the name is reserved");
    assert!(status.message.ends_with("error: system-mine is not a known system priority class"), "{status}");
    assert_eq!(status.details.expect("details").group, "scheduling.k8s.io");
    let mut other = made.clone();
    other["value"] = json!(7);
    let status = admit_update(&made, other, &Admission { namespace: "", ..context(Privileged::Allowed) }).expect_err("it stays");
    assert!(status.message.ends_with("value: Forbidden: may not be changed in an update."), "{status}");
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": 0}});
    check_refused(
        lease,
        "Lease.coordination.k8s.io \"l\" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    );
}

#[test]
fn every_kind_has_a_table_and_a_description() {
    let now = Timestamp::from_second(1_700_000_300).expect("the second is in range");
    for (object, row) in [
        (json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}), ["x", "Active", "5m"].as_slice()),
        (json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}), &["x", "1", "5m"]),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "1"}}),
            &["x", "Opaque", "1", "5m"],
        ),
        (json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}}), &["x", "0", "5m"]),
        (
            json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "x"}, "value": 7}),
            &["x", "7", "false", "5m", "PreemptLowerPriority"],
        ),
        (
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x"}, "spec": {"holderIdentity": "me"}}),
            &["x", "me", "5m"],
        ),
        (
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}),
            &["x", "ClusterIP", "<none>", "<none>", "80/TCP", "5m"],
        ),
    ] {
        let object = of_kind(object).expect("it is valid");
        let kind = Kind::from_manifest(object["apiVersion"].as_str().expect("a text"), object["kind"].as_str().expect("a text"));
        let kind = kind.expect("a kind");
        let options = crate::printing::TableOptions::new(now);
        assert_eq!(crate::printing::table(kind, std::slice::from_ref(&object), &options).rows[0], row);
        let text = crate::describe::other(kind, &object, &[], &now.to_zoned(jiff::tz::TimeZone::UTC));
        assert!(text.starts_with("Name:") && text.contains("x\n"), "{text}");
        assert!(crate::explain::field(kind, "metadata").is_some(), "{kind:?}");
    }
}
