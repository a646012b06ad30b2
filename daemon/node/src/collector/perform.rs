//! The steps: deleting, taking owners out, taking finalizers off.

use super::{Collector, Step, tell};
use crate::verbs::is_due;
use objects::Status;
use serde_json::Value;
use store::{Key, Preconditions};
use wire::{DeleteOptions, DeleteRequest, DryRun, ObjectRef, Propagation};

impl Collector {
    pub(super) async fn perform(&self, step: Step<Key>) {
        let (key, result) = match step {
            Step::Delete { key, uid, foreground } => {
                let propagation = foreground.then_some(Propagation::Foreground);
                let result = self.delete(&key, &uid, propagation).await;
                (key, result)
            }
            Step::Disown { key, uid, owners } => {
                let is_kept = |owner: &Value| !owners.iter().any(|uid| owner["uid"] == uid.as_str());
                let result = self.retain(&key, &uid, "ownerReferences", is_kept).await;
                (key, result)
            }
            Step::Release { key, uid, finalizer } => {
                let result = self.retain(&key, &uid, "finalizers", |name| name != finalizer).await;
                (key, result)
            }
        };
        if let Err(status) = result {
            tell(&key, &status);
        }
    }

    /// Deletes an object as a user would.
    pub(super) async fn delete(&self, key: &Key, uid: &str, propagation: Option<Propagation>) -> Result<(), Status> {
        let request = DeleteRequest {
            object: ObjectRef { kind: key.kind, namespace: key.namespace.clone(), name: key.name.clone() },
            grace_period_seconds: None,
            uid: Some(uid.to_owned()),
            dry_run: DryRun::No,
            options: DeleteOptions { propagation, ..DeleteOptions::default() },
        };
        self.verbs.delete(request).await.map(|_| ())
    }

    /// Keeps of a list in the metadata only what is to be kept.
    async fn retain(&self, key: &Key, uid: &str, field: &str, is_kept: impl Fn(&Value) -> bool) -> Result<(), Status> {
        self.change(key, uid, |object| {
            let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
            let Some(metadata) = metadata else { return };
            if let Some(items) = metadata.get_mut(field).and_then(Value::as_array_mut) {
                items.retain(&is_kept);
                if items.is_empty() {
                    metadata.remove(field);
                }
            }
        })
        .await
    }

    /// Changes an object; one that was only waiting for this goes.
    pub(super) async fn change(&self, key: &Key, uid: &str, change: impl Fn(&mut Value)) -> Result<(), Status> {
        let found = self.store.get(key).filter(|found| found.uid() == uid);
        let found = found.ok_or_else(|| Status::not_found(key.kind, &key.name))?;
        let mut object = found.to_value();
        change(&mut object);
        let only_if = Preconditions { uid: Some(uid.to_owned()), resource_version: Some(found.resource_version()) };
        let result = match is_due(key.kind, &object) {
            true => self.store.delete(key.clone(), only_if).await,
            false => self.store.update(key.clone(), object, only_if).await,
        };
        result.map(|_| ()).map_err(|error| error.to_status())
    }
}
