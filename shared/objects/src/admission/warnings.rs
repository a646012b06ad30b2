//! What is valid and still probably a mistake: the API server's own warnings (`pkg/api/pod/warnings.go`).

use super::faults::{Path, quote};
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, ContainerPort, Pod, PodSpec};
use std::collections::{BTreeMap, BTreeSet};

/// The warnings of a pod.
pub(super) fn of(pod: &Pod) -> Vec<String> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let path = Path::root("spec");
    let mut warnings = Vec::new();
    aliases_and_secrets(spec, &path, &mut warnings);
    if spec.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
        let path = path.child("terminationGracePeriodSeconds");
        warnings.push(format!("{path}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    let lists =
        [("initContainers", spec.init_containers.as_deref().unwrap_or_default()), ("containers", spec.containers.as_slice())];
    let mut ports = Ports::default();
    for (name, list) in lists {
        let path = path.child(name);
        for (index, container) in list.iter().enumerate() {
            let path = path.index(index);
            fractions(container, &path, &mut warnings);
            hidden_variables(container, &path, &mut warnings);
            ports.visit(container, &path.child("ports"));
        }
    }
    warnings.extend(ports.definitions);
    warnings.extend(ports.names);
    warnings
}

fn aliases_and_secrets(spec: &PodSpec, path: &Path<'_>, warnings: &mut Vec<String>) {
    let aliases = path.child("hostAliases");
    let mut taken = BTreeSet::new();
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        if !taken.insert(&alias.ip) {
            warnings.push(format!("{}: duplicate ip {}", aliases.index(index).child("ip"), quote(&alias.ip)));
        }
    }
    let secrets = path.child("imagePullSecrets");
    let mut taken = BTreeSet::new();
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        let path = secrets.index(index);
        if !taken.insert(&secret.name) {
            warnings.push(format!("{}: duplicate name {}", path.child("name"), quote(&secret.name)));
        } else if secret.name.is_empty() {
            warnings.push(format!("{}: invalid empty name \"\"", path.child("name")));
        }
    }
}

/// There is no half a byte.
fn fractions(container: &Container, path: &Path<'_>, warnings: &mut Vec<String>) {
    let Some(resources) = &container.resources else { return };
    let path = path.child("resources");
    for resource in ["memory", "ephemeral-storage"] {
        for (name, amounts) in [("limits", &resources.limits), ("requests", &resources.requests)] {
            let amount = amounts.as_ref().and_then(|amounts| Quantity::parse(&amounts.get(resource)?.0).ok());
            if let Some(amount) = amount.filter(|amount| !amount.is_whole()) {
                let path = path.child(name);
                warnings.push(format!(
                    "{}: fractional byte value {} is invalid, must be an integer",
                    path.key(resource),
                    quote(&amount.canonical())
                ));
            }
        }
    }
}

fn hidden_variables(container: &Container, path: &Path<'_>, warnings: &mut Vec<String>) {
    let path = path.child("env");
    let mut taken = BTreeSet::new();
    for (index, variable) in container.env.iter().flatten().enumerate() {
        if taken.insert(&variable.name) {
            continue;
        }
        let reference = format!("$({})", variable.name);
        let value = variable.value.as_deref().unwrap_or_default();
        if variable.value_from.is_some() || value == reference || !value.contains(&reference) {
            let name = quote(&variable.name);
            warnings.push(format!(
                "{}: hides previous definition of {name}, which may be dropped when using apply",
                path.index(index)
            ));
        }
    }
}

/// The ports of all containers, which share one network.
#[derive(Default)]
struct Ports {
    by_number: BTreeMap<String, Vec<(String, ContainerPort)>>,
    by_name: BTreeMap<String, String>,
    definitions: Vec<String>,
    names: Vec<String>,
}

impl Ports {
    fn visit(&mut self, container: &Container, path: &Path<'_>) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let path = path.index(index).to_string();
            if let Some(name) = port.name.as_ref().filter(|name| !name.is_empty()) {
                let other = self.by_name.entry(name.clone()).or_insert_with(|| path.clone());
                if *other != path {
                    let name = quote(name);
                    self.names.push(format!("{path}: duplicate port name {name} with {other}, services and probes that select ports by name will use {other}"));
                }
            }
            let key = format!("{}/{}", port.container_port, port.protocol.as_deref().unwrap_or_default());
            let others = self.by_number.entry(key).or_default();
            for (other_path, other) in others.iter() {
                if let Some(how) = conflict(port, other) {
                    self.definitions.push(format!("{path}: {how} port definition with {other_path}"));
                }
            }
            others.push((path, port.clone()));
        }
    }
}

fn conflict(port: &ContainerPort, other: &ContainerPort) -> Option<&'static str> {
    let address = |port: &ContainerPort| port.host_ip.clone().unwrap_or_default();
    let number = |port: &ContainerPort| port.host_port.unwrap_or(0);
    if address(port) == address(other) && number(port) == number(other) {
        return Some("duplicate");
    }
    if number(port) == 0 || number(other) == 0 {
        return Some("overlapping");
    }
    let is_one_open = address(port).is_empty() != address(other).is_empty();
    (number(port) == number(other) && is_one_open).then_some("dangerously ambiguous")
}
