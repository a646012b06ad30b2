//! What is to be said of a set (`pkg/controller/replicaset/replica_set_utils.go:calculateStatus`).

use super::Replica;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The condition of a set whose pods could not be made or deleted.
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// Why pods could not be made or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `FailedCreate` or `FailedDelete`.
    pub reason: &'static str,
    /// The answer that was got.
    pub message: String,
}

/// The status, and when it changes by itself.
pub(super) fn of(
    set: &ReplicaSet,
    active: &[&Replica],
    failure: Option<&Failure>,
    now: Timestamp,
) -> (ReplicaSetStatus, Option<Timestamp>) {
    let spec = set.spec.clone().unwrap_or_default();
    let labels = spec.template.and_then(|template| template.metadata).and_then(|meta| meta.labels).unwrap_or_default();
    let is_labelled = |pod: &Replica| labels.iter().all(|(key, value)| pod.labels.get(key) == Some(value));
    let span = SignedDuration::from_secs(i64::from(spec.min_ready_seconds.unwrap_or(0).max(0)));
    let available = |since: Timestamp| since.checked_add(span).unwrap_or(Timestamp::MAX);
    let ready: Vec<Timestamp> = active.iter().filter_map(|pod| pod.ready_since).map(available).collect();
    let is_available = |at: &&Timestamp| span.is_zero() || **at <= now;
    let some = |count: usize| Some(i32::try_from(count).unwrap_or(i32::MAX)).filter(|count| *count > 0);
    let was = set.status.clone().unwrap_or_default();
    let conditions = conditions(was.conditions.unwrap_or_default(), failure, now);
    let status = ReplicaSetStatus {
        replicas: i32::try_from(active.len()).unwrap_or(i32::MAX),
        fully_labeled_replicas: some(active.iter().filter(|pod| is_labelled(pod)).count()),
        ready_replicas: some(ready.len()),
        available_replicas: some(ready.iter().filter(is_available).count()),
        observed_generation: set.metadata.generation,
        conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
        ..ReplicaSetStatus::default()
    };
    (status, ready.iter().filter(|at| !is_available(at)).min().copied())
}

fn conditions(mut was: Vec<ReplicaSetCondition>, failure: Option<&Failure>, now: Timestamp) -> Vec<ReplicaSetCondition> {
    let known = was.iter().find(|condition| condition.type_ == REPLICA_FAILURE && condition.status == "True");
    match failure {
        // It is told once, with its first reason.
        Some(failure) if known.is_some_and(|known| known.reason.as_deref() == Some(failure.reason)) => was,
        Some(failure) => {
            was.retain(|condition| condition.type_ != REPLICA_FAILURE);
            was.push(ReplicaSetCondition {
                type_: REPLICA_FAILURE.to_owned(),
                status: "True".to_owned(),
                last_transition_time: Some(Time(now)),
                reason: Some(failure.reason.to_owned()),
                message: Some(failure.message.clone()),
            });
            was
        }
        None => {
            was.retain(|condition| condition.type_ != REPLICA_FAILURE);
            was
        }
    }
}
