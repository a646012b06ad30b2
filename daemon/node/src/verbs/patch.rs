//! patch, in its four forms, of objects and of their subresources.

use super::admit::{by, check_manager, context, invalid_patch_options, put_managed, refuse_unsupported, set_managed};
use super::write::{TRIES, answer};
use super::{Verbs, key_of, unreadable};
use objects::admission::{self, Admitted};
use objects::managed::{self, Conflicts};
use objects::patch::{self, PatchType};
use objects::strictness::{self, Strictness};
use objects::{Cause, Kind, Status, StatusDetails, lookup, scale};
use serde_json::Value;
use std::sync::Arc;
use store::{Durability, Object, Preconditions};
use wire::{DryRun, ObjectRef, PatchRequest, Response};

/// The subresource of how many pods are wanted.
const SCALE: &str = "scale";

/// What a patch says.
#[derive(Debug, Clone)]
pub enum Said {
    /// What to change.
    Change(PatchType, Value),
    /// What is wanted, and what becomes of fields of others.
    Apply(Value, Conflicts),
}

/// A patch of one object.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Of which.
    pub object: ObjectRef,
    /// What it says.
    pub said: Said,
    /// Who says it.
    pub manager: String,
    /// What of the object is changed: empty, `status`, `scale`, `resize` or `ephemeralcontainers`.
    pub subresource: String,
    /// What becomes of fields that no type has.
    pub strictness: Strictness,
    /// Whether to keep it.
    pub dry_run: DryRun,
}

impl From<PatchRequest> for Patch {
    fn from(request: PatchRequest) -> Self {
        let said = match request.patch {
            wire::Patch::Json(patch) => Said::Change(PatchType::Json, patch),
            wire::Patch::Merge(patch) => Said::Change(PatchType::Merge, patch),
            wire::Patch::StrategicMerge(patch) => Said::Change(PatchType::StrategicMerge, patch),
            wire::Patch::Apply { config, force } => Said::Apply(config, if force { Conflicts::Force } else { Conflicts::Refuse }),
        };
        // What a console sends is not to be guessed at.
        let strictness = Strictness::Strict;
        let PatchRequest { object, field_manager: manager, subresource, dry_run, .. } = request;
        Self { object, said, manager, subresource, strictness, dry_run }
    }
}

/// What is to become of an object.
pub(super) struct Change<'a> {
    pub(super) new: Value,
    pub(super) manager: &'a str,
    pub(super) subresource: &'a str,
    pub(super) warnings: Vec<String>,
}

impl Verbs {
    /// Patches an object; an apply makes it where there is none (its outcome is `created` then). A change by others in between is no
    /// conflict, unless the patch names a version.
    ///
    /// # Errors
    /// 400 for what is no patch, 404, 409 for another version or fields of other managers, 413, 422 for what the object may not become.
    pub async fn patch(&self, patch: Patch) -> Result<Response, Status> {
        check_manager(&patch.manager)?;
        let key = key_of(&patch.object);
        let mut tries = TRIES;
        loop {
            let result = match (self.store.get(&key), &patch.said) {
                (Some(live), _) => self.patch_live(&live, &patch).await,
                (None, Said::Apply(config, _)) if patch.subresource.is_empty() => {
                    let (config, warnings) = named(config, &patch)?;
                    let by = (patch.manager.as_str(), patch.dry_run);
                    self.apply_new((key.kind, &patch.object.namespace), &config, by, warnings).await
                }
                (None, _) => Err(Status::not_found(key.kind, &key.name)),
            };
            tries -= 1;
            match result {
                Err(status) if is_a_race(&status) && !names_version(&patch.said) && tries > 0 => {}
                result => return result,
            }
        }
    }

    async fn patch_live(&self, live: &Arc<Object>, patch: &Patch) -> Result<Response, Status> {
        let old: Value = live.parse().map_err(|error| unreadable(&error))?;
        let place = (patch.object.namespace.as_str(), patch.dry_run);
        let kind = live.key().kind;
        let (form, change) = match &patch.said {
            Said::Apply(config, conflicts) => return self.apply_live((live, &old), config, *conflicts, patch).await,
            Said::Change(form, change) => (*form, change),
        };
        let is_scale = patch.subresource == SCALE && kind.makes_pods();
        let base = if is_scale { scale::of(&old) } else { old };
        // A scale has no lists: merging it by name and merging it are the same.
        let form = if is_scale && form == PatchType::StrategicMerge { PatchType::Merge } else { form };
        let mut new = patch::apply(form, base.clone(), change.clone(), kind).map_err(|error| about(patch, error.to_status()))?;
        check_identity(&base, &new)?;
        let warnings = if is_scale { Vec::new() } else { strictness::relax(&mut new, kind, patch.strictness) };
        let change_ = Change { new, manager: &patch.manager, subresource: &patch.subresource, warnings };
        self.keep_change(live, change_, place, "patched").await.map_err(|status| of_patch(status, form, change))
    }

    async fn apply_live(
        &self,
        (live, old): (&Arc<Object>, &Value),
        config: &Value,
        conflicts: Conflicts,
        patch: &Patch,
    ) -> Result<Response, Status> {
        let kind = live.key().kind;
        let (config, warnings) = named(config, patch)?;
        let applied = managed::apply(Some(old), &config, kind, &by(&patch.manager, &patch.subresource), conflicts)?;
        let place = (patch.object.namespace.as_str(), patch.dry_run);
        if !patch.subresource.is_empty() {
            let (manager, subresource) = (patch.manager.as_str(), patch.subresource.as_str());
            let change = Change { new: applied.object, manager, subresource, warnings };
            return self.keep_change(live, change, place, "serverside-applied").await;
        }
        let mut admitted = self.admit_change(old, applied.object, place.0, &patch.manager)?;
        put_managed(&mut admitted.object, applied.managed_fields);
        admitted.warnings.splice(0..0, warnings);
        self.keep_if_new(live, old, admitted, (patch.dry_run, "serverside-applied")).await
    }

    /// Admits and keeps a change of an object, or of the part of it that its subresource is.
    pub(super) async fn keep_change(
        &self,
        live: &Arc<Object>,
        change: Change<'_>,
        (namespace, dry_run): (&str, DryRun),
        outcome: &str,
    ) -> Result<Response, Status> {
        let old: Value = live.parse().map_err(|error| unreadable(&error))?;
        let kind = live.key().kind;
        let mut admitted = match change.subresource {
            "" => self.admit_change(&old, change.new, namespace, change.manager)?,
            SCALE if kind.makes_pods() => {
                let new = scale::scaled(old.clone(), &change.new)?;
                self.admit_change(&old, new, namespace, change.manager)?
            }
            "status" if kind.has_status() => {
                return self.keep_status(live, &old, change, (dry_run, outcome)).await;
            }
            "resize" if kind == Kind::Pod => {
                let mut admitted = admission::admit_resize(&old, change.new, &context(namespace, ""))?;
                set_managed(&mut admitted.object, Some(&old), kind, (change.manager, change.subresource))?;
                admitted
            }
            "ephemeralcontainers" if kind == Kind::Pod => {
                let mut admitted = admission::admit_ephemeral(&old, change.new, &context(namespace, ""))?;
                refuse_unsupported(&mut admitted)?;
                set_managed(&mut admitted.object, Some(&old), kind, (change.manager, change.subresource))?;
                admitted
            }
            _ => return Err(no_subresource()),
        };
        admitted.warnings.splice(0..0, change.warnings);
        self.keep_if_new(live, &old, admitted, (dry_run, outcome)).await
    }

    async fn keep_if_new(
        &self,
        live: &Arc<Object>,
        old: &Value,
        admitted: Admitted,
        (dry_run, outcome): (DryRun, &str),
    ) -> Result<Response, Status> {
        if managed::is_same(&admission::one_form(old.clone(), live.key().kind), &admitted.object) {
            let said = if outcome == "patched" { "unchanged" } else { outcome };
            return Ok(answer(old.clone(), admitted.warnings, said));
        }
        self.keep_changed(live, admitted, dry_run, outcome).await
    }

    /// The status alone; it is a record of its own, and what of the rest is changed does not count.
    async fn keep_status(
        &self,
        live: &Arc<Object>,
        old: &Value,
        change: Change<'_>,
        (dry_run, outcome): (DryRun, &str),
    ) -> Result<Response, Status> {
        let admitted = admission::admit_status(old, change.new)?;
        let warnings = change.warnings;
        if dry_run == DryRun::Yes {
            return Ok(answer(admitted.object, warnings, outcome));
        }
        if let Some(node) = self.node_of(live.key(), old) {
            return Err(Status::conflict(
                live.key().kind,
                &live.key().name,
                &format!("its status is written on its node {node}; ask that one"),
            ));
        }
        let only_if = Preconditions { uid: Some(live.uid().to_owned()), resource_version: Some(live.resource_version()) };
        let status = admitted.object.get("status").cloned().unwrap_or_default();
        let kept = self.store.update_status(live.key().clone(), status, only_if, Durability::Now).await;
        let kept = kept.map_err(|error| error.to_status())?;
        Ok(answer(kept.parse().map_err(|error| unreadable(&error))?, warnings, outcome))
    }

    /// The other node that alone writes an object's status.
    fn node_of(&self, key: &store::Key, object: &Value) -> Option<String> {
        let node = lookup::text(object, "/spec/nodeName");
        (key.kind == Kind::Pod && !node.is_empty() && node != self.node_name()).then(|| node.to_owned())
    }
}

/// The configuration of an apply is of the object that is asked for, and says so; with what is to be told of its unknown fields.
fn named(config: &Value, patch: &Patch) -> Result<(Value, Vec<String>), Status> {
    if patch.manager.is_empty() {
        return Err(invalid_patch_options("FieldValueRequired", "fieldManager", "Required value: is required for apply patch"));
    }
    let mut config = config.clone();
    if !config.is_object() {
        return Err(Status::bad_request("error decoding YAML: the body of an apply patch is an object"));
    }
    let (kind, object) = (patch.object.kind, &patch.object);
    let (found, version) = (lookup::text(&config, "/kind"), lookup::text(&config, "/apiVersion"));
    if (version, found) != (kind.api_version(), kind.name()) {
        let (own, wanted) = (kind.api_version(), kind.name());
        return Err(Status::bad_request(format!("{version}, Kind={found} cannot be applied to {own}, Kind={wanted}")));
    }
    match lookup::name(&config) {
        "" => config["metadata"]["name"] = object.name.clone().into(),
        name if name != object.name => {
            let why = format!("the name of the object ({name}) does not match the name on the URL ({})", object.name);
            return Err(Status::bad_request(why));
        }
        _ => {}
    }
    if kind.is_namespaced() && lookup::namespace(&config).is_empty() {
        config["metadata"]["namespace"] = object.namespace.clone().into();
    }
    let warnings = strictness::relax(&mut config, kind, patch.strictness);
    Ok((config, warnings))
}

/// Names the object in a refusal that only knows the patch.
fn about(patch: &Patch, mut status: Status) -> Status {
    if let Some(details) = status.details.as_mut().filter(|details| details.name.is_empty()) {
        details.name.clone_from(&patch.object.name);
        patch.object.kind.name().clone_into(&mut details.kind);
        patch.object.kind.group().clone_into(&mut details.group);
    }
    status
}

/// A patch cannot make one thing of another.
fn check_identity(old: &Value, new: &Value) -> Result<(), Status> {
    let is_same = |field: &str| old.get(field) == new.get(field);
    match is_same("kind") && is_same("apiVersion") && new.get("metadata").is_some_and(Value::is_object) {
        true => Ok(()),
        false => Err(Status::bad_request("a patch cannot change an object's apiVersion and kind or remove its metadata")),
    }
}

/// What does not decode is told as the patch's fault (`apiserver/pkg/endpoints/handlers/patch.go`).
fn of_patch(status: Status, form: PatchType, patch: &Value) -> Status {
    let Some((_, words)) = status.message.split_once(" cannot be handled as a ").filter(|_| status.code == 400) else {
        return status;
    };
    let words = words.split_once(": ").map_or(words, |(_, words)| words);
    let shown = if form == PatchType::StrategicMerge { patch::shown(patch) } else { patch.to_string() };
    let message = format!("Invalid value: {shown:?}: {words}");
    let text = format!(" \"\" is invalid: patch: {message}");
    let causes = vec![Cause { reason: "FieldValueInvalid".to_owned(), message, field: "patch".to_owned() }];
    let details = StatusDetails { causes, ..StatusDetails::default() };
    Status { code: 422, reason: "Invalid".to_owned(), message: text, details: Some(Box::new(details)) }
}

fn no_subresource() -> Status {
    Status {
        code: 404,
        reason: "NotFound".to_owned(),
        message: "the server could not find the requested resource".to_owned(),
        details: None,
    }
}

/// Whether somebody else was quicker, and not that managers conflict.
fn is_a_race(status: &Status) -> bool {
    let is_of_managers = |status: &Status| {
        status.details.as_ref().is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "FieldManagerConflict"))
    };
    matches!(status.reason.as_str(), "Conflict" | "AlreadyExists") && !is_of_managers(status) && status.code == 409
}

fn names_version(said: &Said) -> bool {
    match said {
        Said::Change(PatchType::Json, operations) => operations.as_array().is_some_and(|operations| {
            operations.iter().any(|operation| lookup::text(operation, "/path") == "/metadata/resourceVersion")
        }),
        Said::Change(_, patch) | Said::Apply(patch, _) => !lookup::text(patch, "/metadata/resourceVersion").is_empty(),
    }
}
