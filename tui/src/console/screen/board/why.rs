//! Why something is not ready: the way to readiness, step by step, with the last lines of a container that ended.

use super::feed::{Numbers, Question};
use super::line::Line;
use super::{Known, Page, Target};
use crate::console::base::text;
use crate::console::link::Failure;
use crate::console::model::lines::Lines;
use crate::console::model::log::Log;
use crate::console::model::row::{Key, Row, Tone};
use crate::console::model::why::{self as model, Lead, NodeView, Step};
use crate::console::model::{about, columns, owned};
use crate::console::screen::list_view::{sign, tone_role};
use crate::console::theme::role::Role;
use objects::Kind;
use wire::LogsRequest;

/// Lines of a log that are shown below the step they explain.
const TAIL: i64 = 8;

/// The question, and what was found besides the objects themselves.
#[derive(Debug)]
pub struct Why {
    /// The object's kind.
    pub kind: Kind,
    /// Which object.
    pub key: Key,
    /// The end of a log that says more.
    pub tail: Option<Tail>,
}

/// The end of a container's log.
#[derive(Debug)]
pub struct Tail {
    /// The stream's number.
    pub id: u32,
    /// Whose.
    pub container: String,
    /// Whether it is the instance before.
    pub is_previous: bool,
    /// Its end so far.
    pub log: Log,
    /// Why there is none.
    pub failure: Option<String>,
}

impl Why {
    /// The question about an object.
    pub fn new(kind: Kind, key: Key) -> Self {
        Self { kind, key, tail: None }
    }

    /// What is known of it; `None` where it is gone.
    pub fn answer(&self, known: &Known<'_>) -> Option<model::Why> {
        let object = known.store.of(self.kind).find(&self.key)?.object();
        Some(match self.kind {
            Kind::Pod => {
                let node = objects::lookup::text(&object, "/spec/nodeName");
                let key = Key { namespace: "".into(), name: node.into() };
                let view = NodeView {
                    unseen_since: known.cluster.unseen_since(node),
                    object: known.store.of(Kind::Node).find(&key).map(Row::object),
                };
                model::pod(&object, &about::events(known.store, self.kind, &self.key), &view)
            }
            kind if kind.makes_pods() => {
                let pods = owned::pods(known.store, kind, &self.key);
                model::workload(kind, &object, &pods, |pod| match known.cluster.unseen_since(pod.node()) {
                    Some(_) => (format!("its node {} is not seen from here", pod.node()), Tone::Warn),
                    None => (status(pod), pod.tone),
                })
            }
            _ => model::node(&object, known.cluster.unseen_since(&self.key.name)),
        })
    }

    /// The log that it has to ask for.
    pub fn wants_log(&self, known: &Known<'_>) -> Option<(String, bool)> {
        let (container, is_previous) = self.wanted_log(known).filter(|_| self.kind == Kind::Pod)?;
        let has_it = |tail: &Tail| tail.container == container && tail.is_previous == is_previous;
        (!self.tail.as_ref().is_some_and(has_it)).then_some((container, is_previous))
    }

    /// Asks for the end of that log.
    pub fn questions(&mut self, known: &Known<'_>, numbers: Numbers<'_>) -> Vec<(u32, Question)> {
        let Some((container, is_previous)) = self.wants_log(known) else { return Vec::new() };
        let request = LogsRequest {
            namespace: self.key.namespace.to_string(),
            pod: self.key.name.to_string(),
            container: Some(container.clone()),
            previous: is_previous,
            timestamps: true,
            tail_lines: Some(TAIL),
            ..LogsRequest::default()
        };
        let id = numbers();
        self.tail = Some(Tail { id, container, is_previous, log: Log::default(), failure: None });
        vec![(id, Question::Log(request))]
    }

    /// The log's bytes.
    pub fn take_log(&mut self, id: u32, bytes: &[u8]) -> bool {
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.id == id) else { return false };
        tail.log.take(0, bytes, 0);
        true
    }

    /// The log's end.
    pub fn end_log(&mut self, id: u32, failure: Option<&Failure>) -> bool {
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.id == id) else { return false };
        tail.log.finish(0);
        tail.failure = failure.map(ToString::to_string);
        true
    }

    /// The log that would say more: that of the first container that ended or fails.
    fn wanted_log(&self, known: &Known<'_>) -> Option<(String, bool)> {
        let why = self.answer(known)?;
        let leads = why.steps.iter().filter(|step| step.is_cause()).flat_map(|step| &step.leads);
        leads.into_iter().find_map(|lead| match lead {
            Lead::Log { container, is_previous } => Some((container.clone(), *is_previous)),
            _ => None,
        })
    }

    /// The answer as lines.
    pub fn page(&self, known: &Known<'_>) -> Page {
        let mut page = Page::default();
        let Some(why) = self.answer(known) else {
            page.lines.push(Line::of(Role::Dim, "it is gone"));
            return page;
        };
        let width = usize::from(known.size.0).saturating_sub(4).max(20);
        page.lines.push(Line::default());
        for (at, row) in text::wrap(&why.verdict, width.saturating_sub(2)).into_iter().enumerate() {
            let (mark, role) = sign(why.tone);
            let line = if at == 0 { Line::of(role, format!("{mark} ")) } else { Line::default().pad(2) };
            page.lines.push(line.put(if why.tone == Tone::Ok { Role::Ok } else { Role::Accent }, row));
        }
        page.lines.push(Line::default());
        let widest = why.steps.iter().map(|step| text::width(&step.what)).max().unwrap_or(0).min(26).min(width / 3);
        for step in &why.steps {
            self.step(step, (widest, width), known, &mut page);
        }
        page
    }

    fn step(&self, step: &Step, (widest, width): (usize, usize), known: &Known<'_>, page: &mut Page) {
        let (mark, role) = sign(step.tone);
        let start = widest + 4;
        let age = step.at.map(|at| format!(" · {} ago", page.age(at, known.now))).unwrap_or_default();
        let rows = text::wrap(&format!("{}{age}", step.says), width.saturating_sub(start));
        let lead = step.leads.first().and_then(|lead| self.target(lead));
        for (at, row) in rows.into_iter().enumerate() {
            let said = if step.is_cause() { Role::Text } else { tone_text(step.tone) };
            let mut line = if at == 0 {
                Line::of(role, format!("{mark} ")).cell(if step.is_cause() { role } else { Role::Dim }, &step.what, widest + 2)
            } else {
                Line::default()
            };
            line = line.pad(start).put(said, row);
            line.target = lead.clone().filter(|_| at == 0 && !step.is_cause());
            page.lines.push(line);
        }
        for row in step.details.iter().flat_map(|detail| text::wrap(detail, width.saturating_sub(start))) {
            page.lines.push(Line::default().pad(start).put(Role::Dim, row));
        }
        if step.is_cause() {
            self.tail_lines_of(step, start, page);
            for lead in &step.leads {
                let Some(target) = self.target(lead) else { continue };
                let (key, words) = words_of(lead);
                page.begin.get_or_insert(page.lines.len());
                page.lines.push(Line::default().pad(start).put(Role::Key, format!("→ {key} ")).put(Role::Hint, words).to(target));
            }
            page.lines.push(Line::default());
        }
    }

    fn tail_lines_of(&self, step: &Step, start: usize, page: &mut Page) {
        let Some(tail) = &self.tail else { return };
        let is_its = |lead: &Lead| matches!(lead, Lead::Log { container, .. } if *container == tail.container);
        if !step.leads.iter().any(is_its) {
            return;
        }
        let count = tail.log.len();
        let whose = if tail.is_previous { "the end of its last log:" } else { "the end of its log:" };
        match &tail.failure {
            Some(why) => page.lines.push(Line::default().pad(start).put(Role::Dim, format!("no log: {why}"))),
            None if count == 0 => {}
            None => page.lines.push(Line::default().pad(start).put(Role::Dim, whose)),
        }
        for at in count.saturating_sub(TAIL as usize)..count {
            let line = Line::default().pad(start).put(Role::Faint, "│ ").put(Role::Text, tail.log.line(at).into_owned());
            page.lines.push(line);
        }
    }

    fn target(&self, lead: &Lead) -> Option<Target> {
        let object = || (self.kind, self.key.clone());
        match lead {
            Lead::Log { container, is_previous } => {
                Some(Target::Log { pod: self.key.clone(), container: container.clone(), is_previous: *is_previous })
            }
            Lead::Events => Some(Target::Events(object().0, object().1)),
            Lead::Edit => Some(Target::Edit(object().0, object().1)),
            Lead::Node(name) => Some(Target::Why(Kind::Node, Key { namespace: "".into(), name: name.as_str().into() })),
            Lead::Pod(name) => {
                let key = Key { namespace: self.key.namespace.clone(), name: name.as_str().into() };
                Some(Target::Why(Kind::Pod, key))
            }
            Lead::Probes => Some(Target::Probes(self.key.clone())),
        }
    }
}

/// A pod's state in words: `0/1 CrashLoopBackOff`.
fn status(pod: &Row) -> String {
    let cell = |title: &str| pod.words(columns::PODS, title);
    format!("{}, {} ready", cell("STATUS"), cell("READY"))
}

fn tone_text(tone: Tone) -> Role {
    match tone {
        Tone::Busy => tone_role(Tone::Busy),
        _ => Role::Dim,
    }
}

/// The key that does the same, and what it shows.
fn words_of(lead: &Lead) -> (&'static str, String) {
    match lead {
        Lead::Log { container, is_previous: true } => ("O", format!("the whole log of {container} before its end")),
        Lead::Log { container, .. } => ("o", format!("the log of {container}")),
        Lead::Events => ("E", "the events about it".to_owned()),
        Lead::Probes => ("p", "what its probes came to".to_owned()),
        Lead::Edit => ("e", "repair the manifest".to_owned()),
        Lead::Pod(_) => ("enter", "why it is not ready".to_owned()),
        Lead::Node(name) => ("enter", format!("why node {name} is not as it should be")),
    }
}
