//! A terminal's two screens, its cursor, and what was scrolled out of the first one.

use super::grid::Row;
use super::pen::Pen;
use std::collections::VecDeque;

/// The most rows that are kept of what was scrolled out.
pub const MAX_ROWS: usize = 10_000;
/// The most bytes that those rows take.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Where letters go next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The column.
    pub x: usize,
    /// The row.
    pub y: usize,
    /// Whether the last column was written, and the next letter goes to the next row.
    pub is_past_end: bool,
    /// What letters are written with.
    pub pen: Pen,
    /// Whether rows are counted from the region that scrolls.
    pub is_origin: bool,
}

/// Both screens.
#[derive(Debug)]
pub struct Display {
    columns: usize,
    rows: Vec<Row>,
    /// The first screen, while the second, without a history, is shown.
    first: Option<Vec<Row>>,
    history: VecDeque<Row>,
    history_bytes: usize,
    /// How many rows the window stands above the newest.
    back: usize,
    /// The cursor.
    pub cursor: Cursor,
    /// The cursors that were saved on the first screen and on the second.
    saved: [Cursor; 2],
    /// The rows that scroll: the first, and the one after the last.
    region: (usize, usize),
}

impl Display {
    /// A blank one, of a column and a row at least.
    pub fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            rows: vec![Row::new(columns, Pen::default()); rows],
            first: None,
            history: VecDeque::new(),
            history_bytes: 0,
            back: 0,
            cursor: Cursor::default(),
            saved: [Cursor::default(); 2],
            region: (0, rows),
        }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.columns, self.rows.len())
    }

    /// Whether the second screen is shown.
    pub const fn is_alternate(&self) -> bool {
        self.first.is_some()
    }

    /// How many rows the window stands above the newest.
    pub const fn back(&self) -> usize {
        self.back
    }

    /// How many rows were scrolled out and are kept.
    pub fn kept(&self) -> usize {
        self.history.len()
    }

    /// Puts the window so many rows above the newest, as far as there are any. The second screen has none.
    pub fn go_back_to(&mut self, rows: usize) {
        self.back = if self.is_alternate() { 0 } else { rows.min(self.history.len()) };
    }

    /// The row of the window.
    pub fn visible(&self, y: usize) -> Option<&Row> {
        let at = self.history.len() - self.back + y;
        self.history.get(at).or_else(|| self.rows.get(at - self.history.len()))
    }

    /// The text in the window.
    pub fn visible_text(&self) -> String {
        text((0..self.rows.len()).filter_map(|y| self.visible(y)))
    }

    /// The text of all rows there are, the oldest first.
    pub fn whole_text(&self) -> String {
        text(self.history.iter().chain(&self.rows))
    }

    /// The row of the cursor.
    pub fn row(&mut self) -> &mut Row {
        &mut self.rows[self.cursor.y]
    }

    /// All rows.
    pub fn rows(&mut self) -> &mut [Row] {
        &mut self.rows
    }

    /// The rows that scroll.
    pub const fn region(&self) -> (usize, usize) {
        self.region
    }

    /// Lets only these rows scroll: the first, and the one after the last.
    pub fn set_region(&mut self, top: usize, bottom: usize) {
        if top + 1 < bottom && bottom <= self.rows.len() {
            self.region = (top, bottom);
        }
    }

    /// Goes to a place of the screen; in origin mode it is one of the region's.
    pub fn go_to(&mut self, x: usize, y: usize) {
        let (top, bottom) = if self.cursor.is_origin { self.region } else { (0, self.rows.len()) };
        self.cursor.y = top.saturating_add(y).min(bottom - 1);
        self.cursor.x = x.min(self.columns - 1);
        self.cursor.is_past_end = false;
    }

    /// One row down; the last one of the region scrolls.
    pub fn line_feed(&mut self) {
        self.cursor.is_past_end = false;
        if self.cursor.y + 1 == self.region.1 {
            self.scroll_up(1);
        } else if self.cursor.y + 1 < self.rows.len() {
            self.cursor.y += 1;
        }
    }

    /// One row up; the first one of the region scrolls.
    pub fn reverse_feed(&mut self) {
        self.cursor.is_past_end = false;
        if self.cursor.y == self.region.0 {
            self.scroll_down(self.region.0, 1);
        } else {
            self.cursor.y = self.cursor.y.saturating_sub(1);
        }
    }

    /// The region's rows go up; what leaves the first screen at its top is kept.
    pub fn scroll_up(&mut self, count: usize) {
        let (top, bottom) = self.region;
        let count = count.min(bottom - top);
        if top == 0 && !self.is_alternate() {
            for at in 0..count {
                let row = std::mem::take(&mut self.rows[at]);
                self.keep(row);
            }
        }
        self.remove(top, count);
    }

    /// Takes rows out of the region; those below go up.
    pub fn remove(&mut self, from: usize, count: usize) {
        let count = count.min(self.region.1 - from);
        self.rows[from..self.region.1].rotate_left(count);
        self.blank_rows(self.region.1 - count, self.region.1);
    }

    /// Makes room for rows in the region; those below go down, and the last ones are gone.
    pub fn scroll_down(&mut self, from: usize, count: usize) {
        let count = count.min(self.region.1 - from);
        self.rows[from..self.region.1].rotate_right(count);
        self.blank_rows(from, from + count);
    }

    /// Blanks rows from one up to another.
    pub fn blank_rows(&mut self, from: usize, to: usize) {
        let (columns, pen) = (self.columns, self.cursor.pen);
        self.rows[from..to].iter_mut().for_each(|row| *row = Row::new(columns, pen));
    }

    fn keep(&mut self, mut row: Row) {
        row.trim();
        self.history_bytes += row.bytes();
        self.history.push_back(row);
        if self.back > 0 {
            // What one reads stays where it is.
            self.back += 1;
        }
        while self.history.len() > MAX_ROWS || self.history_bytes > MAX_BYTES {
            let Some(gone) = self.history.pop_front() else { break };
            self.history_bytes -= gone.bytes();
        }
        self.back = self.back.min(self.history.len());
    }

    /// Forgets what was scrolled out.
    pub fn forget(&mut self) {
        self.history = VecDeque::new();
        (self.history_bytes, self.back) = (0, 0);
    }

    /// Saves the cursor, one for each screen.
    pub fn save(&mut self) {
        self.saved[usize::from(self.is_alternate())] = self.cursor;
    }

    /// Takes the saved cursor.
    pub fn restore(&mut self) {
        self.cursor = self.saved[usize::from(self.is_alternate())];
        self.clamp();
    }

    /// Shows the second screen, which is blank.
    pub fn enter_alternate(&mut self) {
        self.back = 0;
        if self.first.is_none() {
            let blank = vec![Row::new(self.columns, Pen::default()); self.rows.len()];
            self.first = Some(std::mem::replace(&mut self.rows, blank));
            self.region = (0, self.rows.len());
        }
    }

    /// Shows the first screen as it was.
    pub fn leave_alternate(&mut self) {
        if let Some(first) = self.first.take() {
            self.rows = first;
            self.region = (0, self.rows.len());
            self.clamp();
        }
    }

    /// Has another size. Rows that have no room any more go up and are kept; they come back when there is room.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        if self.size() == (columns, rows) {
            return;
        }
        self.columns = columns;
        self.back = 0;
        // The first screen's cursor is the saved one while it is not shown.
        let mut hidden = self.first.take();
        let is_alternate = hidden.is_some();
        if let Some(first) = &mut hidden {
            std::mem::swap(&mut self.rows, first);
            std::mem::swap(&mut self.cursor, &mut self.saved[0]);
        }
        self.fit(rows);
        if let Some(mut second) = hidden {
            std::mem::swap(&mut self.rows, &mut second);
            std::mem::swap(&mut self.cursor, &mut self.saved[0]);
            self.first = Some(second);
            // A program with a whole screen draws it anew.
            self.rows.resize_with(rows, Row::default);
        }
        for row in self.rows.iter_mut().chain(self.first.iter_mut().flatten()) {
            row.resize(columns);
        }
        debug_assert_eq!(is_alternate, self.is_alternate());
        self.region = (0, rows);
        self.clamp();
    }

    /// Makes the first screen have so many rows.
    fn fit(&mut self, rows: usize) {
        while self.rows.len() > rows {
            if self.cursor.y + 1 < self.rows.len() {
                self.rows.pop();
            } else {
                let row = self.rows.remove(0);
                self.keep(row);
                self.cursor.y = self.cursor.y.saturating_sub(1);
            }
        }
        while self.rows.len() < rows {
            match self.history.pop_back() {
                Some(row) => {
                    self.history_bytes -= row.bytes();
                    self.rows.insert(0, row);
                    self.cursor.y += 1;
                }
                None => self.rows.push(Row::default()),
            }
        }
    }

    fn clamp(&mut self) {
        let (columns, rows) = self.size();
        for cursor in self.saved.iter_mut().chain([&mut self.cursor]) {
            (cursor.x, cursor.y) = (cursor.x.min(columns - 1), cursor.y.min(rows - 1));
            cursor.is_past_end &= cursor.x + 1 == columns;
        }
    }
}

/// Rows as text; one that goes on in the next has no end of its own.
fn text<'r>(rows: impl Iterator<Item = &'r Row>) -> String {
    let mut out = String::new();
    for row in rows {
        row.push_to(&mut out);
        if !row.wraps {
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}
