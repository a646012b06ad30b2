//! The cells of a row in one piece of memory: a list has a dozen and more for each of its rows, most of them a few letters.

use super::row::Cell;
use jiff::Timestamp;

/// The most bytes of a cell's text. No window is as wide, and with them the places of all cells fit into two bytes each.
const LONGEST: usize = 2_000;

/// The cells of a row: where each begins, two bytes a cell, and then each with what it is in its first byte.
#[derive(Clone, PartialEq, Default)]
pub struct Cells(Box<[u8]>);

const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const AGE: u8 = 2;
const RESTARTS: u8 = 3;

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.start(0).map_or(0, |first| first / 2)
    }

    /// One of them.
    pub fn get(&self, at: usize) -> Option<Cell<&str>> {
        if at >= self.len() {
            return None;
        }
        let end = if at + 1 < self.len() { self.start(at + 1)? } else { self.0.len() };
        read(self.0.get(self.start(at)?..end)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Cell<&str>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Changes some of them, by their places.
    pub fn set(&mut self, changes: impl IntoIterator<Item = (usize, Cell)>) {
        let mut cells: Vec<Cell> = self.iter().map(Cell::kept).collect();
        for (at, cell) in changes {
            if let Some(place) = cells.get_mut(at) {
                *place = cell;
            }
        }
        *self = cells.into_iter().collect();
    }

    fn start(&self, at: usize) -> Option<usize> {
        let place = self.0.get(at * 2..at * 2 + 2)?;
        Some(usize::from(u16::from_le_bytes(place.try_into().ok()?)))
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: AsRef<str>> FromIterator<Cell<T>> for Cells {
    fn from_iter<I: IntoIterator<Item = Cell<T>>>(cells: I) -> Self {
        let (mut starts, mut bytes) = (Vec::with_capacity(24), Vec::with_capacity(256));
        for cell in cells {
            starts.push(bytes.len());
            write(&mut bytes, &cell);
        }
        let before = starts.len() * 2;
        let mut all = Vec::with_capacity(before + bytes.len());
        for start in starts {
            all.extend_from_slice(&u16::try_from(before + start).unwrap_or(u16::MAX).to_le_bytes());
        }
        all.extend_from_slice(&bytes);
        Self(all.into())
    }
}

impl<const N: usize> From<[Cell; N]> for Cells {
    fn from(cells: [Cell; N]) -> Self {
        cells.into_iter().collect()
    }
}

fn write<T: AsRef<str>>(bytes: &mut Vec<u8>, cell: &Cell<T>) {
    let at = |then: &Option<Timestamp>, bytes: &mut Vec<u8>| {
        bytes.extend(then.iter().flat_map(|then| then.as_microsecond().to_le_bytes()));
    };
    match cell {
        Cell::Text(text) => {
            bytes.push(TEXT);
            bytes.extend_from_slice(shortened(text.as_ref()).as_bytes());
        }
        Cell::Number(number, text) => {
            bytes.push(NUMBER);
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.extend_from_slice(shortened(text.as_ref()).as_bytes());
        }
        Cell::Age(then) => {
            bytes.push(AGE);
            at(then, bytes);
        }
        Cell::Restarts(count, then) => {
            bytes.push(RESTARTS);
            bytes.extend_from_slice(&count.to_le_bytes());
            at(then, bytes);
        }
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

fn read(bytes: &[u8]) -> Option<Cell<&str>> {
    let (kind, rest) = bytes.split_first()?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let time = |bytes: &[u8]| Timestamp::from_microsecond(i64::from_le_bytes(bytes.try_into().ok()?)).ok();
    Some(match *kind {
        TEXT => Cell::Text(text(rest)?),
        NUMBER => {
            let (number, rest) = rest.split_first_chunk()?;
            Cell::Number(f64::from_le_bytes(*number), text(rest)?)
        }
        AGE => Cell::Age(time(rest)),
        _ => {
            let (count, rest) = rest.split_first_chunk()?;
            Cell::Restarts(i64::from_le_bytes(*count), time(rest))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Cells, LONGEST};
    use crate::console::model::row::Cell;
    use jiff::Timestamp;

    fn some() -> Vec<Cell> {
        let then = Some(Timestamp::from_microsecond(1_700_000_000_123_456).expect("a time"));
        vec![
            Cell::text("kubia"),
            Cell::text(""),
            Cell::Number(-1.5, "ünï".into()),
            Cell::Age(then),
            Cell::Age(None),
            Cell::Restarts(7, then),
            Cell::Restarts(0, None),
        ]
    }

    #[test]
    fn what_was_put_in_is_read_again() {
        let cells: Cells = some().into_iter().collect();
        assert_eq!(cells.len(), some().len());
        assert_eq!(cells.iter().map(Cell::kept).collect::<Vec<_>>(), some());
        assert_eq!(cells.get(some().len()), None);
        assert_eq!((Cells::default().len(), Cells::default().get(0)), (0, None));
    }

    #[test]
    fn one_is_changed_and_the_others_stay() {
        let mut cells: Cells = some().into_iter().collect();
        cells.set([(1, Cell::text("longer than it was")), (99, Cell::text("nowhere"))]);
        let mut wanted = some();
        wanted[1] = Cell::text("longer than it was");
        assert_eq!(cells.iter().map(Cell::kept).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_text_that_no_window_could_show_is_cut_between_letters() {
        let cells =
            Cells::from([Cell::text("ß".repeat(LONGEST)), Cell::text(format!("a{}", "ß".repeat(LONGEST))), Cell::text("end")]);
        let lens: Vec<usize> = cells.iter().map(|cell| if let Cell::Text(text) = cell { text.len() } else { 0 }).collect();
        assert_eq!(lens, [LONGEST, LONGEST - 1, 3]);
    }
}
