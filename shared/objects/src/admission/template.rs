//! The pod that a ReplicaSet or a Deployment makes: its defaults, its validation, what of it this release does not run.
//!
//! As `ValidatePodTemplateSpecForReplicaSet` of `pkg/apis/apps/validation/validation.go`. What admission gives a pod that is made
//! (tolerations, priority) is no part of its template.

use super::faults::{AsJson, Faults, Path};
use super::{Privileged, defaults, metadata, pod, scheduling, unsupported};
use crate::{Cause, lookup};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fills in what `spec.template` leaves out.
pub(crate) fn complete(object: &mut Value) {
    let Some(template) = object.pointer_mut("/spec/template").filter(|template| template.is_object()) else { return };
    // Decoding was strict: what is there fits.
    let mut spec = template.get("spec").and_then(|spec| PodSpec::deserialize(spec).ok()).unwrap_or_default();
    defaults::complete_spec_of_any(&mut spec);
    template["spec"] = serde_json::to_value(&spec).unwrap_or_default();
}

/// Checks `spec.selector` and `spec.template`, and that the one selects the other.
pub(crate) fn validate(object: &Value, faults: &mut Faults) {
    let spec = Path::root("spec");
    let selector = object.pointer("/spec/selector").and_then(|selector| LabelSelector::deserialize(selector).ok());
    let path = spec.child("selector");
    match &selector {
        None => faults.required(&path, ""),
        Some(selector) => {
            scheduling::selector(Some(selector), &path, faults);
            if is_empty(selector) {
                faults.invalid(&path, &AsJson("{}".to_owned()), "empty selector is invalid for deployment");
            }
        }
    }
    let path = spec.child("template");
    let Some(template) = object.pointer("/spec/template").filter(|template| template.is_object()) else {
        return faults.required(&path, "");
    };
    let template = PodTemplateSpec::deserialize(template).unwrap_or_default();
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    let no_labels = BTreeMap::new();
    if let Some(selector) = selector.filter(|selector| !is_empty(selector))
        && !crate::selector::selects(&selector, labels.unwrap_or(&no_labels))
    {
        let shown = AsJson(labels.map_or_else(|| "null".to_owned(), |labels| json!(labels).to_string()));
        let metadata = path.child("metadata");
        faults.invalid(&metadata.child("labels"), &shown, "`selector` does not match template `labels`");
    }
    let metadata = path.child("metadata");
    metadata::labels(labels, &metadata.child("labels"), faults);
    let annotations = template.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref());
    metadata::annotations(annotations, &metadata.child("annotations"), faults);
    let pod_spec = template.spec.unwrap_or_default();
    let path = path.child("spec");
    pod::validate_spec(&pod_spec, Privileged::Allowed, &path, faults);
    if pod_spec.ephemeral_containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
        faults.forbidden(&path.child("ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
    let policy = pod_spec.restart_policy.as_deref().unwrap_or_default();
    if matches!(policy, "Never" | "OnFailure") {
        faults.one_of(&path.child("restartPolicy"), policy, &["Always"]);
    }
    if pod_spec.active_deadline_seconds.is_some() {
        faults.forbidden(&path.child("activeDeadlineSeconds"), "activeDeadlineSeconds in ReplicaSet is not Supported");
    }
}

/// The selector stays.
pub(crate) fn validate_update(old: &Value, new: &Value, faults: &mut Faults) {
    if old.pointer("/spec/selector") != new.pointer("/spec/selector") {
        let shown = AsJson(new.pointer("/spec/selector").unwrap_or(&Value::Null).to_string());
        let spec = Path::root("spec");
        faults.invalid(&spec.child("selector"), &shown, "field is immutable");
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    let is_none = |count: Option<usize>| count.unwrap_or(0) == 0;
    is_none(selector.match_labels.as_ref().map(BTreeMap::len)) && is_none(selector.match_expressions.as_ref().map(Vec::len))
}

/// The template of a ReplicaSet or Deployment as a pod, for what is asked of pods.
fn as_pod(object: &Value) -> Value {
    json!({ "spec": lookup::at(object, "/spec/template/spec").cloned().unwrap_or_default() })
}

/// What of the pods this release cannot run: a cause a field, with the path in the template's owner.
#[must_use]
pub fn refuse_unsupported_template(object: &Value) -> Vec<Cause> {
    let in_template = |cause: Cause| Cause { field: format!("spec.template.{}", cause.field), ..cause };
    unsupported::refusals(&as_pod(object)).into_iter().map(in_template).collect()
}

/// What of the pods this release ignores: a sentence a field.
#[must_use]
pub fn warn_without_effect_in_template(object: &Value) -> Vec<String> {
    unsupported::warnings(&as_pod(object)).into_iter().map(|warning| format!("spec.template.{warning}")).collect()
}

#[cfg(test)]
mod tests;
