//! What was decided for a set: pods made, deleted, taken in and let go, and the status written.

use super::{AGAIN, AT_MOST, ReplicaSets};
use crate::events::{About, Reporter};
use control::owner;
use control::pod::EventType;
use control::replica_set::{Decision, Failure, PodRef, manifest, names};
use futures_util::future::join_all;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use objects::Kind;
use serde_json::Value;
use store::{Durability, Key, Preconditions};
use tracing::{debug, warn};
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, ObjectRef};

impl ReplicaSets {
    /// Does what was decided, except for the status.
    pub(super) async fn perform(&mut self, key: &Key, set: &ReplicaSet, decision: &Decision) {
        let uid = set.metadata.uid.clone().unwrap_or_default();
        for pod in &decision.adopt {
            self.change_owner(key, pod, |object| owner::adopted(object, owner::reference(Kind::ReplicaSet, &set.metadata))).await;
        }
        for pod in &decision.release {
            self.change_owner(key, pod, |object| owner::released(object, &uid)).await;
        }
        match self.make_and_delete(key, set, decision).await {
            Ok(()) => drop(self.failures.remove(&uid)),
            Err(failure) => {
                self.tell(key, &uid, EventType::Warning, (failure.reason, failure.message.clone()));
                let wait = self.failures.get(&uid).map_or(AGAIN, |(_, wait)| (*wait * 2).min(AT_MOST));
                self.failures.insert(uid, (failure, wait));
            }
        }
    }

    /// Stops at the first failure: those that follow would fail of the same.
    async fn make_and_delete(&self, key: &Key, set: &ReplicaSet, decision: &Decision) -> Result<(), Failure> {
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let is_taken = |name: &str| {
            let pod = Key::new(Kind::Pod, &key.namespace, name);
            self.store.get(&pod).is_some() || self.store.was_deleted(&pod)
        };
        let new: Vec<String> = names(set, is_taken).take(decision.create).collect();
        // One first, then twice as many each time: where one fails, few others do (`slowStartBatch`).
        let (mut rest, mut batch) = (&new[..], 1);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(batch.min(rest.len()));
            let made = join_all(now.iter().map(|name| self.make(key, set, name))).await;
            made.into_iter().collect::<Result<(), Failure>>()?;
            (rest, batch) = (later, batch * 2);
        }
        for pod in &decision.delete {
            let request = DeleteRequest {
                object: ObjectRef { kind: Kind::Pod, namespace: key.namespace.clone(), name: pod.name.clone() },
                grace_period_seconds: None,
                uid: Some(pod.uid.clone()),
                dry_run: DryRun::No,
                options: DeleteOptions::default(),
            };
            match self.verbs.delete(request).await {
                Ok(_) => self.tell(key, uid, EventType::Normal, ("SuccessfulDelete", format!("Deleted pod: {}", pod.name))),
                Err(status) if matches!(status.reason.as_str(), "NotFound" | "Conflict") => {}
                Err(status) => {
                    let message = format!("Error deleting: {}", status.message);
                    return Err(Failure { reason: "FailedDelete", message });
                }
            }
        }
        Ok(())
    }

    async fn make(&self, key: &Key, set: &ReplicaSet, name: &str) -> Result<(), Failure> {
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let request = CreateRequest { object: manifest(set, name), namespace: key.namespace.clone(), dry_run: DryRun::No };
        match self.verbs.create(request).await {
            Ok(_) => {
                self.tell(key, uid, EventType::Normal, ("SuccessfulCreate", format!("Created pod: {name}")));
                Ok(())
            }
            // Another node was quicker, or the namespace goes: no fault.
            Err(status) if status.reason == "AlreadyExists" || status.has_cause("NamespaceTerminating") => Ok(()),
            Err(status) => {
                let message = format!("Error creating: {}", status.message);
                Err(Failure { reason: "FailedCreate", message })
            }
        }
    }

    async fn change_owner(&self, set: &Key, pod: &PodRef, change: impl FnOnce(Value) -> Value) {
        let key = Key::new(Kind::Pod, &set.namespace, &pod.name);
        let Some(found) = self.store.get(&key).filter(|found| found.uid() == pod.uid) else { return };
        let only_if = Preconditions { uid: Some(pod.uid.clone()), resource_version: Some(found.resource_version()) };
        if let Err(error) = self.store.update(key.clone(), change(found.to_value()), only_if).await {
            debug!(%key, %error, "a pod did not change hands; it is tried again");
        }
    }

    pub(super) async fn write_status(&self, key: &Key, uid: &str, status: &ReplicaSetStatus) {
        let Some(found) = self.store.get(key).filter(|found| found.uid() == uid) else { return };
        let Ok(status) = serde_json::to_value(status) else { return };
        let only_if = Preconditions { uid: Some(uid.to_owned()), resource_version: Some(found.resource_version()) };
        if let Err(error) = self.store.update_status(key.clone(), status, only_if, Durability::Soon).await {
            warn!(%key, %error, "the status of a set was not written; it is tried again");
        }
    }

    fn tell(&self, key: &Key, uid: &str, kind: EventType, said: (&str, String)) {
        self.recorder.report_by(Reporter::ReplicaSet, About::object(key, uid), kind, said);
    }
}
