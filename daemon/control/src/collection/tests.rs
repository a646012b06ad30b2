//! Which objects go with their owners, and in what order.

use super::{Collection, FOREGROUND, Member, ORPHAN, Owner, Standing, Step};
use proptest::prelude::*;
use std::collections::BTreeSet;

type Key = &'static str;

fn owner(uid: &str) -> Owner {
    Owner {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: uid.to_owned(),
        uid: uid.to_owned(),
        is_blocked: true,
    }
}

fn owned(key: Key, owners: &[&str]) -> Member<Key> {
    Member { key, owners: owners.iter().map(|uid| owner(uid)).collect(), finalizers: Vec::new(), is_leaving: false }
}

fn leaving(key: Key, finalizer: &str) -> Member<Key> {
    Member { key, owners: Vec::new(), finalizers: vec![finalizer.to_owned()], is_leaving: true }
}

fn of(members: &[(&str, Member<Key>)]) -> Collection<Key> {
    let mut collection = Collection::new();
    members.iter().for_each(|(uid, member)| collection.put(uid, member.clone()));
    collection
}

/// Owners stand as the first letter of their uid says.
fn stands(_: &Key, owner: &Owner) -> Standing {
    match owner.uid.chars().next() {
        Some('g') => Standing::Gone,
        Some('w') => Standing::Waiting,
        Some('u') => Standing::Unheard,
        _ => Standing::There,
    }
}

fn delete(key: Key, foreground: bool) -> Step<Key> {
    Step::Delete { key, uid: format!("uid-{key}"), foreground }
}

#[track_caller]
fn check(owners: &[&str], expected: &[Step<Key>]) {
    assert_eq!(of(&[("uid-a", owned("a", owners))]).steps(stands), expected);
}

#[test]
fn an_object_goes_when_all_its_owners_are_gone() {
    check(&["there"], &[]);
    check(&["gone"], &[delete("a", false)]);
    check(&["gone", "gone-too"], &[delete("a", false)]);
    check(&["waiting"], &[delete("a", false)]);
    // Who was never heard of may not have arrived yet.
    check(&["unheard"], &[]);
}

#[test]
fn owners_that_are_gone_are_forgotten_while_another_is_there() {
    let disown = |owners: &[&str]| Step::Disown {
        key: "a",
        uid: "uid-a".to_owned(),
        owners: owners.iter().map(|uid| (*uid).to_owned()).collect(),
    };
    check(&["there", "gone"], &[disown(&["gone"])]);
    check(&["unheard", "gone", "waiting"], &[disown(&["gone", "waiting"])]);
}

#[test]
fn what_waits_for_its_dependents_goes_after_them() {
    let mut collection = of(&[("waiting", leaving("o", FOREGROUND)), ("uid-a", owned("a", &["waiting"]))]);
    collection.put("uid-b", owned("b", &["uid-a"]));
    assert_eq!(collection.steps(stands), [delete("a", true)]);
    let mut going = owned("a", &["waiting"]);
    (going.is_leaving, going.finalizers) = (true, vec![FOREGROUND.to_owned()]);
    collection.put("uid-a", going);
    assert_eq!(collection.steps(stands), [], "b is still there, and blocks a, which blocks the owner");
    collection.remove("uid-b");
    let release = |key, uid: &str| Step::Release { key, uid: uid.to_owned(), finalizer: FOREGROUND };
    assert_eq!(collection.steps(stands), [release("a", "uid-a")]);
    collection.remove("uid-a");
    assert_eq!(collection.steps(stands), [release("o", "waiting")]);
}

#[test]
fn who_does_not_block_is_not_waited_for() {
    let mut free = owned("a", &["waiting"]);
    free.owners[0].is_blocked = false;
    let steps = of(&[("waiting", leaving("o", FOREGROUND)), ("uid-a", free)]).steps(stands);
    assert!(steps.contains(&Step::Release { key: "o", uid: "waiting".to_owned(), finalizer: FOREGROUND }));
}

#[test]
fn orphans_lose_their_owner_and_stay() {
    let mut collection = of(&[("waiting", leaving("o", ORPHAN)), ("uid-a", owned("a", &["there", "waiting"]))]);
    let disown = Step::Disown { key: "a", uid: "uid-a".to_owned(), owners: vec!["waiting".to_owned()] };
    assert!(collection.steps(|_, _| Standing::There).iter().all(|step| *step == disown));
    collection.put("uid-a", owned("a", &["there"]));
    let release = Step::Release { key: "o", uid: "waiting".to_owned(), finalizer: ORPHAN };
    assert_eq!(collection.steps(|_, _| Standing::There), [release]);
}

proptest! {
    /// Whatever owns what, nobody who is wanted goes, and of those that nobody wants all go.
    #[test]
    fn in_the_end_only_what_somebody_wants_is_left(owners in prop::collection::vec(prop::collection::vec(0..8_usize, 0..3), 8)) {
        const KEYS: [Key; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
        let mut collection = Collection::new();
        let mut alive: BTreeSet<usize> = (0..8).collect();
        for (index, owners) in owners.iter().enumerate() {
            let owners: Vec<&str> = owners.iter().map(|owner| KEYS[*owner]).collect();
            collection.put(KEYS[index], owned(KEYS[index], &owners));
        }
        // The root is deleted by its user.
        collection.remove("0");
        alive.remove(&0);
        loop {
            let there = alive.clone();
            let standing = |_: &Key, owner: &Owner| {
                let index: usize = owner.uid.parse().expect("a number");
                if there.contains(&index) { Standing::There } else { Standing::Gone }
            };
            let steps = collection.steps(standing);
            if steps.is_empty() {
                break;
            }
            for step in steps {
                match step {
                    Step::Delete { uid, .. } => {
                        let index: usize = uid.parse().expect("a number");
                        prop_assert!(owners[index].iter().all(|owner| !there.contains(owner)), "{} is wanted", index);
                        alive.remove(&index);
                        collection.remove(&uid);
                    }
                    Step::Disown { key, uid, owners: gone } => {
                        let index: usize = uid.parse().expect("a number");
                        let kept: Vec<&str> = owners[index].iter().map(|owner| KEYS[*owner])
                            .filter(|owner| there.contains(&owner.parse().expect("a number")) && !gone.contains(&(*owner).to_owned())).collect();
                        collection.put(&uid, owned(key, &kept));
                    }
                    Step::Release { .. } => prop_assert!(false, "nobody waits"),
                }
            }
        }
        for index in &alive {
            let wants = &owners[*index];
            prop_assert!(wants.is_empty() || wants.iter().any(|owner| alive.contains(owner)), "{} is not wanted", index);
        }
    }
}
