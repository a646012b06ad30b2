//! Admission against what a kube-apiserver was seen to answer, and against cases of our own.

mod changes;
mod kinds;
mod rules;
mod texts;
mod unsupported;

use super::{Admission, Admitted, Priority, Privileged, admit_create, admit_update};
use crate::{Kind, Status, cases, manifest};
use jiff::Timestamp;
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
