//! Deployments: pods of a template, and the way from one template to the next.

use super::replica_set::{
    POD_TEMPLATE_SPEC, complete as complete_replicas, describe_conditions, describe_template, not_negative, selector, wide_cells,
};
use super::{Definition, Names};
use crate::admission::faults::{AsJson, Faults, Path};
use crate::admission::template;
use crate::describe::Page;
use crate::lookup::{self, flag, number, scalar, text};
use crate::names::dns1123_subdomain;
use crate::schema::Shape::{Bool, Int32, Int64, IntOrString, List, Struct, Text, Time};
use crate::schema::meta::{LABEL_SELECTOR, OBJECT_META};
use crate::schema::{TEXT, Type, field, internal, tagged};
use serde_json::{Value, json};

/// `progressDeadlineSeconds`, where nothing is said.
const PROGRESS_DEADLINE_S: i64 = 600;
/// `revisionHistoryLimit`, where nothing is said.
const REVISIONS: i64 = 10;

static ROLLING_UPDATE: Type = internal(
    "RollingUpdateDeployment",
    &[field("MaxUnavailable", "maxUnavailable", IntOrString).pointer(), field("MaxSurge", "maxSurge", IntOrString).pointer()],
);

static STRATEGY: Type = internal(
    "DeploymentStrategy",
    &[
        field("Type", "type", Text("v1.DeploymentStrategyType")),
        field("RollingUpdate", "rollingUpdate", Struct(&ROLLING_UPDATE)).pointer(),
    ],
);

static SPEC: Type = internal(
    "DeploymentSpec",
    &[
        field("Replicas", "replicas", Int32).pointer(),
        field("Selector", "selector", Struct(&LABEL_SELECTOR)).pointer(),
        field("Template", "template", Struct(&POD_TEMPLATE_SPEC)),
        field("Strategy", "strategy", Struct(&STRATEGY)).retain_keys(),
        field("MinReadySeconds", "minReadySeconds", Int32),
        field("RevisionHistoryLimit", "revisionHistoryLimit", Int32).pointer(),
        field("Paused", "paused", Bool),
        field("ProgressDeadlineSeconds", "progressDeadlineSeconds", Int32).pointer(),
    ],
);

static CONDITION: Type = internal(
    "DeploymentCondition",
    &[
        field("Type", "type", Text("v1.DeploymentConditionType")).always(),
        field("Status", "status", Text("v1.ConditionStatus")).always(),
        field("LastUpdateTime", "lastUpdateTime", Time),
        field("LastTransitionTime", "lastTransitionTime", Time),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
    ],
);

static STATUS: Type = internal(
    "DeploymentStatus",
    &[
        field("ObservedGeneration", "observedGeneration", Int64),
        field("Replicas", "replicas", Int32),
        field("UpdatedReplicas", "updatedReplicas", Int32),
        field("ReadyReplicas", "readyReplicas", Int32),
        field("AvailableReplicas", "availableReplicas", Int32),
        field("UnavailableReplicas", "unavailableReplicas", Int32),
        field("TerminatingReplicas", "terminatingReplicas", Int32).pointer(),
        field("Conditions", "conditions", List(&Struct(&CONDITION))).merge_by("type"),
        field("CollisionCount", "collisionCount", Int32).pointer(),
    ],
);

static FIELDS: Type = tagged(
    "Deployment",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&SPEC)),
        field("Status", "status", Struct(&STATUS)),
    ],
);

pub(super) static DEPLOYMENT: Definition = Definition {
    names: Names {
        name: "Deployment",
        api_version: "apps/v1",
        plural: "deployments",
        singular: "deployment",
        short: &["deploy"],
        is_namespaced: true,
    },
    documented_as: "io.k8s.api.apps.v1.Deployment",
    selectable: &["metadata.name", "metadata.namespace"],
    fields: &FIELDS,
    columns: &[
        ("Name", 0),
        ("Ready", 0),
        ("Up-to-date", 0),
        ("Available", 0),
        ("Age", 0),
        ("Containers", 1),
        ("Images", 1),
        ("Selector", 1),
    ],
    cells: |deployment, now| {
        let count = |pointer: &str| number(deployment, pointer).to_string();
        let mut cells = vec![
            lookup::name(deployment).to_owned(),
            format!("{}/{}", count("/status/readyReplicas"), count("/spec/replicas")),
            count("/status/updatedReplicas"),
            count("/status/availableReplicas"),
            crate::duration::since(lookup::time(deployment, "/metadata/creationTimestamp"), now),
        ];
        cells.extend(wide_cells(deployment));
        cells
    },
    check_name: dns1123_subdomain,
    complete,
    validate,
    validate_update: template::validate_update,
    describe,
};

fn complete(deployment: &mut Value) {
    complete_replicas(deployment);
    let Some(spec) = deployment.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for (field, value) in [("revisionHistoryLimit", REVISIONS), ("progressDeadlineSeconds", PROGRESS_DEADLINE_S)] {
        spec.entry(field).or_insert_with(|| value.into());
    }
    let strategy = spec.entry("strategy").or_insert_with(|| json!({}));
    let Some(strategy) = strategy.as_object_mut() else { return };
    if strategy.get("type").is_none_or(|of| *of == "") {
        strategy.insert("type".to_owned(), "RollingUpdate".into());
    }
    if strategy["type"] == "RollingUpdate"
        && let Some(rolling) = strategy.entry("rollingUpdate").or_insert_with(|| json!({})).as_object_mut()
    {
        for field in ["maxUnavailable", "maxSurge"] {
            rolling.entry(field).or_insert_with(|| "25%".into());
        }
    }
}

fn validate(deployment: &Value, faults: &mut Faults) {
    let spec = Path::root("spec");
    not_negative(deployment, &["replicas"], &spec, faults);
    template::validate(deployment, faults);
    strategy(deployment, &spec.child("strategy"), faults);
    not_negative(deployment, &["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], &spec, faults);
    let deadline = number(deployment, "/spec/progressDeadlineSeconds");
    if deadline <= number(deployment, "/spec/minReadySeconds") {
        faults.invalid(&spec.child("progressDeadlineSeconds"), &deadline, "must be greater than minReadySeconds");
    }
}

fn strategy(deployment: &Value, path: &Path<'_>, faults: &mut Faults) {
    let rolling = deployment.pointer("/spec/strategy/rollingUpdate");
    let rolling_path = path.child("rollingUpdate");
    match (text(deployment, "/spec/strategy/type"), rolling) {
        ("Recreate", Some(_)) => {
            faults.forbidden(&rolling_path, "may not be specified when strategy `type` is 'Recreate'");
        }
        ("Recreate", None) => {}
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &rolling_path, faults),
        ("RollingUpdate", None) => faults.required(&rolling_path, "this should be defaulted and never be nil"),
        (other, _) => faults.one_of(&path.child("type"), other, &["Recreate", "RollingUpdate"]),
    }
}

fn rolling_update(rolling: &Value, path: &Path<'_>, faults: &mut Faults) {
    for field in ["maxUnavailable", "maxSurge"] {
        let path = path.child(field);
        match rolling.get(field) {
            Some(Value::String(text)) if percent(text).is_none() => faults.invalid(
                &path,
                text,
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            ),
            Some(value) => faults.not_negative(&path, value.as_i64().unwrap_or_default()),
            None => {}
        }
    }
    let is_zero = |field: &str| match rolling.get(field) {
        Some(Value::String(text)) => percent(text) == Some(0),
        value => value.and_then(Value::as_i64) == Some(0),
    };
    let unavailable = rolling.get("maxUnavailable").cloned().unwrap_or_default();
    let path = path.child("maxUnavailable");
    if is_zero("maxUnavailable") && is_zero("maxSurge") {
        faults.invalid(&path, &AsJson(unavailable.to_string()), "may not be 0 when `maxSurge` is 0");
    }
    if unavailable.as_str().and_then(percent).is_some_and(|percent| percent > 100) {
        faults.invalid(&path, &AsJson(unavailable.to_string()), "must not be greater than 100%");
    }
}

fn percent(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn describe(deployment: &Value, page: &mut Page<'_>) {
    page.field(0, "Selector", selector(deployment));
    let count = |field: &str| number(deployment, &format!("/status/{field}"));
    page.field(
        0,
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            number(deployment, "/spec/replicas"),
            count("updatedReplicas"),
            count("replicas"),
            count("availableReplicas"),
            count("unavailableReplicas")
        ),
    );
    if flag(deployment, "/spec/paused") {
        page.field(0, "Paused", "true");
    }
    page.field(0, "StrategyType", text(deployment, "/spec/strategy/type"));
    page.field(0, "MinReadySeconds", number(deployment, "/spec/minReadySeconds").to_string());
    if let Some(rolling) = deployment.pointer("/spec/strategy/rollingUpdate") {
        let (unavailable, surge) = (scalar(&rolling["maxUnavailable"]), scalar(&rolling["maxSurge"]));
        page.field(0, "RollingUpdateStrategy", format!("{unavailable} max unavailable, {surge} max surge"));
    }
    describe_template(deployment, page);
    describe_conditions(deployment, page);
}
