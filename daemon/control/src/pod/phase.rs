//! The phase of a pod (`pkg/kubelet/kubelet_pods.go:getPhase`).

use super::container::Role;
use super::history::RestartPolicy;
use super::life::Final;
use super::status::Statuses;
use super::{Container, PodMachine};
use k8s_openapi::api::core::v1::ContainerStatus;

/// What the containers' statuses come to.
#[derive(Debug, Default)]
struct Count {
    /// Init containers that are not done, and sidecars that have not started.
    initializing: usize,
    /// Init containers whose newest end was a failure.
    failed_init: usize,
    /// Never ran.
    waiting: usize,
    running: usize,
    /// Ended, restarted or not.
    stopped: usize,
    /// Ended with 0 and not waiting to be restarted.
    succeeded: usize,
}

impl Count {
    fn app(&mut self, status: &ContainerStatus) {
        let state = status.state.clone().unwrap_or_default();
        if state.running.is_some() {
            self.running += 1;
        } else if let Some(terminated) = state.terminated {
            self.stopped += 1;
            self.succeeded += usize::from(terminated.exit_code == 0);
        } else if last_code(status).is_some() {
            self.stopped += 1;
        } else {
            self.waiting += 1;
        }
    }

    fn init(&mut self, status: &ContainerStatus) {
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref()).map(|ended| ended.exit_code);
        let is_waiting = status.state.as_ref().is_some_and(|state| state.waiting.is_some());
        match ended.or_else(|| last_code(status).filter(|_| is_waiting)) {
            Some(0) => {}
            Some(_) => self.failed_init += 1,
            None => self.initializing += 1,
        }
    }

    fn sidecar(&mut self, status: &ContainerStatus, is_initialized: bool) {
        let is_running = status.state.as_ref().is_some_and(|state| state.running.is_some());
        let is_new = !is_running && last_code(status).is_none();
        self.running += usize::from(is_running);
        self.initializing += usize::from(!is_initialized && (is_new || status.started != Some(true)));
    }
}

fn last_code(status: &ContainerStatus) -> Option<i32> {
    Some(status.last_state.as_ref()?.terminated.as_ref()?.exit_code)
}

impl PodMachine {
    /// The phase while it is not settled.
    pub(super) fn phase(&self, statuses: &Statuses) -> &'static str {
        let mut count = Count::default();
        statuses.app.iter().for_each(|status| count.app(status));
        let is_initialized = statuses.has_app_started();
        for (status, container) in statuses.init.iter().zip(&self.containers) {
            match container.role {
                Role::Sidecar => count.sidecar(status, is_initialized),
                _ => count.init(status),
            }
        }
        match self.policy() {
            RestartPolicy::Never if count.failed_init > 0 => "Failed",
            _ if count.initializing > 0 || count.waiting > 0 => "Pending",
            _ if count.running > 0 => "Running",
            _ if count.stopped == 0 => "Pending",
            RestartPolicy::Always => "Running",
            _ if count.stopped == count.succeeded => "Succeeded",
            RestartPolicy::Never => "Failed",
            RestartPolicy::OnFailure => "Running",
        }
    }

    /// The phase of a pod of which nothing runs any more. How sidecars ended does not count.
    pub(super) fn final_phase(&self) -> Final {
        let has_succeeded = |container: &Container| container.history.ended().is_some_and(|ended| ended.code == 0);
        let mut apps = self.containers.iter().filter(|container| container.role == Role::App);
        if apps.all(has_succeeded) { Final::Succeeded } else { Final::Failed }
    }
}
