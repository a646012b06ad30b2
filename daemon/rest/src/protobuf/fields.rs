//! The numbers of messages' fields, by kind: a table, of each package's `generated.proto`.

use Shape::{Base64, Flag, Json, List, Map, Message, Number, Text, Time};

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

/// What a field's bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// Bytes, which JSON has as base64.
    Base64,
    Number,
    Flag,
    /// A message of one field, which is JSON.
    Json,
    /// A moment, with so many digits of a second in JSON.
    Time(u8),
    Message(&'static [Field]),
    List(&'static Shape),
    Map(&'static Shape),
}

const fn field(number: u32, name: &'static str, shape: Shape) -> Field {
    Field { number, name, shape }
}

/// The fields of a kind; none where it is taken as JSON only.
pub(super) fn of(api_version: &str, kind: &str) -> Option<&'static [Field]> {
    Some(match (api_version, kind) {
        // Each group has its own name for the same options.
        (_, "DeleteOptions") => DELETE_OPTIONS,
        ("v1", "Namespace") => NAMESPACE,
        ("v1", "ConfigMap") => CONFIG_MAP,
        ("v1", "Secret") => SECRET,
        ("v1", "ServiceAccount") => SERVICE_ACCOUNT,
        ("v1", "Event") => EVENT,
        ("v1", "Binding") => BINDING,
        ("events.k8s.io/v1", "Event") => EVENTS_EVENT,
        ("scheduling.k8s.io/v1", "PriorityClass") => PRIORITY_CLASS,
        ("coordination.k8s.io/v1", "Lease") => LEASE,
        ("policy/v1", "Eviction") => EVICTION,
        ("authentication.k8s.io/v1", "SelfSubjectReview") => SELF_SUBJECT_REVIEW,
        ("authentication.k8s.io/v1", "TokenReview") => TOKEN_REVIEW,
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => SELF_SUBJECT_ACCESS_REVIEW,
        ("authorization.k8s.io/v1", "SubjectAccessReview") => SUBJECT_ACCESS_REVIEW,
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => SELF_SUBJECT_RULES_REVIEW,
        _ => return None,
    })
}

const METADATA: Shape = Message(OBJECT_META);

const OBJECT_META: &[Field] = &[
    field(1, "name", Text),
    field(2, "generateName", Text),
    field(3, "namespace", Text),
    field(4, "selfLink", Text),
    field(5, "uid", Text),
    field(6, "resourceVersion", Text),
    field(7, "generation", Number),
    field(8, "creationTimestamp", Time(0)),
    field(9, "deletionTimestamp", Time(0)),
    field(10, "deletionGracePeriodSeconds", Number),
    field(11, "labels", Map(&Text)),
    field(12, "annotations", Map(&Text)),
    field(13, "ownerReferences", List(&Message(OWNER_REFERENCE))),
    field(14, "finalizers", List(&Text)),
    field(17, "managedFields", List(&Message(MANAGED_FIELDS_ENTRY))),
];

const MANAGED_FIELDS_ENTRY: &[Field] = &[
    field(1, "manager", Text),
    field(2, "operation", Text),
    field(3, "apiVersion", Text),
    field(4, "time", Time(0)),
    field(6, "fieldsType", Text),
    field(7, "fieldsV1", Json),
    field(8, "subresource", Text),
];

const OWNER_REFERENCE: &[Field] = &[
    field(1, "kind", Text),
    field(3, "name", Text),
    field(4, "uid", Text),
    field(5, "apiVersion", Text),
    field(6, "controller", Flag),
    field(7, "blockOwnerDeletion", Flag),
];

const OBJECT_REFERENCE: &[Field] = &[
    field(1, "kind", Text),
    field(2, "namespace", Text),
    field(3, "name", Text),
    field(4, "uid", Text),
    field(5, "apiVersion", Text),
    field(6, "resourceVersion", Text),
    field(7, "fieldPath", Text),
];

const DELETE_OPTIONS: &[Field] = &[
    field(1, "gracePeriodSeconds", Number),
    field(2, "preconditions", Message(PRECONDITIONS)),
    field(3, "orphanDependents", Flag),
    field(4, "propagationPolicy", Text),
    field(5, "dryRun", List(&Text)),
    field(6, "ignoreStoreReadErrorWithClusterBreakingPotential", Flag),
];

const PRECONDITIONS: &[Field] = &[field(1, "uid", Text), field(2, "resourceVersion", Text)];

const NAMESPACE: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "spec", Message(&[field(1, "finalizers", List(&Text))])),
    field(3, "status", Message(&[field(1, "phase", Text)])),
];

const CONFIG_MAP: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "data", Map(&Text)),
    field(3, "binaryData", Map(&Base64)),
    field(4, "immutable", Flag),
];

const SECRET: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "data", Map(&Base64)),
    field(3, "type", Text),
    field(4, "stringData", Map(&Text)),
    field(5, "immutable", Flag),
];

const SERVICE_ACCOUNT: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "secrets", List(&Message(OBJECT_REFERENCE))),
    field(3, "imagePullSecrets", List(&Message(&[field(1, "name", Text)]))),
    field(4, "automountServiceAccountToken", Flag),
];

const SOURCE: &[Field] = &[field(1, "component", Text), field(2, "host", Text)];
const SERIES: &[Field] = &[field(1, "count", Number), field(2, "lastObservedTime", Time(6))];

const EVENT: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "involvedObject", Message(OBJECT_REFERENCE)),
    field(3, "reason", Text),
    field(4, "message", Text),
    field(5, "source", Message(SOURCE)),
    field(6, "firstTimestamp", Time(0)),
    field(7, "lastTimestamp", Time(0)),
    field(8, "count", Number),
    field(9, "type", Text),
    field(10, "eventTime", Time(6)),
    field(11, "series", Message(SERIES)),
    field(12, "action", Text),
    field(13, "related", Message(OBJECT_REFERENCE)),
    field(14, "reportingComponent", Text),
    field(15, "reportingInstance", Text),
];

const EVENTS_EVENT: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "eventTime", Time(6)),
    field(3, "series", Message(SERIES)),
    field(4, "reportingController", Text),
    field(5, "reportingInstance", Text),
    field(6, "action", Text),
    field(7, "reason", Text),
    field(8, "regarding", Message(OBJECT_REFERENCE)),
    field(9, "related", Message(OBJECT_REFERENCE)),
    field(10, "note", Text),
    field(11, "type", Text),
    field(12, "deprecatedSource", Message(SOURCE)),
    field(13, "deprecatedFirstTimestamp", Time(0)),
    field(14, "deprecatedLastTimestamp", Time(0)),
    field(15, "deprecatedCount", Number),
];

const BINDING: &[Field] = &[field(1, "metadata", METADATA), field(2, "target", Message(OBJECT_REFERENCE))];

const PRIORITY_CLASS: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "value", Number),
    field(3, "globalDefault", Flag),
    field(4, "description", Text),
    field(5, "preemptionPolicy", Text),
];

const LEASE: &[Field] = &[
    field(1, "metadata", METADATA),
    field(
        2,
        "spec",
        Message(&[
            field(1, "holderIdentity", Text),
            field(2, "leaseDurationSeconds", Number),
            field(3, "acquireTime", Time(6)),
            field(4, "renewTime", Time(6)),
            field(5, "leaseTransitions", Number),
            field(6, "strategy", Text),
            field(7, "preferredHolder", Text),
        ]),
    ),
];

const EVICTION: &[Field] = &[field(1, "metadata", METADATA), field(2, "deleteOptions", Message(DELETE_OPTIONS))];

const USER_INFO: &[Field] = &[field(1, "username", Text), field(2, "uid", Text), field(3, "groups", List(&Text))];

const SELF_SUBJECT_REVIEW: &[Field] =
    &[field(1, "metadata", METADATA), field(2, "status", Message(&[field(1, "userInfo", Message(USER_INFO))]))];

const TOKEN_REVIEW: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "spec", Message(&[field(1, "token", Text), field(2, "audiences", List(&Text))])),
    field(
        3,
        "status",
        Message(&[field(1, "authenticated", Flag), field(2, "user", Message(USER_INFO)), field(3, "error", Text)]),
    ),
];

const RESOURCE_ATTRIBUTES: &[Field] = &[
    field(1, "namespace", Text),
    field(2, "verb", Text),
    field(3, "group", Text),
    field(4, "version", Text),
    field(5, "resource", Text),
    field(6, "subresource", Text),
    field(7, "name", Text),
];

const NON_RESOURCE_ATTRIBUTES: &[Field] = &[field(1, "path", Text), field(2, "verb", Text)];

const REVIEW_STATUS: Shape =
    Message(&[field(1, "allowed", Flag), field(2, "reason", Text), field(3, "evaluationError", Text), field(4, "denied", Flag)]);

const SELF_SUBJECT_ACCESS_REVIEW: &[Field] = &[
    field(1, "metadata", METADATA),
    field(
        2,
        "spec",
        Message(&[
            field(1, "resourceAttributes", Message(RESOURCE_ATTRIBUTES)),
            field(2, "nonResourceAttributes", Message(NON_RESOURCE_ATTRIBUTES)),
        ]),
    ),
    field(3, "status", REVIEW_STATUS),
];

const SUBJECT_ACCESS_REVIEW: &[Field] = &[
    field(1, "metadata", METADATA),
    field(
        2,
        "spec",
        Message(&[
            field(1, "resourceAttributes", Message(RESOURCE_ATTRIBUTES)),
            field(2, "nonResourceAttributes", Message(NON_RESOURCE_ATTRIBUTES)),
            field(3, "user", Text),
            field(4, "groups", List(&Text)),
            field(6, "uid", Text),
        ]),
    ),
    field(3, "status", REVIEW_STATUS),
];

const SELF_SUBJECT_RULES_REVIEW: &[Field] = &[
    field(1, "metadata", METADATA),
    field(2, "spec", Message(&[field(1, "namespace", Text)])),
    field(3, "status", Message(&[field(3, "incomplete", Flag)])),
];
