//! What is filled in and what is wrong of Deployments and ReplicaSets.

use super::super::{Admission, Admitted, Priority, Privileged, admit_create, admit_update};
use crate::Status;
use jiff::Timestamp;
use serde_json::{Value, json};

fn context() -> Admission<'static> {
    Admission {
        namespace: "default",
        now: Timestamp::UNIX_EPOCH,
        uid: "4f1c7a39-91a9-4a8e-9c3f-0f8f8f8f8f8f".to_owned(),
        name_suffix: "bcdfg",
        privileged: Privileged::Allowed,
        priority: Priority::default(),
    }
}

fn create(value: Value) -> Result<Admitted, Status> {
    admit_create(value, &context())
}

fn admitted(value: Value) -> Value {
    create(value).expect("it is valid").object
}

fn deployment(patch: &Value) -> Value {
    let mut deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"a": "c"}},
        "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}}});
    json_patch::merge(&mut deployment, patch);
    deployment
}

#[test]
fn a_deployment_is_completed_and_its_template_is_a_pods_without_what_admission_adds() {
    let object = admitted(deployment(&json!({})));
    assert_eq!(object["spec"]["replicas"], 1);
    assert_eq!(object["spec"]["revisionHistoryLimit"], 10);
    assert_eq!(object["spec"]["progressDeadlineSeconds"], 600);
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}});
    assert_eq!(object["spec"]["strategy"], rolling);
    assert_eq!(object["metadata"]["generation"], 1);
    let template = &object["spec"]["template"]["spec"];
    assert_eq!(
        *template,
        json!({"containers": [{"name": "a", "image": "b", "imagePullPolicy": "Always", "resources": {},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
            "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30})
    );
}

#[test]
fn what_is_wrong_with_a_deployment_is_told_with_its_path() {
    for (patch, field, words) in [
        (json!({"spec": {"selector": null}}), "spec.selector", "Required value"),
        (json!({"spec": {"selector": {"matchLabels": null}}}), "spec.selector", "empty selector is invalid for deployment"),
        (json!({"spec": {"selector": {"matchLabels": {"a": "b"}}}}), "spec.template.metadata.labels", "does not match"),
        (json!({"spec": {"template": {"spec": {"containers": []}}}}), "spec.template.spec.containers", "Required value"),
        (json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}), "spec.template.spec.restartPolicy", "\"Always\""),
        (
            json!({"spec": {"template": {"spec": {"activeDeadlineSeconds": 5}}}}),
            "spec.template.spec.activeDeadlineSeconds",
            "not Supported",
        ),
        (json!({"spec": {"replicas": -1}}), "spec.replicas", "must be greater than or equal to 0"),
        (json!({"spec": {"strategy": {"type": "Slow"}}}), "spec.strategy.type", "\"Recreate\", \"RollingUpdate\""),
        (
            json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}}),
            "spec.strategy.rollingUpdate",
            "may not be specified",
        ),
        (
            json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}}),
            "spec.strategy.rollingUpdate.maxUnavailable",
            "may not be 0 when `maxSurge` is 0",
        ),
        (
            json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": "much"}}}}),
            "spec.strategy.rollingUpdate.maxSurge",
            "a valid percent string",
        ),
        (json!({"spec": {"progressDeadlineSeconds": 3, "minReadySeconds": 3}}), "spec.progressDeadlineSeconds", "greater than"),
    ] {
        let refused = create(deployment(&patch)).expect_err("it is not valid");
        let causes = refused.details.map(|details| details.causes).unwrap_or_default();
        let is_told = causes.iter().any(|cause| cause.field == field && cause.message.contains(words));
        assert!(is_told, "{patch}: {causes:?}");
    }
}

#[test]
fn the_selector_of_a_deployment_stays_and_its_generation_counts_its_specification() {
    let old = admitted(deployment(&json!({})));
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(3);
    let changed = admit_update(&old, new, &context()).expect("it may").object;
    assert_eq!(changed["metadata"]["generation"], 2);
    let mut new = old.clone();
    new["metadata"]["labels"] = json!({"x": "y"});
    let changed = admit_update(&old, new, &context()).expect("it may").object;
    assert_eq!(changed["metadata"]["generation"], 1);
    let mut new = old.clone();
    new["spec"]["selector"]["matchLabels"]["b"] = json!("d");
    new["spec"]["template"]["metadata"]["labels"]["b"] = json!("d");
    let refused = admit_update(&old, new, &context()).expect_err("it stays");
    assert!(
        refused.message.contains("spec.selector: Invalid value") && refused.message.contains("field is immutable"),
        "{refused:?}"
    );
}
