//! Control groups of pods and containers: made and limited here, entered by the processes themselves.
//!
//! The tree is the kubelet's, below a root of its own, the same in every hierarchy:
//!
//! ```text
//! <mount>/skiff/supervisors                       every pod's supervisor: outside of what a pod can exhaust
//! <mount>/skiff/kubepods/pod<uid>/<container>     Guaranteed
//! <mount>/skiff/kubepods/burstable/pod<uid>/…
//! <mount>/skiff/kubepods/besteffort/pod<uid>/…
//! ```
//!
//! No process is ever moved here: a parent that writes a pid into `cgroup.procs` waits 5 to 16 ms for the kernel, a child that
//! moves itself 0.1 ms. So [`Cgroups::create_container`] returns a [`CgroupAttach`] for the child.
//!
//! The groups are made at the mount points, whatever group the daemon itself is in. Where version 2 is mounted inside a
//! container, that place has processes of its own and the kernel refuses to give it limits for its children; the processes
//! are then moved into `<mount>/init`, which is what other nested engines do too.
//!
//! All calls block for some system calls: 0.1 to 0.3 ms; [`Cgroups::kill`] and [`Cgroups::remove`] up to seconds where a process
//! does not die.

mod devices;
mod error;
mod layout;
mod limits;
mod processes;
#[cfg(test)]
mod tests;
mod usage;

use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use devices::DevicePolicy;
pub use error::CgroupError;
pub use limits::Resources;
pub use usage::Usage;

use crate::spec::{CgroupAttach, default_devices};
use layout::{Layout, V2_CONTROLLERS};
use limits::GroupFolders;

/// Longest name of a group that we make, in bytes.
const LONGEST_NAME: usize = 200;

/// How sure a pod can be of its resources; decides where its groups are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qos {
    /// Every container's requests are its limits.
    Guaranteed,
    /// Some requests or limits.
    Burstable,
    /// None.
    BestEffort,
}

impl Qos {
    const ALL: [Self; 3] = [Self::Guaranteed, Self::Burstable, Self::BestEffort];

    /// The folder below `kubepods`.
    fn folder(self) -> &'static str {
        match self {
            Self::Guaranteed => "",
            Self::Burstable => "burstable",
            Self::BestEffort => "besteffort",
        }
    }
}

/// The settings of [`Cgroups`].
#[derive(Debug, Clone)]
pub struct CgroupConfig {
    /// The group below which everything is made, in every hierarchy: `skiff`, or a path such as `fleet/skiff`.
    pub root: String,
    /// `/proc/self/mountinfo`, or a file like it.
    pub mountinfo: PathBuf,
}

impl Default for CgroupConfig {
    fn default() -> Self {
        Self { root: "skiff".to_owned(), mountinfo: "/proc/self/mountinfo".into() }
    }
}

/// The control groups of this node.
#[derive(Debug)]
pub struct Cgroups {
    layout: Layout,
    root: PathBuf,
    /// Version 2: the program of [`DevicePolicy::Default`], loaded once and attached to every container's group.
    default_devices: OnceLock<OwnedFd>,
}

impl Cgroups {
    /// Finds the hierarchies and makes the groups above the pods; what is there already is kept.
    pub fn open(config: &CgroupConfig) -> Result<Self, CgroupError> {
        let layout = Layout::detect(&config.mountinfo)?;
        for part in config.root.split('/') {
            check_name(part)?;
        }
        let cgroups = Self { layout, root: config.root.clone().into(), default_devices: OnceLock::new() };
        cgroups.make_upper_groups()?;
        Ok(cgroups)
    }

    /// Where supervisors belong: one group for all of them, without limits.
    pub fn supervisors(&self) -> CgroupAttach {
        self.attach(&self.root.join("supervisors"))
    }

    /// Makes the pod's groups. `resources` are the sums that hold for the pod as a whole: a limit only where every container has
    /// one. A pod that is there already gets the new limits.
    pub fn create_pod(&self, uid: &str, qos: Qos, resources: &Resources) -> Result<(), CgroupError> {
        let group = self.pod_group(uid, qos)?;
        self.make(&group)?;
        self.delegate(&group)?;
        self.limit(&group, resources)
    }

    /// Makes the groups of one attempt of a container of a pod that [`Cgroups::create_pod`] made. `id` is any name that is unique
    /// in the pod, such as `web-3` for the third attempt of `web`.
    pub fn create_container(
        &self,
        uid: &str,
        id: &str,
        resources: &Resources,
        devices: DevicePolicy,
    ) -> Result<CgroupAttach, CgroupError> {
        check_name(id)?;
        let group = self.find_pod(uid)?.join(id);
        self.make(&group)?;
        self.limit(&group, resources)?;
        if let Layout::V2 { mount } = &self.layout {
            // When one process of a container runs out of memory the container is of no use; Kubernetes ends it whole.
            write(&mount.join(&group).join("memory.oom.group"), "1")?;
        }
        if devices == DevicePolicy::Default {
            self.restrict_devices(&group)?;
        }
        Ok(self.attach(&group))
    }

    /// The groups of one attempt of a container that [`Cgroups::create_container`] made.
    pub fn find_container(&self, uid: &str, id: &str) -> Result<CgroupAttach, CgroupError> {
        check_name(id)?;
        Ok(self.attach(&self.find_pod(uid)?.join(id)))
    }

    /// Gives a container that runs other limits; one that is missing stays as it is.
    pub fn resize_container(&self, uid: &str, id: &str, resources: &Resources) -> Result<(), CgroupError> {
        check_name(id)?;
        self.limit(&self.find_pod(uid)?.join(id), resources)
    }

    /// Removes the groups of one attempt of a container; its processes must have ended or are killed.
    pub fn remove_container(&self, uid: &str, id: &str) -> Result<(), CgroupError> {
        check_name(id)?;
        let Ok(pod) = self.find_pod(uid) else { return Ok(()) };
        let group = pod.join(id);
        processes::kill(&self.layout, &group, uid)?;
        processes::remove(&self.layout, &group)
    }

    /// Kills every process of the pod and waits for their end; blocks. A pod without groups has no processes.
    pub fn kill(&self, uid: &str) -> Result<(), CgroupError> {
        match self.find_pod(uid) {
            Ok(group) => processes::kill(&self.layout, &group, uid),
            Err(CgroupError::UnknownPod { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the pod's groups from every hierarchy, killing what is left in them; blocks. What is not there is no error.
    pub fn remove(&self, uid: &str) -> Result<(), CgroupError> {
        for qos in Qos::ALL {
            let group = self.pod_group(uid, qos)?;
            if self.layout.mounts().iter().any(|mount| mount.join(&group).exists()) {
                processes::kill(&self.layout, &group, uid)?;
                processes::remove(&self.layout, &group)?;
            }
        }
        Ok(())
    }

    /// The processes of the pod.
    pub fn processes(&self, uid: &str) -> Result<Vec<u32>, CgroupError> {
        processes::processes(&self.layout.processes().join(self.find_pod(uid)?))
    }

    /// The uids of all pods that have groups in any hierarchy, sorted: after a restart, remove those that should not run.
    pub fn pods(&self) -> Result<Vec<String>, CgroupError> {
        let mut found = Vec::new();
        for mount in self.layout.mounts() {
            for qos in Qos::ALL {
                let folder = mount.join(&self.root).join("kubepods").join(qos.folder());
                let entries = fs::read_dir(&folder).map_err(|source| CgroupError::Read { path: folder, source })?;
                let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
                found.extend(names.filter_map(|name| name.strip_prefix("pod").map(str::to_owned)));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// How many processes of a container the kernel killed because the container was out of memory.
    pub fn oom_kills(&self, uid: &str, id: &str) -> Result<u64, CgroupError> {
        check_name(id)?;
        usage::oom_kills(&self.layout, &self.find_pod(uid)?.join(id))
    }

    /// What the pod, or one container of it, uses.
    pub fn usage(&self, uid: &str, id: Option<&str>) -> Result<Usage, CgroupError> {
        let mut group = self.find_pod(uid)?;
        if let Some(id) = id {
            check_name(id)?;
            group.push(id);
        }
        usage::read(&self.layout, &group)
    }

    /// The weight of all burstable pods together against guaranteed ones: the sum of their cpu requests, in thousandths of a
    /// core. Best-effort pods together always have the least.
    pub fn set_burstable_request(&self, milli: u64) -> Result<(), CgroupError> {
        let resources = Resources { cpu_request_milli: Some(milli), ..Resources::default() };
        self.limit(&self.kubepods().join(Qos::Burstable.folder()), &resources)
    }

    /// What all pods together may use: the node's allocatable resources.
    pub fn limit_all_pods(&self, resources: &Resources) -> Result<(), CgroupError> {
        self.limit(&self.kubepods(), resources)
    }

    /// Removes everything below the root, and the root, killing every pod and supervisor; blocks.
    pub fn teardown(&self) -> Result<(), CgroupError> {
        processes::kill(&self.layout, &self.root, "*")?;
        processes::remove(&self.layout, &self.root)
    }

    fn kubepods(&self) -> PathBuf {
        self.root.join("kubepods")
    }

    fn pod_group(&self, uid: &str, qos: Qos) -> Result<PathBuf, CgroupError> {
        check_name(uid)?;
        Ok(self.kubepods().join(qos.folder()).join(format!("pod{uid}")))
    }

    /// The pod's group, whichever class it has.
    fn find_pod(&self, uid: &str) -> Result<PathBuf, CgroupError> {
        for qos in Qos::ALL {
            let group = self.pod_group(uid, qos)?;
            if self.layout.processes().join(&group).exists() {
                return Ok(group);
            }
        }
        Err(CgroupError::UnknownPod { uid: uid.to_owned() })
    }

    fn make_upper_groups(&self) -> Result<(), CgroupError> {
        if let Layout::V2 { mount } = &self.layout {
            enable_at_mount(mount)?;
        }
        let mut part = PathBuf::new();
        for name in &self.root {
            part.push(name);
            self.make(&part)?;
            self.delegate(&part)?;
        }
        self.make(&self.root.join("supervisors"))?;
        for qos in Qos::ALL {
            let group = self.kubepods().join(qos.folder());
            self.make(&group)?;
            self.delegate(&group)?;
            if qos == Qos::BestEffort {
                self.limit(&group, &Resources::default())?;
            }
        }
        Ok(())
    }

    /// Makes one group in every hierarchy; its parent is there.
    fn make(&self, group: &Path) -> Result<(), CgroupError> {
        for mount in self.layout.mounts() {
            let path = mount.join(group);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(CgroupError::Create { path, source: error });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Version 2: lets the groups below have limits.
    fn delegate(&self, group: &Path) -> Result<(), CgroupError> {
        match &self.layout {
            Layout::V2 { mount } => enable(&mount.join(group)),
            Layout::V1(_) => Ok(()),
        }
    }

    fn limit(&self, group: &Path, resources: &Resources) -> Result<(), CgroupError> {
        match &self.layout {
            Layout::V2 { mount } => {
                let folder = &mount.join(group);
                limits::apply(&GroupFolders { cpu: folder, memory: folder, pids: folder, is_v2: true }, resources)
            }
            Layout::V1(v1) => {
                let (cpu, memory, pids) = (&v1.cpu.join(group), &v1.memory.join(group), &v1.pids.join(group));
                limits::apply(&GroupFolders { cpu, memory, pids, is_v2: false }, resources)
            }
        }
    }

    fn restrict_devices(&self, group: &Path) -> Result<(), CgroupError> {
        match &self.layout {
            Layout::V1(v1) => devices::restrict_v1(&v1.devices.join(group), default_devices()),
            Layout::V2 { mount } => {
                let folder = mount.join(group);
                let program = if let Some(program) = self.default_devices.get() {
                    program
                } else {
                    let failed = |source| CgroupError::Devices { path: folder.clone(), source };
                    let loaded = devices::load_v2(default_devices()).map_err(failed)?;
                    self.default_devices.get_or_init(|| loaded)
                };
                devices::restrict_v2(&folder, program)
            }
        }
    }

    fn attach(&self, group: &Path) -> CgroupAttach {
        let memory = Some(self.layout.memory().join(group));
        match &self.layout {
            Layout::V2 { mount } => CgroupAttach { v1: Vec::new(), v2: Some(mount.join(group)), memory },
            Layout::V1(_) => {
                let v1 = self.layout.mounts().into_iter().map(|mount| mount.join(group)).collect();
                CgroupAttach { v1, v2: None, memory }
            }
        }
    }
}

/// Enables the controllers for the groups at the mount point, which inside a container is not the kernel's root group.
fn enable_at_mount(mount: &Path) -> Result<(), CgroupError> {
    match enable(mount) {
        Err(CgroupError::Enable { source, .. }) if source.kind() == ErrorKind::ResourceBusy => {
            let init = mount.join("init");
            match fs::create_dir(&init) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(CgroupError::Create { path: init, source: error });
                }
                _ => {}
            }
            tracing::info!(group = %init.display(), "moving the processes of this container into a group of their own");
            let list = mount.join("cgroup.procs");
            let pids = fs::read_to_string(&list).map_err(|source| CgroupError::Read { path: list, source })?;
            for pid in pids.lines() {
                // A process that ended meanwhile is no obstacle; one that stays shows in the second try.
                if let Err(error) = write(&init.join("cgroup.procs"), pid) {
                    tracing::debug!(pid, %error, "a process was not moved");
                }
            }
            enable(mount)
        }
        other => other,
    }
}

/// Offers the controllers to the groups below. Writing what is there already changes nothing, but takes a lock: so look first.
fn enable(folder: &Path) -> Result<(), CgroupError> {
    let path = folder.join("cgroup.subtree_control");
    // A file that cannot be read is written, and that failure is the one to report.
    let enabled = fs::read_to_string(&path).unwrap_or_default();
    let is_missing = |name: &&str| !enabled.split_whitespace().any(|enabled| enabled == *name);
    let missing: Vec<String> = V2_CONTROLLERS.iter().filter(|name| is_missing(name)).map(|name| format!("+{name}")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let controllers = missing.join(" ");
    fs::write(&path, &controllers).map_err(|source| CgroupError::Enable { controllers, path, source })
}

fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    fs::write(path, value).map_err(|source| CgroupError::Write { path: path.to_owned(), value: value.to_owned(), source })
}

/// Names of groups come from uids and container names; nothing in them may lead out of the folder.
fn check_name(name: &str) -> Result<(), CgroupError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let is_good = !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_plain) && !name.starts_with('.');
    if is_good { Ok(()) } else { Err(CgroupError::Name { name: name.to_owned() }) }
}
