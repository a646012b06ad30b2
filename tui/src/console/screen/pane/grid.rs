//! The rows of a terminal's screen: cells that are written, moved and blanked, and never half of a wide letter.

use super::pen::Pen;
use crate::console::base::text;
use unicode_width::UnicodeWidthChar;

/// The most bytes of the marks on one letter.
const MAX_MARKS: usize = 16;

/// One place of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    letter: char,
    /// Accents and the like, which take no column.
    marks: Option<Box<str>>,
    /// Columns: 1, 2, or 0 where the letter before covers this one.
    width: u8,
    /// How it looks.
    pub pen: Pen,
}

impl Cell {
    /// Nothing, with what is behind it.
    pub fn blank(pen: Pen) -> Self {
        Self { letter: ' ', marks: None, width: 1, pen: pen.behind() }
    }

    /// Whether the letter before covers it.
    pub const fn is_covered(&self) -> bool {
        self.width == 0
    }

    /// Whether nothing of it is seen.
    fn is_blank(&self) -> bool {
        self.letter == ' ' && self.marks.is_none() && self.width == 1 && self.pen == Pen::default()
    }

    /// The letter that stands in it alone, without marks; a blank where another one covers it.
    pub const fn letter(&self) -> Option<char> {
        if self.marks.is_none() { Some(self.letter) } else { None }
    }

    /// What stands in it.
    pub fn push_to(&self, out: &mut String) {
        if self.width > 0 {
            out.push(self.letter);
            out.push_str(self.marks.as_deref().unwrap_or_default());
        }
    }

    /// A letter that takes no column goes onto this one, unless it would make it wider.
    fn mark(&mut self, mark: char) {
        let mut whole = String::new();
        self.push_to(&mut whole);
        whole.push(mark);
        let marks = &whole[self.letter.len_utf8()..];
        if marks.len() <= MAX_MARKS && text::width(&whole) == usize::from(self.width) {
            self.marks = Some(marks.into());
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    cells: Vec<Cell>,
    /// Whether it goes on in the next one without a line's end.
    pub wraps: bool,
}

impl Row {
    /// An empty one.
    pub fn new(columns: usize, pen: Pen) -> Self {
        Self { cells: vec![Cell::blank(pen); columns], wraps: false }
    }

    /// The cell of a column; none where the row is shorter.
    pub fn cell(&self, column: usize) -> Option<&Cell> {
        self.cells.get(column)
    }

    /// Has another width.
    pub fn resize(&mut self, columns: usize) {
        if columns < self.cells.len() {
            self.split(columns);
        }
        self.cells.resize(columns, Cell::blank(Pen::default()));
    }

    /// Gives the room back that blanks at its end take.
    pub fn trim(&mut self) {
        let end = self.cells.iter().rposition(|cell| !cell.is_blank()).map_or(0, |at| at + 1);
        self.cells.truncate(end);
        self.cells.shrink_to_fit();
    }

    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        let marks = self.cells.iter().filter_map(|cell| cell.marks.as_ref()).map(|marks| marks.len());
        size_of::<Self>() + self.cells.len() * size_of::<Cell>() + marks.sum::<usize>()
    }

    /// Its text.
    pub fn push_to(&self, out: &mut String) {
        let start = out.len();
        self.cells.iter().for_each(|cell| cell.push_to(out));
        if !self.wraps {
            let end = start + out[start..].trim_end().len();
            out.truncate(end);
        }
    }

    /// Blanks the letter that lies on both sides of a border, if one does.
    fn split(&mut self, border: usize) {
        if border > 0 && self.cells.get(border).is_some_and(Cell::is_covered) {
            for at in [border - 1, border] {
                self.cells[at] = Cell::blank(self.cells[at].pen);
            }
        }
    }

    /// Puts a letter of one or two columns, for which there is room.
    pub fn put(&mut self, column: usize, letter: char, width: usize, pen: Pen) {
        self.split(column);
        self.split(column + width);
        self.cells[column] = Cell { letter, marks: None, width: width as u8, pen };
        if width == 2 {
            self.cells[column + 1] = Cell { letter: ' ', marks: None, width: 0, pen };
        }
    }

    /// Puts a letter without a column onto the one that ends before a column.
    pub fn mark(&mut self, before: usize, mark: char) {
        let is_seen = mark.width() == Some(0) && !is_command(mark);
        let at = (0..before.min(self.cells.len())).rev().find(|at| !self.cells[*at].is_covered());
        if let (true, Some(at)) = (is_seen, at) {
            self.cells[at].mark(mark);
        }
    }

    /// Blanks columns from one up to another.
    pub fn erase(&mut self, from: usize, to: usize, pen: Pen) {
        let (from, to) = (from.min(self.cells.len()), to.min(self.cells.len()));
        if from < to {
            self.split(from);
            self.split(to);
            self.cells[from..to].fill(Cell::blank(pen));
        }
    }

    /// Makes room for columns; what is pushed over the end is gone.
    pub fn insert(&mut self, column: usize, count: usize, pen: Pen) {
        let (columns, count) = (self.cells.len(), count.min(self.cells.len().saturating_sub(column)));
        self.split(column);
        self.split(columns - count);
        self.cells.truncate(columns - count);
        self.cells.splice(column..column, std::iter::repeat_n(Cell::blank(pen), count));
    }

    /// Takes columns out; what is behind them moves up.
    pub fn delete(&mut self, column: usize, count: usize, pen: Pen) {
        let (columns, count) = (self.cells.len(), count.min(self.cells.len().saturating_sub(column)));
        self.split(column);
        self.split(column + count);
        self.cells.drain(column..column + count);
        self.cells.resize(columns, Cell::blank(pen));
    }
}

/// Whether a letter is none, but turns the direction of what follows, or tells a terminal something else.
pub fn is_command(letter: char) -> bool {
    let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    letter.is_control() || turns || matches!(letter, '\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::{Pen, Row};

    fn row(text: &str) -> Row {
        let (mut row, mut at) = (Row::new(8, Pen::default()), 0);
        for letter in text.chars() {
            let width = unicode_width::UnicodeWidthChar::width(letter).unwrap_or(0);
            match width {
                0 => row.mark(at, letter),
                _ => row.put(at, letter, width, Pen::default()),
            }
            at += width;
        }
        row
    }

    fn text(row: &Row) -> String {
        let mut out = String::new();
        row.push_to(&mut out);
        out
    }

    #[test]
    fn half_of_a_wide_letter_is_never_left() {
        let change = |change: &dyn Fn(&mut Row)| {
            let mut row = row("a\u{65e5}\u{672c}b");
            change(&mut row);
            (text(&row), row.cells.iter().filter(|cell| cell.is_covered()).count())
        };
        let pen = Pen::default();
        assert_eq!(change(&|row| row.put(2, 'x', 1, pen)), ("a x\u{672c}b".into(), 1));
        assert_eq!(change(&|row| row.put(2, '\u{8a9e}', 2, pen)), ("a \u{8a9e} b".into(), 1));
        assert_eq!(change(&|row| row.erase(2, 4, pen)), ("a    b".into(), 0));
        assert_eq!(change(&|row| row.insert(4, 3, pen)), ("a\u{65e5}".into(), 1));
        assert_eq!(change(&|row| row.delete(2, 1, pen)), ("a \u{672c}b".into(), 1));
        assert_eq!(change(&|row| row.resize(4)), ("a\u{65e5}".into(), 1));
    }

    #[test]
    fn marks_stay_on_their_letter_and_make_it_no_wider() {
        assert_eq!(text(&row("e\u{301}x")), "e\u{301}x");
        assert_eq!(text(&row("\u{65e5}\u{301}x")), "\u{65e5}\u{301}x");
        assert_eq!(text(&row("\u{2764}\u{fe0f}x\u{202e}")), "\u{2764}x");
        assert!(text(&row(&format!("e{}", "\u{301}".repeat(100)))).len() < 24);
    }
}
