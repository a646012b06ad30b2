//! What is told of changes that lost: the words, the fields, the manifest.

use super::{Conflict, LOST_OBJECT, MAX_MESSAGE_BYTES, annotations, conflict};
use crate::record::{Ancestry, Body, Fate, Part, Record, RecordId, Stamp};
use crate::version::Version;
use objects::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: u64 = 1_767_225_600_000;

fn at(seconds: u64, node: &str) -> Version {
    Version { wall_ms: NEW_YEAR + seconds * 1000, counter: 0, node: node.into() }
}

fn id(object: &str) -> RecordId {
    RecordId { object: object.into(), part: Part::Spec }
}

fn record(version: Version, body: Option<&Value>) -> Record {
    let stamp = Stamp { birth: at(0, "n1"), version, fate: if body.is_none() { Fate::Gone } else { Fate::Live } };
    let body = body.map_or(Body::Tombstone, |object| Body::Json(object.to_string().into()));
    Record { stamp, ancestry: Ancestry::default(), body }
}

fn pod(image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "kubia", "namespace": "default", "uid": "u1", "generation": image.len(),
                     "annotations": {"kubectl.kubernetes.io/last-applied-configuration": image, "team": "a"}},
        "spec": {"containers": [{"name": "main", "image": image}], "priority": 0}})
}

fn told(lost: &Value, kept: &Value) -> Option<Conflict> {
    let (lost, kept) = (record(at(10, "n1"), Some(lost)), record(at(20, "n2"), Some(kept)));
    conflict(&id("pods/default/kubia"), &lost, &kept.stamp, Some(&kept))
}

#[test]
fn a_change_that_was_overwritten_is_told_with_its_fields_and_kept_as_a_manifest() {
    let mut kept = pod("luksa/kubia:v2");
    kept["metadata"]["labels"] = json!({"app": "kubia"});
    kept["spec"]["priority"].take();
    kept["spec"]["containers"].as_array_mut().expect("a list").push(json!({"name": "side"}));
    let conflict = told(&pod("luksa/kubia:v1"), &kept).expect("something was lost");
    assert_eq!((conflict.kind, conflict.namespace.as_str(), conflict.name.as_str()), (Kind::Pod, "default", "kubia"));
    assert_eq!((conflict.uid.as_str(), conflict.reason), ("u1", "ChangeOverwritten"));
    let expected = "the change made on node n1 at 2026-01-01T00:00:10Z was overwritten by one made on node n2 at \
                    2026-01-01T00:00:20Z without knowledge of it: metadata.labels was not there, is {\"app\":\"kubia\"}; \
                    spec.containers[0].image was \"luksa/kubia:v1\", is \"luksa/kubia:v2\"; \
                    spec.containers[1] was not there, is {\"name\":\"side\"}; spec.priority was 0, is null. \
                    The lost object is in the annotation skiff.dev/lost-object of this event";
    assert_eq!(conflict.message, expected);
    let manifest: Value = serde_json::from_str(conflict.manifest.as_deref().expect("it is short")).expect("JSON");
    assert_eq!(manifest["metadata"], json!({"name": "kubia", "namespace": "default", "annotations": {"team": "a"}}));
    assert_eq!(manifest["spec"]["containers"][0]["image"], "luksa/kubia:v1");
    assert_eq!(annotations(&conflict).expect("some")[LOST_OBJECT].as_str(), conflict.manifest.as_deref());
}

#[test]
fn two_changes_that_say_the_same_lost_nothing() {
    let mut kept = pod("x");
    kept["metadata"]["generation"] = json!(9);
    kept["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!("y");
    assert_eq!(told(&pod("x"), &kept), None);
}

#[test]
fn a_deletion_and_a_new_object_elsewhere_are_told_apart() {
    let lost = record(at(10, "n1"), Some(&pod("x")));
    let gone = record(at(20, "n2"), None);
    let told = conflict(&id("pods/default/kubia"), &lost, &gone.stamp, Some(&gone)).expect("something was lost");
    assert_eq!(told.reason, "ChangeLostToDeletion");
    assert!(told.message.contains("deleted on node n2 at 2026-01-01T00:00:20Z"), "{}", told.message);
    let new = Stamp { birth: at(15, "n2"), version: at(15, "n2"), fate: Fate::Live };
    let told = conflict(&id("pods/default/kubia"), &lost, &new, None).expect("something was lost");
    assert_eq!((told.reason, told.manifest.is_some()), ("ReplacedElsewhere", true));
}

#[test]
fn what_nobody_wrote_is_not_told() {
    let (lost, winner) = (record(at(10, "n1"), Some(&pod("x"))), record(at(20, "n2"), Some(&pod("y"))));
    assert_eq!(conflict(&id("events/default/e"), &lost, &winner.stamp, Some(&winner)), None);
    assert_eq!(conflict(&id("gadgets/default/e"), &lost, &winner.stamp, Some(&winner)), None);
    assert_eq!(conflict(&id("pods"), &lost, &winner.stamp, Some(&winner)), None);
    let deletion = record(at(10, "n1"), None);
    assert_eq!(conflict(&id("pods/default/kubia"), &deletion, &winner.stamp, Some(&winner)), None);
}

#[test]
fn a_manifest_that_is_too_long_is_left_out_and_that_is_said() {
    let mut lost = pod("x");
    lost["metadata"]["annotations"]["big"] = json!("x".repeat(super::MAX_MANIFEST_BYTES));
    let told = told(&lost, &pod("x")).expect("something was lost");
    assert_eq!(told.manifest, None);
    assert!(
        told.message.ends_with("too long to be kept in this event") && told.message.len() <= MAX_MESSAGE_BYTES,
        "{}",
        told.message
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), "\\PC{0,60}".prop_map(Value::from)];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-zä]{1,20}", inner, 0..8).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn a_message_is_never_too_long_and_says_something_exactly_where_they_differ(lost in value(), kept in value()) {
        let (lost, kept) = (json!({"metadata": {}, "spec": lost}), json!({"metadata": {}, "spec": kept}));
        match told(&lost, &kept) {
            Some(told) => prop_assert!(lost != kept && told.message.len() <= MAX_MESSAGE_BYTES, "{}", told.message),
            None => prop_assert_eq!(lost, kept),
        }
    }
}
