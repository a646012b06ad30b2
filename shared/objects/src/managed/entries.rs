//! `metadata.managedFields`: who manages which fields, read and written.

use super::set::FieldSet;
use crate::lookup;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Managers that update. The fields of older ones are put together.
const MAX_UPDATE_MANAGERS: usize = 10;

/// Whose fields those are.
const ANCIENT: &str = "ancient-changes";

/// How a manager writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// It applies: what it does not say any more goes.
    Apply,
    /// It creates, replaces or patches.
    Update,
}

/// Who manages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManagerId {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: String,
}

/// What a manager manages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Managed {
    pub(super) set: FieldSet,
    /// When it last changed something of it.
    pub(super) time: String,
}

/// All managers of an object.
pub(super) type Managers = BTreeMap<ManagerId, Managed>;

/// The managers of an object. What cannot be read is not there, as for the API server.
pub(super) fn read(object: &Value) -> Managers {
    let entries = lookup::list(object, "/metadata/managedFields");
    let read = |entry: &Value| {
        let operation = match lookup::text(entry, "/operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        let set = FieldSet::parse(entry.get("fieldsV1")?).filter(|set| !set.is_empty())?;
        let text = |pointer| lookup::text(entry, pointer).to_owned();
        let id =
            ManagerId { name: text("/manager"), operation, api_version: text("/apiVersion"), subresource: text("/subresource") };
        Some((id, Managed { set, time: text("/time") }))
    };
    entries.iter().filter_map(read).collect()
}

/// As `metadata.managedFields`: those that apply first, then by time.
pub(super) fn write(mut managers: Managers) -> Value {
    cap(&mut managers);
    let mut all: Vec<(ManagerId, Managed)> = managers.into_iter().filter(|(_, managed)| !managed.set.is_empty()).collect();
    all.sort_by(|(one, a), (other, b)| {
        one.operation.cmp(&other.operation).then_with(|| a.time.cmp(&b.time)).then_with(|| one.cmp(other))
    });
    all.into_iter().map(|(id, managed)| entry(&id, &managed)).collect()
}

fn entry(id: &ManagerId, managed: &Managed) -> Value {
    let operation = match id.operation {
        Operation::Apply => "Apply",
        Operation::Update => "Update",
    };
    let mut entry = json!({"operation": operation, "apiVersion": id.api_version, "fieldsType": "FieldsV1", "fieldsV1": managed.set.to_value()});
    for (field, text) in [("manager", &id.name), ("time", &managed.time), ("subresource", &id.subresource)] {
        if !text.is_empty() {
            entry[field] = json!(text);
        }
    }
    entry
}

/// Puts the oldest updates together where there are too many.
fn cap(managers: &mut Managers) {
    let by_age = |(one, a): &(&ManagerId, &Managed), (other, b): &(&ManagerId, &Managed)| -> Ordering {
        a.time.cmp(&b.time).then_with(|| one.cmp(other))
    };
    let mut updates: Vec<(&ManagerId, &Managed)> =
        managers.iter().filter(|(id, _)| id.operation == Operation::Update && id.subresource.is_empty()).collect();
    if updates.len() <= MAX_UPDATE_MANAGERS {
        return;
    }
    updates.sort_by(by_age);
    let old: Vec<ManagerId> = updates[..=updates.len() - MAX_UPDATE_MANAGERS].iter().map(|(id, _)| (*id).clone()).collect();
    for id in old {
        let Some(managed) = managers.remove(&id) else { continue };
        let bucket = managers.entry(ManagerId { name: ANCIENT.to_owned(), ..id }).or_default();
        *bucket = Managed { set: bucket.set.union(&managed.set), time: bucket.time.clone().max(managed.time) };
    }
}
