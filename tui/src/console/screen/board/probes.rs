//! The probes of a pod: a row of cells each, one cell a run, how near the threshold is, and when the next one is due.

use super::feed::{Numbers, Question};
use super::line::{Line, cut};
use super::{Known, Page, Target};
use crate::console::base::text;
use crate::console::link::Failure;
use crate::console::model::row::Key;
use crate::console::model::why;
use crate::console::theme::role::Role;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use objects::lookup::{list, number, text as text_at, time};
use serde_json::Value;
use std::collections::BTreeSet;
use wire::{PodProbes, ProbeKind, ProbeRun, ProbeRuns, ProbeVerdict, ProbesRequest, Request, Response};

/// The least time between two questions.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// The longest time between two questions while one looks.
const LONGEST: SignedDuration = SignedDuration::from_secs(10);
/// Runs that are told in full below an open probe.
const TOLD: usize = 12;

/// What is known of a pod's probes.
#[derive(Debug)]
pub struct Probes {
    /// The pod.
    pub pod: Key,
    /// Probes whose runs are told one by one.
    pub open: BTreeSet<String>,
    asked: Option<(u32, Timestamp)>,
    answered: Option<(Timestamp, PodProbes)>,
    refused: Option<String>,
    due: Option<Timestamp>,
}

/// One probe as its manifest has it.
struct Spec<'a> {
    probe: &'a Value,
    period: i64,
    timeout: i64,
    failures: i64,
    successes: i64,
    container: State,
}

/// Whether the container runs that is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Since then, in milliseconds; 0 where nobody wrote it down.
    Runs { since_ms: i64 },
    /// It does not, or nobody said that it does.
    IsOff,
}

impl State {
    /// As the pod's status has it.
    fn of(pod: &Value, container: &str) -> Self {
        let statuses = list(pod, "/status/initContainerStatuses").iter().chain(list(pod, "/status/containerStatuses"));
        let mut statuses = statuses.filter(|status| text_at(status, "/name") == container);
        match statuses.next().and_then(|status| status.pointer("/state/running")) {
            Some(running) => Self::Runs { since_ms: time(running, "/startedAt").map_or(0, Timestamp::as_millisecond) },
            None => Self::IsOff,
        }
    }
}

impl Probes {
    /// Nothing is known yet.
    pub fn new(pod: Key) -> Self {
        Self { pod, open: BTreeSet::new(), asked: None, answered: None, refused: None, due: Some(Timestamp::UNIX_EPOCH) }
    }

    /// When to ask next.
    pub fn due(&self, _: &Known<'_>) -> Option<Timestamp> {
        // A question that was lost with its link is asked again after a while.
        match self.asked {
            Some((_, at)) => at.checked_add(LONGEST).ok(),
            None => self.due,
        }
    }

    /// Asks the pod's node.
    pub fn questions(&mut self, known: &Known<'_>, numbers: Numbers<'_>) -> Vec<(u32, Question)> {
        let id = numbers();
        self.asked = Some((id, known.now));
        let request = ProbesRequest { namespace: self.pod.namespace.to_string(), pod: self.pod.name.to_string() };
        vec![(id, Question::Ask(Request::Probes(request)))]
    }

    /// Takes the answer.
    pub fn answer(&mut self, id: u32, result: &Result<Response, Failure>, now: Timestamp) -> bool {
        if self.asked.is_none_or(|(asked, _)| asked != id) {
            return false;
        }
        self.asked = None;
        let soon = match result {
            Ok(Response::Probes(probes)) => {
                self.answered = Some((now, probes.clone()));
                self.refused = None;
                SignedDuration::from_millis(self.next_run_ms().unwrap_or(i64::MAX / 2_000_000))
            }
            Ok(_) => LONGEST,
            Err(failure) => {
                self.refused = Some(failure.to_string());
                LONGEST
            }
        };
        self.due = now.checked_add(soon.clamp(PAUSE, LONGEST)).ok();
        true
    }

    /// Milliseconds from the answer until the next run of any probe should have ended.
    fn next_run_ms(&self) -> Option<i64> {
        let (_, probes) = self.answered.as_ref()?;
        let gap = |of: &ProbeRuns| {
            let last = of.runs.last()?;
            let before = of.runs.iter().rev().nth(1).map_or(10_000, |before| last.at_ms - before.at_ms);
            Some(last.at_ms + before.max(500) + 150 - probes.as_of_ms)
        };
        probes.probes.iter().filter_map(gap).filter(|ms| *ms > 0).min()
    }

    /// Opens or closes the runs of a probe.
    pub fn turn(&mut self, probe: &str) {
        if !self.open.remove(probe) {
            self.open.insert(probe.to_owned());
        }
    }

    /// The probes as lines.
    pub fn page(&self, known: &Known<'_>) -> Page {
        let mut page = Page::default();
        let Some(row) = known.store.of(Kind::Pod).find(&self.pod) else {
            page.lines.push(Line::of(Role::Dim, "the pod is gone"));
            return page;
        };
        let pod = row.object();
        page.lines.push(Line::default());
        match (&self.answered, &self.refused) {
            (_, Some(why)) => page.lines.push(Line::of(Role::Bad, format!("✕ {why}"))),
            (None, None) => page.lines.push(Line::of(Role::Busy, "◐ asking the pod's node…")),
            (Some((at, probes)), None) => {
                let age = page.age(*at, known.now);
                page.lines.push(Line::of(
                    Role::Dim,
                    format!("as node {} told {age} ago; a cell is a run, the newest is on the right", probes.node),
                ));
            }
        }
        let specs = list(&pod, "/spec/initContainers").iter().chain(list(&pod, "/spec/containers"));
        let mut count = 0;
        for container in specs {
            let kinds = [
                ("startupProbe", ProbeKind::Startup),
                ("readinessProbe", ProbeKind::Readiness),
                ("livenessProbe", ProbeKind::Liveness),
            ];
            for (field, kind) in kinds {
                if let Some(probe) = container.get(field) {
                    count += 1;
                    let name = text_at(container, "/name");
                    self.probe((name, kind), &Spec::of(probe, State::of(&pod, name)), known, &mut page);
                }
            }
        }
        if count == 0 {
            let says = "it has no probes: a container counts as ready once it runs, and as alive as long as it does";
            page.lines.push(Line::of(Role::Dim, says));
            page.lines.push(Line::of(Role::Hint, "→ e edit its manifest").to(Target::Edit(Kind::Pod, self.pod.clone())));
        }
        page
    }

    fn probe(&self, (container, kind): (&str, ProbeKind), spec: &Spec<'_>, known: &Known<'_>, page: &mut Page) {
        let name = format!("{container}/{}", kind.as_str());
        let is_open = self.open.contains(&name);
        let runs: &[ProbeRun] = self.answered.as_ref().map_or(&[], |(_, probes)| {
            let found = probes.probes.iter().find(|of| of.container == container && of.probe == kind);
            found.map_or(&[], |of| &of.runs)
        });
        page.lines.push(Line::default());
        let title = Line::of(Role::Faint, if is_open { "▾ " } else { "▸ " }).put(Role::Accent, format!("{container} "));
        let title = title.put(Role::Text, kind.as_str()).put(Role::Dim, format!("  {}", why::asks(spec.probe)));
        let title = title.put(Role::Dim, format!("  every {}s, {}s to answer", spec.period, spec.timeout));
        page.lines.push(title.to(Target::Branch(name, Some((Kind::Pod, self.pod.clone())))));
        let room = usize::from(known.size.0).saturating_sub(58).clamp(10, 60);
        let shown = &runs[runs.len().saturating_sub(room)..];
        let mut line = Line::default().pad(2).put(Role::Faint, "·".repeat(room - shown.len()));
        for run in shown {
            let (sign, role) = spec.cell(run);
            line = line.put(role, sign);
        }
        let (says, role) = spec.standing(kind, runs);
        let due = if spec.is_over(kind, runs) { String::new() } else { self.next_due(spec, runs, known, page) };
        page.lines.push(line.put(role, format!("  {says}")).put(Role::Dim, format!("  {due}")));
        if is_open {
            self.told(runs, known, page);
        }
    }

    fn next_due(&self, spec: &Spec<'_>, runs: &[ProbeRun], known: &Known<'_>, page: &mut Page) -> String {
        let (Some(last), Some((at, probes))) = (runs.last(), &self.answered) else { return String::new() };
        // The node's clock may be another one: both times are taken from its own answer.
        let ms = last.at_ms + spec.period * 1_000 - probes.as_of_ms - known.now.duration_since(*at).as_millis() as i64;
        page.wake(1);
        if ms <= 0 { "due now".to_owned() } else { format!("next in {}s", (ms + 999) / 1_000) }
    }

    /// The newest runs, one by one.
    fn told(&self, runs: &[ProbeRun], known: &Known<'_>, page: &mut Page) {
        let width = usize::from(known.size.0).saturating_sub(36).max(10);
        let Some((at, probes)) = &self.answered else { return };
        if runs.is_empty() {
            page.lines.push(Line::default().pad(4).put(Role::Dim, "it has not run yet"));
        }
        for run in runs.iter().rev().take(TOLD) {
            let ago = SignedDuration::from_millis(probes.as_of_ms.saturating_sub(run.at_ms).max(0));
            let then = at.checked_sub(ago).unwrap_or(*at);
            let age = page.age(then, known.now);
            let role = verdict_role(run.verdict);
            let took = format!("{:.1}ms", run.took_us as f64 / 1_000.0);
            let rows = text::wrap(run.output.trim(), width);
            for (row, said) in rows.iter().take(4).enumerate() {
                let line = if row == 0 {
                    let line =
                        Line::default().pad(4).cell(Role::Dim, &format!("{age} ago"), 10).cell(role, run.verdict.as_str(), 9);
                    line.cell(Role::Text, &took, 9)
                } else {
                    Line::default()
                };
                page.lines.push(line.pad(33).put(Role::Dim, cut(said, width)));
            }
        }
    }
}

impl<'a> Spec<'a> {
    fn of(probe: &'a Value, container: State) -> Self {
        let number = |pointer: &str, otherwise: i64| match number(probe, pointer) {
            0 => otherwise,
            number => number,
        };
        Self {
            probe,
            period: number("/periodSeconds", 10),
            timeout: number("/timeoutSeconds", 1),
            failures: number("/failureThreshold", 3),
            successes: number("/successThreshold", 1),
            container,
        }
    }

    /// One run as a cell: its height is its share of the time it had.
    fn cell(&self, run: &ProbeRun) -> (&'static str, Role) {
        const LEVELS: [&str; 7] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇"];
        let share = run.took_us as f64 / (self.timeout.max(1) as f64 * 1_000_000.0);
        match run.verdict {
            ProbeVerdict::Failure => ("✕", Role::Bad),
            ProbeVerdict::Unknown => ("?", Role::Warn),
            verdict => {
                let level = LEVELS[((share * 7.0) as usize).min(6)];
                (level, if share >= 0.5 || verdict == ProbeVerdict::Warning { Role::Warn } else { Role::Ok })
            }
        }
    }

    /// The runs that count now, the newest first: those of an earlier instance say nothing of this one.
    fn counting<'r>(&self, runs: &'r [ProbeRun]) -> impl Iterator<Item = &'r ProbeRun> + use<'r> {
        let since_ms = match self.container {
            State::Runs { since_ms } => since_ms,
            State::IsOff => i64::MAX,
        };
        runs.iter().rev().take_while(move |run| run.at_ms >= since_ms)
    }

    /// Whether no further run is to come: the container does not run, or has started, which is all that a startup probe waits for.
    fn is_over(&self, kind: ProbeKind, runs: &[ProbeRun]) -> bool {
        let has_passed = || self.counting(runs).next().is_some_and(|run| run.verdict != ProbeVerdict::Failure);
        self.container == State::IsOff || (kind == ProbeKind::Startup && has_passed())
    }

    /// How near the threshold is, and what happens at it.
    fn standing(&self, kind: ProbeKind, runs: &[ProbeRun]) -> (String, Role) {
        let failed = self.counting(runs).take_while(|run| run.verdict == ProbeVerdict::Failure).count() as i64;
        let passed = self.counting(runs).take_while(|run| run.verdict != ProbeVerdict::Failure).count() as i64;
        let then = match kind {
            ProbeKind::Readiness => "then it is not ready",
            _ => "then it is restarted",
        };
        match self.counting(runs).next() {
            None if self.container == State::IsOff => ("the container does not run".to_owned(), Role::Dim),
            None => ("not run yet".to_owned(), Role::Dim),
            Some(_) if failed >= self.failures && kind == ProbeKind::Readiness => {
                (format!("fails, {failed} in a row: not ready"), Role::Bad)
            }
            Some(_) if failed > 0 => (format!("fails {failed} of {}, {then}", self.failures), Role::Bad),
            Some(_) if kind == ProbeKind::Startup => ("passed: the container has started".to_owned(), Role::Ok),
            Some(_) if passed < self.successes => (format!("passed {passed} of {} that it needs", self.successes), Role::Warn),
            Some(last) => (format!("passes, in {:.1}ms", last.took_us as f64 / 1_000.0), Role::Ok),
        }
    }
}

const fn verdict_role(verdict: ProbeVerdict) -> Role {
    match verdict {
        ProbeVerdict::Success => Role::Ok,
        ProbeVerdict::Warning | ProbeVerdict::Unknown => Role::Warn,
        ProbeVerdict::Failure => Role::Bad,
    }
}
