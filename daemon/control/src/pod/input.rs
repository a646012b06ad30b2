//! What a pod's worker tells the machine.

use super::{ContainerName, HookKind, NoRoom, ProbeKind, Rejection};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerUser, Pod};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Something that was seen, or is wanted. Every input may come twice, late, or not at all: each names the attempt it is about,
/// and what is about an older one changes nothing. An answer that stays out is looked for with [`super::Action::Observe`].
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// All that runs and ended, at this moment. **The first input of every machine** (or `Rejected`): until it came, nothing is done. A pod that
    /// was never here gives `Found::default()`. May come again at any time; it is the answer to [`super::Action::Observe`].
    Found(Found),
    /// The object changed: another image, a deletion mark. Give it whenever the object's version changed.
    Spec(Arc<Pod>),
    /// The object is gone from the store (deleted with grace 0). What runs is killed within 2 s.
    Removed,
    /// The pod belongs to another node: two placed it apart, and the other placement is the earlier. This node's copy is stopped with
    /// the pod's own grace and removed; nothing more is said of it.
    PlacedElsewhere {
        /// Which node.
        node: String,
    },
    /// What the store shows of the pod is not what this node wrote: the status is written again.
    StatusLost,
    /// This node does not take the pod ([`crate::scheduler::admit`]): it fails, and nothing is started.
    Rejected(Rejection),
    /// The sandbox stands.
    SandboxReady {
        /// As in [`super::Action::CreateSandbox`].
        sandbox: u32,
        /// The pod's addresses, the primary first; empty with the host's network.
        ips: Vec<String>,
    },
    /// The sandbox could not be made. What was made of it was removed by whoever tried.
    SandboxFailed {
        /// As in [`super::Action::CreateSandbox`].
        sandbox: u32,
        /// Why.
        message: String,
    },
    /// The sandbox could not be made because a volume of the pod cannot be had.
    VolumesFailed {
        /// As in [`super::Action::CreateSandbox`].
        sandbox: u32,
        /// Which volume, and why, in the kubelet's words.
        message: String,
    },
    /// The supervisor is dead, and its containers with it. Give the exits that were written first.
    SandboxLost {
        /// Which one.
        sandbox: u32,
    },
    /// [`super::Action::DestroySandbox`] is done: no process of it runs.
    SandboxGone {
        /// Which one.
        sandbox: u32,
    },
    /// [`super::Action::DestroySandbox`] did not succeed; it is asked for again after a while.
    SandboxStuck {
        /// Which one.
        sandbox: u32,
        /// Why.
        message: String,
    },
    /// A pull has begun (only where it really does: the image is missing, or its policy is `Always`).
    ImagePulling {
        /// The container whose image it is.
        container: ContainerName,
        /// As in [`super::Action::EnsureImage`].
        image: String,
    },
    /// The image is here.
    ImageReady {
        /// The container whose image it is.
        container: ContainerName,
        /// As in [`super::Action::EnsureImage`].
        image: String,
        /// What the status shows: `docker.io/library/nginx@sha256:…`.
        image_id: String,
        /// `None` where it was here before.
        pulled: Option<Pulled>,
    },
    /// The image is not here.
    ImageFailed {
        /// The container whose image it is.
        container: ContainerName,
        /// As in [`super::Action::EnsureImage`].
        image: String,
        /// In which way.
        reason: ImageFailure,
        /// Why.
        message: String,
    },
    /// Images were loaded by hand: those that wait for one look again.
    ImagesChanged,
    /// The container's program was executed.
    Started {
        /// Which container.
        container: ContainerName,
        /// As in [`super::Action::StartContainer`].
        attempt: u32,
        /// Unique on the node; without the `skiff://` in front.
        container_id: String,
        /// Who its program was started as; `None` where that is not known.
        user: Option<ContainerUser>,
        /// When.
        at: Timestamp,
    },
    /// The container could not be started.
    StartFailed {
        /// Which container.
        container: ContainerName,
        /// As in [`super::Action::StartContainer`].
        attempt: u32,
        /// In which step.
        reason: StartFailure,
        /// Why.
        message: String,
        /// When.
        at: Timestamp,
    },
    /// The container ended.
    Exited {
        /// Which container.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// How.
        exit: Exit,
        /// What the container left in its termination log, or the end of its output.
        termination_message: Option<String>,
    },
    /// A hook has ended ([`super::Action::RunHook`]).
    HookEnded {
        /// Whose.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// Which hook.
        hook: HookKind,
        /// Well, or why not, in the kubelet's words. A hook that took longer than its limit is not told of.
        result: Result<(), String>,
    },
    /// A probe ran ([`super::Action::RunProbe`]).
    Probed {
        /// Whose.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// Which probe.
        probe: ProbeKind,
        /// As in the action.
        run: u32,
        /// What it came to.
        verdict: ProbeVerdict,
        /// What it said.
        output: String,
    },
    /// The container has other resources now ([`super::Action::ResizeContainer`]).
    Resized {
        /// Which container.
        container: ContainerName,
        /// As in the action.
        attempt: u32,
        /// Done, or why not.
        result: Result<(), String>,
    },
    /// Whether the node has room for what the pod asks for now; until something else is said, it has.
    Room(Option<NoRoom>),
    /// The moment of [`super::Action::WakeAt`] has come. A tick too many does no harm.
    Tick,
    /// The machine is being switched off: pods are stopped, and fail with reason `Terminated`. Not for a daemon that only restarts.
    ShuttingDown {
        /// Seconds at most; a shorter grace of the pod's own holds.
        grace_seconds: u64,
    },
    /// The node is short of something, and this pod was chosen to go ([`crate::pressure`]): it fails with reason `Evicted`.
    Evicted {
        /// What the status and the event say.
        message: String,
        /// Seconds at most; a shorter grace of the pod's own holds.
        grace_seconds: u64,
    },
}

/// All there is of a pod on this node at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Its sandbox.
    pub sandbox: FoundSandbox,
    /// Every container that runs, is being started, or whose exit is known. Older attempts may be left out.
    pub containers: Vec<FoundContainer>,
}

/// What was found of the sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FoundSandbox {
    /// Nothing, or only folders.
    #[default]
    Absent,
    /// It is being made right now.
    Creating {
        /// Which one.
        sandbox: u32,
    },
    /// Its supervisor answers.
    Alive {
        /// Which one.
        sandbox: u32,
        /// The pod's addresses.
        ips: Vec<String>,
    },
    /// Its supervisor is dead; something of it is left.
    Dead {
        /// Which one.
        sandbox: u32,
    },
}

/// One container that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundContainer {
    /// Its name.
    pub container: ContainerName,
    /// Its attempt.
    pub attempt: u32,
    /// Unique on the node.
    pub container_id: String,
    /// Who its program was started as; `None` where that was not asked or is not known.
    pub user: Option<ContainerUser>,
    /// What became of it.
    pub state: FoundState,
}

/// What became of a container.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundState {
    /// Its start is not decided yet.
    Starting,
    /// It runs.
    Running {
        /// Since.
        started_at: Timestamp,
    },
    /// It ended.
    Exited {
        /// How.
        exit: Exit,
        /// See [`Input::Exited`].
        termination_message: Option<String>,
    },
}

/// What a pull took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// The pull itself.
    pub took: Duration,
    /// With the time spent waiting for other pulls.
    pub took_with_waiting: Duration,
    /// The image's size.
    pub size_bytes: u64,
}

/// How a container ended, as the runtime saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code; 128 + signal where a signal ended it.
    pub code: i32,
    /// The signal that ended it, else 0.
    pub signal: i32,
    /// Whether the kernel killed it because memory ran out.
    pub oom_killed: bool,
    /// When its program was executed.
    pub started_at: Timestamp,
    /// When its end was seen.
    pub finished_at: Timestamp,
}

/// What one run of a probe came to (`pkg/probe/probe.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeVerdict {
    /// The container is well.
    Success,
    /// It is well, and something about the probe is odd.
    Warning,
    /// It is not.
    Failure,
    /// The probe could not be run: that says nothing.
    Unknown,
}

/// In which way an image is not here. The names are the container's waiting reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageFailure {
    /// It could not be pulled.
    ErrImagePull,
    /// Its name cannot be read.
    InvalidImageName,
    /// It is missing, and `imagePullPolicy: Never` forbids to get it.
    ErrImageNeverPull,
    /// The local store could not be asked.
    ImageInspectError,
}

/// In which step a start failed. The names are the container's waiting reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartFailure {
    /// The container's configuration could not be put together: nothing was made.
    CreateContainerConfigError,
    /// It could not be made.
    CreateContainerError,
    /// It was made and its program could not be executed: counts as an attempt that ended with 128.
    RunContainerError,
}
