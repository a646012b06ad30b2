//! Validation of a container's environment.

use super::faults::{Faults, Path};
use crate::names;
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector};

/// The fields that a variable may take its value from, sorted as Kubernetes prints them.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] =
    ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];
const DIVISORS: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// Checks `env` and `envFrom`.
pub(super) fn validate(container: &Container, path: &Path<'_>, faults: &mut Faults) {
    let env = path.child("env");
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let path = env.index(index);
        if variable.name.is_empty() {
            faults.required(&path.child("name"), "");
        } else {
            faults.invalid_each(&path.child("name"), &variable.name, names::environment_variable(&variable.name));
        }
        if let Some(source) = &variable.value_from {
            value_from(variable, source, &path.child("valueFrom"), faults);
        }
    }
    let env_from = path.child("envFrom");
    for (index, source) in container.env_from.iter().flatten().enumerate() {
        let path = env_from.index(index);
        if let Some(prefix) = source.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            faults.invalid_each(&path.child("prefix"), prefix, names::environment_variable(prefix));
        }
        let references = [
            ("configMapRef", source.config_map_ref.as_ref().map(|reference| reference.name.as_str())),
            ("secretRef", source.secret_ref.as_ref().map(|reference| reference.name.as_str())),
        ];
        for (kind, name) in references {
            let path = path.child(kind);
            match name {
                None => {}
                Some("") => faults.required(&path.child("name"), ""),
                Some(name) => faults.invalid_each(&path.child("name"), name, names::dns1123_subdomain(name)),
            }
        }
        match references.iter().filter(|(_, name)| name.is_some()).count() {
            0 => faults.invalid(&env_from, "", "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => faults.invalid(&env_from, "", "may not have more than one field specified at a time"),
        }
    }
}

fn value_from(variable: &EnvVar, source: &EnvVarSource, path: &Path<'_>, faults: &mut Faults) {
    if let Some(field) = &source.field_ref {
        field_selector(field, &path.child("fieldRef"), faults);
    }
    if let Some(resource) = &source.resource_field_ref {
        resource_selector(resource, &path.child("resourceFieldRef"), faults);
    }
    let keys = [
        ("configMapKeyRef", source.config_map_key_ref.as_ref().map(|key| (&key.name, &key.key))),
        ("secretKeyRef", source.secret_key_ref.as_ref().map(|key| (&key.name, &key.key))),
    ];
    for (kind, found) in keys {
        let Some((name, key)) = found else { continue };
        let path = path.child(kind);
        faults.invalid_each(&path.child("name"), name, names::dns1123_subdomain(name));
        if key.is_empty() {
            faults.required(&path.child("key"), "");
        } else {
            faults.invalid_each(&path.child("key"), key, names::config_key(key));
        }
    }
    let count = [
        source.field_ref.is_some(),
        source.resource_field_ref.is_some(),
        source.config_map_key_ref.is_some(),
        source.secret_key_ref.is_some(),
        source.file_key_ref.is_some(),
    ];
    let count = count.into_iter().filter(|is_set| *is_set).count();
    if count == 0 {
        faults.invalid(
            path,
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        );
    } else if variable.value.as_deref().is_some_and(|value| !value.is_empty()) {
        faults.invalid(path, "", "may not be specified when `value` is not empty");
    } else if count > 1 {
        faults.invalid(path, "", "may not have more than one field specified at a time");
    }
}

fn field_selector(field: &ObjectFieldSelector, path: &Path<'_>, faults: &mut Faults) {
    let version = field.api_version.as_deref().unwrap_or_default();
    if version.is_empty() {
        return faults.required(&path.child("apiVersion"), "");
    }
    let wanted = field.field_path.as_str();
    let path_of_field = path.child("fieldPath");
    if wanted.is_empty() {
        return faults.required(&path_of_field, "");
    }
    if version != "v1" {
        return faults.invalid(
            &path_of_field,
            wanted,
            &format!("error converting fieldPath: unsupported pod version: {version}"),
        );
    }
    if let Some((map, key)) = subscript(wanted) {
        return match map {
            "metadata.annotations" => faults.invalid_each(path, &key.to_lowercase(), names::qualified_name(&key.to_lowercase())),
            "metadata.labels" => faults.invalid_each(path, key, names::qualified_name(key)),
            _ => unknown_field(wanted, &path_of_field, faults),
        };
    }
    // These are labels of the field that Kubernetes can convert, and still no variable's value.
    let convertible = [
        "metadata.annotations",
        "metadata.labels",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.hostNetwork",
        "status.phase",
    ];
    if FIELDS.contains(&wanted) {
        return;
    }
    if convertible.contains(&wanted) {
        faults.one_of(&path_of_field, wanted, &FIELDS)
    } else {
        unknown_field(wanted, &path_of_field, faults)
    }
}

fn unknown_field(wanted: &str, path: &Path<'_>, faults: &mut Faults) {
    faults.invalid(path, wanted, &format!("error converting fieldPath: field label not supported: {wanted}"));
}

/// `metadata.labels['key']` in its parts.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    (!map.is_empty()).then_some((map, key))
}

fn resource_selector(selector: &ResourceFieldSelector, path: &Path<'_>, faults: &mut Faults) {
    let resource = selector.resource.as_str();
    let is_huge = resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-");
    if resource.is_empty() {
        faults.required(&path.child("resource"), "");
    } else if !is_huge {
        faults.one_of(&path.child("resource"), resource, &RESOURCES);
    }
    let Some(divisor) =
        selector.divisor.as_ref().and_then(|text| Quantity::parse(&text.0).ok()).filter(|divisor| !divisor.is_zero())
    else {
        return;
    };
    let divisor = divisor.canonical();
    let of_memory = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the";
    let (is_allowed, detail) = match resource.split_once('.').map_or("", |(_, name)| name) {
        "cpu" => (["1m", "1"].contains(&divisor.as_str()), "1m and 1 are supported with the cpu resource".to_owned()),
        "memory" => (DIVISORS.contains(&divisor.as_str()), format!("{of_memory} memory resource")),
        "ephemeral-storage" => (DIVISORS.contains(&divisor.as_str()), format!("{of_memory} local ephemeral storage resource")),
        _ if is_huge => (DIVISORS.contains(&divisor.as_str()), format!("{of_memory} hugepages resource")),
        _ => return,
    };
    if !is_allowed {
        faults.invalid(&path.child("divisor"), resource, &format!("only divisor's values {detail}"));
    }
}
