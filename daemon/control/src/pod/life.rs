//! The pod as a whole: where it is between its first container and its release.
//!
//! ```text
//!   Active ── all ended for good ───────────────▶ Closing ── sandbox gone ─▶ Ended ── object gone ─▶ Released
//!     │                                             ▲                          ▲       or marked
//!     ├── deleted, deadline, shutdown ─▶ Ending ────┘ all down                 │
//!     └── rejected by the node ────────────────────────────────────────────────┘
//! ```

use super::Rejection;
use crate::clock::BootMs;
use serde::{Deserialize, Serialize};

/// Where the pod is. It only goes forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Life {
    /// Its containers are kept as its policy says.
    Active,
    /// Nothing starts any more, and what runs is being stopped.
    Ending {
        /// Why.
        cause: Cause,
        /// When what still runs is killed.
        kill_at: BootMs,
        /// Until when hooks may take, and sidecars wait for those that they serve.
        #[serde(default)]
        grace_over: BootMs,
    },
    /// All is down; the sandbox is being taken away.
    Closing {
        /// Why.
        cause: Cause,
    },
    /// Nothing of it runs, and its phase is final. Its logs are kept until its object goes.
    Ended,
    /// Nothing of it is left.
    Released,
}

/// Why a pod ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Cause {
    /// All its containers have ended for good.
    Completed,
    /// Its object is marked or gone.
    Deleted,
    /// `activeDeadlineSeconds`
    DeadlineExceeded,
    /// The machine is being switched off.
    Shutdown,
    /// The node did not take it.
    Rejected(Rejection),
    /// The node was short of something.
    Evicted {
        /// Of what, and how much of it the pod used.
        message: String,
    },
}

impl Cause {
    /// The status's reason and message, where the cause has its own.
    pub(super) fn words(&self) -> Option<(&str, &str)> {
        match self {
            Self::Completed | Self::Deleted => None,
            Self::DeadlineExceeded => Some(("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")),
            Self::Shutdown => Some(("Terminated", "Pod was terminated in response to imminent node shutdown.")),
            Self::Evicted { message } => Some((super::EVICTED, message)),
            Self::Rejected(rejection) => Some((rejection.reason.as_str(), &rejection.message)),
        }
    }
}

/// What the store says about the pod's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    /// Nothing.
    None,
    /// It carries a deletion mark.
    Marked {
        /// `deletionGracePeriodSeconds`
        grace_ms: u64,
    },
    /// It is another node's.
    Elsewhere,
    /// It is gone.
    Removed,
}

/// A final phase, with its reason: never left again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdict {
    /// `Succeeded` or `Failed`.
    pub(super) phase: Final,
    /// `status.reason`
    pub(super) reason: Option<String>,
    /// `status.message`
    pub(super) message: Option<String>,
}

/// A phase that is never left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Final {
    Succeeded,
    Failed,
}

impl Final {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    pub(super) fn parse(phase: &str) -> Option<Self> {
        [Self::Succeeded, Self::Failed].into_iter().find(|known| known.as_str() == phase)
    }
}

/// The sandbox. Its numbers only grow.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sandbox {
    /// There is none.
    Absent,
    /// It could not be made, and is tried again.
    Waiting {
        /// When.
        until: BootMs,
    },
    /// It was asked for.
    Creating {
        /// Which one.
        number: u32,
        /// When.
        asked: BootMs,
    },
    /// It stands.
    Ready {
        /// Which one.
        number: u32,
        /// Since when we know.
        since: BootMs,
    },
    /// Its end was asked for.
    Destroying {
        /// Which one.
        number: u32,
        /// When.
        asked: BootMs,
    },
    /// It could not be taken away, and that is tried again.
    Stuck {
        /// Which one.
        number: u32,
        /// When.
        until: BootMs,
    },
}

impl Sandbox {
    /// The number of the one there is, or may be.
    pub(super) const fn number(&self) -> Option<u32> {
        match self {
            Self::Absent | Self::Waiting { .. } => None,
            Self::Creating { number, .. }
            | Self::Ready { number, .. }
            | Self::Destroying { number, .. }
            | Self::Stuck { number, .. } => Some(*number),
        }
    }
}
