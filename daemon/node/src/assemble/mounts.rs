//! What is mounted into a container: its volumes, and the files that every container of a pod finds.

use super::process::Environment;
use super::{AssembleError, ContainerPaths, PodContext, files, spec_of};
use crate::expansion::expand;
use k8s_openapi::api::core::v1::{Container, VolumeMount};
use runtime::spec::{Access, BindKind, Mount, Propagation};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files of the pod's folder and where its containers see them. A volume mounted over one of them takes its place.
pub const MANAGED_FILES: [(&str, &str); 3] =
    [("hosts", "/etc/hosts"), ("hostname", "/etc/hostname"), ("resolv.conf", "/etc/resolv.conf")];

/// Where a volume's content is, in the pod's folder.
pub fn volume_dir(pod_dir: &Path, volume: &str) -> PathBuf {
    pod_dir.join("volumes").join(volume)
}

/// All mounts of a container, in the manifest's order.
pub fn assemble(
    context: &PodContext<'_>,
    container: &Container,
    paths: &ContainerPaths,
    env: &Environment,
) -> Result<Vec<Mount>, AssembleError> {
    let wanted = container.volume_mounts.as_deref().unwrap_or_default();
    let mut mounts = Vec::with_capacity(wanted.len() + MANAGED_FILES.len() + 1);
    for (file, target) in MANAGED_FILES {
        if !wanted.iter().any(|mount| Path::new(&mount.mount_path) == Path::new(target)) {
            mounts.push(file_mount(context.pod_dir.join(file), target));
        }
    }
    if let Some(target) = container.termination_message_path.as_deref().filter(|path| !path.is_empty()) {
        mounts.push(file_mount(paths.termination_message.clone(), target));
    }
    for mount in wanted {
        mounts.push(volume_mount(context, container, mount, env)?);
    }
    Ok(mounts)
}

fn file_mount(source: PathBuf, target: &str) -> Mount {
    Mount::Bind {
        source,
        target: target.into(),
        kind: BindKind::File,
        access: Access::ReadWrite,
        propagation: Propagation::Private,
    }
}

fn volume_mount(
    context: &PodContext<'_>,
    container: &Container,
    mount: &VolumeMount,
    env: &Environment,
) -> Result<Mount, AssembleError> {
    let volumes = spec_of(context.pod).volumes.as_deref().unwrap_or_default();
    let Some(volume) = volumes.iter().find(|volume| volume.name == mount.name) else {
        return Err(AssembleError::Volume { volume: mount.name.clone(), container: container.name.clone() });
    };
    let access = match (mount.read_only, mount.recursive_read_only.as_deref()) {
        (Some(true), Some("Enabled" | "IfPossible")) => Access::RecursiveReadOnly,
        (Some(true), _) => Access::ReadOnly,
        // What is written for the container is not for the container to write.
        _ if files::is_written(volume) => Access::ReadOnly,
        _ => Access::ReadWrite,
    };
    let propagation = match mount.mount_propagation.as_deref() {
        Some("HostToContainer") => Propagation::Slave,
        Some("Bidirectional") => Propagation::Shared,
        _ => Propagation::Private,
    };
    let source = match &volume.host_path {
        Some(host) => PathBuf::from(&host.path),
        None => volume_dir(context.pod_dir, &mount.name),
    };
    let target = target_of(mount);
    if let Some(part) = sub_path(mount, env)? {
        return Ok(Mount::Part { volume: source, part, target, access, propagation });
    }
    let is_file = context.host_files.contains(&mount.name);
    let kind = if is_file { BindKind::File } else { BindKind::Directory };
    Ok(Mount::Bind { source, target, kind, access, propagation })
}

/// Where a volume is mounted, inside the container's root.
pub fn target_of(mount: &VolumeMount) -> PathBuf {
    Path::new("/").join(&mount.mount_path)
}

/// The part of the volume that is to be mounted: `subPath`, or `subPathExpr` with the container's variables
/// (`pkg/kubelet/container/helpers.go:ExpandContainerVolumeMounts`). A variable that is empty counts as missing.
fn sub_path(mount: &VolumeMount, env: &Environment) -> Result<Option<PathBuf>, AssembleError> {
    let given = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let Some(expression) = given(&mount.sub_path_expr) else { return Ok(given(&mount.sub_path).map(PathBuf::from)) };
    let missing = RefCell::new(BTreeSet::new());
    let part = expand(&expression, &|name| {
        let value = env.own(name).filter(|value| !value.is_empty());
        if value.is_none() {
            missing.borrow_mut().insert(name.to_owned());
        }
        value
    });
    let missing: Vec<String> = missing.into_inner().into_iter().collect();
    if !missing.is_empty() {
        return Err(AssembleError::SubPathVariables(missing.join(", ")));
    }
    if part.starts_with('/') {
        return Err(AssembleError::AbsoluteSubPath(part));
    }
    if part.split('/').any(|name| name == "..") {
        return Err(AssembleError::ClimbingSubPath(part));
    }
    // Whatever was expanded to nothing is all of the volume.
    Ok(Some(part).filter(|part| !part.is_empty()).map(PathBuf::from))
}
