//! delete: with the grace that Kubernetes gives a pod, and not before every finalizer is gone.
//!
//! `pkg/registry/core/pod/strategy.go` (`CheckGracefulDelete`), `apiserver/pkg/registry/rest/delete.go` (`BeforeDelete`),
//! `apiserver/pkg/registry/generic/registry/store.go` (`deletionFinalizersForGarbageCollection`).

use super::{Verbs, key_of, unreadable};
use crate::agent::seconds;
use control::collection::{FOREGROUND, ORPHAN};
use jiff::{SignedDuration, Timestamp};
use objects::kinds::is_immortal;
use objects::{Kind, Status, lookup};
use serde_json::{Value, json};
use store::{Durability, Key, Object, Preconditions, Store, StoreError};
use wire::{DeleteRequest, DryRun, Propagation, Response};

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

/// How an object is to be deleted.
#[derive(Debug, Clone, Copy)]
struct Wish {
    grace_seconds: Option<i64>,
    propagation: Option<Propagation>,
    now: Timestamp,
}

impl Verbs {
    /// Deletes an object: at once, or with a mark that its node, a controller or whoever put a finalizer on it acts upon.
    ///
    /// # Errors
    /// 404; 403 for a namespace that is always there; 409 where it has another uid or version.
    pub async fn delete(&self, request: DeleteRequest) -> Result<Response, Status> {
        let key = key_of(&request.object);
        if key.kind == Kind::Namespace && is_immortal(&key.name) {
            return Err(Status::forbidden(key.kind, &key.name, "this namespace may not be deleted"));
        }
        let mut tries = TRIES;
        loop {
            let found = self.store.get(&key).ok_or_else(|| Status::not_found(key.kind, &key.name))?;
            check_preconditions(&found, &request)?;
            let object: Value = found.parse().map_err(|error| unreadable(&error))?;
            let node = lookup::text(&object, "/spec/nodeName");
            let mut wish = Wish {
                grace_seconds: request.grace_period_seconds,
                propagation: request.options.propagation,
                now: Timestamp::now(),
            };
            if key.kind == Kind::Pod && !node.is_empty() && !self.is_known(node) {
                // Nobody is there to end it, and nothing of it can run.
                wish.grace_seconds = Some(0);
            }
            let verdict = decide(key.kind, &object, wish);
            let uid = Some(found.uid().to_owned());
            let resource_version = Some(found.resource_version());
            let result = match verdict {
                Verdict::Leave => return Ok(deleted(object)),
                Verdict::Mark(marked) if request.dry_run == DryRun::Yes => return Ok(deleted(*marked)),
                Verdict::Remove if request.dry_run == DryRun::Yes => return Ok(deleted(object)),
                Verdict::Mark(marked) => {
                    let only_if = Preconditions { uid, resource_version };
                    self.store.update(key.clone(), *marked, only_if).await
                }
                Verdict::Remove => {
                    // What was asked of one version is not done to another.
                    let resource_version = resource_version.filter(|_| request.options.resource_version.is_some());
                    self.store.delete(key.clone(), Preconditions { uid, resource_version }).await
                }
            };
            tries -= 1;
            match result {
                Ok(object) => {
                    let object = show_leaving(&self.store, object).await;
                    return Ok(deleted(object.parse().map_err(|error| unreadable(&error))?));
                }
                // Its status changed meanwhile: look again.
                Err(StoreError::Stale(_)) if tries > 0 => {}
                Err(error) => return Err(error.to_status()),
            }
        }
    }
}

/// A namespace that is marked is `Terminating`. Should this be missed, the collector does it.
async fn show_leaving(store: &Store, object: std::sync::Arc<Object>) -> std::sync::Arc<Object> {
    let key = object.key().clone();
    let is_marked = key.kind == Kind::Namespace && object.to_value().pointer("/metadata/deletionTimestamp").is_some();
    if !is_marked || store.get(&key).is_none() {
        return object;
    }
    let only_if = Preconditions { uid: Some(object.uid().to_owned()), resource_version: None };
    store.update_status(key, json!({"phase": "Terminating"}), only_if, Durability::Now).await.unwrap_or(object)
}

fn check_preconditions(found: &Object, request: &DeleteRequest) -> Result<(), Status> {
    let key = found.key();
    if let Some(wanted) = request.uid.as_deref().filter(|uid| *uid != found.uid()) {
        return Err(Status::other_uid(key.kind, &key.name, wanted, found.uid()));
    }
    let (wanted, actual) =
        (request.options.resource_version.as_deref().unwrap_or_default(), found.resource_version().to_string());
    if !wanted.is_empty() && wanted != actual {
        return Err(Status::other_version(key.kind, &key.name, wanted, &actual));
    }
    Ok(())
}

/// Whether an object that is marked has nothing to wait for any more.
pub fn is_due(kind: Kind, object: &Value) -> bool {
    let is_marked = object.pointer("/metadata/deletionTimestamp").is_some();
    let has_grace = kind == Kind::Pod && lookup::number(object, "/metadata/deletionGracePeriodSeconds") != 0;
    let is_held = kind == Kind::Namespace && !lookup::list(object, "/spec/finalizers").is_empty();
    is_marked && !has_grace && !is_held && finalizers(object).is_empty()
}

/// Removes an object that has ended, or, where a finalizer holds it, leaves it with no grace to wait for.
///
/// # Errors
/// As [`Store::delete`].
pub async fn finish(store: &Store, key: Key, uid: &str) -> Result<(), StoreError> {
    loop {
        let only_if = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let found = match store.get(&key).filter(|found| found.uid() == uid) {
            Some(found) if !finalizers(&found.to_value()).is_empty() => found,
            _ => return store.delete(key, only_if).await.map(|_| ()),
        };
        let mut object = found.to_value();
        let metadata = &mut object["metadata"];
        if metadata["deletionGracePeriodSeconds"] == json!(0) {
            return Ok(());
        }
        if metadata["deletionTimestamp"].is_null() {
            metadata["deletionTimestamp"] = json!(seconds(Timestamp::now()));
        }
        metadata["deletionGracePeriodSeconds"] = json!(0);
        let only_if = Preconditions { resource_version: Some(found.resource_version()), ..only_if };
        match store.update(key.clone(), object, only_if).await {
            Err(StoreError::Stale(_)) => {}
            result => return result.map(|_| ()),
        }
    }
}

/// Who wants to do something before the object goes.
fn finalizers(object: &Value) -> &[Value] {
    lookup::list(object, "/metadata/finalizers")
}

fn deleted(object: Value) -> Response {
    Response::Object { object: Box::new(object), warnings: Vec::new(), outcome: "deleted".to_owned() }
}

fn decide(kind: Kind, object: &Value, wish: Wish) -> Verdict {
    let held = with_propagation(object, wish.propagation);
    let is_held =
        !finalizers(&held).is_empty() || (kind == Kind::Namespace && !lookup::list(object, "/spec/finalizers").is_empty());
    if let Some(marked) = object["metadata"]["deletionTimestamp"].as_str() {
        return match kind {
            Kind::Pod => shorten(&held, marked, (wish.grace_seconds, is_held)),
            _ if finalizers(&held) != finalizers(object) => Verdict::Mark(Box::new(held)),
            _ => Verdict::Leave,
        };
    }
    let grace = if kind == Kind::Pod { grace_of(object, wish.grace_seconds) } else { 0 };
    if grace == 0 && !is_held { Verdict::Remove } else { mark(&held, wish.now, grace) }
}

/// The object with the finalizer of what is to become of its dependents.
fn with_propagation(object: &Value, propagation: Option<Propagation>) -> Value {
    let mut object = object.clone();
    let Some(propagation) = propagation else { return object };
    let mut names: Vec<Value> = finalizers(&object).to_vec();
    names.retain(|name| name != ORPHAN && name != FOREGROUND);
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => names.push(FOREGROUND.into()),
        Propagation::Orphan => names.push(ORPHAN.into()),
    }
    match names.is_empty() {
        true => drop(object["metadata"].as_object_mut().map(|metadata| metadata.remove("finalizers"))),
        false => object["metadata"]["finalizers"] = names.into(),
    }
    object
}

fn grace_of(pod: &Value, asked: Option<i64>) -> i64 {
    let spec = &pod["spec"];
    let own = spec["terminationGracePeriodSeconds"].as_i64().unwrap_or(DEFAULT_GRACE);
    let is_bound = spec["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    match asked.unwrap_or(own) {
        _ if !is_bound || is_over => 0,
        negative if negative < 0 => 1,
        grace => grace,
    }
}

/// A second deletion may only come sooner.
fn shorten(object: &Value, marked: &str, (asked, is_held): (Option<i64>, bool)) -> Verdict {
    let old = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    match asked.map(|grace| if grace < 0 { 1 } else { grace }) {
        Some(0) if !is_held => Verdict::Remove,
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
    use super::{Propagation, Verdict, Wish, decide, is_due};
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

    fn wish(grace_seconds: Option<i64>) -> Wish {
        Wish { grace_seconds, propagation: None, now: at("2026-01-01T00:00:00Z") }
    }

    #[track_caller]
    fn check(object: &Value, asked: Option<i64>, expected: Option<(i64, &str)>) {
        match (decide(Kind::Pod, object, wish(asked)), expected) {
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
            assert_eq!(decide(Kind::Pod, &marked, wish(asked)), Verdict::Leave);
        }
    }

    #[test]
    fn what_is_no_pod_goes_at_once() {
        assert_eq!(decide(Kind::Node, &json!({}), wish(Some(30))), Verdict::Remove);
    }

    #[test]
    fn what_has_a_finalizer_is_marked_and_waits_for_it() {
        let object = json!({"metadata": {"name": "c", "finalizers": ["a/b"]}});
        let Verdict::Mark(marked) = decide(Kind::ConfigMap, &object, wish(None)) else { panic!("it is not marked") };
        assert_eq!(marked["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
        assert!(!is_due(Kind::ConfigMap, &marked));
        assert_eq!(decide(Kind::ConfigMap, &marked, wish(Some(0))), Verdict::Leave);
        let mut done = *marked;
        done["metadata"]["finalizers"] = json!([]);
        assert!(is_due(Kind::ConfigMap, &done));
        // A pod that runs waits for both.
        let mut running = pod("n", "Running");
        running["metadata"]["finalizers"] = json!(["a/b"]);
        let Verdict::Mark(marked) = decide(Kind::Pod, &running, wish(Some(0))) else { panic!("it is not marked") };
        assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
        assert_eq!(decide(Kind::Pod, &marked, wish(Some(0))), Verdict::Leave);
    }

    #[test]
    fn what_becomes_of_dependents_is_a_finalizer() {
        let object = json!({"metadata": {"name": "c", "finalizers": ["orphan"]}});
        let held = |propagation: Option<Propagation>| match decide(Kind::ConfigMap, &object, Wish { propagation, ..wish(None) }) {
            Verdict::Mark(marked) => marked["metadata"]["finalizers"].clone(),
            other => json!(format!("{other:?}")),
        };
        assert_eq!(held(Some(Propagation::Foreground)), json!(["foregroundDeletion"]));
        assert_eq!(held(Some(Propagation::Orphan)), json!(["orphan"]));
        assert_eq!(held(Some(Propagation::Background)), json!("Remove"));
        assert_eq!(held(None), json!(["orphan"]));
    }
}
