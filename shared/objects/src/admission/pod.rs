//! Validation of a pod: `ValidatePodSpec` of `pkg/apis/core/validation/validation.go`, in its order.

use super::faults::{AsJson, Faults, Path};
use super::{Privileged, container, ephemeral, metadata, scheduling, security, volume};
use crate::Kind;
use crate::names;
use k8s_openapi::api::core::v1::{HostAlias, Pod, PodDNSConfig, PodSpec};
use std::net::IpAddr;

const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_CHARACTERS: usize = 2048;

/// What holds for a pod that is created.
pub(super) fn validate_create(pod: &Pod, privileged: Privileged, faults: &mut Faults) {
    validate(pod, privileged, faults);
    let Some(spec) = &pod.spec else { return };
    let path = Path::root("spec");
    if spec.ephemeral_containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
        faults.forbidden(&path.child("ephemeralContainers"), "cannot be set on create");
    }
    let has_gates = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
    if has_gates && spec.node_name.as_deref().is_some_and(|name| !name.is_empty()) {
        faults.forbidden(&path.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
}

/// What holds for every pod.
pub(super) fn validate(pod: &Pod, privileged: Privileged, faults: &mut Faults) {
    metadata::validate(&pod.metadata, Kind::Pod, faults);
    annotations(pod, faults);
    let none = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&none);
    let path = Path::root("spec");
    validate_spec(spec, privileged, &path, faults);
    let lists =
        [("containers", spec.containers.as_slice()), ("initContainers", spec.init_containers.as_deref().unwrap_or_default())];
    for (name, list) in lists {
        let path = path.child(name);
        for (index, container) in list.iter().enumerate() {
            let image = container.image.as_deref().unwrap_or_default();
            if image.trim().len() != image.len() {
                faults.invalid(&path.index(index).child("image"), image, "must not have leading or trailing whitespace");
            }
        }
    }
}

fn annotations(pod: &Pod, faults: &mut Faults) {
    let Some(all) = &pod.metadata.annotations else { return };
    let metadata = Path::root("metadata");
    let path = metadata.child("annotations");
    let mirror = "kubernetes.io/config.mirror";
    let is_bound = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).is_some_and(|name| !name.is_empty());
    if let Some(value) = all.get(mirror).filter(|_| !is_bound) {
        faults.invalid(&path.key(mirror), value, "must set spec.nodeName if mirror pod annotation is set");
    }
    let cost = "controller.kubernetes.io/pod-deletion-cost";
    if let Some(value) = all.get(cost).filter(|value| value.parse::<i32>().is_err() || value.starts_with('+')) {
        faults.invalid(&path.key(cost), value, "must be a 32bit integer");
    }
}

pub(super) fn validate_spec(spec: &PodSpec, privileged: Privileged, path: &Path<'_>, faults: &mut Faults) {
    if spec.termination_grace_period_seconds.is_none() {
        faults.required(&path.child("terminationGracePeriodSeconds"), "");
    }
    let volumes = volume::validate_all(spec.volumes.as_deref().unwrap_or_default(), &path.child("volumes"), faults);
    let context = container::Context { spec, volumes: &volumes, privileged };
    container::validate_all(&context, &path.child("containers"), faults);
    container::validate_init(&context, &path.child("initContainers"), faults);
    ephemeral::validate(&context, &path.child("ephemeralContainers"), faults);
    host_network_ports(spec, &path.child("containers"), faults);
    let restart_policy = spec.restart_policy.as_deref().unwrap_or_default();
    faults.required_one_of(&path.child("restartPolicy"), restart_policy, &["Always", "OnFailure", "Never"]);
    let dns_policy = spec.dns_policy.as_deref().unwrap_or_default();
    faults.required_one_of(&path.child("dnsPolicy"), dns_policy, &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);
    metadata::labels(spec.node_selector.as_ref(), &path.child("nodeSelector"), faults);
    security::validate_pod(spec, &path.child("securityContext"), faults);
    scheduling::affinity(spec.affinity.as_ref(), &path.child("affinity"), faults);
    dns_config(spec.dns_config.as_ref(), dns_policy, &path.child("dnsConfig"), faults);
    scheduling::gates(spec, path, faults);
    scheduling::spread(spec.topology_spread_constraints.as_deref(), &path.child("topologySpreadConstraints"), faults);
    host_users(spec, path, faults);
    host_name_override(spec, path, faults);
    names_and_numbers(spec, path, faults);
    scheduling::tolerations(spec.tolerations.as_deref().unwrap_or_default(), &path.child("tolerations"), faults);
    host_aliases(spec.host_aliases.as_deref().unwrap_or_default(), &path.child("hostAliases"), faults);
    let names = [("priorityClassName", &spec.priority_class_name), ("runtimeClassName", &spec.runtime_class_name)];
    for (field, name) in names {
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
            faults.invalid_each(&path.child(field), name, names::dns1123_subdomain(name));
        }
    }
    if let Some(policy) = spec.preemption_policy.as_deref() {
        faults.required_one_of(&path.child("preemptionPolicy"), policy, &["PreemptLowerPriority", "Never"]);
    }
    if let Some(os) = &spec.os {
        faults.required_one_of(&path.child("os").child("name"), &os.name, &["linux", "windows"]);
    }
}

fn names_and_numbers(spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    type Rule = fn(&str) -> Vec<String>;
    let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let before: [(&str, Option<String>, Rule); 2] = [
        ("serviceAccountName", set(&spec.service_account_name), names::dns1123_subdomain),
        ("nodeName", set(&spec.node_name), names::dns1123_subdomain),
    ];
    for (field, text, rule) in before {
        if let Some(text) = text {
            faults.invalid_each(&path.child(field), &text, rule(&text));
        }
    }
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        faults.invalid(&path.child("activeDeadlineSeconds"), &seconds, &names::range_fault(1, i64::from(i32::MAX)));
    }
    for (field, text) in [("hostname", set(&spec.hostname)), ("subdomain", set(&spec.subdomain))] {
        if let Some(text) = text {
            faults.invalid_each(&path.child(field), &text, names::dns1123_label(&text));
        }
    }
}

fn host_network_ports(spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    if spec.host_network != Some(true) {
        return;
    }
    for (index, container) in spec.containers.iter().enumerate() {
        let path = path.index(index);
        let path = path.child("ports");
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let host_port = port.host_port.unwrap_or(0);
            if host_port != port.container_port {
                let path = path.index(index);
                faults.invalid(&path.child("hostPort"), &host_port, "must match `containerPort` when `hostNetwork` is true");
            }
        }
    }
}

fn dns_config(config: Option<&PodDNSConfig>, policy: &str, path: &Path<'_>, faults: &mut Faults) {
    let nameservers = config.and_then(|config| config.nameservers.as_deref()).unwrap_or_default();
    if policy == "None" {
        if config.is_none() {
            return faults.required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        if nameservers.is_empty() {
            return faults
                .required(&path.child("nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None");
        }
    }
    let Some(config) = config else { return };
    let list = |texts: &[String]| AsJson(serde_json::to_string(texts).unwrap_or_default());
    let path_of_servers = path.child("nameservers");
    if nameservers.len() > MAX_NAMESERVERS {
        faults.invalid(&path_of_servers, &list(nameservers), &format!("must not have more than {MAX_NAMESERVERS} nameservers"));
    }
    for (index, server) in nameservers.iter().enumerate() {
        ip(server, &path_of_servers.index(index), faults);
    }
    let searches = config.searches.as_deref().unwrap_or_default();
    let path_of_searches = path.child("searches");
    if searches.len() > MAX_SEARCHES {
        faults.invalid(&path_of_searches, &list(searches), &format!("must not have more than {MAX_SEARCHES} search paths"));
    }
    if searches.join(" ").len() > MAX_SEARCH_CHARACTERS {
        let detail = format!("must not have more than {MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list");
        faults.invalid(&path_of_searches, &list(searches), &detail);
    }
    for (index, search) in searches.iter().enumerate().filter(|(_, search)| *search != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        faults.invalid_each(&path_of_searches.index(index), search, names::dns1123_subdomain_with_underscore(search));
    }
    let path_of_options = path.child("options");
    for (index, option) in config.options.iter().flatten().enumerate() {
        if option.name.as_deref().unwrap_or_default().is_empty() {
            faults.required(&path_of_options.index(index), "must not be empty");
        }
    }
}

/// Go's parser of addresses knows no zones and no leading zeros; neither does ours.
fn ip(text: &str, path: &Path<'_>, faults: &mut Faults) {
    if text.parse::<IpAddr>().is_err() {
        faults.invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
}

fn host_users(spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    if spec.host_users != Some(false) {
        return;
    }
    let shared = [("hostNetwork", spec.host_network), ("HostPID", spec.host_pid), ("HostIPC", spec.host_ipc)];
    for (field, _) in shared.into_iter().filter(|(_, is_shared)| *is_shared == Some(true)) {
        faults.forbidden(&path.child(field), "when `hostUsers` is false");
    }
}

fn host_name_override(spec: &PodSpec, path: &Path<'_>, faults: &mut Faults) {
    let Some(name) = &spec.hostname_override else { return };
    let path = path.child("hostnameOverride");
    if spec.set_hostname_as_fqdn == Some(true) {
        faults.forbidden(&path, "may not be specified when setHostnameAsFQDN is true");
    }
    if spec.host_network == Some(true) {
        faults.forbidden(&path, "may not be specified when hostNetwork is true");
    }
    if name.len() > 64 {
        faults.too_long(&path, 64);
    }
    faults.invalid_each(&path, name, names::dns1123_subdomain(name));
}

fn host_aliases(aliases: &[HostAlias], path: &Path<'_>, faults: &mut Faults) {
    for (index, alias) in aliases.iter().enumerate() {
        let path = path.index(index);
        ip(&alias.ip, &path.child("ip"), faults);
        let path = path.child("hostnames");
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            faults.invalid_each(&path.index(index), name, names::dns1123_subdomain(name));
        }
    }
}
