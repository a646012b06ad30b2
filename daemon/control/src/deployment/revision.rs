//! Revisions: the number of each template, and what a set notes of the Deployment it is of
//! (`pkg/controller/deployment/util/deployment_util.go:SetNewReplicaSetAnnotations`).

use super::scaling::Changes;
use super::{Rollout, replicas};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use std::collections::BTreeMap;

/// The number of a template: that of the newest is the greatest.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The numbers that a template had before it was gone back to.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many pods the Deployment wanted when the set got its number of pods.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many there were at most, the surge included.
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
/// What of a Deployment's annotations its sets do not get.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
];
/// Characters of a history; the oldest numbers go.
const MAX_HISTORY: usize = 2000;

/// Annotations by key.
type Annotations = BTreeMap<String, String>;

fn annotation<'a>(of: Option<&'a Annotations>, key: &str) -> Option<&'a str> {
    of.and_then(|all| all.get(key)).map(String::as_str)
}

/// A set's revision; 0 where it has none.
pub(super) fn of(set: &ReplicaSet) -> i64 {
    annotation(set.metadata.annotations.as_ref(), REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// How many pods the Deployment wanted when the set got its share.
pub(super) fn desired(set: &ReplicaSet) -> Option<i32> {
    annotation(set.metadata.annotations.as_ref(), DESIRED).and_then(|number| number.parse().ok())
}

/// How many pods there were at most when the set got its share.
pub(super) fn maximum(set: &ReplicaSet) -> Option<i32> {
    annotation(set.metadata.annotations.as_ref(), MAXIMUM).and_then(|number| number.parse().ok())
}

/// What a set notes about its share.
pub(super) fn share(rollout: &Rollout<'_>) -> Annotations {
    let maximum = rollout.wanted.saturating_add(rollout.bounds.surge);
    let both = [(DESIRED, rollout.wanted), (MAXIMUM, maximum)];
    both.into_iter().map(|(key, number)| (key.to_owned(), number.to_string())).collect()
}

/// The revision after those of the older sets.
fn next(rollout: &Rollout<'_>) -> i64 {
    rollout.old.iter().map(|set| of(set)).max().unwrap_or(0).saturating_add(1)
}

fn inherited(deployment: &Deployment) -> Annotations {
    let all = deployment.metadata.annotations.iter().flatten();
    all.filter(|(key, _)| !OWN.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The annotations of a set that is made.
pub(super) fn of_new(rollout: &Rollout<'_>) -> Annotations {
    let mut annotations = inherited(rollout.deployment);
    annotations.insert(REVISION.to_owned(), next(rollout).to_string());
    annotations.append(&mut share(rollout));
    annotations
}

/// The set of the template has the greatest revision, and the Deployment's annotations.
pub(super) fn bring_up_to_date(rollout: &Rollout<'_>, new: &ReplicaSet, changes: &mut Changes) {
    let has = new.metadata.annotations.as_ref();
    let mut annotations = inherited(rollout.deployment);
    annotations.retain(|key, value| annotation(has, key) != Some(value));
    let next = next(rollout);
    if next > of(new) {
        annotations.insert(REVISION.to_owned(), next.to_string());
        if let Some(old) = annotation(has, REVISION) {
            let history = remembered(annotation(has, HISTORY).unwrap_or_default(), old);
            annotations.extend(history.map(|history| (HISTORY.to_owned(), history)));
        }
    }
    let seconds = rollout.spec.min_ready_seconds.unwrap_or(0);
    let has_seconds = new.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
    let min_ready_seconds = Some(seconds).filter(|seconds| *seconds != has_seconds);
    if !annotations.is_empty() || min_ready_seconds.is_some() {
        let change = changes.of(new, replicas(new));
        change.annotations.append(&mut annotations);
        change.min_ready_seconds = min_ready_seconds;
    }
}

/// A history with another number.
fn remembered(history: &str, revision: &str) -> Option<String> {
    let mut numbers: Vec<&str> = history.split(',').filter(|number| !number.is_empty()).collect();
    numbers.push(revision);
    let mut first = 0;
    let length = |numbers: &[&str]| numbers.iter().map(|number| number.len() + 1).sum::<usize>().saturating_sub(1);
    while length(&numbers[first..]) > MAX_HISTORY {
        first += 1;
    }
    Some(numbers[first..].join(",")).filter(|history| !history.is_empty())
}

/// The revision of the Deployment, where it is marked with another one.
pub(super) fn of_deployment(rollout: &Rollout<'_>, new: &ReplicaSet, changes: &Changes) -> Option<String> {
    let revision = match changes.annotation(new, REVISION) {
        Some(revision) => revision.to_owned(),
        None => annotation(new.metadata.annotations.as_ref(), REVISION)?.to_owned(),
    };
    let has = annotation(rollout.deployment.metadata.annotations.as_ref(), REVISION);
    (has != Some(&revision)).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::{MAX_HISTORY, remembered};

    #[test]
    fn a_history_forgets_its_oldest_numbers() {
        assert_eq!(remembered("", "1").as_deref(), Some("1"));
        assert_eq!(remembered("1,3", "5").as_deref(), Some("1,3,5"));
        let long = vec!["1234"; 400].join(",");
        let history = remembered(&long, "99999").expect("there is one");
        assert!(history.len() <= MAX_HISTORY && history.len() > MAX_HISTORY - 6, "{}", history.len());
        assert!(history.ends_with(",1234,99999"));
    }
}
