//! Rollouts in numbers: by cases, and from seeds that the bounds hold at each step and the end is reached.

use super::{Bounds, Count, grow, shrink};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::prelude::{prop, proptest};

fn percent(text: &str) -> IntOrString {
    IntOrString::String(text.to_owned())
}

#[test]
fn percents_are_rounded_so_that_something_can_move() {
    let of = |surge: IntOrString, unavailable: IntOrString, wanted| {
        let bounds = Bounds::of(Some(&surge), Some(&unavailable), wanted);
        (bounds.surge, bounds.unavailable)
    };
    assert_eq!(of(percent("25%"), percent("25%"), 3), (1, 0));
    assert_eq!(of(percent("25%"), percent("25%"), 10), (3, 2));
    assert_eq!(of(percent("0%"), percent("10%"), 3), (0, 1));
    assert_eq!(of(IntOrString::Int(2), IntOrString::Int(9), 3), (2, 3));
    assert_eq!(of(percent("100%"), percent("0%"), 2_000_000_000), (2_000_000_000, 0));
    assert_eq!(of(percent("many"), IntOrString::Int(-4), 3), (0, 1));
}

#[test]
fn the_new_set_grows_into_the_room_that_there_is() {
    let bounds = Bounds { surge: 1, unavailable: 0 };
    let set = |wanted, available| Count { wanted, available };
    assert_eq!(grow(3, set(0, 0), &[set(3, 3)], bounds), 1);
    assert_eq!(grow(3, set(1, 0), &[set(3, 3)], bounds), 1);
    assert_eq!(grow(3, set(1, 1), &[set(2, 2)], bounds), 2);
    assert_eq!(grow(3, set(5, 5), &[], bounds), 3);
    assert_eq!(grow(3, set(0, 0), &[], bounds), 3);
}

#[test]
fn old_sets_shrink_by_what_is_not_available_and_then_by_what_is_spare() {
    let bounds = Bounds { surge: 1, unavailable: 1 };
    let set = |wanted, available| Count { wanted, available };
    assert_eq!(shrink(3, set(1, 0), &[set(3, 3)], bounds), [2]);
    assert_eq!(shrink(3, set(1, 1), &[set(3, 3)], bounds), [1]);
    assert_eq!(shrink(3, set(1, 1), &[set(2, 0), set(1, 1)], bounds), [0, 1]);
    assert_eq!(shrink(3, set(1, 0), &[set(2, 2)], bounds), [2]);
    assert_eq!(shrink(3, set(3, 3), &[set(0, 0)], bounds), [0]);
}

proptest! {
    #[test]
    fn a_rollout_keeps_its_bounds_and_ends(
        wanted in 0_i32..20,
        surge in 0_i32..6,
        unavailable in 0_i32..6,
        old in prop::collection::vec(0_i32..8, 0..4),
    ) {
        let bounds = Bounds::of(Some(&IntOrString::Int(surge)), Some(&IntOrString::Int(unavailable)), wanted);
        let mut old: Vec<Count> = old.into_iter().map(|count| Count { wanted: count, available: count }).collect();
        let mut new = Count { wanted: 0, available: 0 };
        let total = |new: &Count, old: &[Count]| new.wanted + old.iter().map(|set| set.wanted).sum::<i32>();
        let available = |new: &Count, old: &[Count]| new.available + old.iter().map(|set| set.available).sum::<i32>();
        for _ in 0..200 {
            let most = total(&new, &old).max(wanted + bounds.surge);
            let least = available(&new, &old).min(wanted - bounds.unavailable);
            new.wanted = grow(wanted, new, &old, bounds);
            assert!(total(&new, &old) <= most, "{new:?} {old:?} {bounds:?}");
            let next = shrink(wanted, new, &old, bounds);
            for (set, next) in old.iter_mut().zip(next) {
                assert!(next >= 0);
                *set = Count { wanted: next, available: set.available.min(next) };
            }
            assert!(available(&new, &old) >= least, "{new:?} {old:?} {bounds:?}");
            // One more of the new pods is ready.
            new.available = (new.available + 1).min(new.wanted);
        }
        assert_eq!(new, Count { wanted, available: wanted });
        assert!(old.iter().all(|set| set.wanted == 0), "{old:?} {bounds:?}");
    }
}
