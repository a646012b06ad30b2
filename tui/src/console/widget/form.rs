//! A box with a few lines to fill in, each with what is proposed for it.

use super::canvas::{Canvas, middle};
use super::prompt::Field;
use crate::console::base::text;
use crate::console::theme::role::Role;
use ratatui::layout::{Position, Rect};
use std::borrow::Cow;

/// Columns of a box.
const WIDTH: u16 = 72;

/// One line to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blank {
    /// What is wanted.
    pub label: Cow<'static, str>,
    /// What is typed.
    pub field: Field,
    /// What may stand here; one walks through it with the arrows.
    pub proposals: Vec<String>,
    /// Whether nothing else may stand here.
    pub only_proposals: bool,
    /// Whether the user wrote or chose it, so that nothing proposes another text.
    pub is_own: bool,
}

impl Blank {
    /// A line with a text that may be changed.
    pub fn new(label: impl Into<Cow<'static, str>>, text: &str) -> Self {
        Self { label: label.into(), field: Field::new(text), proposals: Vec::new(), only_proposals: false, is_own: false }
    }

    /// What may stand here, the first of it does.
    pub fn proposing(label: impl Into<Cow<'static, str>>, proposals: Vec<String>) -> Self {
        let first = proposals.first().cloned().unwrap_or_default();
        Self { proposals, ..Self::new(label, &first) }
    }

    /// The next proposal, or the one before.
    fn turn(&mut self, forward: bool) {
        let count = self.proposals.len();
        if count == 0 {
            return;
        }
        let here = self.proposals.iter().position(|known| known == self.field.text());
        let next = match (here, forward) {
            (None, _) => 0,
            (Some(here), true) => (here + 1) % count,
            (Some(here), false) => (here + count - 1) % count,
        };
        self.field.set(&self.proposals[next].clone());
        self.is_own = true;
    }
}

/// A box to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What it is about.
    pub title: String,
    /// The lines to fill in.
    pub blanks: Vec<Blank>,
    /// The line one stands on.
    pub here: usize,
    /// What is said below them.
    pub notes: Vec<String>,
    /// What is wrong with what was typed.
    pub fault: Option<String>,
    /// What Enter does.
    pub button: &'static str,
}

impl Form {
    /// The text of a line, without the blanks around it.
    pub fn text(&self, at: usize) -> &str {
        self.blanks.get(at).map_or("", |blank| blank.field.text().trim())
    }

    /// To the next line, or the one before.
    pub fn shift(&mut self, forward: bool) {
        let count = self.blanks.len().max(1);
        self.here = if forward { (self.here + 1) % count } else { (self.here + count - 1) % count };
    }

    /// The next proposal of the line one stands on, or the one before. Says whether it has any.
    pub fn turn(&mut self, forward: bool) -> bool {
        let Some(blank) = self.blanks.get_mut(self.here) else { return false };
        blank.turn(forward);
        self.fault = None;
        !blank.proposals.is_empty()
    }

    /// The line one stands on, to type into; `None` where one can only choose.
    pub fn field_mut(&mut self) -> Option<&mut Field> {
        let blank = self.blanks.get_mut(self.here)?;
        (!blank.only_proposals).then_some(&mut blank.field)
    }

    /// The line one stands on was typed into.
    pub fn typed(&mut self) {
        self.fault = None;
        if let Some(blank) = self.blanks.get_mut(self.here) {
            blank.is_own = true;
        }
    }

    /// Its area in a window of that size.
    fn place(&self, area: Rect) -> Rect {
        let width = area.width.min(WIDTH).saturating_sub(4);
        middle(area, WIDTH, (self.blanks.len() + self.rows(width).len()) as u16 + 7)
    }

    /// What is said, for so many columns.
    fn rows(&self, columns: u16) -> Vec<String> {
        self.notes.iter().flat_map(|note| text::wrap(note, usize::from(columns))).collect()
    }

    /// The line at a place of the window.
    pub fn at(&self, area: Rect, (x, y): (u16, u16)) -> Option<usize> {
        let place = self.place(area);
        let row = usize::from(y.checked_sub(place.y + 2)?);
        (place.contains((x, y).into()) && row < self.blanks.len()).then_some(row)
    }

    /// Paints it; returns where the cursor is.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> Option<Position> {
        let inside = canvas.popup(self.place(canvas.area()), &self.title, Role::Border);
        let labels = self.blanks.iter().map(|blank| text::width(&blank.label)).max().unwrap_or(0) as u16;
        let mut cursor = None;
        for (y, (at, blank)) in (inside.y + 1..inside.bottom()).zip(self.blanks.iter().enumerate()) {
            let is_here = at == self.here;
            canvas.text((inside.x, y), &blank.label, labels, if is_here { Role::Key } else { Role::Popup });
            let place = Rect::new(inside.x + labels + 1, y, inside.width.saturating_sub(labels + 1), 1);
            let (label, ghost) = match (is_here, blank.proposals.len()) {
                (true, 2..) if blank.only_proposals => ("‹ ", " ›  ← → choose"),
                (true, 2..) => ("‹ ", " ›  ↑ ↓ propose"),
                (true, _) => ("› ", ""),
                (false, _) => ("  ", ""),
            };
            let here = blank.field.draw(canvas, place, label, ghost);
            if is_here && !blank.only_proposals {
                cursor = Some(here);
            }
        }
        let mut y = inside.y + 2 + self.blanks.len() as u16;
        let last = inside.bottom().saturating_sub(1);
        // What is wrong counts more than what is only said, where not all has room.
        let end = if self.fault.is_some() { last.saturating_sub(1) } else { last };
        for row in self.rows(inside.width).into_iter().take(usize::from(end.saturating_sub(y))) {
            canvas.text((inside.x, y), &row, inside.width, Role::Popup);
            y += 1;
        }
        if let Some(fault) = &self.fault {
            canvas.text((inside.x, y.min(end)), &format!("✕ {fault}"), inside.width, Role::Bad);
        }
        let y = last;
        let mut x = inside.x;
        for (key, does) in [("tab", "next line"), ("enter", self.button), ("esc", "cancel")] {
            let room = |x: u16| inside.right().saturating_sub(x);
            x = canvas.text((x, y), key, room(x), Role::Key) + 1;
            x = canvas.text((x, y), does, room(x), Role::Hint) + 2;
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::{Blank, Form};

    #[test]
    fn proposals_are_walked_through_and_typing_makes_a_line_ones_own() {
        let mut form = Form {
            title: "Forward".to_owned(),
            blanks: vec![Blank::proposing("Port", vec!["80".to_owned(), "443".to_owned()]), Blank::new("Local", "8080")],
            here: 0,
            notes: Vec::new(),
            fault: Some("no".to_owned()),
            button: "forward",
        };
        assert!(form.turn(true) && form.text(0) == "443" && form.blanks[0].is_own && form.fault.is_none());
        assert!(form.turn(true) && form.text(0) == "80");
        assert!(form.turn(false) && form.text(0) == "443");
        form.shift(true);
        assert!(!form.turn(true), "nothing is proposed here");
        form.field_mut().expect("text").insert("1");
        form.typed();
        assert!(form.text(1) == "80801" && form.blanks[1].is_own);
        form.shift(true);
        assert_eq!(form.here, 0);
    }
}
