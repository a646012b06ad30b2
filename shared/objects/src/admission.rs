//! Objects are checked and completed as Kubernetes' API server does it, before they are stored.
//!
//! The way of an object: its kind, strict decoding (`decoding`), the one form (`schema::normal`), defaults, validation,
//! and what only the server writes. What this release does not run (`unsupported`) is a step of its own, because
//! admission itself is Kubernetes' and complete.

mod check;
mod container;
mod decoding;
mod defaults;
mod environment;
mod ephemeral;
pub(crate) mod faults;
pub(crate) mod metadata;
pub(crate) mod other_kinds;
mod pod;
mod probe;
mod qos;
mod resize;
mod resources;
mod scheduling;
mod security;
mod subresource;
pub(crate) mod template;
mod unified_diff;
mod unsupported;
mod update;
mod volume;
mod warnings;

pub use decoding::kind_of;
pub use resize::admit_resize;
pub use template::{refuse_unsupported_template, warn_without_effect_in_template};

use crate::kinds::definition;
use crate::manifest::{Document, Fault, Positions};
use crate::schema::{self, normal};
use crate::{Cause, Kind, Status, lookup};
use faults::Faults;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Characters of `generateName` that are kept: five more follow, and a label's value has 63.
const MAX_GENERATED_BASE: usize = 58;

/// Whether containers may ask for `privileged` (the API server's `--allow-privileged`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Privileged {
    /// They may.
    #[default]
    Allowed,
    /// They are refused.
    Refused,
}

/// What admission needs to know besides the object.
#[derive(Debug, Clone)]
pub struct Admission<'a> {
    /// The namespace of the request; empty for kinds that have none.
    pub namespace: &'a str,
    /// The time of the request: `creationTimestamp`.
    pub now: Timestamp,
    /// The uid of an object that is created.
    pub uid: String,
    /// What is appended to `generateName`: five characters.
    pub name_suffix: &'a str,
    /// The cluster's policy.
    pub privileged: Privileged,
    /// What a new pod's priority class comes to.
    pub priority: Priority<'a>,
}

/// How important a pod is, by its class.
#[derive(Debug, Clone, Copy)]
pub struct Priority<'a> {
    /// The class: the pod's own, or the cluster's default one; empty where there is neither.
    pub class: &'a str,
    /// Its number.
    pub value: i64,
    /// Whether it puts others out.
    pub preemption: &'a str,
}

impl Default for Priority<'_> {
    fn default() -> Self {
        Self { class: "", value: 0, preemption: "PreemptLowerPriority" }
    }
}

/// An object that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The object, whole: defaults, uid, creationTimestamp, generation, status.
    pub object: Value,
    /// What is valid and probably a mistake, in the API server's words. What has no effect in this release is not among
    /// them: [`warn_without_effect`] says that.
    pub warnings: Vec<String>,
}

pub use subresource::admit_status;

/// Admits a new object.
///
/// # Errors
/// The answer for the user: 400 for what cannot be decoded, 422 with a cause a fault for what is not valid.
pub fn admit_create(value: Value, context: &Admission<'_>) -> Result<Admitted, Status> {
    let kind = decoding::kind_of(&value)?;
    let value = decoding::strict(value, kind)?;
    check_namespace(&value, kind, context)?;
    if !lookup::text(&value, "/metadata/resourceVersion").is_empty() {
        return Err(Status::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let asked = (kind == Kind::Pod).then(|| check_priority(&value, &context.priority));
    let (object, causes) = complete_and_validate(value, kind, context);
    if let Some(Err(why)) = asked {
        return Err(Status::forbidden(kind, lookup::name(&object), &why));
    }
    finish(object, kind, causes)
}

/// Admits a change of an object: what may change, the generation, and what only the server writes.
///
/// # Errors
/// As [`admit_create`]; 409 if `new` names a `resourceVersion` that is not `old`'s.
pub fn admit_update(old: &Value, new: Value, context: &Admission<'_>) -> Result<Admitted, Status> {
    let kind = decoding::kind_of(&new)?;
    let mut new = decoding::strict(new, kind)?;
    check_namespace(&new, kind, context)?;
    let wanted = lookup::text(&new, "/metadata/resourceVersion");
    if !wanted.is_empty() && wanted != lookup::text(old, "/metadata/resourceVersion") {
        return Err(Status::stale(kind, lookup::name(old)));
    }
    let old = normal::normalize(old.clone(), schema::of(kind));
    keep_what_the_server_writes(&old, &mut new);
    complete_metadata(&mut new, kind, context);
    let mut faults = Faults::default();
    if kind == Kind::Pod {
        keep_priority(&old, &mut new);
        let mut pod = typed::<Pod>(&new);
        defaults::complete(&mut pod);
        let was = typed::<Pod>(&old);
        update::validate_metadata(&was.metadata, &pod.metadata, &mut faults);
        update::validate_pod(&was, &pod, context.privileged, &mut faults);
        new = untyped(&pod, kind);
    } else {
        let definition = definition(kind);
        (definition.complete)(&mut new);
        new = normal::normalize(new, schema::of(kind));
        update::validate_metadata(&meta_of(&old), &meta_of(&new), &mut faults);
        metadata::validate(&meta_of(&new), kind, &mut faults);
        (definition.validate)(&new, &mut faults);
        (definition.validate_update)(&old, &new, &mut faults);
    }
    if kind.counts_generations() && old.get("spec") != new.get("spec") {
        let generation = lookup::number(&old, "/metadata/generation") + 1;
        put(metadata_of(&mut new), "generation", generation.into());
    }
    finish(new, kind, faults.into_causes())
}

/// Admits a change of a pod's ephemeral containers, which are the only part of `new` that counts: some are added, none changed.
///
/// # Errors
/// As [`admit_update`].
pub fn admit_ephemeral(old: &Value, new: Value, context: &Admission<'_>) -> Result<Admitted, Status> {
    let kind = decoding::kind_of(&new)?;
    if kind != Kind::Pod {
        return Err(Status::bad_request(format!("the object provided is a {}, not a Pod", lookup::text(&new, "/kind"))));
    }
    let new = decoding::strict(new, kind)?;
    check_namespace(&new, kind, context)?;
    let wanted = lookup::text(&new, "/metadata/resourceVersion");
    if !wanted.is_empty() && wanted != lookup::text(old, "/metadata/resourceVersion") {
        return Err(Status::stale(kind, lookup::name(old)));
    }
    let old = normal::normalize(old.clone(), schema::of(kind));
    let (was, asked) = (typed::<Pod>(&old), typed::<Pod>(&normal::normalize(new, schema::of(kind))));
    let mut pod = was.clone();
    let spec = pod.spec.get_or_insert_default();
    spec.ephemeral_containers = asked.spec.and_then(|spec| spec.ephemeral_containers);
    defaults::complete(&mut pod);
    let mut faults = Faults::default();
    pod::validate(&pod, context.privileged, &mut faults);
    ephemeral::validate_update(&was, &pod, &mut faults);
    let mut object = untyped(&pod, kind);
    put(&mut object, "status", old.get("status").cloned().unwrap_or(Value::Null));
    if old.get("spec") != object.get("spec") {
        let generation = lookup::number(&old, "/metadata/generation") + 1;
        put(metadata_of(&mut object), "generation", generation.into());
    }
    finish(object, kind, faults.into_causes())
}

/// What this release cannot run: one cause a field.
#[must_use]
pub fn refuse_unsupported(pod: &Pod) -> Vec<Cause> {
    unsupported::refusals(&serde_json::to_value(pod).unwrap_or_default())
}

/// What this release accepts and ignores: one sentence a field.
#[must_use]
pub fn warn_without_effect(pod: &Pod) -> Vec<String> {
    unsupported::warnings(&serde_json::to_value(pod).unwrap_or_default())
}

/// An object in its one form: what is not set is left out, amounts have one way of writing.
#[must_use]
pub fn one_form(object: Value, kind: Kind) -> Value {
    normal::normalize(object, schema::of(kind))
}

/// Everything wrong with a text, each with its line and column: for the editor.
#[must_use]
pub fn check(text: &str) -> Vec<Fault> {
    check::text(text)
}

/// As [`check`], for one document that was read already.
#[must_use]
pub fn check_document(document: &Document) -> Vec<Fault> {
    check::document(document)
}

/// The places of a refused object's faults, in the text it was read from.
#[must_use]
pub fn locate(status: &Status, positions: &Positions) -> Vec<Fault> {
    check::locate(status, positions)
}

fn finish(object: Value, kind: Kind, causes: Vec<Cause>) -> Result<Admitted, Status> {
    if !causes.is_empty() {
        return Err(Status::invalid(kind, lookup::name(&object), causes));
    }
    let warnings = if kind == Kind::Pod { warnings::of(&typed(&object)) } else { Vec::new() };
    Ok(Admitted { object, warnings })
}

/// The completed object and everything that is not valid about it.
fn complete_and_validate(value: Value, kind: Kind, context: &Admission<'_>) -> (Value, Vec<Cause>) {
    let mut value = normal::normalize(value, schema::of(kind));
    complete_metadata(&mut value, kind, context);
    {
        let metadata = metadata_of(&mut value);
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
            metadata.as_object_mut().map(|fields| fields.remove(field));
        }
        put(metadata, "uid", context.uid.clone().into());
        put(metadata, "creationTimestamp", context.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
        if kind.counts_generations() {
            put(metadata, "generation", 1.into());
        }
    }
    let mut faults = Faults::default();
    if kind == Kind::Pod {
        let mut pod = typed::<Pod>(&value);
        set_priority(&mut pod, &context.priority);
        defaults::complete(&mut pod);
        pod::validate_create(&pod, context.privileged, &mut faults);
        value = untyped(&pod, kind);
        put(&mut value, "status", json!({ "phase": "Pending", "qosClass": qos::class(&pod) }));
    } else {
        // What is seen of it is not the user's to say.
        if kind != Kind::Node {
            value.as_object_mut().map(|fields| fields.remove("status"));
        }
        let definition = definition(kind);
        (definition.complete)(&mut value);
        value = normal::normalize(value, schema::of(kind));
        metadata::validate(&meta_of(&value), kind, &mut faults);
        (definition.validate)(&value, &mut faults);
    }
    (value, faults.into_causes())
}

/// Decoding was strict and found nothing: what does not fit a type now is left out of it.
fn typed<T: serde::de::DeserializeOwned + Default>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}

fn untyped<T: serde::Serialize>(object: &T, kind: Kind) -> Value {
    normal::normalize(serde_json::to_value(object).unwrap_or_default(), schema::of(kind))
}

fn put(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn metadata_of(object: &mut Value) -> &mut Value {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let fields = object.as_object_mut().expect("it was made an object above");
    fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()))
}

fn meta_of(object: &Value) -> ObjectMeta {
    object.get("metadata").and_then(|metadata| ObjectMeta::deserialize(metadata).ok()).unwrap_or_default()
}

fn check_namespace(value: &Value, kind: Kind, context: &Admission<'_>) -> Result<(), Status> {
    let found = lookup::namespace(value);
    if kind.is_namespaced() && !found.is_empty() && found != context.namespace {
        return Err(Status::bad_request("the namespace of the provided object does not match the namespace sent on the request"));
    }
    Ok(())
}

/// The namespace of the request, and the name out of `generateName`.
fn complete_metadata(value: &mut Value, kind: Kind, context: &Admission<'_>) {
    let base = lookup::text(value, "/metadata/generateName").to_owned();
    let has_name = !lookup::name(value).is_empty();
    let metadata = metadata_of(value);
    if kind.is_namespaced() {
        put(metadata, "namespace", context.namespace.into());
    }
    if !has_name && !base.is_empty() {
        let mut end = base.len().min(MAX_GENERATED_BASE);
        while !base.is_char_boundary(end) {
            end -= 1;
        }
        put(metadata, "name", format!("{}{}", &base[..end], context.name_suffix).into());
    }
}

/// What a change leaves out stays as it was; what only the server writes stays in any case.
fn keep_what_the_server_writes(old: &Value, new: &mut Value) {
    let was = old.get("metadata").cloned().unwrap_or_default();
    let metadata = metadata_of(new);
    let always: &[&str] = &["creationTimestamp", "generation", "selfLink", "resourceVersion"];
    for field in always {
        metadata.as_object_mut().map(|fields| fields.remove(*field));
    }
    let if_left_out: &[&str] = &["uid", "name", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"];
    for field in always.iter().chain(if_left_out) {
        let is_left_out = metadata.get(field).is_none_or(Value::is_null);
        if let (Some(value), true) = (was.get(field), is_left_out) {
            put(metadata, field, value.clone());
        }
    }
    // An update can neither take back nor hasten a deletion.
    if let Some(time) = was.get("deletionTimestamp") {
        put(metadata, "deletionTimestamp", time.clone());
    }
    if lookup::text(old, "/kind") == Kind::Namespace.name() {
        // Its finalizers are the controller's.
        put(new, "spec", old.get("spec").cloned().unwrap_or_default());
    }
    // The status is the node's, not the user's; an event has none.
    match old.get("status") {
        Some(status) => put(new, "status", status.clone()),
        None => drop(new.as_object_mut().map(|fields| fields.remove("status"))),
    }
}

/// What a pod says of its priority must be what its class comes to (`plugin/pkg/admission/priority`).
fn check_priority(pod: &Value, computed: &Priority<'_>) -> Result<(), String> {
    let admission = "priority admission controller computed";
    if let Some(given) = pod.pointer("/spec/priority").and_then(Value::as_i64).filter(|given| *given != computed.value) {
        let value = computed.value;
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; {admission} {value} from the given PriorityClass name"
        ));
    }
    let given = lookup::text(pod, "/spec/preemptionPolicy");
    if !given.is_empty() && given != computed.preemption && ["Never", "PreemptLowerPriority"].contains(&given) {
        let value = computed.preemption;
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; {admission} {value} from the given PriorityClass name"
        ));
    }
    Ok(())
}

fn set_priority(pod: &mut Pod, computed: &Priority<'_>) {
    let Some(spec) = &mut pod.spec else { return };
    if !computed.class.is_empty() {
        spec.priority_class_name = Some(computed.class.to_owned());
    }
    // A priority that is given and differs is refused after validation.
    spec.priority.get_or_insert(i32::try_from(computed.value).unwrap_or_default());
    spec.preemption_policy.get_or_insert_with(|| computed.preemption.to_owned());
}

/// The priority that admission gave a pod stays where a change leaves it out.
fn keep_priority(old: &Value, new: &mut Value) {
    let Some(spec) = new.get_mut("spec") else { return };
    for field in ["priority", "preemptionPolicy"] {
        if let (Some(value), None) = (old.pointer(&format!("/spec/{field}")), spec.get(field)) {
            put(spec, field, value.clone());
        }
    }
}

#[cfg(test)]
mod tests;
