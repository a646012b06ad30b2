//! What is missing of what is wanted, and asked for now.

use super::backoff::Backoff;
use super::container::{After, Failure, Pull, Stage, Stop, Wait};
use super::life::{Life, Sandbox};
use super::{Action, PodMachine, PullPolicy, Sight, Signal, Step, messages};
use crate::clock::BootMs;

/// An answer that has stayed out for so long is looked for.
const OVERDUE_MS: u64 = 60_000;
/// What runs is looked at so often, should the news of its end have been lost.
const LOOK_MS: u64 = 300_000;
/// An image is asked for again after this time, while its pull is under way.
const PULL_OVERDUE_MS: u64 = 600_000;
/// A container in back-off is reported so often.
const BACK_OFF_EVENT_MS: u64 = 15_000;
/// A kill that did not help is repeated after this time.
pub(super) const KILL_AGAIN_MS: u64 = 10_000;

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
        }
        if self.life == Life::Active && matches!(self.sandbox, Sandbox::Ready { .. }) {
            self.drive_starts(step);
        }
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
        if self.containers.iter().any(|container| self.wants_start(container)) {
            let number = self.next_sandbox;
            self.next_sandbox = number.saturating_add(1);
            self.sandbox = Sandbox::Creating { number, asked: boot };
            step.act(Action::CreateSandbox { sandbox: number });
        }
    }

    /// Starts what is wanted and due, in order: one whose start is being prepared holds up those after it.
    fn drive_starts(&mut self, step: &mut Step) {
        let boot = step.now.boot;
        let mut is_held = false;
        for index in 0..self.containers.len() {
            let container = &self.containers[index];
            match &container.stage {
                Stage::Image { image, asked, pull } if asked.after_ms(pull.patience_ms()) <= boot => {
                    let pull = if *pull == Pull::UnderWay { Pull::UnderWay } else { Pull::Asked };
                    let image = image.clone();
                    self.ask_for_image(step, index, image, pull);
                }
                Stage::Idle if !is_held && self.wants_start(container) => self.begin(step, index),
                Stage::Waiting { until, why } if *until <= boot && self.wants_start(container) => match why {
                    Wait::ImageError => self.wait_for_image(step, index),
                    Wait::ImageBackOff if !is_held => self.want_image(step, index),
                    Wait::EndShown | Wait::CrashLoop { .. } | Wait::Retry if !is_held => self.begin(step, index),
                    _ => {}
                },
                Stage::Waiting { why: Wait::CrashLoop { next_event }, .. } if *next_event <= boot => {
                    self.report_crash_loop(step, index);
                }
                _ => {}
            }
            is_held |= self.containers[index].holds_the_next();
        }
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
        let name = &container.name;
        let message = format!("back-off {seconds}s restarting failed container={name} pod={pod}");
        step.event(messages::restart_back_off(name, &pod));
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
        step.event(messages::image_back_off(&container.name, &image));
        step.event(messages::failed(&container.name, "ImagePullBackOff"));
        container.failure = Some(Failure { reason: "ImagePullBackOff", message });
        container.stage = Stage::Waiting { until, why: Wait::ImageBackOff };
    }

    pub(super) fn pull_policy(&self, name: &str) -> PullPolicy {
        let spec = self.container_spec(name);
        match spec.and_then(|spec| spec.image_pull_policy.as_deref()) {
            Some("Always") => PullPolicy::Always,
            Some("Never") => PullPolicy::Never,
            _ => PullPolicy::IfNotPresent,
        }
    }

    /// Stops a running container that is not wanted as it is, and kills one whose time is over.
    fn drive_stop(&mut self, step: &mut Step, index: usize) {
        let boot = step.now.boot;
        let container = &self.containers[index];
        match (&container.stage, &self.life) {
            (Stage::Running { .. }, Life::Ending { kill_at, .. }) if *kill_at > boot => {
                step.event(messages::stopping(&container.name));
                self.stop(step, index, *kill_at, After::ByPolicy);
            }
            (Stage::Running { .. }, Life::Ending { .. } | Life::Closing { .. }) => {
                // Its start was heard of after its time was over.
                step.event(messages::stopping(&container.name));
                self.signal(step, index, Signal::Kill);
                self.set_stage(index, Stage::Stopping(Stop { kill_at: boot, killed: Some(boot), then: After::ByPolicy }));
            }
            (Stage::Running { .. }, Life::Active) => {
                let wanted = self.image_of(&container.name);
                if container.history.newest.as_ref().is_some_and(|newest| newest.image != wanted) {
                    step.event(messages::definition_changed(&container.name));
                    let kill_at = boot.after_ms(super::ending::least_grace_ms(self.grace_ms()));
                    self.stop(step, index, kill_at, After::Restart);
                }
            }
            (Stage::Stopping(stop), life) => {
                let mut stop = *stop;
                if let Life::Ending { kill_at, .. } = life {
                    stop = Stop { kill_at: stop.kill_at.min(*kill_at), then: After::ByPolicy, ..stop };
                }
                let is_due = match stop.killed {
                    None => stop.kill_at <= boot,
                    Some(killed) => boot.since_ms(killed) >= KILL_AGAIN_MS,
                };
                if is_due {
                    stop.killed = Some(boot);
                    self.signal(step, index, Signal::Kill);
                }
                self.set_stage(index, Stage::Stopping(stop));
            }
            _ => {}
        }
    }

    fn stop(&mut self, step: &mut Step, index: usize, kill_at: BootMs, then: After) {
        self.signal(step, index, Signal::Stop);
        self.set_stage(index, Stage::Stopping(Stop { kill_at, killed: None, then }));
    }

    fn signal(&self, step: &mut Step, index: usize, signal: Signal) {
        let container = &self.containers[index];
        if let Some(newest) = &container.history.newest {
            step.act(Action::Signal { container: container.name.clone(), attempt: newest.attempt, signal });
        }
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
