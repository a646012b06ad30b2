//! The log of a container, or the logs of several merged by time, with the events about their pods beside them.

use crate::console::base::text;
use crate::console::model::lines::{Lines, Place};
use crate::console::model::log::Log;
use crate::console::model::row::{Cell, Key, Tone};
use crate::console::model::store::Store;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::{pager, syntax};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use objects::Kind;
use ratatui::layout::Rect;
use wire::LogsRequest;

/// Lines asked for at first; more would only scroll by.
const FIRST_LINES: i64 = 5_000;
/// Lines asked for where a time to begin with was chosen.
const MOST_LINES: i64 = 50_000;
/// Times to begin with, in seconds: `s` goes from one to the next.
pub const SINCE: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];
/// Columns that the name of a source takes at most.
const NAME: usize = 32;
/// The looks of the sources' names, one after the other, so that neighbours differ.
const COLORS: [Role; 7] = [Role::YamlKey, Role::YamlNumber, Role::YamlText, Role::YamlWord, Role::Busy, Role::Warn, Role::Accent];

/// How a source's stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// Lines come as the container writes them.
    Open(u32),
    /// The container ended, and its log with it.
    Ended,
    /// The link was lost; the log goes on when it is back.
    Interrupted,
    /// There is no log to read.
    Failed(String),
}

/// One container whose lines are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its pod.
    pub pod: Key,
    /// Its name.
    pub container: String,
    /// How its stream stands.
    pub stream: Stream,
    /// How often it had been started when its log was asked for.
    pub restarts: i64,
    /// Whether there was something to read then, as far as one could tell, or has been since: what was refused all the same is not asked
    /// for again until that comes about anew.
    pub was_readable: bool,
}

/// Which containers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// One of the first pod's.
    One(usize),
    /// All of all pods.
    All,
}

/// An event beside the log.
#[derive(Debug)]
struct Beside {
    at: Timestamp,
    tone: Tone,
    reason: String,
    says: String,
}

/// What a log screen knows.
#[derive(Debug)]
pub struct LogScreen {
    /// The pods with their containers; the first one is what the screen is about.
    pub pods: Vec<(Key, Vec<String>)>,
    /// Which containers are shown.
    pub choice: Choice,
    /// Those containers.
    pub sources: Vec<Source>,
    /// Whether it is the log of the instances before.
    pub is_previous: bool,
    /// Seconds back to where it begins, where that was chosen.
    pub since: Option<i64>,
    /// The lines.
    pub log: Log,
    /// The window.
    pub place: Place,
    /// Lines around a match of the filter.
    pub context: usize,
    /// Whether the events stand beside it.
    pub shows_events: bool,
    /// The time of what is looked for, until a line of then has come.
    seeks: Option<String>,
    events: Vec<Beside>,
    events_of: Option<u64>,
}

impl LogScreen {
    /// The logs of some pods, at their end.
    pub fn new(pods: Vec<(Key, Vec<String>)>, choice: Choice, is_previous: bool) -> Self {
        let mut screen = Self {
            pods,
            choice,
            sources: Vec::new(),
            is_previous,
            since: None,
            log: Log::default(),
            place: Place { follows: true, ..Place::default() },
            context: 0,
            shows_events: false,
            seeks: None,
            events: Vec::new(),
            events_of: None,
        };
        screen.restart();
        screen
    }

    /// The pod that the screen is about: the first one.
    pub fn pod(&self) -> &Key {
        &self.pods[0].0
    }

    /// What is shown, in a word or two.
    pub fn title(&self) -> String {
        match (self.choice, self.pods.len()) {
            (Choice::One(at), _) => self.pods[0].1.get(at).cloned().unwrap_or_default(),
            (Choice::All, 1) => "all containers".to_owned(),
            (Choice::All, count) => format!("of {count} pods"),
        }
    }

    /// The container that is shown, where it is one.
    pub fn container_name(&self) -> &str {
        match self.choice {
            Choice::One(at) => self.pods[0].1.get(at).map_or("", String::as_str),
            Choice::All => "",
        }
    }

    /// Goes on to the next container; after the last one come all together.
    pub fn next_choice(&mut self) {
        let count = self.pods[0].1.len();
        self.choice = match self.choice {
            Choice::One(at) if at + 1 < count => Choice::One(at + 1),
            Choice::One(_) if count > 1 => Choice::All,
            Choice::One(at) => Choice::One(at),
            Choice::All => Choice::One(0),
        };
    }

    /// What to ask the daemon for: the end of the log, or what came after the newest line known.
    pub fn request(&self, source: usize) -> LogsRequest {
        let newest = self.log.newest(source).map(str::to_owned);
        let Source { pod, container, .. } = &self.sources[source];
        let tail = match self.since {
            Some(_) => MOST_LINES,
            None => (FIRST_LINES / self.sources.len().max(1) as i64).max(200),
        };
        LogsRequest {
            namespace: pod.namespace.to_string(),
            pod: pod.name.to_string(),
            container: Some(container.clone()),
            follow: !self.is_previous,
            previous: self.is_previous,
            timestamps: true,
            tail_lines: newest.is_none().then_some(tail),
            since_seconds: self.since.filter(|_| newest.is_none() && !self.is_previous),
            since_time: newest,
            ..LogsRequest::default()
        }
    }

    /// Forgets the lines, for other containers, instances or times.
    pub fn restart(&mut self) {
        let chosen: Vec<(Key, String)> = match self.choice {
            Choice::One(_) => vec![(self.pod().clone(), self.container_name().to_owned())],
            Choice::All => {
                let of =
                    |(pod, names): &(Key, Vec<String>)| names.iter().map(|name| (pod.clone(), name.clone())).collect::<Vec<_>>();
                self.pods.iter().flat_map(of).collect()
            }
        };
        let names = labels(&chosen, &self.pods);
        let mut log = Log::of(names);
        (log.shows_times, log.json) = (self.log.shows_times, std::mem::take(&mut self.log.json));
        log.set_filter(self.log.filter().cloned());
        self.log = log;
        let source = |(pod, container)| Source { pod, container, stream: Stream::Interrupted, restarts: 0, was_readable: false };
        self.sources = chosen.into_iter().map(source).collect();
        let Place { size, wrap, ref find, .. } = self.place;
        self.place = Place { size, wrap, find: find.clone(), follows: true, ..Place::default() };
    }

    /// Looks for the first line from a time on, as soon as it has come.
    pub fn seek(&mut self, at: Timestamp) {
        self.seeks = Some(at.strftime("%Y-%m-%dT%H:%M:%S").to_string());
        self.log.shows_times = true;
        self.find_sought();
    }

    fn find_sought(&mut self) {
        let Some(time) = &self.seeks else { return };
        if let Some(at) = self.log.first_at(time) {
            (self.place.follows, self.place.found) = (false, Some(at));
            self.place.show(&self.log, at);
            self.seeks = None;
        }
    }

    /// Takes bytes over and keeps the window where it is, or at the end where it follows.
    pub fn take(&mut self, source: usize, bytes: &[u8]) {
        let moved = self.log.take(source, bytes, self.place.top);
        self.place.top = self.place.top.saturating_add_signed(moved as isize);
        self.place.found = self.place.found.and_then(|found| found.checked_add_signed(moved as isize));
        self.place.settle(&self.log);
        self.find_sought();
    }

    /// The window in an area of that size.
    pub fn settle(&mut self, (columns, rows): (u16, u16), store: &Store) {
        self.place.size = (columns, rows - self.pane(rows));
        self.place.settle(&self.log);
        if self.shows_events && self.events_of != Some(store.revision) {
            self.events_of = Some(store.revision);
            self.events = self.find_events(store);
        }
    }

    /// Rows that the events take.
    fn pane(&self, rows: u16) -> u16 {
        if self.shows_events && rows >= 8 { (rows / 3).min(12) } else { 0 }
    }

    fn find_events(&self, store: &Store) -> Vec<Beside> {
        let is_about = |key: &Key| self.pods.iter().any(|(pod, _)| pod == key);
        let mut events: Vec<Beside> = Vec::new();
        for (_, row) in store.of(Kind::Event).iter() {
            let Some(about) = row.about.as_deref().filter(|about| &*about.kind == "Pod" && is_about(&about.key)) else {
                continue;
            };
            let Some(at) = row.cells.iter().find_map(Cell::counts_from) else { continue };
            let cell = |title: &str| row.words(crate::console::model::columns::EVENTS, title).to_owned();
            let whose = if self.pods.len() > 1 { format!("{}: ", about.key.name) } else { String::new() };
            let says = format!("{whose}{}", text::clean(&cell("MESSAGE").replace('\n', " ")));
            events.push(Beside { at, tone: row.tone, reason: cell("REASON"), says });
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        events
    }

    /// Paints the lines, and the events where they are wanted.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, zone: &TimeZone) {
        let pane = self.pane(area.height);
        let lines = Rect { height: area.height - pane, ..area };
        let painted = |at: usize, line: &str, spans: &mut Vec<syntax::Span>| self.paint_line(at, line, spans);
        pager::draw(canvas, lines, &self.log, &self.place, &painted);
        if self.log.len() == 0 {
            canvas.text((area.x, area.y + 1), &self.empty(), area.width, Role::Dim);
        }
        if pane > 0 {
            self.draw_events(canvas, Rect { y: lines.bottom(), height: pane, ..area }, zone);
        }
    }

    fn paint_line(&self, at: usize, line: &str, spans: &mut Vec<syntax::Span>) {
        spans.clear();
        let (time, start) = self.log.edges(at);
        let start = start.min(line.len());
        if time > 0 {
            spans.push((0, time, Role::Dim));
        }
        if let Some(source) = self.log.source_of(at) {
            spans.push((time, start, COLORS[source % COLORS.len()]));
        }
        let said = line.get(start..).unwrap_or_default();
        if let Some((at, end, role)) = severity(said) {
            spans.push((start + at, start + end, role));
        }
        if let Some(regex) = self.log.filter().and_then(|filter| filter.shown()) {
            let found = regex.find_iter(said).filter(|found| !found.is_empty()).take(50);
            spans.extend(found.map(|found| (start + found.start(), start + found.end(), Role::Match)));
        }
    }

    fn draw_events(&self, canvas: &mut Canvas<'_>, area: Rect, zone: &TimeZone) {
        for x in area.left()..area.right() {
            canvas.text((x, area.y), "─", 1, Role::Faint);
        }
        canvas.text((area.x + 1, area.y), " events, newest first ", area.width, Role::Dim);
        for (y, event) in (area.y + 1..area.bottom()).zip(&self.events) {
            let (sign, role) = super::list_view::sign(event.tone);
            let clock = event.at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
            let mut x = canvas.text((area.x, y), sign, 1, role) + 1;
            x = canvas.text((x, y), &clock, 8, Role::Dim) + 1;
            x = canvas.text((x, y), &event.reason, 18, if event.tone == Tone::Warn { role } else { Role::Text }) + 1;
            canvas.text((x, y), &event.says, area.right().saturating_sub(x), Role::Dim);
        }
        if self.events.is_empty() {
            canvas.text((area.x, area.y + 1), "none", area.width, Role::Dim);
        }
    }

    fn empty(&self) -> String {
        if self.log.total() > 0 {
            return format!("no line of {} passes the filter; & changes it, esc ends it", self.log.total());
        }
        let failed = self.sources.iter().find_map(|source| match &source.stream {
            Stream::Failed(why) => Some(why.clone()),
            _ => None,
        });
        match self.stream() {
            _ if failed.is_some() => failed.unwrap_or_default(),
            Stream::Ended if self.since.is_some() => "nothing was written in that time; s chooses another".to_owned(),
            Stream::Ended => "the log is empty".to_owned(),
            Stream::Open(_) if self.since.is_some() => "nothing was written in that time yet; s chooses another".to_owned(),
            Stream::Open(_) => "waiting for the first line…".to_owned(),
            _ => "waiting for the daemon…".to_owned(),
        }
    }

    /// How the whole stands: open while one source is.
    pub fn stream(&self) -> &Stream {
        let rank = |stream: &Stream| match stream {
            Stream::Interrupted => 0,
            Stream::Open(_) => 1,
            Stream::Ended => 2,
            Stream::Failed(_) => 3,
        };
        self.sources.iter().map(|source| &source.stream).min_by_key(|stream| rank(stream)).unwrap_or(&Stream::Ended)
    }

    /// One or two words on how the log stands.
    pub fn state(&self) -> (&'static str, Role) {
        match self.stream() {
            Stream::Open(_) if self.place.follows => ("● following", Role::Ok),
            Stream::Open(_) if self.place.is_at_end(&self.log) => ("at the end", Role::Dim),
            Stream::Open(_) => ("paused, F follows", Role::Warn),
            Stream::Ended => ("○ ended", Role::Done),
            Stream::Interrupted => ("interrupted", Role::Warn),
            Stream::Failed(_) if self.log.total() > 0 => ("✕ cut off", Role::Bad),
            Stream::Failed(_) => ("✕ no log", Role::Bad),
        }
    }
}

/// What stands before each source's lines: pod and container as far as they tell it from the others, all of one width.
fn labels(sources: &[(Key, String)], pods: &[(Key, Vec<String>)]) -> Vec<String> {
    if sources.len() < 2 {
        return sources.iter().map(|_| String::new()).collect();
    }
    let has_one = |pod: &Key| pods.iter().any(|(key, containers)| key == pod && containers.len() == 1);
    let name = |(pod, container): &(Key, String)| match () {
        () if pods.len() == 1 => container.clone(),
        () if has_one(pod) => pod.name.to_string(),
        () => format!("{}/{container}", pod.name),
    };
    let names: Vec<String> = sources.iter().map(name).collect();
    let width = names.iter().map(|name| text::width(name)).max().unwrap_or(0).min(NAME);
    names
        .iter()
        .map(|name| {
            // The end of a name tells more than its beginning.
            let cut = text::width(name).saturating_sub(width);
            let shown = if cut > 0 { format!("…{}", text::tail(name, cut + 1)) } else { name.clone() };
            format!("{shown}{} │ ", " ".repeat(width.saturating_sub(text::width(&shown))))
        })
        .collect()
}

/// The word that says how bad a line is, near its start.
fn severity(line: &str) -> Option<(usize, usize, Role)> {
    const WORDS: [(&str, Role); 11] = [
        ("ERROR", Role::Bad),
        ("FATAL", Role::Bad),
        ("PANIC", Role::Bad),
        ("[error]", Role::Bad),
        ("[emerg]", Role::Bad),
        ("\"level\":\"error\"", Role::Bad),
        ("level=error", Role::Bad),
        ("WARN", Role::Warn),
        ("[warn]", Role::Warn),
        ("level=warn", Role::Warn),
        ("DEBUG", Role::Dim),
    ];
    let near = text::head(line, 60).0;
    WORDS.iter().find_map(|(word, role)| near.find(word).map(|at| (at, at + word.len(), *role)))
}
