//! ReplicaSets, by cases and by seeds: whatever order several nodes act in, as many pods as are wanted are left.

use super::{Decision, Failure, Replica, decide, manifest, names};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::{any, prop, proptest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("the second is in range")
}

fn set(patch: &Value) -> ReplicaSet {
    let mut set = json!({"metadata": {"name": "kubia", "namespace": "default", "uid": "set", "generation": 3}, "spec": {
        "replicas": 3, "selector": {"matchLabels": {"app": "kubia"}},
        "template": {"metadata": {"labels": {"app": "kubia", "tier": "web"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}}});
    for (field, value) in patch.as_object().expect("a patch of the specification") {
        set["spec"][field] = value.clone();
    }
    serde_json::from_value(set).expect("a set")
}

fn pod(name: &str, patch: impl Fn(&mut Replica)) -> Replica {
    let made: Pod = serde_json::from_value(manifest(&set(&json!({})), name)).expect("a pod");
    let mut pod = Replica::of(&made);
    pod.uid = format!("uid-{name}");
    pod.phase = "Running".to_owned();
    pod.node = Some("n1".to_owned());
    pod.ready_since = Some(at(0));
    pod.created = Some(at(-10));
    patch(&mut pod);
    pod
}

fn decided(set: &ReplicaSet, pods: &[Replica]) -> Decision {
    decide(set, pods, None, at(100))
}

fn named(refs: &[super::PodRef]) -> Vec<&str> {
    refs.iter().map(|found| found.name.as_str()).collect()
}

#[test]
fn what_is_missing_is_made_and_what_ended_or_leaves_is_missing() {
    let pods = [
        pod("a", |_| {}),
        pod("b", |pod| pod.phase = "Failed".to_owned()),
        pod("c", |pod| pod.is_leaving = true),
        pod("d", |pod| pod.is_out_of_reach = true),
    ];
    let decision = decided(&set(&json!({})), &pods);
    assert_eq!((decision.create, decision.delete.len()), (2, 0));
    assert_eq!(decision.status.replicas, 1);
    assert_eq!(decision.status.observed_generation, Some(3));
}

#[test]
fn pods_are_taken_in_and_let_go_by_the_selector() {
    let pods = [
        pod("stranger", |pod| pod.controller = None),
        pod("others", |pod| pod.controller = Some("other".to_owned())),
        pod("relabelled", |pod| drop(pod.labels.insert("app".to_owned(), "debug".to_owned()))),
        pod("unmeant", |pod| {
            pod.controller = None;
            pod.labels.clear();
        }),
        pod("going", |pod| {
            pod.controller = None;
            pod.is_leaving = true;
        }),
    ];
    let decision = decided(&set(&json!({})), &pods);
    assert_eq!(named(&decision.adopt), ["stranger"]);
    assert_eq!(named(&decision.release), ["relabelled"]);
    assert_eq!(decision.create, 2);
    let mut leaving = set(&json!({}));
    leaving.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    let decision = decided(&leaving, &pods);
    assert_eq!((decision.adopt.len(), decision.release.len(), decision.create), (0, 0, 0));
}

/// What is special about a pod.
type Patch = fn(&mut Replica);

#[test]
fn those_that_would_be_missed_least_go_first() {
    let order: [(&str, Patch); 9] = [
        ("unbound", |pod| pod.node = None),
        ("pending", |pod| pod.phase = "Pending".to_owned()),
        ("unready", |pod| pod.ready_since = None),
        ("cheap", |pod| pod.deletion_cost = -1),
        ("crowded", |_| {}),
        ("newly-ready", |pod| {
            pod.node = Some("n2".to_owned());
            pod.ready_since = Some(at(5));
        }),
        ("restarted", |pod| {
            pod.node = Some("n3".to_owned());
            pod.restarts = 2;
        }),
        ("young", |pod| {
            pod.node = Some("n4".to_owned());
            pod.created = Some(at(-5));
        }),
        ("old", |pod| pod.node = Some("n5".to_owned())),
    ];
    let mut pods: Vec<Replica> = order.iter().rev().map(|(name, patch)| pod(name, patch)).collect();
    pods.push(pod("dear", |pod| {
        pod.deletion_cost = 7;
        pod.ready_since = Some(at(50));
    }));
    let decision = decided(&set(&json!({"replicas": 0})), &pods);
    let expected: Vec<&str> = order.iter().map(|(name, _)| *name).chain(["dear"]).collect();
    assert_eq!(named(&decision.delete), expected);
    let decision = decided(&set(&json!({"replicas": 8})), &pods);
    assert_eq!(named(&decision.delete), expected[..2]);
}

#[test]
fn a_pod_is_available_once_it_has_been_ready_long_enough() {
    let pods = [
        pod("a", |_| {}),
        pod("b", |pod| pod.ready_since = Some(at(95))),
        pod("c", |pod| {
            pod.ready_since = None;
            pod.labels.remove("tier");
        }),
    ];
    let decision = decided(&set(&json!({"minReadySeconds": 10})), &pods);
    let status = &decision.status;
    assert_eq!((status.replicas, status.fully_labeled_replicas), (3, Some(2)));
    assert_eq!((status.ready_replicas, status.available_replicas), (Some(2), Some(1)));
    assert_eq!(decision.look_again, Some(at(105)));
    let decision = decided(&set(&json!({})), &pods);
    assert_eq!((decision.status.available_replicas, decision.look_again), (Some(2), None));
}

#[test]
fn a_failure_is_a_condition_until_it_is_over() {
    let failure = Failure { reason: "FailedCreate", message: "pods \"x\" is forbidden".to_owned() };
    let mut set = set(&json!({}));
    set.status = Some(decide(&set, &[], Some(&failure), at(0)).status);
    let again = decide(&set, &[], Some(&failure), at(9)).status;
    let conditions = again.conditions.expect("there is one");
    assert_eq!(conditions.len(), 1);
    assert_eq!((conditions[0].type_.as_str(), conditions[0].status.as_str()), ("ReplicaFailure", "True"));
    assert_eq!(conditions[0].last_transition_time.as_ref().map(|time| time.0), Some(at(0)));
    assert_eq!(decide(&set, &[], None, at(9)).status.conditions, None);
}

#[test]
fn a_pod_of_a_set_is_its_template_with_the_set_for_its_controller() {
    let set = set(&json!({}));
    let name = names(&set, |_| false).next().expect("there is always one");
    let made = manifest(&set, &name);
    assert_eq!(made["metadata"]["labels"], json!({"app": "kubia", "tier": "web"}));
    assert_eq!(made["metadata"]["generateName"], "kubia-");
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "kubia", "uid": "set", "controller": true,
        "blockOwnerDeletion": true}]);
    assert_eq!(made["metadata"]["ownerReferences"], owner);
    assert_eq!((name.len(), &name[..6]), ("kubia-".len() + 5, "kubia-"));
}

#[test]
fn names_are_the_same_everywhere_and_none_is_used_twice() {
    let set = set(&json!({}));
    let first: Vec<String> = names(&set, |_| false).take(200).collect();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 200, "the first ones differ");
    let taken = first[0].clone();
    assert_eq!(names(&set, move |name| name == taken).next().as_ref(), Some(&first[1]));
    let mut long = set.clone();
    long.metadata.name = Some("x".repeat(200));
    assert_eq!(names(&long, |_| false).next().expect("there is one").len(), 63);
}

#[test]
fn a_pod_counts_while_it_tolerates_that_its_node_is_out_of_sight() {
    let unreachable = "node.kubernetes.io/unreachable";
    let toleration =
        |seconds: Value| json!([{"key": unreachable, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}]);
    for (tolerations, gone_for, expected) in [
        (toleration(json!(300)), 299, (false, Some(at(300)))),
        (toleration(json!(300)), 300, (true, None)),
        (toleration(Value::Null), 9999, (false, None)),
        (json!([]), 0, (true, None)),
    ] {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [], "tolerations": tolerations}})).expect("a pod");
        let (replica, changes_at) = Replica::of(&pod).out_of_sight(at(0), at(gone_for));
        assert_eq!((replica.is_out_of_reach, changes_at), expected, "{tolerations}");
    }
}

/// What a node holds: pods by name, and the names that were deleted.
#[derive(Debug, Clone, Default)]
struct Side {
    pods: BTreeMap<String, Replica>,
    deleted: BTreeSet<String>,
}

impl Side {
    fn act(&mut self, set: &ReplicaSet, who: &str) {
        let pods: Vec<Replica> = self.pods.values().cloned().collect();
        let decision = decided(set, &pods);
        let taken = |name: &str| self.pods.contains_key(name) || self.deleted.contains(name);
        let new: Vec<String> = names(set, taken).take(decision.create).collect();
        for name in new {
            let made = pod(&name, |pod| pod.uid = format!("{who}-{name}"));
            self.pods.insert(name, made);
        }
        for gone in decision.delete {
            self.pods.remove(&gone.name);
            self.deleted.insert(gone.name);
        }
    }

    /// Takes in what another side holds: of two pods of a name the same one everywhere, and a deletion is the last word.
    fn meet(&mut self, other: &Self) {
        self.deleted.extend(other.deleted.iter().cloned());
        for (name, theirs) in &other.pods {
            let ours = self.pods.entry(name.clone()).or_insert_with(|| theirs.clone());
            if theirs.uid > ours.uid {
                *ours = theirs.clone();
            }
        }
        let deleted = &self.deleted;
        self.pods.retain(|name, _| !deleted.contains(name));
    }
}

proptest! {
    #[test]
    fn sides_that_meet_end_with_as_many_pods_as_are_wanted(
        wanted in 0_usize..6,
        steps in prop::collection::vec((0_usize..3, 0_usize..3, any::<bool>(), 0_usize..8), 0..40),
    ) {
        let set = set(&json!({"replicas": wanted}));
        let mut sides: [Side; 3] = Default::default();
        for (one, other, meets, lost) in steps {
            if meets {
                let theirs = sides[other].clone();
                sides[one].meet(&theirs);
            } else {
                // A side that sees nobody counts only what it can reach.
                let mut reached = 0;
                for pod in sides[one].pods.values_mut() {
                    reached += 1;
                    pod.is_out_of_reach = reached <= lost;
                }
                sides[one].act(&set, &format!("n{one}"));
                for pod in sides[one].pods.values_mut() {
                    pod.is_out_of_reach = false;
                }
            }
        }
        for _ in 0..2 {
            for (one, other) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
                let theirs = sides[other].clone();
                sides[one].meet(&theirs);
            }
            // Each acts upon the same: the same pods go, and the same are made.
            for (number, side) in sides.iter_mut().enumerate() {
                side.act(&set, &format!("n{number}"));
            }
        }
        for (one, other) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
            let theirs = sides[other].clone();
            sides[one].meet(&theirs);
        }
        let names = |side: &Side| side.pods.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&sides[0]).len(), wanted);
        assert_eq!(names(&sides[0]), names(&sides[1]));
        assert_eq!(names(&sides[0]), names(&sides[2]));
    }
}
