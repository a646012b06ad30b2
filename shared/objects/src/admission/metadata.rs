//! Validation of an object's metadata (`apimachinery/pkg/api/validation/objectmeta.go`).

use super::faults::{AsJson, Faults, Path};
use crate::Kind;
use crate::kinds::definition;
use crate::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

/// Annotations of one object, keys and values together.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

/// Checks the metadata of an object that is created or changed.
pub(super) fn validate(metadata: &ObjectMeta, kind: Kind, faults: &mut Faults) {
    let definition = definition(kind);
    let is_namespaced = kind.is_namespaced();
    let path = Path::root("metadata");
    if let Some(base) = metadata.generate_name.as_deref().filter(|base| !base.is_empty()) {
        faults.invalid_each(&path.child("generateName"), base, names::generated_name_base(base));
    }
    match metadata.name.as_deref().unwrap_or_default() {
        "" => faults.required(&path.child("name"), "name or generateName is required"),
        name => faults.invalid_each(&path.child("name"), name, (definition.check_name)(name)),
    }
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    match (is_namespaced, namespace) {
        (true, "") => faults.required(&path.child("namespace"), ""),
        (true, namespace) => faults.invalid_each(&path.child("namespace"), namespace, names::dns1123_label(namespace)),
        (false, "") => {}
        (false, _) => faults.forbidden(&path.child("namespace"), "not allowed on this type"),
    }
    faults.not_negative(&path.child("generation"), metadata.generation.unwrap_or(0));
    validate_loose(metadata, faults);
    finalizers(metadata.finalizers.as_deref().unwrap_or_default(), &path.child("finalizers"), faults);
}

/// Checks what a change checks twice: labels, annotations and owners.
pub(super) fn validate_loose(metadata: &ObjectMeta, faults: &mut Faults) {
    let path = Path::root("metadata");
    labels(metadata.labels.as_ref(), &path.child("labels"), faults);
    annotations(metadata.annotations.as_ref(), &path.child("annotations"), faults);
    owners(metadata, &path.child("ownerReferences"), faults);
}

/// Labels, and what has their form: a node selector.
pub(crate) fn labels(labels: Option<&BTreeMap<String, String>>, path: &Path<'_>, faults: &mut Faults) {
    for (key, value) in labels.into_iter().flatten() {
        faults.invalid_each(path, key, names::qualified_name(key));
        faults.invalid_each(path, value, names::label_value(value));
    }
}

pub(super) fn annotations(annotations: Option<&BTreeMap<String, String>>, path: &Path<'_>, faults: &mut Faults) {
    let mut size_bytes = 0;
    for (key, value) in annotations.into_iter().flatten() {
        faults.invalid_each(path, key, names::qualified_name(&key.to_lowercase()));
        size_bytes += key.len() + value.len();
    }
    if size_bytes > MAX_ANNOTATION_BYTES {
        faults.too_long(path, MAX_ANNOTATION_BYTES);
    }
}

fn owners(metadata: &ObjectMeta, path: &Path<'_>, faults: &mut Faults) {
    let mut controller: Option<String> = None;
    let all = metadata.owner_references.as_deref().unwrap_or_default();
    for owner in all {
        let fields = [
            ("apiVersion", &owner.api_version, "version must not be empty"),
            ("kind", &owner.kind, "must not be empty"),
            ("name", &owner.name, "must not be empty"),
            ("uid", &owner.uid, "must not be empty"),
        ];
        for (name, value, detail) in fields {
            if value.is_empty() {
                faults.invalid(&path.child(name), value, detail);
            }
        }
        if owner.controller != Some(true) {
            continue;
        }
        let name = format!("{}/{}", owner.kind, owner.name);
        match &controller {
            None => controller = Some(name),
            Some(first) => {
                let shown = AsJson(serde_json::to_string(all).unwrap_or_default());
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                faults.invalid(path, &shown, &detail);
            }
        }
    }
}

fn finalizers(finalizers: &[String], path: &Path<'_>, faults: &mut Faults) {
    for finalizer in finalizers {
        faults.invalid_each(path, finalizer, names::qualified_name(finalizer));
    }
    let has = |name: &str| finalizers.iter().any(|finalizer| finalizer == name);
    if has("orphan") && has("foregroundDeletion") {
        let shown = AsJson(serde_json::to_string(finalizers).unwrap_or_default());
        faults.invalid(path, &shown, "finalizer orphan and foregroundDeletion cannot be both set");
    }
}
