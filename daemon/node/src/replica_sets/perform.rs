//! What was decided for a set: pods made, deleted, taken in and let go, and the status written.

use super::ReplicaSets;
use crate::controller;
use control::owner;
use control::pod::EventType;
use control::replica_set::{Decision, Failure, manifest, names};
use futures_util::future::join_all;
use k8s_openapi::api::apps::v1::ReplicaSet;
use objects::Kind;
use store::Key;
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, ObjectRef};

impl ReplicaSets {
    /// Does what was decided, except for the status.
    pub(super) async fn perform(&mut self, key: &Key, set: &ReplicaSet, decision: &Decision) {
        let uid = set.metadata.uid.clone().unwrap_or_default();
        for pod in &decision.adopt {
            let adopted = |object| owner::adopted(object, owner::reference(Kind::ReplicaSet, &set.metadata));
            self.base.change_owner(&pod_key(key, &pod.name), &pod.uid, adopted).await;
        }
        for pod in &decision.release {
            self.base.change_owner(&pod_key(key, &pod.name), &pod.uid, |object| owner::released(object, &uid)).await;
        }
        match self.make_and_delete(key, set, decision).await {
            Ok(()) => drop(self.failures.remove(&uid)),
            Err(failure) => {
                self.base.tell(key, &uid, EventType::Warning, (failure.reason, failure.message.clone()));
                let wait = controller::longer(self.failures.get(&uid).map(|(_, wait)| *wait));
                self.failures.insert(uid, (failure, wait));
            }
        }
    }

    /// Stops at the first failure: those that follow would fail of the same.
    async fn make_and_delete(&self, key: &Key, set: &ReplicaSet, decision: &Decision) -> Result<(), Failure> {
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let is_taken = |name: &str| {
            let pod = pod_key(key, name);
            self.base.store.get(&pod).is_some() || self.base.store.was_deleted(&pod)
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
            match self.base.verbs.delete(request).await {
                Ok(_) => self.base.tell(key, uid, EventType::Normal, ("SuccessfulDelete", format!("Deleted pod: {}", pod.name))),
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
        match self.base.verbs.create(request).await {
            Ok(_) => {
                self.base.tell(key, uid, EventType::Normal, ("SuccessfulCreate", format!("Created pod: {name}")));
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
}

/// A pod of a set.
fn pod_key(of: &Key, name: &str) -> Key {
    Key::new(Kind::Pod, &of.namespace, name)
}
