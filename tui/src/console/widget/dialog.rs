//! A question in a box, with buttons.

use super::canvas::{Canvas, middle};
use crate::console::base::text;
use crate::console::theme::role::Role;

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

    /// Paints it over everything.
    pub fn draw(&self, canvas: &mut Canvas<'_>) {
        let area = canvas.area();
        let buttons = self.buttons.iter().map(|label| label.len() as u16 + 6).sum::<u16>();
        let longest = self.lines.iter().chain([&self.title]).map(|line| text::width(line)).max().unwrap_or(0) as u16;
        let width = (longest + 6).max(buttons + 4).clamp(36, 76);
        let place = middle(area, width, self.lines.len() as u16 + 5);
        let border = if self.is_dangerous { Role::Danger } else { Role::Border };
        let inside = canvas.popup(place, &self.title, border);
        for (y, line) in (inside.y + 1..inside.bottom()).zip(&self.lines) {
            canvas.text((inside.x, y), line, inside.width, Role::Popup);
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
