//! Puts text and boxes into a buffer, cut to their room, in the look of their role.

use crate::console::base::text;
use crate::console::theme::load::Theme;
use crate::console::theme::role::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;

/// A buffer and the theme it is painted with.
pub struct Canvas<'a> {
    /// What is painted on.
    pub buffer: &'a mut Buffer,
    /// The looks.
    pub theme: &'a Theme,
}

impl Canvas<'_> {
    /// The look of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Everything there is.
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Puts text at a place, at most so many columns, with `…` where it is cut. Returns the column after it.
    pub fn text(&mut self, (x, y): (u16, u16), value: &str, columns: u16, role: Role) -> u16 {
        let style = self.style(role);
        if text::width(value) <= usize::from(columns) {
            return self.put((x, y), value, columns, style);
        }
        if columns == 0 {
            return x;
        }
        let end = self.put((x, y), value, columns - 1, style);
        self.put((end, y), "…", 1, style)
    }

    /// Puts text in a style, cut where its room ends. Letters that take no column go to the one before them.
    pub fn put(&mut self, (x, y): (u16, u16), value: &str, columns: u16, style: Style) -> u16 {
        let end = x.saturating_add(columns).min(self.buffer.area.right());
        if y >= self.buffer.area.bottom() {
            return x;
        }
        let mut at = x;
        for letter in value.chars() {
            let width = letter.width().unwrap_or(0) as u16;
            if width == 0 {
                if at > x && !letter.is_control() {
                    self.combine((at - 1, y), letter);
                }
                continue;
            }
            if at + width > end {
                break;
            }
            self.buffer[(at, y)].set_char(letter).set_style(style);
            for covered in at + 1..at + width {
                self.buffer[(covered, y)].set_symbol(" ").set_style(style);
            }
            at += width;
        }
        at
    }

    fn combine(&mut self, place: (u16, u16), mark: char) {
        let mut symbol = self.buffer[place].symbol().to_owned();
        // A cell is one letter; text made of hundreds of marks is no text.
        if symbol.len() < 24 {
            symbol.push(mark);
            self.buffer[place].set_symbol(&symbol);
        }
    }

    /// Puts text so that it ends before a column. Returns the column it begins at.
    pub fn right(&mut self, (end, y): (u16, u16), value: &str, role: Role) -> u16 {
        let width = text::width(value).min(usize::from(end)) as u16;
        self.text((end - width, y), value, width, role);
        end - width
    }

    /// Gives an area a look, and leaves what is written in it.
    pub fn tint(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        self.buffer.set_style(area, style);
    }

    /// Makes an area blank in a look.
    pub fn clear(&mut self, area: Rect, role: Role) {
        let style = self.style(Role::Text).patch(self.style(role));
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let cell = &mut self.buffer[(x, y)];
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// A box with a border and a title; returns the area inside it.
    pub fn popup(&mut self, area: Rect, title: &str, border: Role) -> Rect {
        let area = area.intersection(self.buffer.area);
        self.clear(area, Role::Popup);
        if area.width < 4 || area.height < 3 {
            return area;
        }
        let (left, right, top, bottom) = (area.left(), area.right() - 1, area.top(), area.bottom() - 1);
        let style = self.style(border);
        for x in left + 1..right {
            self.buffer[(x, top)].set_char('─').set_style(style);
            self.buffer[(x, bottom)].set_char('─').set_style(style);
        }
        for y in top + 1..bottom {
            self.buffer[(left, y)].set_char('│').set_style(style);
            self.buffer[(right, y)].set_char('│').set_style(style);
        }
        for (place, corner) in [((left, top), '╭'), ((right, top), '╮'), ((left, bottom), '╰'), ((right, bottom), '╯')] {
            self.buffer[place].set_char(corner).set_style(style);
        }
        if !title.is_empty() {
            let room = area.width.saturating_sub(6);
            // Words are read; a line only has to be seen.
            let role = if border == Role::Border { Role::Popup } else { border };
            let end = self.text((left + 2, top), &format!(" {title}"), room, role);
            self.text((end, top), " ", 1, border);
        }
        Rect::new(left + 2, top + 1, area.width.saturating_sub(4), area.height.saturating_sub(2))
    }
}

/// An area of that size in the middle of another, and never larger than it.
pub fn middle(of: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(of.width), height.min(of.height));
    Rect::new(of.x + (of.width - width) / 2, of.y + (of.height - height) / 2, width, height)
}
