//! Namespaces: the rooms that most objects are in. One that is deleted goes when nothing is in it any more.

use super::{Definition, Names, anything_may_change, nothing_to_check};
use crate::describe::Page;
use crate::lookup;
use crate::names::dns1123_label;
use crate::schema::Shape::{List, Struct, Text, Time};
use crate::schema::meta::OBJECT_META;
use crate::schema::{TEXT, Type, field, internal, tagged};
use serde_json::{Value, json};

/// What keeps a namespace until its content is gone; it is of the specification, not of the metadata.
pub const FINALIZER: &str = "kubernetes";

/// The label that every namespace has of its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Whether it is one of those that are always there.
#[must_use]
pub fn is_immortal(name: &str) -> bool {
    ["default", "kube-system", "kube-node-lease", "kube-public"].contains(&name)
}

static NAMESPACE_SPEC: Type = internal("NamespaceSpec", &[field("Finalizers", "finalizers", List(&Text("v1.FinalizerName")))]);

static NAMESPACE_CONDITION: Type = internal(
    "NamespaceCondition",
    &[
        field("Type", "type", Text("v1.NamespaceConditionType")).always(),
        field("Status", "status", Text("v1.ConditionStatus")).always(),
        field("LastTransitionTime", "lastTransitionTime", Time),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
    ],
);

static NAMESPACE_STATUS: Type = internal(
    "NamespaceStatus",
    &[
        field("Phase", "phase", Text("v1.NamespacePhase")),
        field("Conditions", "conditions", List(&Struct(&NAMESPACE_CONDITION))).merge_by("type"),
    ],
);

static FIELDS: Type = tagged(
    "Namespace",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&NAMESPACE_SPEC)),
        field("Status", "status", Struct(&NAMESPACE_STATUS)),
    ],
);

pub(super) static NAMESPACE: Definition = Definition {
    names: Names {
        name: "Namespace",
        api_version: "v1",
        plural: "namespaces",
        singular: "namespace",
        short: &["ns"],
        is_namespaced: false,
    },
    documented_as: "io.k8s.api.core.v1.Namespace",
    selectable: &["metadata.name", "status.phase"],
    fields: &FIELDS,
    columns: &[("Name", 0), ("Status", 0), ("Age", 0)],
    cells: |namespace, now| {
        let age = crate::duration::since(lookup::time(namespace, "/metadata/creationTimestamp"), now);
        vec![lookup::name(namespace).to_owned(), lookup::text(namespace, "/status/phase").to_owned(), age]
    },
    check_name: dns1123_label,
    complete,
    validate: nothing_to_check,
    validate_update: anything_may_change,
    describe,
};

/// Every namespace has the label of its name; a new one has its finalizer and is active.
fn complete(namespace: &mut Value) {
    let name = lookup::name(namespace).to_owned();
    if !name.is_empty() {
        namespace["metadata"]["labels"][NAME_LABEL] = name.into();
    }
    if namespace.get("status").is_none() {
        namespace["status"] = json!({"phase": "Active"});
        namespace["spec"] = json!({"finalizers": [FINALIZER]});
    }
}

fn describe(namespace: &Value, page: &mut Page<'_>) {
    page.field(0, "Status", lookup::text(namespace, "/status/phase"));
    page.line(0, "");
    page.line(0, "No resource quota.");
    page.line(0, "");
    page.line(0, "No LimitRange resource.");
}
