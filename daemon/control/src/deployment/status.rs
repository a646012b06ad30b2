//! What is to be said of a Deployment: numbers, and the conditions Available, Progressing and ReplicaFailure
//! (`sync.go:calculateStatus`, `progress.go:syncRolloutStatus`).

use super::{NewSet, Rollout, name, replicas, seen};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

const AVAILABLE: &str = "Available";
const PROGRESSING: &str = "Progressing";
const REPLICA_FAILURE: &str = "ReplicaFailure";

const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";
const RESUMED: &str = "DeploymentResumed";

/// Conditions with the rules of their times.
struct Conditions(Vec<DeploymentCondition>);

impl Conditions {
    fn get(&self, kind: &str) -> Option<&DeploymentCondition> {
        self.0.iter().find(|condition| condition.type_ == kind)
    }

    fn reason(&self, kind: &str) -> &str {
        self.get(kind).and_then(|condition| condition.reason.as_deref()).unwrap_or_default()
    }

    fn remove(&mut self, kind: &str) {
        self.0.retain(|condition| condition.type_ != kind);
    }

    /// Of the same status and reason it stays as it is; of the same status it has held since then (`SetDeploymentCondition`).
    fn set(&mut self, mut new: DeploymentCondition) {
        if let Some(was) = self.get(&new.type_) {
            if was.status == new.status && was.reason == new.reason {
                return;
            }
            if was.status == new.status {
                new.last_transition_time.clone_from(&was.last_transition_time);
            }
        }
        let kind = new.type_.clone();
        self.remove(&kind);
        self.0.push(new);
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: String, now: Timestamp) -> DeploymentCondition {
    DeploymentCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    }
}

fn sum<'a>(sets: impl Iterator<Item = &'a ReplicaSet>, of: impl Fn(&ReplicaSet) -> i32) -> i32 {
    sets.map(of).fold(0, i32::saturating_add)
}

/// The numbers, and the conditions that do not tell of the rollout's progress.
pub(super) fn plain(rollout: &Rollout<'_>) -> DeploymentStatus {
    let was = rollout.deployment.status.clone().unwrap_or_default();
    let available = sum(rollout.all(), |set| seen(set).available_replicas.unwrap_or(0));
    let unavailable = sum(rollout.all(), replicas).saturating_sub(available);
    let mut conditions = Conditions(was.conditions.unwrap_or_default());
    pause(rollout, &mut conditions);
    let (status, reason, words) = match available >= rollout.wanted - rollout.bounds.unavailable {
        true => ("True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        false => ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
    };
    conditions.set(condition(AVAILABLE, status, reason, words.to_owned(), rollout.now));
    let some = |count: i32| Some(count).filter(|count| *count > 0);
    DeploymentStatus {
        observed_generation: rollout.deployment.metadata.generation,
        replicas: some(sum(rollout.all(), |set| seen(set).replicas)),
        updated_replicas: some(rollout.new.map_or(0, |new| seen(new).replicas)),
        ready_replicas: some(sum(rollout.all(), |set| seen(set).ready_replicas.unwrap_or(0))),
        available_replicas: some(available),
        unavailable_replicas: some(unavailable),
        collision_count: was.collision_count,
        conditions: Some(conditions.0),
        ..DeploymentStatus::default()
    }
}

/// Tells that a rollout was paused, or goes on: its deadline does not run meanwhile (`checkPausedConditions`).
fn pause(rollout: &Rollout<'_>, conditions: &mut Conditions) {
    let reason = conditions.reason(PROGRESSING);
    if deadline(rollout).is_none() || reason == TIMED_OUT || rollout.deployment.metadata.deletion_timestamp.is_some() {
        return;
    }
    let (reason, words) = match (rollout.spec.paused == Some(true), reason == PAUSED) {
        (true, false) => (PAUSED, "Deployment is paused"),
        (false, true) => (RESUMED, "Deployment is resumed"),
        _ => return,
    };
    conditions.set(condition(PROGRESSING, "Unknown", reason, words.to_owned(), rollout.now));
}

/// Seconds that a rollout may be without progress; none where that is said to be for ever (`HasProgressDeadline`).
fn deadline(rollout: &Rollout<'_>) -> Option<SignedDuration> {
    let seconds = rollout.spec.progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX);
    seconds.map(|seconds| SignedDuration::from_secs(seconds.into()))
}

/// Whether all pods are of the template and available (`DeploymentComplete`).
pub(super) fn is_complete(rollout: &Rollout<'_>, status: &DeploymentStatus) -> bool {
    let is_wanted = |count: Option<i32>| count.unwrap_or(0) == rollout.wanted;
    is_wanted(status.updated_replicas)
        && is_wanted(status.replicas)
        && is_wanted(status.available_replicas)
        && status.observed_generation >= rollout.deployment.metadata.generation
}

/// Whether there are more new pods, fewer old ones, or more that work than was said last (`DeploymentProgressing`).
fn has_progressed(was: &DeploymentStatus, is: &DeploymentStatus) -> bool {
    let of = |count: Option<i32>| count.unwrap_or(0);
    let old = |status: &DeploymentStatus| of(status.replicas) - of(status.updated_replicas);
    of(is.updated_replicas) > of(was.updated_replicas)
        || old(is) < old(was)
        || of(is.ready_replicas) > of(was.ready_replicas)
        || of(is.available_replicas) > of(was.available_replicas)
}

/// When a rollout that does not progress has failed.
fn fails_at(rollout: &Rollout<'_>, conditions: &Conditions) -> Option<Timestamp> {
    let progressing = conditions.get(PROGRESSING)?;
    let since = progressing.last_update_time.as_ref()?.0;
    since.checked_add(deadline(rollout)?).ok()
}

/// The status of a rollout that goes on, and when its deadline is over. One that goes to a set that is there `begins`.
pub(super) fn of_rollout(rollout: &Rollout<'_>, made: Option<&NewSet>, begins: bool) -> (DeploymentStatus, Option<Timestamp>) {
    let was = rollout.deployment.status.clone().unwrap_or_default();
    let mut status = plain(rollout);
    let mut conditions = Conditions(status.conditions.take().unwrap_or_default());
    let mut look_again = None;
    match deadline(rollout) {
        None => conditions.remove(PROGRESSING),
        Some(_) => {
            let progressing =
                |status: &str, reason: &str, words: String| condition(PROGRESSING, status, reason, words, rollout.now);
            match (made, rollout.new) {
                (Some(made), _) => {
                    let words = format!("Created new replica set {:?}", made.name);
                    conditions.set(progressing("True", "NewReplicaSetCreated", words));
                }
                // Kubernetes leaves the failure of another template standing until there is progress, and who asks then takes it for this one's.
                (None, Some(new))
                    if conditions.get(PROGRESSING).is_none() || begins && conditions.reason(PROGRESSING) == TIMED_OUT =>
                {
                    conditions.set(progressing("True", "FoundNewReplicaSet", format!("Found new replica set {:?}", name(new))));
                }
                _ => {}
            }
            let is_over = conditions.reason(PROGRESSING) == NEW_SET_AVAILABLE && status.replicas == status.updated_replicas;
            if !is_over && made.is_none() {
                progress(rollout, (&was, &status), &mut conditions);
            }
            let reason = conditions.reason(PROGRESSING);
            if reason != NEW_SET_AVAILABLE && reason != TIMED_OUT {
                look_again = fails_at(rollout, &conditions);
            }
        }
    }
    conditions.remove(REPLICA_FAILURE);
    conditions.0.extend(failure(rollout));
    status.conditions = Some(conditions.0);
    (status, look_again)
}

fn progress(rollout: &Rollout<'_>, (was, is): (&DeploymentStatus, &DeploymentStatus), conditions: &mut Conditions) {
    let who = match rollout.new {
        Some(new) => format!("ReplicaSet {:?}", name(new)),
        None => format!("Deployment {:?}", rollout.deployment.metadata.name.as_deref().unwrap_or_default()),
    };
    let now = rollout.now;
    if is_complete(rollout, is) {
        let words = format!("{who} has successfully progressed.");
        conditions.set(condition(PROGRESSING, "True", NEW_SET_AVAILABLE, words, now));
    } else if has_progressed(was, is) {
        let mut new = condition(PROGRESSING, "True", "ReplicaSetUpdated", format!("{who} is progressing."), now);
        if let Some(was) = conditions.get(PROGRESSING).filter(|was| was.status == "True") {
            new.last_transition_time.clone_from(&was.last_transition_time);
        }
        // It is told anew each time: its deadline runs from here.
        conditions.remove(PROGRESSING);
        conditions.set(new);
    } else if conditions.reason(PROGRESSING) != NEW_SET_AVAILABLE && fails_at(rollout, conditions).is_some_and(|at| at < now) {
        conditions.set(condition(PROGRESSING, "False", TIMED_OUT, format!("{who} has timed out progressing."), now));
    }
}

/// Why pods could not be made: of the new set first.
fn failure(rollout: &Rollout<'_>) -> Option<DeploymentCondition> {
    let sets = rollout.new.into_iter().chain(rollout.old.iter().copied());
    let mut conditions = sets.flat_map(|set| set.status.iter().flat_map(|status| status.conditions.iter().flatten()));
    let failure = conditions.find(|condition| condition.type_ == REPLICA_FAILURE)?;
    Some(DeploymentCondition {
        type_: REPLICA_FAILURE.to_owned(),
        status: failure.status.clone(),
        reason: failure.reason.clone(),
        message: failure.message.clone(),
        last_transition_time: failure.last_transition_time.clone(),
        last_update_time: failure.last_transition_time.clone(),
    })
}

/// The status of a Deployment whose new set could not be made, and why: nothing else is said than was.
#[must_use]
pub fn not_created(deployment: &Deployment, message: &str, now: Timestamp) -> DeploymentStatus {
    let mut status = deployment.status.clone().unwrap_or_default();
    let has_deadline = deployment.spec.as_ref().and_then(|spec| spec.progress_deadline_seconds).is_some_and(|s| s != i32::MAX);
    if has_deadline {
        let mut conditions = Conditions(status.conditions.take().unwrap_or_default());
        conditions.set(condition(PROGRESSING, "False", "ReplicaSetCreateError", message.to_owned(), now));
        status.conditions = Some(conditions.0);
    }
    status
}

/// The status of a Deployment whose new set's name another one has: the next name is tried.
#[must_use]
pub fn collided(status: &DeploymentStatus) -> DeploymentStatus {
    let count = status.collision_count.unwrap_or(0).saturating_add(1);
    DeploymentStatus { collision_count: Some(count), ..status.clone() }
}
