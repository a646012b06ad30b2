//! A text about an object: its description or its YAML, kept up while it changes.

mod secret;

use crate::console::model::about;
use crate::console::model::lines::Place;
use crate::console::model::row::{About, Key};
use crate::console::model::store::Store;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::{pager, syntax};
use jiff::Zoned;
use objects::Kind;
use ratatui::layout::Rect;
use serde_json::Value;

/// What is told of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything a person wants to know.
    Describe,
    /// All there is.
    Yaml,
}

/// What a reader knows.
#[derive(Debug)]
pub struct Reader {
    /// The object's kind.
    pub kind: Kind,
    /// Which object.
    pub key: Key,
    /// What is told of it.
    pub mode: Mode,
    /// The text.
    pub lines: Vec<String>,
    /// The window.
    pub place: Place,
    /// Whether the object is gone; its last state stays.
    pub is_gone: bool,
    /// Whether a secret's values are shown.
    shows_values: bool,
    /// Whether YAML has `metadata.managedFields`.
    shows_managers: bool,
    block: Vec<bool>,
    made_of: Option<(Mode, u64, i64)>,
}

impl Reader {
    /// A reader of an object.
    pub fn new(kind: Kind, key: Key, mode: Mode) -> Self {
        let (lines, block) = (Vec::new(), Vec::new());
        let (shows_values, shows_managers) = (false, false);
        Self {
            kind,
            key,
            mode,
            lines,
            place: Place::default(),
            is_gone: false,
            shows_values,
            shows_managers,
            block,
            made_of: None,
        }
    }

    /// Shows in YAML who manages which fields, or not.
    pub fn turn_managers(&mut self) {
        self.shows_managers = !self.shows_managers;
        self.mode = Mode::Yaml;
        self.made_of = None;
    }

    /// Shows a secret's values, or hides them again.
    pub fn turn_values(&mut self) {
        self.shows_values = !self.shows_values;
        self.made_of = None;
    }

    /// Makes the text of the object as it is now, where it may differ from the one there is.
    pub fn refresh(&mut self, store: &Store, now: &Zoned) {
        // Ages are told in whole seconds, and YAML tells none.
        let second = if self.mode == Mode::Yaml { 0 } else { now.timestamp().as_second() };
        let made_of = Some((self.mode, store.revision, second));
        if self.made_of == made_of {
            self.place.settle(&self.lines);
            return;
        }
        self.made_of = made_of;
        let Some(row) = store.of(self.kind).find(&self.key) else {
            self.is_gone = true;
            return;
        };
        self.is_gone = false;
        let mut object = row.object();
        if self.kind == Kind::Secret && !self.shows_values {
            secret::hide(&mut object, self.mode);
        }
        let text = match self.mode {
            Mode::Yaml if self.shows_managers => objects::yaml::to_yaml(&object),
            Mode::Yaml => objects::yaml::to_yaml(&objects::managed::without_managers(&object)),
            Mode::Describe => self.describe(&object, store, now),
        };
        self.lines = text.lines().map(crate::console::base::text::clean).collect();
        self.block = match self.mode {
            Mode::Yaml => syntax::block_lines(self.lines.iter().map(String::as_str)),
            Mode::Describe => Vec::new(),
        };
        self.place.settle(&self.lines);
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }

    /// What the object is, as events name it.
    pub fn about(&self) -> About {
        About { kind: self.kind.name().into(), key: self.key.clone() }
    }

    /// Paints the text.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let painted = |at: usize, line: &str, spans: &mut Vec<syntax::Span>| match self.mode {
            Mode::Yaml => syntax::yaml(line, self.block.get(at).copied().unwrap_or(false), spans),
            Mode::Describe => syntax::description(line, spans),
        };
        pager::draw(canvas, area, &self.lines, &self.place, &painted);
        if self.is_gone {
            canvas.right((area.right().saturating_sub(1), area.y), " deleted ", Role::ButtonHere);
        }
    }

    fn describe(&self, object: &Value, store: &Store, now: &Zoned) -> String {
        let events = about::events(store, self.kind, &self.key);
        match self.kind {
            Kind::Pod => objects::describe::pod(object, &events, now),
            Kind::Node => {
                let here = store.of(Kind::Pod).iter().filter(|(_, pod)| *pod.node() == *self.key.name);
                let pods: Vec<Value> = here.map(|(_, row)| row.object()).collect();
                objects::describe::node(object, &pods, &events, now)
            }
            Kind::Event => objects::describe::event(object),
            Kind::Secret if self.shows_values => secret::describe(object, &events, now),
            other => objects::describe::other(other, object, &events, now),
        }
    }
}
