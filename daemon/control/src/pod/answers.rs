//! What the answers of the worker change: each is compared with what was asked for, and an old one changes nothing.

use super::backoff::Backoff;
use super::container::{After, Failure, Hook, Pull, Stage, Stop, Wait};
use super::history::{Ended, Instance, InstanceState, Restart};
use super::life::{Life, Sandbox};
use super::spec::image_in;
use super::{
    Action, ContainerName, Exit, HookKind, ImageFailure, PodEvent, PodMachine, PullPolicy, Pulled, StartFailure, Step, messages,
};
use crate::clock::BootMs;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerUser, Pod};

/// A failed step is tried again after this time (kubelet's `backOffPeriod`).
const RETRY_MS: u64 = 10_000;
/// How long an end or an error is shown before the back-off that follows it: kubelet's next look at the pod.
const SHOWN_MS: u64 = 1_000;
/// The same for an image's error.
const IMAGE_ERROR_SHOWN_MS: u64 = 3_000;

impl PodMachine {
    pub(super) fn sandbox_ready(&mut self, step: &Step, number: u32, ips: Vec<String>) {
        if matches!(self.sandbox, Sandbox::Creating { number: asked, .. } if asked == number) {
            self.sandbox = Sandbox::Ready { number, since: step.now.boot };
            self.ips = ips;
        }
    }

    pub(super) fn sandbox_failed(&mut self, step: &mut Step, number: u32, event: PodEvent) {
        if matches!(self.sandbox, Sandbox::Creating { number: asked, .. } if asked == number) {
            self.sandbox = Sandbox::Waiting { until: step.now.boot.after_ms(RETRY_MS) };
            step.event(event);
        }
    }

    /// The supervisor is dead: what ran in the sandbox is dead, and what is left of it is taken away.
    pub(super) fn sandbox_lost(&mut self, step: &mut Step, number: u32) {
        if !matches!(self.sandbox, Sandbox::Ready { number: known, .. } | Sandbox::Creating { number: known, .. } if known == number)
        {
            return;
        }
        self.end_all(step);
        if self.wants_sandbox() {
            step.event(messages::sandbox_changed());
        }
        self.sandbox = Sandbox::Destroying { number, asked: step.now.boot };
        step.act(Action::DestroySandbox { sandbox: number });
    }

    pub(super) fn sandbox_gone(&mut self, step: &mut Step, number: u32) {
        if self.sandbox.number() == Some(number) {
            self.end_all(step);
            self.sandbox = Sandbox::Absent;
        }
    }

    pub(super) fn sandbox_stuck(&mut self, step: &mut Step, number: u32, message: &str) {
        if matches!(self.sandbox, Sandbox::Destroying { number: asked, .. } if asked == number) {
            self.sandbox = Sandbox::Stuck { number, until: step.now.boot.after_ms(RETRY_MS) };
            step.event(messages::kill_failed(message));
        }
    }

    /// Every container that may have run has ended, nobody knows how. One that was being started counts: its number is used up.
    pub(super) fn end_all(&mut self, step: &mut Step) {
        let sandbox = self.sandbox.number();
        for index in 0..self.containers.len() {
            let container = &mut self.containers[index];
            if let Stage::Image { .. } = container.stage {
                // Its turn has to come again.
                container.stage = Stage::Idle;
            }
            if let Stage::Starting { attempt, image, image_id, given, .. } = &container.stage {
                let state = InstanceState::Running { started_at: step.now.wall };
                let (attempt, image, image_id) = (*attempt, image.clone(), image_id.clone());
                let (container_id, given) = (String::new(), Some((**given).clone()));
                container.push(Instance { attempt, image, image_id, container_id, state, sandbox, given, user: None });
            }
            if container.history.is_running() {
                let id = container.history.newest.as_ref().map(|newest| newest.container_id.clone()).unwrap_or_default();
                self.ended(step, index, Ended::not_located(step.now, id));
            }
        }
    }

    pub(super) fn image_pulling(&mut self, step: &mut Step, name: &ContainerName, wanted: &str) {
        let Some(index) = self.index_of(name) else { return };
        if let Stage::Image { image, pull, .. } = &mut self.containers[index].stage
            && image == wanted
            && *pull == Pull::Asked
        {
            *pull = Pull::UnderWay;
            step.event(messages::pulling(&self.containers[index], wanted));
        }
    }

    pub(super) fn image_ready(&mut self, step: &mut Step, name: &ContainerName, wanted: &str, got: (String, Option<Pulled>)) {
        let (image_id, pulled) = got;
        let Some(index) = self.index_of(name) else { return };
        if !matches!(&self.containers[index].stage, Stage::Image { image, .. } if image == wanted) {
            return;
        }
        step.event(messages::pulled(&self.containers[index], wanted, pulled));
        if !matches!(self.sandbox, Sandbox::Ready { .. }) {
            self.set_stage(index, Stage::Idle);
            return;
        }
        let attempt = self.containers[index].history.next_attempt();
        let given = Box::new(self.wanted_resources(name));
        self.set_stage(index, Stage::Starting { attempt, image: wanted.to_owned(), image_id, given, asked: step.now.boot });
        step.act(Action::StartContainer { container: name.clone(), attempt });
    }

    pub(super) fn image_failed(&mut self, step: &mut Step, name: &ContainerName, wanted: &str, error: (ImageFailure, String)) {
        let Some(index) = self.index_of(name) else { return };
        match &self.containers[index].stage {
            Stage::Image { image, pull: Pull::Looking { until }, .. } if image == wanted => {
                let until = *until;
                return self.wait_on(index, until);
            }
            Stage::Image { image, .. } if image == wanted => {}
            _ => return,
        }
        let (reason, message) = error;
        let boot = step.now.boot;
        let container = &self.containers[index];
        let (event, wait) = match reason {
            ImageFailure::ErrImagePull => {
                let entry = self.image_backoff.remove(wanted);
                self.image_backoff.insert(wanted.to_owned(), Backoff::next(entry, wanted, boot));
                let wait = Stage::Waiting { until: boot.after_ms(IMAGE_ERROR_SHOWN_MS), why: Wait::ImageError };
                (messages::failed_to_pull(container, wanted, &message), wait)
            }
            ImageFailure::ErrImageNeverPull => (messages::never_pulled(container, &message), retry(step)),
            ImageFailure::InvalidImageName | ImageFailure::ImageInspectError => {
                (messages::failed_to_inspect(container, &message), retry(step))
            }
        };
        step.event(event);
        step.event(messages::failed(container, reason.as_str()));
        self.containers[index].failure = Some(Failure { reason: reason.as_str(), message });
        self.set_stage(index, wait);
    }

    /// Images were loaded: a container that waits for one has this machine looked through, and waits on if it is not there.
    pub(super) fn images_changed(&mut self, step: &mut Step) {
        let can_start = self.life == Life::Active && matches!(self.sandbox, Sandbox::Ready { .. });
        for index in 0..self.containers.len() {
            let container = &self.containers[index];
            let was_missing =
                container.failure.as_ref().is_some_and(|failure| failure.reason == ImageFailure::ErrImageNeverPull.as_str());
            let until = match container.stage {
                Stage::Waiting { until, why: Wait::ImageError | Wait::ImageBackOff } => until,
                Stage::Waiting { until, why: Wait::Retry } if was_missing => until,
                _ => continue,
            };
            if can_start && self.is_its_turn(index) && self.pull_policy(&container.name) != PullPolicy::Always {
                let name = container.name.clone();
                let image = self.image_of(&name);
                self.set_stage(index, Stage::Image { image: image.clone(), asked: step.now.boot, pull: Pull::Looking { until } });
                step.act(Action::EnsureImage { container: name, image, policy: PullPolicy::Never });
            }
        }
    }

    /// An image that was only looked for is not there: the wait goes on.
    fn wait_on(&mut self, index: usize, until: BootMs) {
        let is_back_off = self.containers[index].failure.as_ref().is_some_and(|failure| failure.reason == "ImagePullBackOff");
        let was_error = self.containers[index].failure.as_ref().is_some_and(|failure| failure.reason == "ErrImagePull");
        let why = match (is_back_off, was_error) {
            (true, _) => Wait::ImageBackOff,
            (false, true) => Wait::ImageError,
            (false, false) => Wait::Retry,
        };
        self.set_stage(index, Stage::Waiting { until, why });
    }

    /// A container does not wait for what another image did, once its own was changed.
    pub(super) fn drop_waits_for_other_images(&mut self, old: &Pod) {
        for index in 0..self.containers.len() {
            let container = &self.containers[index];
            let is_waiting = matches!(container.stage, Stage::Image { .. } | Stage::Waiting { .. });
            if is_waiting && image_in(old, &container.name) != image_in(&self.pod, &container.name) {
                self.set_stage(index, Stage::Idle);
            }
        }
    }

    pub(super) fn started(&mut self, step: &mut Step, name: &ContainerName, attempt: u32, run: (String, Timestamp)) {
        let Some(index) = self.index_of(name) else { return };
        if self.take_instance(step, index, attempt, run) {
            step.event(messages::started(&self.containers[index]));
            let since = step.now.boot;
            self.set_stage(index, Stage::Running { since, hook: Hook::Done });
            if self.life == Life::Active && self.hook(name, HookKind::PostStart).is_some() {
                self.run_post_start(step, index, since);
            }
        }
    }

    /// The instance that was being started exists now. False where it was not being started.
    fn take_instance(&mut self, step: &mut Step, index: usize, attempt: u32, run: (String, Timestamp)) -> bool {
        let sandbox = self.sandbox.number();
        let container = &mut self.containers[index];
        let Stage::Starting { attempt: asked, image, image_id, given, .. } = &container.stage else { return false };
        if *asked != attempt {
            return false;
        }
        let (container_id, started_at) = run;
        let state = InstanceState::Running { started_at };
        let (image, image_id, given) = (image.clone(), image_id.clone(), Some((**given).clone()));
        container.push(Instance { attempt, image, image_id, container_id, state, sandbox, given, user: None });
        container.stage = Stage::Idle;
        step.event(messages::created(container));
        true
    }

    /// Who the program of an instance was started as became known.
    pub(super) fn note_user(&mut self, name: &ContainerName, attempt: u32, user: Option<ContainerUser>) {
        let Some(index) = self.index_of(name) else { return };
        let newest = self.containers[index].history.newest.as_mut();
        if let Some(newest) = newest.filter(|newest| newest.attempt == attempt) {
            newest.user = user.or(newest.user.take());
        }
    }

    /// Whether it is known who the program of an instance was started as.
    #[must_use]
    pub fn knows_user(&self, name: &str, attempt: u32) -> bool {
        let container = self.containers.iter().find(|container| &*container.name == name);
        let newest = container.and_then(|container| container.history.newest.as_ref());
        newest.is_some_and(|newest| newest.attempt == attempt && newest.user.is_some())
    }

    pub(super) fn start_failed(
        &mut self,
        step: &mut Step,
        name: &ContainerName,
        attempt: u32,
        error: (StartFailure, String, Timestamp),
    ) {
        let Some(index) = self.index_of(name) else { return };
        if !matches!(&self.containers[index].stage, Stage::Starting { attempt: asked, .. } if *asked == attempt) {
            return;
        }
        let (reason, message, at) = error;
        if reason == StartFailure::RunContainerError {
            self.take_instance(step, index, attempt, (String::new(), at));
            self.ended(step, index, Ended::not_started(message.clone(), at, step.now));
        }
        step.event(messages::failed(&self.containers[index], &message));
        self.containers[index].failure = Some(Failure { reason: reason.as_str(), message });
        if self.wants_start(index) {
            self.set_stage(index, retry(step));
        }
    }

    pub(super) fn exited(&mut self, step: &mut Step, name: &ContainerName, attempt: u32, end: (Exit, Option<String>)) {
        let Some(index) = self.index_of(name) else { return };
        let (exit, message) = end;
        if self.take_instance(step, index, attempt, (String::new(), exit.started_at)) {
            // It ended before its start was reported.
            step.event(messages::started(&self.containers[index]));
        }
        let history = &self.containers[index].history;
        let Some(newest) = history.newest.as_ref().filter(|newest| newest.attempt == attempt && history.is_running()) else {
            return;
        };
        let ended = Ended::of_exit(exit, message, newest.container_id.clone(), step.now);
        self.ended(step, index, ended);
    }

    /// The newest instance of a container ended.
    pub(super) fn ended(&mut self, step: &Step, index: usize, ended: Ended) {
        let seen = ended.seen;
        let container = &mut self.containers[index];
        container.history.end(ended);
        if matches!(container.stage, Stage::Stopping(Stop { then: After::Restart, .. })) {
            container.history.restart = Restart::Regardless;
        }
        container.stage = Stage::Idle;
        let wanted = self.image_of(&self.containers[index].name);
        let container = &self.containers[index];
        let until = container.history.backoff.as_ref().and_then(|backoff| backoff.until(&wanted, seen));
        if let Some(until) = until.filter(|until| *until > step.now.boot && self.wants_start(index)) {
            let shown = step.now.boot.after_ms(SHOWN_MS).min(until);
            self.set_stage(index, Stage::Waiting { until: shown, why: Wait::EndShown });
        }
    }
}

/// Tried again in a while.
fn retry(step: &Step) -> Stage {
    Stage::Waiting { until: step.now.boot.after_ms(RETRY_MS), why: Wait::Retry }
}
