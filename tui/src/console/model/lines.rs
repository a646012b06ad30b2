//! Where one stands in a long text: scrolling with and without wrapped lines, searching, and staying at its end.

use crate::console::base::text;
use regex::Regex;
use std::borrow::Cow;

/// A text of lines that one looks at through a window.
pub trait Lines {
    /// How many there are.
    fn len(&self) -> usize;
    /// One of them; empty past the end.
    fn line(&self, at: usize) -> Cow<'_, str>;
}

impl Lines for Vec<String> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn line(&self, at: usize) -> Cow<'_, str> {
        Cow::Borrowed(self.get(at).map_or("", String::as_str))
    }
}

/// How far a line that is too long is continued below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wrap {
    /// It is cut off; one moves sideways.
    #[default]
    Off,
    /// It goes on in the next row.
    On,
}

/// The window's place in the text.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The first line in the window.
    pub top: usize,
    /// The first row of that line in the window, where lines are wrapped.
    pub top_row: usize,
    /// Columns left of the window.
    pub left: usize,
    /// The window's size: columns and rows.
    pub size: (u16, u16),
    /// Whether lines are wrapped.
    pub wrap: Wrap,
    /// Whether the window stays at the end while lines come.
    pub follows: bool,
    /// What is looked for.
    pub find: Option<Regex>,
    /// The line with the match one stands on.
    pub found: Option<usize>,
}

impl Place {
    /// Moves by rows; a move up ends following.
    pub fn scroll(&mut self, lines: &impl Lines, rows: i64) {
        if rows < 0 {
            self.follows = false;
        }
        for _ in 0..rows.unsigned_abs().min(1_000_000) {
            let moved = if rows < 0 { self.up(lines) } else { self.down(lines) };
            if !moved {
                break;
            }
        }
        self.settle(lines);
    }

    /// Moves sideways by columns; wrapped lines have no side.
    pub fn slide(&mut self, columns: i64) {
        if self.wrap == Wrap::Off {
            self.left = self.left.saturating_add_signed(columns as isize).min(4_000);
        }
    }

    /// To the first line.
    pub fn go_to_start(&mut self) {
        (self.top, self.top_row, self.follows) = (0, 0, false);
    }

    /// To the last lines.
    pub fn go_to_end(&mut self, lines: &impl Lines) {
        (self.top, self.top_row) = self.last_top(lines);
    }

    /// Brings a line into the window, a third from its top, unless it is in it already.
    pub fn show(&mut self, lines: &impl Lines, line: usize) {
        let height = usize::from(self.size.1);
        let is_visible = line >= self.top && line < self.top + height && self.wrap == Wrap::Off;
        if !is_visible {
            (self.top, self.top_row) = (line, 0);
            let above = height as i64 / 3;
            for _ in 0..above {
                self.up(lines);
            }
        }
        self.settle(lines);
    }

    /// Keeps the window inside the text, and at its end where it follows.
    pub fn settle(&mut self, lines: &impl Lines) {
        let last = self.last_top(lines);
        if self.follows || (self.top, self.top_row) > last {
            (self.top, self.top_row) = last;
        }
        self.top_row = self.top_row.min(self.rows_of(lines, self.top).saturating_sub(1));
    }

    /// Whether the last line is in the window.
    pub fn is_at_end(&self, lines: &impl Lines) -> bool {
        (self.top, self.top_row) >= self.last_top(lines)
    }

    /// The next line with a match, from the one stood on; goes on at the other end.
    pub fn find_next(&mut self, lines: &impl Lines, forward: bool) -> bool {
        let (Some(find), count) = (self.find.clone(), lines.len()) else { return false };
        let from = self.found.unwrap_or(self.top);
        let skip = usize::from(self.found.is_some());
        let place = |step: usize| if forward { (from + step) % count } else { (from + count - step % count) % count };
        let found = (skip..count + skip).map(place).find(|&at| find.is_match(&lines.line(at)));
        if let Some(at) = found {
            self.found = Some(at);
            self.follows = false;
            self.show(lines, at);
        }
        found.is_some()
    }

    /// Rows that a line takes in the window.
    pub fn rows_of(&self, lines: &impl Lines, line: usize) -> usize {
        match self.wrap {
            Wrap::Off => 1,
            Wrap::On => text::width(&lines.line(line)).div_ceil(usize::from(self.size.0).max(1)).max(1),
        }
    }

    fn up(&mut self, lines: &impl Lines) -> bool {
        if self.top_row > 0 {
            self.top_row -= 1;
        } else if self.top > 0 {
            self.top -= 1;
            self.top_row = self.rows_of(lines, self.top) - 1;
        } else {
            return false;
        }
        true
    }

    fn down(&mut self, lines: &impl Lines) -> bool {
        if self.is_at_end(lines) {
            return false;
        }
        if self.top_row + 1 < self.rows_of(lines, self.top) {
            self.top_row += 1;
        } else {
            (self.top, self.top_row) = (self.top + 1, 0);
        }
        true
    }

    /// The place from which the window ends with the last line.
    fn last_top(&self, lines: &impl Lines) -> (usize, usize) {
        let (mut rows, mut line) = (usize::from(self.size.1), lines.len());
        while line > 0 {
            line -= 1;
            let needed = self.rows_of(lines, line);
            if needed >= rows {
                return (line, needed - rows);
            }
            rows -= needed;
        }
        (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Wrap};
    use crate::console::model::query::pattern;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("line {at}")).collect()
    }

    #[test]
    fn the_window_never_leaves_the_text() {
        let text = lines(30);
        let mut place = Place { size: (20, 10), ..Place::default() };
        place.scroll(&text, 5);
        assert_eq!(place.top, 5);
        place.scroll(&text, 500);
        assert_eq!(place.top, 20);
        place.scroll(&text, -500);
        assert_eq!(place.top, 0);
        place.scroll(&lines(3), 4);
        assert_eq!(place.top, 0);
        place.settle(&lines(0));
    }

    #[test]
    fn a_wrapped_line_is_scrolled_row_by_row() {
        let text = vec!["x".repeat(25), "y".to_owned(), "z".repeat(10)];
        let mut place = Place { size: (10, 2), wrap: Wrap::On, ..Place::default() };
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push((place.top, place.top_row));
            place.scroll(&text, 1);
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 0), (1, 0)]);
    }

    #[test]
    fn following_stays_at_the_end_until_one_scrolls_up() {
        let mut place = Place { size: (20, 10), follows: true, ..Place::default() };
        place.settle(&lines(30));
        assert_eq!(place.top, 20);
        place.settle(&lines(40));
        assert_eq!(place.top, 30);
        place.scroll(&lines(40), -1);
        place.settle(&lines(50));
        assert_eq!((place.top, place.follows), (29, false));
    }

    #[test]
    fn a_search_goes_round_and_keeps_the_lines_around_it() {
        let text = lines(100);
        let mut place = Place { size: (20, 9), find: Some(pattern("line [47]0")), ..Place::default() };
        let mut found = Vec::new();
        for _ in 0..3 {
            assert!(place.find_next(&text, true));
            found.push((place.found, place.top));
        }
        assert_eq!(found, [(Some(40), 37), (Some(70), 67), (Some(40), 37)]);
        assert!(place.find_next(&text, false));
        assert_eq!(place.found, Some(70));
        place.find = Some(pattern("nowhere"));
        assert!(!place.find_next(&text, true));
        assert!(!place.find_next(&lines(0), true));
    }
}
