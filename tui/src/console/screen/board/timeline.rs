//! The timeline of a pod: a lane for it and for each container, log bursts and events on one axis, and what happened, one by one.

use super::feed::{Numbers, Question};
use super::line::{Line, cut};
use super::{Known, Page, Target};
use crate::console::base::text;
use crate::console::model::about;
use crate::console::model::burst::Bursts;
use crate::console::model::life::{self, Lane, Life, Moment, Stage};
use crate::console::model::row::{Key, Tone};
use crate::console::screen::list_view::{sign, tone_role};
use crate::console::theme::role::Role;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use objects::lookup::{list, text as text_at};
use std::collections::BTreeMap;
use wire::LogsRequest;

/// Columns of the lanes' names.
const NAMES: usize = 16;
/// Columns of the legend.
const LEGEND: usize = 66;
/// Log lines that are counted at most, a container.
const LINES: i64 = 20_000;
/// Containers whose logs are counted.
const COUNTED: usize = 8;
/// The time between two looks at the logs.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);
/// The shortest span the axis shows, in seconds.
const LEAST_SPAN: i64 = 10;

/// What a timeline knows.
#[derive(Debug)]
pub struct Timeline {
    /// The pod.
    pub pod: Key,
    /// Seconds that the axis shows; `None` is the pod's whole life.
    pub span: Option<i64>,
    /// Seconds that the axis ends before now.
    pub back: i64,
    logs: BTreeMap<String, Counted>,
    due: Option<Timestamp>,
}

/// The lines of a log as they are counted.
#[derive(Debug, Default)]
struct Counted {
    asked: Option<u32>,
    bursts: Bursts,
}

/// The axis: where it begins and how long a column is.
#[derive(Debug, Clone, Copy)]
struct Axis {
    from: Timestamp,
    until: Timestamp,
    columns: usize,
}

impl Axis {
    fn seconds(&self) -> i64 {
        self.until.duration_since(self.from).as_secs().max(1)
    }

    fn time_at(&self, column: usize) -> Timestamp {
        let ms = self.until.duration_since(self.from).as_millis() as i64 * (column as i64 * 2 + 1) / (self.columns as i64 * 2);
        self.from.checked_add(SignedDuration::from_millis(ms)).unwrap_or(self.until)
    }

    /// The column of a time on the axis.
    fn column(&self, at: Timestamp) -> Option<usize> {
        let whole = self.until.duration_since(self.from).as_millis().max(1);
        let part = at.duration_since(self.from).as_millis();
        (part >= 0 && at <= self.until)
            .then(|| ((part * self.columns as i128 / whole) as usize).min(self.columns.saturating_sub(1)))
    }
}

impl Timeline {
    /// The whole life.
    pub fn new(pod: Key) -> Self {
        Self { pod, span: None, back: 0, logs: BTreeMap::new(), due: Some(Timestamp::UNIX_EPOCH) }
    }

    /// When to look at the logs again.
    pub const fn due(&self, _: &Known<'_>) -> Option<Timestamp> {
        self.due
    }

    /// Asks for the lines that are not counted yet.
    pub fn questions(&mut self, known: &Known<'_>, numbers: Numbers<'_>) -> Vec<(u32, Question)> {
        self.due = known.now.checked_add(PAUSE).ok();
        let Some(row) = known.store.of(Kind::Pod).find(&self.pod) else { return Vec::new() };
        let pod = row.object();
        let containers = list(&pod, "/spec/initContainers").iter().chain(list(&pod, "/spec/containers"));
        let mut questions = Vec::new();
        for container in containers.take(COUNTED) {
            let name = text_at(container, "/name").to_owned();
            let counted = self.logs.entry(name.clone()).or_default();
            let id = numbers();
            counted.asked = Some(id);
            counted.bursts.resume();
            let since = counted.bursts.newest.clone();
            let request = LogsRequest {
                namespace: self.pod.namespace.to_string(),
                pod: self.pod.name.to_string(),
                container: Some(name),
                timestamps: true,
                tail_lines: since.is_none().then_some(LINES),
                since_time: since,
                ..LogsRequest::default()
            };
            questions.push((id, Question::Log(request)));
        }
        questions
    }

    fn counted(&mut self, id: u32) -> Option<&mut Counted> {
        self.logs.values_mut().find(|counted| counted.asked == Some(id))
    }

    /// Counts lines.
    pub fn take_log(&mut self, id: u32, bytes: &[u8]) -> bool {
        let Some(counted) = self.counted(id) else { return false };
        counted.bursts.take(bytes);
        true
    }

    /// All lines there are were counted.
    pub fn end_log(&mut self, id: u32) -> bool {
        let Some(counted) = self.counted(id) else { return false };
        counted.asked = None;
        true
    }

    /// Shows a shorter or a longer time.
    pub fn zoom(&mut self, closer: bool, whole: i64) {
        let now = self.span.unwrap_or(whole);
        let next = if closer { now / 2 } else { now * 2 };
        self.span = (next < whole).then_some(next.max(LEAST_SPAN));
        if self.span.is_none() {
            self.back = 0;
        }
    }

    /// Moves the axis by quarters of what it shows.
    pub fn slide(&mut self, quarters: i64, whole: i64) {
        let span = self.span.unwrap_or(whole);
        self.back = (self.back - quarters * (span / 4).max(1)).clamp(0, (whole - span).max(0));
    }

    /// Seconds from the pod's first moment until now.
    pub fn whole(&self, known: &Known<'_>) -> i64 {
        self.life(known).map_or(LEAST_SPAN, |life| known.now.duration_since(life.begins).as_secs().max(LEAST_SPAN) + 1)
    }

    fn life(&self, known: &Known<'_>) -> Option<Life> {
        let pod = known.store.of(Kind::Pod).find(&self.pod)?.object();
        life::of(&pod, &about::events(known.store, Kind::Pod, &self.pod))
    }

    /// Lanes, axis and moments as lines. `here` is the line one stands on: its moment is pointed at.
    pub fn page(&self, known: &Known<'_>, here: Option<&Target>) -> Page {
        let mut page = Page::default();
        let Some(life) = self.life(known) else {
            page.lines.push(Line::of(Role::Dim, "the pod is gone"));
            return page;
        };
        let columns = usize::from(known.size.0).saturating_sub(NAMES + 3).max(10);
        let until = known.now.checked_sub(SignedDuration::from_secs(self.back)).unwrap_or(known.now);
        let whole = known.now.duration_since(life.begins).as_secs().max(LEAST_SPAN) + 1;
        let span = self.span.unwrap_or(whole).max(LEAST_SPAN);
        let from = until.checked_sub(SignedDuration::from_secs(span)).unwrap_or(until);
        let axis = Axis { from, until, columns };
        page.lines.push(Line::default());
        for lane in &life.lanes {
            page.lines.push(lane_line(lane, &axis, known.now));
            if let Some(counted) = self.logs.get(&lane.name).filter(|counted| counted.bursts.lines() > 0) {
                page.lines.push(burst_line(&counted.bursts, &axis));
            }
        }
        page.lines.push(marks_line(&life.moments, &axis));
        let pointed = match here {
            Some(Target::Moment(at, ..)) => axis.column(*at),
            _ => None,
        };
        page.lines.push(axis_line(&axis, pointed, known));
        page.lines.push(legend(known.size.0));
        page.lines.push(Line::default());
        self.moments(&life, &axis, known, &mut page);
        page.wake((axis.seconds() / columns as i64).max(1));
        page
    }

    fn moments(&self, life: &Life, axis: &Axis, known: &Known<'_>, page: &mut Page) {
        let shown: Vec<&Moment> = life.moments.iter().rev().filter(|moment| axis.column(moment.at).is_some()).collect();
        let hidden = life.moments.len() - shown.len();
        let width = usize::from(known.size.0).saturating_sub(2);
        page.lines.push(Line::heading("WHAT HAPPENED, NEWEST FIRST", width as u16));
        for moment in shown {
            let (mark, role) = sign(moment.tone);
            let age = page.age(moment.at, known.now);
            let clock = moment.at.to_zoned(known.zone.clone()).strftime("%H:%M:%S").to_string();
            let line = Line::of(role, format!("{mark} ")).cell(Role::Dim, &clock, 9).cell(Role::Dim, &format!("{age} ago"), 10);
            let line = line.cell(Role::Dim, if moment.container.is_empty() { "pod" } else { &moment.container }, 14);
            let what = if moment.tone == Tone::Plain { Role::Text } else { tone_role(moment.tone) };
            let line = line.cell(what, &moment.what, 14);
            let left = width.saturating_sub(line.width() + 1);
            let line = line.put(Role::Text, cut(&text::clean(&moment.says.replace('\n', " ")), left));
            page.lines.push(line.to(Target::Moment(moment.at, self.pod.clone(), moment.container.clone())));
        }
        if hidden > 0 {
            page.lines.push(Line::of(Role::Dim, format!("  {hidden} more outside of what the axis shows; - shows more of it")));
        }
    }
}

fn lane_line(lane: &Lane, axis: &Axis, now: Timestamp) -> Line {
    let title = if lane.name.is_empty() { "pod" } else { &lane.name };
    let mut line = Line::default().cell(if lane.name.is_empty() { Role::Accent } else { Role::Text }, title, NAMES);
    let (mut run, mut kind) = (String::new(), None);
    for column in 0..axis.columns {
        let at = axis.time_at(column);
        let stage = if at > now { None } else { lane.stage_at(at) };
        if stage != kind && !run.is_empty() {
            line = line.put(stage_role(kind), std::mem::take(&mut run));
        }
        kind = stage;
        run.push(stage_letter(stage));
    }
    line.put(stage_role(kind), run)
}

const fn stage_letter(stage: Option<Stage>) -> char {
    match stage {
        Some(Stage::Waiting) => '░',
        Some(Stage::Running) => '▒',
        Some(Stage::Ready) => '█',
        Some(Stage::Failing) => '▓',
        Some(Stage::Ended) => '─',
        None => ' ',
    }
}

const fn stage_role(stage: Option<Stage>) -> Role {
    match stage {
        Some(Stage::Waiting) => Role::Busy,
        Some(Stage::Running) | Some(Stage::Ready) => Role::Ok,
        Some(Stage::Failing) => Role::Warn,
        Some(Stage::Ended) | None => Role::Done,
    }
}

fn legend(width: u16) -> Line {
    // Below the axis where it has room there.
    let mut line = Line::default().pad(if usize::from(width) > NAMES + LEGEND { NAMES } else { 1 });
    let stages = [
        (Stage::Waiting, "waits"),
        (Stage::Running, "runs"),
        (Stage::Ready, "ready"),
        (Stage::Failing, "not ready"),
        (Stage::Ended, "ended"),
    ];
    for (stage, word) in stages {
        line = line.put(stage_role(Some(stage)), stage_letter(Some(stage)).to_string()).put(Role::Dim, format!(" {word}  "));
    }
    line.put(Role::Warn, "▲").put(Role::Dim, " warning  ").put(Role::Bad, "✕").put(Role::Dim, " end")
}

/// Lines a column, the cells with errors in another colour.
fn burst_line(bursts: &Bursts, axis: &Axis) -> Line {
    let cells = bursts.cells(axis.from, axis.until, axis.columns);
    let numbers: Vec<u32> = cells.iter().map(|(lines, _)| *lines).collect();
    let letters = super::line::sparkline(&numbers);
    let mut line = Line::default().cell(Role::Dim, "  log", NAMES);
    for (letter, (lines, errors)) in letters.chars().zip(&cells) {
        let role = match (lines, errors) {
            (_, 1..) => Role::Bad,
            (0, _) => Role::Faint,
            _ => Role::Dim,
        };
        line = line.put(role, if *lines == 0 { ' ' } else { letter }.to_string());
    }
    line
}

/// The worst of what happened in each column.
fn marks_line(moments: &[Moment], axis: &Axis) -> Line {
    let mut worst: Vec<Option<Tone>> = vec![None; axis.columns];
    for moment in moments {
        if let Some(place) = axis.column(moment.at).and_then(|column| worst.get_mut(column)) {
            *place = Some(place.map_or(moment.tone, |known| known.min(moment.tone)));
        }
    }
    let mut line = Line::default().cell(Role::Dim, "events", NAMES);
    for tone in worst {
        let (mark, role) = tone.map_or((" ", Role::Faint), sign);
        line = line.put(role, mark);
    }
    line
}

/// `09:41:03 ─────── 09:46:03 ─────── now`, with a hand that points at the moment one stands on.
fn axis_line(axis: &Axis, pointed: Option<usize>, known: &Known<'_>) -> Line {
    let clock = |at: Timestamp| {
        at.to_zoned(known.zone.clone()).strftime(if axis.seconds() > 86_400 { "%m-%d %H:%M" } else { "%H:%M:%S" }).to_string()
    };
    let end = if axis.until == known.now { "now".to_owned() } else { clock(axis.until) };
    let mut letters: Vec<char> = vec!['─'; axis.columns];
    let mut write = |at: usize, word: &str| {
        for (offset, letter) in word.chars().enumerate() {
            if let Some(place) = letters.get_mut(at + offset) {
                *place = letter;
            }
        }
    };
    write(0, &format!("{} ", clock(axis.from)));
    if axis.columns > 50 {
        write(axis.columns / 2 - 5, &format!(" {} ", clock(axis.time_at(axis.columns / 2))));
    }
    write(axis.columns.saturating_sub(end.len() + 1), &format!(" {end}"));
    let line = Line::default().pad(NAMES);
    let text = |range: std::ops::Range<usize>| letters[range].iter().collect::<String>();
    match pointed.filter(|column| *column < axis.columns) {
        Some(column) => {
            let line = line.put(Role::Dim, text(0..column)).put(Role::Accent, "▼");
            line.put(Role::Dim, text(column + 1..axis.columns))
        }
        None => line.put(Role::Dim, text(0..axis.columns)),
    }
}
