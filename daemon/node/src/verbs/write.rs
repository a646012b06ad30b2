//! create, apply and replace.

use super::admit::{by, put_managed};
use super::{Verbs, key, unreadable};
use objects::admission::Admitted;
use objects::apply::{self, LAST_APPLIED};
use objects::{Kind, Status, lookup, managed};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Object, Preconditions, StoreError};
use wire::{ApplyRequest, CreateRequest, DryRun, ReplaceRequest, Response};

/// How often a write is tried when others write the same object.
pub(super) const TRIES: u32 = 5;
/// How often another name is drawn for a `generateName`.
const NAME_TRIES: u32 = 8;

impl Verbs {
    /// A new object.
    ///
    /// # Errors
    /// 400, 404, 405, 409, 422 as Kubernetes answers.
    pub async fn create(&self, request: CreateRequest) -> Result<Response, Status> {
        self.create_by(request, "").await
    }

    /// The same, by a manager of fields; without a name, nobody is noted.
    ///
    /// # Errors
    /// As [`Verbs::create`].
    pub async fn create_by(&self, request: CreateRequest, manager: &str) -> Result<Response, Status> {
        let kind = kind_of(&request.object)?;
        let generates = lookup::name(&request.object).is_empty();
        let mut tries = NAME_TRIES;
        loop {
            let admitted = self.admit_new(kind, request.object.clone(), &request.namespace, manager)?;
            let result = self.keep_new(kind, admitted, request.dry_run, "created").await;
            tries -= 1;
            match result {
                Err(status) if status.reason == "AlreadyExists" && generates && tries > 0 => {}
                result => return result,
            }
        }
    }

    /// Create, or a three-way merge into what is there.
    ///
    /// # Errors
    /// As [`Verbs::create`].
    pub async fn apply(&self, request: ApplyRequest) -> Result<Response, Status> {
        let kind = kind_of(&request.object)?;
        let name = lookup::name(&request.object).to_owned();
        if name.is_empty() {
            return Err(Status::bad_request("cannot use generate name with apply"));
        }
        let namespace = namespace_of(&request.object, &request.namespace);
        let wanted = with_last_applied(request.object);
        let mut tries = TRIES;
        loop {
            let result = match self.store.get(&key(kind, &namespace, &name)) {
                None => {
                    let admitted = self.admit_new(kind, wanted.clone(), &request.namespace, "")?;
                    self.keep_new(kind, admitted, request.dry_run, "created").await
                }
                Some(live) => self.merge(&live, &wanted, &request.namespace, request.dry_run).await,
            };
            tries -= 1;
            match result {
                // Somebody else wrote between our reading and writing: look again.
                Err(status) if matches!(status.reason.as_str(), "Conflict" | "AlreadyExists") && tries > 0 => {}
                result => return result,
            }
        }
    }

    /// Another version of an object that is there.
    ///
    /// # Errors
    /// As [`Verbs::create`]; 404 where there is none, 409 where it changed since it was read.
    pub async fn replace(&self, request: ReplaceRequest) -> Result<Response, Status> {
        self.replace_by(request, "", "").await
    }

    /// Another version of an object or of its subresource, written by a manager of fields.
    ///
    /// # Errors
    /// As [`Verbs::replace`]; 404 for a subresource that the kind has not.
    pub async fn replace_by(&self, request: ReplaceRequest, manager: &str, subresource: &str) -> Result<Response, Status> {
        self.exchange(request, (manager, subresource), "replaced").await
    }

    /// Other resources for a pod that is there.
    ///
    /// # Errors
    /// As [`Verbs::replace`].
    pub async fn resize(&self, request: ReplaceRequest) -> Result<Response, Status> {
        self.exchange(request, ("", "resize"), "resized").await
    }

    /// Adds the ephemeral containers of the request's pod that are not there yet; nothing else of it counts.
    ///
    /// # Errors
    /// 404 where there is no such pod, 409 where it changed since it was read, 422 for containers that cannot be added.
    pub async fn replace_ephemeral(&self, request: ReplaceRequest) -> Result<Response, Status> {
        self.exchange(request, ("", "ephemeralcontainers"), "configured").await
    }

    async fn exchange(
        &self,
        request: ReplaceRequest,
        (manager, subresource): (&str, &str),
        outcome: &str,
    ) -> Result<Response, Status> {
        let kind = kind_of(&request.object)?;
        let name = lookup::name(&request.object).to_owned();
        let namespace = namespace_of(&request.object, &request.namespace);
        let names_version = !lookup::text(&request.object, "/metadata/resourceVersion").is_empty();
        let mut tries = TRIES;
        loop {
            let live = self.store.get(&key(kind, &namespace, &name)).ok_or_else(|| Status::not_found(kind, &name))?;
            let change = super::patch::Change { new: request.object.clone(), manager, subresource, warnings: Vec::new() };
            let result = self.keep_change(&live, change, (&request.namespace, request.dry_run), outcome).await;
            tries -= 1;
            match result {
                // Without a version in the request, a change in between is no conflict.
                Err(status) if status.reason == "Conflict" && !names_version && tries > 0 => {}
                result => return result,
            }
        }
    }

    async fn merge(&self, live: &Arc<Object>, wanted: &Value, namespace: &str, dry_run: DryRun) -> Result<Response, Status> {
        let old: Value = live.parse().map_err(|error| unreadable(&error))?;
        let mut merged = apply::three_way(apply::last_applied(&old).as_ref(), &old, wanted);
        // The merge is against what is there now: a change in between is a conflict, and merged again.
        merged["metadata"]["resourceVersion"] = json!(live.resource_version().to_string());
        let admitted = self.admit_change(&old, merged, namespace, "")?;
        if without_version(&admitted.object) == without_version(&old) {
            return Ok(answer(old, admitted.warnings, "unchanged"));
        }
        self.keep_changed(live, admitted, dry_run, "configured").await
    }

    pub(super) async fn keep_new(
        &self,
        kind: Kind,
        admitted: Admitted,
        dry_run: DryRun,
        outcome: &str,
    ) -> Result<Response, Status> {
        let key = key(kind, lookup::namespace(&admitted.object), lookup::name(&admitted.object));
        if dry_run == DryRun::Yes {
            return match self.store.get(&key) {
                Some(_) => Err(StoreError::AlreadyExists(key).to_status()),
                None => Ok(answer(admitted.object, admitted.warnings, outcome)),
            };
        }
        let kept = self.store.create(key, admitted.object).await.map_err(|error| error.to_status())?;
        Ok(answer(kept.parse().map_err(|error| unreadable(&error))?, admitted.warnings, outcome))
    }

    /// Keeps a changed object. One that was to be deleted and waited for a finalizer that is gone now, goes.
    pub(super) async fn keep_changed(
        &self,
        live: &Arc<Object>,
        admitted: Admitted,
        dry_run: DryRun,
        outcome: &str,
    ) -> Result<Response, Status> {
        if dry_run == DryRun::Yes {
            return Ok(answer(admitted.object, admitted.warnings, outcome));
        }
        let only_if = Preconditions { uid: Some(live.uid().to_owned()), resource_version: Some(live.resource_version()) };
        let key = live.key().clone();
        let kept = match super::delete::is_due(key.kind, &admitted.object) {
            true => self.store.delete(key, only_if).await,
            false => self.store.update(key, admitted.object, only_if).await,
        };
        let kept = kept.map_err(|error| error.to_status())?;
        Ok(answer(kept.parse().map_err(|error| unreadable(&error))?, admitted.warnings, outcome))
    }

    /// Server-side apply of an object that is not there.
    pub(super) async fn apply_new(
        &self,
        (kind, namespace): (Kind, &str),
        config: &Value,
        (manager, dry_run): (&str, DryRun),
        warnings: Vec<String>,
    ) -> Result<Response, Status> {
        let applied = managed::apply(None, config, kind, &by(manager, ""), managed::Conflicts::Refuse)?;
        let mut admitted = self.admit_new(kind, applied.object, namespace, manager)?;
        put_managed(&mut admitted.object, applied.managed_fields);
        admitted.warnings.splice(0..0, warnings);
        self.keep_new(kind, admitted, dry_run, "created").await
    }
}

pub(super) fn answer(object: Value, warnings: Vec<String>, outcome: &str) -> Response {
    Response::Object { object: Box::new(object), warnings, outcome: outcome.to_owned() }
}

/// The object's kind, by its apiVersion and kind.
pub(super) fn kind_of(object: &Value) -> Result<Kind, Status> {
    let (api_version, kind) = (lookup::text(object, "/apiVersion"), lookup::text(object, "/kind"));
    if kind.is_empty() {
        return Err(Status::bad_request("Object 'Kind' is missing in the request's object"));
    }
    Kind::from_manifest(api_version, kind).ok_or_else(|| Status {
        code: 404,
        reason: "NotFound".to_owned(),
        message: format!("no matches for kind \"{kind}\" in version \"{api_version}\""),
        details: None,
    })
}

pub(super) fn namespace_of(object: &Value, asked: &str) -> String {
    let own = lookup::namespace(object);
    if own.is_empty() { asked.to_owned() } else { own.to_owned() }
}

/// The manifest with itself as the last applied one, as kubectl writes it: compact, a line.
fn with_last_applied(mut object: Value) -> Value {
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    let manifest = format!("{object}\n");
    if !object["metadata"].is_object() {
        // Admission says what is wrong with it.
        return object;
    }
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    object["metadata"]["annotations"][LAST_APPLIED] = Value::String(manifest);
    object
}

/// What of an object tells whether a user's change changed anything.
fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["resourceVersion", "generation", "managedFields"] {
            metadata.remove(field);
        }
    }
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    object
}
