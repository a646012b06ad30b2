//! create, apply and replace.

use super::{Verbs, key, unreadable};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use objects::admission::{self, Admission, Admitted, Privileged};
use objects::apply::{self, LAST_APPLIED};
use objects::managed::{self, Manager};
use objects::{Kind, Status};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Object, Preconditions, StoreError};
use uuid::Uuid;
use wire::{ApplyRequest, CreateRequest, DryRun, ReplaceRequest, Response};

/// How often a write is tried when others write the same object.
pub(super) const TRIES: u32 = 5;
/// The name under which the console and its verbs manage fields.
const CONSOLE: &str = "skiff";
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
        let generates = text(&request.object, "/metadata/name").is_empty();
        let mut tries = NAME_TRIES;
        loop {
            let admitted = self.admit_create(kind, request.object.clone(), &request.namespace)?;
            let admitted = tracked(None, admitted, kind, manager);
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
        let name = text(&request.object, "/metadata/name").to_owned();
        if name.is_empty() {
            return Err(Status::bad_request("cannot use generate name with apply"));
        }
        let namespace = namespace_of(&request.object, &request.namespace);
        let wanted = with_last_applied(request.object);
        let mut tries = TRIES;
        loop {
            let result = match self.store.get(&key(kind, &namespace, &name)) {
                None => {
                    let admitted = self.admit_create(kind, wanted.clone(), &request.namespace)?;
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
        self.replace_by(request, "").await
    }

    /// The same, by a manager of fields.
    ///
    /// # Errors
    /// As [`Verbs::replace`].
    pub async fn replace_by(&self, request: ReplaceRequest, manager: &str) -> Result<Response, Status> {
        self.exchange(request, (manager, "replaced"), Self::admit_update).await
    }

    /// Other resources for a pod that is there.
    ///
    /// # Errors
    /// As [`Verbs::replace`].
    pub async fn resize(&self, request: ReplaceRequest) -> Result<Response, Status> {
        let admit = |_: &Self, _, old: &Value, new, namespace: &str| admission::admit_resize(old, new, &context(namespace, ""));
        self.exchange(request, ("", "resized"), admit).await
    }

    async fn exchange(
        &self,
        request: ReplaceRequest,
        (manager, outcome): (&str, &str),
        admit: impl Fn(&Self, Kind, &Value, Value, &str) -> Result<Admitted, Status>,
    ) -> Result<Response, Status> {
        let kind = kind_of(&request.object)?;
        let name = text(&request.object, "/metadata/name").to_owned();
        let namespace = namespace_of(&request.object, &request.namespace);
        let names_version = !text(&request.object, "/metadata/resourceVersion").is_empty();
        let mut tries = TRIES;
        loop {
            let live = self.store.get(&key(kind, &namespace, &name)).ok_or_else(|| Status::not_found(kind, &name))?;
            let old: Value = live.parse().map_err(|error| unreadable(&error))?;
            let admitted = admit(self, kind, &old, request.object.clone(), &request.namespace)?;
            let admitted = tracked(Some(&old), admitted, kind, manager);
            let result = self.keep_changed(&live, admitted, request.dry_run, outcome).await;
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
        let last_applied: Option<Value> = old
            .pointer("/metadata/annotations")
            .and_then(|annotations| annotations.get(LAST_APPLIED))
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str(text).ok());
        let mut merged = apply::three_way(last_applied.as_ref(), &old, wanted);
        // The merge is against what is there now: a change in between is a conflict, and merged again.
        merged["metadata"]["resourceVersion"] = json!(live.resource_version().to_string());
        let admitted = self.admit_update(live.key().kind, &old, merged, namespace)?;
        if without_version(&admitted.object) == without_version(&old) {
            return Ok(answer(old, admitted.warnings, "unchanged"));
        }
        let admitted = tracked(Some(&old), admitted, live.key().kind, "");
        self.keep_changed(live, admitted, dry_run, "configured").await
    }

    pub(super) fn admit_create(&self, kind: Kind, object: Value, namespace: &str) -> Result<Admitted, Status> {
        if kind != Kind::Pod {
            return Err(not_allowed(kind, "create"));
        }
        let suffix = name_suffix();
        let mut admitted = admission::admit_create(object, &context(namespace, &suffix))?;
        refuse_unsupported(&mut admitted)?;
        Ok(admitted)
    }

    pub(super) fn admit_update(&self, kind: Kind, old: &Value, new: Value, namespace: &str) -> Result<Admitted, Status> {
        if kind == Kind::Event {
            return Err(not_allowed(kind, "update"));
        }
        let mut admitted = admission::admit_update(old, new, &context(namespace, ""))?;
        if kind == Kind::Pod {
            refuse_unsupported(&mut admitted)?;
        }
        Ok(admitted)
    }

    pub(super) async fn keep_new(
        &self,
        kind: Kind,
        admitted: Admitted,
        dry_run: DryRun,
        outcome: &str,
    ) -> Result<Response, Status> {
        let key = key(kind, text(&admitted.object, "/metadata/namespace"), text(&admitted.object, "/metadata/name"));
        if dry_run == DryRun::Yes {
            return match self.store.get(&key) {
                Some(_) => Err(StoreError::AlreadyExists(key).to_status()),
                None => Ok(answer(admitted.object, admitted.warnings, outcome)),
            };
        }
        let kept = self.store.create(key, admitted.object).await.map_err(|error| error.to_status())?;
        Ok(answer(kept.parse().map_err(|error| unreadable(&error))?, admitted.warnings, outcome))
    }

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
        let kept = self.store.update(live.key().clone(), admitted.object, only_if).await.map_err(|error| error.to_status())?;
        Ok(answer(kept.parse().map_err(|error| unreadable(&error))?, admitted.warnings, outcome))
    }
}

/// The object with who manages its fields. The console's own writes have no manager's name: they are noted only on objects of which it
/// is known already who manages them.
fn tracked(live: Option<&Value>, mut admitted: Admitted, kind: Kind, manager: &str) -> Admitted {
    let is_known = live.is_some_and(|live| live.pointer("/metadata/managedFields").is_some());
    if !manager.is_empty() || is_known {
        let name = if manager.is_empty() { CONSOLE } else { manager };
        let fields = managed::track(live, &admitted.object, kind, &Manager { name, subresource: "", now: Timestamp::now() });
        admitted.object["metadata"]["managedFields"] = fields;
    }
    admitted
}

pub(super) fn answer(object: Value, warnings: Vec<String>, outcome: &str) -> Response {
    Response::Object { object: Box::new(object), warnings, outcome: outcome.to_owned() }
}

/// What this release cannot run is refused whole; what it ignores is told.
pub(super) fn refuse_unsupported(admitted: &mut Admitted) -> Result<(), Status> {
    let pod: Pod = serde_json::from_value(admitted.object.clone()).map_err(|error| Status::bad_request(error.to_string()))?;
    let causes = admission::refuse_unsupported(&pod);
    if !causes.is_empty() {
        return Err(Status::invalid(Kind::Pod, pod.metadata.name.as_deref().unwrap_or_default(), causes));
    }
    admitted.warnings.extend(admission::warn_without_effect(&pod));
    Ok(())
}

pub(super) fn context<'a>(namespace: &'a str, name_suffix: &'a str) -> Admission<'a> {
    Admission { namespace, now: Timestamp::now(), uid: Uuid::new_v4().to_string(), name_suffix, privileged: Privileged::Allowed }
}

/// Five characters that spell no word: `apimachinery/pkg/util/rand`.
fn name_suffix() -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = Uuid::new_v4();
    // The first six bytes of a version 4 uuid are random whole.
    random.as_bytes()[..5].iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

/// The object's kind, by its apiVersion and kind.
fn kind_of(object: &Value) -> Result<Kind, Status> {
    let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
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

fn not_allowed(kind: Kind, verb: &str) -> Status {
    Status {
        code: 405,
        reason: "MethodNotAllowed".to_owned(),
        message: format!("{verb} is not supported on resources of kind \"{}\"", kind.plural()),
        details: None,
    }
}

pub(super) fn namespace_of(object: &Value, asked: &str) -> String {
    let own = text(object, "/metadata/namespace");
    if own.is_empty() { asked.to_owned() } else { own.to_owned() }
}

pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
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
