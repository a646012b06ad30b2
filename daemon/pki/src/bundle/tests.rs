//! Tests of bundles: merging, moving on, removing.

use super::{Bundle, BundleError, Merged, Refusal};
use crate::certificate::{Holder, HolderKind, Named, issue};
use crate::{Lifetimes, NodeKey, NodeName};

const LIVES: Lifetimes =
    Lifetimes { certificate_ms: 700_000, authority_ms: 90_000_000, overlap_ms: 600_000, removal_overlap_ms: 300_000 };
const NOW: u64 = 1_800_000_000_000;

fn name(text: &str) -> NodeName {
    NodeName::parse(text).expect("a name")
}

fn bundle() -> Bundle {
    Bundle::make(NOW, &LIVES).expect("a bundle")
}

/// A certificate of the newest generation.
fn holder(bundle: &Bundle, key: &NodeKey, called: &str, kind: HolderKind) -> Holder {
    let (cluster, life_ms) = (bundle.cluster(), LIVES.certificate_ms);
    let named = Named { cluster, kind, name: &name(called), life_ms, group: Some("skiff:admin"), also: &[] };
    let certificate = issue(bundle.newest(), &named, key, NOW).expect("a certificate");
    Holder::read(&certificate.der).expect("one of ours")
}

#[test]
fn a_certificate_says_who_holds_it() {
    let (bundle, key) = (bundle(), NodeKey::generate().expect("a key"));
    let holder = holder(&bundle, &key, "oak.example", HolderKind::Node);
    assert_eq!((holder.name.as_str(), holder.kind), ("oak.example", HolderKind::Node));
    assert_eq!(holder.groups, ["skiff:admin"]);
    assert_eq!((holder.cluster.as_str(), holder.identity), (bundle.cluster(), key.identity()));
    assert_eq!(bundle.judge(&holder, Some(HolderKind::Node), NOW), Ok(()));
    assert!(matches!(bundle.judge(&holder, Some(HolderKind::Console), NOW), Err(Refusal::WrongKind { .. })));
}

#[test]
fn a_certificate_of_another_cluster_is_a_strangers() {
    let (ours, theirs, key) = (bundle(), bundle(), NodeKey::generate().expect("a key"));
    let mut stranger = holder(&theirs, &key, "oak", HolderKind::Node);
    assert_eq!(ours.judge(&stranger, None, NOW), Err(Refusal::Stranger));
    // Not even where it claims to be of ours.
    stranger.cluster = ours.cluster().to_owned();
    assert_eq!(ours.judge(&stranger, None, NOW), Err(Refusal::Stranger));
}

#[test]
fn merging_gives_the_same_in_any_order_and_when_repeated() {
    let first = bundle();
    let key = |_| NodeKey::generate().expect("a key").identity();
    let ids: Vec<_> = (0..4).map(key).collect();
    let mut sides = [first.clone(), first.clone(), first.clone()];
    sides[0].admit(ids[0], &name("a"));
    sides[0].rotate(NOW + 1, &LIVES).expect("rotated");
    sides[1].admit(ids[1], &name("b"));
    sides[1].admit(ids[0], &name("z"));
    sides[1].remove(&[ids[2]], &name("c"), NOW + 2, &LIVES).expect("removed");
    sides[2].remove(&[ids[2]], &name("c"), NOW + 1, &LIVES).expect("removed");
    sides[2].rotate(NOW + 3, &LIVES).expect("rotated");
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let merged = orders.map(|order| {
        let mut bundle = first.clone();
        for side in order.iter().chain(&order) {
            bundle.merge(&sides[*side]).expect("of one cluster");
        }
        bundle
    });
    for other in &merged {
        assert_eq!(*other, merged[0]);
        assert_eq!(other.digest(), merged[0].digest());
    }
    assert_eq!(merged[0].clone().merge(&sides[1]), Ok(Merged::Same));
    assert_ne!(merged[0].digest(), first.digest());
    assert_eq!(merged[0].denied()[&ids[2]].at_ms, NOW + 1, "the earlier of two removals");
}

#[test]
fn a_bundle_of_another_cluster_is_not_merged() {
    let mut ours = bundle();
    let before = ours.clone();
    assert!(matches!(ours.merge(&bundle()), Err(BundleError::OtherCluster { .. })));
    assert_eq!(ours, before);
}

#[test]
fn generations_are_bounded_and_the_newest_are_kept() {
    let mut bundle = bundle();
    for step in 0..20 {
        bundle.rotate(NOW + step, &LIVES).expect("rotated");
    }
    assert_eq!(bundle.generations().len(), super::MAX_GENERATIONS);
    assert_eq!(bundle.newest().number, 21);
}

#[test]
fn after_a_rotation_older_certificates_count_for_the_overlap() {
    let (mut bundle, key) = (bundle(), NodeKey::generate().expect("a key"));
    let (node, console) = (holder(&bundle, &key, "oak", HolderKind::Node), holder(&bundle, &key, "me", HolderKind::Console));
    bundle.rotate(NOW + 1000, &LIVES).expect("rotated");
    for old in [node, console] {
        assert_eq!(bundle.judge(&old, None, NOW + 1000 + LIVES.overlap_ms - 1), Ok(()));
        let after = bundle.judge(&old, None, NOW + 1000 + LIVES.overlap_ms);
        assert!(matches!(after, Err(Refusal::OldGeneration { .. })), "{after:?}");
    }
    let renewed = holder(&bundle, &key, "oak", HolderKind::Node);
    assert_eq!(bundle.judge(&renewed, None, NOW + 2 * LIVES.overlap_ms), Ok(()));
}

#[test]
fn a_removed_node_is_refused_at_once_and_what_it_knows_is_worth_nothing() {
    let mut bundle = bundle();
    let keys: Vec<NodeKey> = (0..2).map(|_| NodeKey::generate().expect("a key")).collect();
    let (gone, stays) = (&keys[0], &keys[1]);
    bundle.admit(gone.identity(), &name("gone"));
    bundle.admit(stays.identity(), &name("stays"));
    let known_to_it = bundle.clone();
    assert_eq!(bundle.remove(&[gone.identity()], &name("gone"), NOW, &LIVES), Ok(Merged::Changed));
    assert_eq!(bundle.remove(&[gone.identity()], &name("gone"), NOW + 9, &LIVES), Ok(Merged::Same), "again changes nothing");
    let refused = bundle.judge(&holder(&known_to_it, gone, "gone", HolderKind::Node), None, NOW);
    assert_eq!(refused, Err(Refusal::Denied { name: "gone".to_owned() }));
    // It has the older authority's key, and can sign for any name and key: nobody believes that.
    let invented = NodeKey::generate().expect("a key");
    for (called, kind) in [("stays", HolderKind::Node), ("admin", HolderKind::Console)] {
        let forged = bundle.judge(&holder(&known_to_it, &invented, called, kind), None, NOW);
        assert!(matches!(forged, Err(Refusal::OldGeneration { .. })), "{forged:?}");
    }
    // A member that slept meanwhile comes back with its own key and fetches the new keys.
    let sleeper = holder(&known_to_it, stays, "stays", HolderKind::Node);
    assert_eq!(bundle.judge(&sleeper, None, NOW + LIVES.removal_overlap_ms - 1), Ok(()));
    assert!(bundle.judge(&sleeper, None, NOW + LIVES.removal_overlap_ms).is_err());
}

#[test]
fn whoever_was_removed_on_one_side_of_a_split_has_no_key_that_counts_after_it() {
    let mut first = bundle();
    let keys: Vec<NodeKey> = (0..3).map(|_| NodeKey::generate().expect("a key")).collect();
    for (key, called) in keys.iter().zip(["left", "right", "stays"]) {
        first.admit(key.identity(), &name(called));
    }
    let (mut left, mut right) = (first.clone(), first);
    // Each side goes on with the node that the other removes, which so learns its new keys; one of the two moves on even further.
    left.remove(&[keys[1].identity()], &name("right"), NOW, &LIVES).expect("removed");
    right.remove(&[keys[0].identity()], &name("left"), NOW, &LIVES).expect("removed");
    right.rotate(NOW + 1, &LIVES).expect("rotated");
    assert!(!left.is_exposed() && !right.is_exposed(), "a removal alone leaves nothing open");
    let known_to_removed = right.clone();
    left.merge(&right).expect("of one cluster");
    right.merge(&left).expect("of one cluster");
    assert!(left.is_exposed() && right.is_exposed());
    assert_eq!(left.shut_out(NOW + 2, &LIVES), Ok(Merged::Changed));
    // Both sides may do so at once.
    assert_eq!(right.shut_out(NOW + 2, &LIVES), Ok(Merged::Changed));
    left.merge(&right).expect("of one cluster");
    assert_eq!(left.shut_out(NOW + 3, &LIVES), Ok(Merged::Same));
    let invented = NodeKey::generate().expect("a key");
    let forged = holder(&known_to_removed, &invented, "stays", HolderKind::Node);
    assert!(matches!(left.judge(&forged, None, NOW + 3), Err(Refusal::OldGeneration { .. })));
    let member = holder(&known_to_removed, &keys[2], "stays", HolderKind::Node);
    assert_eq!(left.judge(&member, None, NOW + 3), Ok(()), "members go on meanwhile");
}

#[test]
fn a_removal_ends_what_an_earlier_rotation_let_go_on() {
    let (mut bundle, key) = (bundle(), NodeKey::generate().expect("a key"));
    let oldest = holder(&bundle, &key, "oak", HolderKind::Node);
    bundle.rotate(NOW, &LIVES).expect("rotated");
    let removed = NodeKey::generate().expect("a key").identity();
    bundle.remove(&[removed], &name("gone"), NOW + 1, &LIVES).expect("removed");
    assert!(bundle.judge(&oldest, None, NOW + 2).is_err(), "it is not among the members of the removal");
    assert_eq!(bundle.trusted(NOW + 1 + LIVES.removal_overlap_ms).count(), 1);
}

#[test]
fn a_bundle_is_read_back_and_nothing_that_is_read_panics() {
    let mut bundle = bundle();
    bundle.admit(NodeKey::generate().expect("a key").identity(), &name("oak"));
    let bytes = bundle.encode();
    assert_eq!(Bundle::decode(&bytes), Ok(bundle));
    let mut random = 1_u64;
    for _ in 0..300 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut damaged = bytes.clone();
        let at = usize::try_from(random >> 33).expect("small") % damaged.len();
        damaged[at] ^= u8::try_from(random >> 20 & 0x7f).expect("a byte") | 1;
        if let Err(error) = Bundle::decode(&damaged) {
            assert!(!error.to_string().contains("key\":"), "an error shows no content: {error}");
        }
        let _ = Bundle::decode(&damaged[..at]);
        let _ = Holder::read(&damaged[at..]);
    }
}

#[test]
fn what_is_printed_holds_no_secret() {
    let bundle = bundle();
    let text = format!("{bundle:?} {:?}", NodeKey::generate());
    assert!(text.contains("secret") && text.len() < 2000, "{text}");
}
