//! Putting texts of records together gives what putting their values together gives.

use super::merge::{at, record};
use crate::entry::Composed;
use crate::{Key, ResourceVersion};
use control::entry::Entry;
use control::record::{Body, Part, Record};
use objects::Kind;
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that need escapes among them, and those that mean something.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("~"), Just("\"\\\n"), Just("nodeName"), Just("resourceVersion"), Just("status"), Just("uid")]
        .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), "[a\"\\\\\u{1f}]{0,3}".prop_map(Value::from)];
    leaf.prop_recursive(2, 8, 3, |inner| btree_map(name(), inner, 0..3).prop_map(|fields| json!(fields)))
}

fn fields() -> impl Strategy<Value = Value> {
    btree_map(name(), value(), 0..4).prop_map(|fields| json!(fields))
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

/// As JSON, spaced or not: a peer may write as it likes.
fn written(value: &Value, is_spaced: bool) -> Body {
    Body::Json(if is_spaced { format!("{value:#}") } else { value.to_string() }.into())
}

fn of(entry: &Entry, kind: Kind) -> (Value, Option<String>) {
    let key = Key::new(kind, "default", "kubia");
    let version: ResourceVersion = "7".parse().expect("a version");
    let object = Composed::of(entry, &key).and_then(|composed| composed.finish(version)).expect("whole records");
    assert!(Composed::of(entry, &key).expect("whole records").finish_if_new(Some(&object), version).expect("the same").is_none());
    (object.to_value(), object.node().map(str::to_owned))
}

fn merged(parts: [(Part, Record); 3]) -> Entry {
    let mut entry = Entry::default();
    parts.into_iter().for_each(|(part, record)| drop(entry.merge(part, record)));
    entry
}

proptest! {
    #[test]
    fn texts_and_values_make_the_same_object(
        (object, metadata, spec, status) in (fields(), fields(), fields(), value()),
        (is_spaced, is_of_the_uid, says_where) in any::<(bool, bool, bool)>(),
    ) {
        let uid = "u-\"1\"";
        let metadata = with(metadata, "uid", uid.into());
        let spec = if says_where { with(spec, "nodeName", "n\\1".into()) } else { spec };
        let object = with(with(object, "metadata", metadata.clone()), "spec", spec.clone());
        let named = if is_of_the_uid { uid } else { "another" };
        let parts = [
            (Part::Spec, written(&object, is_spaced)),
            (Part::Binding, written(&json!({"uid": named, "nodeName": "z"}), is_spaced)),
            (Part::Status, written(&json!({"uid": named, "status": status}), is_spaced)),
        ];
        let entry = merged(parts.map(|(part, body)| (part, record((1, 2), body))));
        prop_assert_eq!(&at(2, "z"), &entry.spec.as_ref().expect("kept").stamp.version);
        let mut expected = with(object, "metadata", with(metadata, "resourceVersion", "7".into()));
        if is_of_the_uid {
            expected["spec"]["nodeName"] = "z".into();
            expected["status"] = status;
        }
        let node = expected["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()).map(str::to_owned);
        // What another node says of a pod is not shown, which other tests are about.
        let (shown, on) = of(&entry, Kind::Pod);
        prop_assert_eq!(&on, &node);
        prop_assert_eq!(shown, expected);
        let (_, on) = of(&entry, Kind::Node);
        prop_assert_eq!(on.as_deref(), Some("kubia"));
    }
}
