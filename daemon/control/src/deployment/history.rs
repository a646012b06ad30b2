//! Sets of old templates: so many are kept to go back to (`sync.go:cleanupDeployment`).

use super::{Rollout, SetRef, is_observed, name, replicas, revision, seen};
use k8s_openapi::api::apps::v1::ReplicaSet;

/// The sets beyond the limit, the oldest revisions first. Those that still have pods stay.
pub(super) fn to_forget(rollout: &Rollout<'_>) -> Vec<SetRef> {
    let Some(limit) = rollout.spec.revision_history_limit.filter(|limit| *limit != i32::MAX) else { return Vec::new() };
    let limit = usize::try_from(limit).unwrap_or(0);
    let is_staying = |set: &&ReplicaSet| set.metadata.deletion_timestamp.is_none();
    let mut old: Vec<&ReplicaSet> = rollout.old.iter().copied().filter(is_staying).collect();
    old.sort_by_key(|set| (revision::of(set), name(set)));
    let surplus = old.len().saturating_sub(limit);
    let has_nothing = |set: &&ReplicaSet| replicas(set) == 0 && seen(set).replicas == 0 && is_observed(set);
    old.into_iter().take(surplus).filter(has_nothing).map(SetRef::of).collect()
}
