//! Server-side apply and managed fields, as the API server answers and writes them.
#![expect(clippy::needless_pass_by_value, reason = "a case is written in place")]

use super::{Applied, Conflicts, Manager, apply, is_same, track};
use crate::apply::with_last_applied;
use crate::{Kind, Status};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn manager(name: &'static str, second: i64) -> Manager<'static> {
    Manager { name, subresource: "", now: Timestamp::from_second(1_700_000_000 + second).expect("the second is in range") }
}

fn map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "labels": data}})
}

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": spec})
}

fn created(object: Value, by: &Manager<'_>) -> Value {
    let managed = track(None, &object, Kind::Pod, by);
    with(object, managed)
}

fn with(mut object: Value, managed: Value) -> Value {
    object["metadata"]["managedFields"] = managed;
    object
}

fn updated(live: &Value, new: Value, by: &Manager<'_>) -> Value {
    let managed = track(Some(live), &new, Kind::Pod, by);
    with(new, managed)
}

fn applied(live: Option<&Value>, config: Value, by: &Manager<'_>) -> Result<Value, Status> {
    forced(live, config, by, Conflicts::Refuse)
}

fn forced(live: Option<&Value>, config: Value, by: &Manager<'_>, conflicts: Conflicts) -> Result<Value, Status> {
    let Applied { object, managed_fields } = apply(live, &config, Kind::Pod, by, conflicts)?;
    Ok(with(object, managed_fields))
}

fn fields(object: &Value, manager: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().expect("there are managers");
    entries.iter().find(|entry| entry["manager"] == manager).map_or(Value::Null, |entry| entry["fieldsV1"].clone())
}

#[test]
fn who_creates_owns_all_that_he_wrote() {
    let spec = json!({"containers": [{"name": "a", "image": "x", "resources": {}, "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
        "securityContext": {}, "tolerations": [{"key": "k"}], "restartPolicy": "Always"});
    let mut object = pod(spec);
    object["metadata"]["labels"] = json!({"app": "web"});
    object["metadata"]["uid"] = json!("u");
    object["status"] = json!({"phase": "Pending"});
    let managed = track(None, &object, Kind::Pod, &manager("kubectl-create", 0));
    assert_eq!(
        managed,
        json!([{
            "manager": "kubectl-create", "operation": "Update", "apiVersion": "v1", "time": "2023-11-14T22:13:20Z", "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}, "f:resources": {},
                        "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}}}},
                    "f:securityContext": {}, "f:tolerations": {}, "f:restartPolicy": {},
                },
            },
        }])
    );
}

#[test]
fn who_changes_a_field_takes_it_over() {
    let live = created(map(json!({"a": "1", "b": "1"})), &manager("one", 0));
    let live = updated(&live, map(json!({"a": "2", "c": "1"})), &manager("two", 1));
    assert_eq!(fields(&live, "one"), json!({"f:metadata": {"f:labels": {}}}));
    assert_eq!(fields(&live, "two"), json!({"f:metadata": {"f:labels": {"f:a": {}, "f:c": {}}}}));
    // A write that changes nothing changes no manager.
    assert!(is_same(&updated(&live, map(json!({"a": "2", "c": "1"})), &manager("three", 2)), &live));
}

#[test]
fn managers_that_the_object_names_count_and_an_empty_one_forgets_all() {
    let live = created(map(json!({"a": "1"})), &manager("one", 0));
    let mut new = live.clone();
    new["metadata"]["managedFields"][0]["manager"] = json!("other");
    assert_eq!(fields(&updated(&live, new, &manager("two", 1)), "other"), fields(&live, "one"));
    let forgotten = with(map(json!({"a": "1"})), json!([{}]));
    assert_eq!(updated(&live, forgotten, &manager("two", 1))["metadata"]["managedFields"], json!([]));
}

#[test]
fn what_is_applied_no_more_goes() {
    let one = manager("one", 0);
    let live = applied(None, map(json!({"a": "1", "b": "1"})), &one).expect("it is new");
    assert_eq!(fields(&live, "one"), json!({"f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}}}));
    let live = applied(Some(&live), map(json!({"b": "1", "c": "1"})), &manager("two", 1)).expect("b is the same");
    assert_eq!(live["metadata"]["labels"], json!({"a": "1", "b": "1", "c": "1"}));
    // b is the other's too and stays, a goes.
    let live = applied(Some(&live), map(json!({})), &one).expect("nothing is changed");
    assert_eq!(live["metadata"]["labels"], json!({"b": "1", "c": "1"}));
    assert_eq!(fields(&live, "one"), json!({"f:metadata": {"f:labels": {}}}));
}

#[test]
fn items_come_and_go_by_their_key() {
    let one = manager("one", 0);
    let two = manager("two", 1);
    let first = pod(json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}));
    let live = applied(None, first, &one).expect("it is new");
    let live = applied(Some(&live), pod(json!({"containers": [{"name": "c", "image": "1"}]})), &two).expect("it is another one");
    let names = |object: &Value| -> Vec<String> {
        let list = object["spec"]["containers"].as_array().expect("a list");
        list.iter().map(|container| container["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&live), ["c", "a", "b"]);
    let again = pod(json!({"containers": [{"name": "b", "image": "2"}, {"name": "d", "image": "1"}]}));
    let live = applied(Some(&live), again, &one).expect("they are its own");
    assert_eq!(names(&live), ["c", "b", "d"]);
    assert_eq!(live["spec"]["containers"][1]["image"], "2");
}

#[test]
fn two_who_apply_one_field_conflict_and_one_may_force_it() {
    let live = created(map(json!({"a": "1", "b": "1"})), &manager("kubectl-edit", 0));
    let live = applied(Some(&live), map(json!({"c": "1"})), &manager("one", 1)).expect("c is free");
    let other = map(json!({"a": "2"}));
    let refused = applied(Some(&live), other.clone(), &manager("two", 2)).expect_err("a has a manager");
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    let at = "\"kubectl-edit\" using v1 at 2023-11-14T22:13:20Z";
    assert_eq!(refused.message, format!("Apply failed with 1 conflict: conflict with {at}: .metadata.labels.a"));
    let causes = refused.details.expect("there are details").causes;
    assert_eq!((causes[0].reason.as_str(), causes[0].field.as_str()), ("FieldManagerConflict", ".metadata.labels.a"));
    assert_eq!(causes[0].message, format!("conflict with {at}"));

    let more = map(json!({"a": "2", "b": "2", "c": "2"}));
    let refused = applied(Some(&live), more.clone(), &manager("two", 2)).expect_err("they have managers");
    assert_eq!(
        refused.message,
        format!(
            "Apply failed with 3 conflicts: conflicts with {at}:\n- .metadata.labels.a\n- .metadata.labels.b\nconflicts with \"one\":\n- .metadata.labels.c"
        )
    );
    let live = forced(Some(&live), more, &manager("two", 2), Conflicts::Force).expect("it is forced");
    assert_eq!(live["metadata"]["labels"], json!({"a": "2", "b": "2", "c": "2"}));
    assert_eq!((fields(&live, "one"), fields(&live, "kubectl-edit")), (Value::Null, json!({"f:metadata": {"f:labels": {}}})));
}

#[test]
fn an_object_without_managers_had_one_before_the_first_apply() {
    let live = map(json!({"a": "1"}));
    let refused = applied(Some(&live), map(json!({"a": "2"})), &manager("one", 0)).expect_err("somebody wrote it");
    assert!(refused.message.contains("conflict with \"before-first-apply\" using v1"), "{refused}");
    let live = applied(Some(&live), map(json!({"b": "1"})), &manager("one", 0)).expect("b is free");
    assert_eq!(fields(&live, "before-first-apply"), json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}));
}

#[test]
fn kubectl_takes_over_from_its_client_side_apply() {
    let manifest = map(json!({"a": "1"}));
    let live = created(with_last_applied(&manifest), &manager("kubectl-client-side-apply", 0));
    let wanted = map(json!({"a": "2"}));
    assert!(applied(Some(&live), wanted.clone(), &manager("other", 1)).is_err());
    let live = applied(Some(&live), wanted, &manager("kubectl", 1)).expect("it is its own");
    assert_eq!(live["metadata"]["labels"]["a"], "2");
    let annotation = live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str();
    assert!(annotation.is_some_and(|text| text.contains("\"a\":\"2\"")), "{annotation:?}");
}

#[test]
fn lists_of_a_configuration_need_their_keys_once() {
    let refused = |spec: Value| applied(None, pod(spec), &manager("one", 0)).expect_err("it is wrong").message;
    assert_eq!(
        refused(json!({"containers": [{"image": "x"}]})),
        "failed to create typed patch object (default/p; /v1, Kind=Pod): .spec.containers: element 0: associative list with keys has an element that omits key field \"name\" (and doesn't have default value)"
    );
    assert_eq!(
        refused(json!({"containers": [{"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 1, "protocol": "TCP"}]}]})),
        "failed to create typed patch object (default/p; /v1, Kind=Pod): .spec.containers[name=\"a\"].ports: duplicate entries for key [containerPort=1,protocol=\"TCP\"]"
    );
    let managed = with(pod(json!({})), json!([{"manager": "x"}]));
    assert_eq!(
        applied(None, managed, &manager("one", 0)).expect_err("it is wrong").message,
        "metadata.managedFields must be nil"
    );
}

#[test]
fn amounts_that_are_the_same_are_no_conflict() {
    let with_cpu = |cpu: &str| pod(json!({"containers": [{"name": "a", "resources": {"limits": {"cpu": cpu}}}]}));
    let live = created(with_cpu("1"), &manager("one", 0));
    assert!(applied(Some(&live), with_cpu("1000m"), &manager("two", 1)).is_ok());
    assert!(applied(Some(&live), with_cpu("2"), &manager("two", 1)).is_err());
}

#[test]
fn many_managers_become_one() {
    let mut live = created(map(json!({"n": "0"})), &manager("m0", 0));
    for index in 1..15_i64 {
        let name: &'static str = Box::leak(format!("m{index}").into_boxed_str());
        let mut labels = live["metadata"]["labels"].clone();
        labels[format!("l{index}")] = json!("x");
        live = updated(&live, map(labels), &manager(name, index));
    }
    let entries = live["metadata"]["managedFields"].as_array().expect("a list");
    assert_eq!(entries.len(), 10);
    let ancient = fields(&live, "ancient-changes");
    assert_eq!(ancient["f:metadata"]["f:labels"]["f:l3"], json!({}));
    assert_eq!(fields(&live, "m14")["f:metadata"]["f:labels"], json!({"f:l14": {}}));
}

#[test]
fn a_variable_twice_is_one_thing() {
    let twice = |value: &str| {
        pod(json!({"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "X", "value": value}]}]}))
    };
    let live = created(twice("2"), &manager("one", 0));
    let live = updated(&live, twice("3"), &manager("two", 1));
    assert_eq!(
        fields(&live, "two"),
        json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {"f:env": {"k:{\"name\":\"X\"}": {}}}}}})
    );
}

/// Without lists and objects that hold nothing: admission takes them out.
fn bare(value: &Value) -> Value {
    let is_nothing = |value: &Value| *value == json!({}) || *value == json!([]);
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), bare(value)));
            fields.filter(|(name, value)| name.contains(':') || !is_nothing(value)).collect()
        }
        other => other.clone(),
    }
}

fn labels() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[abcd]", "[123]", 0..4).prop_map(|labels| json!(labels))
}

/// Container names with an image.
fn containers() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[abc]", "[123]", 0..4)
        .prop_map(|items| Value::Array(items.into_iter().map(|(name, image)| json!({"name": name, "image": image})).collect()))
}

fn config() -> impl Strategy<Value = Value> {
    (labels(), containers()).prop_map(|(labels, containers)| {
        let mut object = map(labels);
        object["spec"] = json!({"containers": containers});
        object
    })
}

proptest! {
    #[test]
    fn what_is_forced_is_there_and_what_nobody_says_is_not(configs in prop::collection::vec((0..3_usize, config()), 1..8)) {
        let names = ["one", "two", "three"];
        let mut live: Option<Value> = None;
        let mut last: [Option<Value>; 3] = [None, None, None];
        for (index, (who, config)) in configs.into_iter().enumerate() {
            let by = manager(names[who], i64::try_from(index).expect("few"));
            let new = forced(live.as_ref(), config.clone(), &by, Conflicts::Force).expect("forced");
            last[who] = Some(config.clone());
            // All that was said just now is there.
            for (label, value) in config["metadata"]["labels"].as_object().expect("a map") {
                prop_assert_eq!(&new["metadata"]["labels"][label], value);
            }
            // Every label is said by one of those who applied last.
            for label in new["metadata"]["labels"].as_object().expect("a map").keys() {
                let says = |config: &Option<Value>| config.as_ref().is_some_and(|config| config["metadata"]["labels"].get(label).is_some());
                prop_assert!(last.iter().any(says), "{} of {}", label, new);
            }
            for container in new["spec"]["containers"].as_array().into_iter().flatten() {
                let says = |config: &Option<Value>| {
                    let list = config.as_ref().and_then(|config| config["spec"]["containers"].as_array());
                    list.is_some_and(|list| list.iter().any(|other| other["name"] == container["name"]))
                };
                prop_assert!(last.iter().any(says), "{}", new);
            }
            // Said again it changes nothing.
            let again = applied(Some(&new), config, &by).expect("it has no conflict with itself");
            prop_assert!(is_same(&bare(&again), &bare(&new)), "{}\n{}", again, new);
            live = Some(new);
        }
    }

    #[test]
    fn fields_survive_being_written_and_read(config in config()) {
        let set = super::fields_of(&config, crate::schema::of(Kind::Pod));
        prop_assert_eq!(super::FieldSet::parse(&set.to_value()), Some(set));
    }
}
