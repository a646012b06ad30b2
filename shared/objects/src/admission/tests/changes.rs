//! What may be changed of a pod that is there, and what may be added.

use super::super::{Privileged, admit_ephemeral, admit_update};
use super::{admitted, context, minimal, patched};
use serde_json::{Value, json};

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
