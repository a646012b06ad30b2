//! Ephemeral containers: what one may have, and that those that are there stay (`ValidatePodEphemeralContainersUpdate`).

use super::container::{Context, validate_common};
use super::faults::{Faults, Path};
use crate::ephemeral::as_container;
use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};
use std::collections::BTreeSet;

const NOT_FOR_THESE: &str = "cannot be set for an Ephemeral Container";

/// Checks the ephemeral containers of a pod.
pub(super) fn validate(context: &Context<'_>, path: &Path<'_>, faults: &mut Faults) {
    let spec = context.spec;
    let others: BTreeSet<&str> =
        spec.containers.iter().chain(spec.init_containers.iter().flatten()).map(|container| container.name.as_str()).collect();
    let mut taken = others.clone();
    for (index, container) in spec.ephemeral_containers.iter().flatten().enumerate() {
        let path = path.index(index);
        validate_common(&as_container(container), context, &path, faults);
        if !taken.insert(container.name.as_str()) {
            faults.duplicate(&path.child("name"), &container.name);
        }
        let target = container.target_container_name.as_deref();
        if let Some(target) = target.filter(|target| !target.is_empty() && !others.contains(target)) {
            faults.not_found(&path.child("targetContainerName"), target);
        }
        for field in forbidden(container) {
            faults.forbidden(&path.child(field), NOT_FOR_THESE);
        }
        let mounts = path.child("volumeMounts");
        for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
            let path = mounts.index(index);
            for (field, text) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
                if text.as_ref().is_some_and(|text| !text.is_empty()) {
                    faults.forbidden(&path.child(field), NOT_FOR_THESE);
                }
            }
        }
    }
}

/// The fields of a container that an ephemeral one has and may not use.
fn forbidden(container: &EphemeralContainer) -> Vec<&'static str> {
    let set = [
        ("ports", container.ports.as_ref().is_some_and(|ports| !ports.is_empty())),
        ("resources", container.resources.as_ref().is_some_and(|resources| *resources != Default::default())),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
        ("lifecycle", container.lifecycle.is_some()),
        ("restartPolicy", container.restart_policy.is_some()),
        ("resizePolicy", container.resize_policy.as_ref().is_some_and(|policy| !policy.is_empty())),
    ];
    set.into_iter().filter(|(_, is_set)| *is_set).map(|(field, _)| field).collect()
}

/// Checks that the ephemeral containers that a pod has stay as they are.
pub(super) fn validate_update(old: &Pod, new: &Pod, faults: &mut Faults) {
    let list = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.ephemeral_containers.clone()).unwrap_or_default();
    let root = Path::root("spec");
    let path = root.child("ephemeralContainers");
    let new = list(new);
    for was in list(old) {
        match new.iter().find(|container| container.name == was.name) {
            None => faults.forbidden(&path, &format!("existing ephemeral containers {:?} may not be removed\n", was.name)),
            Some(is) if *is != was => {
                faults.forbidden(&path, &format!("existing ephemeral containers {:?} may not be changed\n", was.name));
            }
            Some(_) => {}
        }
    }
}
