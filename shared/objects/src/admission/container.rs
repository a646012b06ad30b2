//! Validation of containers: what all have, and what only containers, init containers or ephemeral ones have.

use super::faults::{Faults, Path};
use super::{Privileged, environment, probe, resources, security, volume};
use crate::names;
use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec};
use std::collections::BTreeSet;

const INIT_ONLY_SIDECARS: &str = "may not be set for init containers without restartPolicy=Always";

/// What the containers of a pod are checked against.
pub(super) struct Context<'a> {
    pub(super) spec: &'a PodSpec,
    /// The volumes that can be mounted.
    pub(super) volumes: &'a BTreeSet<&'a str>,
    pub(super) privileged: Privileged,
}

/// Checks the containers.
pub(super) fn validate_all(context: &Context<'_>, path: &Path<'_>, faults: &mut Faults) {
    let containers = &context.spec.containers;
    if containers.is_empty() {
        return faults.required(path, "");
    }
    let mut taken = BTreeSet::new();
    let mut host_ports = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let path = path.index(index);
        validate_common(container, context, &path, faults);
        if !taken.insert(container.name.as_str()) {
            faults.duplicate(&path.child("name"), &container.name);
        }
        probe::validate_lifecycle(container, context.spec, &path, faults);
        probe::validate_probes(container, context.spec, &path, faults);
        restart_policy(container, &path, faults);
    }
    for (index, container) in containers.iter().enumerate() {
        unique_host_ports(container, &mut host_ports, &path.index(index), faults);
    }
}

/// Checks the init containers.
pub(super) fn validate_init(context: &Context<'_>, path: &Path<'_>, faults: &mut Faults) {
    let mut taken: BTreeSet<&str> = context.spec.containers.iter().map(|container| container.name.as_str()).collect();
    for (index, container) in context.spec.init_containers.iter().flatten().enumerate() {
        let path = path.index(index);
        validate_common(container, context, &path, faults);
        let is_sidecar = container.restart_policy.as_deref() == Some("Always");
        if is_sidecar && container.restart_policy_rules.as_ref().is_some_and(|rules| !rules.is_empty()) {
            faults.forbidden(
                &path.child("restartPolicyRules"),
                "restartPolicyRules are not allowed for init containers with restart policy Always",
            );
        } else if !is_sidecar && container.restart_policy.is_some() {
            restart_policy(container, &path, faults);
        }
        if taken.contains(container.name.as_str()) {
            faults.duplicate(&path.child("name"), &container.name);
        } else if !container.name.is_empty() {
            taken.insert(&container.name);
        }
        unique_host_ports(container, &mut BTreeSet::new(), &path, faults);
        if is_sidecar {
            probe::validate_lifecycle(container, context.spec, &path, faults);
            probe::validate_probes(container, context.spec, &path, faults);
            continue;
        }
        let set = [
            ("lifecycle", container.lifecycle.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
        ];
        for (field, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            faults.forbidden(&path.child(field), INIT_ONLY_SIDECARS);
        }
    }
}

fn name(name: &str, path: &Path<'_>, faults: &mut Faults) {
    let path = path.child("name");
    if name.is_empty() { faults.required(&path, "") } else { faults.invalid_each(&path, name, names::dns1123_label(name)) }
}

/// Checks what every container has.
pub(super) fn validate_common(container: &Container, context: &Context<'_>, path: &Path<'_>, faults: &mut Faults) {
    name(&container.name, path, faults);
    if container.image.as_deref().unwrap_or_default().is_empty() {
        faults.required(&path.child("image"), "");
    }
    let policy = container.termination_message_policy.as_deref().unwrap_or_default();
    faults.required_one_of(&path.child("terminationMessagePolicy"), policy, &["File", "FallbackToLogsOnError"]);
    ports(container.ports.as_deref().unwrap_or_default(), &path.child("ports"), faults);
    environment::validate(container, path, faults);
    volume::validate_mounts(container, context.volumes, path, faults);
    devices(container, path, faults);
    let policy = container.image_pull_policy.as_deref().unwrap_or_default();
    faults.required_one_of(&path.child("imagePullPolicy"), policy, &["Always", "IfNotPresent", "Never"]);
    resources::validate(container.resources.as_ref(), context.spec, &path.child("resources"), faults);
    resize_policy(container, context.spec, &path.child("resizePolicy"), faults);
    security::validate_container(container.security_context.as_ref(), context, &path.child("securityContext"), faults);
}

fn ports(ports: &[ContainerPort], path: &Path<'_>, faults: &mut Faults) {
    let mut taken = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let wrong = names::port_name(name);
            if !wrong.is_empty() {
                faults.invalid_each(&path.child("name"), name, wrong);
            } else if !taken.insert(name) {
                faults.duplicate(&path.child("name"), name);
            }
        }
        let number = port.container_port;
        if number == 0 {
            faults.required(&path.child("containerPort"), "");
        } else {
            faults.invalid_each(&path.child("containerPort"), &number, names::port_number(i64::from(number)));
        }
        if let Some(number) = port.host_port.filter(|number| *number != 0) {
            faults.invalid_each(&path.child("hostPort"), &number, names::port_number(i64::from(number)));
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        faults.required_one_of(&path.child("protocol"), protocol, &["SCTP", "TCP", "UDP"]);
    }
}

fn unique_host_ports(container: &Container, taken: &mut BTreeSet<String>, path: &Path<'_>, faults: &mut Faults) {
    let path = path.child("ports");
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let Some(number) = port.host_port.filter(|number| *number != 0) else { continue };
        let (protocol, address) = (port.protocol.as_deref().unwrap_or_default(), port.host_ip.as_deref().unwrap_or_default());
        let key = format!("{protocol}/{address}/{number}");
        if taken.contains(&key) {
            faults.duplicate(&path.index(index).child("hostPort"), &key);
        } else {
            taken.insert(key);
        }
    }
}

fn devices(container: &Container, path: &Path<'_>, faults: &mut Faults) {
    let path = path.child("volumeDevices");
    for (index, device) in container.volume_devices.iter().flatten().enumerate() {
        let path = path.index(index);
        if device.name.is_empty() {
            faults.required(&path.child("name"), "");
        }
        if device.device_path.is_empty() {
            faults.required(&path.child("devicePath"), "");
        } else if device.device_path.split('/').any(|part| part == "..") {
            faults.invalid(&path.child("devicePath"), &device.device_path, "can not contain backsteps ('..')");
        }
    }
}

fn restart_policy(container: &Container, path: &Path<'_>, faults: &mut Faults) {
    let rules = container.restart_policy_rules.as_deref().unwrap_or_default();
    match container.restart_policy.as_deref() {
        None if rules.is_empty() => return,
        None => faults.required(&path.child("restartPolicy"), "must specify restartPolicy when restart rules are used"),
        Some(policy) => faults.one_of(&path.child("restartPolicy"), policy, &["Always", "Never", "OnFailure"]),
    }
    let rules_path = path.child("restartPolicyRules");
    if rules.len() > 20 {
        faults.too_long(&rules_path, 20);
    }
    for (index, rule) in rules.iter().enumerate() {
        let path = rules_path.index(index);
        faults.one_of(&path.child("action"), &rule.action, &["Restart"]);
        match &rule.exit_codes {
            None => faults.required(&path.child("exitCodes"), "must be specified"),
            Some(codes) => faults.one_of(&path.child("exitCodes").child("operator"), &codes.operator, &["In", "NotIn"]),
        }
    }
}

fn resize_policy(container: &Container, spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let mut taken = BTreeSet::new();
    for (index, policy) in container.resize_policy.iter().flatten().enumerate() {
        if !taken.insert(policy.resource_name.as_str()) {
            faults.duplicate(&path.index(index), &policy.resource_name);
        }
        faults.required_one_of(path, &policy.resource_name, &["cpu", "memory"]);
        faults.required_one_of(path, &policy.restart_policy, &["NotRequired", "RestartContainer"]);
        if spec.restart_policy.as_deref() == Some("Never") && policy.restart_policy != "NotRequired" {
            faults.invalid(path, &policy.restart_policy, "must be 'NotRequired' when `restartPolicy` is 'Never'");
        }
    }
}
