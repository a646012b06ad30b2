//! What each form of patch makes of an object, and of what it cannot be applied to.
#![expect(clippy::needless_pass_by_value, reason = "a case is written in place")]

use super::PatchType::{Json, Merge, StrategicMerge};
use super::{MAX_OPERATIONS, PatchError, PatchType, apply, shown};
use crate::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "1"}}, "spec": spec})
}

fn patched(form: PatchType, object: &Value, patch: Value) -> Result<Value, PatchError> {
    apply(form, object.clone(), patch, Kind::Pod)
}

#[track_caller]
fn check_spec(spec: Value, patch: Value, expected: Value) {
    let got = patched(StrategicMerge, &pod(spec), json!({"spec": patch})).expect("the patch can be applied");
    assert_eq!(got, pod(expected));
}

#[track_caller]
fn check_refused(form: PatchType, patch: Value, code: u16, words: &str) {
    let object = pod(json!({"containers": [{"name": "a"}], "volumes": [{"name": "v", "emptyDir": {}}]}));
    let error = patched(form, &object, patch).expect_err("the patch is wrong");
    let status = error.to_status();
    assert_eq!(status.code, code, "{status}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_json_patch_does_its_operations_in_order() {
    let patch = json!([
        {"op": "test", "path": "/metadata/labels/a", "value": "1"},
        {"op": "add", "path": "/metadata/labels/b~1c", "value": "2"},
        {"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/d"},
        {"op": "copy", "from": "/spec/containers/0", "path": "/spec/containers/-"},
        {"op": "replace", "path": "/spec/containers/1/name", "value": "b"},
        {"op": "remove", "path": "/metadata/name"},
    ]);
    let got = patched(Json, &pod(json!({"containers": [{"name": "a"}]})), patch).expect("the patch can be applied");
    assert_eq!(got["metadata"], json!({"labels": {"b/c": "2", "d": "1"}}));
    assert_eq!(got["spec"]["containers"], json!([{"name": "a"}, {"name": "b"}]));
}

#[test]
fn a_json_patch_that_does_not_fit_says_which_operation_and_where() {
    check_refused(Json, json!({"spec": {}}), 400, "list of operations");
    check_refused(Json, json!([{"op": "sink", "path": "/spec"}]), 400, "operation 0");
    check_refused(Json, json!([{"op": "remove", "path": "spec"}]), 400, "operation 0");
    check_refused(Json, json!([{"op": "remove", "path": "/spec/x"}]), 422, "/spec/x: operation 0 (remove)");
    let second = json!([{"op": "add", "path": "/spec/x", "value": 1}, {"op": "test", "path": "/spec/x", "value": 2}]);
    check_refused(Json, second, 422, "/spec/x: operation 1 (test) cannot be applied: value did not match");
    let many = vec![json!({"op": "test", "path": "", "value": 1}); MAX_OPERATIONS + 1];
    check_refused(Json, many.into(), 413, "maximum operations");
}

#[test]
fn a_json_patch_cannot_grow_without_bound() {
    let mut doubling = vec![json!({"op": "add", "path": "/x", "value": {"text": "x".repeat(1000)}})];
    for index in 0..64 {
        doubling.push(json!({"op": "copy", "from": "/x", "path": format!("/x/{index}")}));
    }
    let error = patched(Json, &json!({}), doubling.into()).expect_err("it is too much");
    assert!(error.to_string().contains("accumulated size"), "{error}");
    let deeper = (0..2000).map(|level| json!({"op": "add", "path": "/a".repeat(level + 1), "value": {}}));
    let error = patched(Json, &json!({}), deeper.collect::<Vec<_>>().into()).expect_err("it is too deep");
    assert!(error.to_string().contains("deeper than 128"), "{error}");
}

#[test]
fn a_merge_patch_replaces_lists_and_removes_what_is_null() {
    let object =
        pod(json!({"containers": [{"name": "a"}], "nodeName": "n", "dnsConfig": {"searches": ["x"], "nameservers": ["y"]}}));
    let patch = json!({"metadata": {"labels": {"a": null, "b": "2"}}, "spec": {"containers": [{"name": "b"}], "nodeName": null,
        "dnsConfig": {"searches": null}, "affinity": {"podAffinity": null}}});
    let got = patched(Merge, &object, patch).expect("the patch can be applied");
    assert_eq!(got["metadata"]["labels"], json!({"b": "2"}));
    assert_eq!(got["spec"], json!({"containers": [{"name": "b"}], "dnsConfig": {"nameservers": ["y"]}, "affinity": {}}));
    check_refused(Merge, json!([1]), 400, "Invalid JSON Patch");
}

#[test]
fn items_are_merged_by_their_key() {
    // New items come before those of others, as the API server has it.
    check_spec(
        json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "x"}]}, {"name": "b"}]}),
        json!({"containers": [{"name": "a", "image": "2", "env": [{"name": "Y", "value": "y"}]}, {"name": "c", "image": null}]}),
        json!({"containers": [{"name": "a", "image": "2", "env": [{"name": "Y", "value": "y"}, {"name": "X", "value": "x"}]},
            {"name": "c"}, {"name": "b"}]}),
    );
    check_spec(
        json!({"containers": [{"name": "a", "args": ["1", "2"], "ports": [{"containerPort": 80}]}]}),
        json!({"containers": [{"name": "a", "args": ["3"], "ports": [{"containerPort": 81}]}]}),
        json!({"containers": [{"name": "a", "args": ["3"], "ports": [{"containerPort": 81}, {"containerPort": 80}]}]}),
    );
}

#[test]
fn directives_delete_and_replace_items_and_objects() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "b"}], "securityContext": {"runAsUser": 1}});
    check_spec(
        spec.clone(),
        json!({"containers": [{"name": "a", "$patch": "delete"}, {"name": "none", "$patch": "delete"}]}),
        json!({"containers": [{"name": "b"}], "securityContext": {"runAsUser": 1}}),
    );
    check_spec(
        spec.clone(),
        json!({"containers": [{"$patch": "replace"}, {"name": "c"}], "securityContext": {"$patch": "replace", "runAsGroup": 2}}),
        json!({"containers": [{"name": "c"}], "securityContext": {"runAsGroup": 2}}),
    );
    check_spec(
        spec.clone(),
        json!({"containers": [{"name": "b", "$patch": "merge", "image": "x"}], "securityContext": {"$patch": "delete"}}),
        json!({"containers": [{"name": "a"}, {"name": "b", "image": "x"}], "securityContext": {}}),
    );
    // What was not there has nothing to replace or delete, and the directives do not stay.
    check_spec(
        json!({}),
        json!({"containers": [{"name": "a", "$patch": "delete"}, {"name": "b"}], "affinity": {"$patch": "replace", "podAffinity": {}}}),
        json!({"containers": [{"name": "b"}], "affinity": {"podAffinity": {}}}),
    );
}

#[test]
fn values_are_joined_and_taken_out_of_a_set() {
    let object = json!({"metadata": {"finalizers": ["a/1", "b/2"]}});
    let got = patched(StrategicMerge, &object, json!({"metadata": {"finalizers": ["c/3", "a/1"]}})).expect("it can be applied");
    assert_eq!(got["metadata"]["finalizers"], json!(["c/3", "a/1", "b/2"]));
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/1", "z"], "finalizers": ["d/4"]}});
    let got = patched(StrategicMerge, &object, patch).expect("it can be applied");
    assert_eq!(got["metadata"]["finalizers"], json!(["d/4", "b/2"]));
}

#[test]
fn an_order_is_set_and_items_of_others_keep_their_place() {
    check_spec(
        json!({"containers": [{"name": "a"}, {"name": "mine"}, {"name": "b"}]}),
        json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}],
            "containers": [{"name": "c"}, {"name": "a", "image": "x"}]}),
        json!({"containers": [{"name": "mine"}, {"name": "b"}, {"name": "c"}, {"name": "a", "image": "x"}]}),
    );
    check_spec(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
        json!({"containers": [{"name": "b"}, {"name": "a"}]}),
    );
    check_spec(
        json!({"volumes": []}),
        json!({"$setElementOrder/initContainers": [{"name": "i"}], "initContainers": [{"name": "i"}]}),
        json!({"volumes": [], "initContainers": [{"name": "i"}]}),
    );
}

#[test]
fn a_union_keeps_only_what_is_retained() {
    check_spec(
        json!({"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}, {"name": "w", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}, "emptyDir": null}]}),
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "emptyDir": {}}]}),
    );
}

#[test]
fn a_strategic_patch_that_is_none_says_why() {
    let spec = |patch: Value| json!({"spec": patch});
    check_refused(StrategicMerge, json!([]), 400, "a patch is an object");
    check_refused(
        StrategicMerge,
        spec(json!({"containers": [{"image": "x"}]})),
        400,
        "does not contain declared merge key: name",
    );
    check_refused(StrategicMerge, spec(json!({"containers": ["x"]})), 400, "expected an object with the field name");
    check_refused(StrategicMerge, spec(json!({"$patch": "sink"})), 400, "unknown patch type: sink in map: map[$patch:sink]");
    check_refused(StrategicMerge, spec(json!({"containers": [{"name": "a", "$patch": 7}]})), 400, "unknown patch type: 7");
    check_refused(StrategicMerge, spec(json!({"$deleteFromPrimitiveList/args": 1})), 400, "primitive list");
    check_refused(StrategicMerge, spec(json!({"$setElementOrder/containers": [{"image": "x"}]})), 400, "setElementOrder");
    let order = json!({"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "b"}]});
    check_refused(StrategicMerge, spec(order), 400, "doesn't match $setElementOrder list");
    let union = json!({"volumes": [{"name": "v", "$retainKeys": ["name"], "hostPath": {}}]});
    check_refused(StrategicMerge, spec(union), 400, "retainKeys");
}

#[test]
fn a_patch_is_shown_as_the_server_prints_it() {
    let patch = json!({"spec": {"b": [1, "x", null], "a": true}});
    assert_eq!(shown(&patch), "map[spec:map[a:true b:[1 x <nil>]]]");
}

/// Containers with some fields, names unique.
fn containers() -> impl Strategy<Value = Value> {
    let container = ("[abcd]", prop::option::of("[xyz]"), prop::option::of(prop::collection::vec("[123]", 0..3)));
    prop::collection::vec(container, 0..5).prop_map(|items| {
        let mut list: Vec<Value> = Vec::new();
        for (name, image, args) in items {
            if list.iter().all(|other| other["name"] != name.as_str()) {
                list.push(json!({"name": name, "image": image, "args": args}));
                let fields = list.last_mut().and_then(Value::as_object_mut).expect("it is an object");
                fields.retain(|_, value| !value.is_null());
            }
        }
        Value::Array(list)
    })
}

fn anything() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("name"),
        Just("spec"),
        Just("metadata"),
        Just("containers"),
        Just("volumes"),
        Just("env"),
        Just("finalizers"),
        Just("$patch"),
        Just("$retainKeys"),
        Just("$setElementOrder/containers"),
        Just("$deleteFromPrimitiveList/finalizers"),
        Just("args")
    ];
    let leaf = prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!("delete")), Just(json!("replace")), Just(json!("a"))];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_object_as_a_patch_of_itself_changes_nothing(list in containers()) {
        let object = pod(json!({"containers": list}));
        for form in [Merge, StrategicMerge] {
            prop_assert_eq!(&patched(form, &object, object.clone()).expect("it can be applied"), &object);
        }
    }

    #[test]
    fn a_patch_that_was_applied_changes_nothing_more(old in containers(), new in containers()) {
        for form in [Merge, StrategicMerge] {
            let patch = json!({"spec": {"containers": new}});
            let once = patched(form, &pod(json!({"containers": old})), patch.clone()).expect("it can be applied");
            prop_assert_eq!(&patched(form, &once, patch).expect("it can be applied"), &once);
        }
    }

    #[test]
    fn a_merged_list_has_every_item_once_and_the_fields_of_both(old in containers(), new in containers()) {
        let patch = json!({"spec": {"containers": new}});
        let got = patched(StrategicMerge, &pod(json!({"containers": old})), patch).expect("it can be applied");
        let merged = got["spec"]["containers"].as_array().expect("a list");
        for item in old.as_array().into_iter().chain(new.as_array()).flatten() {
            let same: Vec<&Value> = merged.iter().filter(|other| other["name"] == item["name"]).collect();
            prop_assert_eq!(same.len(), 1);
        }
        for item in new.as_array().into_iter().flatten() {
            let found = merged.iter().find(|other| other["name"] == item["name"]).expect("it was merged");
            for (field, value) in item.as_object().expect("an object") {
                prop_assert_eq!(&found[field], value);
            }
        }
    }

    #[test]
    fn no_patch_is_too_strange(object in anything(), patch in anything()) {
        for form in [Json, Merge, StrategicMerge] {
            if let Ok(Value::Object(got)) = patched(form, &object, patch.clone()) {
                // No directive is left at the top, where every patch is merged.
                prop_assert!(form != StrategicMerge || object.get("$patch").is_some() || !got.contains_key("$patch"));
            }
        }
    }
}
