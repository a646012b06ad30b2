//! How one container is stopped (`kuberuntime_container.go:killContainer`, `kuberuntime_termination_order.go`).
//!
//! ```text
//!  Running ─▶ Hook ── ended, or grace over ─▶ Turn ── nobody before it, or grace over ─▶ Signalled ── time over ─▶ Killed
//!       └──── no preStop hook ────────────────▲
//! ```
//!
//! All containers of a pod go this way at the same time. Only sidecars wait for a turn: until the containers that they serve, and
//! the sidecars after them, have ended. Hook and turn are part of the grace; after the signal a container always has two seconds.

use super::container::{After, Failure, Hook, Role, Stage, Stop, StopStep};
use super::ending::{LEAST_GRACE_MS, least_grace_ms};
use super::life::Life;
use super::{Action, ContainerName, HookKind, PodMachine, Signal, Step, messages};
use crate::clock::BootMs;

/// A kill that did not help is repeated after this time.
const KILL_AGAIN_MS: u64 = 10_000;

impl Stop {
    /// When something is due for it next.
    pub(super) fn due(&self) -> BootMs {
        match self.at {
            StopStep::Hook | StopStep::Turn => self.grace_over,
            StopStep::Signalled { .. } => self.kill_at,
            StopStep::Killed { at } => at.after_ms(KILL_AGAIN_MS),
        }
    }
}

impl PodMachine {
    /// Stops a running container that is not wanted as it is, and kills one whose time is over.
    pub(super) fn drive_stop(&mut self, step: &mut Step, index: usize) {
        let boot = step.now.boot;
        let container = &self.containers[index];
        match (&container.stage, &self.life) {
            (Stage::Running { .. }, Life::Ending { kill_at, grace_over, .. }) if *kill_at > boot => {
                step.event(messages::stopping(container));
                self.begin_stop(step, index, (*grace_over, *kill_at), After::ByPolicy);
            }
            (Stage::Running { .. }, Life::Ending { .. } | Life::Closing { .. }) => {
                // Its start was heard of after its time was over.
                step.event(messages::stopping(container));
                self.signal(step, index, Signal::Kill);
                let at = StopStep::Killed { at: boot };
                self.set_stage(index, Stage::Stopping(Stop { grace_over: boot, kill_at: boot, at, then: After::ByPolicy }));
            }
            (Stage::Running { .. }, Life::Active) => {
                let wanted = self.image_of(&container.name);
                let may_change = matches!(container.role, Role::App | Role::Sidecar);
                if may_change && container.history.newest.as_ref().is_some_and(|newest| newest.image != wanted) {
                    step.event(messages::definition_changed(container));
                    self.stop(step, index, self.grace_ms(), After::Restart);
                }
            }
            (Stage::Stopping(stop), _) => {
                let stop = *stop;
                self.go_on_stopping(step, index, stop);
            }
            _ => {}
        }
    }

    /// Begins to stop a running container that has this grace.
    pub(super) fn stop(&mut self, step: &mut Step, index: usize, grace_ms: u64, then: After) {
        let boot = step.now.boot;
        self.begin_stop(step, index, (boot.after_ms(grace_ms), boot.after_ms(least_grace_ms(grace_ms))), then);
    }

    fn begin_stop(&mut self, step: &mut Step, index: usize, until: (BootMs, BootMs), then: After) {
        let (grace_over, kill_at) = until;
        let name = self.containers[index].name.clone();
        let attempt = self.containers[index].history.newest.as_ref().map_or(0, |newest| newest.attempt);
        let limit_ms = grace_over.since_ms(step.now.boot);
        let at = if limit_ms > 0 && self.hook(&name, HookKind::PreStop).is_some() {
            step.act(Action::RunHook { container: name, attempt, hook: HookKind::PreStop, limit_ms: Some(limit_ms) });
            StopStep::Hook
        } else {
            StopStep::Turn
        };
        self.go_on_stopping(step, index, Stop { grace_over, kill_at, at, then });
    }

    fn go_on_stopping(&mut self, step: &mut Step, index: usize, mut stop: Stop) {
        let boot = step.now.boot;
        if let Life::Ending { kill_at, grace_over, .. } = self.life {
            stop.grace_over = stop.grace_over.min(grace_over);
            stop.then = After::ByPolicy;
            let least = match stop.at {
                StopStep::Signalled { at } => at.after_ms(LEAST_GRACE_MS),
                _ => BootMs(0),
            };
            stop.kill_at = stop.kill_at.min(kill_at.max(least));
        }
        if stop.at == StopStep::Hook && stop.grace_over <= boot {
            stop.at = StopStep::Turn;
        }
        if stop.at == StopStep::Turn && (stop.grace_over <= boot || self.is_turn(index)) {
            self.signal(step, index, Signal::Stop);
            stop.at = StopStep::Signalled { at: boot };
            stop.kill_at = stop.kill_at.max(boot.after_ms(LEAST_GRACE_MS));
        }
        let is_due = stop.due() <= boot;
        if is_due && matches!(stop.at, StopStep::Signalled { .. } | StopStep::Killed { .. }) {
            self.signal(step, index, Signal::Kill);
            stop.at = StopStep::Killed { at: boot };
        }
        self.set_stage(index, Stage::Stopping(stop));
    }

    /// Whether a container that is being stopped has nobody left to serve.
    fn is_turn(&self, index: usize) -> bool {
        if self.containers[index].role != Role::Sidecar || self.life == Life::Active {
            return true;
        }
        let waits_for = |(other, container): (usize, &super::Container)| match container.role {
            Role::App | Role::Init => container.is_busy(),
            Role::Sidecar => other > index && container.is_busy(),
            Role::Ephemeral => false,
        };
        !self.containers.iter().enumerate().any(waits_for)
    }

    /// A hook has ended: well, or with the words of its failure.
    pub(super) fn hook_ended(&mut self, step: &mut Step, name: &ContainerName, run: (u32, HookKind), result: Result<(), String>) {
        let (attempt, kind) = run;
        let Some(index) = self.index_of(name) else { return };
        let container = &self.containers[index];
        if container.history.newest.as_ref().is_none_or(|newest| newest.attempt != attempt) {
            return;
        }
        match (kind, container.stage.clone(), result) {
            (HookKind::PostStart, Stage::Running { since, hook: Hook::Running { .. } }, Ok(())) => {
                self.set_stage(index, Stage::Running { since, hook: Hook::Done });
            }
            (HookKind::PostStart, Stage::Running { hook: Hook::Running { .. }, .. }, Err(message)) => {
                self.post_start_failed(step, index, message);
            }
            (HookKind::PreStop, Stage::Stopping(stop @ Stop { at: StopStep::Hook, .. }), result) => {
                if let Err(message) = result {
                    step.event(messages::pre_stop_failed(container, message));
                }
                self.go_on_stopping(step, index, Stop { at: StopStep::Turn, ..stop });
            }
            _ => {}
        }
    }

    /// A container whose hook has failed is stopped; whether it starts again is its policy's.
    fn post_start_failed(&mut self, step: &mut Step, index: usize, message: String) {
        step.event(messages::post_start_failed(&self.containers[index], message.clone()));
        step.event(messages::killed_for_its_hook(&self.containers[index]));
        self.containers[index].failure = Some(Failure { reason: POST_START_HOOK_ERROR, message });
        self.stop(step, index, self.grace_ms(), After::ByPolicy);
    }

    fn signal(&self, step: &mut Step, index: usize, signal: Signal) {
        let container = &self.containers[index];
        if let Some(newest) = &container.history.newest {
            step.act(Action::Signal { container: container.name.clone(), attempt: newest.attempt, signal });
        }
    }
}

/// The waiting reason of a container whose `postStart` hook has failed.
pub(super) const POST_START_HOOK_ERROR: &str = "PostStartHookError";
