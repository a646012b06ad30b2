//! Records and their order, from seeds and by example.

use super::{Ancestry, Body, Fate, MAX_WRITERS, Part, Record, Stamp};
use crate::version::{NodeId, Version};
use proptest::prelude::*;
use std::cmp::Ordering;

pub fn version() -> impl Strategy<Value = Version> {
    (0..4_u64, 0..3_u32, "[ab]").prop_map(|(wall_ms, counter, node)| Version { wall_ms, counter, node: node.as_str().into() })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![Just(Part::Spec), Just(Part::Binding), Just(Part::Status)]
}

fn record() -> impl Strategy<Value = Record> {
    let leaving = Body::Json(r#"{"metadata":{"deletionTimestamp":"t"}}"#.into());
    let body = prop_oneof![Just(Body::Tombstone), Just(leaving), "[xy]".prop_map(|json| Body::Json(json.as_str().into()))];
    (version(), version(), body).prop_map(|(birth, version, body)| Record {
        stamp: Stamp { birth, fate: Fate::of(&body), version },
        ancestry: Ancestry::default(),
        body,
    })
}

fn at(wall_ms: u64, node: &str) -> Version {
    Version { wall_ms, counter: 0, node: node.into() }
}

fn live(birth: u64, wall_ms: u64) -> Stamp {
    Stamp { birth: at(birth, "a"), version: at(wall_ms, "a"), fate: Fate::Live }
}

proptest! {
    #[test]
    fn merging_is_a_join(part in part(), a in record(), b in record(), c in record()) {
        let join = |x: &Record, y: &Record| x.clone().join(part, y.clone());
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        let joined = join(&a, &b);
        prop_assert!(joined.rank(part, &a).is_ge() && joined.rank(part, &b).is_ge() && (joined == a || joined == b));
    }

    #[test]
    fn any_order_and_any_repetition_give_the_same(
        part in part(),
        mut records in prop::collection::vec(record(), 1..8),
        seed in any::<prop::sample::Index>(),
    ) {
        let all = |records: &[Record]| records.iter().cloned().reduce(|x, y| x.join(part, y));
        let expected = all(&records);
        let again = records[seed.index(records.len())].clone();
        records.push(again);
        let turn = seed.index(records.len());
        records.rotate_left(turn);
        records.reverse();
        prop_assert_eq!(all(&records), expected);
    }
}

#[test]
fn a_deletion_is_the_last_word_about_its_object_and_says_nothing_of_the_next() {
    let [leaving, gone] = [Fate::Leaving, Fate::Gone].map(|fate| Stamp { fate, ..live(1, 5) });
    assert_eq!(leaving.rank(Part::Spec, &live(1, 9)), Ordering::Greater);
    assert_eq!(gone.rank(Part::Spec, &Stamp { fate: Fate::Leaving, ..live(1, 9) }), Ordering::Greater);
    assert_eq!(gone.rank(Part::Spec, &live(1, 9)), Ordering::Greater);
    assert_eq!(gone.rank(Part::Spec, &live(6, 6)), Ordering::Less);
}

#[test]
fn the_later_change_and_the_earlier_placement_win() {
    assert_eq!(live(1, 2).rank(Part::Spec, &live(1, 3)), Ordering::Less);
    assert_eq!(live(1, 2).rank(Part::Status, &live(1, 3)), Ordering::Less);
    assert_eq!(live(1, 2).rank(Part::Binding, &live(1, 3)), Ordering::Greater);
}

#[test]
fn changes_are_concurrent_where_neither_knew_of_the_other() {
    let write = |before: &Ancestry, version: Version| Record {
        stamp: Stamp { birth: at(1, "a"), version: version.clone(), fate: Fate::Live },
        ancestry: before.with(&version),
        body: Body::Json("{}".into()),
    };
    let first = write(&Ancestry::default(), at(1, "a"));
    let left = write(&first.ancestry, at(2, "a"));
    let right = write(&first.ancestry, at(3, "b"));
    let after = write(&right.ancestry, at(4, "c"));
    assert!(left.is_concurrent_with(&right) && left.is_concurrent_with(&after));
    assert!(!first.is_concurrent_with(&after) && !right.is_concurrent_with(&after) && !left.is_concurrent_with(&left));
}

#[test]
fn the_ancestry_of_an_object_that_all_nodes_write_stays_small() {
    let versions: Vec<Version> = (0..40_u64).map(|n| at(n, &format!("n{n}"))).collect();
    let ancestry = versions.iter().fold(Ancestry::default(), |ancestry, version| ancestry.with(version));
    assert_eq!(ancestry.writers().count(), MAX_WRITERS);
    assert!(ancestry.has(&versions[39]) && !ancestry.has(&versions[0]));
    assert!(ancestry.writers().any(|(node, _)| *node == NodeId::from("n39")));
}

#[test]
fn a_specification_tells_what_becomes_of_its_object() {
    let check = |json: &str, expected| assert_eq!(Fate::of(&Body::Json(json.into())), expected, "{json}");
    check("{}", Fate::Live);
    check(r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}}"#, Fate::Leaving);
    check(r#"{"metadata":{"deletionTimestamp":null}}"#, Fate::Live);
    check(r#"{"metadata":{"annotations":{"deletionTimestamp":"x"}}}"#, Fate::Live);
    check(r#"no JSON "deletionTimestamp""#, Fate::Live);
    assert_eq!(Fate::of(&Body::Tombstone), Fate::Gone);
}
