//! What is under way with one container.
//!
//! ```text
//!            ┌────────────── back-off over, retry ───────────────┐
//!            ▼                                                   │
//!   Idle ─────▶ Image ── ImageReady ─▶ Starting ── Started ─▶ Running ── Exited ─▶ Idle
//!    │  wanted    │                       │                      │                  ▲
//!    │            └─ ImageFailed ─┐       └─ StartFailed ─┐      │ stop             │
//!    └── in back-off ─────────────┴──▶ Waiting ◀──────────┘      ▼                  │
//!                                                             Stopping ── Exited ───┘
//! ```
//!
//! While its `postStart` hook runs, a container runs and is still shown as waiting. `stopping` draws the way through a stop.

use super::history::{History, Instance};
use super::probes::Probes;
use super::resize::Resize;
use super::{ContainerName, ImageFailure};
use crate::clock::BootMs;
use k8s_openapi::api::core::v1::ResourceRequirements;

/// One container of the pod.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// Its name.
    pub(super) name: ContainerName,
    /// What it is in its pod.
    pub(super) role: Role,
    /// What became of its instances.
    pub(super) history: History,
    /// What is under way.
    pub(super) stage: Stage,
    /// Why the last try to start it failed; shown until one succeeds.
    pub(super) failure: Option<Failure>,
    /// How far the probes of the newest instance are.
    pub(super) probes: Probes,
    /// Other resources that were asked for.
    pub(super) resize: Option<Resize>,
}

/// What a container is in its pod. The order is that of their starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Runs to its end before those after it start.
    Init,
    /// An init container that goes on running (`restartPolicy: Always`): once it has started, those after it start.
    Sidecar,
    /// One of the containers that the pod is for.
    App,
    /// Added to the running pod; holds nobody up, and is never started again.
    Ephemeral,
}

/// What is under way. The header draws it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Nothing. Whether it is started, and when, follows from its history.
    Idle,
    /// It is started later.
    Waiting {
        /// When the wait is over.
        until: BootMs,
        /// What for.
        why: Wait,
    },
    /// Its image was asked for.
    Image {
        /// Which one.
        image: String,
        /// When.
        asked: BootMs,
        /// How far that is.
        pull: Pull,
    },
    /// Its start was asked for.
    Starting {
        /// Which attempt.
        attempt: u32,
        /// With which image.
        image: String,
        /// The image's id.
        image_id: String,
        /// What it gets of cpu and memory.
        given: Box<ResourceRequirements>,
        /// When.
        asked: BootMs,
    },
    /// It runs.
    Running {
        /// Since when we know.
        since: BootMs,
        /// Its `postStart` hook.
        hook: Hook,
    },
    /// It was told to stop.
    Stopping(Stop),
}

/// What a container waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// How it ended is shown for a moment; then comes the back-off.
    EndShown,
    /// Its back-off; at `next_event` it is reported again.
    CrashLoop {
        /// When.
        next_event: BootMs,
    },
    /// The image's error is shown for a moment; then comes the back-off.
    ImageError,
    /// The image's back-off.
    ImageBackOff,
    /// Something that has no back-off is tried again.
    Retry,
}

/// How far the search for an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pull {
    /// It is only looked for on this machine, in the middle of a back-off.
    Looking {
        /// When the back-off is over.
        until: BootMs,
    },
    /// It was asked for; nobody said yet that it is pulled.
    Asked,
    /// It is pulled.
    UnderWay,
}

/// Where a container's `postStart` hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    /// There is none, or it has ended well.
    Done,
    /// It was asked for.
    Running {
        /// When.
        asked: BootMs,
    },
}

/// How a container is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// Until when its hook may take, and its turn is waited for.
    pub(super) grace_over: BootMs,
    /// When it is killed if it still runs; later, where the signal came later.
    pub(super) kill_at: BootMs,
    /// How far it is.
    pub(super) at: StopStep,
    /// What comes after.
    pub(super) then: After,
}

/// How far a stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopStep {
    /// Its `preStop` hook runs.
    Hook,
    /// A sidecar waits for those that it serves.
    Turn,
    /// It was sent its stop signal.
    Signalled {
        /// When.
        at: BootMs,
    },
    /// It was killed.
    Killed {
        /// When, the last time.
        at: BootMs,
    },
}

/// What comes after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing, or what the policy says.
    ByPolicy,
    /// A start, with the new definition.
    Restart,
}

/// Why a start failed: the waiting state's reason and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// `ImagePullBackOff`
    pub(super) reason: &'static str,
    /// The sentence.
    pub(super) message: String,
}

impl Container {
    pub(super) fn new(name: ContainerName, role: Role, history: History) -> Self {
        Self { name, role, history, stage: Stage::Idle, failure: None, probes: Probes::default(), resize: None }
    }

    /// A new instance takes the place of the newest.
    pub(super) fn push(&mut self, instance: Instance) {
        self.history.push(instance);
        self.failure = None;
        self.resize = None;
        self.probes = Probes::default();
    }

    /// What an event about it is about: `spec.containers{kubia}`.
    pub(super) fn field_path(&self) -> String {
        let list = match self.role {
            Role::Init | Role::Sidecar => "initContainers",
            Role::App => "containers",
            Role::Ephemeral => "ephemeralContainers",
        };
        format!("spec.{list}{{{}}}", self.name)
    }

    /// Whether it runs, and nothing of its start is left to wait for.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Running { hook: Hook::Done, .. })
    }

    /// Whether something of it may run: the sandbox must not be called empty.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Starting { .. } | Stage::Running { .. } | Stage::Stopping(_))
    }

    /// Whether its last failure was that of a program that could not be executed: that one counts as a crash.
    pub(super) fn failure_is_of_a_run(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.reason == super::StartFailure::RunContainerError.as_str())
    }

    /// Whether later containers wait for it: a start of it is under way, its hook included.
    pub(super) fn holds_the_next(&self) -> bool {
        matches!(self.stage, Stage::Image { .. } | Stage::Starting { .. } | Stage::Running { hook: Hook::Running { .. }, .. })
    }
}

impl ImageFailure {
    /// As in `state.waiting.reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrImagePull => "ErrImagePull",
            Self::InvalidImageName => "InvalidImageName",
            Self::ErrImageNeverPull => "ErrImageNeverPull",
            Self::ImageInspectError => "ImageInspectError",
        }
    }
}
