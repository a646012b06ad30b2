//! What is remembered of a container: its newest instance, how the one before ended, and its back-off.

use super::backoff::Backoff;
use super::{Exit, StartFailure};
use crate::clock::{BootMs, Now};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, ContainerUser, ResourceRequirements};
use serde::{Deserialize, Serialize};

/// The past of one container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    /// The newest instance.
    pub(super) newest: Option<Instance>,
    /// How the one before it ended.
    pub(super) previous: Option<Ended>,
    /// Its restarts.
    pub(super) backoff: Option<Backoff>,
    /// Who decides whether it starts again.
    pub(super) restart: Restart,
    /// What the probes of the newest instance came to.
    #[serde(default)]
    pub(super) probed: Probed,
}

/// What the probes of one instance came to. A daemon that is restarted does not call a ready container unready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Probed {
    /// Its startup probe has succeeded.
    pub(super) started: bool,
    /// Its readiness probe says so.
    pub(super) ready: bool,
}

/// Who decides whether an ended container starts again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Restart {
    /// The pod's policy.
    #[default]
    ByPolicy,
    /// It was stopped to be started with another definition, whatever the policy.
    Regardless,
}

/// One run of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Instance {
    /// The restart count it runs under.
    pub(super) attempt: u32,
    /// The image as the pod named it when it was started: where the pod names another one now, it is to be replaced.
    pub(super) image: String,
    /// The image's id, for the status.
    pub(super) image_id: String,
    /// Unique on the node; empty where it never was told.
    pub(super) container_id: String,
    /// What became of it.
    pub(super) state: InstanceState,
    /// The sandbox that it ran in; `None` where that is not known any more.
    #[serde(default)]
    pub(super) sandbox: Option<u32>,
    /// What it has of cpu and memory; `None` where that is not known.
    #[serde(default)]
    pub(super) given: Option<ResourceRequirements>,
    /// Who its program was started as; `None` where that is not known (yet).
    #[serde(default)]
    pub(super) user: Option<ContainerUser>,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum InstanceState {
    /// It runs.
    Running {
        /// Since.
        started_at: Timestamp,
    },
    /// It ended.
    Ended(Ended),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) reason: String,
    pub(super) message: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) container_id: String,
    /// Where back-off counts from.
    pub(super) seen: BootMs,
}

/// `restartPolicy`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

impl RestartPolicy {
    /// As in a pod; `Always` is the default.
    pub(super) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }
}

impl History {
    /// What a status says of a container: all that is left after a reboot.
    pub(super) fn from_status(status: &ContainerStatus, now: Now) -> Self {
        let terminated = |state: Option<&k8s_openapi::api::core::v1::ContainerState>| {
            state.and_then(|state| state.terminated.as_ref()).map(|terminated| Ended::from_status(terminated, now))
        };
        let current = terminated(status.state.as_ref());
        let last = terminated(status.last_state.as_ref());
        let running = status.state.as_ref().and_then(|state| state.running.as_ref());
        let instance = |state| Instance {
            attempt: u32::try_from(status.restart_count).unwrap_or(0),
            image: status.image.clone(),
            image_id: status.image_id.clone(),
            container_id: bare_id(status.container_id.as_deref()),
            state,
            sandbox: None,
            given: status.resources.clone(),
            user: status.user.clone(),
        };
        let (newest, previous) = match (running, current, last) {
            (Some(running), _, last) => {
                let started_at = running.started_at.as_ref().map_or(now.wall, |time| time.0);
                (Some(InstanceState::Running { started_at }), last)
            }
            (None, Some(current), last) => (Some(InstanceState::Ended(current)), last),
            (None, None, Some(last)) => (Some(InstanceState::Ended(last)), None),
            (None, None, None) if status.restart_count > 0 => {
                (Some(InstanceState::Ended(Ended::not_located(now, String::new()))), None)
            }
            (None, None, None) => (None, None),
        };
        let probed = Probed { started: status.started == Some(true), ready: status.ready };
        Self { newest: newest.map(instance), previous, probed, ..Self::default() }
    }

    /// The attempt that a start would have.
    pub(super) fn next_attempt(&self) -> u32 {
        self.newest.as_ref().map_or(0, |newest| newest.attempt.saturating_add(1))
    }

    /// How the newest instance ended, if it did.
    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.newest.as_ref()?.state {
            InstanceState::Ended(ended) => Some(ended),
            InstanceState::Running { .. } => None,
        }
    }

    /// Whether the newest instance runs, as far as is known.
    pub(super) fn is_running(&self) -> bool {
        matches!(&self.newest, Some(Instance { state: InstanceState::Running { .. }, .. }))
    }

    /// Since when the newest instance runs, if it does.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        match &self.newest.as_ref()?.state {
            InstanceState::Running { started_at } => Some(*started_at),
            InstanceState::Ended(_) => None,
        }
    }

    /// Whether it should be started (kubernetes `pkg/kubelet/container/helpers.go:ShouldContainerBeRestarted`).
    pub(super) fn wants_start(&self, policy: RestartPolicy) -> bool {
        match (&self.newest, self.ended()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(_)) if self.restart == Restart::Regardless => true,
            (Some(_), Some(ended)) => match policy {
                RestartPolicy::Always => true,
                RestartPolicy::OnFailure => ended.code != 0,
                RestartPolicy::Never => false,
            },
        }
    }

    /// A new instance takes the place of the newest.
    pub(super) fn push(&mut self, instance: Instance) {
        let before = self.newest.replace(instance);
        self.restart = Restart::ByPolicy;
        self.probed = Probed::default();
        if let Some(Instance { state: InstanceState::Ended(ended), .. }) = before {
            self.previous = Some(ended);
        }
    }

    /// The newest instance ended.
    pub(super) fn end(&mut self, ended: Ended) {
        if let Some(newest) = &mut self.newest {
            newest.state = InstanceState::Ended(ended);
        }
    }

    /// The machine was restarted: times since its start mean nothing any more.
    pub(super) fn rebase(&mut self) {
        if let Some(backoff) = &mut self.backoff {
            backoff.rebase();
        }
        if let Some(Instance { state: InstanceState::Ended(ended), .. }) = &mut self.newest {
            ended.seen = BootMs(0);
        }
    }
}

impl Ended {
    /// It ended, and the runtime saw how (containerd's words).
    pub(super) fn of_exit(exit: Exit, message: Option<String>, container_id: String, now: Now) -> Self {
        let reason = match exit {
            Exit { oom_killed: true, .. } => "OOMKilled",
            Exit { code: 0, .. } => "Completed",
            Exit { .. } => "Error",
        };
        Self {
            code: exit.code,
            reason: reason.to_owned(),
            message,
            started_at: Some(exit.started_at),
            finished_at: Some(exit.finished_at),
            container_id,
            seen: now.boot_of(exit.finished_at),
        }
    }

    /// Its program could not be executed.
    pub(super) fn not_started(message: String, at: Timestamp, now: Now) -> Self {
        Self {
            code: 128,
            reason: "StartError".to_owned(),
            message: Some(message),
            started_at: Some(Timestamp::UNIX_EPOCH),
            finished_at: Some(at),
            container_id: String::new(),
            seen: now.boot_of(at),
        }
    }

    /// It is gone, and nobody knows how it ended.
    pub(super) fn not_located(now: Now, container_id: String) -> Self {
        Self {
            code: 137,
            reason: "ContainerStatusUnknown".to_owned(),
            message: Some("The container could not be located when the pod was terminated".to_owned()),
            started_at: None,
            finished_at: None,
            container_id,
            seen: now.boot,
        }
    }

    fn from_status(status: &ContainerStateTerminated, now: Now) -> Self {
        let finished_at = status.finished_at.as_ref().map(|time| time.0);
        Self {
            code: status.exit_code,
            reason: status.reason.clone().unwrap_or_default(),
            message: status.message.clone(),
            started_at: status.started_at.as_ref().map(|time| time.0),
            finished_at,
            container_id: bare_id(status.container_id.as_deref()),
            seen: finished_at.map_or(now.boot, |finished| now.boot_of(finished)),
        }
    }
}

impl StartFailure {
    /// As in `state.waiting.reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateContainerConfigError => "CreateContainerConfigError",
            Self::CreateContainerError => "CreateContainerError",
            Self::RunContainerError => "RunContainerError",
        }
    }
}

/// What stands in front of a container's id in statuses.
pub(super) const ID_SCHEME: &str = "skiff://";

fn bare_id(id: Option<&str>) -> String {
    let id = id.unwrap_or_default();
    id.strip_prefix(ID_SCHEME).unwrap_or(id).to_owned()
}
