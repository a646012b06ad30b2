//! What a manifest leaves out: the defaults of `pkg/apis/core/v1/defaults.go` and of the admission plugins that every
//! cluster has (`DefaultTolerationSeconds`, `Priority`).

use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EphemeralContainer, HTTPGetAction, Lifecycle, ObjectFieldSelector, Pod, PodSecurityContext, PodSpec,
    Probe, ResourceRequirements, Toleration, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use std::collections::BTreeMap;

/// Seconds that a pod stays on a node that does not answer.
const TOLERATION_SECONDS: i64 = 300;
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Completes a pod.
pub(super) fn complete(pod: &mut Pod) {
    let Some(spec) = pod.spec.as_mut() else { return };
    complete_spec_of_any(spec);
    tolerate_absent_nodes(spec);
    if spec.priority_class_name.is_none() {
        spec.priority.get_or_insert(0);
    }
    spec.preemption_policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
}

/// Completes what a pod and a pod's template have alike.
pub(super) fn complete_spec_of_any(spec: &mut PodSpec) {
    complete_spec(spec);
    for volume in spec.volumes.iter_mut().flatten() {
        complete_volume(volume);
    }
    let host_network = spec.host_network == Some(true);
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        complete_container(container);
        if host_network {
            for port in container.ports.iter_mut().flatten() {
                let number = port.container_port;
                port.host_port.get_or_insert(number);
            }
        }
    }
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        complete_ephemeral(container);
    }
}

fn complete_spec(spec: &mut PodSpec) {
    spec.dns_policy.get_or_insert_with(|| "ClusterFirst".to_owned());
    spec.restart_policy.get_or_insert_with(|| "Always".to_owned());
    spec.security_context.get_or_insert_with(PodSecurityContext::default);
    spec.termination_grace_period_seconds.get_or_insert(30);
    spec.scheduler_name.get_or_insert_with(|| "default-scheduler".to_owned());
    spec.enable_service_links.get_or_insert(true);
    // The old and the new name of the same field.
    match (&spec.service_account_name, &spec.service_account) {
        (None, Some(old)) => spec.service_account_name = Some(old.clone()),
        (Some(new), _) => spec.service_account = Some(new.clone()),
        (None, None) => {}
    }
}

fn complete_container(container: &mut Container) {
    let image = container.image.as_deref().unwrap_or_default();
    container.image_pull_policy.get_or_insert_with(|| pull_policy(image).to_owned());
    container.termination_message_path.get_or_insert_with(|| "/dev/termination-log".to_owned());
    container.termination_message_policy.get_or_insert_with(|| "File".to_owned());
    for port in container.ports.iter_mut().flatten() {
        port.protocol.get_or_insert_with(|| "TCP".to_owned());
    }
    complete_env(container.env.iter_mut().flatten());
    complete_resources(container.resources.get_or_insert_with(ResourceRequirements::default));
    let probes = [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    for probe in probes.into_iter().flatten() {
        complete_probe(probe);
    }
    if let Some(lifecycle) = &mut container.lifecycle {
        complete_lifecycle(lifecycle);
    }
}

fn complete_ephemeral(container: &mut EphemeralContainer) {
    let image = container.image.as_deref().unwrap_or_default();
    container.image_pull_policy.get_or_insert_with(|| pull_policy(image).to_owned());
    container.termination_message_path.get_or_insert_with(|| "/dev/termination-log".to_owned());
    container.termination_message_policy.get_or_insert_with(|| "File".to_owned());
    complete_env(container.env.iter_mut().flatten());
}

fn complete_env<'a>(variables: impl Iterator<Item = &'a mut EnvVar>) {
    for source in variables.filter_map(|variable| variable.value_from.as_mut()) {
        if let Some(field) = &mut source.field_ref {
            complete_field_selector(field);
        }
    }
}

fn complete_field_selector(field: &mut ObjectFieldSelector) {
    field.api_version.get_or_insert_with(|| "v1".to_owned());
}

/// A limit without a request is the request too; amounts are rounded up to thousandths.
fn complete_resources(resources: &mut ResourceRequirements) {
    for map in [&mut resources.limits, &mut resources.requests].into_iter().flatten() {
        round(map);
    }
    if let Some(limits) = &resources.limits {
        let requests = resources.requests.get_or_insert_with(BTreeMap::new);
        for (name, limit) in limits {
            requests.entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
}

fn round(map: &mut BTreeMap<String, QuantityText>) {
    for amount in map.values_mut() {
        if let Ok(quantity) = Quantity::parse(&amount.0) {
            amount.0 = quantity.rounded_to_milli().canonical();
        }
    }
}

fn complete_probe(probe: &mut Probe) {
    probe.timeout_seconds.get_or_insert(1);
    probe.period_seconds.get_or_insert(10);
    probe.success_threshold.get_or_insert(1);
    probe.failure_threshold.get_or_insert(3);
    if let Some(http) = &mut probe.http_get {
        complete_http(http);
    }
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_with(String::new);
    }
}

fn complete_lifecycle(lifecycle: &mut Lifecycle) {
    for hook in [&mut lifecycle.post_start, &mut lifecycle.pre_stop].into_iter().flatten() {
        if let Some(http) = &mut hook.http_get {
            complete_http(http);
        }
    }
}

fn complete_http(http: &mut HTTPGetAction) {
    http.path.get_or_insert_with(|| "/".to_owned());
    http.scheme.get_or_insert_with(|| "HTTP".to_owned());
}

fn complete_volume(volume: &mut Volume) {
    if super::volume::sources(volume).is_empty() {
        volume.empty_dir = Some(k8s_openapi::api::core::v1::EmptyDirVolumeSource::default());
    }
    if let Some(path) = &mut volume.host_path {
        path.type_.get_or_insert_with(String::new);
    }
    if let Some(secret) = &mut volume.secret {
        secret.default_mode.get_or_insert(0o644);
    }
    if let Some(map) = &mut volume.config_map {
        map.default_mode.get_or_insert(0o644);
    }
    if let Some(downward) = &mut volume.downward_api {
        downward.default_mode.get_or_insert(0o644);
        for field in downward.items.iter_mut().flatten().filter_map(|file| file.field_ref.as_mut()) {
            complete_field_selector(field);
        }
    }
    if let Some(projected) = &mut volume.projected {
        projected.default_mode.get_or_insert(0o644);
        for source in projected.sources.iter_mut().flatten() {
            if let Some(token) = &mut source.service_account_token {
                token.expiration_seconds.get_or_insert(3600);
            }
            for file in source.downward_api.iter_mut().flat_map(|downward| downward.items.iter_mut().flatten()) {
                if let Some(field) = &mut file.field_ref {
                    complete_field_selector(field);
                }
            }
        }
    }
    if let Some(iscsi) = &mut volume.iscsi {
        iscsi.iscsi_interface.get_or_insert_with(|| "default".to_owned());
    }
    if let Some(image) = &mut volume.image {
        let reference = image.reference.as_deref().unwrap_or_default();
        image.pull_policy.get_or_insert_with(|| pull_policy(reference).to_owned());
    }
}

/// A pod leaves a node that does not answer after a while, unless it says otherwise.
fn tolerate_absent_nodes(spec: &mut PodSpec) {
    let tolerations = spec.tolerations.get_or_insert_with(Vec::new);
    for key in [NOT_READY, UNREACHABLE] {
        let is_covered = tolerations.iter().any(|toleration| {
            let covers_key = toleration.key.as_deref().is_none_or(|found| found.is_empty() || found == key);
            covers_key && toleration.effect.as_deref().is_none_or(|effect| effect.is_empty() || effect == "NoExecute")
        });
        if !is_covered {
            tolerations.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(TOLERATION_SECONDS),
                value: None,
            });
        }
    }
}

/// `Always` for the tag `latest`, which is also the tag of an image that names none.
pub(super) fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    let (repository, tag) = last.split_once(':').map_or((last, None), |(repository, tag)| (repository, Some(tag)));
    // What is no reference at all has no tag either.
    let is_reference = !repository.is_empty()
        && repository.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    match tag {
        _ if !is_reference => "IfNotPresent",
        None if digest.is_none() => "Always",
        Some("latest") => "Always",
        _ => "IfNotPresent",
    }
}
