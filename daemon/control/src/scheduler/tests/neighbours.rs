//! Pods that look at others: affinity between pods and spreading.

use super::{all_of, place, words};
use crate::scheduler::{NodeState, Placement, looks_at_others};
use k8s_openapi::api::core::v1::{Node, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A node in a zone; without one it has no label for it.
fn node(name: &str, zone: &str) -> NodeState {
    let mut labels = json!({"kubernetes.io/hostname": name, "zone": zone});
    if zone.is_empty() {
        labels.as_object_mut().expect("an object").remove("zone");
    }
    let node: Node = serde_json::from_value(json!({
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"cpu": "64", "memory": "64Gi", "pods": "110"}},
    }))
    .expect("a node");
    NodeState::new(&node)
}

fn pod(name: &str, labels: &Value, spec: &Value) -> Pod {
    in_namespace("default", name, labels, spec)
}

fn in_namespace(namespace: &str, name: &str, labels: &Value, spec: &Value) -> Pod {
    let mut whole = json!({"containers": [{"name": "c", "image": "i"}]});
    for (key, value) in spec.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    let metadata = json!({"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"), "labels": labels});
    serde_json::from_value(json!({"metadata": metadata, "spec": whole})).expect("a pod")
}

fn app(name: &str) -> Value {
    json!({"matchLabels": {"app": name}})
}

fn required(kind: &str, term: &Value) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn preferred(kind: &str, term: &Value) -> Value {
    json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 50, "podAffinityTerm": term}]}}})
}

fn unschedulable(reasons: &str, preemption: &str) -> String {
    let all = reasons.split(", ").filter_map(|reason| reason.split(' ').next()?.parse::<usize>().ok()).sum::<usize>();
    format!(
        "0/{all} nodes are available: {reasons}. no new claims to deallocate, preemption: 0/{all} nodes are available: {preemption}."
    )
}

const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";

#[test]
fn a_pod_goes_where_those_are_that_it_wants_near_it() {
    let (mut a, b, c) = (node("a", "east"), node("b", "east"), node("c", ""));
    a.put(&pod("db", &json!({"app": "db"}), &json!({})));
    let near = |key: &str| required("podAffinity", &json!({"labelSelector": app("db"), "topologyKey": key}));
    let one = pod("p", &json!({}), &near("kubernetes.io/hostname"));
    assert_eq!(words(&one, &[&a, &b, &c]), "a");
    let one = pod("p", &json!({}), &near("zone"));
    assert_ne!(words(&one, &[&a, &b, &c]), "c", "whose zone is not known");
    let refused = unschedulable("2 node(s) didn't match pod affinity rules", &format!("2 {NOT_HELPFUL}"));
    assert_eq!(words(&pod("p", &json!({}), &near("rack")), &[&a, &b]), refused);
    let other = in_namespace("other", "p", &json!({}), &near("zone"));
    assert_eq!(words(&other, &[&a, &b]), refused, "pods of its own namespace are meant");
}

#[test]
fn the_first_of_those_that_want_to_be_together_goes_anywhere_and_the_others_follow() {
    let mut nodes = [node("a", "east"), node("b", "west"), node("c", "")];
    let together = required("podAffinity", &json!({"labelSelector": app("web"), "topologyKey": "zone"}));
    let mut zones = Vec::new();
    for number in 0..4 {
        let one = pod(&format!("p{number}"), &json!({"app": "web"}), &together);
        let target = words(&one, &nodes.iter().collect::<Vec<_>>());
        zones.push(target.clone());
        nodes.iter_mut().find(|node| node.name() == target).expect("it is placed").put(&one);
    }
    assert!(zones[0] != "c" && zones.iter().all(|zone| *zone == zones[0]), "{zones:?}");
    // Who does not belong to them is not the first of anything.
    let stranger = pod("stranger", &json!({"app": "other"}), &together);
    assert!(words(&stranger, &[&node("a", "east")]).contains("didn't match pod affinity rules"));
}

#[test]
fn anti_affinity_counts_both_ways() {
    let (mut a, mut b) = (node("a", "east"), node("b", "east"));
    let apart = required("podAntiAffinity", &json!({"labelSelector": app("web"), "topologyKey": "kubernetes.io/hostname"}));
    a.put(&pod("x", &json!({"app": "web"}), &json!({})));
    let loner = pod("p", &json!({}), &apart);
    assert_eq!(words(&loner, &[&a, &b]), "b");
    let refused = unschedulable("1 node(s) didn't match pod anti-affinity rules", &format!("1 {NO_VICTIMS}"));
    assert_eq!(words(&loner, &[&a]), refused);
    b.put(&loner);
    let web = pod("y", &json!({"app": "web"}), &json!({}));
    let refused = unschedulable("1 node(s) didn't satisfy existing pods anti-affinity rules", &format!("1 {NO_VICTIMS}"));
    assert_eq!(words(&web, &[&b]), refused);
    assert_eq!(words(&web, &[&a, &b]), "a");
    b.remove("default-p");
    assert_eq!(words(&web, &[&b]), "b");
}

#[test]
fn namespaces_and_label_keys_say_which_pods_are_meant() {
    let check = |term: Value, other: &Pod, is_meant: bool| {
        let mut a = node("a", "east");
        a.put(other);
        let mut term = term;
        term["topologyKey"] = json!("zone");
        let one = pod("p", &json!({"app": "web", "version": "2"}), &required("podAntiAffinity", &term));
        assert_eq!(words(&one, &[&a]) != "a", is_meant, "{term}");
    };
    let there = |labels: Value| in_namespace("there", "x", &labels, &json!({}));
    let here = |labels: Value| pod("x", &labels, &json!({}));
    check(json!({"labelSelector": {}}), &there(json!({})), false);
    check(json!({"labelSelector": {}, "namespaces": ["there"]}), &there(json!({})), true);
    check(json!({"labelSelector": {}, "namespaces": ["there"]}), &here(json!({})), false);
    check(json!({"labelSelector": {}, "namespaceSelector": {}}), &there(json!({})), true);
    let named = json!({"matchLabels": {"kubernetes.io/metadata.name": "there"}});
    check(json!({"labelSelector": {}, "namespaceSelector": named}), &there(json!({})), true);
    check(json!({"labelSelector": {}, "namespaceSelector": {"matchLabels": {"team": "a"}}}), &there(json!({})), false);
    check(json!({"namespaces": ["there"]}), &there(json!({})), false);
    let same_version = json!({"labelSelector": {}, "matchLabelKeys": ["version"]});
    check(same_version.clone(), &here(json!({"version": "2"})), true);
    check(same_version, &here(json!({"version": "1"})), false);
    let other_version = json!({"labelSelector": {}, "mismatchLabelKeys": ["version"]});
    check(other_version.clone(), &here(json!({"version": "2"})), false);
    check(other_version, &here(json!({"version": "1"})), true);
    let expression = |operator: &str, values: Value| json!({"labelSelector": {"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]}});
    for (operator, values, is_meant) in [
        ("In", json!(["db"]), true),
        ("NotIn", json!(["db"]), false),
        ("Exists", Value::Null, true),
        ("DoesNotExist", Value::Null, false),
    ] {
        check(expression(operator, values), &here(json!({"tier": "db"})), is_meant);
    }
}

#[test]
fn preferences_for_and_against_others_are_followed() {
    let nodes = || (node("a", "east"), node("b", "west"));
    let term = json!({"labelSelector": app("web"), "topologyKey": "zone"});
    let (mut a, b) = nodes();
    a.put(&pod("x", &json!({"app": "web"}), &json!({})));
    for uid in 0..8 {
        let fond = pod(&format!("p{uid}"), &json!({}), &preferred("podAffinity", &term));
        assert_eq!(words(&fond, &[&a, &b]), "a");
        let shy = pod(&format!("p{uid}"), &json!({}), &preferred("podAntiAffinity", &term));
        assert_eq!(words(&shy, &[&a, &b]), "b");
    }
    // Those that are there have their say, too.
    let (mut a, b) = nodes();
    a.put(&pod("x", &json!({}), &preferred("podAntiAffinity", &term)));
    assert_eq!(words(&pod("p", &json!({"app": "web"}), &json!({})), &[&a, &b]), "b");
}

fn spread(max_skew: i32, key: &str, when: &str, more: &Value) -> Value {
    let mut one = json!({"maxSkew": max_skew, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": app("web")});
    for (key, value) in more.as_object().expect("an object") {
        one[key] = value.clone();
    }
    json!({"topologySpreadConstraints": [one]})
}

#[test]
fn pods_are_spread_as_evenly_as_they_demand() {
    let mut nodes = [node("a", "east"), node("b", "east"), node("c", "west"), node("d", "")];
    for number in 0..9 {
        let one = pod(&format!("p{number}"), &json!({"app": "web"}), &spread(1, "zone", "DoNotSchedule", &json!({})));
        let target = words(&one, &nodes.iter().collect::<Vec<_>>());
        nodes.iter_mut().find(|node| node.name() == target).expect("it is placed").put(&one);
        let count = |index: usize| nodes[index].pods.len();
        assert!((count(0) + count(1)).abs_diff(count(2)) <= 1);
        assert_eq!(count(3), 0);
    }
    let full = [&nodes[3]];
    let one = pod("p", &json!({"app": "web"}), &spread(1, "zone", "DoNotSchedule", &json!({})));
    let missing = "1 node(s) didn't match pod topology spread constraints (missing required label)";
    assert_eq!(words(&one, &full), unschedulable(missing, &format!("1 {NOT_HELPFUL}")));
}

#[test]
fn what_is_counted_for_spreading_can_be_said() {
    let (mut a, mut b) = (node("a", "east"), node("b", "west"));
    a.put(&pod("x", &json!({"app": "web", "version": "1"}), &json!({})));
    let web = |spec: &Value| pod("p", &json!({"app": "web", "version": "2"}), spec);
    let check = |more: Value, nodes: &[&NodeState], expected: &str| {
        assert_eq!(words(&web(&spread(1, "zone", "DoNotSchedule", &more)), nodes), expected, "{more}");
    };
    let uneven = unschedulable("1 node(s) didn't match pod topology spread constraints", &format!("1 {NO_VICTIMS}"));
    check(json!({}), &[&a, &b], "b");
    check(json!({}), &[&a], "a");
    // Fewer zones than there should be: the missing ones count as empty.
    check(json!({"minDomains": 2}), &[&a], &uneven);
    check(json!({"minDomains": 2, "matchLabelKeys": ["version"]}), &[&a], "a");
    // A node that the pod does not go to is left out, unless it says otherwise.
    let mut only_a = spread(1, "zone", "DoNotSchedule", &json!({}));
    only_a["nodeSelector"] = json!({"kubernetes.io/hostname": "a"});
    assert_eq!(words(&web(&only_a), &[&a, &b]), "a");
    only_a["topologySpreadConstraints"][0]["nodeAffinityPolicy"] = json!("Ignore");
    let mismatch = "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod topology spread constraints";
    assert_eq!(words(&web(&only_a), &[&a, &b]), unschedulable(mismatch, &format!("1 {NO_VICTIMS}, 1 {NOT_HELPFUL}")));
    // One that is going away does not count.
    let mut leaving = pod("x", &json!({"app": "web"}), &json!({}));
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
    assert!(a.put(&leaving), "it looks different now");
    check(json!({"minDomains": 2}), &[&a], "a");
    b.put(&pod("y", &json!({"app": "web"}), &json!({})));
    for uid in 0..8 {
        let soft = pod(&format!("p{uid}"), &json!({"app": "web"}), &spread(1, "zone", "ScheduleAnyway", &json!({})));
        assert_eq!(words(&soft, &[&a, &b]), "a", "where fewer are");
        assert_eq!(words(&soft, &[&b]), "b", "rather than nowhere");
    }
}

#[test]
fn it_is_known_of_a_pod_whether_it_looks_at_others() {
    let term = json!({"labelSelector": {}, "topologyKey": "zone"});
    assert!(looks_at_others(&pod("p", &json!({}), &required("podAffinity", &term))));
    assert!(looks_at_others(&pod("p", &json!({}), &preferred("podAntiAffinity", &term))));
    assert!(looks_at_others(&pod("p", &json!({}), &spread(1, "zone", "ScheduleAnyway", &json!({})))));
    assert!(!looks_at_others(&pod("p", &json!({}), &json!({"affinity": {"nodeAffinity": {}}}))));
}

/// What a random pod wants: nothing, to be near an app, apart from an app, or its own app spread.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Nothing,
    Near(usize),
    Apart(usize),
    Spread(i32),
}

const APPS: [&str; 3] = ["x", "y", "z"];
const KEYS: [&str; 2] = ["zone", "kubernetes.io/hostname"];

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        2 => Just(Wish::Nothing),
        2 => (0..APPS.len()).prop_map(Wish::Near),
        3 => (0..APPS.len()).prop_map(Wish::Apart),
        3 => (1..3_i32).prop_map(Wish::Spread),
    ]
}

/// A pod that is placed, as the oracle below sees it.
struct Placed {
    app: usize,
    wish: Wish,
    key: usize,
    node: usize,
}

/// Whether a pod may go on a node, by the words of the documentation and nothing of the code.
fn may(zones: &[usize], placed: &[Placed], (app, wish, key): (usize, Wish, usize), node: usize) -> bool {
    let domain = |key: usize, node: usize| if key == 0 { zones[node] } else { 100 + node };
    let is_beside = |other: &Placed, key: usize| domain(key, other.node) == domain(key, node);
    let is_welcome = placed.iter().all(|other| match other.wish {
        Wish::Apart(unwanted) => unwanted != app || !is_beside(other, other.key),
        _ => true,
    });
    let is_content = match wish {
        Wish::Nothing => true,
        Wish::Near(wanted) => {
            let mut all = placed.iter().filter(|other| other.app == wanted).peekable();
            if all.peek().is_none() { wanted == app } else { all.any(|other| is_beside(other, key)) }
        }
        Wish::Apart(unwanted) => !placed.iter().any(|other| other.app == unwanted && is_beside(other, key)),
        Wish::Spread(skew) => {
            let count = |at: usize| placed.iter().filter(|other| other.app == app && domain(key, other.node) == at).count();
            let least = (0..zones.len()).map(|node| count(domain(key, node))).min().unwrap_or(0);
            count(domain(key, node)) + 1 - least <= usize::try_from(skew).expect("small")
        }
    };
    is_welcome && is_content
}

fn wishing(name: &str, (app, wish, key): (usize, Wish, usize)) -> Pod {
    let term = |of: usize| json!({"labelSelector": {"matchLabels": {"app": APPS[of]}}, "topologyKey": KEYS[key]});
    let spec = match wish {
        Wish::Nothing => json!({}),
        Wish::Near(of) => required("podAffinity", &term(of)),
        Wish::Apart(of) => required("podAntiAffinity", &term(of)),
        Wish::Spread(skew) => {
            let selector = json!({"labelSelector": {"matchLabels": {"app": APPS[app]}}});
            spread(skew, KEYS[key], "DoNotSchedule", &selector)
        }
    };
    pod(name, &json!({"app": APPS[app]}), &spec)
}

proptest! {
    #[test]
    fn a_pod_is_placed_where_it_may_be_and_refused_only_where_it_may_be_nowhere(
        zones in prop::collection::vec(0..3_usize, 1..6),
        pods in prop::collection::vec((0..APPS.len(), wish(), 0..KEYS.len()), 0..16),
    ) {
        let name = |index: usize| format!("n{index}");
        let mut nodes: Vec<NodeState> = zones.iter().enumerate().map(|(index, zone)| node(&name(index), &format!("z{zone}"))).collect();
        let mut placed: Vec<Placed> = Vec::new();
        for (number, wanted) in pods.into_iter().enumerate() {
            let one = wishing(&format!("p{number}"), wanted);
            let all: Vec<&NodeState> = nodes.iter().collect();
            let allowed: Vec<usize> = (0..zones.len()).filter(|node| may(&zones, &placed, wanted, *node)).collect();
            match place(&one, &all, &all_of(&all)) {
                Placement::Bind { node } => {
                    let index = (0..zones.len()).find(|index| name(*index) == node).expect("one of them");
                    prop_assert!(allowed.contains(&index), "{wanted:?} on {node}, and it may go on {allowed:?}");
                    nodes[index].put(&one);
                    let (app, wish, key) = wanted;
                    placed.push(Placed { app, wish, key, node: index });
                }
                Placement::Unschedulable { message } => prop_assert!(allowed.is_empty(), "{message}, and it may go on {allowed:?}"),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
