//! What was decided for a Deployment: sets made, changed, forgotten, taken in and let go, its revision and its status written.

use super::Deployments;
use crate::controller;
use control::deployment::{Decision, NewSet, REVISION, SetChange, SetRef, not_created};
use control::owner;
use control::pod::EventType;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use objects::{Kind, Status, lookup};
use serde_json::Value;
use store::Key;
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, ObjectRef, ReplaceRequest};

impl Deployments {
    /// Stops at the first failure: what follows was decided for when it succeeds.
    pub(super) async fn perform(&mut self, key: &Key, deployment: &Deployment, decision: Decision, now: Timestamp) {
        let uid = deployment.metadata.uid.clone().unwrap_or_default();
        let status = match self.change_sets(key, deployment, &decision).await {
            Ok(()) => {
                self.failures.remove(&uid);
                decision.status
            }
            Err((reason, message)) => {
                self.base.tell(key, &uid, EventType::Warning, (reason, message.clone()));
                let wait = controller::longer(self.failures.get(&uid).copied());
                self.failures.insert(uid.clone(), wait);
                match reason {
                    CREATE_ERROR => not_created(deployment, &message, now),
                    _ => return,
                }
            }
        };
        self.base.write_status(key, &uid, &status).await;
    }

    async fn change_sets(&self, key: &Key, deployment: &Deployment, decision: &Decision) -> Result<(), (&'static str, String)> {
        let uid = deployment.metadata.uid.as_deref().unwrap_or_default();
        for set in &decision.adopt {
            let adopted = |object| owner::adopted(object, owner::reference(Kind::Deployment, &deployment.metadata));
            self.base.change_owner(&set_key(key, set), &set.uid, adopted).await;
        }
        for set in &decision.release {
            self.base.change_owner(&set_key(key, set), &set.uid, |object| owner::released(object, uid)).await;
        }
        if let Some(new) = &decision.create {
            self.make(key, uid, new).await?;
        }
        for change in &decision.change {
            self.change(key, uid, change).await?;
        }
        for set in &decision.delete {
            self.forget(key, set).await?;
        }
        if let Some(revision) = &decision.revision {
            self.mark(key, uid, revision).await?;
        }
        Ok(())
    }

    async fn make(&self, key: &Key, uid: &str, new: &NewSet) -> Result<(), (&'static str, String)> {
        let request = CreateRequest { object: new.manifest.clone(), namespace: key.namespace.clone(), dry_run: DryRun::No };
        match self.base.verbs.create(request).await {
            Ok(_) if new.replicas > 0 => {
                let message = format!("Scaled up replica set {} from 0 to {}", new.name, new.replicas);
                self.base.tell(key, uid, EventType::Normal, (SCALING, message));
                Ok(())
            }
            Ok(_) => Ok(()),
            // Another node was quicker, or the namespace goes: no fault.
            Err(status) if status.reason == "AlreadyExists" || status.has_cause("NamespaceTerminating") => Ok(()),
            Err(status) => Err((CREATE_ERROR, format!("Failed to create new replica set {:?}: {}", new.name, status.message))),
        }
    }

    /// Changes a set that still is as it was when it was decided; of another one the change is seen, and decided upon anew.
    async fn change(&self, key: &Key, uid: &str, change: &SetChange) -> Result<(), (&'static str, String)> {
        let set = set_key(key, &change.set);
        let Some(found) = self.base.store.get(&set).filter(|found| found.uid() == change.set.uid) else { return Ok(()) };
        let mut object = found.to_value();
        if lookup::number(&object, "/spec/replicas") != i64::from(change.from) {
            return Ok(());
        }
        object["spec"]["replicas"] = change.to.into();
        if let Some(seconds) = change.min_ready_seconds {
            object["spec"]["minReadySeconds"] = seconds.into();
        }
        for (annotation, value) in &change.annotations {
            object["metadata"]["annotations"][annotation] = value.as_str().into();
        }
        self.replace(&set, object).await?;
        if change.from != change.to {
            let direction = if change.to > change.from { "up" } else { "down" };
            let message = format!("Scaled {direction} replica set {} from {} to {}", set.name, change.from, change.to);
            self.base.tell(key, uid, EventType::Normal, (SCALING, message));
        }
        Ok(())
    }

    async fn forget(&self, key: &Key, set: &SetRef) -> Result<(), (&'static str, String)> {
        let request = DeleteRequest {
            object: ObjectRef { kind: Kind::ReplicaSet, namespace: key.namespace.clone(), name: set.name.clone() },
            grace_period_seconds: None,
            uid: Some(set.uid.clone()),
            dry_run: DryRun::No,
            options: DeleteOptions::default(),
        };
        settled(self.base.verbs.delete(request).await.map(drop))
    }

    /// Marks the Deployment with the revision of its template.
    async fn mark(&self, key: &Key, uid: &str, revision: &str) -> Result<(), (&'static str, String)> {
        let Some(found) = self.base.store.get(key).filter(|found| found.uid() == uid) else { return Ok(()) };
        let mut object = found.to_value();
        object["metadata"]["annotations"][REVISION] = revision.into();
        self.replace(key, object).await
    }

    /// Writes another version of what was read.
    async fn replace(&self, key: &Key, object: Value) -> Result<(), (&'static str, String)> {
        let request = ReplaceRequest { object, namespace: key.namespace.clone(), dry_run: DryRun::No };
        settled(self.base.verbs.replace(request).await.map(drop))
    }
}

const SCALING: &str = "ScalingReplicaSet";
const CREATE_ERROR: &str = "ReplicaSetCreateError";

/// A set of a Deployment.
fn set_key(of: &Key, set: &SetRef) -> Key {
    Key::new(Kind::ReplicaSet, &of.namespace, &set.name)
}

/// What somebody else changed or took away meanwhile is seen, and decided upon anew: no fault.
fn settled(result: Result<(), Status>) -> Result<(), (&'static str, String)> {
    match result {
        Err(status) if matches!(status.reason.as_str(), "NotFound" | "Conflict") => Ok(()),
        Err(status) => Err(("FailedScaling", status.message)),
        Ok(()) => Ok(()),
    }
}
