//! The phase of a pod (`pkg/kubelet/kubelet_pods.go:getPhase`).

use super::PodMachine;
use super::history::RestartPolicy;
use super::life::Final;
use k8s_openapi::api::core::v1::ContainerStatus;

/// What the containers' statuses come to.
#[derive(Debug, Default)]
struct Count {
    /// Never ran.
    waiting: usize,
    running: usize,
    /// Ended, restarted or not.
    stopped: usize,
    /// Ended with 0 and not waiting to be restarted.
    succeeded: usize,
}

impl Count {
    fn of(statuses: &[ContainerStatus]) -> Self {
        let mut count = Self::default();
        for status in statuses {
            let state = status.state.clone().unwrap_or_default();
            let has_run = status.last_state.as_ref().is_some_and(|last| last.terminated.is_some());
            if state.running.is_some() {
                count.running += 1;
            } else if let Some(terminated) = state.terminated {
                count.stopped += 1;
                count.succeeded += usize::from(terminated.exit_code == 0);
            } else if has_run {
                count.stopped += 1;
            } else {
                count.waiting += 1;
            }
        }
        count
    }
}

impl PodMachine {
    /// The phase while it is not settled.
    pub(super) fn phase(&self, statuses: &[ContainerStatus]) -> &'static str {
        let count = Count::of(statuses);
        if count.waiting > 0 {
            return "Pending";
        }
        if count.running > 0 {
            return "Running";
        }
        if count.stopped == 0 {
            return "Pending";
        }
        match self.policy() {
            RestartPolicy::Always => "Running",
            _ if count.stopped == count.succeeded => "Succeeded",
            RestartPolicy::Never => "Failed",
            RestartPolicy::OnFailure => "Running",
        }
    }

    /// The phase of a pod of which nothing runs any more.
    pub(super) fn final_phase(&self) -> Final {
        let all_succeeded =
            self.containers.iter().all(|container| container.history.ended().is_some_and(|ended| ended.code == 0));
        if all_succeeded { Final::Succeeded } else { Final::Failed }
    }
}
