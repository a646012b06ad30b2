//! patch: a change of an object that is there, in any of the forms that say what to change; and server-side apply, which says what is
//! wanted, and by whom.

use super::write::TRIES;
use super::{Verbs, key_of, unreadable};
use jiff::Timestamp;
use objects::managed::{self, Conflicts, Manager};
use objects::patch::{self, PatchType};
use objects::strictness::{self, Strictness};
use objects::{Status, lookup};
use serde_json::{Value, json};
use std::sync::Arc;
use store::Object;
use wire::{DryRun, ObjectRef, Response};

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
    /// What becomes of fields that no type has.
    pub strictness: Strictness,
    /// Whether to keep it.
    pub dry_run: DryRun,
}

impl Verbs {
    /// Patches an object; an apply makes it where there is none (its outcome is `created` then).
    ///
    /// # Errors
    /// 404 where there is nothing to patch, 409 for conflicts, and what patch and admission say.
    pub async fn patch(&self, patch: Patch) -> Result<Response, Status> {
        let mut tries = TRIES;
        loop {
            let live = self.store.get(&key_of(&patch.object));
            let result = match (&patch.said, &live) {
                (Said::Change(form, change), Some(live)) => self.change(&patch, live, *form, change.clone()).await,
                (Said::Change(..), None) => return Err(Status::not_found(patch.object.kind, &patch.object.name)),
                (Said::Apply(wanted, conflicts), live) => self.wanted(&patch, live.as_ref(), wanted, *conflicts).await,
            };
            tries -= 1;
            match result {
                // Somebody else wrote between our reading and writing: look again.
                Err(Failed::Meanwhile(_)) if tries > 0 => {}
                Err(Failed::Meanwhile(status) | Failed::Refused(status)) => return Err(status),
                Ok(response) => return Ok(response),
            }
        }
    }

    async fn change(&self, patch: &Patch, live: &Arc<Object>, form: PatchType, change: Value) -> Result<Response, Failed> {
        let kind = patch.object.kind;
        let old: Value = live.parse().map_err(|error| Failed::Refused(unreadable(&error)))?;
        let mut new = patch::apply(form, old.clone(), change, kind).map_err(|error| self.named(patch, error.to_status()))?;
        let warnings = strictness::relax(&mut new, kind, patch.strictness);
        self.keep(patch, (live, &old), New { object: new, warnings, managed_fields: None }).await
    }

    async fn wanted(
        &self,
        patch: &Patch,
        live: Option<&Arc<Object>>,
        wanted: &Value,
        conflicts: Conflicts,
    ) -> Result<Response, Failed> {
        let kind = patch.object.kind;
        let mut wanted = wanted.clone();
        let warnings = strictness::relax(&mut wanted, kind, patch.strictness);
        let manager = Manager { name: &patch.manager, subresource: "", now: Timestamp::now() };
        let Some(live) = live else {
            let applied = managed::apply(None, &wanted, kind, &manager, conflicts)?;
            let namespace = &patch.object.namespace;
            let mut admitted = self.admit_create(kind, applied.object, namespace)?;
            admitted.object["metadata"]["managedFields"] = applied.managed_fields;
            admitted.warnings.splice(0..0, warnings);
            return self.keep_new(kind, admitted, patch.dry_run, "created").await.map_err(Failed::of);
        };
        let old: Value = live.parse().map_err(|error| Failed::Refused(unreadable(&error)))?;
        let applied = managed::apply(Some(&old), &wanted, kind, &manager, conflicts)?;
        let new = New { object: applied.object, warnings, managed_fields: Some(applied.managed_fields) };
        self.keep(patch, (live, &old), new).await
    }

    async fn keep(&self, patch: &Patch, (live, old): (&Arc<Object>, &Value), new: New) -> Result<Response, Failed> {
        let New { object: mut new, warnings, managed_fields } = new;
        let kind = patch.object.kind;
        if lookup::name(&new) != patch.object.name {
            let (own, name) = (lookup::name(&new), &patch.object.name);
            let message = format!("the name of the object ({own}) does not match the name on the URL ({name})");
            return Err(Status::bad_request(message).into());
        }
        // A version that the patch names and that is not the object's is refused; without one, a change in between is no conflict.
        if lookup::text(&new, "/metadata/resourceVersion").is_empty() {
            new["metadata"]["resourceVersion"] = json!(lookup::text(old, "/metadata/resourceVersion"));
        }
        let mut admitted = self.admit_update(kind, old, new, &patch.object.namespace)?;
        let manager = Manager { name: &patch.manager, subresource: "", now: Timestamp::now() };
        let managed_fields = managed_fields.unwrap_or_else(|| managed::track(Some(old), &admitted.object, kind, &manager));
        admitted.object["metadata"]["managedFields"] = managed_fields;
        admitted.warnings.splice(0..0, warnings);
        if managed::is_same(old, &admitted.object) {
            return Ok(super::write::answer(old.clone(), admitted.warnings, "unchanged"));
        }
        self.keep_changed(live, admitted, patch.dry_run, "patched").await.map_err(Failed::of)
    }

    /// Names the object in a refusal that only knows the patch.
    fn named(&self, patch: &Patch, mut status: Status) -> Failed {
        if let Some(details) = status.details.as_mut().filter(|details| details.name.is_empty()) {
            details.name.clone_from(&patch.object.name);
            patch.object.kind.name().clone_into(&mut details.kind);
        }
        Failed::Refused(status)
    }
}

/// What a patch makes of an object, before it is admitted.
struct New {
    object: Value,
    warnings: Vec<String>,
    /// Where the patch decided on them.
    managed_fields: Option<Value>,
}

/// Why a patch was not done.
enum Failed {
    /// The object was written meanwhile.
    Meanwhile(Status),
    /// For good.
    Refused(Status),
}

impl Failed {
    /// What the store says of a write.
    fn of(status: Status) -> Self {
        match status.reason.as_str() {
            "Conflict" | "AlreadyExists" => Self::Meanwhile(status),
            _ => Self::Refused(status),
        }
    }
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}
