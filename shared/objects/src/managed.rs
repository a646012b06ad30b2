//! Server-side apply, and who manages which fields of an object: `metadata.managedFields`.
//!
//! Every write is by a *manager*. One that creates, replaces or patches owns what it changed ([`track`]); one that applies
//! ([`apply`]) owns what it says, and takes back what it said before and says no more. Two that apply the same field
//! differently conflict, unless one of them forces it. The rules are those of `apimachinery/pkg/util/managedfields` and
//! `structured-merge-diff/merge`; list keys and what is one piece come from the tables of `schema`.
//!
//! The status that a node reports is a record of its own with one writer, and is not tracked.

mod compare;
mod entries;
mod merge;
mod set;

use crate::apply::{LAST_APPLIED, last_applied, last_applied_text};
use crate::schema::{self, Shape, Topology, Type};
use crate::{Cause, Kind, Status, StatusDetails, lookup};
use compare::{Comparison, fields_of, step_of};
use entries::{Managed, ManagerId, Managers, Operation};
use jiff::Timestamp;
use serde_json::{Map, Value};
use set::FieldSet;

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub struct Manager<'a> {
    /// Its name: `kubectl-edit`.
    pub name: &'a str,
    /// What of the object it writes: empty, or `status`.
    pub subresource: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What becomes of fields that another manager has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// They refuse the whole.
    #[default]
    Refuse,
    /// They are taken over.
    Force,
}

/// The result of [`apply`].
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The object as it is to be admitted.
    pub object: Value,
    /// Its `metadata.managedFields`, which admission does not look at.
    pub managed_fields: Value,
}

/// What nobody manages: it says which object it is, or is the server's.
const UNMANAGED: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// The manager of `kubectl apply --server-side`, which takes over from the client-side one.
const KUBECTL: &str = "kubectl";

impl Manager<'_> {
    fn id(&self, operation: Operation, kind: Kind) -> ManagerId {
        ManagerId {
            name: self.name.to_owned(),
            operation,
            api_version: kind.api_version().to_owned(),
            subresource: self.subresource.to_owned(),
        }
    }

    fn time(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// `metadata.managedFields` of an object that `manager` created (`live` is `None`) or changed.
///
/// What `new` says of itself counts, as Kubernetes has it: so the managers of an object can be changed, and `[{}]` forgets all.
#[must_use]
pub fn track(live: Option<&Value>, new: &Value, kind: Kind, manager: &Manager<'_>) -> Value {
    let empty = empty_object(kind);
    let was = live.unwrap_or(&empty);
    let before = managers_of(live, new);
    let mut managers = before.clone();
    let comparison = Comparison::of(&unmarked(was), &unmarked(new), schema::of(kind));
    let gone = comparison.removed.union(&comparison.modified).union(&comparison.added);
    managers.values_mut().for_each(|managed| managed.set = managed.set.difference(&gone));
    let set = managed_part(comparison.set(), manager.subresource);
    if !set.is_empty() {
        let own = managers.entry(manager.id(Operation::Update, kind)).or_default();
        *own = Managed { set: own.set.union(&set), time: manager.time() };
    }
    entries::write(managers)
}

/// Applies a configuration to the object that is there, or makes it.
///
/// # Errors
/// 400 for a configuration that names managers, 409 with a cause a field for conflicts, 422 for lists without their keys.
pub fn apply(
    live: Option<&Value>,
    config: &Value,
    kind: Kind,
    manager: &Manager<'_>,
    conflicts: Conflicts,
) -> Result<Applied, Status> {
    let config = &without_nulls(config);
    if config.pointer("/metadata/managedFields").is_some() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    check_lists(config, kind)?;
    let applied = merge_config(live, config, kind, manager, conflicts);
    let applied = match (applied, live) {
        (Err(found), Some(live)) if manager.name == KUBECTL && found.are_all_in(live, kind) => {
            merge_config(Some(live), config, kind, manager, Conflicts::Force)
        }
        (applied, _) => applied,
    };
    let mut applied = applied.map_err(|found| found.to_status())?;
    refresh_last_applied(&mut applied.object, config, manager);
    Ok(applied)
}

/// The object as people want to see it: without who manages which fields, as kubectl shows it. Of a list, each item.
#[must_use]
pub fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    let hide = |object: &mut Value| {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    };
    hide(&mut object);
    object.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten().for_each(hide);
    object
}

/// Whether two objects differ in more than the times at which managers wrote: a write that changes nothing is none.
#[must_use]
pub fn is_same(one: &Value, other: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        for entry in object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            entry.as_object_mut().map(|entry| entry.remove("time"));
        }
        object.get_mut("metadata").and_then(Value::as_object_mut).map(|metadata| metadata.remove("resourceVersion"));
        object
    };
    timeless(one) == timeless(other)
}

fn merge_config(
    live: Option<&Value>,
    config: &Value,
    kind: Kind,
    manager: &Manager<'_>,
    conflicts: Conflicts,
) -> Result<Applied, Found> {
    let of = schema::of(kind);
    let empty = empty_object(kind);
    let was = live.map_or_else(|| empty.clone(), unmarked);
    let mut managers = live.map(entries::read).unwrap_or_default();
    if let (Some(live), true) = (live, managers.is_empty()) {
        let set = managed_part(Comparison::of(&empty, &unmarked(live), of).set(), "");
        let first = Manager { name: "before-first-apply", subresource: "", now: manager.now };
        managers.insert(first.id(Operation::Update, kind), Managed { set, time: manager.time() });
    }
    let id = manager.id(Operation::Apply, kind);
    let set = managed_part(fields_of(config, of), manager.subresource);
    let last = managers.insert(id.clone(), Managed { set, time: manager.time() }).unwrap_or_default();
    let mut object = merge::merged(&was, config, Topology::Struct(of));
    // What was said before and is said by nobody any more.
    let said = managers.values().fold(FieldSet::default(), |said, managed| said.union(&managed.set)).with_fields_above();
    object = merge::without(object, &last.set.with_fields_above().difference(&said), Topology::Struct(of));

    let comparison = Comparison::of(&was, &object, of);
    let changed = comparison.set();
    let mut found = Found::default();
    for (other, managed) in managers.iter_mut().filter(|(other, _)| **other != id) {
        let lost = managed.set.intersection(&changed);
        found.0.extend(lost.paths().into_iter().map(|path| (shown(other, managed), path)));
        managed.set = managed.set.difference(&changed).difference(&comparison.removed);
    }
    if !found.0.is_empty() && conflicts == Conflicts::Refuse {
        return Err(found);
    }
    Ok(Applied { object, managed_fields: entries::write(managers) })
}

/// Conflicts: the other manager as it is shown, and the field.
#[derive(Debug, Default)]
struct Found(Vec<(String, String)>);

impl Found {
    /// `managedfields.NewConflictError`
    fn to_status(&self) -> Status {
        let message = match self.0.as_slice() {
            [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
            many => {
                let mut lines: Vec<String> = Vec::new();
                let mut managers: Vec<&String> = many.iter().map(|(manager, _)| manager).collect();
                managers.sort();
                managers.dedup();
                for manager in managers {
                    lines.push(format!("conflicts with {manager}:"));
                    let of_it = many.iter().filter(|(other, _)| other == manager);
                    lines.extend(of_it.map(|(_, path)| format!("- {path}")));
                }
                format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
            }
        };
        let causes = self.0.iter().map(|(manager, path)| Cause {
            reason: "FieldManagerConflict".to_owned(),
            message: format!("conflict with {manager}"),
            field: path.clone(),
        });
        let details = StatusDetails { causes: causes.collect(), ..StatusDetails::default() };
        Status { code: 409, reason: "Conflict".to_owned(), message, details: Some(Box::new(details)) }
    }

    /// Whether client-side apply wrote all of them: who goes over from it to the server's has no conflict with himself.
    fn are_all_in(&self, live: &Value, kind: Kind) -> bool {
        let Some(last) = last_applied(live) else { return false };
        let allowed = fields_of(&without_nulls(&last), schema::of(kind)).paths();
        let annotation = format!(".metadata.annotations.{LAST_APPLIED}");
        self.0.iter().all(|(_, path)| *path == annotation || allowed.contains(path))
    }
}

fn shown(id: &ManagerId, managed: &Managed) -> String {
    let mut text = format!("{:?}", id.name);
    if !id.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", id.subresource));
    }
    if id.operation == Operation::Update {
        text.push_str(&format!(" using {}", id.api_version));
        if !managed.time.is_empty() {
            text.push_str(&format!(" at {}", managed.time));
        }
    }
    text
}

/// The annotation of client-side apply, where there is one, says what was applied last.
fn refresh_last_applied(object: &mut Value, config: &Value, manager: &Manager<'_>) {
    if manager.name != KUBECTL {
        return;
    }
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotation) = annotations.and_then(|annotations| annotations.get_mut(LAST_APPLIED)) {
        *annotation = Value::String(last_applied_text(config));
    }
}

fn managers_of(live: Option<&Value>, new: &Value) -> Managers {
    let own = lookup::list(new, "/metadata/managedFields");
    if let [only] = own
        && only.as_object().is_some_and(Map::is_empty)
    {
        return Managers::new();
    }
    let managers = entries::read(new);
    match live {
        Some(live) if managers.is_empty() => entries::read(live),
        _ => managers,
    }
}

/// Without what nobody manages, and without what this way of writing does not change.
fn managed_part(mut set: FieldSet, subresource: &str) -> FieldSet {
    for path in [&["apiVersion"][..], &["kind"]] {
        set.remove(path);
    }
    for field in UNMANAGED {
        set.remove(&["metadata", field]);
    }
    set.remove_node(&["metadata"]);
    if subresource == "status" {
        for path in [&["spec"][..], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]] {
            set.remove(path);
        }
    } else {
        set.remove(&["status"]);
    }
    set
}

fn unmarked(object: &Value) -> Value {
    let mut object = object.clone();
    object.get_mut("metadata").and_then(Value::as_object_mut).map(|metadata| metadata.remove("managedFields"));
    object
}

/// What a new object is compared with: the structs that are always there, with nothing in them.
fn empty_object(kind: Kind) -> Value {
    fn empty(of: &'static Type) -> Value {
        let is_there = |field: &&'static schema::Field| !field.is_pointer && matches!(field.shape, Shape::Struct(_));
        let structs = of.fields.iter().filter(is_there).filter_map(|field| match field.shape {
            Shape::Struct(of) => Some((field.name.to_owned(), empty(of))),
            _ => None,
        });
        let lists = of.fields.iter().filter(|field| field.is_always && matches!(field.shape, Shape::List(_)));
        structs.chain(lists.map(|field| (field.name.to_owned(), Value::Null))).collect()
    }
    empty(schema::of(kind))
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// Lists of a configuration have the keys that tell their items apart, each once.
fn check_lists(config: &Value, kind: Kind) -> Result<(), Status> {
    check_value(config, Topology::Struct(schema::of(kind)), "").map_err(|why| {
        let (namespace, name) = (lookup::namespace(config), lookup::name(config));
        let (group, version) = kind.api_version().rsplit_once('/').unwrap_or(("", kind.api_version()));
        let what = format!("{namespace}/{name}; {group}/{version}, Kind={}", kind.name());
        Status::bad_request(format!("failed to create typed patch object ({what}): {why}"))
    })
}

fn check_value(value: &Value, topology: Topology, path: &str) -> Result<(), String> {
    match (topology, value) {
        (Topology::Struct(_) | Topology::Map(_), Value::Object(fields)) => {
            fields.iter().try_for_each(|(name, value)| check_value(value, topology.field(name), &format!("{path}.{name}")))
        }
        (Topology::Things(..) | Topology::Set, Value::Array(items)) => {
            let mut seen = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let step = step_of(item, topology).map_err(|field| match field {
                    "" => format!("{path}: element {index}: a list that is a set holds plain values"),
                    field => format!(
                        "{path}: element {index}: associative list with keys has an element that omits key field {field:?} (and doesn't have default value)"
                    ),
                })?;
                if seen.contains(&step) {
                    return Err(format!("{path}: duplicate entries for key {step}"));
                }
                check_value(item, topology.item(), &format!("{path}{step}"))?;
                seen.push(step);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
