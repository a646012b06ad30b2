//! A question in a box, with buttons.

use super::canvas::{Canvas, middle};
use crate::console::base::text;
use crate::console::theme::role::Role;
use ratatui::layout::Rect;

/// What comes and what goes are told apart at once where a manifest's lines are shown.
fn role(line: &str) -> Role {
    match line.bytes().next() {
        Some(b'+') => Role::Ok,
        Some(b'-') => Role::Bad,
        _ => Role::Popup,
    }
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// What it is about.
    pub title: String,
    /// What is asked, line by line.
    pub lines: Vec<String>,
    /// The buttons; the first one changes nothing.
    pub buttons: Vec<&'static str>,
    /// The button that Enter presses.
    pub focus: usize,
    /// Whether the answer may destroy something.
    pub is_dangerous: bool,
}

impl Dialog {
    /// Moves to the next button, or the one before.
    pub fn shift_focus(&mut self, forward: bool) {
        let count = self.buttons.len().max(1);
        self.focus = if forward { (self.focus + 1) % count } else { (self.focus + count - 1) % count };
    }

    /// What its buttons take.
    fn buttons_width(&self) -> u16 {
        self.buttons.iter().map(|label| label.len() as u16 + 6).sum()
    }

    /// Its area in a window of that size.
    fn place(&self, area: Rect) -> Rect {
        let longest = self.lines.iter().chain([&self.title]).map(|line| text::width(line)).max().unwrap_or(0) as u16;
        let width = (longest + 6).max(self.buttons_width() + 4).clamp(36, 76);
        middle(area, width, self.rows(width.min(area.width).saturating_sub(4)).len() as u16 + 5)
    }

    /// Its lines for so many columns: a sentence goes on below; a name and a line of a manifest are cut, as they begin with a sign.
    fn rows(&self, columns: u16) -> Vec<String> {
        let columns = usize::from(columns);
        let is_sentence = |line: &str| line.starts_with(char::is_alphanumeric);
        let rows = |line: &String| match text::width(line) > columns && is_sentence(line) {
            true => text::wrap(line, columns),
            false => vec![line.clone()],
        };
        self.lines.iter().flat_map(rows).collect()
    }

    /// The button at a place of the window.
    pub fn button_at(&self, area: Rect, (x, y): (u16, u16)) -> Option<usize> {
        let place = self.place(area);
        let (left, right) = (place.x + 2, place.right().saturating_sub(2));
        if y + 2 != place.bottom() {
            return None;
        }
        let mut begin = right.saturating_sub(self.buttons_width()).max(left);
        self.buttons.iter().position(|label| {
            let end = begin + label.len() as u16 + 4;
            let is_it = (begin..end).contains(&x);
            begin = end + 2;
            is_it
        })
    }

    /// Paints it over everything.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        let buttons = self.buttons_width();
        let place = self.place(canvas.area());
        let border = if self.is_dangerous { Role::Danger } else { Role::Border };
        let inside = canvas.popup(place, &self.title, border);
        for (y, line) in (inside.y + 1..inside.bottom().saturating_sub(1)).zip(&self.rows(inside.width)) {
            canvas.text((inside.x, y), line, inside.width, role(line));
        }
        let mut x = inside.right().saturating_sub(buttons).max(inside.x);
        let y = inside.bottom().saturating_sub(1);
        for (at, label) in self.buttons.iter().enumerate() {
            let role = if at == self.focus { Role::ButtonHere } else { Role::Button };
            let shown = if at == self.focus { format!("[ {label} ]") } else { format!("  {label}  ") };
            x = canvas.text((x, y), &shown, inside.right().saturating_sub(x), role) + 2;
        }
    }
}
