//! Choosing and settling, by hand and with random histories of joins and splits.

use super::{Claim, Plan, Range, choose, settle};
use std::collections::{BTreeMap, BTreeSet};

fn range(text: &str) -> Range {
    Range::parse(text).expect("a range")
}

fn plan(cluster: &str, node_prefix_len: u8) -> Plan {
    Plan { cluster: range(cluster), node_prefix_len }
}

fn claim(node: &str, created_ms: i64, text: &str) -> Claim {
    Claim { node: node.to_owned(), created_ms, range: range(text) }
}

#[test]
fn a_range_is_read_whole_or_not_at_all() {
    for text in ["10.88.0.0/16", "0.0.0.0/0", "10.88.3.128/25", "1.2.3.4/32"] {
        assert_eq!(range(text).to_string(), text);
    }
    for bad in ["", "10.88.0.0", "10.88.0.1/16", "10.88.0.0/33", "10.88/16", "x/8", "10.88.0.0/-1"] {
        assert_eq!(Range::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_free_slot_is_found_wherever_it_is_and_a_full_range_says_so() {
    let plan = plan("10.88.0.0/22", 24);
    let mut taken = Vec::new();
    for number in 0..4 {
        taken.push(choose(plan, &format!("node-{number}"), &taken).expect("a slot"));
    }
    taken.sort();
    let all: Vec<String> = taken.iter().map(ToString::to_string).collect();
    assert_eq!(all, ["10.88.0.0/24", "10.88.1.0/24", "10.88.2.0/24", "10.88.3.0/24"]);
    let full = choose(plan, "late", &taken).expect_err("it is full").to_string();
    assert!(full.contains("no /24 is free in the pods' range 10.88.0.0/22") && full.contains("--cluster-cidr"), "{full}");
}

#[test]
fn slots_of_other_lengths_are_in_the_way_too() {
    let plan = plan("10.88.0.0/23", 24);
    assert_eq!(choose(plan, "a", &[range("10.88.0.64/26")]), Ok(range("10.88.1.0/24")));
    assert!(choose(plan, "a", &[range("10.88.0.0/16")]).is_err());
    assert!(choose(Plan { node_prefix_len: 20, ..plan }, "a", &[]).is_err(), "a node's range larger than the cluster's");
}

#[test]
fn the_name_decides_where_a_node_begins_to_look() {
    let plan = plan("10.88.0.0/16", 24);
    let chosen: BTreeSet<Range> = (0..20).map(|n| choose(plan, &format!("node-{n}"), &[]).expect("a slot")).collect();
    assert!(chosen.len() >= 18, "twenty nodes that know nothing of one another: {chosen:?}");
    assert_eq!(choose(plan, "oak", &[]), choose(plan, "oak", &[]));
}

#[test]
fn the_node_that_was_created_later_moves_and_the_name_breaks_a_tie() {
    let plan = plan("10.88.0.0/16", 24);
    let claims = [claim("b", 2, "10.88.5.0/24"), claim("a", 2, "10.88.5.0/24"), claim("z", 1, "10.88.6.0/24")];
    assert_eq!(settle(plan, "a", &claims), None);
    assert_eq!(settle(plan, "z", &claims), None);
    let moved = settle(plan, "b", &claims).expect("it moves");
    assert_eq!(moved.winner, "a");
    let to = moved.to.expect("a slot");
    assert!(claims.iter().all(|claim| !claim.range.overlaps(to)));
    let later = [claim("a", 3, "10.88.5.0/24"), claim("b", 2, "10.88.5.0/24")];
    assert!(settle(plan, "a", &later).is_some() && settle(plan, "b", &later).is_none());
}

#[test]
fn nobody_moves_for_the_sake_of_one_that_moves_itself() {
    let plan = plan("10.88.0.0/16", 24);
    let claims = [claim("a", 1, "10.88.4.0/24"), claim("b", 2, "10.88.4.0/23"), claim("c", 3, "10.88.5.0/24")];
    assert!(settle(plan, "b", &claims).is_some());
    assert_eq!(settle(plan, "c", &claims), None, "its range is free once b has moved");
}

#[test]
fn a_full_range_leaves_nowhere_to_go() {
    let claims = [claim("a", 1, "10.88.0.0/24"), claim("b", 2, "10.88.1.0/24"), claim("c", 3, "10.88.1.0/24")];
    let moved = settle(plan("10.88.0.0/23", 24), "c", &claims).expect("it has to");
    assert!(moved.winner == "b" && moved.to.is_err());
}

/// A small generator: the same numbers for the same seed everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).expect("a bound")).expect("it is below the bound")
    }
}

type View = BTreeMap<String, Claim>;

/// Nodes join sides that do not see one another; then all meet, and each acts on what all saw at that moment, or a while later
/// on what others did meanwhile.
fn history(seed: u64) {
    let mut random = Random(seed);
    let slots = 6 + random.below(4);
    let plan = plan("10.88.0.0/16", u8::try_from(16 + slots).expect("a length"));
    let mut sides: Vec<View> = vec![View::new(); 1 + random.below(4)];
    for number in 0..random.below(30) {
        let side = random.below(sides.len());
        let (node, view) = (format!("node-{}-{number}", random.below(1000)), &mut sides[side]);
        let taken: Vec<Range> = view.values().map(|claim| claim.range).collect();
        let range = choose(plan, &node, &taken).expect("there is room for all");
        let created_ms = i64::try_from(random.below(10)).expect("it is small");
        view.insert(node.clone(), Claim { node, created_ms, range });
    }
    let mut all: View = sides.into_iter().flatten().collect();
    let before: Vec<Claim> = all.values().cloned().collect();
    let needed: BTreeSet<&String> = before
        .iter()
        .filter(|own| before.iter().any(|other| other.node != own.node && other.range.overlaps(own.range)))
        .map(|own| &own.node)
        .collect();
    let mut moves: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..3 {
        let seen: Vec<Claim> = all.values().cloned().collect();
        let mut order: Vec<String> = all.keys().cloned().collect();
        (1..order.len()).rev().for_each(|last| order.swap(last, random.below(last + 1)));
        for node in order {
            // It has seen what others did since, or has not.
            let view = if random.below(2) == 0 { seen.clone() } else { all.values().cloned().collect() };
            let is_stale = view.iter().any(|claim| claim.node == node && claim.range != all[&node].range);
            let Some(moved) = settle(plan, &node, &view).filter(|_| !is_stale) else { continue };
            assert!(needed.contains(&node), "seed {seed}: {node} moved without need in round {round}");
            *moves.entry(node.clone()).or_default() += 1;
            all.get_mut(&node).expect("it is there").range = moved.to.expect("there is room for all");
        }
    }
    let ranges: BTreeSet<Range> = all.values().map(|claim| claim.range).collect();
    assert_eq!(ranges.len(), all.len(), "seed {seed}: all are distinct");
    assert!(moves.values().all(|count| *count == 1), "seed {seed}: {moves:?}");
    let losers = before.len() - before.iter().map(|claim| claim.range).collect::<BTreeSet<_>>().len();
    assert_eq!(moves.len(), losers, "seed {seed}: one of each group stays");
}

#[test]
fn nodes_that_joined_on_sides_of_a_split_end_with_distinct_ranges_after_one_move_each_at_most() {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match read("SKIFF_SEED") {
        Some(seed) => history(seed),
        None => (0..read("SKIFF_RUNS").unwrap_or(2000)).for_each(history),
    }
}
