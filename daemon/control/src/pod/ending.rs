//! How a pod comes to its end: deletion with grace, deadline, shutdown, rejection, or its containers' own end.

use super::container::Stage;
use super::life::{Cause, Deletion, Final, Life, Sandbox, Verdict};
use super::{Action, EventType, ObjectFate, PodEvent, PodMachine, Rejection, Sight, Step, messages};
use crate::clock::BootMs;
use k8s_openapi::api::core::v1::{Pod, PodStatus};

/// A container always gets so long between the first signal and SIGKILL (kubelet's `minimumGracePeriodInSeconds`).
pub(super) const LEAST_GRACE_MS: u64 = 2_000;
/// A pod that is taken down gets so long for its hooks, whatever was said (`calculateEffectiveGracePeriod`).
const LEAST_HOOK_MS: u64 = 1_000;
/// Default of `terminationGracePeriodSeconds`.
const DEFAULT_GRACE_SECONDS: i64 = 30;
/// After so long past SIGKILL, the sandbox is taken away with whatever is in it.
pub(super) const KILL_PATIENCE_MS: u64 = 10_000;

/// A grace, lengthened to what a container always gets.
pub(super) const fn least_grace_ms(grace_ms: u64) -> u64 {
    if grace_ms < LEAST_GRACE_MS { LEAST_GRACE_MS } else { grace_ms }
}

/// What an object says about its own deletion.
pub(super) fn deletion_of(pod: &Pod) -> Deletion {
    if pod.metadata.deletion_timestamp.is_none() {
        return Deletion::None;
    }
    let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(DEFAULT_GRACE_SECONDS);
    Deletion::Marked { grace_ms: seconds_to_ms(seconds) }
}

fn seconds_to_ms(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}

impl PodMachine {
    /// The pod's own grace.
    pub(super) fn grace_ms(&self) -> u64 {
        let seconds = self.spec().and_then(|spec| spec.termination_grace_period_seconds);
        seconds_to_ms(seconds.unwrap_or(DEFAULT_GRACE_SECONDS))
    }

    /// When `activeDeadlineSeconds` is over.
    pub(super) fn deadline(&self, now: crate::clock::Now) -> Option<BootMs> {
        let seconds = self.spec()?.active_deadline_seconds?;
        let started = now.boot_of(self.start_time?);
        (self.life == Life::Active).then(|| started.after_ms(seconds_to_ms(seconds)))
    }

    pub(super) fn end_if_due(&mut self, step: &mut Step) {
        match self.deletion {
            Deletion::None => {}
            Deletion::Marked { grace_ms } => self.end(step, Cause::Deleted, grace_ms),
            Deletion::Elsewhere => self.end(step, Cause::Deleted, self.grace_ms()),
            Deletion::Removed => self.end(step, Cause::Deleted, 0),
        }
        if self.deadline(step.now).is_some_and(|deadline| deadline <= step.now.boot) {
            step.event(messages::deadline_exceeded());
            self.end(step, Cause::DeadlineExceeded, self.grace_ms());
        }
    }

    pub(super) fn placed_elsewhere(&mut self, step: &mut Step, node: &str) {
        if self.is_ours() {
            self.deletion = Deletion::Elsewhere;
            step.event(messages::placed_elsewhere(node));
        }
    }

    /// Whether this node speaks for the pod.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.deletion, Deletion::None | Deletion::Marked { .. })
    }

    pub(super) fn shutting_down(&mut self, step: &mut Step, grace_seconds: u64) {
        let grace_ms = grace_seconds.saturating_mul(1000).min(self.grace_ms());
        self.end(step, Cause::Shutdown, grace_ms);
    }

    pub(super) fn evicted(&mut self, step: &mut Step, message: String, grace_seconds: u64) {
        let grace_ms = grace_seconds.saturating_mul(1000).min(self.grace_ms());
        if let Life::Ending { cause, .. } = &self.life {
            // It goes already; the node's need hastens it.
            let cause = cause.clone();
            return self.end(step, cause, grace_ms);
        }
        if self.life != Life::Active || self.deletion != Deletion::None {
            return;
        }
        step.event(messages::evicted(&message));
        self.end(step, Cause::Evicted { message }, grace_ms);
    }

    /// From now on nothing starts. A pod that is ending already only may have less time than it had.
    fn end(&mut self, step: &Step, cause: Cause, grace_ms: u64) {
        let deadline = step.now.boot.after_ms(least_grace_ms(grace_ms));
        let hooks_end = step.now.boot.after_ms(grace_ms.max(LEAST_HOOK_MS));
        match &mut self.life {
            Life::Active => {
                self.life = Life::Ending { cause, kill_at: deadline, grace_over: hooks_end };
                for container in &mut self.containers {
                    if !container.is_busy() {
                        container.stage = Stage::Idle;
                    }
                }
            }
            Life::Ending { kill_at, grace_over, .. } => {
                (*kill_at, *grace_over) = (deadline.min(*kill_at), hooks_end.min(*grace_over));
            }
            Life::Closing { .. } | Life::Ended | Life::Released => {}
        }
    }

    pub(super) fn rejected(&mut self, step: &mut Step, rejection: Rejection) {
        if let Sight::Blind(snapshot) = &mut self.sight {
            let snapshot = snapshot.take().map(|snapshot| *snapshot);
            self.remember(step.now, snapshot);
            self.sight = Sight::Looked(step.now.boot);
        }
        let is_untouched = self.containers.iter().all(|container| container.history.newest.is_none());
        if self.life != Life::Active || self.sandbox != Sandbox::Absent || !is_untouched {
            return;
        }
        let (kind, reason) = (EventType::Warning, rejection.reason.as_str());
        step.event(PodEvent { kind, reason, message: rejection.message.clone(), field_path: None });
        self.close(Cause::Rejected(rejection));
    }

    /// Goes on where nothing is left to wait for.
    pub(super) fn settle(&mut self, step: &mut Step) {
        if self.life == Life::Active && self.deletion == Deletion::None && self.is_complete() {
            // Sidecars and ephemeral containers go with those that the pod was for.
            self.end(step, Cause::Completed, self.grace_ms());
            (0..self.containers.len()).for_each(|index| self.drive_stop(step, index));
        }
        if let Life::Ending { cause, kill_at, .. } = &self.life {
            let is_down = !self.containers.iter().any(super::Container::is_busy);
            let is_overdue = kill_at.after_ms(KILL_PATIENCE_MS) <= step.now.boot;
            if is_down || is_overdue {
                let cause = cause.clone();
                if !is_down {
                    step.event(messages::grace_exceeded());
                }
                self.close(cause);
            }
        }
        if let Life::Closing { .. } = self.life {
            self.take_sandbox_away(step);
        }
        if self.life == Life::Ended {
            step.release = match self.deletion {
                Deletion::None => None,
                Deletion::Marked { .. } => Some(ObjectFate::Delete),
                Deletion::Elsewhere | Deletion::Removed => Some(ObjectFate::AlreadyGone),
            };
        }
    }

    fn close(&mut self, cause: Cause) {
        if !self.containers.iter().any(super::Container::is_busy) {
            self.judge(&cause);
        }
        self.life = Life::Closing { cause };
    }

    fn take_sandbox_away(&mut self, step: &mut Step) {
        match self.sandbox {
            Sandbox::Creating { number, .. } | Sandbox::Ready { number, .. } => {
                self.sandbox = Sandbox::Destroying { number, asked: step.now.boot };
                step.act(Action::DestroySandbox { sandbox: number });
            }
            Sandbox::Destroying { .. } | Sandbox::Stuck { .. } => {}
            Sandbox::Absent | Sandbox::Waiting { .. } => {
                if let Life::Closing { cause } = &self.life {
                    let cause = cause.clone();
                    self.end_all(step);
                    self.judge(&cause);
                }
                self.life = Life::Ended;
                if self.deletion == Deletion::None {
                    step.act(Action::ReleaseVolumes);
                }
            }
        }
    }

    /// Settles the final phase; once settled it stays.
    fn judge(&mut self, cause: &Cause) {
        if self.verdict.is_some() {
            return;
        }
        self.verdict = Some(match cause.words() {
            Some((reason, message)) => {
                Verdict { phase: Final::Failed, reason: Some(reason.to_owned()), message: Some(message.to_owned()) }
            }
            None => Verdict { phase: self.final_phase(), reason: None, message: None },
        });
    }

    /// A pod whose last status is final stays so, whatever else is known.
    pub(super) fn remember_verdict(&mut self, status: &PodStatus) {
        if let Some(phase) = status.phase.as_deref().and_then(Final::parse) {
            self.verdict = Some(Verdict { phase, reason: status.reason.clone(), message: status.message.clone() });
            self.life = Life::Ended;
        }
    }
}
