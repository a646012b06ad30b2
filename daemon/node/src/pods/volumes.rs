//! Writes the volumes that show ConfigMaps, Secrets and the pod itself, and checks those of the host.

use super::folders::is_mount_point;
use crate::assemble::{self, PodContext, files};
use crate::atomic_writer;
use crate::sources::Sources;
use k8s_openapi::api::core::v1::{Container, Pod, Volume};
use nix::mount::{MsFlags, mount};
use runtime::container::make_part;
use runtime::spec::Mount;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

/// Why a pod has no volume: what `FailedMount` says.
#[derive(Debug, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume \"{volume}\" : {why}")]
pub struct VolumeError {
    volume: String,
    why: String,
}

/// Why a container cannot have a part of a volume: the message of `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
#[error("failed to create subPath directory for volumeMount \"{volume}\" of container \"{container}\"")]
pub struct SubPathError {
    volume: String,
    container: String,
    #[source]
    source: io::Error,
}

/// Makes the parts of volumes that a container mounts and that are not there yet (`subPath`). Blocks.
///
/// # Errors
/// The first that cannot be made inside its volume.
pub fn make_parts(container: &Container, mounts: &[Mount]) -> Result<(), SubPathError> {
    for mount in mounts {
        let Mount::Part { volume, part, target, .. } = mount else { continue };
        make_part(volume, part).map_err(|source| {
            let wanted = container.volume_mounts.iter().flatten().find(|wanted| assemble::target_of(wanted) == *target);
            let volume = wanted.map(|wanted| wanted.name.clone()).unwrap_or_default();
            SubPathError { volume, container: container.name.clone(), source }
        })?;
    }
    Ok(())
}

/// Whether the pod has volumes whose content may change.
pub fn are_written(pod: &Pod) -> bool {
    volumes(pod).iter().any(files::is_written)
}

/// Whether volumes that show the pod itself show something else now.
pub fn is_shown_otherwise(before: &Pod, now: &Pod) -> bool {
    let shown = |pod: &Pod| (pod.metadata.labels.clone(), pod.metadata.annotations.clone());
    let shows = |volume: &Volume| volume.downward_api.is_some() || volume.projected.is_some();
    volumes(now).iter().any(shows) && shown(before) != shown(now)
}

fn volumes(pod: &Pod) -> &[Volume] {
    pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default()
}

/// Makes and fills the pod's volumes, or changes what is in them. Again is fine. Blocks.
///
/// # Errors
/// The first volume that cannot be had as the manifest says.
pub fn write(context: &PodContext<'_>, sources: &Sources) -> Result<(), VolumeError> {
    for volume in volumes(context.pod) {
        if let Some(host) = &volume.host_path {
            check(Path::new(&host.path), host.type_.as_deref().unwrap_or_default())
                .map_err(|why| VolumeError { volume: volume.name.clone(), why })?;
        }
    }
    for volume in volumes(context.pod).iter().filter(|volume| files::is_written(volume)) {
        let failed = |why: String| VolumeError { volume: volume.name.clone(), why };
        let files = files::of(context, volume, sources).map_err(failed)?;
        let path = assemble::volume_dir(context.pod_dir, &volume.name);
        make(&path, volume).and_then(|()| atomic_writer::write(&path, &files)).map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// The volume's folder; in memory where it may hold something secret.
fn make(path: &Path, volume: &Volume) -> io::Result<()> {
    fs::create_dir_all(path)?;
    if files::is_secret(volume) && !is_mount_point(path) {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("mode=0755"))?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// The pod's volumes of the host that are no folders, by name.
pub fn host_files(pod: &Pod) -> BTreeSet<String> {
    let is_file = |volume: &&Volume| {
        let host = volume.host_path.as_ref();
        host.is_some_and(|host| fs::metadata(&host.path).is_ok_and(|metadata| !metadata.is_dir()))
    };
    volumes(pod).iter().filter(is_file).map(|volume| volume.name.clone()).collect()
}

/// Checks that the host has what the manifest says, and makes what it may make (`pkg/volume/hostpath/host_path.go`).
fn check(path: &Path, kind: &str) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot make {}: {error}", path.display());
    match kind {
        "DirectoryOrCreate" if !path.exists() => make_host_folder(path).map_err(cannot)?,
        "FileOrCreate" if !path.exists() => make_host_file(path).map_err(cannot)?,
        // The common runtimes make a folder of what is not there.
        "" if !path.exists() => make_host_folder(path).map_err(cannot)?,
        _ => {}
    }
    let what = fs::metadata(path).map(|metadata| metadata.file_type()).ok();
    let is = |test: fn(&fs::FileType) -> bool| what.as_ref().is_some_and(test);
    let (is_so, wanted) = match kind {
        "Directory" | "DirectoryOrCreate" => (is(fs::FileType::is_dir), "a directory"),
        "File" | "FileOrCreate" => (is(fs::FileType::is_file), "a file"),
        "Socket" => (is(FileTypeExt::is_socket), "a socket file"),
        "CharDevice" => (is(FileTypeExt::is_char_device), "a character device"),
        "BlockDevice" => (is(FileTypeExt::is_block_device), "a block device"),
        _ => (true, ""),
    };
    if is_so { Ok(()) } else { Err(format!("hostPath type check failed: {} is not {wanted}", path.display())) }
}

fn make_host_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn make_host_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_host_is_what_its_type_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let said = |name: &str, kind: &str| check(&at(name), kind);
        let not = |name: &str, what: &str| Err(format!("hostPath type check failed: {} is not {what}", at(name).display()));
        assert_eq!(said("none", "Directory"), not("none", "a directory"));
        assert_eq!(said("none", "File"), not("none", "a file"));
        assert_eq!(said("file", "FileOrCreate"), Ok(()));
        assert_eq!(said("file", "Directory"), not("file", "a directory"));
        assert_eq!(said("file", "Socket"), not("file", "a socket file"));
        assert_eq!(said("sub/folder", "DirectoryOrCreate"), Ok(()));
        assert_eq!(said("sub/folder", "FileOrCreate"), not("sub/folder", "a file"));
        assert_eq!(said("made", ""), Ok(()));
        assert!(at("made").is_dir());
        assert_eq!(check(Path::new("/dev/null"), "CharDevice"), Ok(()));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        assert_eq!(said("socket", "Socket"), Ok(()));
    }
}
