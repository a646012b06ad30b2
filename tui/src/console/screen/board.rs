//! A board: lines made of what is known, with a cursor on those that lead somewhere. What it tells is its topic.

pub mod changes;
pub mod feed;
pub mod line;
pub mod map;
pub mod probes;
pub mod pulses;
pub mod timeline;
pub mod tree;
pub mod why;

use crate::console::model::cluster::Cluster;
use crate::console::model::row::Key;
use crate::console::model::store::Store;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use line::Line;
use objects::Kind;
use ratatui::layout::Rect;

/// What a board tells of.
#[derive(Debug)]
pub enum Topic {
    /// Why something is not ready.
    Why(Box<why::Why>),
    /// How the whole stands.
    Pulses,
    /// Owners, pods and containers.
    Tree(tree::Tree),
    /// The life of a pod.
    Timeline(timeline::Timeline),
    /// What a pod's probes came to.
    Probes(probes::Probes),
    /// Who sees whom.
    Map(map::Map),
    /// What changed.
    Changes(changes::Changes),
}

/// Where a line leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An object.
    Object(Kind, Key),
    /// Why an object is not ready.
    Why(Kind, Key),
    /// The events about an object.
    Events(Kind, Key),
    /// An object's manifest.
    Edit(Kind, Key),
    /// The log of a container.
    Log {
        /// The pod.
        pod: Key,
        /// The container.
        container: String,
        /// Whether the instance before is meant.
        is_previous: bool,
    },
    /// The pods of a node.
    PodsOn(String),
    /// What was logged at a moment, by a container or by any.
    Moment(Timestamp, Key, String),
    /// What a pod's probes came to.
    Probes(Key),
    /// An object as it was after a change.
    Then(Timestamp, Kind, Key),
    /// A branch to fold or unfold.
    Branch(String, Option<(Kind, Key)>),
}

/// What a board is made of.
pub struct Known<'a> {
    /// All rows.
    pub store: &'a Store,
    /// The members.
    pub cluster: &'a Cluster,
    /// The time ages are counted to.
    pub now: Timestamp,
    /// The zone times are told in.
    pub zone: &'a TimeZone,
    /// The columns and rows there are.
    pub size: (u16, u16),
}

/// What a topic has to tell.
#[derive(Debug, Default)]
pub struct Page {
    /// Line by line.
    pub lines: Vec<Line>,
    /// The line to stand on at first.
    pub begin: Option<usize>,
    /// Seconds until something of it reads differently though nothing happens.
    pub next_change: Option<i64>,
}

impl Page {
    /// An age whose text stands on the page: the page is made again when it reads differently.
    pub fn age(&mut self, then: Timestamp, now: Timestamp) -> String {
        self.wake(crate::console::base::age::next_change(then, now));
        objects::duration::since(Some(then), now)
    }

    /// The page is to be made again after so many seconds.
    pub fn wake(&mut self, seconds: i64) {
        self.next_change = Some(self.next_change.map_or(seconds, |known| known.min(seconds)));
    }
}

/// What the lines were made of; while it is the same, so are they.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MadeOf {
    revision: u64,
    cluster: u64,
    size: (u16, u16),
}

/// A board with its place.
#[derive(Debug)]
pub struct Board {
    /// What it tells of.
    pub topic: Topic,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The line one stands on.
    pub cursor: usize,
    /// The first line in the window.
    pub top: usize,
    /// The rows of the window.
    pub height: usize,
    made_of: Option<MadeOf>,
    until: Option<Timestamp>,
}

impl Board {
    /// A board that has not been made yet.
    pub fn new(topic: Topic) -> Self {
        Self { topic, lines: Vec::new(), cursor: 0, top: 0, height: 20, made_of: None, until: None }
    }

    /// The object the whole board is about.
    pub fn subject(&self) -> Option<(Kind, Key)> {
        match &self.topic {
            Topic::Why(why) => Some((why.kind, why.key.clone())),
            Topic::Timeline(timeline::Timeline { pod, .. }) | Topic::Probes(probes::Probes { pod, .. }) => {
                Some((Kind::Pod, pod.clone()))
            }
            Topic::Changes(changes) => changes.of.clone(),
            Topic::Pulses | Topic::Tree(_) | Topic::Map(_) => None,
        }
    }

    /// What it is called in the path at the top.
    pub fn title(&self) -> &'static str {
        match &self.topic {
            Topic::Why(_) => "why",
            Topic::Pulses => "pulses",
            Topic::Tree(_) => "tree",
            Topic::Timeline(_) => "timeline",
            Topic::Probes(_) => "probes",
            Topic::Map(_) => "map",
            Topic::Changes(_) => "changes",
        }
    }

    /// Where the line one stands on leads.
    pub fn target(&self) -> Option<&Target> {
        self.lines.get(self.cursor)?.target.as_ref()
    }

    /// The lines are made again at the next look.
    pub fn invalidate(&mut self) {
        self.made_of = None;
    }

    /// Makes the lines, where they may differ from those there are.
    pub fn refresh(&mut self, known: &Known<'_>) {
        self.height = usize::from(known.size.1);
        let made_of = MadeOf { revision: known.store.revision, cluster: known.cluster.revision, size: known.size };
        let is_due = self.until.is_some_and(|until| until <= known.now);
        if self.made_of == Some(made_of) && !is_due {
            return self.settle();
        }
        let here = self.target().cloned();
        let page = match &self.topic {
            Topic::Why(why) => why.page(known),
            Topic::Pulses => pulses::page(known),
            Topic::Tree(tree) => tree.page(known),
            Topic::Timeline(timeline) => timeline.page(known, here.as_ref()),
            Topic::Probes(probes) => probes.page(known),
            Topic::Map(map) => map.page(known),
            Topic::Changes(changes) => changes.page(known),
        };
        let is_first = self.lines.is_empty();
        let wait = |seconds: i64| known.now.saturating_add(jiff::SignedDuration::from_secs(seconds)).ok();
        (self.until, self.made_of) = (page.next_change.and_then(wait), Some(made_of));
        self.lines = page.lines;
        // The cursor stays on what it was on, wherever that stands now.
        if let Some(place) = here.and_then(|here| self.lines.iter().position(|line| line.target.as_ref() == Some(&here))) {
            self.cursor = place;
        }
        if let (true, Some(begin)) = (is_first, page.begin) {
            self.cursor = begin;
        }
        if self.target().is_none() {
            self.go_to_target(self.cursor, true);
        }
        if is_first { self.keep_in_window() } else { self.settle() }
    }

    /// When the lines read differently though nothing happens.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.until
    }

    /// Moves to the next line that leads somewhere; where none does, the window moves.
    pub fn shift(&mut self, by: i64) {
        for _ in 0..by.unsigned_abs().min(100_000) {
            let next = if by > 0 {
                (self.cursor + 1..self.lines.len()).find(|at| self.lines[*at].target.is_some())
            } else {
                (0..self.cursor).rev().find(|at| self.lines[*at].target.is_some())
            };
            match next {
                Some(next) => self.cursor = next,
                // What stands above the first and below the last of them is still to be read.
                None if by > 0 => {
                    self.top = (self.top + 1).min(self.lines.len().saturating_sub(self.height));
                    return;
                }
                None => {
                    self.top = self.top.saturating_sub(1);
                    return;
                }
            }
        }
        self.keep_in_window();
    }

    /// To the first or the last line that leads somewhere.
    pub fn go_to_end(&mut self, is_last: bool) {
        let from = if is_last { self.lines.len().saturating_sub(1) } else { 0 };
        self.go_to_target(from, !is_last);
        self.top = if is_last { self.lines.len().saturating_sub(self.height) } else { 0 };
        self.keep_in_window();
    }

    fn go_to_target(&mut self, from: usize, forward: bool) {
        let leads = |at: &usize| self.lines.get(*at).is_some_and(|line| line.target.is_some());
        let found = if forward { (from..self.lines.len()).find(leads) } else { (0..=from).rev().find(leads) };
        let other = || (0..self.lines.len()).rev().find(leads);
        self.cursor = found.or_else(other).unwrap_or(0);
    }

    fn settle(&mut self) {
        self.cursor = self.cursor.min(self.lines.len().saturating_sub(1));
        self.top = self.top.min(self.lines.len().saturating_sub(self.height.max(1)));
    }

    fn keep_in_window(&mut self) {
        let height = self.height.max(1);
        if self.cursor < self.top {
            self.top = self.cursor;
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        self.settle();
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text(), "\n".to_owned()]).collect()
    }

    /// Paints the lines in the window.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        for (y, (at, line)) in (area.y..area.bottom()).zip(self.lines.iter().enumerate().skip(self.top)) {
            let row = Rect::new(area.x, y, area.width, 1);
            line.draw(canvas, row);
            if at == self.cursor && line.target.is_some() {
                line::highlight(canvas, row);
            }
        }
        if self.top + usize::from(area.height) < self.lines.len() && area.width > 2 {
            canvas.text((area.right() - 1, area.bottom() - 1), "↓", 1, Role::Faint);
        }
    }
}
