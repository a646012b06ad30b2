//! Ten thousand random lives. `SKIFF_SEED=n` lives one of them, `SKIFF_RUNS=n` so many.

use sim::replica::Fault;
use sim::scenario::{Planted, live};
use sim::world::Kind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// So many, where nobody says otherwise.
const RUNS: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Lives all seeds of a range, and collects what failed.
fn failures(seeds: std::ops::Range<u64>, planted: Planted) -> Vec<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.len() >= 3 {
                return failed;
            }
            if let Err(what) = live(seed, planted) {
                failed.push((seed, what));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no life panics")).collect()
    })
}

#[test]
fn every_life_ends_well() {
    let seeds = match number("SKIFF_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SKIFF_RUNS").unwrap_or(RUNS),
    };
    let failed = failures(seeds, Planted::default());
    for (seed, what) in &failed {
        println!("SKIFF_SEED={seed}: {what}");
    }
    assert!(failed.is_empty(), "{} seeds failed, the first with SKIFF_SEED={}: {}", failed.len(), failed[0].0, failed[0].1);
}

#[test]
fn who_was_cut_off_before_it_settled_brings_nothing_back() {
    live(6809, Planted::default()).expect("it ends well");
}

#[test]
fn a_seed_repeats_exactly() {
    for seed in 0..20 {
        let first = live(seed, Planted::default()).expect("it ends well");
        let second = live(seed, Planted::default()).expect("it ends well");
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

/// Whether one of the first seeds finds a fault.
fn finds(planted: Planted) -> bool {
    !failures(0..40, planted).is_empty()
}

#[test]
fn versions_compared_the_wrong_way_round_are_found() {
    assert!(finds(Planted { fault: Fault::WrongWayRound, dropped: None }));
}

#[test]
fn a_kind_of_message_that_never_arrives_is_found() {
    // Without `Have` the other side finds the same when it is its turn to begin, without `Fresh` or `Push` the next round does.
    for kind in [Kind::Digest, Kind::Reconcile, Kind::Answer, Kind::Want, Kind::Give] {
        assert!(finds(Planted { fault: Fault::None, dropped: Some(kind) }), "{kind:?}");
    }
}
