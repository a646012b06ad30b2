//! ReplicaSets: as many pods of one template as are wanted.

use super::{Definition, Names};
use crate::admission::faults::{Faults, Path};
use crate::admission::template;
use crate::describe::{Page, pairs};
use crate::lookup::{self, list, number, text};
use crate::names::dns1123_subdomain;
use crate::schema::Shape::{Int32, Int64, List, Struct, Text, Time};
use crate::schema::meta::{LABEL_SELECTOR, OBJECT_META};
use crate::schema::pod::POD_SPEC;
use crate::schema::{TEXT, Type, field, internal, tagged};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) static POD_TEMPLATE_SPEC: Type = internal(
    "PodTemplateSpec",
    &[field("ObjectMeta", "metadata", Struct(&OBJECT_META)), field("Spec", "spec", Struct(&POD_SPEC))],
);

static SPEC: Type = internal(
    "ReplicaSetSpec",
    &[
        field("Replicas", "replicas", Int32).pointer(),
        field("MinReadySeconds", "minReadySeconds", Int32),
        field("Selector", "selector", Struct(&LABEL_SELECTOR)).pointer(),
        field("Template", "template", Struct(&POD_TEMPLATE_SPEC)),
    ],
);

static CONDITION: Type = internal(
    "ReplicaSetCondition",
    &[
        field("Type", "type", Text("v1.ReplicaSetConditionType")).always(),
        field("Status", "status", Text("v1.ConditionStatus")).always(),
        field("LastTransitionTime", "lastTransitionTime", Time),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
    ],
);

static STATUS: Type = internal(
    "ReplicaSetStatus",
    &[
        field("Replicas", "replicas", Int32).always(),
        field("FullyLabeledReplicas", "fullyLabeledReplicas", Int32),
        field("ReadyReplicas", "readyReplicas", Int32),
        field("AvailableReplicas", "availableReplicas", Int32),
        field("TerminatingReplicas", "terminatingReplicas", Int32).pointer(),
        field("ObservedGeneration", "observedGeneration", Int64),
        field("Conditions", "conditions", List(&Struct(&CONDITION))).merge_by("type"),
    ],
);

static FIELDS: Type = tagged(
    "ReplicaSet",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&SPEC)),
        field("Status", "status", Struct(&STATUS)),
    ],
);

pub(super) static REPLICA_SET: Definition = Definition {
    names: Names {
        name: "ReplicaSet",
        api_version: "apps/v1",
        plural: "replicasets",
        singular: "replicaset",
        short: &["rs"],
        is_namespaced: true,
    },
    documented_as: "io.k8s.api.apps.v1.ReplicaSet",
    selectable: &["metadata.name", "metadata.namespace", "status.replicas"],
    fields: &FIELDS,
    columns: &[
        ("Name", 0),
        ("Desired", 0),
        ("Current", 0),
        ("Ready", 0),
        ("Age", 0),
        ("Containers", 1),
        ("Images", 1),
        ("Selector", 1),
    ],
    cells: |set, now| {
        let mut cells = vec![lookup::name(set).to_owned()];
        for pointer in ["/spec/replicas", "/status/replicas", "/status/readyReplicas"] {
            cells.push(number(set, pointer).to_string());
        }
        cells.push(crate::duration::since(lookup::time(set, "/metadata/creationTimestamp"), now));
        cells.extend(wide_cells(set));
        cells
    },
    check_name: dns1123_subdomain,
    complete,
    validate: |set, faults| {
        let spec = Path::root("spec");
        not_negative(set, &["replicas", "minReadySeconds"], &spec, faults);
        template::validate(set, faults);
    },
    validate_update: template::validate_update,
    describe,
};

/// Containers, images and the selector.
pub(super) fn wide_cells(object: &Value) -> [String; 3] {
    let of = |field: &str| {
        let containers = list(object, "/spec/template/spec/containers").iter();
        containers.map(|container| text(container, field)).collect::<Vec<_>>().join(",")
    };
    [of("/name"), of("/image"), selector(object)]
}

/// The selector, as people read it.
pub(super) fn selector(object: &Value) -> String {
    let selector = object.pointer("/spec/selector").and_then(|selector| LabelSelector::deserialize(selector).ok());
    crate::selector::shown(&selector.unwrap_or_default())
}

/// Fields of a specification that count something.
pub(super) fn not_negative(object: &Value, fields: &[&str], spec: &Path<'_>, faults: &mut Faults) {
    for field in fields {
        faults.not_negative(&spec.child(field), number(object, &format!("/spec/{field}")));
    }
}

/// What ReplicaSets and Deployments both begin with: a number of pods and a template, whose labels are the object's where it has none.
pub(super) fn complete(object: &mut Value) {
    template::complete(object);
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.entry("replicas").or_insert_with(|| 1.into());
    }
    if let Some(fields) = object.as_object_mut() {
        fields.entry("status").or_insert_with(|| json!({}));
    }
}

fn describe(set: &Value, page: &mut Page<'_>) {
    page.field(0, "Selector", selector(set));
    if let Some(owner) = list(set, "/metadata/ownerReferences").iter().find(|owner| lookup::flag(owner, "/controller")) {
        page.field(0, "Controlled By", format!("{}/{}", text(owner, "/kind"), text(owner, "/name")));
    }
    let (current, desired) = (number(set, "/status/replicas"), number(set, "/spec/replicas"));
    page.field(0, "Replicas", format!("{current} current / {desired} desired"));
    describe_template(set, page);
    describe_conditions(set, page);
}

/// The pods that are made.
pub(crate) fn describe_template(object: &Value, page: &mut Page<'_>) {
    let Some(template) = object.pointer("/spec/template") else { return };
    page.line(0, "Pod Template:");
    let labels = pairs(template, "/metadata/labels");
    let mut labels = labels.iter();
    page.field(1, "Labels", labels.next().map_or("<none>", String::as_str));
    labels.for_each(|label| page.line(1, format!("\t{label}")));
    for (title, pointer) in [("Init Containers", "/spec/initContainers"), ("Containers", "/spec/containers")] {
        let containers = list(template, pointer);
        if containers.is_empty() {
            continue;
        }
        page.line(1, format!("{title}:"));
        for container in containers {
            page.line(2, format!("{}:", text(container, "/name")));
            page.field(3, "Image", text(container, "/image"));
            let ports: Vec<String> = list(container, "/ports")
                .iter()
                .map(|port| format!("{}/{}", number(port, "/containerPort"), text(port, "/protocol")))
                .collect();
            page.optional(3, "Ports", &ports.join(", "));
        }
    }
}

/// The conditions, where there are any.
pub(super) fn describe_conditions(object: &Value, page: &mut Page<'_>) {
    let conditions = list(object, "/status/conditions");
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(1, "Type\tStatus\tReason");
    page.line(1, "----\t------\t------");
    for condition in conditions {
        page.line(1, format!("{}\t{}\t{}", text(condition, "/type"), text(condition, "/status"), text(condition, "/reason")));
    }
}
