//! What control characters and escape sequences mean.

use super::{Modes, Terminal};
use crate::console::base::text;
use crate::console::screen::pane::display::Cursor;
use crate::console::screen::pane::grid::is_command;
use crate::console::screen::pane::pen::Pen;
use vte::{Params, Perform};

/// The longest title, in columns.
pub const MAX_TITLE: usize = 60;

impl Perform for Terminal {
    fn print(&mut self, letter: char) {
        self.put(letter);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x07 => self.has_rung = true,
            0x08 => self.move_columns(-1),
            0x09 => self.tab(1, true),
            0x0a..=0x0c => {
                self.display.line_feed();
                if self.modes.feeds_return {
                    self.display.cursor.x = 0;
                }
            }
            0x0d => {
                self.display.cursor.x = 0;
                self.display.cursor.is_past_end = false;
            }
            0x0e => self.charset = 1,
            0x0f => self.charset = 0,
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        match (intermediates, byte) {
            ([], b'7') => self.display.save(),
            ([], b'8') => self.display.restore(),
            ([], b'D') => self.display.line_feed(),
            ([], b'E') => {
                self.display.line_feed();
                self.display.cursor.x = 0;
            }
            ([], b'H') => {
                let x = self.display.cursor.x;
                self.tabs[x] = true;
            }
            ([], b'M') => self.display.reverse_feed(),
            ([], b'c') => self.reset(),
            ([b'('], set) => self.has_lines[0] = set == b'0',
            ([b')'], set) => self.has_lines[1] = set == b'0',
            ([b'#'], b'8') => {
                let (columns, _) = self.display.size();
                for row in self.display.rows() {
                    (0..columns).for_each(|x| row.put(x, 'E', 1, Pen::default()));
                }
            }
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, last: char) {
        if ignore {
            return;
        }
        let number = |at: usize| params.iter().nth(at).and_then(|param| param.first()).map_or(0, |number| usize::from(*number));
        let (first, count) = (number(0), number(0).max(1));
        let (x, y, pen) = (self.display.cursor.x, self.display.cursor.y, self.display.cursor.pen);
        let (columns, rows) = self.display.size();
        // Nothing is repeated more often than there are places.
        let (many, steps) = (count.min(columns * rows), count.min(columns.max(rows)) as isize);
        match (intermediates, last) {
            ([], 'A') => self.move_rows(-steps),
            ([], 'B' | 'e') => self.move_rows(steps),
            ([], 'C' | 'a') => self.move_columns(steps),
            ([], 'D') => self.move_columns(-steps),
            ([], 'E' | 'F') => {
                self.move_rows(if last == 'E' { steps } else { -steps });
                self.display.cursor.x = 0;
            }
            ([], 'G' | '`') => self.move_columns(count as isize - 1 - x as isize),
            ([], 'H' | 'f') => self.display.go_to(number(1).max(1) - 1, count - 1),
            ([], 'd') => self.display.go_to(x, count - 1),
            ([], 'I') => self.tab(many, true),
            ([], 'Z') => self.tab(many, false),
            ([] | [b'?'], 'J') => self.erase_display(first),
            ([] | [b'?'], 'K') => self.erase_line(first),
            ([], 'L') => self.change_rows(many, true),
            ([], 'M') => self.change_rows(many, false),
            ([], '@') => self.display.row().insert(x, many, pen),
            ([], 'P') => self.display.row().delete(x, many, pen),
            ([], 'X') => self.display.row().erase(x, x.saturating_add(many), pen),
            ([], 'S') => self.display.scroll_up(many),
            ([], 'T') => self.display.scroll_down(self.display.region().0, many),
            ([], 'b') => {
                if let Some(letter) = self.last {
                    (0..many).for_each(|_| self.put(letter));
                }
            }
            ([], 'g') if first == 0 => self.tabs[x] = false,
            ([], 'g') if first == 3 => self.tabs.fill(false),
            ([], 'h') => self.set_modes(params, false, true),
            ([], 'l') => self.set_modes(params, false, false),
            ([b'?'], 'h') => self.set_modes(params, true, true),
            ([b'?'], 'l') => self.set_modes(params, true, false),
            ([], 'm') => self.display.cursor.pen.set(params),
            ([], 'r') => {
                let bottom = if number(1) == 0 { rows } else { number(1).min(rows) };
                self.display.set_region(count - 1, bottom);
                self.display.go_to(0, 0);
            }
            ([], 's') => self.display.save(),
            ([], 'u') => self.display.restore(),
            ([b'!'], 'p') => {
                self.modes = Modes::default();
                self.display.set_region(0, rows);
                self.display.cursor = Cursor { x, y, ..Cursor::default() };
                self.has_lines = [false; 2];
            }
            ([], 'n') => self.report(first),
            // A VT220 with colours.
            ([], 'c') if first == 0 => self.answer("\x1b[?62;22c"),
            ([b'>'], 'c') if first == 0 => self.answer("\x1b[>1;10;0c"),
            ([], 't') if first == 18 => self.answer(&format!("\x1b[8;{rows};{columns}t")),
            ([b'?', b'$'], 'p') => {
                let state = self.modes.report(first, &self.display);
                self.answer(&format!("\x1b[?{first};{state}$y"));
            }
            ([b'$'], 'p') => self.answer(&format!("\x1b[{first};0$y")),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        match params {
            [b"0" | b"2", title @ ..] => {
                let title = title.join(&b';');
                let title = text::clean(&String::from_utf8_lossy(&title));
                let title: String = title.chars().filter(|letter| !is_command(*letter)).collect();
                text::head(title.trim(), MAX_TITLE).0.clone_into(&mut self.title);
            }
            [b"52", ..] => self.wants_clipboard = true,
            _ => {}
        }
    }
}
