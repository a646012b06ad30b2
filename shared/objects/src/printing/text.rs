//! Text in aligned columns, by the rules of Go's `text/tabwriter` that kubectl prints through.
//!
//! A cell ends at a tab. A column is a run of consecutive lines that have a cell there, and is as wide as its widest cell; a
//! line's last cell belongs to no column and gets no padding.

use super::{Header, Table};

/// How wide columns are at least, in characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Of the whole column.
    pub(crate) min_width: usize,
    /// Between a column's widest cell and the next column.
    pub(crate) padding: usize,
}

/// What `kubectl get` uses.
const TABLE: Layout = Layout { min_width: 6, padding: 3 };

/// Aligns the cells of lines that are separated by line breaks.
pub(crate) fn align(text: &str, layout: Layout) -> String {
    let has_last_break = text.ends_with('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<Vec<&str>> = body.split('\n').map(|line| line.split('\t').collect()).collect();
    let widths = column_widths(&lines, layout);
    let mut out = String::with_capacity(text.len() * 2);
    for (number, (line, widths)) in lines.iter().zip(widths).enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut pending = 0;
        for (column, cell) in line.iter().enumerate() {
            if !cell.is_empty() {
                push_spaces(&mut out, pending);
                pending = 0;
                out.push_str(cell);
            }
            pending += widths.get(column).map_or(0, |width| width.saturating_sub(cell.chars().count()));
        }
        // An empty last cell still ends after the padding of the one before it, as tabwriter writes it.
        push_spaces(&mut out, pending);
    }
    if has_last_break {
        out.push('\n');
    }
    out
}

/// The width of each cell but the last of each line.
fn column_widths(lines: &[Vec<&str>], layout: Layout) -> Vec<Vec<usize>> {
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| vec![0; line.len() - 1]).collect();
    let columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut first = 0;
        while first < lines.len() {
            let run = widths[first..].iter().take_while(|line| line.len() > column).count();
            let widest = lines[first..first + run].iter().map(|line| line[column].chars().count() + layout.padding).max();
            for line in &mut widths[first..first + run] {
                line[column] = widest.unwrap_or(0).max(layout.min_width);
            }
            first += run.max(1);
        }
    }
    widths
}

fn push_spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// What a terminal would obey is made visible instead.
pub(crate) fn escape_terminal(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

/// A cell's text: only its first line, and nothing that a terminal obeys.
fn cell_text(cell: &str) -> String {
    match cell.find(['\n', '\r', '\u{c}']) {
        Some(end) => escape_terminal(&cell[..end]) + "...",
        None => escape_terminal(cell),
    }
}

/// Prints tables below one another in the same columns: a watch prints its rows as they come.
#[derive(Debug, Clone, Default)]
pub struct TableWriter {
    widths: Vec<usize>,
}

impl TableWriter {
    /// Nothing printed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The table's lines, no column narrower than in the tables before.
    #[must_use]
    pub fn to_text(&mut self, table: &Table, header: Header) -> String {
        let names = match header {
            Header::Shown => Some(table.columns.iter().map(|column| column.name.to_uppercase()).collect::<Vec<_>>()),
            Header::Hidden => None,
        };
        let rows = table.rows.iter().map(|row| row.iter().map(|cell| cell_text(cell)).collect());
        self.lines(&names.into_iter().chain(rows).collect::<Vec<_>>())
    }

    /// Lines of cells as they are.
    pub(crate) fn lines(&mut self, lines: &[Vec<String>]) -> String {
        for line in lines {
            let padded = line.len().saturating_sub(1);
            self.widths.resize(self.widths.len().max(padded), TABLE.min_width);
            for (width, cell) in self.widths.iter_mut().zip(&line[..padded]) {
                *width = (*width).max(cell.chars().count() + TABLE.padding);
            }
        }
        let mut out = String::new();
        for line in lines {
            for (column, cell) in line.iter().enumerate() {
                out.push_str(cell);
                if column + 1 < line.len() {
                    push_spaces(&mut out, self.widths[column] - cell.chars().count());
                }
            }
            out.push('\n');
        }
        out
    }
}

impl Table {
    /// The table as `kubectl` prints it: columns at least six wide and three spaces apart, the last one as it is.
    #[must_use]
    pub fn to_text(&self, header: Header) -> String {
        TableWriter::new().to_text(self, header)
    }
}

#[cfg(test)]
mod tests;
