//! When each probe of each container runs, and what its results come to (`pkg/kubelet/prober/worker.go`).
//!
//! ```text
//!                    ┌────────── result, below the threshold ─────────┐
//!                    ▼                                                │
//!  (not probed) ─▶ due ── tick ─▶ asked ── result ── threshold ─▶ verdict changes; liveness and startup then hold
//!                    ▲              │                                 until the next instance
//!                    └── lost ──────┘
//! ```
//!
//! Probes tick on a grid that begins with the pod, as kubelet's do, so those of one pod that have the same period come in one
//! step; a readiness probe is asked for once more as soon as its container has started. All grids of a machine are put onto
//! multiples of [`STRIDE_MS`], so that pods that began at almost the same time are woken together.

use super::container::{After, Container, Stage};
use super::history::{InstanceState, RestartPolicy};
use super::life::{Deletion, Life};
use super::{Action, ContainerName, PodMachine, ProbeKind, ProbeVerdict, Step, messages};
use crate::clock::{BootMs, Now};
use k8s_openapi::api::core::v1::Probe;

/// A result that is so late after the probe's own limit was lost.
const LOST_MS: u64 = 10_000;
/// How far apart, in ms of the boot clock, the moments are at which a pod's grid may begin. Hundreds of probes a second are then twenty
/// wakes; periods are whole seconds, so a probe is never later for it than its first time.
const STRIDE_MS: u64 = 50;

/// The probes of one instance, by [`ProbeKind::ALL`].
#[derive(Debug, Clone, Default)]
pub(super) struct Probes([Progress; 3]);

/// How far one probe is.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// When it runs next; `None` until it is to be probed at all.
    due: Option<BootMs>,
    /// The number and the time of the run that is under way.
    asked: Option<(u32, BootMs)>,
    /// The number of the newest run.
    run: u32,
    /// The last result, and how often it came in a row.
    last: Option<(Outcome, i32)>,
    /// Its verdict is given: it does not run again before there is another instance.
    hold: Hold,
}

/// What one run says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Bad,
}

/// Whether a probe still runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    Open,
    Held,
}

/// Whether an input can have changed more than the probes' own course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only when which probe runs.
    Probes,
    /// The whole pod.
    Pod,
}

/// Numbers of a probe, with Kubernetes' defaults (`SetDefaults_Probe`).
struct Numbers {
    delay_ms: u64,
    period_ms: u64,
    timeout_ms: u64,
    successes: i32,
    failures: i32,
}

impl Numbers {
    fn of(probe: &Probe) -> Self {
        let ms = |seconds: Option<i32>, default: u64| {
            seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0).unwrap_or(default) * 1000
        };
        Self {
            delay_ms: ms(probe.initial_delay_seconds, 0),
            period_ms: ms(probe.period_seconds, 10),
            timeout_ms: ms(probe.timeout_seconds, 1),
            successes: probe.success_threshold.filter(|count| *count > 0).unwrap_or(1),
            failures: probe.failure_threshold.filter(|count| *count > 0).unwrap_or(3),
        }
    }
}

impl Probes {
    fn of(&mut self, kind: ProbeKind) -> &mut Progress {
        &mut self.0[kind as usize]
    }
}

impl PodMachine {
    /// Whether a container counts as started: it runs, and its startup probe has succeeded if it has one.
    pub(super) fn has_started(&self, container: &Container) -> bool {
        let is_running = matches!(container.stage, Stage::Stopping(_)) || container.is_up();
        let waits = || self.probe(container, ProbeKind::Startup).is_some() && !container.history.probed.started;
        container.history.is_running() && is_running && container.failure.is_none() && !waits()
    }

    /// Whether a container counts as ready.
    pub(super) fn is_ready(&self, container: &Container) -> bool {
        let waits = || self.probe(container, ProbeKind::Readiness).is_some() && !container.history.probed.ready;
        self.has_started(container) && !waits()
    }

    /// Asks for the runs that are due.
    pub(super) fn drive_probes(&mut self, step: &mut Step) {
        for index in 0..self.containers.len() {
            for kind in ProbeKind::ALL {
                self.drive_probe(step, index, kind);
            }
        }
    }

    fn drive_probe(&mut self, step: &mut Step, index: usize, kind: ProbeKind) {
        let boot = step.now.boot;
        let container = &self.containers[index];
        let Some(numbers) = self.probe(container, kind).map(Numbers::of) else { return };
        if !self.is_probed(container, kind) {
            *self.containers[index].probes.of(kind) =
                Progress { run: container.probes.0[kind as usize].run, ..Progress::default() };
            return;
        }
        let known = container.probes.0[kind as usize].due;
        let due = known.unwrap_or_else(|| self.first_run(step.now, container, kind, &numbers));
        // Readiness that is asked for at once is so between the ticks.
        let next = match known {
            Some(due) => due.after_ms((boot.since_ms(due) / numbers.period_ms + 1) * numbers.period_ms),
            None => self.tick(step.now, container, numbers.period_ms, boot.after_ms(1)),
        };
        let Some(newest) = &container.history.newest else { return };
        let (name, attempt) = (container.name.clone(), newest.attempt);
        let progress = self.containers[index].probes.of(kind);
        progress.due = Some(due);
        if progress.hold == Hold::Held || due > boot {
            return;
        }
        if progress.asked.is_some_and(|(_, asked)| asked.after_ms(numbers.timeout_ms + LOST_MS) > boot) {
            return;
        }
        progress.run = progress.run.wrapping_add(1);
        progress.asked = Some((progress.run, boot));
        progress.due = Some(next);
        step.act(Action::RunProbe { container: name, attempt, probe: kind, run: progress.run });
    }

    /// Whether a probe is to run at all, now.
    fn is_probed(&self, container: &Container, kind: ProbeKind) -> bool {
        let is_kept = self.life == Life::Active && self.deletion == Deletion::None && container.is_up();
        match kind {
            ProbeKind::Startup => is_kept && !container.history.probed.started,
            ProbeKind::Liveness => is_kept && self.has_started(container),
            ProbeKind::Readiness => self.has_started(container),
        }
    }

    /// The first tick after the initial delay; without one, readiness is looked at right away.
    fn first_run(&self, now: Now, container: &Container, kind: ProbeKind, numbers: &Numbers) -> BootMs {
        let earliest = started_at(now, container).after_ms(numbers.delay_ms).max(now.boot);
        if kind == ProbeKind::Readiness && numbers.delay_ms == 0 && !container.history.probed.ready {
            return earliest;
        }
        self.tick(now, container, numbers.period_ms, earliest)
    }

    /// The first tick of the pod's grid that is not before a moment.
    fn tick(&self, now: Now, container: &Container, period_ms: u64, earliest: BootMs) -> BootMs {
        let begin = self.start_time.map_or_else(|| started_at(now, container), |start| now.boot_of(start));
        let origin = BootMs(begin.0.next_multiple_of(STRIDE_MS));
        origin.after_ms(earliest.since_ms(origin).div_ceil(period_ms) * period_ms)
    }

    /// When the next probe is due, or its answer is given up.
    pub(super) fn next_probe(&self) -> Option<BootMs> {
        let due = |container: &Container, kind: ProbeKind| {
            let progress = &container.probes.0[kind as usize];
            let due = progress.due.filter(|_| progress.hold == Hold::Open)?;
            let numbers = Numbers::of(self.probe(container, kind)?);
            let given_up = progress.asked.map(|(_, asked)| asked.after_ms(numbers.timeout_ms + LOST_MS));
            Some(given_up.map_or(due, |given_up| due.max(given_up)))
        };
        let of = |container| ProbeKind::ALL.into_iter().filter_map(move |kind| due(container, kind));
        self.containers.iter().flat_map(of).min()
    }

    /// A run has ended. Says how much may have changed.
    pub(super) fn probed(
        &mut self,
        step: &mut Step,
        name: &ContainerName,
        run: (u32, ProbeKind, u32),
        result: (ProbeVerdict, String),
    ) -> Reach {
        let (attempt, kind, run) = run;
        let Some(index) = self.index_of(name) else { return Reach::Probes };
        let container = &self.containers[index];
        if container.history.newest.as_ref().is_none_or(|newest| newest.attempt != attempt) {
            return Reach::Probes;
        }
        if !self.is_probed(container, kind) || container.probes.0[kind as usize].asked.is_none_or(|(asked, _)| asked != run) {
            return Reach::Probes;
        }
        let (verdict, output) = result;
        let event = match verdict {
            ProbeVerdict::Success => None,
            ProbeVerdict::Warning => Some(messages::probe_warning(container, kind, &output)),
            ProbeVerdict::Failure => Some(messages::probe_failed(container, kind, &output)),
            ProbeVerdict::Unknown => Some(messages::probe_errored(container, kind, &output)),
        };
        event.into_iter().for_each(|event| step.event(event));
        let Some(numbers) = self.probe(container, kind).map(Numbers::of) else { return Reach::Probes };
        let progress = self.containers[index].probes.of(kind);
        progress.asked = None;
        let outcome = match verdict {
            ProbeVerdict::Success | ProbeVerdict::Warning => Outcome::Good,
            ProbeVerdict::Failure => Outcome::Bad,
            // It says nothing about the container.
            ProbeVerdict::Unknown => return Reach::Probes,
        };
        let count = progress.last.filter(|(last, _)| *last == outcome).map_or(1, |(_, count)| count.saturating_add(1));
        progress.last = Some((outcome, count));
        let threshold = if outcome == Outcome::Good { numbers.successes } else { numbers.failures };
        if count < threshold {
            return Reach::Probes;
        }
        if kind == ProbeKind::Startup || (kind == ProbeKind::Liveness && outcome == Outcome::Bad) {
            progress.hold = Hold::Held;
        }
        self.judge_probe(step, index, kind, outcome)
    }

    fn judge_probe(&mut self, step: &mut Step, index: usize, kind: ProbeKind, outcome: Outcome) -> Reach {
        let probed = &mut self.containers[index].history.probed;
        match (kind, outcome) {
            (ProbeKind::Readiness, _) => {
                let is_ready = outcome == Outcome::Good;
                let changes = probed.ready != is_ready;
                probed.ready = is_ready;
                if changes { Reach::Pod } else { Reach::Probes }
            }
            (ProbeKind::Startup, Outcome::Good) => {
                probed.started = true;
                Reach::Pod
            }
            (ProbeKind::Liveness, Outcome::Good) => Reach::Probes,
            (ProbeKind::Startup | ProbeKind::Liveness, Outcome::Bad) => {
                self.stop_unhealthy(step, index, kind);
                Reach::Pod
            }
        }
    }

    /// Stops a container that is not alive, to start it again unless its policy is never to.
    fn stop_unhealthy(&mut self, step: &mut Step, index: usize, kind: ProbeKind) {
        let container = &self.containers[index];
        let after = match self.policy_of(container.role) {
            RestartPolicy::Never => After::ByPolicy,
            RestartPolicy::Always | RestartPolicy::OnFailure => After::Restart,
        };
        let own = self.probe(container, kind).and_then(|probe| probe.termination_grace_period_seconds);
        let grace_ms = own.and_then(|seconds| u64::try_from(seconds).ok()).map_or(self.grace_ms(), |seconds| seconds * 1000);
        step.event(messages::unhealthy(container, kind, after));
        self.stop(step, index, grace_ms, after);
    }
}

/// When a container that runs was started.
fn started_at(now: Now, container: &Container) -> BootMs {
    match container.history.newest.as_ref().map(|newest| &newest.state) {
        Some(InstanceState::Running { started_at }) => now.boot_of(*started_at),
        _ => now.boot,
    }
}
