//! delete, with the grace that Kubernetes gives a pod.
//!
//! `pkg/registry/core/pod/strategy.go` (`CheckGracefulDelete`), `apiserver/pkg/registry/rest/delete.go` (`BeforeDelete`).

use super::{Verbs, key_of, unreadable};
use crate::agent::seconds;
use jiff::{SignedDuration, Timestamp};
use objects::{Kind, Status};
use serde_json::{Value, json};
use store::{Preconditions, StoreError};
use wire::{DeleteRequest, DryRun, Response};

/// How often a deletion is tried when others write the same object.
const TRIES: u32 = 5;
/// The grace of a pod that names none.
const DEFAULT_GRACE: i64 = 30;

/// What becomes of the object.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    /// It goes at once.
    Remove,
    /// It gets, or gets another, deletion mark: the object with it.
    Mark(Box<Value>),
    /// It is being deleted already, and no later than asked.
    Leave,
}

impl Verbs {
    /// Deletes an object: at once, or for a pod that runs with a mark that its node acts upon.
    ///
    /// # Errors
    /// 404; 409 where it has another uid.
    pub async fn delete(&self, request: DeleteRequest) -> Result<Response, Status> {
        let key = key_of(&request.object);
        let mut tries = TRIES;
        loop {
            let found = self.store.get(&key).ok_or_else(|| Status::not_found(key.kind, &key.name))?;
            if let Some(wanted) = request.uid.clone().filter(|uid| uid != found.uid()) {
                let actual = found.uid().to_owned();
                return Err(StoreError::OtherUid { key, wanted, actual }.to_status());
            }
            let object: Value = found.parse().map_err(|error| unreadable(&error))?;
            let verdict = match object["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
                // Nobody is there to end it, and nothing of it can run.
                Some(node) if key.kind == Kind::Pod && !self.is_known(node) => Verdict::Remove,
                _ => decide(key.kind, &object, request.grace_period_seconds, Timestamp::now()),
            };
            let uid = Some(found.uid().to_owned());
            let result = match verdict {
                Verdict::Leave => return Ok(deleted(object)),
                Verdict::Mark(marked) if request.dry_run == DryRun::Yes => return Ok(deleted(*marked)),
                Verdict::Remove if request.dry_run == DryRun::Yes => return Ok(deleted(object)),
                Verdict::Mark(marked) => {
                    let only_if = Preconditions { uid, resource_version: Some(found.resource_version()) };
                    self.store.update(key.clone(), *marked, only_if).await
                }
                Verdict::Remove => self.store.delete(key.clone(), Preconditions { uid, resource_version: None }).await,
            };
            tries -= 1;
            match result {
                Ok(object) => return Ok(deleted(object.parse().map_err(|error| unreadable(&error))?)),
                // Its status changed meanwhile: look again.
                Err(StoreError::Stale(_)) if tries > 0 => {}
                Err(error) => return Err(error.to_status()),
            }
        }
    }
}

fn deleted(object: Value) -> Response {
    Response::Object { object: Box::new(object), warnings: Vec::new(), outcome: "deleted".to_owned() }
}

fn decide(kind: Kind, object: &Value, asked: Option<i64>, now: Timestamp) -> Verdict {
    if kind != Kind::Pod {
        return Verdict::Remove;
    }
    if let Some(marked) = object["metadata"]["deletionTimestamp"].as_str() {
        return shorten(object, marked, asked);
    }
    let spec = &object["spec"];
    let own = spec["terminationGracePeriodSeconds"].as_i64().unwrap_or(DEFAULT_GRACE);
    let is_bound = spec["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let is_over = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let grace = match asked.unwrap_or(own) {
        _ if !is_bound || is_over => 0,
        negative if negative < 0 => 1,
        grace => grace,
    };
    if grace == 0 { Verdict::Remove } else { mark(object, now, grace) }
}

/// A second deletion may only come sooner.
fn shorten(object: &Value, marked: &str, asked: Option<i64>) -> Verdict {
    let old = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    match asked.map(|grace| if grace < 0 { 1 } else { grace }) {
        Some(0) => Verdict::Remove,
        Some(grace) if grace < old => match marked.parse::<Timestamp>() {
            Ok(at) => mark(object, at.checked_sub(SignedDuration::from_secs(old)).unwrap_or(at), grace),
            Err(_) => Verdict::Remove,
        },
        _ => Verdict::Leave,
    }
}

fn mark(object: &Value, from: Timestamp, grace: i64) -> Verdict {
    let mut object = object.clone();
    let at = from.checked_add(SignedDuration::from_secs(grace)).unwrap_or(Timestamp::MAX);
    object["metadata"]["deletionTimestamp"] = json!(seconds(at));
    object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    // A deletion mark is a change of what is wanted.
    if let Some(generation) = object["metadata"]["generation"].as_i64() {
        object["metadata"]["generation"] = json!(generation + 1);
    }
    Verdict::Mark(Box::new(object))
}

#[cfg(test)]
mod tests {
    use super::{Verdict, decide};
    use jiff::Timestamp;
    use objects::Kind;
    use serde_json::{Value, json};

    fn pod(node: &str, phase: &str) -> Value {
        json!({"metadata": {"name": "p", "generation": 1}, "spec": {"nodeName": node, "terminationGracePeriodSeconds": 20},
               "status": {"phase": phase}})
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn check(object: &Value, asked: Option<i64>, expected: Option<(i64, &str)>) {
        match (decide(Kind::Pod, object, asked, at("2026-01-01T00:00:00Z")), expected) {
            (Verdict::Remove, None) => {}
            (Verdict::Mark(marked), Some((grace, time))) => {
                assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], grace);
                assert_eq!(marked["metadata"]["deletionTimestamp"], time);
            }
            (other, expected) => panic!("{other:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_running_pod_gets_its_grace_and_others_go_at_once() {
        check(&pod("n", "Running"), None, Some((20, "2026-01-01T00:00:20Z")));
        check(&pod("n", "Running"), Some(5), Some((5, "2026-01-01T00:00:05Z")));
        check(&pod("n", "Running"), Some(-1), Some((1, "2026-01-01T00:00:01Z")));
        check(&pod("n", "Running"), Some(0), None);
        check(&pod("", "Pending"), Some(30), None);
        check(&pod("n", "Succeeded"), Some(30), None);
        check(&pod("n", "Failed"), None, None);
    }

    #[test]
    fn a_second_deletion_may_only_shorten() {
        let mut marked = pod("n", "Running");
        marked["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:30Z");
        marked["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        check(&marked, Some(10), Some((10, "2026-01-01T00:00:10Z")));
        check(&marked, Some(0), None);
        for asked in [None, Some(30), Some(60)] {
            assert_eq!(decide(Kind::Pod, &marked, asked, at("2026-01-01T00:00:01Z")), Verdict::Leave);
        }
    }

    #[test]
    fn what_is_no_pod_goes_at_once() {
        assert_eq!(decide(Kind::Node, &json!({}), Some(30), at("2026-01-01T00:00:00Z")), Verdict::Remove);
    }
}
