//! Turns a picture into the bytes that change the terminal's last picture into it, and into none where they are equal.
//!
//! ratatui's own terminal writes bytes for an unchanged frame, knows neither synchronized updates nor scroll regions, and
//! its diff of 0.30 leaves half a wide letter behind; so the comparing and writing is done here, and only its buffer is used.

use super::paint_style::Look;
use super::scroll;
use crate::console::base::text;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};
use std::io::Write;

/// No cell of a picture holds this, so a cell that was never painted differs from every other.
const UNKNOWN: &str = "\u{0}";
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Knows what the terminal shows.
#[derive(Debug)]
pub struct Painter {
    shown: Buffer,
    /// Which rows of the next picture differ from that.
    differs: Vec<bool>,
    cursor: Option<Position>,
    out: Vec<u8>,
    look: Look,
    /// Where the terminal writes next; `None` where that depends on the terminal.
    at: Option<Position>,
}

impl Painter {
    /// A painter that takes nothing for granted but that the cursor is hidden.
    pub fn new() -> Self {
        let shown = Buffer::empty(Rect::ZERO);
        Self { shown, differs: Vec::new(), cursor: None, out: Vec::new(), look: Look::PLAIN, at: None }
    }

    /// Forgets what the terminal shows: the next picture is painted whole.
    pub fn forget(&mut self) {
        self.shown = Buffer::empty(Rect::ZERO);
    }

    /// The bytes that make the terminal show `next`, with its cursor there or hidden. Empty where nothing changes.
    ///
    /// `next` is put in order first: a wide letter in the last column and control characters are replaced.
    pub fn paint(&mut self, next: &mut Buffer, cursor: Option<Position>) -> &[u8] {
        self.out.clear();
        self.look = Look::PLAIN;
        self.at = None;
        put_in_order(next);
        self.out.extend_from_slice(BEGIN);
        let empty = self.out.len();
        let is_new = self.shown.area != next.area;
        if is_new {
            self.shown = Buffer::filled(next.area, Cell::new(UNKNOWN));
            self.out.extend_from_slice(b"\x1b[0m\x1b[2J\x1b[?25l");
            self.cursor = None;
        }
        scroll::compare(&self.shown, next, &mut self.differs);
        if !is_new && let Some(shift) = scroll::find(&self.shown, next, &self.differs) {
            self.scroll(shift);
            scroll::compare(&self.shown, next, &mut self.differs);
        }
        for y in 0..next.area.height {
            if self.differs[usize::from(y)] {
                self.paint_row(next, y);
            }
        }
        self.look.switch(Look::PLAIN, &mut self.out);
        self.place_cursor(cursor, self.out.len() > empty);
        if self.out.len() == empty {
            self.out.clear();
        } else {
            self.out.extend_from_slice(END);
        }
        &self.out
    }

    fn scroll(&mut self, shift: scroll::Shift) {
        let (top, bottom) = (shift.top + 1, shift.bottom + 1);
        // Line feed and reverse index scroll a region on every terminal; SU and SD do not (the Linux console).
        let (row, step): (u16, &[u8]) = if shift.up > 0 { (bottom, b"\n") } else { (top, b"\x1bM") };
        write!(self.out, "\x1b[{top};{bottom}r\x1b[{row};1H").expect("a Vec takes every byte");
        for _ in 0..shift.up.unsigned_abs() {
            self.out.extend_from_slice(step);
        }
        self.out.extend_from_slice(b"\x1b[r");
        scroll::apply(&mut self.shown, shift, &Cell::new(UNKNOWN));
    }

    fn paint_row(&mut self, next: &Buffer, y: u16) {
        let width = usize::from(next.area.width);
        let start = usize::from(y) * width;
        let (old, new) = (&self.shown.content[start..start + width], &next.content[start..start + width]);
        // Where a wide letter is or was, half of it may be left behind: from the first change on all is painted.
        let has_wide = old.iter().chain(new).any(|cell| cell.symbol().len() > 1 && text::width(cell.symbol()) > 1);
        let first = old.iter().zip(new).position(|(old, new)| old != new).unwrap_or(0);
        let mut x = 0;
        while x < width {
            let columns = if new[x].symbol().len() > 1 { text::width(new[x].symbol()).max(1) } else { 1 };
            let differs = self.shown.content[start + x] != new[x] || (has_wide && x + columns > first);
            if differs {
                self.put(x as u16, y, &new[x], columns);
            }
            x += columns;
        }
        self.shown.content[start..start + width].clone_from_slice(new);
    }

    fn put(&mut self, x: u16, y: u16, cell: &Cell, columns: usize) {
        self.move_to(Position { x, y });
        let look = Look::of(cell);
        if cell.symbol() != " " || !self.look.shows_blank_as(look) {
            self.look.switch(look, &mut self.out);
        }
        self.out.extend_from_slice(cell.symbol().as_bytes());
        // Terminals differ in how wide they draw anything but plain letters, so the next cell is placed anew after those.
        let is_plain = columns == 1 && cell.symbol().chars().count() == 1 && !is_ambiguous(cell.symbol());
        let after = x as usize + columns;
        self.at = (is_plain && after < usize::from(self.shown.area.width)).then_some(Position { x: after as u16, y });
    }

    fn move_to(&mut self, to: Position) {
        let Position { x, y } = to;
        match self.at {
            Some(at) if at == to => return,
            Some(at) if at.y == y && at.x < x => match x - at.x {
                1 => self.out.extend_from_slice(b"\x1b[C"),
                distance => write!(self.out, "\x1b[{distance}C").expect("a Vec takes every byte"),
            },
            _ if x == 0 => write!(self.out, "\x1b[{}H", y + 1).expect("a Vec takes every byte"),
            _ => write!(self.out, "\x1b[{};{}H", y + 1, x + 1).expect("a Vec takes every byte"),
        }
        self.at = Some(to);
    }

    fn place_cursor(&mut self, cursor: Option<Position>, has_painted: bool) {
        match cursor {
            Some(to) if has_painted || self.cursor != cursor => {
                write!(self.out, "\x1b[{};{}H", to.y + 1, to.x + 1).expect("a Vec takes every byte");
                if self.cursor.is_none() {
                    self.out.extend_from_slice(b"\x1b[?25h");
                }
            }
            None if self.cursor.is_some() => self.out.extend_from_slice(b"\x1b[?25l"),
            _ => {}
        }
        self.cursor = cursor;
    }
}

/// Symbols beyond the basic plane and emoji, whose width terminals do not agree on.
fn is_ambiguous(symbol: &str) -> bool {
    symbol.chars().next().is_some_and(|letter| letter >= '\u{10000}' || ('\u{2600}'..='\u{27bf}').contains(&letter))
}

fn put_in_order(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width);
    if width == 0 {
        return;
    }
    for row in buffer.content.chunks_mut(width) {
        for cell in row.iter_mut() {
            let bad = cell.symbol().is_empty() || cell.symbol().chars().any(char::is_control) || text::width(cell.symbol()) == 0;
            if bad {
                cell.set_symbol(" ");
            }
            // Of a blank only the background is seen, unless it is a line or reversed.
            if cell.symbol() == " " && !cell.modifier.intersects(Modifier::UNDERLINED | Modifier::REVERSED) {
                cell.set_fg(Color::Reset);
                cell.modifier = Modifier::empty();
                cell.underline_color = Color::Reset;
            }
        }
        let mut x = 0;
        while x < width {
            let columns = if row[x].symbol().len() > 1 { text::width(row[x].symbol()).max(1) } else { 1 };
            if x + columns > width {
                // A wide letter without room for its second half: ratatui and terminals disagree on what then happens.
                row[x].set_symbol("…");
            } else {
                // What lies under the second half is never seen, and never compared.
                for covered in x + 1..x + columns {
                    let style = row[x].style();
                    row[covered].reset();
                    row[covered].set_style(style);
                }
            }
            x += columns;
        }
    }
}

#[cfg(test)]
mod tests;
