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

use super::history::History;
use super::{ContainerName, ImageFailure};
use crate::clock::BootMs;

/// One container of the pod.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// Its name.
    pub(super) name: ContainerName,
    /// What became of its instances.
    pub(super) history: History,
    /// What is under way.
    pub(super) stage: Stage,
    /// Why the last try to start it failed; shown until one succeeds.
    pub(super) failure: Option<Failure>,
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
        /// When.
        asked: BootMs,
    },
    /// It runs.
    Running {
        /// Since when we know.
        since: BootMs,
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

/// How a container is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// When it is killed if it still runs.
    pub(super) kill_at: BootMs,
    /// When it was killed last.
    pub(super) killed: Option<BootMs>,
    /// What comes after.
    pub(super) then: After,
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
    pub(super) fn new(name: ContainerName, history: History) -> Self {
        Self { name, history, stage: Stage::Idle, failure: None }
    }

    /// Whether something of it may run: the sandbox must not be called empty.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Starting { .. } | Stage::Running { .. } | Stage::Stopping(_))
    }

    /// Whether its last failure was that of a program that could not be executed: that one counts as a crash.
    pub(super) fn failure_is_of_a_run(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.reason == super::StartFailure::RunContainerError.as_str())
    }

    /// Whether later containers wait for it: its first start is being prepared.
    pub(super) fn holds_the_next(&self) -> bool {
        matches!(self.stage, Stage::Image { .. } | Stage::Starting { .. })
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
