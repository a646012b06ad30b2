//! How what makes pods stands: deployments and replica sets.

use super::row::Tone;
use objects::Kind;
use objects::lookup::{condition, flag, number, text};
use serde_json::Value;

/// Numbers of pods, as an object's specification and status tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// How many there are to be.
    pub wanted: i64,
    /// How many there are, of all templates.
    pub all: i64,
    /// How many have the newest template.
    pub updated: i64,
    /// How many are ready, and have been for as long as was asked for.
    pub available: i64,
}

/// The numbers of an object.
pub fn counts(kind: Kind, object: &Value) -> Counts {
    let of = |field: &str| number(object, &format!("/status/{field}"));
    let all = of("replicas");
    let updated = if kind == Kind::Deployment { of("updatedReplicas") } else { all };
    Counts { wanted: number(object, "/spec/replicas"), all, updated, available: of("availableReplicas") }
}

/// Whether its controller has not acted upon the newest specification yet.
pub fn is_unseen(object: &Value) -> bool {
    number(object, "/status/observedGeneration") < number(object, "/metadata/generation")
}

/// Whether its rollout has taken longer than `progressDeadlineSeconds`.
pub fn is_late(object: &Value) -> bool {
    reason(object, "Progressing") == "ProgressDeadlineExceeded"
}

/// Why pods cannot be made, where they cannot.
pub fn failure(object: &Value) -> Option<&str> {
    let failure = condition(object, "ReplicaFailure").filter(|failure| text(failure, "/status") == "True")?;
    Some(text(failure, "/message"))
}

fn reason<'a>(object: &'a Value, name: &str) -> &'a str {
    condition(object, name).map_or("", |condition| text(condition, "/reason"))
}

/// The state of its row.
pub fn tone(kind: Kind, object: &Value) -> Tone {
    let counts = counts(kind, object);
    match () {
        () if object.pointer("/metadata/deletionTimestamp").is_some() => Tone::Done,
        () if failure(object).is_some() || is_late(object) => Tone::Bad,
        () if flag(object, "/spec/paused") => Tone::Warn,
        () if is_unseen(object) || counts.all != counts.wanted || counts.updated < counts.wanted => Tone::Busy,
        // Sets of older templates are kept empty, so that one can go back to them.
        () if counts.wanted == 0 => Tone::Done,
        // A rollout that ended once does not go on: something happened to its pods.
        () if counts.available < counts.wanted && reason(object, "Progressing") == "NewReplicaSetAvailable" => Tone::Warn,
        () if counts.available < counts.wanted => Tone::Busy,
        () => Tone::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::tone;
    use crate::console::model::row::Tone;
    use objects::Kind;
    use serde_json::{Value, json};

    fn deployment(numbers: [i64; 4], progress: &str) -> Value {
        let [wanted, all, updated, available] = numbers;
        json!({"metadata": {"generation": 2}, "spec": {"replicas": wanted}, "status": {"observedGeneration": 2, "replicas": all,
            "updatedReplicas": updated, "availableReplicas": available, "conditions": [{"type": "Progressing", "reason": progress}]}})
    }

    #[test]
    fn a_rollout_is_on_its_way_until_it_is_done_or_late() {
        let check = |numbers, progress, expected| {
            assert_eq!(tone(Kind::Deployment, &deployment(numbers, progress)), expected, "{numbers:?} {progress}");
        };
        check([3, 3, 3, 3], "NewReplicaSetAvailable", Tone::Ok);
        check([3, 4, 1, 3], "ReplicaSetUpdated", Tone::Busy);
        check([3, 3, 3, 1], "ReplicaSetUpdated", Tone::Busy);
        check([3, 3, 3, 1], "NewReplicaSetAvailable", Tone::Warn);
        check([3, 4, 1, 3], "ProgressDeadlineExceeded", Tone::Bad);
        check([0, 0, 0, 0], "NewReplicaSetAvailable", Tone::Done);
        let mut other = deployment([3, 3, 3, 3], "NewReplicaSetAvailable");
        other["metadata"]["generation"] = json!(3);
        assert_eq!(tone(Kind::Deployment, &other), Tone::Busy);
        let mut paused = deployment([3, 3, 3, 3], "");
        paused["spec"]["paused"] = json!(true);
        assert_eq!(tone(Kind::Deployment, &paused), Tone::Warn);
    }

    #[test]
    fn a_set_that_can_make_no_pods_fails_and_an_empty_one_is_done() {
        let mut set = json!({"spec": {"replicas": 2}, "status": {"replicas": 0,
            "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "no"}]}});
        assert_eq!(tone(Kind::ReplicaSet, &set), Tone::Bad);
        set["status"] = json!({"replicas": 2, "availableReplicas": 2});
        assert_eq!(tone(Kind::ReplicaSet, &set), Tone::Ok);
        assert_eq!(tone(Kind::ReplicaSet, &json!({"spec": {"replicas": 0}})), Tone::Done);
    }
}
