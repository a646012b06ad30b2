//! Fields of every object: metadata, owners, label selectors.
//!
//! A table: facts of the API, in the order of the API server's own types; `schema.rs` says what each column means.

use super::Shape::{Any, Bool, Int64, List, Map, Struct, Text, Time};
use super::{Field, TEXT, Type, field, tagged};
pub(crate) static OWNER_REFERENCE: Type = tagged(
    "OwnerReference",
    &[
        field("APIVersion", "apiVersion", TEXT).always(),
        field("Kind", "kind", TEXT).always(),
        field("Name", "name", TEXT).always(),
        field("UID", "uid", Text("types.UID")).always(),
        field("Controller", "controller", Bool).pointer(),
        field("BlockOwnerDeletion", "blockOwnerDeletion", Bool).pointer(),
    ],
)
.atomic();

pub(crate) static MANAGED_FIELDS_ENTRY: Type = tagged(
    "ManagedFieldsEntry",
    &[
        field("Manager", "manager", TEXT),
        field("Operation", "operation", Text("v1.ManagedFieldsOperationType")),
        field("APIVersion", "apiVersion", TEXT),
        field("Time", "time", Time).pointer(),
        field("FieldsType", "fieldsType", TEXT),
        field("FieldsV1", "fieldsV1", Any).pointer(),
        field("Subresource", "subresource", TEXT),
    ],
);

pub(crate) static OBJECT_META: Type = tagged(
    "ObjectMeta",
    &[
        field("Name", "name", TEXT),
        field("GenerateName", "generateName", TEXT),
        field("Namespace", "namespace", TEXT),
        field("SelfLink", "selfLink", TEXT),
        field("UID", "uid", Text("types.UID")),
        field("ResourceVersion", "resourceVersion", TEXT),
        field("Generation", "generation", Int64),
        field("CreationTimestamp", "creationTimestamp", Time),
        field("DeletionTimestamp", "deletionTimestamp", Time).pointer(),
        field("DeletionGracePeriodSeconds", "deletionGracePeriodSeconds", Int64).pointer(),
        field("Labels", "labels", Map(&TEXT)),
        field("Annotations", "annotations", Map(&TEXT)),
        field("OwnerReferences", "ownerReferences", List(&Struct(&OWNER_REFERENCE))).merge_by("uid"),
        field("Finalizers", "finalizers", List(&TEXT)).merge_set(),
        field("ManagedFields", "managedFields", List(&Struct(&MANAGED_FIELDS_ENTRY))),
    ],
);

/// What conditions of all kinds have.
pub(crate) static CONDITION_FIELDS: &[Field] = &[
    field("Type", "type", TEXT).always(),
    field("Status", "status", TEXT).always(),
    field("ObservedGeneration", "observedGeneration", Int64),
    field("LastTransitionTime", "lastTransitionTime", Time),
    field("Reason", "reason", TEXT),
    field("Message", "message", TEXT),
];

pub(crate) static LABEL_SELECTOR_REQUIREMENT: Type = tagged(
    "LabelSelectorRequirement",
    &[
        field("Key", "key", TEXT).always(),
        field("Operator", "operator", Text("v1.LabelSelectorOperator")).always(),
        field("Values", "values", List(&TEXT)),
    ],
);

pub(crate) static LABEL_SELECTOR: Type = tagged(
    "LabelSelector",
    &[
        field("MatchLabels", "matchLabels", Map(&TEXT)),
        field("MatchExpressions", "matchExpressions", List(&Struct(&LABEL_SELECTOR_REQUIREMENT))),
    ],
)
.atomic();
