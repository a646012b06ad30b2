//! The conditions of a pod (`pkg/kubelet/status/generate.go`), in the order in which kubelet lists them.

use super::PodMachine;
use super::container::{Container, Role};
use super::life::{Cause, Life, Sandbox};
use super::status::{Statuses, whole_seconds};
use crate::clock::Now;
use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition, PodStatus};

/// Those that the node writes. Others (readiness gates) are kept as they are.
const OWN: [&str; 5] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// That other resources of it are not given yet.
const RESIZE: [&str; 2] = ["PodResizePending", "PodResizeInProgress"];

/// That the node put the pod out.
const DISRUPTION: &str = "DisruptionTarget";

/// The conditions that others write, or may: readiness gates, and that the pod is to be put out.
pub fn foreign(status: Option<&PodStatus>) -> impl Iterator<Item = &PodCondition> {
    let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    conditions.filter(|condition| !is_own(&condition.type_))
}

fn is_own(kind: &str) -> bool {
    OWN.contains(&kind) || RESIZE.contains(&kind)
}

/// Puts the conditions of others into a status of the node, as the stored one has them: what was written meanwhile is not lost.
pub fn keep_foreign(status: &mut PodStatus, stored: Option<&PodStatus>) {
    let mut conditions = status.conditions.take().unwrap_or_default();
    conditions.retain(|condition| is_own(&condition.type_) || condition.type_ == DISRUPTION);
    for condition in foreign(stored) {
        if !conditions.iter().any(|own| own.type_ == condition.type_) {
            conditions.push(condition.clone());
        }
    }
    status.conditions = Some(conditions).filter(|conditions| !conditions.is_empty());
}

/// A condition before its times.
#[derive(Debug, Clone)]
struct Verdict {
    status: &'static str,
    reason: Option<String>,
    message: Option<String>,
}

impl Verdict {
    const fn plain(holds: bool) -> Self {
        Self { status: if holds { "True" } else { "False" }, reason: None, message: None }
    }

    fn not(reason: &str, message: Option<String>) -> Self {
        Self { status: "False", reason: Some(reason.to_owned()), message }
    }
}

impl PodMachine {
    pub(super) fn conditions(&self, now: Now, phase: &str, statuses: &Statuses) -> Vec<PodCondition> {
        let mut foreign: Vec<PodCondition> = foreign(self.pod.status.as_ref()).cloned().collect();
        let disruption = self.disruption();
        if disruption.is_some() {
            foreign.retain(|condition| condition.type_ != DISRUPTION);
        }
        let mut conditions = Vec::with_capacity(OWN.len() + foreign.len());
        if self.rejection().is_none() {
            let containers = self.containers_ready(phase, statuses);
            let ready = self.ready(&containers, &foreign);
            let initialized = self.initialized(phase, statuses);
            let has_sandbox = matches!(self.sandbox, Sandbox::Ready { .. });
            let own = [Verdict::plain(has_sandbox), initialized, ready, containers];
            conditions.extend(OWN.iter().zip(own).map(|(kind, verdict)| self.condition(now, kind, verdict)));
        }
        conditions.push(self.condition(now, "PodScheduled", Verdict::plain(true)));
        let resize = self.resize_conditions().map(|(kind, reason, message)| {
            let reason = reason.map(str::to_owned);
            self.condition(now, kind, Verdict { status: "True", reason, message })
        });
        conditions.extend(resize);
        conditions.extend(disruption.map(|verdict| self.condition(now, DISRUPTION, verdict)));
        conditions.extend(foreign);
        conditions
    }

    /// Whether the node itself ends the pod, and why (`DisruptionTarget`).
    fn disruption(&self) -> Option<Verdict> {
        let message = match &self.life {
            Life::Ending { cause: cause @ (Cause::Evicted { .. } | Cause::Shutdown), .. }
            | Life::Closing { cause: cause @ (Cause::Evicted { .. } | Cause::Shutdown) } => cause.words()?.1,
            Life::Ended if self.rejection().is_none() => {
                let verdict = self.verdict.as_ref()?;
                verdict.message.as_deref().filter(|_| matches!(verdict.reason.as_deref(), Some("Evicted" | "Terminated")))?
            }
            _ => return None,
        };
        Some(Verdict { status: "True", reason: Some("TerminationByKubelet".to_owned()), message: Some(message.to_owned()) })
    }

    fn initialized(&self, phase: &str, statuses: &Statuses) -> Verdict {
        if phase == "Succeeded" {
            return Verdict { reason: Some("PodCompleted".to_owned()), ..Verdict::plain(true) };
        }
        if statuses.has_app_started() {
            return Verdict::plain(true);
        }
        let is_complete = |(status, container): (&ContainerStatus, &Container)| match container.role {
            Role::Sidecar => status.started == Some(true),
            _ => status.ready,
        };
        let incomplete: Vec<&str> = statuses
            .init
            .iter()
            .zip(&self.containers)
            .filter(|pair| !is_complete(*pair))
            .map(|(status, _)| status.name.as_str())
            .collect();
        if incomplete.is_empty() {
            return Verdict::plain(true);
        }
        Verdict::not("ContainersNotInitialized", Some(format!("containers with incomplete status: [{}]", incomplete.join(" "))))
    }

    fn containers_ready(&self, phase: &str, statuses: &Statuses) -> Verdict {
        match phase {
            "Succeeded" => return Verdict::not("PodCompleted", None),
            "Failed" => return Verdict::not("PodFailed", None),
            _ => {}
        }
        let sidecars = statuses.init.iter().zip(&self.containers).filter(|(_, container)| container.role == Role::Sidecar);
        let all = sidecars.map(|(status, _)| status).chain(&statuses.app);
        let unready: Vec<&str> = all.filter(|status| !status.ready).map(|status| status.name.as_str()).collect();
        if unready.is_empty() {
            return Verdict::plain(true);
        }
        let message = format!("containers with unready status: [{}]", unready.join(" "));
        Verdict::not("ContainersNotReady", Some(message))
    }

    /// `lastTransitionTime` is when the status changed, not the reason.
    fn condition(&self, now: Now, kind: &str, verdict: Verdict) -> PodCondition {
        let published = self.published.as_ref().and_then(|status| status.conditions.as_ref());
        let before = published.into_iter().flatten().find(|condition| condition.type_ == kind);
        let unchanged = before.filter(|condition| condition.status == verdict.status);
        let since = unchanged.and_then(|condition| condition.last_transition_time.clone());
        PodCondition {
            type_: kind.to_owned(),
            status: verdict.status.to_owned(),
            reason: verdict.reason,
            message: verdict.message,
            last_probe_time: None,
            last_transition_time: since.or_else(|| Some(whole_seconds(now.wall))),
            observed_generation: self.pod.metadata.generation,
        }
    }

    fn ready(&self, containers: &Verdict, foreign: &[PodCondition]) -> Verdict {
        if containers.status != "True" {
            return containers.clone();
        }
        let gates = self.spec().and_then(|spec| spec.readiness_gates.as_ref());
        let faults: Vec<String> = gates
            .into_iter()
            .flatten()
            .filter_map(|gate| {
                let kind = &gate.condition_type;
                match foreign.iter().find(|condition| condition.type_ == *kind) {
                    None => Some(format!("corresponding condition of pod readiness gate \"{kind}\" does not exist.")),
                    Some(condition) if condition.status != "True" => {
                        Some(format!("the status of pod readiness gate \"{kind}\" is not \"True\", but {}", condition.status))
                    }
                    Some(_) => None,
                }
            })
            .collect();
        if faults.is_empty() { Verdict::plain(true) } else { Verdict::not("ReadinessGatesNotReady", Some(faults.join(", "))) }
    }
}
