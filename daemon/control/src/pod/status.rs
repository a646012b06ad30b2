//! The status that a pod's object shows (`pkg/kubelet/kubelet_pods.go:generateAPIPodStatus`, `convertToAPIContainerStatuses`).

use super::container::Container;
use super::history::{Ended, ID_SCHEME, InstanceState};
use super::life::{Cause, Life, Sandbox};
use super::{PodMachine, RejectReason};
use crate::clock::Now;
use crate::qos::QosClass;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, HostIP, PodIP,
    PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

impl PodMachine {
    /// The status as it is now.
    pub(super) fn status(&self, now: Now) -> PodStatus {
        let statuses: Vec<ContainerStatus> = match self.rejection() {
            Some(_) => Vec::new(),
            None => self.containers.iter().map(|container| self.container_status(container)).collect(),
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
            container_statuses: (!statuses.is_empty()).then_some(statuses),
            ..PodStatus::default()
        }
    }

    /// A phase is final only once everything has been taken down to make it so.
    fn unsettled_phase(&self, statuses: &[ContainerStatus]) -> &'static str {
        match self.phase(statuses) {
            "Succeeded" | "Failed" => "Running",
            phase => phase,
        }
    }

    pub(super) fn rejection(&self) -> Option<RejectReason> {
        match &self.life {
            Life::Closing { cause: Cause::Rejected(rejection) } => Some(rejection.reason),
            Life::Ended => {
                let is_untouched = self.containers.iter().all(|container| container.history.newest.is_none());
                let reason = self.verdict.as_ref().and_then(|verdict| verdict.reason.as_deref())?;
                RejectReason::ALL.into_iter().find(|known| is_untouched && known.as_str() == reason)
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

    fn container_status(&self, container: &Container) -> ContainerStatus {
        let history = &container.history;
        let newest = history.newest.as_ref();
        let (state, last_state) = self.states(container);
        let is_running = state.running.is_some();
        ContainerStatus {
            name: container.name.to_string(),
            image: newest.map_or_else(|| self.image_of(&container.name), |newest| newest.image.clone()),
            image_id: newest.map(|newest| newest.image_id.clone()).unwrap_or_default(),
            container_id: newest.and_then(|newest| shown_id(&newest.container_id)),
            ready: is_running,
            started: Some(is_running),
            restart_count: i32::try_from(newest.map_or(0, |newest| newest.attempt)).unwrap_or(i32::MAX),
            state: Some(state),
            last_state: Some(last_state.unwrap_or_default()),
            ..ContainerStatus::default()
        }
    }

    /// State and last state. A container that is to start again and could not is `Waiting`; until it was tried it shows its end.
    fn states(&self, container: &Container) -> (ContainerState, Option<ContainerState>) {
        let history = &container.history;
        let previous = history.previous.as_ref().map(terminated);
        match history.newest.as_ref().map(|newest| &newest.state) {
            None if self.verdict.is_some() => (terminated(&Ended::not_located(UNKNOWN, String::new())), None),
            None => (waiting(container), None),
            Some(InstanceState::Running { started_at }) => {
                let running = ContainerStateRunning { started_at: Some(whole_seconds(*started_at)) };
                (ContainerState { running: Some(running), ..ContainerState::default() }, previous)
            }
            Some(InstanceState::Ended(ended)) if container.failure.is_some() && self.wants_start(container) => {
                (waiting(container), Some(terminated(ended)))
            }
            Some(InstanceState::Ended(ended)) => (terminated(ended), previous),
        }
    }
}

/// For an end that nobody saw: its times are not shown.
const UNKNOWN: Now = Now { wall: jiff::Timestamp::UNIX_EPOCH, boot: crate::clock::BootMs(0) };

fn waiting(container: &Container) -> ContainerState {
    let (reason, message) = match &container.failure {
        Some(failure) => (failure.reason, Some(failure.message.clone())),
        None => ("ContainerCreating", None),
    };
    let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

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
