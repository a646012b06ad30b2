//! The manifest editor: a text, what is wrong with it, and what the daemon said.

use crate::console::base::text;
use crate::console::model::row::Key;
use crate::console::model::schema;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::editor::{Editor, Mark};
use crate::merge::Piece;
use objects::Kind;
use objects::manifest::Fault;
use ratatui::layout::{Position, Rect};
use serde_json::Value;
use std::path::PathBuf;
use wire::DryRun;

/// Where the text came from, which says how it is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From a template: it is applied.
    New,
    /// From a file: it is applied.
    File(PathBuf),
    /// From an object: it replaces the object that was read, and no newer one.
    Live(Kind, Key),
}

/// How the text stands with the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// It was not sent, or the answer is known.
    Idle,
    /// The daemon checks it.
    Checking {
        /// The question's number.
        id: u32,
        /// The document, among those of the text.
        document: usize,
        /// Whether it is applied afterwards.
        then_apply: bool,
    },
    /// The daemon applies it.
    Applying {
        /// The question's number.
        id: u32,
        /// The document, among those of the text.
        document: usize,
    },
}

/// Whether an object that changed meanwhile may be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It may not: the daemon refuses with a conflict, and both changes are merged.
    No,
    /// It may.
    Yes,
}

/// A merge with a newer object, while it is not finished.
#[derive(Debug, Clone)]
pub struct Merging {
    /// The number of the question for the newer object.
    pub id: u32,
    /// The merged text, with what is to be decided.
    pub pieces: Vec<Piece>,
    /// The newer object's text.
    pub theirs: String,
    /// What the refused text was sent for, so that it can be sent again.
    pub dry_run: DryRun,
}

/// What an editor knows.
#[derive(Debug)]
pub struct Edit {
    /// Where the text came from.
    pub origin: Origin,
    /// The text.
    pub editor: Editor,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// How it stands with the daemon.
    pub sending: Sending,
    /// What the daemon said, and whether that is good.
    pub answer: Option<(Role, Vec<String>)>,
    /// Results of the documents so far.
    pub results: Vec<String>,
    /// The documents that are being sent.
    pub outgoing: Vec<Value>,
    /// The text they were made of.
    pub sent: String,
    /// The text as it was read, which changes are compared with.
    pub base: String,
    /// Whether what is sent may write over a newer object.
    pub force: Force,
    /// A merge with a newer object.
    pub merging: Option<Merging>,
    kept: String,
    /// What the API says of the field one stands on, and where that was.
    hover: Option<Hover>,
}

/// What the API says of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hover {
    row: usize,
    title: String,
    text: String,
}

impl Edit {
    /// An editor of a text. `is_kept` says that it exists elsewhere as it is, so that leaving loses nothing.
    pub fn new(origin: Origin, text: &str, is_kept: bool) -> Self {
        let editor = Editor::new(text);
        // A template nobody touched is not worth a question either.
        let kept = if is_kept || origin == Origin::New { editor.text() } else { String::new() };
        let mut edit = Self {
            origin,
            editor,
            faults: Vec::new(),
            sending: Sending::Idle,
            answer: None,
            results: Vec::new(),
            outgoing: Vec::new(),
            sent: String::new(),
            base: text.to_owned(),
            force: Force::No,
            merging: None,
            kept,
            hover: None,
        };
        edit.check();
        edit
    }

    /// What it edits, for the path at the top.
    pub fn title(&self) -> String {
        match &self.origin {
            Origin::New => "new pod".to_owned(),
            Origin::File(path) => path.display().to_string(),
            Origin::Live(kind, key) => format!("{}/{}", kind.singular(), key.name),
        }
    }

    /// Whether leaving would lose something.
    pub fn is_changed(&self) -> bool {
        self.differs(&self.editor.text())
    }

    /// Whether this text of it would be lost.
    pub fn differs(&self, text: &str) -> bool {
        text != self.kept
    }

    /// The text is safe as it is now.
    pub fn mark_kept(&mut self) {
        self.kept = self.editor.text();
    }

    /// This text is safe, which may not be the one of now any more.
    pub fn mark_kept_as(&mut self, text: String) {
        self.kept = text;
    }

    /// Looks for faults.
    pub fn check(&mut self) {
        self.faults = objects::admission::check(&self.editor.text());
    }

    /// Goes to the first fault after the cursor, or the first of all.
    pub fn next_fault(&mut self) {
        let here = self.editor.cursor();
        let mut places: Vec<(usize, usize)> = marks(&self.faults).map(|mark| (mark.line, mark.column)).collect();
        places.sort_unstable();
        if let Some((line, column)) = places.iter().find(|place| **place > here).or(places.first()) {
            self.editor.go_to(*line, *column);
        }
    }

    /// Looks up the field one stands on.
    pub fn look(&mut self) {
        let (row, column) = self.editor.cursor();
        let place = schema::place(&self.editor.lines(), row, column);
        let doc = place.as_ref().and_then(schema::Place::doc);
        self.hover = place.zip(doc).map(|(place, doc)| {
            let path = if place.path.is_empty() { doc.name.clone() } else { format!("{}.{}", place.path, doc.name) };
            let required = if doc.is_required { ", required" } else { "" };
            let values = if doc.values.is_empty() { String::new() } else { format!(": {}", doc.values.join(", ")) };
            Hover {
                row,
                title: format!("{path} <{}{required}>{values}", doc.type_name),
                text: doc.description.replace('\n', " "),
            }
        });
    }

    /// Rows that faults, the daemon's answer or the field's description take below the text.
    pub fn panel_height(&self, columns: u16, total: u16) -> u16 {
        let lines = self.panel(columns).len() as u16;
        if lines == 0 && total > 12 {
            // Always as high, so that the text does not jump while one moves through it.
            return 3;
        }
        if lines == 0 { 0 } else { (lines + 1).min(total / 3).max(2) }
    }

    /// Paints text and panel; returns where the cursor is.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Position {
        let panel = self.panel_height(area.width, area.height);
        let text = Rect { height: area.height - panel, ..area };
        let marks: Vec<Mark> = marks(&self.faults).collect();
        let cursor = self.editor.draw(canvas, text, &marks);
        if panel > 0 {
            self.draw_panel(canvas, Rect { y: text.bottom(), height: panel, ..area });
        }
        cursor
    }

    fn draw_panel(&self, canvas: &mut Canvas<'_>, area: Rect) {
        for x in area.left()..area.right() {
            canvas.text((x, area.y), "─", 1, Role::Faint);
        }
        let lines = self.panel(area.width);
        if lines.is_empty() {
            return self.draw_hover(canvas, area);
        }
        let title = match (&self.answer, self.faults.len()) {
            (Some(_), _) => " the daemon says ".to_owned(),
            (None, 1) => " 1 fault ".to_owned(),
            (None, count) => format!(" {count} faults "),
        };
        canvas.text((area.x + 2, area.y), &title, area.width, Role::Dim);
        let rows = usize::from(area.height).saturating_sub(1);
        // The fault of the line one stands on comes first.
        let here = (self.editor.cursor().0 + 1).to_string();
        let is_here = |place: &str| place.split(':').next() == Some(here.as_str());
        let first = lines.iter().position(|(place, ..)| is_here(place));
        let skip = first.unwrap_or(0).min(lines.len().saturating_sub(rows));
        for (y, (place, line, role)) in (area.y + 1..area.bottom()).zip(lines.iter().skip(skip)) {
            let x = if place.is_empty() { area.x + 1 } else { canvas.text((area.x + 1, y), place, 10, *role) + 1 };
            canvas.text((x, y), line, area.right().saturating_sub(x), if place.is_empty() { *role } else { Role::Text });
        }
        let hidden = lines.len().saturating_sub(rows + skip);
        if hidden > 0 {
            canvas.right((area.right() - 1, area.y), &format!(" {hidden} more "), Role::Dim);
        }
    }

    fn draw_hover(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(hover) = self.hover.as_ref().filter(|hover| hover.row == self.editor.cursor().0) else { return };
        canvas.text((area.x + 2, area.y), &format!(" {} ", hover.title), area.width.saturating_sub(4), Role::Accent);
        let lines = text::wrap(&hover.text, usize::from(area.width.saturating_sub(2)));
        for (y, line) in (area.y + 1..area.bottom()).zip(lines) {
            canvas.text((area.x + 1, y), &line, area.width.saturating_sub(2), Role::Dim);
        }
    }

    /// The answer's lines, or the faults with their places; what is too long goes on below.
    fn panel(&self, columns: u16) -> Vec<(String, String, Role)> {
        let room = usize::from(columns.saturating_sub(2));
        if let Some((role, lines)) = &self.answer {
            let lines = lines.iter().flat_map(|line| text::wrap(line, room));
            return lines.map(|line| (String::new(), line, *role)).collect();
        }
        let fault = |fault: &Fault| {
            let place = match (fault.line, fault.column) {
                (Some(line), Some(column)) => format!("{line}:{column}"),
                (Some(line), None) => line.to_string(),
                _ => "●".to_owned(),
            };
            let message = match fault.path.as_str() {
                path if path.is_empty() || fault.message.contains(path) => fault.message.clone(),
                path => format!("{path}: {}", fault.message),
            };
            let blank = " ".repeat(place.len());
            let lines = text::wrap(&message.replace('\n', " "), room.saturating_sub(place.len() + 1));
            let places = std::iter::once(place).chain(std::iter::repeat(blank));
            places.zip(lines).map(|(place, line)| (place, line, Role::Bad)).collect::<Vec<_>>()
        };
        self.faults.iter().flat_map(fault).collect()
    }
}

fn marks(faults: &[Fault]) -> impl Iterator<Item = Mark> + '_ {
    faults.iter().filter_map(|fault| {
        let line = fault.line?.saturating_sub(1) as usize;
        Some(Mark { line, column: fault.column.unwrap_or(1).saturating_sub(1) as usize })
    })
}
