//! Another number of pods while several sets have some: each gets its share (`sync.go:scale`).

use super::{Rollout, SetChange, SetRef, is_rolling, name, replicas, revision, seen};
use k8s_openapi::api::apps::v1::ReplicaSet;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The sets that change, by name.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<String, SetChange>);

impl Changes {
    /// The change of a set, which is to have so many pods.
    pub(super) fn of(&mut self, set: &ReplicaSet, to: i32) -> &mut SetChange {
        let nothing =
            || SetChange { set: SetRef::of(set), from: replicas(set), to, annotations: BTreeMap::new(), min_ready_seconds: None };
        let change = self.0.entry(name(set).to_owned()).or_insert_with(nothing);
        change.to = to;
        change
    }

    /// A set gets a number of pods, and notes of which whole it is a share (`scaleReplicaSet`).
    pub(super) fn scale(&mut self, rollout: &Rollout<'_>, set: &ReplicaSet, to: i32) {
        let has = set.metadata.annotations.clone().unwrap_or_default();
        let mut share = revision::share(rollout);
        share.retain(|key, value| has.get(key) != Some(value));
        if to != replicas(set) || !share.is_empty() {
            self.of(set, to).annotations.append(&mut share);
        }
    }

    /// An annotation that a set gets.
    pub(super) fn annotation(&self, set: &ReplicaSet, key: &str) -> Option<&str> {
        self.0.get(name(set)).and_then(|change| change.annotations.get(key)).map(String::as_str)
    }

    /// All of them.
    pub(super) fn into_list(self) -> Vec<SetChange> {
        self.0.into_values().collect()
    }
}

/// Gives the sets their numbers of pods.
pub(super) fn scale(rollout: &Rollout<'_>, changes: &mut Changes) {
    let mut active: Vec<&ReplicaSet> = rollout.all().filter(|set| replicas(set) > 0).collect();
    let only = match active[..] {
        [] => rollout.new.or_else(|| rollout.old.last().copied()),
        [only] => Some(only),
        _ => None,
    };
    if let Some(only) = only {
        // Also where it has that number by chance: as long as it notes another whole, the number counts as just changed, and nothing rolls.
        return changes.scale(rollout, only, rollout.wanted);
    }
    if rollout.new.is_some_and(|new| is_saturated(rollout, new)) {
        for set in rollout.old.iter().filter(|set| replicas(set) > 0) {
            changes.scale(rollout, set, 0);
        }
        return;
    }
    if !is_rolling(&rollout.spec) {
        return;
    }
    let total: i64 = active.iter().map(|set| i64::from(replicas(set))).sum();
    let allowed = if rollout.wanted > 0 { i64::from(rollout.wanted) + i64::from(rollout.bounds.surge) } else { 0 };
    let to_add = allowed - total;
    // The greatest first; of equal ones the newer where pods come, the older where they go.
    let age = |set: &ReplicaSet| set.metadata.creation_timestamp.as_ref().map(|time| time.0);
    match to_add > 0 {
        true => active.sort_by_key(|set| (Reverse(replicas(set)), Reverse(age(set)), name(set))),
        false => active.sort_by_key(|set| (Reverse(replicas(set)), age(set), name(set))),
    }
    let mut added = 0;
    let mut next: Vec<i64> = Vec::new();
    for set in &active {
        let share = share(rollout, set, to_add, added);
        added += share;
        next.push(i64::from(replicas(set)) + share);
    }
    // What rounding left over is the greatest one's.
    if let Some(first) = next.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    for (set, next) in active.iter().zip(next) {
        changes.scale(rollout, set, i32::try_from(next.max(0)).unwrap_or(i32::MAX));
    }
}

/// What of the pods that come or go is a set's (`GetReplicaSetProportion`).
fn share(rollout: &Rollout<'_>, set: &ReplicaSet, to_add: i64, added: i64) -> i64 {
    let left = to_add - added;
    let own = fraction(rollout, set);
    if to_add > 0 { own.min(left) } else { own.max(left) }
}

fn fraction(rollout: &Rollout<'_>, set: &ReplicaSet) -> i64 {
    let has = i64::from(replicas(set));
    if rollout.wanted == 0 {
        return -has;
    }
    let told = || rollout.deployment.status.as_ref().and_then(|status| status.replicas);
    let Some(before) = revision::maximum(set).or_else(told).filter(|before| *before > 0).map(i64::from) else {
        return 0;
    };
    let maximum = i64::from(rollout.wanted) + i64::from(rollout.bounds.surge);
    // Rounded, half away from nothing.
    (2 * has * maximum + before) / (2 * before) - has
}

/// Whether the new set has all the pods there are to be (`IsSaturated`).
fn is_saturated(rollout: &Rollout<'_>, new: &ReplicaSet) -> bool {
    replicas(new) == rollout.wanted
        && revision::desired(new) == Some(rollout.wanted)
        && seen(new).available_replicas.unwrap_or(0) == rollout.wanted
}
