//! The columns of pods: READY, STATUS and RESTARTS out of a pod's many states.

use super::{Columns, or_none};
use crate::duration::since;
use crate::json::{Json, at, condition, flag, is_true, list, number, text, time};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) const COLUMNS: Columns = &[
    ("Name", 0),
    ("Ready", 0),
    ("Status", 0),
    ("Restarts", 0),
    ("Age", 0),
    ("IP", 1),
    ("Node", 1),
    ("Nominated Node", 1),
    ("Readiness Gates", 1),
];

/// The phase reason of a pod whose node is gone.
const NODE_LOST: &str = "NodeLost";

/// What one line says about a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodSummary {
    /// Ready containers, sidecars included.
    pub ready: usize,
    /// Containers that ought to be ready.
    pub total: usize,
    /// The STATUS cell: `Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`.
    pub status: String,
    /// Restarts of the containers that count at this stage.
    pub restarts: i64,
    /// When the newest of those restarts' predecessors ended.
    pub last_restart: Option<Timestamp>,
}

impl PodSummary {
    /// The READY cell: `1/2`.
    #[must_use]
    pub fn ready_text(&self) -> String {
        format!("{}/{}", self.ready, self.total)
    }

    /// The RESTARTS cell: `0`, `3 (46s ago)`.
    #[must_use]
    pub fn restarts_text(&self, now: Timestamp) -> String {
        match self.last_restart {
            Some(ended) if self.restarts > 0 => format!("{} ({} ago)", self.restarts, since(Some(ended), now)),
            _ => self.restarts.to_string(),
        }
    }
}

pub(crate) fn cells(pod: &Value, now: Timestamp) -> Vec<String> {
    let summary = pod_status(pod);
    let restarts = summary.restarts_text(now);
    vec![
        text(pod, "/metadata/name").to_owned(),
        summary.ready_text(),
        summary.status,
        restarts,
        since(time(pod, "/metadata/creationTimestamp"), now),
        pod_ip(pod).to_owned(),
        pod_node(pod).to_owned(),
        or_none(text(pod, "/status/nominatedNodeName")).to_owned(),
        readiness_gates(pod),
    ]
}

/// The IP cell of a pod.
#[must_use]
pub fn pod_ip<J: Json>(pod: &J) -> &str {
    let ip = list(pod, "/status/podIPs").first().map_or_else(|| text(pod, "/status/podIP"), |first| text(first, "/ip"));
    or_none(ip)
}

/// The NODE cell of a pod.
#[must_use]
pub fn pod_node<J: Json>(pod: &J) -> &str {
    or_none(text(pod, "/spec/nodeName"))
}

/// The READINESS GATES cell of a pod: `<none>` or `met/all`.
#[must_use]
pub fn readiness_gates<J: Json>(pod: &J) -> String {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let is_met = |gate: &&J| is_true(pod, text(*gate, "/conditionType"));
    format!("{}/{}", gates.iter().filter(is_met).count(), gates.len())
}

/// Sums a pod up, as `printPod` of Kubernetes' printers does (1.36).
#[must_use]
pub fn pod_status<J: Json>(pod: &J) -> PodSummary {
    let mut summary = PodSummary { status: first_status(pod), ..PodSummary::default() };
    let sidecars: Vec<&str> = list(pod, "/spec/initContainers")
        .iter()
        .filter(|container| text(*container, "/restartPolicy") == "Always")
        .map(|container| text(container, "/name"))
        .collect();
    summary.total = list(pod, "/spec/containers").len() + sidecars.len();

    let mut sidecar_restarts = Restarts::default();
    let is_initializing = sum_up_init(pod, &sidecars, &mut summary, &mut sidecar_restarts);
    if !is_initializing || is_true(pod, "Initialized") {
        sum_up_containers(pod, &mut summary, sidecar_restarts);
    }
    // Kubernetes writes this phase no more; here it says that the pod's node does not answer, whatever its containers were doing.
    if text(pod, "/status/phase") == "Unknown" {
        "Unknown".clone_into(&mut summary.status);
    }
    if at(pod, "/metadata/deletionTimestamp").is_some() {
        if text(pod, "/status/reason") == NODE_LOST {
            "Unknown".clone_into(&mut summary.status);
        } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut summary.status);
        }
    }
    summary
}

fn first_status<J: Json>(pod: &J) -> String {
    let is_gated = condition(pod, "PodScheduled").is_some_and(|scheduled| text(scheduled, "/reason") == "SchedulingGated");
    match text(pod, "/status/reason") {
        _ if is_gated => "SchedulingGated",
        "" => text(pod, "/status/phase"),
        reason => reason,
    }
    .to_owned()
}

/// Counted restarts, and when the newest ended.
#[derive(Debug, Clone, Copy, Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add<J: Json>(&mut self, status: &J) {
        self.count = self.count.saturating_add(number(status, "/restartCount"));
        self.last = self.last.max(time(status, "/lastState/terminated/finishedAt"));
    }
}

/// Goes through the init containers up to the first that is not done. Tells whether there is one.
fn sum_up_init<J: Json>(pod: &J, sidecars: &[&str], summary: &mut PodSummary, sidecar_restarts: &mut Restarts) -> bool {
    let mut restarts = Restarts::default();
    let mut is_initializing = false;
    for (index, status) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        let is_sidecar = sidecars.contains(&text(status, "/name"));
        restarts.add(status);
        if is_sidecar {
            sidecar_restarts.add(status);
        }
        let terminated = at(status, "/state/terminated").filter(|state| state.is_map());
        let waiting = text(status, "/state/waiting/reason");
        if terminated.is_some_and(|state| number(state, "/exitCode") == 0) {
            continue;
        }
        if is_sidecar && flag(status, "/started") {
            summary.ready += usize::from(flag(status, "/ready"));
            continue;
        }
        summary.status = match terminated {
            Some(state) => format!("Init:{}", ended_as(state)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{index}/{}", list(pod, "/spec/initContainers").len()),
        };
        is_initializing = true;
        break;
    }
    summary.restarts = restarts.count;
    summary.last_restart = restarts.last;
    is_initializing
}

/// Goes through the app containers from the last to the first, so that the first in the list has the say.
fn sum_up_containers<J: Json>(pod: &J, summary: &mut PodSummary, mut restarts: Restarts) {
    let mut has_running = false;
    let mut error_reason = String::new();
    for status in list(pod, "/status/containerStatuses").iter().rev() {
        restarts.add(status);
        let waiting = text(status, "/state/waiting/reason");
        let terminated = at(status, "/state/terminated").filter(|state| state.is_map());
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.status);
        } else if let Some(state) = terminated {
            summary.status = ended_as(state);
            if number(state, "/exitCode") != 0 {
                error_reason.clone_from(&summary.status);
            }
        } else if flag(status, "/ready") && at(status, "/state/running").is_some_and(Json::is_map) {
            has_running = true;
            summary.ready += 1;
        }
    }
    summary.restarts = restarts.count;
    summary.last_restart = restarts.last;
    if summary.status == "Completed" {
        if has_running && is_true(pod, "Ready") {
            "Running".clone_into(&mut summary.status);
        } else if !error_reason.is_empty() {
            summary.status = error_reason;
        } else if has_running {
            "NotReady".clone_into(&mut summary.status);
        }
    }
}

/// A terminated state in one word.
fn ended_as<J: Json>(state: &J) -> String {
    match (text(state, "/reason"), number(state, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(state, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
