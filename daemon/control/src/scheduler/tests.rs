//! Placing and admitting pods.

mod neighbours;

use super::{NodeState, Placement, admit, place};
use crate::membership::Members;
use crate::version::NodeId;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

fn node(name: &str, spec: &Value) -> NodeState {
    let node: Node = serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"disk": "ssd", "cores": "4"}},
        "spec": spec,
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "10Gi", "pods": "3"}},
    }))
    .expect("a node");
    NodeState::new(&node)
}

fn pod(uid: &str, spec: &Value) -> Pod {
    let mut whole = json!({"containers": [{"name": "c", "image": "i"}]});
    for (key, value) in spec.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    serde_json::from_value(json!({"metadata": {"name": uid, "uid": uid}, "spec": whole})).expect("a pod")
}

fn wanting(uid: &str, cpu: &str, memory: &str) -> Pod {
    pod(uid, &json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]}))
}

fn with_port(uid: &str, port: &Value) -> Pod {
    pod(uid, &json!({"containers": [{"name": "c", "image": "i", "ports": [port]}]}))
}

fn all_of(nodes: &[&NodeState]) -> Members {
    Members::new(NodeId::from("me"), nodes.iter().map(|node| NodeId::from(node.name())))
}

fn words(pod: &Pod, nodes: &[&NodeState]) -> String {
    words_of(place(pod, nodes, &all_of(nodes)))
}

fn words_of(placement: Placement) -> String {
    match placement {
        Placement::Bind { node } => node,
        Placement::Unschedulable { message } | Placement::Gated { message } => message,
        Placement::NotOurs => "not ours".to_owned(),
    }
}

#[test]
fn a_pod_goes_where_it_fits_and_where_most_is_free() {
    let (mut small, large) = (node("a", &json!({})), node("b", &json!({})));
    small.put(&wanting("x", "1", "1Mi"));
    assert_eq!(words(&wanting("p", "500m", "1Mi"), &[&small, &large]), "b");
    assert_eq!(words(&wanting("p", "500m", "1Mi"), &[&large, &small]), "b");
    let equals = [&large, &node("a", &json!({}))];
    let chosen = |uid: usize| words(&pod(&format!("p{uid}"), &json!({})), &equals);
    let first = (0..100).filter(|uid| chosen(*uid) == "a").count();
    assert!((30..70).contains(&first), "of equals one, and not always the same: {first}");
}

#[test]
fn what_a_node_lacks_is_said_in_kubernetes_words() {
    let mut full = node("a", &json!({}));
    for uid in ["x", "y", "z"] {
        full.put(&wanting(uid, "500m", "300Mi"));
    }
    let check = |pod: &Pod, nodes: &[&NodeState], expected: &str| assert_eq!(words(pod, nodes), expected);
    check(
        &wanting("p", "1", "200Mi"),
        &[&full],
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods. no new claims to deallocate, \
         preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    );
    check(
        &pod("p", &json!({"nodeSelector": {"disk": "hdd"}})),
        &[&full],
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, \
         preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    );
    let cordoned = node("b", &json!({"unschedulable": true}));
    let tainted = node("c", &json!({"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}));
    check(
        &pod("p", &json!({})),
        &[&full, &cordoned, &tainted],
        "0/3 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. \
         no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, \
         2 Preemption is not helpful for scheduling.",
    );
    check(
        &wanting("p", "4", "1Mi"),
        &[&node("d", &json!({})), &cordoned],
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. no new claims to deallocate, preemption: \
         0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
    check(
        &pod("p", &json!({"preemptionPolicy": "Never"})),
        &[&cordoned],
        "0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, preemption: not eligible due to \
         preemptionPolicy=Never.",
    );
    let tolerations = json!([{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}]);
    check(&pod("p", &json!({"tolerations": tolerations})), &[&tainted], "c");
    let tolerations = json!([{"operator": "Exists"}]);
    check(&pod("p", &json!({"tolerations": tolerations})), &[&cordoned], "b");
    check(&pod("p", &json!({})), &[], "no nodes available to schedule pods");
    let gates = json!([{"name": "g"}]);
    check(&pod("p", &json!({"schedulingGates": gates})), &[&full], "Scheduling is blocked due to non-empty scheduling gates");
    check(&pod("p", &json!({"schedulerName": "mine"})), &[&full], "not ours");
    check(&pod("p", &json!({"nodeName": "a"})), &[&full], "not ours");
}

#[test]
fn required_affinity_is_honoured() {
    let nodes = [&node("a", &json!({}))];
    for (operator, values, fits) in [
        ("In", json!(["ssd"]), true),
        ("NotIn", json!(["ssd"]), false),
        ("Exists", Value::Null, true),
        ("DoesNotExist", Value::Null, false),
    ] {
        let expression = json!({"key": "disk", "operator": operator, "values": values});
        let required = json!({"nodeSelectorTerms": [{"matchExpressions": [expression]}]});
        let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}});
        assert_eq!(words(&pod("p", &json!({"affinity": affinity})), &nodes) == "a", fits, "{operator}");
    }
}

#[test]
fn a_host_port_is_given_once() {
    let mut node = node("a", &json!({}));
    node.put(&with_port("x", &json!({"containerPort": 80, "hostPort": 8080})));
    let taken = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to \
                 deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    assert_eq!(words(&with_port("p", &json!({"containerPort": 81, "hostPort": 8080, "hostIP": "127.0.0.1"})), &[&node]), taken);
    assert_eq!(words(&with_port("p", &json!({"containerPort": 81, "hostPort": 8080, "protocol": "UDP"})), &[&node]), "a");
    assert_eq!(words(&with_port("p", &json!({"containerPort": 8080})), &[&node]), "a");
    node.remove("x");
    assert_eq!(words(&with_port("p", &json!({"containerPort": 80, "hostPort": 8080})), &[&node]), "a");
}

#[test]
fn an_ended_pod_takes_nothing() {
    let mut node = node("a", &json!({}));
    let mut big = wanting("x", "2", "1Gi");
    node.put(&big);
    assert_ne!(words(&wanting("p", "1", "1Mi"), &[&node]), "a");
    big.status = serde_json::from_value(json!({"phase": "Succeeded"})).expect("a status");
    node.put(&big);
    assert_eq!(words(&wanting("p", "1", "1Mi"), &[&node]), "a");
}

#[test]
fn a_node_has_the_last_word_on_what_it_runs() {
    let mut node = node("a", &json!({"taints": [{"key": "k", "effect": "NoSchedule"}]}));
    node.put(&wanting("x", "500m", "1Mi"));
    let check = |pod: &Pod, expected: &str| {
        let answer = admit(pod, &node).map_err(|rejection| format!("{}: {}", rejection.reason.as_str(), rejection.message));
        assert_eq!(answer.err().unwrap_or_default(), expected);
    };
    check(&wanting("p", "1", "1Mi"), "");
    check(&wanting("x", "2", "1Mi"), "");
    check(
        &wanting("p", "4", "1Mi"),
        "OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 500, capacity: 2000",
    );
    check(
        &pod("p", &json!({"nodeSelector": {"disk": "hdd"}})),
        "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    );
}

#[test]
fn init_containers_count_by_the_greediest_and_sidecars_by_all() {
    let container = |cpu: &str, policy: Value| json!({"name": "c", "image": "i", "restartPolicy": policy, "resources": {"requests": {"cpu": cpu}}});
    let always = json!("Always");
    for (init, expected_milli) in [
        (json!([container("3", Value::Null)]), 3000),
        (json!([container("1", Value::Null)]), 2000),
        (json!([container("1", always.clone())]), 3000),
        (json!([container("1", always), container("4", Value::Null)]), 5000),
    ] {
        let mains = json!([container("1500m", Value::Null), container("500m", Value::Null)]);
        let pod = pod("p", &json!({"containers": mains, "initContainers": init}));
        assert_eq!(super::Resources::of_pod(&pod).cpu_milli, expected_milli);
    }
}

#[test]
fn a_node_that_is_not_seen_takes_nothing() {
    let (seen, lost) = (node("a", &json!({"unschedulable": true})), node("b", &json!({})));
    let members = Members::new(NodeId::from("a"), []);
    let check = |pod: &Pod, expected: &str| assert_eq!(words_of(place(pod, &[&seen, &lost], &members)), expected);
    check(
        &pod("p", &json!({})),
        "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. no new claims to \
         deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
    let unreachable = json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}]);
    check(
        &pod("p", &json!({"tolerations": unreachable})),
        "0/2 nodes are available: 1 node(s) were unreachable, 1 node(s) were unschedulable. no new claims to deallocate, \
         preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
}

/// A node with four cpus and room for many pods.
fn roomy(name: &str, more: &Value) -> NodeState {
    let mut node = json!({
        "metadata": {"name": name, "labels": {"disk": name}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    });
    for (key, value) in more.as_object().expect("an object") {
        node[key] = value.clone();
    }
    node["status"]["allocatable"] = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
    NodeState::new(&serde_json::from_value::<Node>(node).expect("a node"))
}

fn chosen(nodes: &[&NodeState], spec: &Value) -> String {
    let picks: Vec<String> = (0..8).map(|uid| words(&pod(&format!("p{uid}"), spec), nodes)).collect();
    assert!(picks.iter().all(|pick| *pick == picks[0]), "{picks:?}");
    picks[0].clone()
}

#[test]
fn preferences_are_followed() {
    let plain = roomy("a", &json!({}));
    let avoided = roomy("b", &json!({"spec": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}}));
    assert_eq!(chosen(&[&plain, &avoided], &json!({})), "a");
    let term = json!({"weight": 10, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["c"]}]}});
    let affinity = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}});
    assert_eq!(chosen(&[&plain, &roomy("c", &json!({}))], &json!({"affinity": affinity})), "c");
    let image = json!({"names": ["docker.io/library/i:latest"], "sizeBytes": 900_000_000});
    let holding = roomy("d", &json!({"status": {"images": [image]}}));
    assert_eq!(chosen(&[&plain, &holding], &json!({})), "d");
}

#[test]
fn pods_of_one_owner_are_spread() {
    let names = ["a", "b", "c", "d"];
    let mut nodes: Vec<NodeState> = names.iter().map(|name| roomy(name, &json!({}))).collect();
    for number in 0..20 {
        let mut pod = pod(&format!("p{number}"), &json!({}));
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": true}]);
        pod.metadata.owner_references = Some(serde_json::from_value(owner).expect("owners"));
        let refs: Vec<&NodeState> = nodes.iter().collect();
        let target = words(&pod, &refs);
        nodes.iter_mut().find(|node| node.name() == target).expect("it is one of them").put(&pod);
    }
    let counts: Vec<usize> = nodes.iter().map(|node| node.pods.len()).collect();
    assert_eq!(counts, [5, 5, 5, 5]);
}

#[test]
fn what_a_node_counts_is_what_its_pods_ask_for() {
    let mut state = node("a", &json!({}));
    let empty = state.clone();
    state.put(&wanting("x", "500m", "10Mi"));
    state.put(&wanting("x", "700m", "20Mi"));
    state.put(&wanting("y", "100m", "1Mi"));
    assert_eq!(state.requested().cpu_milli, 800);
    state.remove("x");
    state.remove("y");
    state.remove("y");
    assert_eq!(state, empty);
}
