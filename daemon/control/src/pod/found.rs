//! Comparing what there is with what is known: at the start, after a restart of the daemon, and when an answer stayed out.

use super::container::{Hook, Stage};
use super::history::{Ended, Instance, InstanceState};
use super::life::{Life, Sandbox};
use super::{Found, FoundContainer, FoundSandbox, FoundState, PodMachine, Sight, Step, messages};

/// What was found may be a little older than what was asked for since: nothing is missed that is younger than this.
const FRESH_MS: u64 = 30_000;

impl PodMachine {
    pub(super) fn found(&mut self, step: &mut Step, found: &Found) {
        let is_first = match &mut self.sight {
            Sight::Blind(snapshot) => {
                let snapshot = snapshot.take().map(|snapshot| *snapshot);
                self.remember(step.now, snapshot);
                true
            }
            Sight::Looked(_) => false,
        };
        self.sight = Sight::Looked(step.now.boot);
        if is_first {
            self.first_sandbox(step, &found.sandbox);
        } else {
            self.later_sandbox(step, &found.sandbox);
        }
        for container in &found.containers {
            self.found_container(step, container);
        }
        self.miss_containers(step, found, is_first);
        if is_first && !matches!(found.sandbox, FoundSandbox::Alive { .. } | FoundSandbox::Creating { .. }) {
            self.sandbox_vanished(step);
        }
        if self.life == Life::Ended && self.sandbox.number().is_some() {
            self.life = Life::Closing { cause: super::life::Cause::Completed };
        }
    }

    fn first_sandbox(&mut self, step: &mut Step, found: &FoundSandbox) {
        let boot = step.now.boot;
        self.sandbox = match found {
            FoundSandbox::Absent => Sandbox::Absent,
            FoundSandbox::Creating { sandbox } => Sandbox::Creating { number: *sandbox, asked: boot },
            FoundSandbox::Alive { sandbox, ips } => {
                self.ips.clone_from(ips);
                Sandbox::Ready { number: *sandbox, since: boot }
            }
            FoundSandbox::Dead { sandbox } => {
                step.act(super::Action::DestroySandbox { sandbox: *sandbox });
                Sandbox::Destroying { number: *sandbox, asked: boot }
            }
        };
        if let Some(number) = self.sandbox.number() {
            self.next_sandbox = self.next_sandbox.max(number.saturating_add(1));
        }
    }

    fn later_sandbox(&mut self, step: &mut Step, found: &FoundSandbox) {
        let boot = step.now.boot;
        match (&self.sandbox, found) {
            (Sandbox::Creating { number, .. }, FoundSandbox::Alive { sandbox, ips }) if number == sandbox => {
                self.sandbox_ready(step, *sandbox, ips.clone());
            }
            (Sandbox::Creating { asked, .. }, FoundSandbox::Absent) if boot.since_ms(*asked) >= FRESH_MS => {
                self.sandbox = Sandbox::Absent;
            }
            (Sandbox::Ready { number, .. } | Sandbox::Creating { number, .. }, FoundSandbox::Dead { sandbox })
                if number == sandbox =>
            {
                self.sandbox_lost(step, *sandbox);
            }
            (Sandbox::Ready { number, since }, FoundSandbox::Absent) if boot.since_ms(*since) >= FRESH_MS => {
                let number = *number;
                self.sandbox_lost(step, number);
            }
            (Sandbox::Destroying { number, asked }, FoundSandbox::Absent) if boot.since_ms(*asked) >= FRESH_MS => {
                let number = *number;
                self.sandbox_gone(step, number);
            }
            (Sandbox::Destroying { number, asked }, FoundSandbox::Alive { sandbox, .. } | FoundSandbox::Dead { sandbox })
                if number == sandbox && boot.since_ms(*asked) >= FRESH_MS =>
            {
                step.act(super::Action::DestroySandbox { sandbox: *sandbox });
                self.sandbox = Sandbox::Destroying { number: *sandbox, asked: boot };
            }
            (Sandbox::Absent | Sandbox::Waiting { .. }, FoundSandbox::Alive { sandbox, .. } | FoundSandbox::Dead { sandbox })
                if sandbox.saturating_add(1) == self.next_sandbox =>
            {
                // One that was given up, and came up after all: it must not stay.
                step.act(super::Action::DestroySandbox { sandbox: *sandbox });
                self.sandbox = Sandbox::Destroying { number: *sandbox, asked: boot };
            }
            _ => {}
        }
    }

    /// At the start there is no sandbox that could be used, though something ran in one before.
    fn sandbox_vanished(&mut self, step: &mut Step) {
        let ran = self.containers.iter().any(|container| container.history.newest.is_some());
        if ran && self.wants_sandbox() {
            step.event(messages::sandbox_changed());
        }
    }

    fn found_container(&mut self, step: &mut Step, found: &FoundContainer) {
        let Some(index) = self.index_of(&found.container) else { return };
        let newest = self.containers[index].history.newest.as_ref().map(|newest| newest.attempt);
        if newest.is_some_and(|newest| found.attempt < newest) {
            return;
        }
        let is_known = newest == Some(found.attempt);
        let sandbox = self.sandbox.number();
        if let Some(newest) = self.containers[index].history.newest.as_mut().filter(|_| is_known) {
            // Known from its status only.
            newest.sandbox = newest.sandbox.or(sandbox);
            newest.user = newest.user.take().or_else(|| found.user.clone());
        }
        match &found.state {
            FoundState::Starting => {
                if let Stage::Starting { attempt, asked, .. } = &mut self.containers[index].stage
                    && *attempt == found.attempt
                {
                    *asked = step.now.boot;
                }
            }
            FoundState::Running { started_at } => {
                if !is_known {
                    self.adopt(index, found, InstanceState::Running { started_at: *started_at });
                }
                let container = &mut self.containers[index];
                // Whatever its next start waits for: it runs, so there is none.
                if container.history.is_running() && !matches!(container.stage, Stage::Running { .. } | Stage::Stopping(_)) {
                    container.stage = Stage::Running { since: step.now.boot, hook: Hook::Done };
                }
            }
            FoundState::Exited { exit, termination_message } => {
                let ended = Ended::of_exit(*exit, termination_message.clone(), found.container_id.clone(), step.now);
                if is_known {
                    if self.containers[index].history.is_running() {
                        self.ended(step, index, ended);
                    }
                } else {
                    self.adopt(index, found, InstanceState::Running { started_at: exit.started_at });
                    self.ended(step, index, ended);
                }
            }
        }
    }

    /// Takes over an instance whose start was not reported.
    fn adopt(&mut self, index: usize, found: &FoundContainer, state: InstanceState) {
        let (image, image_id) = match &self.containers[index].stage {
            Stage::Starting { attempt, image, image_id, .. } if *attempt == found.attempt => (image.clone(), image_id.clone()),
            _ => (self.image_of(&found.container), String::new()),
        };
        let (attempt, container_id, sandbox) = (found.attempt, found.container_id.clone(), self.sandbox.number());
        let given = match &self.containers[index].stage {
            Stage::Starting { given, .. } => (**given).clone(),
            _ => self.wanted_resources(&found.container),
        };
        let (given, user) = (Some(given), found.user.clone());
        self.containers[index].push(Instance { attempt, image, image_id, container_id, state, sandbox, given, user });
    }

    /// What should be there and was not found.
    fn miss_containers(&mut self, step: &mut Step, found: &Found, is_first: bool) {
        for index in 0..self.containers.len() {
            let container = &self.containers[index];
            let expected = match &container.stage {
                Stage::Starting { attempt, .. } => *attempt,
                _ => container.history.newest.as_ref().map_or(0, |newest| newest.attempt),
            };
            if found.containers.iter().any(|found| found.container == container.name && found.attempt >= expected) {
                continue;
            }
            let is_fresh = match &container.stage {
                Stage::Running { since, .. } => step.now.boot.since_ms(*since) < FRESH_MS,
                Stage::Starting { asked, .. } => step.now.boot.since_ms(*asked) < FRESH_MS,
                // It may be stopped as soon as it has started.
                Stage::Stopping(_) => container
                    .history
                    .started_at()
                    .is_some_and(|started_at| step.now.boot.since_ms(step.now.boot_of(started_at)) < FRESH_MS),
                _ => false,
            };
            if is_fresh && !is_first {
                continue;
            }
            if matches!(container.stage, Stage::Starting { .. }) {
                self.set_stage(index, Stage::Idle);
            } else if container.history.is_running() {
                let id = container.history.newest.as_ref().map(|newest| newest.container_id.clone()).unwrap_or_default();
                self.ended(step, index, Ended::not_located(step.now, id));
            }
        }
    }
}
