//! A box with lines one searches in: the help, and the palette of actions.

use super::canvas::{Canvas, middle};
use super::prompt::Field;
use crate::console::base::text;
use crate::console::theme::role::Role;
use ratatui::layout::{Position, Rect};

/// Boxes with fewer columns inside are narrow.
const NARROW: u16 = 90;
/// From so many columns on there is room for groups.
const GROUPED: u16 = 60;
/// What keys take in a narrow box: `ctrl-space`.
const KEYS: u16 = 10;

/// A line of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The keys, shown on the left.
    pub keys: String,
    /// What they do.
    pub text: String,
    /// Which group it is in.
    pub group: &'static str,
}

/// A box of entries, narrowed down by what is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// What it is.
    pub title: &'static str,
    /// All entries.
    pub entries: Vec<Entry>,
    /// What is looked for.
    pub field: Field,
    /// The entry one stands on, among those that match.
    pub cursor: usize,
}

impl Palette {
    /// A box of entries.
    pub fn new(title: &'static str, entries: Vec<Entry>) -> Self {
        Self { title, entries, field: Field::default(), cursor: 0 }
    }

    /// The entries that have every word, by their place; first those whose keys begin with what was typed.
    pub fn matching(&self) -> Vec<usize> {
        let words: Vec<String> = self.field.text().split_whitespace().map(str::to_lowercase).collect();
        let holds = |entry: &Entry| {
            let text = format!("{} {} {}", entry.keys, entry.text, entry.group).to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        };
        let mut matching: Vec<usize> = (0..self.entries.len()).filter(|at| holds(&self.entries[*at])).collect();
        let typed = self.field.text().trim();
        matching.sort_by_key(|at| typed.is_empty() || !self.entries[*at].keys.starts_with(typed));
        matching
    }

    /// Moves the cursor by so many entries.
    pub fn shift(&mut self, by: i64) {
        let last = self.matching().len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by as isize).min(last);
    }

    /// The entry one stands on.
    pub fn chosen(&self) -> Option<usize> {
        self.matching().get(self.cursor).copied()
    }

    /// Its area in a window of that size.
    pub fn place(&self, area: Rect) -> Rect {
        let height = (self.entries.len() as u16).saturating_add(4).min(area.height.saturating_sub(4));
        // As wide as its texts want, and the same while one types.
        let natural = |entry: &Entry| text::width(&entry.text) + entry.group.len() + 2;
        let keys = self.entries.iter().map(|entry| entry.keys.len()).max().unwrap_or(0);
        let widest = self.entries.iter().map(natural).max().unwrap_or(0) + keys + 8;
        let wanted = u16::try_from(widest).unwrap_or(u16::MAX).clamp(100, 160);
        middle(area, area.width.saturating_sub(4).min(wanted), height)
    }

    /// What the left column takes: of a narrow box not more than keys do, which are short.
    fn keys_width(&self, width: u16) -> u16 {
        let most = if width < NARROW { KEYS } else { u16::MAX };
        let widest = self.entries.iter().map(|entry| text::width(&entry.keys)).max().unwrap_or(0);
        u16::try_from(widest).unwrap_or(u16::MAX).min(most)
    }

    /// The first entry that is shown in so many rows.
    fn top(&self, height: u16) -> usize {
        self.cursor.saturating_sub(usize::from(height.saturating_sub(2)).saturating_sub(1))
    }

    /// The entry at a place of the window, among those that match.
    pub fn entry_at(&self, area: Rect, (x, y): (u16, u16)) -> Option<usize> {
        let place = self.place(area);
        let height = place.height.saturating_sub(2);
        let row = usize::from(y.checked_sub(place.y + 3)?);
        let entry = self.top(height) + row;
        let is_inside = place.contains((x, y).into()) && row + 2 < usize::from(height);
        (is_inside && entry < self.matching().len()).then_some(entry)
    }

    /// Paints it; returns where the cursor is.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> Position {
        let inside = canvas.popup(self.place(canvas.area()), self.title, Role::Border);
        let search = Rect::new(inside.x, inside.y, inside.width, 1);
        let ghost = if self.field.text().is_empty() { "type to search, enter runs it, esc closes" } else { "" };
        let cursor = self.field.draw(canvas, search, "› ", ghost);
        let matching = self.matching();
        let top = self.top(inside.height);
        let keys_width = self.keys_width(inside.width);
        for (y, (at, entry)) in (inside.y + 2..inside.bottom()).zip(matching.iter().enumerate().skip(top)) {
            let entry = &self.entries[*entry];
            let row = Rect::new(inside.x, y, inside.width, 1);
            if at == self.cursor {
                canvas.tint(row, Role::Selected);
            }
            // A long one pushes its own text aside.
            let end = canvas.text((inside.x + 1, y), &entry.keys, inside.width.saturating_sub(2), Role::Key);
            let x = (inside.x + keys_width + 3).max(end + 2);
            let group = if inside.width < GROUPED { "" } else { entry.group };
            let group_x = inside.right().saturating_sub(group.len() as u16 + 1);
            canvas.text(
                (x, y),
                &entry.text,
                group_x.saturating_sub(x + 1),
                if at == self.cursor { Role::Selected } else { Role::Popup },
            );
            canvas.text((group_x, y), group, group.len() as u16, Role::Dim);
            if at == self.cursor {
                canvas.tint(row, Role::Selected);
                canvas.text((inside.x, y), "▌", 1, Role::Cursor);
            }
        }
        cursor
    }
}
