//! Many placers and one pod: whose turn it is, and what remains when two took it.

use super::{STEP_IN_AFTER_MS, Turn, tells, turn};
use crate::clock::BootMs;
use crate::entry::Entry;
use crate::membership::Members;
use crate::record::{Ancestry, Body, Fate, Part, Record, Stamp};
use crate::scheduler::{NodeState, Placement, place};
use crate::version::{NodeId, Version};
use k8s_openapi::api::core::v1::{Node, Pod};
use proptest::prelude::*;
use serde_json::json;

fn names(count: usize) -> Vec<NodeId> {
    (0..count).map(|number| NodeId::from(format!("node{number}").as_str())).collect()
}

fn side(alive: &[NodeId]) -> Vec<Members> {
    alive.iter().map(|me| Members::new(me.clone(), alive.iter().cloned())).collect()
}

fn state(name: &NodeId, cpu: u32) -> NodeState {
    let allocatable = json!({"cpu": cpu.to_string(), "memory": "8Gi", "pods": "110"});
    let node: Node = serde_json::from_value(json!({"metadata": {"name": name.as_str()}, "status": {"allocatable": allocatable}}))
        .expect("a node");
    NodeState::new(&node)
}

fn pod(uid: &str) -> Pod {
    let resources = json!({"requests": {"cpu": "1"}});
    let containers = json!([{"name": "c", "image": "i", "resources": resources}]);
    serde_json::from_value(json!({"metadata": {"name": "p", "uid": uid}, "spec": {"containers": containers}})).expect("a pod")
}

#[test]
fn one_places_at_once_and_the_others_wait_longer_and_longer() {
    let (now, since) = (BootMs(10_000), BootMs(10_000));
    let mut waits: Vec<u64> = side(&names(5))
        .iter()
        .map(|members| match turn(now, "uid", since, members) {
            Turn::Now => 0,
            Turn::Wait { until } => until.since_ms(now),
        })
        .collect();
    waits.sort_unstable();
    assert_eq!(waits, [0, 1, 2, 3, 4].map(|rank| rank * STEP_IN_AFTER_MS));
    assert_eq!(side(&names(5)).iter().filter(|members| tells("uid", members)).count(), 1);
    assert_eq!(turn(now, "uid", since, &Members::alone(NodeId::from("node3"))), Turn::Now);
}

proptest! {
    /// Whatever the first one decides, each of those that step in would have decided.
    #[test]
    fn all_of_a_side_decide_alike(uid in "[a-z0-9]{8}", cpus in prop::collection::vec(0..5_u32, 1..12), alive in any::<u16>()) {
        let names = names(cpus.len());
        let mut states: Vec<NodeState> = names.iter().zip(&cpus).map(|(name, cpu)| state(name, *cpu)).collect();
        let alive: Vec<NodeId> = names.iter().enumerate().filter(|(index, _)| alive >> index & 1 == 1).map(|(_, name)| name.clone()).collect();
        let mut decided = Vec::new();
        for members in side(&alive) {
            states.rotate_left(1);
            decided.push(place(&pod(&uid), &states.iter().collect::<Vec<_>>(), &members));
        }
        for other in &decided {
            prop_assert_eq!(other, &decided[0]);
            if let Placement::Bind { node } = other {
                prop_assert!(alive.contains(&NodeId::from(node.as_str())));
            }
        }
    }

    /// In a split each side places a pod on a node of its own; when they meet, all keep the same one: the earlier.
    #[test]
    fn sides_that_placed_the_same_pod_agree_on_one_copy(
        uid in "[a-z0-9]{8}",
        cut in 1..6_usize,
        delays in prop::array::uniform2(0..5_000_u64),
        order in any::<bool>(),
    ) {
        let names = names(7);
        let states: Vec<NodeState> = names.iter().map(|name| state(name, 4)).collect();
        let states: Vec<&NodeState> = states.iter().collect();
        let (left, right) = names.split_at(cut);
        let mut bindings = Vec::new();
        for (alive, delay) in [left, right].into_iter().zip(delays) {
            let members = side(alive);
            let placer = members.iter().find(|members| turn(BootMs(0), &uid, BootMs(0), members) == Turn::Now).expect("one is first");
            let Placement::Bind { node } = place(&pod(&uid), &states, placer) else { return Err(TestCaseError::fail("all have room")) };
            prop_assert!(alive.contains(&NodeId::from(node.as_str())));
            let version = Version { wall_ms: 1_000 + delay, counter: 0, node: placer.me().clone() };
            let birth = Version { wall_ms: 1, counter: 0, node: names[0].clone() };
            let stamp = Stamp { birth, version, fate: Fate::Live };
            bindings.push(Record { stamp, ancestry: Ancestry::default(), body: Body::Json(node.into()) });
        }
        let earlier = bindings.iter().min_by(|one, other| one.stamp.version.cmp(&other.stamp.version)).expect("two").clone();
        if order {
            bindings.reverse();
        }
        // Each side has its own, and gets the other's.
        let kept = [0, 1].map(|first: usize| {
            let mut entry = Entry::default();
            entry.merge(Part::Binding, bindings[first].clone());
            entry.merge(Part::Binding, bindings[1 - first].clone());
            entry.binding
        });
        prop_assert_eq!(&kept[0], &kept[1]);
        prop_assert_eq!(kept[0].as_ref(), Some(&earlier));
    }
}
