//! The tables: they fit the typed objects, and an object's one form is stable.

use super::{Merge, Shape, Type, decode, dump, normal, of};
use crate::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A value with every field of a type set.
fn full(of: &'static Type) -> Value {
    let fields = of.fields.iter().filter(|field| !field.name.starts_with('^'));
    fields.map(|field| (field.name.to_owned(), full_value(field.shape))).collect()
}

fn full_value(shape: Shape) -> Value {
    match shape {
        Shape::Text(_) => json!("x"),
        Shape::Bytes => json!("eA=="),
        Shape::Bool => json!(true),
        Shape::Int32 | Shape::Int64 | Shape::IntOrString => json!(7),
        Shape::Quantity => json!("7"),
        Shape::Time => json!("2026-01-02T03:04:05Z"),
        Shape::Any => json!({}),
        Shape::Struct(of) => full(of),
        Shape::List(item) => json!([full_value(*item)]),
        Shape::Map(inner) => json!({"k": full_value(*inner)}),
    }
}

fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| paths(value, &format!("{path}.{name}"), found)),
        Value::Array(items) => items.iter().for_each(|value| paths(value, &format!("{path}[]"), found)),
        _ => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn the_typed_objects_have_every_field_of_the_tables() {
    fn typed<T: serde::Serialize + serde::de::DeserializeOwned>(value: &Value) -> Value {
        let typed: T = T::deserialize(value).expect("a full value fits its type");
        serde_json::to_value(typed).expect("an object can be written")
    }
    for kind in Kind::ALL {
        let mut value = full(of(kind));
        value["apiVersion"] = json!(kind.api_version());
        value["kind"] = json!(kind.name());
        assert_eq!(decode::check(&value, of(kind)).unknown, Vec::<String>::new());
        assert_eq!(decode::check(&value, of(kind)).misfits, []);
        let back = match kind {
            Kind::Pod => typed::<k8s_openapi::api::core::v1::Pod>(&value),
            Kind::Node => typed::<k8s_openapi::api::core::v1::Node>(&value),
            Kind::Event => typed::<k8s_openapi::api::core::v1::Event>(&value),
            Kind::Namespace => typed::<k8s_openapi::api::core::v1::Namespace>(&value),
            Kind::ConfigMap => typed::<k8s_openapi::api::core::v1::ConfigMap>(&value),
            Kind::Secret => typed::<k8s_openapi::api::core::v1::Secret>(&value),
            Kind::ServiceAccount => typed::<k8s_openapi::api::core::v1::ServiceAccount>(&value),
            Kind::PriorityClass => typed::<k8s_openapi::api::scheduling::v1::PriorityClass>(&value),
            Kind::Lease => typed::<k8s_openapi::api::coordination::v1::Lease>(&value),
            Kind::Service => typed::<k8s_openapi::api::core::v1::Service>(&value),
            Kind::ReplicaSet => typed::<k8s_openapi::api::apps::v1::ReplicaSet>(&value),
            Kind::Deployment => typed::<k8s_openapi::api::apps::v1::Deployment>(&value),
        };
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        paths(&value, "", &mut ours);
        paths(&back, "", &mut theirs);
        assert_eq!(
            ours.difference(&theirs).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{kind:?}: fields that the typed object lacks"
        );
    }
}

#[test]
fn the_one_form_of_an_object_is_its_own() {
    for kind in Kind::ALL {
        for value in [full(of(kind)), json!({}), json!({"metadata": {"labels": {}, "name": ""}, "spec": {"containers": []}})] {
            let once = normal::normalize(value, of(kind));
            assert_eq!(normal::normalize(once.clone(), of(kind)), once);
        }
    }
}

#[test]
fn empty_values_go_and_those_always_printed_come() {
    let value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "", "labels": {}}, "spec": {
        "hostNetwork": false, "nodeName": null, "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/", "type": ""}}],
        "containers": [{"name": "a", "args": [], "stdin": false, "resources": {"limits": {"cpu": "1000m", "memory": 1024}}}, {}]}});
    assert_eq!(
        normal::normalize(value, of(Kind::Pod)),
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/", "type": ""}}],
        "containers": [{"name": "a", "resources": {"limits": {"cpu": "1", "memory": "1024"}}}, {"name": "", "resources": {}}]}})
    );
}

#[test]
fn a_dump_has_the_servers_names_and_order() {
    let context = json!({"privileged": true, "capabilities": {"add": ["A<B"]}});
    let text = dump::one_line(&context, &super::printed::SECURITY_CONTEXT);
    assert!(
        text.starts_with(
            "{\"Capabilities\":{\"Add\":[\"A\\u003cB\"],\"Drop\":null},\"Privileged\":true,\"SELinuxOptions\":null,"
        ),
        "{text}"
    );
    let spec = json!({"containers": [], "hostNetwork": true, "securityContext": {"runAsUser": 0}});
    let text = dump::indented(&spec, &super::printed::POD_SPEC);
    assert!(text.contains("\n \"SecurityContext\": {\n  \"HostNetwork\": true,\n  \"HostPID\": false,"), "{text}");
}

#[test]
fn lists_know_their_merge_keys() {
    let merge = |path: &str, name: &str| of(Kind::Pod).at(path).and_then(|of| of.field(name)).map(|field| field.merge);
    assert_eq!(merge("spec", "containers"), Some(Merge::ByKey("name")));
    assert_eq!(merge("spec", "volumes"), Some(Merge::ByKeyRetaining("name")));
    assert_eq!(merge("spec.containers[0]", "ports"), Some(Merge::ByKey("containerPort")));
    assert_eq!(merge("spec.containers[0]", "volumeMounts"), Some(Merge::ByKey("mountPath")));
    assert_eq!(merge("spec.containers[0]", "args"), Some(Merge::Default));
    assert_eq!(merge("metadata", "finalizers"), Some(Merge::Set));
    assert_eq!(merge("spec", "tolerations"), Some(Merge::Default));
}

#[test]
fn nothing_as_an_item_is_an_empty_item() {
    let value = json!({"metadata": {"labels": {"a": null}}, "spec": {"containers": [null], "nodeName": null}});
    let normal = normal::normalize(value, of(Kind::Pod));
    assert_eq!(normal, json!({"metadata": {"labels": {"a": ""}}, "spec": {"containers": [{"name": "", "resources": {}}]}}));
}
