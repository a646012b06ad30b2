//! What is missing of what is wanted, and asked for now.

use super::backoff::Backoff;
use super::container::{Failure, Hook, Pull, Role, Stage, Wait};
use super::life::{Life, Sandbox};
use super::{Action, HookKind, PodMachine, Sight, Step, messages};
use crate::clock::BootMs;

/// An answer that has stayed out for so long is looked for.
pub(super) const OVERDUE_MS: u64 = 60_000;
/// What runs is looked at so often, should the news of its end have been lost.
const LOOK_MS: u64 = 300_000;
/// An image is asked for again after this time, while its pull is under way.
const PULL_OVERDUE_MS: u64 = 600_000;
/// A container in back-off is reported so often.
const BACK_OFF_EVENT_MS: u64 = 15_000;
impl Pull {
    /// After how long it is asked for again.
    pub(super) const fn patience_ms(self) -> u64 {
        match self {
            Self::UnderWay => PULL_OVERDUE_MS,
            Self::Asked | Self::Looking { .. } => OVERDUE_MS,
        }
    }
}

impl PodMachine {
    /// Looks at the whole and asks for what is missing.
    pub(super) fn advance(&mut self, step: &mut Step) {
        self.end_if_due(step);
        self.drive_sandbox(step);
        for index in 0..self.containers.len() {
            self.drive_stop(step, index);
            self.drive_resize(step, index);
        }
        if self.life == Life::Active && matches!(self.sandbox, Sandbox::Ready { .. }) {
            self.drive_starts(step);
        }
        self.drive_probes(step);
        self.settle(step);
        self.look_for_lost_answers(step);
    }

    fn drive_sandbox(&mut self, step: &mut Step) {
        let boot = step.now.boot;
        match self.sandbox {
            Sandbox::Stuck { number, until } if until <= boot => {
                self.sandbox = Sandbox::Destroying { number, asked: boot };
                step.act(Action::DestroySandbox { sandbox: number });
                return;
            }
            Sandbox::Waiting { until } if until > boot => return,
            Sandbox::Absent | Sandbox::Waiting { .. } => {}
            _ => return,
        }
        if self.wants_sandbox() {
            let number = self.next_sandbox;
            self.next_sandbox = number.saturating_add(1);
            self.sandbox = Sandbox::Creating { number, asked: boot };
            step.act(Action::CreateSandbox { sandbox: number });
        }
    }

    /// Starts what is wanted and due, in order: one whose start is being prepared holds up those after it, and so does an init
    /// container that has not had its turn.
    fn drive_starts(&mut self, step: &mut Step) {
        let mut is_held = false;
        for index in 0..self.containers.len() {
            let may_begin = !is_held || self.containers[index].role == Role::Ephemeral;
            self.drive_start(step, index, may_begin);
            is_held |= self.containers[index].holds_the_next() || !self.is_passed(index, self.frontier());
        }
    }

    fn drive_start(&mut self, step: &mut Step, index: usize, may_begin: bool) {
        let boot = step.now.boot;
        let container = &self.containers[index];
        match &container.stage {
            Stage::Image { image, asked, pull } if asked.after_ms(pull.patience_ms()) <= boot => {
                let pull = if *pull == Pull::UnderWay { Pull::UnderWay } else { Pull::Asked };
                let image = image.clone();
                self.ask_for_image(step, index, image, pull);
            }
            Stage::Running { since, hook: Hook::Running { asked } } if asked.after_ms(OVERDUE_MS) <= boot => {
                let since = *since;
                self.run_post_start(step, index, since);
            }
            Stage::Idle if may_begin && self.wants_start(index) => self.begin(step, index),
            Stage::Waiting { until, why } if *until <= boot && self.wants_start(index) => match why {
                Wait::ImageError if may_begin => self.wait_for_image(step, index),
                Wait::ImageBackOff if may_begin => self.want_image(step, index),
                Wait::EndShown | Wait::CrashLoop { .. } | Wait::Retry if may_begin => self.begin(step, index),
                _ => {}
            },
            Stage::Waiting { why: Wait::CrashLoop { next_event }, .. } if *next_event <= boot => {
                self.report_crash_loop(step, index);
            }
            _ => {}
        }
    }

    /// Runs the hook of a container that has just started.
    pub(super) fn run_post_start(&mut self, step: &mut Step, index: usize, since: BootMs) {
        let container = &self.containers[index];
        let Some(newest) = &container.history.newest else { return };
        let hook = HookKind::PostStart;
        step.act(Action::RunHook { container: container.name.clone(), attempt: newest.attempt, hook, limit_ms: None });
        self.set_stage(index, Stage::Running { since, hook: Hook::Running { asked: step.now.boot } });
    }

    /// Begins a start, unless the container is in back-off (`kuberuntime_manager.go:doBackOff`).
    fn begin(&mut self, step: &mut Step, index: usize) {
        let boot = step.now.boot;
        let image = self.image_of(&self.containers[index].name);
        let container = &mut self.containers[index];
        if let Some(ended) = container.history.ended() {
            let until = container.history.backoff.as_ref().and_then(|backoff| backoff.until(&image, ended.seen));
            if let Some(until) = until.filter(|until| *until > boot) {
                container.stage = Stage::Waiting { until, why: Wait::CrashLoop { next_event: boot } };
                self.report_crash_loop(step, index);
                return;
            }
            // A start that fails before there is an instance does not count as another crash.
            if !matches!(container.stage, Stage::Waiting { why: Wait::Retry, .. }) || container.failure_is_of_a_run() {
                container.history.backoff = Some(Backoff::next(container.history.backoff.take(), &image, boot));
            }
        }
        self.want_image(step, index);
    }

    fn report_crash_loop(&mut self, step: &mut Step, index: usize) {
        let pod = self.full_name();
        let container = &mut self.containers[index];
        let Stage::Waiting { until, .. } = container.stage else { return };
        let next_event = step.now.boot.after_ms(BACK_OFF_EVENT_MS);
        container.stage = Stage::Waiting { until, why: Wait::CrashLoop { next_event } };
        let seconds = container.history.backoff.as_ref().map_or(0, Backoff::delay_seconds);
        let message = format!("back-off {seconds}s restarting failed container={} pod={pod}", container.name);
        step.event(messages::restart_back_off(container, &pod));
        container.failure = Some(Failure { reason: "CrashLoopBackOff", message });
    }

    fn want_image(&mut self, step: &mut Step, index: usize) {
        let image = self.image_of(&self.containers[index].name);
        self.ask_for_image(step, index, image, Pull::Asked);
    }

    fn ask_for_image(&mut self, step: &mut Step, index: usize, image: String, pull: Pull) {
        let container = self.containers[index].name.clone();
        let policy = self.pull_policy(&container);
        self.set_stage(index, Stage::Image { image: image.clone(), asked: step.now.boot, pull });
        step.act(Action::EnsureImage { container, image, policy });
    }

    /// The image's error was shown: now its back-off is.
    fn wait_for_image(&mut self, step: &mut Step, index: usize) {
        let image = self.image_of(&self.containers[index].name);
        let until = self.image_backoff.get(&image).and_then(|backoff| backoff.until_since_update(&image));
        let Some(until) = until.filter(|until| *until > step.now.boot) else {
            return self.want_image(step, index);
        };
        let container = &mut self.containers[index];
        let error = container.failure.take().map(|failure| format!(": {}: {}", failure.reason, failure.message));
        let message = format!("Back-off pulling image \"{image}\"{}", error.unwrap_or_default());
        step.event(messages::image_back_off(container, &image));
        step.event(messages::failed(container, "ImagePullBackOff"));
        container.failure = Some(Failure { reason: "ImagePullBackOff", message });
        container.stage = Stage::Waiting { until, why: Wait::ImageBackOff };
    }

    /// When the whole is looked at again, because an answer stayed out or could have been lost.
    pub(super) fn next_look(&self) -> Option<BootMs> {
        let Sight::Looked(looked) = self.sight else { return None };
        let sandbox = match self.sandbox {
            Sandbox::Creating { asked, .. } | Sandbox::Destroying { asked, .. } => Some(asked),
            Sandbox::Absent | Sandbox::Waiting { .. } | Sandbox::Ready { .. } | Sandbox::Stuck { .. } => None,
        };
        let starts = self.containers.iter().filter_map(|container| match container.stage {
            Stage::Starting { asked, .. } => Some(asked),
            _ => None,
        });
        let overdue = sandbox.into_iter().chain(starts).min().map(|asked| asked.max(looked).after_ms(OVERDUE_MS));
        let routine = matches!(self.sandbox, Sandbox::Ready { .. }).then(|| looked.after_ms(LOOK_MS));
        overdue.into_iter().chain(routine).min()
    }

    fn look_for_lost_answers(&mut self, step: &mut Step) {
        if self.next_look().is_some_and(|due| due <= step.now.boot) {
            self.sight = Sight::Looked(step.now.boot);
            step.act(Action::Observe);
        }
    }
}
