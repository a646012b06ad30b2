//! The status that a pod's object shows (`pkg/kubelet/kubelet_pods.go:generateAPIPodStatus`, `convertToAPIContainerStatuses`).

use super::container::{Container, Role};
use super::history::{Ended, ID_SCHEME, InstanceState};
use super::life::{Cause, Life, Sandbox};
use super::{ContainerName, PodMachine, RejectReason};
use crate::clock::Now;
use crate::qos::QosClass;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, HostIP, PodIP,
    PodStatus, VolumeMount, VolumeMountStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

impl PodMachine {
    /// The status as it is now.
    pub(super) fn status(&self, now: Now) -> PodStatus {
        let statuses = match self.rejection() {
            Some(_) => Statuses::default(),
            None => self.statuses(),
        };
        let (phase, reason, message) = match &self.verdict {
            Some(verdict) => (verdict.phase.as_str(), verdict.reason.clone(), verdict.message.clone()),
            None => (self.unsettled_phase(&statuses), None, None),
        };
        let ips = self.pod_ips();
        let published = self.pod.status.as_ref();
        PodStatus {
            conditions: Some(self.conditions(now, phase, &statuses)),
            phase: Some(phase.to_owned()),
            reason,
            message,
            host_ip: self.host.ips.first().cloned(),
            host_ips: Some(self.host.ips.iter().map(|ip| HostIP { ip: ip.clone() }).collect()),
            pod_ip: ips.first().cloned(),
            pod_ips: (!ips.is_empty()).then(|| ips.into_iter().map(|ip| PodIP { ip }).collect()),
            qos_class: published
                .and_then(|status| status.qos_class.clone())
                .or_else(|| Some(QosClass::of(&self.pod).as_str().to_owned())),
            start_time: self.start_time.map(whole_seconds),
            observed_generation: self.pod.metadata.generation,
            init_container_statuses: filled(statuses.init),
            container_statuses: filled(statuses.app),
            ephemeral_container_statuses: filled(statuses.ephemeral),
            ..PodStatus::default()
        }
    }

    /// A phase is final only once everything has been taken down to make it so.
    fn unsettled_phase(&self, statuses: &Statuses) -> &'static str {
        match self.phase(statuses) {
            "Succeeded" | "Failed" if statuses.has_app_started() => "Running",
            "Succeeded" | "Failed" => "Pending",
            phase => phase,
        }
    }

    fn statuses(&self) -> Statuses {
        let mut statuses = Statuses::default();
        for (index, container) in self.containers.iter().enumerate() {
            let list = match container.role {
                Role::Init | Role::Sidecar => &mut statuses.init,
                Role::App => &mut statuses.app,
                Role::Ephemeral => &mut statuses.ephemeral,
            };
            list.push(self.container_status(index, container));
        }
        statuses
    }

    pub(super) fn rejection(&self) -> Option<RejectReason> {
        match &self.life {
            Life::Closing { cause: Cause::Rejected(rejection) } => Some(rejection.reason),
            Life::Ended => {
                let is_untouched = self.containers.iter().all(|container| container.history.newest.is_none());
                let is_refused = || {
                    self.verdict
                        .as_ref()
                        .and_then(|verdict| verdict.message.as_deref())
                        .is_some_and(|said| said.starts_with("Pod was rejected"))
                };
                let reason = self.verdict.as_ref().and_then(|verdict| verdict.reason.as_deref())?;
                let known = RejectReason::ALL.into_iter().find(|known| is_untouched && known.as_str() == reason)?;
                // One that was put out before anything of it ran was taken all the same.
                (known != RejectReason::Evicted || is_refused()).then_some(known)
            }
            _ => None,
        }
    }

    fn pod_ips(&self) -> Vec<String> {
        let uses_host = self.spec().and_then(|spec| spec.host_network).unwrap_or(false);
        if !uses_host {
            return self.ips.clone();
        }
        let has_begun = matches!(self.sandbox, Sandbox::Ready { .. })
            || self.containers.iter().any(|container| container.history.newest.is_some());
        if has_begun { self.host.ips.clone() } else { Vec::new() }
    }

    fn container_status(&self, index: usize, container: &Container) -> ContainerStatus {
        let newest = container.history.newest.as_ref();
        let (state, last_state) = self.states(index, container);
        let is_running = state.running.is_some();
        let has_succeeded = state.terminated.as_ref().is_some_and(|ended| ended.exit_code == 0);
        let (ready, started) = match container.role {
            Role::Init => (has_succeeded, Some(is_running)),
            Role::Sidecar | Role::App => {
                (is_running && self.is_ready(container), Some(is_running && self.has_started(container)))
            }
            Role::Ephemeral => (false, None),
        };
        ContainerStatus {
            name: container.name.to_string(),
            image: newest.map_or_else(|| self.image_of(&container.name), |newest| newest.image.clone()),
            image_id: newest.map(|newest| newest.image_id.clone()).unwrap_or_default(),
            container_id: newest.and_then(|newest| shown_id(&newest.container_id)),
            ready,
            started,
            restart_count: i32::try_from(newest.map_or(0, |newest| newest.attempt)).unwrap_or(i32::MAX),
            state: Some(state),
            last_state: Some(last_state.unwrap_or_default()),
            user: newest.and_then(|newest| newest.user.clone()),
            volume_mounts: self.volume_mounts(&container.name),
            ..newest.map(|_| self.given(container)).unwrap_or_default()
        }
    }

    /// The mounts of a container, said from the beginning. Those that are recursively read-only always are here: there is one runtime,
    /// and it can.
    fn volume_mounts(&self, name: &ContainerName) -> Option<Vec<VolumeMountStatus>> {
        let status = |mount: &VolumeMount| {
            let read_only = mount.read_only.filter(|is_so| *is_so);
            let is_recursive = matches!(mount.recursive_read_only.as_deref(), Some("Enabled" | "IfPossible"));
            VolumeMountStatus {
                name: mount.name.clone(),
                mount_path: mount.mount_path.clone(),
                read_only,
                recursive_read_only: read_only.map(|_| if is_recursive { "Enabled" } else { "Disabled" }.to_owned()),
                volume_status: None,
            }
        };
        let mounts = self.mounts_of(name);
        (!mounts.is_empty()).then(|| mounts.iter().map(status).collect())
    }

    /// What an instance has of the node's cpu and memory (`convertContainerStatusResources`).
    fn given(&self, container: &Container) -> ContainerStatus {
        let wanted = self.wanted_resources(&container.name);
        let known = container.history.newest.as_ref().and_then(|newest| newest.given.clone());
        let given = known.unwrap_or_else(|| wanted.clone());
        ContainerStatus {
            allocated_resources: if self.no_room.is_some() { given.requests.clone() } else { wanted.requests },
            resources: Some(given),
            ..ContainerStatus::default()
        }
    }

    /// State and last state. A container that is to start again and could not is `Waiting`; until it was tried it shows its end.
    fn states(&self, index: usize, container: &Container) -> (ContainerState, Option<ContainerState>) {
        let history = &container.history;
        let previous = history.previous.as_ref().map(terminated);
        match history.newest.as_ref().map(|newest| &newest.state) {
            None if self.verdict.is_some() && self.should_have_run(index) => {
                (terminated(&Ended::not_located(UNKNOWN, String::new())), None)
            }
            None => (self.waiting(container), None),
            // Its hook runs, or has failed: it counts as not started.
            Some(InstanceState::Running { .. }) if container.holds_the_next() || container.failure.is_some() => {
                (self.waiting(container), previous)
            }
            Some(InstanceState::Running { started_at }) => {
                let running = ContainerStateRunning { started_at: Some(whole_seconds(*started_at)) };
                (ContainerState { running: Some(running), ..ContainerState::default() }, previous)
            }
            Some(InstanceState::Ended(ended)) if container.failure.is_some() && self.wants_start(index) => {
                (self.waiting(container), Some(terminated(ended)))
            }
            Some(InstanceState::Ended(ended)) => (terminated(ended), previous),
        }
    }

    /// Whether a container of which nothing is known should have run when the pod ended (`status_manager.go:TerminatePod`): those of
    /// a pod that was initialized, and init containers before one that ran.
    fn should_have_run(&self, index: usize) -> bool {
        let has_run = |container: &Container| container.history.newest.is_some();
        match self.containers[index].role {
            Role::Init | Role::Sidecar => {
                self.containers[index..].iter().any(|later| later.role != Role::Ephemeral && has_run(later))
            }
            Role::App | Role::Ephemeral => {
                let mut init = self.containers.iter().filter(|container| matches!(container.role, Role::Init | Role::Sidecar));
                let has_app_run = self.containers.iter().any(|container| container.role == Role::App && has_run(container));
                has_app_run || init.next_back().is_none_or(|last| last.history.ended().is_some_and(|ended| ended.code == 0))
            }
        }
    }

    fn waiting(&self, container: &Container) -> ContainerState {
        let (reason, message) = match &container.failure {
            Some(failure) => (failure.reason, Some(failure.message.clone())),
            None if self.has_init_containers() => ("PodInitializing", None),
            None => ("ContainerCreating", None),
        };
        let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
        ContainerState { waiting: Some(waiting), ..ContainerState::default() }
    }
}

/// The statuses of a pod's containers, in the three lists of its status.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    pub(super) init: Vec<ContainerStatus>,
    pub(super) app: Vec<ContainerStatus>,
    pub(super) ephemeral: Vec<ContainerStatus>,
}

impl Statuses {
    /// Whether any app container runs or has run: the pod is initialized (`HasAnyRegularContainerStarted`).
    pub(super) fn has_app_started(&self) -> bool {
        let has_started = |state: &ContainerState| state.running.is_some() || state.terminated.is_some();
        self.app.iter().any(|status| status.state.as_ref().is_some_and(has_started))
    }
}

fn filled(statuses: Vec<ContainerStatus>) -> Option<Vec<ContainerStatus>> {
    (!statuses.is_empty()).then_some(statuses)
}

/// For an end that nobody saw: its times are not shown.
const UNKNOWN: Now = Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: crate::clock::BootMs(0) };

fn terminated(ended: &Ended) -> ContainerState {
    let terminated = ContainerStateTerminated {
        container_id: shown_id(&ended.container_id),
        exit_code: ended.code,
        reason: Some(ended.reason.clone()),
        message: ended.message.clone(),
        started_at: ended.started_at.map(whole_seconds),
        finished_at: ended.finished_at.map(whole_seconds),
        signal: None,
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

fn shown_id(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| format!("{ID_SCHEME}{id}"))
}

/// Times in objects have whole seconds.
pub(super) fn whole_seconds(time: jiff::Timestamp) -> Time {
    Time(jiff::Timestamp::from_second(time.as_second()).unwrap_or(time))
}
