//! Thresholds, and the order in which pods go.

use super::{
    Amount, Condition, ContainerUse, DEFAULTS, Gauge, Least, Measured, PodUse, Shortage, Signal, Standing, Threshold, choose,
    message, refuses,
};
use crate::clock::BootMs;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::sync::Arc;

const MINUTE: u64 = 60_000;

fn plenty() -> Measured {
    Measured {
        memory: Amount { capacity: 8 << 30, available: 4 << 30 },
        disk: Amount { capacity: 1000, available: 500 },
        inodes: Amount { capacity: 1000, available: 900 },
        pids: Amount { capacity: 1000, available: 900 },
    }
}

fn look(measured: &Measured) -> Standing {
    Gauge::new(DEFAULTS.to_vec(), 5 * MINUTE).step(BootMs(0), measured)
}

fn left(amount: Amount, available: u64) -> Amount {
    Amount { available, ..amount }
}

#[test]
fn each_shortage_is_its_own_condition() {
    let check = |measured: Measured, conditions: &[Condition]| assert_eq!(look(&measured).conditions, conditions);
    let all = plenty();
    check(all, &[]);
    check(Measured { memory: left(all.memory, (100 << 20) - 1), ..all }, &[Condition::Memory]);
    check(Measured { memory: left(all.memory, 100 << 20), ..all }, &[]);
    check(Measured { disk: left(all.disk, 99), ..all }, &[Condition::Disk]);
    check(Measured { inodes: left(all.inodes, 49), ..all }, &[Condition::Disk]);
    check(Measured { pids: left(all.pids, 49), ..all }, &[Condition::Pids]);
    check(Measured { inodes: Amount::default(), ..all }, &[]);
}

#[test]
fn pressure_comes_at_once_and_goes_after_the_transition_period() {
    let mut gauge = Gauge::new(DEFAULTS.to_vec(), 5 * MINUTE);
    let short = Measured { memory: left(plenty().memory, 1), ..plenty() };
    let mut at = |minutes: u64, measured: &Measured| gauge.step(BootMs(minutes * MINUTE), measured).has(Condition::Memory);
    let seen = [at(0, &plenty()), at(1, &short), at(2, &plenty()), at(4, &short), at(8, &plenty()), at(9, &plenty())];
    assert_eq!(seen, [false, true, true, true, true, false], "the period begins anew with each crossing");
}

#[test]
fn a_soft_threshold_waits_for_its_grace_and_forgets_what_is_over() {
    let soft = Threshold { signal: Signal::Memory, least: Least::Part(0.5), grace_ms: 2 * MINUTE };
    let mut gauge = Gauge::new(vec![soft], 0);
    let short = Measured { memory: left(plenty().memory, 1 << 30), ..plenty() };
    let mut at = |minutes: u64, measured: &Measured| {
        let standing = gauge.step(BootMs(minutes * MINUTE), measured);
        (standing.conditions.len(), standing.shortages.len())
    };
    assert_eq!([at(0, &short), at(1, &short), at(2, &short)], [(1, 0), (1, 0), (1, 1)]);
    assert_eq!([at(3, &plenty()), at(4, &short), at(5, &short)], [(0, 0), (1, 0), (1, 0)]);
}

#[test]
fn memory_is_relieved_before_disk() {
    let all = plenty();
    let short = Measured { memory: left(all.memory, 1), disk: left(all.disk, 1), pids: left(all.pids, 1), ..all };
    let signals: Vec<Signal> = look(&short).shortages.iter().map(|shortage| shortage.threshold.signal).collect();
    assert_eq!(signals, [Signal::Memory, Signal::Disk, Signal::Pids]);
}

fn pod(name: &str, priority: i32, memory: Option<&str>) -> Arc<Pod> {
    let requests = memory.map_or(json!({}), |memory| json!({"memory": memory}));
    let container = json!({"name": "c", "resources": {"requests": requests}});
    let pod = json!({"metadata": {"name": name}, "spec": {"priority": priority, "containers": [container]}});
    Arc::new(serde_json::from_value(pod).expect("a pod"))
}

fn using(pod: Arc<Pod>, used: u64) -> PodUse {
    PodUse { pod, used, containers: vec![ContainerUse { name: "c".to_owned(), used }] }
}

/// The names in the order in which they go.
fn order(signal: Signal, mut pods: Vec<PodUse>) -> Vec<String> {
    let mut gone = Vec::new();
    while let Some(index) = choose(signal, &pods) {
        gone.extend(pods.remove(index).pod.metadata.name.clone());
    }
    gone
}

#[test]
fn those_above_their_request_go_first_then_by_priority_then_by_how_much() {
    let pods = vec![
        using(pod("within", -5, Some("1Gi")), 900 << 20),
        using(pod("little-above", 0, Some("100Mi")), 110 << 20),
        using(pod("much-above", 0, None), 300 << 20),
        using(pod("important", 1000, None), 800 << 20),
        using(pod("critical", 2_000_000_000, None), 4 << 30),
        using(pod("small", 0, Some("1Gi")), 1 << 20),
    ];
    let expected = ["much-above", "little-above", "important", "within", "small"];
    assert_eq!(order(Signal::Memory, pods), expected);
}

#[test]
fn processes_are_counted_whatever_was_asked_for() {
    let pods = vec![using(pod("few", 0, None), 3), using(pod("many", 0, Some("8Gi")), 900), using(pod("high", 7, None), 5000)];
    assert_eq!(order(Signal::Pids, pods), ["many", "few", "high"]);
}

#[test]
fn the_message_is_kubelets() {
    let threshold = Threshold { signal: Signal::Memory, least: Least::Absolute(100 << 20), grace_ms: 0 };
    let shortage = Shortage { threshold, amount: Amount { capacity: 8 << 30, available: 93_504 << 10 } };
    let said = message(&shortage, &using(pod("p", 0, None), 300 << 20));
    let expected = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 93504Ki. \
        Container c was using 300Mi, request is 0, has larger consumption of memory. ";
    assert_eq!(said, expected);
    let said = message(&shortage, &using(pod("p", 0, Some("1Gi")), 300 << 20));
    assert!(said.ends_with("available: 93504Ki. "), "{said}");
    let threshold = Threshold { signal: Signal::Pids, least: Least::Part(0.05), grace_ms: 0 };
    let shortage = Shortage { threshold, amount: Amount { capacity: 1000, available: 7 } };
    let expected = "The node was low on resource: pids. Threshold quantity: 50, available: 7. ";
    assert_eq!(message(&shortage, &using(pod("p", 0, None), 300)), expected);
}

#[test]
fn a_node_under_pressure_refuses_what_makes_it_worse() {
    let check = |conditions: &[Condition], pod: &Pod| refuses(conditions, pod).map(|rejection| rejection.message);
    let (best_effort, burstable, critical) = (pod("a", 0, None), pod("b", 0, Some("1Mi")), pod("c", 2_000_000_001, None));
    assert_eq!(check(&[], &best_effort), None);
    assert_eq!(check(&[Condition::Memory], &burstable), None);
    assert_eq!(check(&[Condition::Memory], &critical), None);
    assert_eq!(
        check(&[Condition::Memory], &best_effort).as_deref(),
        Some("Pod was rejected: The node had condition: [MemoryPressure]. ")
    );
    let both = [Condition::Memory, Condition::Disk];
    assert_eq!(
        check(&both, &burstable).as_deref(),
        Some("Pod was rejected: The node had condition: [MemoryPressure DiskPressure]. ")
    );
    let mut tolerant: Value = serde_json::to_value(&*best_effort).expect("JSON");
    tolerant["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    let tolerant: Pod = serde_json::from_value(tolerant).expect("a pod");
    assert_eq!(check(&[Condition::Memory], &tolerant), None);
}
