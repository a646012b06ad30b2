//! Validation of requests and limits.

use super::faults::{Faults, Path, quote};
use crate::names;
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use std::collections::{BTreeMap, BTreeSet};

/// The names without a prefix that mean something to Kubernetes at all.
const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];

/// Checks a container's requests and limits.
pub(super) fn validate(resources: Option<&ResourceRequirements>, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let Some(resources) = resources else { return };
    let none = BTreeMap::new();
    let (limits, requests) = (resources.limits.as_ref().unwrap_or(&none), resources.requests.as_ref().unwrap_or(&none));
    let (limits_path, requests_path) = (path.child("limits"), path.child("requests"));
    for (name, text) in limits {
        amount(name, text, &limits_path.key(name), faults);
    }
    for (name, text) in requests {
        amount(name, text, &requests_path.key(name), faults);
        let limit = limits.get(name).and_then(|text| Quantity::parse(&text.0).ok());
        let Ok(request) = Quantity::parse(&text.0) else { continue };
        match limit {
            Some(limit) if request != limit && !may_overcommit(name) => {
                faults.invalid(&requests_path, &request.canonical(), &format!("must be equal to {name} limit of {limit}"));
            }
            Some(limit) if request > limit => {
                faults.invalid(
                    &requests_path,
                    &request.canonical(),
                    &format!("must be less than or equal to {name} limit of {limit}"),
                );
            }
            None if !may_overcommit(name) => faults.required(&limits_path, "Limit must be set for non overcommitable resources"),
            _ => {}
        }
    }
    let has = |test: fn(&str) -> bool| limits.keys().chain(requests.keys()).any(|name| test(name));
    if has(is_huge_page) && !has(|name| matches!(name, "cpu" | "memory")) {
        faults.forbidden(path, "HugePages require cpu or memory");
    }
    claims(resources, spec, &path.child("claims"), faults);
}

fn amount(name: &str, text: &QuantityText, path: &Path<'_>, faults: &mut Faults) {
    resource_name(name, path, faults);
    let Ok(quantity) = Quantity::parse(&text.0) else { return };
    if quantity.is_negative() {
        faults.invalid(path, &quantity.canonical(), "must be greater than or equal to 0");
    }
    if is_extended(name) && !quantity.is_whole() {
        faults.invalid(path, &super::faults::AsJson(quote(&quantity.canonical())), "must be an integer");
    }
    if let Some(size) = name.strip_prefix("hugepages-").and_then(|size| Quantity::parse(size).ok()) {
        let (total, page) = (quantity.to_bytes(), size.to_bytes());
        if total <= 0 || page <= 0 || total % page != 0 {
            faults.invalid(path, &quantity.canonical(), &format!("{quantity} is not positive integer multiple of {name}"));
        }
    }
}

fn resource_name(name: &str, path: &Path<'_>, faults: &mut Faults) {
    let wrong = names::qualified_name(name);
    let is_plain = !name.contains('/');
    if !wrong.is_empty() {
        faults.invalid_each(path, name, wrong);
    } else if is_plain && !STANDARD.contains(&name) && !is_huge_page(name) {
        faults.invalid(path, name, "must be a standard resource type or fully qualified");
    }
    if is_plain {
        if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !is_huge_page(name) {
            faults.invalid(path, name, "must be a standard resource for containers");
        }
    } else if !is_native(name) && !is_extended(name) {
        faults.invalid(path, name, "doesn't follow extended resource name standard");
    }
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && names::qualified_name(&format!("requests.{name}")).is_empty()
}

fn may_overcommit(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

fn claims(resources: &ResourceRequirements, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let known: BTreeSet<&str> = spec.resource_claims.iter().flatten().map(|claim| claim.name.as_str()).collect();
    let mut taken = BTreeSet::new();
    for (index, claim) in resources.claims.iter().flatten().enumerate() {
        let path = path.index(index);
        if claim.name.is_empty() {
            faults.required(&path, "");
        } else if !taken.insert((claim.name.as_str(), claim.request.as_deref())) {
            faults.duplicate(&path, &claim.name);
        }
        if !claim.name.is_empty() && !known.contains(claim.name.as_str()) {
            faults.not_found(&path, &claim.name);
        }
    }
}
