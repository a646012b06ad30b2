//! What a program asks of its terminal's keys, mouse and cursor (`CSI … h`, `CSI … l`).

use crate::console::screen::pane::display::Display;

/// What a program wants to hear of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseMode {
    /// Nothing.
    #[default]
    None,
    /// Buttons that are pressed (X10).
    Press,
    /// Buttons that are pressed and let go.
    PressRelease,
    /// Also how it moves with a button held, or at all.
    Motion,
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseEncoding {
    /// A byte each.
    #[default]
    Bytes,
    /// A letter of UTF-8 each.
    Utf8,
    /// Decimal numbers.
    Sgr,
}

/// All of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Arrows are others.
    pub has_application_cursor: bool,
    /// Whether a line that is full goes on in the next row.
    pub wraps: bool,
    /// Letters push those behind them on.
    pub inserts: bool,
    /// A line feed is also a carriage return.
    pub feeds_return: bool,
    /// The cursor is seen.
    pub has_cursor: bool,
    /// Pasted text is put in brackets.
    pub brackets_paste: bool,
    /// The mouse.
    pub mouse: MouseMode,
    /// How it is told of.
    pub mouse_encoding: MouseEncoding,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            has_application_cursor: false,
            wraps: true,
            inserts: false,
            feeds_return: false,
            has_cursor: true,
            brackets_paste: false,
            mouse: MouseMode::None,
            mouse_encoding: MouseEncoding::Bytes,
        }
    }
}

impl Modes {
    /// Turns a mode on or off; one that is not known changes nothing.
    pub fn set(&mut self, is_private: bool, mode: u16, is_on: bool) {
        let mouse = |mode| if is_on { mode } else { MouseMode::None };
        let encoding = |encoding| if is_on { encoding } else { MouseEncoding::Bytes };
        match (is_private, mode) {
            (false, 4) => self.inserts = is_on,
            (false, 20) => self.feeds_return = is_on,
            (true, 1) => self.has_application_cursor = is_on,
            (true, 7) => self.wraps = is_on,
            (true, 9) => self.mouse = mouse(MouseMode::Press),
            (true, 25) => self.has_cursor = is_on,
            (true, 1000) => self.mouse = mouse(MouseMode::PressRelease),
            (true, 1002 | 1003) => self.mouse = mouse(MouseMode::Motion),
            (true, 1005) => self.mouse_encoding = encoding(MouseEncoding::Utf8),
            (true, 1006) => self.mouse_encoding = encoding(MouseEncoding::Sgr),
            (true, 2004) => self.brackets_paste = is_on,
            _ => {}
        }
    }

    /// A private mode as DECRQM is answered: 1 is on, 2 off, 0 not known.
    pub fn report(&self, mode: usize, display: &Display) -> u8 {
        let is_on = match mode {
            1 => self.has_application_cursor,
            6 => display.cursor.is_origin,
            7 => self.wraps,
            25 => self.has_cursor,
            47 | 1047 | 1049 => display.is_alternate(),
            1000 => self.mouse == MouseMode::PressRelease,
            1002 => self.mouse == MouseMode::Motion,
            1006 => self.mouse_encoding == MouseEncoding::Sgr,
            2004 => self.brackets_paste,
            _ => return 0,
        };
        if is_on { 1 } else { 2 }
    }
}
