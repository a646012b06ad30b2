//! Kinds other than pods.

use super::super::{Admission, Privileged, admit_create, admit_update};
use super::{context, create, merge, patched};
use crate::{Kind, Status, cases};
use jiff::Timestamp;
use serde_json::{Value, json};

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
