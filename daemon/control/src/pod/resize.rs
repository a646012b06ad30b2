//! Other resources for containers that run (`kuberuntime_manager.go:computePodResizeAction`, `pkg/kubelet/allocation`).
//!
//! ```text
//!   as given ── specification says otherwise ─▶ asked ── Resized ─▶ as given
//!       │                                        ▲ │
//!       ├── the node has no room: pending ───────┘ └── failed, and tried again in a while
//!       └── its resizePolicy wants a restart ─▶ stopped and started again
//! ```
//!
//! What a container was given is part of its history. Where the node has no room for the change nothing is done: the condition
//! `PodResizePending` says whether it ever could have.

use super::container::{After, Container, Role};
use super::life::Life;
use super::{Action, ContainerName, PodMachine, Step, messages};
use crate::clock::BootMs;
use crate::scheduler::Resources;
use k8s_openapi::api::core::v1::{ContainerResizePolicy, ResourceRequirements};
use serde::{Deserialize, Serialize};

/// An answer that stayed out is asked for again, and a failure is tried again, after this time.
const AGAIN_MS: u64 = 10_000;

/// Why a node cannot give a pod the resources that it asks for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoRoom {
    /// Whether it never could: the node is too small.
    pub is_final: bool,
    /// The sentence.
    pub message: String,
}

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resize {
    /// What the container is to have.
    pub(super) wanted: ResourceRequirements,
    /// When it is asked for again.
    pub(super) again: BootMs,
    /// What went wrong the last time.
    pub(super) fault: Option<String>,
}

/// Cpu and memory in numbers: `0.5` is `500m`.
fn amounts(of: &ResourceRequirements) -> [Resources; 2] {
    [Resources::of(of.requests.as_ref()), Resources::of(of.limits.as_ref())]
}

impl PodMachine {
    /// What a container's manifest asks for.
    pub(super) fn wanted_resources(&self, name: &ContainerName) -> ResourceRequirements {
        self.container_spec(name).and_then(|spec| spec.resources.clone()).unwrap_or_default()
    }

    /// Whether a container that runs has other resources than its manifest asks for.
    fn is_to_be_resized(&self, container: &Container) -> bool {
        let is_meant = matches!(container.role, Role::App | Role::Sidecar) && container.history.is_running();
        let given = container.history.newest.as_ref().and_then(|newest| newest.given.as_ref());
        is_meant && given.is_some_and(|given| amounts(given) != amounts(&self.wanted_resources(&container.name)))
    }

    /// Asks for what is missing.
    pub(super) fn drive_resize(&mut self, step: &mut Step, index: usize) {
        let boot = step.now.boot;
        let container = &self.containers[index];
        let may_be = self.life == Life::Active && self.no_room.is_none() && container.is_up();
        if !may_be || !self.is_to_be_resized(container) {
            // What was asked for is asked for again when its time comes: nothing is due meanwhile.
            self.containers[index].resize = None;
            return;
        }
        if self.needs_restart(container) {
            step.event(messages::resize_restarts(container));
            return self.stop(step, index, self.grace_ms(), After::Restart);
        }
        let wanted = self.wanted_resources(&container.name);
        let is_asked = container.resize.as_ref().is_some_and(|resize| resize.wanted == wanted && resize.again > boot);
        let Some(newest) = container.history.newest.as_ref().filter(|_| !is_asked) else { return };
        let (name, attempt) = (container.name.clone(), newest.attempt);
        if container.resize.is_none() {
            step.event(messages::resize(container, messages::Resizing::Started));
        }
        let fault = container.resize.as_ref().and_then(|resize| resize.fault.clone());
        let again = boot.after_ms(AGAIN_MS);
        self.containers[index].resize = Some(Resize { wanted: wanted.clone(), again, fault });
        step.act(Action::ResizeContainer { container: name, attempt, resources: Box::new(wanted) });
    }

    /// Whether the container's policy for what changes is to start it again.
    fn needs_restart(&self, container: &Container) -> bool {
        let given = container.history.newest.as_ref().and_then(|newest| newest.given.as_ref());
        let Some(given) = given.map(amounts) else { return false };
        let wanted = amounts(&self.wanted_resources(&container.name));
        let changes = |amount: fn(&Resources) -> i64| given.iter().map(amount).ne(wanted.iter().map(amount));
        let policies = self.container_spec(&container.name).and_then(|spec| spec.resize_policy.as_ref());
        let is_hit = |policy: &ContainerResizePolicy| {
            let changes = match policy.resource_name.as_str() {
                "cpu" => changes(|of| of.cpu_milli),
                "memory" => changes(|of| of.memory_bytes),
                _ => false,
            };
            changes && policy.restart_policy == "RestartContainer"
        };
        policies.into_iter().flatten().any(is_hit)
    }

    /// A change was made, or failed.
    pub(super) fn resized(&mut self, step: &mut Step, name: &ContainerName, attempt: u32, result: Result<(), String>) {
        let Some(index) = self.index_of(name) else { return };
        let container = &mut self.containers[index];
        let Some(newest) = container.history.newest.as_mut().filter(|newest| newest.attempt == attempt) else { return };
        let Some(resize) = container.resize.as_mut() else { return };
        match result {
            Ok(()) => {
                newest.given = Some(resize.wanted.clone());
                container.resize = None;
                step.event(messages::resize(&self.containers[index], messages::Resizing::Completed));
            }
            Err(message) => {
                resize.again = step.now.boot.after_ms(AGAIN_MS);
                let is_new = resize.fault.as_ref() != Some(&message);
                resize.fault = Some(message.clone());
                if is_new {
                    step.event(messages::resize(&self.containers[index], messages::Resizing::Failed(message)));
                }
            }
        }
    }

    /// Whether the node has room for what the pod asks for now.
    pub(super) fn room(&mut self, step: &mut Step, no_room: Option<NoRoom>) {
        if let Some(no_room) = no_room.as_ref().filter(|no_room| self.no_room.as_ref() != Some(*no_room)) {
            step.event(messages::resize_pending(no_room));
        }
        self.no_room = no_room;
    }

    /// When a change is asked for again.
    pub(super) fn next_resize(&self) -> Option<BootMs> {
        self.containers.iter().filter_map(|container| Some(container.resize.as_ref()?.again)).min()
    }

    /// What is to be said of changes that are not made yet: the condition, its reason and its message.
    pub(super) fn resize_conditions(&self) -> Option<(&'static str, Option<&'static str>, Option<String>)> {
        let mut waiting = self.containers.iter().filter(|container| self.is_to_be_resized(container)).peekable();
        waiting.peek()?;
        if let Some(no_room) = &self.no_room {
            let reason = if no_room.is_final { "Infeasible" } else { "Deferred" };
            return Some(("PodResizePending", Some(reason), Some(no_room.message.clone())));
        }
        let fault = waiting.find_map(|container| container.resize.as_ref()?.fault.clone());
        Some(("PodResizeInProgress", fault.as_ref().map(|_| "Error"), fault))
    }
}
