//! PriorityClasses: names for how important pods are.

use super::{Definition, Names};
use crate::admission::faults::{AsJson, Faults, Path};
use crate::describe::Page;
use crate::lookup::{self, flag, number, text};
use crate::names::dns1123_subdomain;
use crate::schema::Shape::{Bool, Int32, Struct, Text};
use crate::schema::meta::OBJECT_META;
use crate::schema::{TEXT, Type, field, tagged};
use serde_json::Value;

/// What users may give at most.
const HIGHEST_USER_PRIORITY: i64 = 1_000_000_000;

/// The classes that are always there: name, value, description.
pub const SYSTEM_CLASSES: [(&str, i64, &str); 2] = [
    ("system-node-critical", 2_000_001_000, "Used for system critical pods that must not be moved from their current node."),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
];

static FIELDS: Type = tagged(
    "PriorityClass",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Value", "value", Int32).always(),
        field("GlobalDefault", "globalDefault", Bool),
        field("Description", "description", TEXT),
        field("PreemptionPolicy", "preemptionPolicy", Text("v1.PreemptionPolicy")).pointer(),
    ],
);

pub(super) static PRIORITY_CLASS: Definition = Definition {
    names: Names {
        name: "PriorityClass",
        api_version: "scheduling.k8s.io/v1",
        plural: "priorityclasses",
        singular: "priorityclass",
        short: &["pc"],
        is_namespaced: false,
    },
    documented_as: "io.k8s.api.scheduling.v1.PriorityClass",
    selectable: &["metadata.name"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Value", 0), ("Global-Default", 0), ("Age", 0), ("PreemptionPolicy", 0)],
    cells: |class, now| {
        vec![
            lookup::name(class).to_owned(),
            number(class, "/value").to_string(),
            flag(class, "/globalDefault").to_string(),
            crate::duration::since(lookup::time(class, "/metadata/creationTimestamp"), now),
            text(class, "/preemptionPolicy").to_owned(),
        ]
    },
    check_name: dns1123_subdomain,
    complete: |class| {
        if let Some(fields) = class.as_object_mut() {
            fields.entry("preemptionPolicy").or_insert_with(|| "PreemptLowerPriority".into());
        }
    },
    validate,
    validate_update,
    describe,
};

fn validate(class: &Value, faults: &mut Faults) {
    let (name, value) = (lookup::name(class), number(class, "/value"));
    if name.starts_with("system-") {
        if let Some(why) = not_the_systems(name, value, flag(class, "/globalDefault")) {
            let path = Path::root("metadata");
            let detail = format!("priority class names with 'system-' prefix are reserved for system use only. error: {why}");
            faults.forbidden(&path.child("name"), &detail);
        }
    } else if value > HIGHEST_USER_PRIORITY {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}");
        faults.forbidden(&Path::root("value"), &detail);
    }
    faults.one_of(&Path::root("preemptionPolicy"), text(class, "/preemptionPolicy"), &["Never", "PreemptLowerPriority"]);
}

fn not_the_systems(name: &str, value: i64, is_default: bool) -> Option<String> {
    match SYSTEM_CLASSES.iter().find(|(known, ..)| *known == name) {
        None => Some(format!("{name} is not a known system priority class")),
        Some((_, known, _)) if *known != value => Some(format!("value of {name} PriorityClass must be {known}")),
        Some(_) if is_default => Some(format!("globalDefault of {name} PriorityClass must be false")),
        Some(_) => None,
    }
}

fn validate_update(old: &Value, new: &Value, faults: &mut Faults) {
    if old.get("value") != new.get("value") {
        faults.forbidden(&Path::root("value"), "may not be changed in an update.");
    }
    if old.get("preemptionPolicy") != new.get("preemptionPolicy") {
        let shown = AsJson(new.get("preemptionPolicy").unwrap_or(&Value::Null).to_string());
        faults.invalid(&Path::root("preemptionPolicy"), &shown, "field is immutable");
    }
}

fn describe(class: &Value, page: &mut Page<'_>) {
    page.field(0, "Value", number(class, "/value").to_string());
    page.field(0, "GlobalDefault", flag(class, "/globalDefault").to_string());
    page.field(0, "PreemptionPolicy", text(class, "/preemptionPolicy"));
    page.field(0, "Description", text(class, "/description"));
}
