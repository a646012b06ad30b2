//! The log of a container.

use crate::console::model::lines::{Lines, Place};
use crate::console::model::log::Log;
use crate::console::model::row::Key;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::{pager, syntax};
use jiff::Timestamp;
use ratatui::layout::Rect;
use wire::LogsRequest;

/// Lines asked for at first; more would only scroll by.
const FIRST_LINES: i64 = 5_000;

/// How the log's stream stands.
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

/// What a log screen knows.
#[derive(Debug)]
pub struct LogScreen {
    /// Whose log.
    pub pod: Key,
    /// The pod's containers.
    pub containers: Vec<String>,
    /// Which of them.
    pub container: usize,
    /// Whether it is the log of the instance before.
    pub is_previous: bool,
    /// The lines.
    pub log: Log,
    /// The window.
    pub place: Place,
    /// How the stream stands.
    pub stream: Stream,
    /// The time of what is looked for, until a line of then has come.
    seeks: Option<String>,
    /// How often the container had been started when the log was asked for.
    pub restarts: i64,
}

impl LogScreen {
    /// The log of a container, at its end.
    pub fn new(pod: Key, containers: Vec<String>, container: usize, is_previous: bool) -> Self {
        let place = Place { follows: true, ..Place::default() };
        Self {
            pod,
            containers,
            container,
            is_previous,
            log: Log::default(),
            place,
            stream: Stream::Interrupted,
            seeks: None,
            restarts: 0,
        }
    }

    /// The container's name.
    pub fn container_name(&self) -> &str {
        self.containers.get(self.container).map_or("", String::as_str)
    }

    /// What to ask the daemon for: the end of the log, or what came after the newest line known.
    pub fn request(&self) -> LogsRequest {
        let newest = self.log.newest.clone();
        LogsRequest {
            namespace: self.pod.namespace.to_string(),
            pod: self.pod.name.to_string(),
            container: self.containers.get(self.container).cloned(),
            follow: !self.is_previous,
            previous: self.is_previous,
            timestamps: true,
            tail_lines: newest.is_none().then_some(FIRST_LINES),
            since_time: newest,
            ..LogsRequest::default()
        }
    }

    /// Forgets the lines, for another container or instance.
    pub fn restart(&mut self) {
        let shows_times = self.log.shows_times;
        self.log = Log::default();
        self.log.shows_times = shows_times;
        let Place { size, wrap, ref find, .. } = self.place;
        self.place = Place { size, wrap, find: find.clone(), follows: true, ..Place::default() };
        self.stream = Stream::Interrupted;
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
    pub fn take(&mut self, bytes: &[u8]) {
        let left = self.log.take(bytes);
        self.place.top = self.place.top.saturating_sub(left);
        self.place.found = self.place.found.and_then(|found| found.checked_sub(left));
        self.place.settle(&self.log);
        self.find_sought();
    }

    /// Paints the lines.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let times = self.log.shows_times;
        let painted = |_: usize, line: &str, spans: &mut Vec<syntax::Span>| {
            spans.clear();
            let start = if times { line.find(' ').unwrap_or(0) } else { 0 };
            if start > 0 {
                spans.push((0, start, Role::Faint));
            }
            if let Some((at, end, role)) = severity(&line[start..]) {
                spans.push((start + at, start + end, role));
            }
        };
        pager::draw(canvas, area, &self.log, &self.place, &painted);
        if self.log.len() == 0 {
            let text = match &self.stream {
                Stream::Failed(why) => why.as_str(),
                Stream::Ended => "the log is empty",
                Stream::Open(_) => "waiting for the first line…",
                Stream::Interrupted => "waiting for the daemon…",
            };
            canvas.text((area.x, area.y + 1), text, area.width, Role::Dim);
        }
    }

    /// One or two words on how the log stands.
    pub fn state(&self) -> (&'static str, Role) {
        match &self.stream {
            Stream::Open(_) if self.place.follows => ("● following", Role::Ok),
            Stream::Open(_) if self.place.is_at_end(&self.log) => ("at the end", Role::Dim),
            Stream::Open(_) => ("paused, F follows", Role::Warn),
            Stream::Ended => ("○ ended", Role::Done),
            Stream::Interrupted => ("interrupted", Role::Warn),
            Stream::Failed(_) => ("✕ no log", Role::Bad),
        }
    }
}

/// The word that says how bad a line is, near its start.
fn severity(line: &str) -> Option<(usize, usize, Role)> {
    const WORDS: [(&str, Role); 8] = [
        ("ERROR", Role::Bad),
        ("FATAL", Role::Bad),
        ("PANIC", Role::Bad),
        ("[error]", Role::Bad),
        ("[emerg]", Role::Bad),
        ("WARN", Role::Warn),
        ("[warn]", Role::Warn),
        ("DEBUG", Role::Faint),
    ];
    let near = crate::console::base::text::head(line, 60).0;
    WORDS.iter().find_map(|(word, role)| near.find(word).map(|at| (at, at + word.len(), *role)))
}
