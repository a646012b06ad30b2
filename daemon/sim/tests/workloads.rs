//! Random lives of Deployments. `SKIFF_SEED=n` lives one of them, `SKIFF_RUNS=n` so many.

use sim::workloads::live;

/// So many in every run of the tests; the first 131 seeds were lived once.
const RUNS: u64 = 12;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn every_deployment_has_its_pods_in_the_end_and_rolls_within_its_bounds() {
    let first = number("SKIFF_SEED");
    let seeds = first.unwrap_or(0)..first.unwrap_or(0) + number("SKIFF_RUNS").unwrap_or(if first.is_some() { 1 } else { RUNS });
    let (mut rollouts, mut calm) = (0, 0);
    for seed in seeds {
        match live(seed) {
            Ok(outcome) => {
                rollouts += outcome.rollouts;
                calm += usize::from(outcome.is_calm);
            }
            Err(what) => panic!("SKIFF_SEED={seed}: {what}"),
        }
    }
    println!("{rollouts} rollouts, {calm} lives in which nothing failed");
}

#[test]
fn a_seed_repeats_exactly() {
    for seed in 0..2 {
        assert_eq!(live(seed), live(seed), "seed {seed}");
    }
}
