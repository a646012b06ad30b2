//! What the machine wants done.

use super::ContainerName;
use crate::clock::BootMs;
use k8s_openapi::api::core::v1::{PodStatus, ResourceRequirements};

/// Something to do. Actions of one step are performed in their order; all of them are idempotent: one that is asked for again while
/// it is under way, or done, is answered and not done twice.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Keep [`super::PodMachine::snapshot`] where a restarted daemon finds it, before the actions that follow.
    SaveSnapshot,
    /// Make the sandbox: volumes, cgroups, network, supervisor. Answer: `SandboxReady` or `SandboxFailed`.
    CreateSandbox {
        /// Counts the pod's sandboxes from 0. Answers carry it.
        sandbox: u32,
    },
    /// Take the sandbox away with every process in it, its network and its cgroups; volumes stay. Answer: `SandboxGone`, and before
    /// it the exits that are known.
    DestroySandbox {
        /// Which one.
        sandbox: u32,
    },
    /// See to it that the image is here. Answer: `ImagePulling` where it is pulled, then `ImageReady` or `ImageFailed`.
    EnsureImage {
        /// For which container.
        container: ContainerName,
        /// As the pod names it.
        image: String,
        /// When to pull.
        policy: PullPolicy,
    },
    /// Start the container. Answer: `Started` or `StartFailed`, and in time `Exited`.
    StartContainer {
        /// Which container.
        container: ContainerName,
        /// The restart count it runs under. What is left of an unfinished start with this number is removed first.
        attempt: u32,
    },
    /// Send a signal to the container. Its end is answered with `Exited`.
    Signal {
        /// Which container.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// Which signal.
        signal: Signal,
    },
    /// Run a hook of a container, beside everything else. Answer: `HookEnded`. Asked for again while it runs, it is not run twice; asked
    /// for again after its end, it is answered as before. What still runs when its container ends is given up.
    RunHook {
        /// Which container.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// Which hook.
        hook: HookKind,
        /// Milliseconds after which nobody waits for it any more; `None` is without a limit.
        limit_ms: Option<u64>,
    },
    /// Run a probe of a container once, with its own time limit, beside everything else. Answer: `Probed`.
    RunProbe {
        /// Which container.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// Which probe.
        probe: ProbeKind,
        /// The answer carries it.
        run: u32,
    },
    /// Give a running container, and its pod, these resources; again is fine. Answer: `Resized`.
    ResizeContainer {
        /// Which container.
        container: ContainerName,
        /// Which attempt.
        attempt: u32,
        /// What it is to have.
        resources: Box<ResourceRequirements>,
    },
    /// Answer with `Input::Found`: something that was asked for has stayed without an answer.
    Observe,
    /// Write the pod's status. It may be acknowledged before it is durable: it can be made again from what runs.
    PublishStatus(Box<PodStatus>),
    /// Report an event about the pod.
    Event(PodEvent),
    /// Give `Input::Tick` at this time. Replaces the time asked for before.
    WakeAt(BootMs),
    /// The pod has ended: take away its volumes. Logs and the object stay.
    ReleaseVolumes,
    /// All of the pod's processes are gone: take away volumes, folders and logs, then what `object` says. The machine has ended.
    Release {
        /// What to do with the object.
        object: ObjectFate,
    },
}

/// What becomes of a released pod's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectFate {
    /// Delete it now, with grace 0 and its uid as a precondition: it carries a deletion mark.
    Delete,
    /// It is gone already.
    AlreadyGone,
}

/// `imagePullPolicy`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Ask the registry each time.
    Always,
    /// Only where it is missing.
    IfNotPresent,
    /// Not at all.
    Never,
}

/// Which signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The image's `STOPSIGNAL`, else SIGTERM.
    Stop,
    /// SIGKILL, to all of the container's processes.
    Kill,
}

/// Which hook of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// `lifecycle.postStart`
    PostStart,
    /// `lifecycle.preStop`
    PreStop,
}

/// Which probe of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// `startupProbe`
    Startup,
    /// `livenessProbe`
    Liveness,
    /// `readinessProbe`
    Readiness,
}

impl ProbeKind {
    /// All three, in the order in which they begin.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Liveness, Self::Readiness];

    /// As events name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// An event about the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodEvent {
    /// Normal or Warning.
    pub kind: EventType,
    /// One word: `Pulled`.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// `spec.containers{kubia}`; `None` is about the whole pod.
    pub field_path: Option<String>,
}

/// `type` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Things go their way.
    Normal,
    /// They don't.
    Warning,
}

impl EventType {
    /// As in the object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}
