//! A line at the bottom that one types into, with what could come next shown behind the cursor.

use super::canvas::Canvas;
use crate::console::base::text;
use crate::console::theme::role::Role;
use ratatui::layout::{Position, Rect};

/// A text of one line and the place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// In bytes, between two letters.
    at: usize,
}

impl Field {
    /// A field with a text, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), at: text.len() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the cursor is at the end.
    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Types a letter or a pasted text; line breaks become spaces.
    pub fn insert(&mut self, text: &str) {
        let clean: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        self.text.insert_str(self.at, &clean);
        self.at += clean.len();
    }

    /// Deletes the letter before the cursor; `false` where there is none.
    pub fn backspace(&mut self) -> bool {
        let Some(letter) = self.text[..self.at].chars().next_back() else { return false };
        self.at -= letter.len_utf8();
        self.text.remove(self.at);
        true
    }

    /// Deletes the letter at the cursor.
    pub fn delete(&mut self) {
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    /// Deletes the word before the cursor.
    pub fn delete_word(&mut self) {
        let kept = self.text[..self.at].trim_end().rfind(' ').map_or(0, |space| space + 1);
        self.text.replace_range(kept..self.at, "");
        self.at = kept;
    }

    /// Deletes everything before the cursor.
    pub fn delete_to_start(&mut self) {
        self.text.replace_range(..self.at, "");
        self.at = 0;
    }

    /// One letter to the left.
    pub fn left(&mut self) {
        self.at -= self.text[..self.at].chars().next_back().map_or(0, char::len_utf8);
    }

    /// One letter to the right.
    pub fn right(&mut self) {
        self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
    }

    /// To the start.
    pub fn home(&mut self) {
        self.at = 0;
    }

    /// To the end.
    pub fn end(&mut self) {
        self.at = self.text.len();
    }

    /// Puts another text in its place.
    pub fn set(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// Paints the field; returns where the cursor is.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, label: &str, ghost: &str) -> Position {
        canvas.clear(area, Role::Field);
        let start = canvas.text((area.x + 1, area.y), label, area.width.saturating_sub(1), Role::Key);
        let room = area.right().saturating_sub(start + 1);
        let before = text::width(&self.text[..self.at]);
        let skip = before.saturating_sub(usize::from(room));
        let shown = text::tail(&self.text, skip);
        let end = canvas.text((start, area.y), shown, room, Role::Field);
        if self.is_at_end() {
            canvas.text((end, area.y), ghost, area.right().saturating_sub(end + 1), Role::Ghost);
        }
        canvas.tint(area, Role::Field);
        canvas.text((area.x + 1, area.y), label, area.width.saturating_sub(1), Role::Key);
        if self.is_at_end() {
            canvas.text((end, area.y), ghost, area.right().saturating_sub(end + 1), Role::Ghost);
        }
        Position { x: (start + (before - skip) as u16).min(area.right().saturating_sub(1)), y: area.y }
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_line_is_edited_letter_by_letter_and_word_by_word() {
        let mut field = Field::new("pods küche");
        field.left();
        field.left();
        assert!(field.backspace());
        assert_eq!(field.text(), "pods küe".replace("üe", "ühe").as_str());
        field.end();
        field.delete_word();
        assert_eq!(field.text(), "pods ");
        field.insert("a\nb");
        field.home();
        field.delete();
        assert_eq!(field.text(), "ods a b");
        assert!(!field.backspace());
        field.end();
        field.delete_to_start();
        assert_eq!(field.text(), "");
        field.right();
        field.left();
    }
}
