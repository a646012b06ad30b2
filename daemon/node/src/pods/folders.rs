//! A pod's folders and files on this machine: made before its sandbox, removed after it.
//!
//! ```text
//! <data-dir>/pods/<uid>/{hosts,hostname,resolv.conf}   what containers find in /etc
//! <data-dir>/pods/<uid>/root                           an empty folder: where each container mounts its root, for itself
//! <data-dir>/pods/<uid>/volumes/<name>                 every volume but hostPath
//! <data-dir>/pods/<uid>/containers/<name>/<attempt>/   {upper,work,termination-log}
//! <data-dir>/logs/<namespace>_<name>_<uid>/<name>/     <attempt>.log
//! <run-dir>/pods/<uid>/                                the supervisor's, and <name>-<attempt>.env, a container's variables
//! ```

use crate::assemble;
use crate::pod_files;
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Pod};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use objects::quantity::Quantity;
use runtime::sandbox::SupervisorId;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Something about a pod's files failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}")]
pub struct FolderError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError { action, path, source }
}

/// Where a pod's files are.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Its volumes, files and changes to images.
    pub pod_dir: PathBuf,
    /// Its logs.
    pub log_dir: PathBuf,
    /// Its supervisor's.
    pub run_dir: PathBuf,
}

impl Folders {
    /// Makes the pod's folder and volumes. Again is fine: what is there stays. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with what could not be made.
    pub fn prepare(&self, pod: &Pod, node_memory_bytes: u64) -> Result<(), FolderError> {
        let root = self.pod_dir.join("root");
        fs::create_dir_all(&root).map_err(failed("make", &root))?;
        super::salvage::keep(pod, &self.pod_dir).map_err(failed("write the object in", &self.pod_dir))?;
        let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
        for volume in volumes {
            if let Some(empty_dir) = &volume.empty_dir {
                let path = assemble::volume_dir(&self.pod_dir, &volume.name);
                make_empty_dir(&path, empty_dir, || {
                    assemble::pod_resources(pod)
                        .memory_limit_bytes
                        .map_or(node_memory_bytes, |limit| limit.min(node_memory_bytes))
                })?;
            }
        }
        Ok(())
    }

    /// Writes what the containers find in /etc. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with the file that could not be written.
    pub fn write_files(&self, pod: &Pod, ips: &[IpAddr]) -> Result<(), FolderError> {
        let Some(spec) = &pod.spec else { return Ok(()) };
        let hostname = assemble::hostname(pod);
        let node = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let is_host_network = spec.host_network == Some(true);
        let hosts = if is_host_network {
            pod_files::host_network_hosts(spec, &node("/etc/hosts"))
        } else {
            pod_files::hosts(spec, &hostname, ips)
        };
        let hostname = if is_host_network { node("/etc/hostname") } else { format!("{hostname}\n") };
        let resolv_conf = pod_files::resolv_conf(spec, &node("/etc/resolv.conf"));
        for (name, text) in [("hosts", hosts), ("hostname", hostname), ("resolv.conf", resolv_conf)] {
            let path = self.pod_dir.join(name);
            fs::write(&path, text).map_err(failed("write", &path))?;
            // Containers with another user read it, whatever the daemon's umask.
            fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(failed("change", &path))?;
        }
        Ok(())
    }

    /// Makes what one start of a container needs, fresh: what an unfinished start of the same number left is removed, because
    /// a volatile overlay cannot be mounted twice. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with what could not be made.
    pub fn prepare_container(&self, paths: &assemble::ContainerPaths) -> Result<(), FolderError> {
        for folder in [&paths.upper, &paths.work] {
            remove_all(folder)?;
            fs::create_dir_all(folder).map_err(failed("make", folder))?;
        }
        // The root of the container's file system: readable by whatever user the container runs as.
        fs::set_permissions(&paths.upper, Permissions::from_mode(0o755)).map_err(failed("change", &paths.upper))?;
        let message = &paths.termination_message;
        fs::write(message, b"").map_err(failed("write", message))?;
        // Whatever user the container runs as writes to it, as with kubelet.
        fs::set_permissions(message, Permissions::from_mode(0o666)).map_err(failed("change", message))
    }

    /// Keeps the variables that a container is started with, for the programs that are run in it later: what they were taken from may
    /// change. They may be secret, so they are on the run folder's tmpfs, for root alone. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with the file that cannot be written.
    pub fn keep_variables(&self, container: &str, attempt: u32, variables: &[(String, String)]) -> Result<(), FolderError> {
        let path = self.variables_file(container, attempt);
        let text = serde_json::to_vec(variables).map_err(|error| failed("write", &path)(error.into()))?;
        // The attempt before is over.
        if let Some(before) = attempt.checked_sub(1) {
            let _ = fs::remove_file(self.variables_file(container, before));
        }
        let _ = fs::remove_file(&path);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(&text)).map_err(failed("write", &path))
    }

    /// The variables that a container was started with; `None` for one that an older daemon started. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] where they cannot be read.
    pub fn kept_variables(&self, container: &str, attempt: u32) -> Result<Option<Vec<(String, String)>>, FolderError> {
        let path = self.variables_file(container, attempt);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed("read", &path)(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    fn variables_file(&self, container: &str, attempt: u32) -> PathBuf {
        self.run_dir.join(format!("{container}-{attempt}.env"))
    }

    /// Removes what the attempts before the previous one left: only the two newest instances of a container matter. Blocks.
    pub fn forget_old_attempts(&self, container: &str, attempt: u32) {
        let Some(oldest_kept) = attempt.checked_sub(1) else { return };
        let Some(old) = oldest_kept.checked_sub(1) else { return };
        // What an earlier failure left behind goes with the pod.
        let _ = fs::remove_dir_all(self.container_dir(container, old));
        let id = runtime::protocol::ContainerId { name: container.to_owned(), attempt: old };
        let _ = runtime::sandbox::remove_exit(&self.run_dir, &id);
        let logs = self.log_dir.join(container);
        let prefix = format!("{old}.log");
        for entry in fs::read_dir(&logs).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_old = name
                .to_str()
                .and_then(|name| name.strip_prefix(&prefix))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if is_old {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes an ended instance's changes to its image; its termination message stays. Blocks.
    pub fn drop_changes(&self, container: &str, attempt: u32) {
        let own = self.container_dir(container, attempt);
        for name in ["upper", "work"] {
            // What cannot be removed now goes with the pod.
            let _ = fs::remove_dir_all(own.join(name));
        }
    }

    fn container_dir(&self, container: &str, attempt: u32) -> PathBuf {
        self.pod_dir.join("containers").join(container).join(attempt.to_string())
    }

    /// Kills the supervisor that the pid file names, should it still live: it was asked to end before. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] where it cannot be killed.
    pub fn kill_supervisor(&self) -> Result<(), FolderError> {
        let path = self.run_dir.join(runtime::sandbox::PID_FILE);
        let Ok(supervisor) = SupervisorId::read(&path) else { return Ok(()) };
        if !supervisor.is_alive() {
            return Ok(());
        }
        let pid = nix::unistd::Pid::from_raw(supervisor.pid);
        match nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(errno) => Err(failed("kill the supervisor of", &self.run_dir)(errno.into())),
        }
    }

    /// Removes what the supervisor kept in the run folder. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with what could not be removed.
    pub fn remove_supervisor_files(&self) -> Result<(), FolderError> {
        runtime::sandbox::remove(&self.run_dir).map_err(failed("remove", &self.run_dir))
    }

    /// Unmounts the pod's volumes and removes everything of it but its logs. Again is fine. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with what could not be removed: try again.
    pub fn remove(&self) -> Result<(), FolderError> {
        self.unmount_volumes()?;
        remove_all(&self.pod_dir)?;
        remove_all(&self.run_dir)
    }

    /// Removes the pod's volumes, and its containers' changes to their images; its logs and files stay. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with what could not be removed.
    pub fn remove_volumes(&self) -> Result<(), FolderError> {
        self.unmount_volumes()?;
        remove_all(&self.pod_dir.join("volumes"))?;
        remove_all(&self.pod_dir.join("containers"))
    }

    /// Removes the pod's logs. Blocks.
    ///
    /// # Errors
    /// [`FolderError`] with what could not be removed.
    pub fn remove_logs(&self) -> Result<(), FolderError> {
        remove_all(&self.log_dir)
    }

    fn unmount_volumes(&self) -> Result<(), FolderError> {
        for entry in fs::read_dir(self.pod_dir.join("volumes")).into_iter().flatten().flatten() {
            let path = entry.path();
            if is_mount_point(&path) {
                umount2(&path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
                    .map_err(|errno| failed("unmount", &path)(errno.into()))?;
            }
        }
        Ok(())
    }
}

/// A folder that everybody may write to; in memory where the manifest asks for it.
fn make_empty_dir(path: &Path, source: &EmptyDirVolumeSource, most: impl FnOnce() -> u64) -> Result<(), FolderError> {
    fs::create_dir_all(path).map_err(failed("make", path))?;
    if source.medium.as_deref() == Some("Memory") && !is_mount_point(path) {
        let limit = source.size_limit.as_ref().and_then(|limit| Quantity::parse(&limit.0).ok());
        let limit = limit.and_then(|limit| u64::try_from(limit.to_bytes()).ok()).filter(|limit| *limit > 0);
        let options = format!("size={},mode=0777", limit.unwrap_or_else(most));
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options.as_str()))
            .map_err(|errno| failed("mount a tmpfs on", path)(errno.into()))?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o777)).map_err(failed("change", path))
}

/// A mount point is on another device than its parent folder.
pub(super) fn is_mount_point(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev()).ok();
    match (device(path), path.parent().and_then(device)) {
        (Some(own), Some(parents)) => own != parents,
        _ => false,
    }
}

fn remove_all(path: &Path) -> Result<(), FolderError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}
