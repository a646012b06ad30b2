//! What a sandbox and a container are to be, as the daemon tells the supervisor: plain data, checked, never executed here.
//!
//! These types cross from a daemon to supervisors of any age. They are **frozen**: in an enum only new variants are added,
//! after the others; a new field of [`ContainerSpec`] or [`SandboxSpec`] stands last, and nothing inside them gets one
//! (see [`crate::protocol`]).

mod capability;
mod check;
mod defaults;

pub use capability::{Capability, CapabilitySet};
pub use check::SpecError;
pub use defaults::{DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS, DEFAULT_SHM_BYTES, DeviceRule, default_devices};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Whose network a sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkMode {
    /// The host's (`hostNetwork: true`).
    Host,
    /// The namespace handed over when the supervisor was started.
    Namespace,
}

/// Whose processes the containers of a sandbox see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PidMode {
    /// Each container its own.
    Container,
    /// One another's, below a pid 1 of the sandbox (`shareProcessNamespace: true`).
    Sandbox,
    /// Those of the host (`hostPID: true`).
    Host,
}

/// Whose System V and POSIX IPC, and whose `/dev/shm`, the containers of a sandbox use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpcMode {
    /// The sandbox's own.
    Sandbox,
    /// The host's (`hostIPC: true`).
    Host,
}

/// The control groups that a process enters by itself, before anything else, and where its out-of-memory kills are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupAttach {
    /// Folders of version 1 hierarchies, one each: `0` is written to their `tasks`.
    pub v1: Vec<PathBuf>,
    /// The folder in the version 2 hierarchy: the process is made in it (`CLONE_INTO_CGROUP`).
    pub v2: Option<PathBuf>,
    /// The folder whose `memory.oom_control` (version 1) or `memory.events` (version 2) counts kills.
    pub memory: Option<PathBuf>,
}

/// A sandbox: what the containers of one pod share. Its supervisor owns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// A name without meaning here: `[a-zA-Z0-9_.-]`, at most 253 bytes, unique on the machine.
    pub id: String,
    /// The sandbox's own folder, absolute, mode 0700, on a tmpfs: its socket, pid file and exits are kept there.
    pub run_dir: PathBuf,
    /// The host name of the sandbox's own UTS namespace; none keeps the host's namespace.
    pub hostname: Option<String>,
    /// Network.
    pub network: NetworkMode,
    /// Process ids.
    pub pid: PidMode,
    /// IPC and `/dev/shm`.
    pub ipc: IpcMode,
    /// Size limit of the `/dev/shm` that the containers share; [`DEFAULT_SHM_BYTES`] is usual.
    pub shm_bytes: u64,
    /// The supervisor's own groups: outside the pod's, so that a pod cannot make its supervisor run out of memory.
    pub cgroup: CgroupAttach,
}

/// Whether a mount, or the root, may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Yes.
    ReadWrite,
    /// No, but mounts below the source keep their own setting, as `readOnly: true` of a volume mount has it.
    ReadOnly,
    /// No, mounts below it included.
    RecursiveReadOnly,
}

/// An overlay of an image's layers, mounted in the container's own mount namespace and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rootfs {
    /// The layers, top first.
    pub lowers: Vec<PathBuf>,
    /// Where changes go; without it the root cannot be written to, and every mount's target has to exist in the image.
    pub upper: Option<Upper>,
    /// An empty folder to mount on. Containers may share it.
    pub mountpoint: PathBuf,
    /// What the container may do with its root.
    pub access: Access,
}

/// The writable part of an overlay. Both folders are on one file system, and fresh for each attempt: the overlay is
/// mounted `volatile`, which refuses an upper that was mounted so before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upper {
    /// The changes.
    pub upper: PathBuf,
    /// Overlayfs' own work folder, empty.
    pub work: PathBuf,
}

/// What the source of a bind mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindKind {
    /// A folder: a missing target is made as a folder.
    Directory,
    /// Anything else: a missing target is made as an empty file.
    File,
}

/// How mounts made later below a bind mount travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Propagation {
    /// Not at all (`None`).
    Private,
    /// From the host to the container (`HostToContainer`).
    Slave,
    /// Both ways (`Bidirectional`).
    Shared,
}

/// A mount beside those that every container gets (`/proc`, `/sys`, `/sys/fs/cgroup`, `/dev` and what is in it).
/// Targets are absolute paths inside the root, without `..`; symbolic links of the image are followed inside its root only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// A file or folder of the host.
    Bind {
        /// Absolute, on the host.
        source: PathBuf,
        /// Inside the root.
        target: PathBuf,
        /// Folder or file.
        kind: BindKind,
        /// May it be written to?
        access: Access,
        /// Of later mounts.
        propagation: Propagation,
    },
    /// An empty file system in memory, this container's own.
    Tmpfs {
        /// Inside the root.
        target: PathBuf,
        /// Limit, in bytes.
        size_bytes: u64,
        /// Permission bits of its root.
        mode: u32,
    },
    /// A part of a folder of the host; links on the way to it are followed inside that folder only, and where they lead out of it the
    /// start fails. Since version 4 of the protocol.
    Part {
        /// The folder: absolute, on the host.
        volume: PathBuf,
        /// The file or folder in it, relative; it is there.
        part: PathBuf,
        /// Inside the root.
        target: PathBuf,
        /// May it be written to?
        access: Access,
        /// Of later mounts.
        propagation: Propagation,
    },
}

impl Mount {
    /// Where it goes.
    pub fn target(&self) -> &Path {
        match self {
            Mount::Bind { target, .. } | Mount::Tmpfs { target, .. } | Mount::Part { target, .. } => target,
        }
    }
}

/// A user or group as an image or manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Account {
    /// A number, taken as it is.
    Id(u32),
    /// A name, looked up in `/etc/passwd` or `/etc/group` inside the root.
    Name(String),
}

/// Who the container's process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user.
    pub user: Account,
    /// The group; none: the user's own group in `/etc/passwd`, else 0.
    pub group: Option<Account>,
    /// More groups. Those that list the user in the image's `/etc/group` are added.
    pub additional_gids: Vec<u32>,
}

/// What a container may do to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Privilege {
    /// What its capabilities and filter allow; `/sys` read-only, devices of its own.
    Confined,
    /// The host's devices, `/sys` and control groups writable, nothing masked (`privileged: true`). The caller also hands
    /// over all capabilities and no filter.
    Privileged,
}

/// Whether a set-user-id program may raise rights (`allowPrivilegeEscalation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Escalation {
    /// It may.
    Allowed,
    /// `no_new_privs` is set.
    Denied,
}

/// Kinds of device nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// `c`
    Char,
    /// `b`
    Block,
}

/// A device node made inside the root, beside the usual ones in `/dev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Inside the root.
    pub path: PathBuf,
    /// Character or block.
    pub kind: DeviceKind,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A resource limit (`setrlimit`); one that cannot be raised on this machine is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// `RLIMIT_…`, the kernel's number.
    pub resource: u32,
    /// Soft limit; `u64::MAX` is unlimited.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// Where the output of a container goes: CRI format, rotated by the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// The current file; older ones are beside it as `<path>.<YYYYmmdd-HHMMSS>`. Missing folders are made.
    pub path: PathBuf,
    /// A file that would get larger is rotated first; 0 never rotates.
    pub max_bytes: u64,
    /// How many files are kept, the current one included; at least 1.
    pub max_files: u32,
}

/// A container, complete: every default was filled in by the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Unique in the sandbox together with `attempt`: `[a-zA-Z0-9_.-]`, at most 253 bytes.
    pub name: String,
    /// The restart count it runs under.
    pub attempt: u32,
    /// Its root.
    pub rootfs: Rootfs,
    /// Program and arguments. A program without a slash is looked up in the `PATH` of `env` inside the root.
    pub argv: Vec<String>,
    /// The whole environment; only `HOME` is added (from `/etc/passwd`) where it is missing.
    pub env: Vec<(String, String)>,
    /// Absolute, inside the root; made where missing.
    pub cwd: PathBuf,
    /// User and groups.
    pub user: User,
    /// Volumes, `/etc/hosts` and the like. Outer ones are mounted before inner ones, whatever their order here.
    pub mounts: Vec<Mount>,
    /// What stays of root's rights: bounding, permitted and effective set. Inheritable and ambient are empty.
    pub capabilities: CapabilitySet,
    /// `allowPrivilegeEscalation`
    pub escalation: Escalation,
    /// `privileged`
    pub privilege: Privilege,
    /// A compiled filter ([`crate::seccomp`]); none runs unconfined.
    pub seccomp: Option<Vec<u8>>,
    /// Paths that show nothing; a `*` stands for any part of one name. See [`DEFAULT_MASKED_PATHS`].
    pub masked_paths: Vec<PathBuf>,
    /// Paths that cannot be written to. See [`DEFAULT_READONLY_PATHS`].
    pub readonly_paths: Vec<PathBuf>,
    /// Devices beside the usual ones.
    pub devices: Vec<Device>,
    /// Limits.
    pub rlimits: Vec<Rlimit>,
    /// `0o022` is usual.
    pub umask: u32,
    /// Best effort: lowering needs a right that some machines don't give.
    pub oom_score_adj: i32,
    /// The groups it runs in.
    pub cgroup: CgroupAttach,
    /// Its output.
    pub log: LogSpec,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code; 128 + signal where a signal ended it, as Kubernetes shows it.
    pub code: i32,
    /// The signal that ended it, else 0.
    pub signal: i32,
    /// Whether the kernel killed a process of the container because memory ran out.
    pub oom_killed: bool,
    /// When its program was executed, in ns since 1970.
    pub started_at: u64,
    /// When its end was seen, in ns since 1970.
    pub finished_at: u64,
}
