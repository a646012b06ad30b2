//! The terminal that a program in a pane writes to: an xterm, as far as programs use it, and the answers that it gives by itself.
//!
//! See xterm's ctlseqs. The bytes are taken apart by `vte`; what they mean is here. A program is a stranger: nothing that it writes goes on to the terminal
//! that the console is on, nothing makes this one grow past its limits, and of its wishes beside the picture only a title is
//! heard. The clipboard stays the user's, and the window keeps its size.

mod modes;
mod sequences;

use super::display::Display;
use super::grid::is_command;
pub use modes::{Modes, MouseEncoding, MouseMode};
use unicode_width::UnicodeWidthChar;
use vte::{Params, Parser};

/// The most bytes of answers that wait: a program that only asks is answered no more.
const MAX_ANSWERS: usize = 4_096;
/// Columns between tabulators.
const TAB: usize = 8;

/// A terminal of columns and rows.
pub struct Emulator {
    parser: Parser,
    terminal: Terminal,
}

/// What the bytes act upon.
#[derive(Debug)]
struct Terminal {
    display: Display,
    modes: Modes,
    /// Whether the two character sets are those of lines and corners.
    has_lines: [bool; 2],
    /// Which of both letters are written with.
    charset: usize,
    tabs: Vec<bool>,
    last: Option<char>,
    title: String,
    /// What it was asked and answers.
    answers: Vec<u8>,
    wants_clipboard: bool,
    has_rung: bool,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator").field("size", &self.size()).field("title", &self.title()).finish_non_exhaustive()
    }
}

impl Emulator {
    /// A blank one.
    pub fn new((columns, rows): (u16, u16)) -> Self {
        let (columns, rows) = sides(columns, rows);
        Self { parser: Parser::new(), terminal: Terminal::new(columns, rows) }
    }

    /// Takes what the program wrote; what it is answered.
    pub fn write(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.advance(&mut self.terminal, bytes);
        std::mem::take(&mut self.terminal.answers)
    }

    /// Its window has another size.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        let (columns, rows) = sides(columns, rows);
        self.terminal.display.resize(columns, rows);
        let old = self.terminal.tabs.len();
        self.terminal.tabs.extend((old..columns).map(|column| column % TAB == 0));
        self.terminal.tabs.truncate(columns);
    }

    /// Both screens.
    pub const fn display(&self) -> &Display {
        &self.terminal.display
    }

    /// Puts the window so many rows above the newest.
    pub fn go_back_to(&mut self, rows: usize) {
        self.terminal.display.go_back_to(rows);
    }

    /// What the program asked of keys, mouse and cursor.
    pub const fn modes(&self) -> &Modes {
        &self.terminal.modes
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        let (columns, rows) = self.terminal.display.size();
        (columns as u16, rows as u16)
    }

    /// Where the cursor is: column and row.
    pub const fn cursor(&self) -> (u16, u16) {
        let cursor = &self.terminal.display.cursor;
        (cursor.x as u16, cursor.y as u16)
    }

    /// The title that the program gave itself; empty where it gave none.
    pub fn title(&self) -> &str {
        &self.terminal.title
    }

    /// Whether it wanted the clipboard since this was asked last.
    pub const fn take_clipboard_wish(&mut self) -> bool {
        std::mem::replace(&mut self.terminal.wants_clipboard, false)
    }

    /// Whether it rang since this was asked last.
    pub const fn take_bell(&mut self) -> bool {
        std::mem::replace(&mut self.terminal.has_rung, false)
    }
}

/// A wide letter needs two columns.
fn sides(columns: u16, rows: u16) -> (usize, usize) {
    (usize::from(columns).max(2), usize::from(rows).max(1))
}

impl Terminal {
    fn new(columns: usize, rows: usize) -> Self {
        Self {
            display: Display::new(columns, rows),
            modes: Modes::default(),
            has_lines: [false; 2],
            charset: 0,
            tabs: (0..columns).map(|column| column % TAB == 0).collect(),
            last: None,
            title: String::new(),
            answers: Vec::new(),
            wants_clipboard: false,
            has_rung: false,
        }
    }

    /// As it was at the beginning, but for what was scrolled out.
    fn reset(&mut self) {
        let (columns, rows) = self.display.size();
        self.display.leave_alternate();
        self.display.set_region(0, rows);
        self.display.cursor = super::display::Cursor::default();
        self.display.save();
        self.display.blank_rows(0, rows);
        self.modes = Modes::default();
        (self.has_lines, self.charset, self.last) = ([false; 2], 0, None);
        self.tabs = (0..columns).map(|column| column % TAB == 0).collect();
    }

    fn answer(&mut self, text: &str) {
        if self.answers.len() + text.len() <= MAX_ANSWERS {
            self.answers.extend_from_slice(text.as_bytes());
        }
    }

    fn put(&mut self, letter: char) {
        let letter = if self.has_lines[self.charset] { line_letter(letter) } else { letter };
        let width = if letter.is_ascii() { 1 } else { letter.width().unwrap_or(0) };
        // One letter of Khmer takes three columns, for which nothing here has room.
        let (letter, width) = if width > 2 { (char::REPLACEMENT_CHARACTER, 1) } else { (letter, width) };
        let (columns, _) = self.display.size();
        let cursor = self.display.cursor;
        if width == 0 {
            let before = cursor.x + usize::from(cursor.is_past_end);
            return self.display.row().mark(before, letter);
        }
        if is_command(letter) {
            return;
        }
        let has_room = cursor.x + width <= columns && !cursor.is_past_end;
        if !has_room && self.modes.wraps {
            self.display.row().wraps = true;
            self.display.cursor.x = 0;
            self.display.line_feed();
        } else if !has_room {
            self.display.cursor.x = columns - width;
        }
        let (x, pen) = (self.display.cursor.x, self.display.cursor.pen);
        if self.modes.inserts {
            self.display.row().insert(x, width, pen);
        }
        self.display.row().put(x, letter, width, pen);
        let cursor = &mut self.display.cursor;
        cursor.is_past_end = x + width == columns;
        cursor.x = (x + width).min(columns - 1);
        self.last = Some(letter);
    }

    /// To the next tabulators, or the ones before.
    fn tab(&mut self, count: usize, forward: bool) {
        let (columns, _) = self.display.size();
        for _ in 0..count.min(columns) {
            let x = self.display.cursor.x;
            let next = if forward {
                (x + 1..columns).find(|at| self.tabs[*at]).unwrap_or(columns - 1)
            } else {
                (0..x).rev().find(|at| self.tabs[*at]).unwrap_or(0)
            };
            self.display.cursor.x = next;
            self.display.cursor.is_past_end = false;
        }
    }

    /// Up or down without scrolling: within the region, for whoever is in it.
    fn move_rows(&mut self, by: isize) {
        let (top, bottom) = self.display.region();
        let rows = self.display.size().1;
        let cursor_y = self.display.cursor.y;
        let (least, most) = (if cursor_y >= top { top } else { 0 }, if cursor_y < bottom { bottom } else { rows });
        self.display.cursor.y = cursor_y.saturating_add_signed(by).clamp(least, most - 1);
        self.display.cursor.is_past_end = false;
    }

    fn move_columns(&mut self, by: isize) {
        let (columns, _) = self.display.size();
        let cursor = &mut self.display.cursor;
        cursor.x = cursor.x.saturating_add_signed(by).min(columns - 1);
        cursor.is_past_end = false;
    }

    /// `CSI n J`.
    fn erase_display(&mut self, what: usize) {
        let (_, rows) = self.display.size();
        let y = self.display.cursor.y;
        match what {
            0 => {
                self.erase_line(0);
                self.display.blank_rows(y + 1, rows);
            }
            1 => {
                self.erase_line(1);
                self.display.blank_rows(0, y);
            }
            2 => self.display.blank_rows(0, rows),
            3 => self.display.forget(),
            _ => {}
        }
    }

    /// `CSI n K`.
    fn erase_line(&mut self, what: usize) {
        let (columns, _) = self.display.size();
        let (x, pen) = (self.display.cursor.x, self.display.cursor.pen);
        let (from, to) = match what {
            0 => (x, columns),
            1 => (0, x + 1),
            2 => (0, columns),
            _ => return,
        };
        let row = self.display.row();
        row.erase(from, to, pen);
        if to == columns {
            row.wraps = false;
        }
    }

    /// Rows that are inserted or deleted where the cursor is, if it is where rows scroll.
    fn change_rows(&mut self, count: usize, inserts: bool) {
        let ((top, bottom), y) = (self.display.region(), self.display.cursor.y);
        if !(top..bottom).contains(&y) {
            return;
        }
        match inserts {
            true => self.display.scroll_down(y, count),
            false => self.display.remove(y, count),
        }
        self.display.cursor.x = 0;
        self.display.cursor.is_past_end = false;
    }

    fn set_modes(&mut self, params: &Params, is_private: bool, is_on: bool) {
        for mode in params.iter().filter_map(|param| param.first().copied()) {
            match (is_private, mode, is_on) {
                (true, 6, _) => {
                    self.display.cursor.is_origin = is_on;
                    self.display.go_to(0, 0);
                }
                (true, 47 | 1047, true) => self.display.enter_alternate(),
                (true, 47 | 1047, false) => self.display.leave_alternate(),
                (true, 1048, true) => self.display.save(),
                (true, 1048, false) => self.display.restore(),
                (true, 1049, true) => {
                    self.display.save();
                    self.display.enter_alternate();
                    let rows = self.display.size().1;
                    self.display.blank_rows(0, rows);
                }
                (true, 1049, false) => {
                    self.display.leave_alternate();
                    self.display.restore();
                }
                _ => self.modes.set(is_private, mode, is_on),
            }
        }
    }

    /// What a program asks a terminal: whether it is well, and where its cursor is (DSR).
    fn report(&mut self, number: usize) {
        let cursor = self.display.cursor;
        let top = if cursor.is_origin { self.display.region().0 } else { 0 };
        match number {
            5 => self.answer("\x1b[0n"),
            6 => self.answer(&format!("\x1b[{};{}R", cursor.y.saturating_sub(top) + 1, cursor.x + 1)),
            _ => {}
        }
    }
}

/// DEC's letters for lines and corners, which programs draw boxes with where they do not know of Unicode.
fn line_letter(letter: char) -> char {
    const LETTERS: [char; 31] = [
        '\u{25c6}', '\u{2592}', '\u{2409}', '\u{240c}', '\u{240d}', '\u{240a}', '\u{b0}', '\u{b1}', '\u{2424}', '\u{240b}',
        '\u{2518}', '\u{2510}', '\u{250c}', '\u{2514}', '\u{253c}', '\u{23ba}', '\u{23bb}', '\u{2500}', '\u{23bc}', '\u{23bd}',
        '\u{251c}', '\u{2524}', '\u{2534}', '\u{252c}', '\u{2502}', '\u{2264}', '\u{2265}', '\u{3c0}', '\u{2260}', '\u{a3}',
        '\u{b7}',
    ];
    match letter {
        '`'..='~' => LETTERS[letter as usize - '`' as usize],
        _ => letter,
    }
}

#[cfg(test)]
mod tests;
