//! From a pod's manifest and an image's config to what the runtime is told: complete sandbox and container specifications.
//!
//! Pure: what has to be read from the machine comes in with [`PodContext`]. Rules of command, environment and identity follow
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go` and `pkg/kubelet/kubelet_pods.go`.

pub mod downward;
pub mod files;
mod mounts;
mod process;
mod resources;
mod security;

pub use mounts::{target_of, volume_dir};
pub use resources::{ContainerResources, Qos, amounts, container_resources, oom_score_adj, pod_resources, qos};

use crate::sources::{SourceError, SourceKind, Sources};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use runtime::image::ImageConfig;
use runtime::protocol::{ConsoleMode, ContainerStreams, InputMode};
use runtime::spec::{
    Access, CgroupAttach, ContainerSpec, DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS, DEFAULT_SHM_BYTES, IpcMode, LogSpec,
    NetworkMode, PidMode, Rootfs, SandboxSpec, Upper,
};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What a container's assembly needs to know of its pod and its node.
#[derive(Debug, Clone)]
pub struct PodContext<'a> {
    /// The pod as admitted.
    pub pod: &'a Pod,
    /// The name of this node.
    pub node_name: &'a str,
    /// The node's address.
    pub host_ip: IpAddr,
    /// The pod's addresses, the main one first.
    pub pod_ips: &'a [IpAddr],
    /// The pod's own folder, where its volumes and files are.
    pub pod_dir: &'a Path,
    /// The pod's folder of logs.
    pub log_dir: &'a Path,
    /// All of the node's memory, in bytes, for the out-of-memory score.
    pub node_memory_bytes: u64,
    /// All of the node's cpus, in thousandths of a core.
    pub node_cpu_milli: u64,
    /// Where the variables come from.
    pub variables: Variables<'a>,
    /// The volumes of the host that are no folders, by name.
    pub host_files: &'a BTreeSet<String>,
    /// A log file that would get larger is rotated, in bytes.
    pub log_max_bytes: u64,
    /// How many log files of a container are kept.
    pub log_max_files: u32,
}

/// Where a container's variables come from.
#[derive(Debug, Clone, Copy)]
pub enum Variables<'a> {
    /// The manifest, with the ConfigMaps and Secrets that it names.
    From(&'a Sources),
    /// They are those that it was started with: what was named may have changed since.
    Kept(&'a [(String, String)]),
}

/// One start of one container.
#[derive(Debug, Clone)]
pub struct ContainerStart<'a> {
    /// The container as admitted.
    pub container: &'a Container,
    /// Its restart count.
    pub attempt: u32,
    /// What its image says.
    pub image: &'a ImageConfig,
    /// The image's layers, top first.
    pub layers: Vec<PathBuf>,
    /// The control groups made for it.
    pub cgroup: CgroupAttach,
}

/// Why a container cannot be made as its manifest says: the message of `CreateContainerConfigError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// Neither the manifest nor the image names a program.
    #[error("no command specified")]
    NoCommand,
    /// A capability that this kernel does not have.
    #[error("unknown capability \"{0}\" to add or drop")]
    Capability(String),
    /// A `fieldRef` that means nothing here.
    #[error("unsupported fieldPath: {0}")]
    FieldPath(String),
    /// A volume that the pod does not have; admission refuses it, an old object may still name it.
    #[error("cannot find volume \"{volume}\" to mount into container \"{container}\"")]
    Volume {
        /// The volume.
        volume: String,
        /// The container.
        container: String,
    },
    /// Variables of a `subPathExpr` that the container does not have.
    #[error("missing value for {0}")]
    SubPathVariables(String),
    /// A `subPathExpr` that begins at the root.
    #[error("error SubPath `{0}` must not be an absolute path")]
    AbsoluteSubPath(String),
    /// A `subPathExpr` that climbs.
    #[error("unable to provision SubPath `{0}`: must not contain '..'")]
    ClimbingSubPath(String),
    /// A key that a volume names, and its object does not have.
    #[error("{}", if *kind == SourceKind::Secret { format!("references non-existent secret key: {key}") } else { format!("configmap references non-existent config key: {key}") })]
    NoSuchKey {
        /// Of which kind.
        kind: SourceKind,
        /// The key.
        key: String,
    },
    /// A `resourceFieldRef` that means nothing here.
    #[error("{0}")]
    Resource(String),
    /// A ConfigMap or Secret, or a key of it, that is not there.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A user id that no Linux user can have.
    #[error("invalid user or group id {0}")]
    Id(i64),
}

/// The pod's specification; admission lets no pod through that has none.
fn spec_of(pod: &Pod) -> &PodSpec {
    static EMPTY: std::sync::LazyLock<PodSpec> = std::sync::LazyLock::new(PodSpec::default);
    pod.spec.as_ref().unwrap_or(&EMPTY)
}

/// The host name that a pod's containers see: `spec.hostname` or the pod's name, cut as kubelet cuts it
/// (`truncatePodHostnameIfNeeded`); that of the host where the pod uses its network.
pub fn hostname(pod: &Pod) -> String {
    const LONGEST: usize = 63;
    let name = spec_of(pod).hostname.as_deref().or(pod.metadata.name.as_deref()).unwrap_or_default();
    let cut = if name.len() > LONGEST { &name[..LONGEST] } else { name };
    cut.trim_end_matches(['-', '.']).to_owned()
}

/// What an instance of a container reads and writes.
pub fn streams(pod: &Pod, container: &Container, attempt: u32) -> ContainerStreams {
    let console = if container.tty == Some(true) { ConsoleMode::Terminal } else { ConsoleMode::Pipes };
    let input = match (container.stdin, container.stdin_once) {
        (Some(true), Some(true)) => InputMode::Once,
        (Some(true), _) => InputMode::Kept,
        _ if console == ConsoleMode::Pipes && attempt == 0 && attended(pod) == Some(&container.name) => InputMode::Awaited,
        _ => InputMode::Nothing,
    };
    ContainerStreams { input, console }
}

/// The container that somebody is about to attach to.
fn attended(pod: &Pod) -> Option<&String> {
    pod.metadata.annotations.as_ref()?.get(wire::ATTENDED)
}

/// A program with a terminal is told which kind, unless somebody said so.
pub fn name_terminal(env: &mut Vec<(String, String)>) {
    if !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), "xterm".to_owned()));
    }
}

/// What the pod's supervisor is told.
pub fn sandbox(pod: &Pod, id: &str, run_dir: PathBuf, cgroup: CgroupAttach) -> SandboxSpec {
    let spec = spec_of(pod);
    let host_network = spec.host_network == Some(true);
    let pid = match (spec.host_pid, spec.share_process_namespace) {
        (Some(true), _) => PidMode::Host,
        (_, Some(true)) => PidMode::Sandbox,
        _ => PidMode::Container,
    };
    SandboxSpec {
        id: id.to_owned(),
        run_dir,
        hostname: (!host_network).then(|| hostname(pod)),
        network: if host_network { NetworkMode::Host } else { NetworkMode::Namespace },
        pid,
        ipc: if spec.host_ipc == Some(true) { IpcMode::Host } else { IpcMode::Sandbox },
        shm_bytes: DEFAULT_SHM_BYTES,
        cgroup,
    }
}

/// What the supervisor is told to start.
///
/// # Errors
/// See [`AssembleError`].
pub fn container(context: &PodContext<'_>, start: ContainerStart<'_>) -> Result<ContainerSpec, AssembleError> {
    let spec = spec_of(context.pod);
    let security = security::assemble(start.container)?;
    let env = process::environment(context, start.container, start.image)?;
    let argv = process::arguments(start.container, start.image, &env)?;
    let paths = ContainerPaths::new(context, &start.container.name, start.attempt);
    let mounts = match context.variables {
        Variables::From(_) => mounts::assemble(context, start.container, &paths, &env)?,
        // A further program finds the mounts of its container.
        Variables::Kept(_) => Vec::new(),
    };
    let is_privileged = security.privilege == runtime::spec::Privilege::Privileged;
    let hidden = |paths: &[&str]| if is_privileged { Vec::new() } else { paths.iter().map(PathBuf::from).collect() };
    Ok(ContainerSpec {
        name: start.container.name.clone(),
        attempt: start.attempt,
        rootfs: Rootfs {
            lowers: start.layers,
            upper: Some(Upper { upper: paths.upper.clone(), work: paths.work.clone() }),
            mountpoint: context.pod_dir.join("root"),
            access: if security.is_root_read_only { Access::ReadOnly } else { Access::ReadWrite },
        },
        argv,
        env: env.pairs,
        cwd: process::working_dir(start.container, start.image),
        user: process::user(spec, start.container, start.image)?,
        mounts,
        capabilities: security.capabilities,
        escalation: security.escalation,
        privilege: security.privilege,
        seccomp: security.seccomp,
        masked_paths: hidden(DEFAULT_MASKED_PATHS),
        readonly_paths: hidden(DEFAULT_READONLY_PATHS),
        devices: Vec::new(),
        rlimits: Vec::new(),
        umask: 0o022,
        oom_score_adj: oom_score_adj(context.pod, start.container, context.node_memory_bytes),
        cgroup: start.cgroup,
        log: LogSpec { path: paths.log, max_bytes: context.log_max_bytes, max_files: context.log_max_files },
    })
}

/// Where the files of one start of a container are.
#[derive(Debug, Clone)]
pub struct ContainerPaths {
    /// The container's changes to its image.
    pub upper: PathBuf,
    /// Overlayfs' own folder.
    pub work: PathBuf,
    /// What the container wrote to its `terminationMessagePath`.
    pub termination_message: PathBuf,
    /// Its log.
    pub log: PathBuf,
}

impl ContainerPaths {
    /// The paths of an attempt.
    pub fn new(context: &PodContext<'_>, container: &str, attempt: u32) -> Self {
        let own = context.pod_dir.join("containers").join(container).join(attempt.to_string());
        Self {
            upper: own.join("upper"),
            work: own.join("work"),
            termination_message: own.join("termination-log"),
            log: context.log_dir.join(container).join(format!("{attempt}.log")),
        }
    }
}

#[cfg(test)]
mod tests;
