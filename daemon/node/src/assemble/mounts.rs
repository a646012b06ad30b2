//! What is mounted into a container: its volumes, and the files that every container of a pod finds.

use super::{AssembleError, ContainerPaths, PodContext, files, spec_of};
use k8s_openapi::api::core::v1::{Container, VolumeMount};
use runtime::spec::{Access, BindKind, Mount, Propagation};
use std::path::{Path, PathBuf};

/// Files of the pod's folder and where its containers see them. A volume mounted over one of them takes its place.
pub const MANAGED_FILES: [(&str, &str); 3] =
    [("hosts", "/etc/hosts"), ("hostname", "/etc/hostname"), ("resolv.conf", "/etc/resolv.conf")];

/// Where a volume's content is, in the pod's folder.
pub fn volume_dir(pod_dir: &Path, volume: &str) -> PathBuf {
    pod_dir.join("volumes").join(volume)
}

/// All mounts of a container, in the manifest's order.
pub fn assemble(context: &PodContext<'_>, container: &Container, paths: &ContainerPaths) -> Result<Vec<Mount>, AssembleError> {
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
        mounts.push(volume_mount(context, container, mount)?);
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

fn volume_mount(context: &PodContext<'_>, container: &Container, mount: &VolumeMount) -> Result<Mount, AssembleError> {
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
    let is_file = context.host_files.contains(&mount.name);
    Ok(Mount::Bind {
        source: match &volume.host_path {
            Some(host) => PathBuf::from(&host.path),
            None => volume_dir(context.pod_dir, &mount.name),
        },
        target: Path::new("/").join(&mount.mount_path),
        kind: if is_file { BindKind::File } else { BindKind::Directory },
        access,
        propagation,
    })
}
