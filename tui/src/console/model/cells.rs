//! The cells of a row in one piece of memory: a list has a dozen and more for each of its rows, most of them a few letters.

use super::row::Cell;
use jiff::Timestamp;

/// The cells of a row: how many there are, a head for each, and then what is in them, one after the other. A head is one byte: what the
/// cell is, and how many bytes it takes, or [`LONG`], where that stands at its beginning.
#[derive(Clone, PartialEq, Default)]
pub struct Cells(Box<[u8]>);

const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const AGE: u8 = 2;
const RESTARTS: u8 = 3;
/// The bits of a head that say what the cell is stand above those of its length.
const LEN_BITS: u32 = 6;
/// As the length of a cell: it is at least this, and stands in the four bytes before it.
const LONG: u8 = (1 << LEN_BITS) - 1;

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.first().map_or(0, |len| usize::from(*len))
    }

    /// One of them.
    pub fn get(&self, at: usize) -> Option<Cell<&str>> {
        let (heads, mut rest) = self.0.get(1..)?.split_at_checked(self.len())?;
        for head in heads.get(..at)? {
            rest = taken(*head, rest)?.1;
        }
        let head = *heads.get(at)?;
        read(head >> LEN_BITS, taken(head, rest)?.0)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Cell<&str>> {
        let (heads, mut rest) = self.0.get(1..).and_then(|all| all.split_at_checked(self.len())).unwrap_or_default();
        heads.iter().map_while(move |head| {
            let (cell, after) = taken(*head, rest)?;
            rest = after;
            read(head >> LEN_BITS, cell)
        })
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
}

/// The bytes of the cell with that head, and those after it.
fn taken(head: u8, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = head & LONG;
    if len < LONG {
        return rest.split_at_checked(usize::from(len));
    }
    let (len, rest) = rest.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: AsRef<str>> FromIterator<Cell<T>> for Cells {
    /// No list has as many as 255 columns; those after them would be left out.
    fn from_iter<I: IntoIterator<Item = Cell<T>>>(cells: I) -> Self {
        // Both stay small, and what is kept is made in one go and has no room to give back.
        let (mut heads, mut bytes) = ([0; 1 + u8::MAX as usize], Vec::with_capacity(256));
        let mut count = 0;
        for cell in cells.into_iter().take(heads.len() - 1) {
            let start = bytes.len();
            let kind = write(&mut bytes, &cell);
            let len = bytes.len() - start;
            let short = u8::try_from(len).ok().filter(|len| *len < LONG);
            if short.is_none() {
                // No object that a daemon keeps is as long as 4 GiB.
                let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
                bytes.splice(start..start, len);
            }
            count += 1;
            heads[count] = kind << LEN_BITS | short.unwrap_or(LONG);
        }
        heads[0] = count as u8;
        Self([&heads[..=count], &bytes].concat().into())
    }
}

impl<const N: usize> From<[Cell; N]> for Cells {
    fn from(cells: [Cell; N]) -> Self {
        cells.into_iter().collect()
    }
}

/// Writes what is in a cell; what kind of cell it is.
fn write<T: AsRef<str>>(bytes: &mut Vec<u8>, cell: &Cell<T>) -> u8 {
    let at = |then: &Option<Timestamp>, bytes: &mut Vec<u8>| {
        bytes.extend(then.iter().flat_map(|then| then.as_microsecond().to_le_bytes()));
    };
    match cell {
        Cell::Text(text) => {
            bytes.extend_from_slice(text.as_ref().as_bytes());
            TEXT
        }
        Cell::Number(number, text) => {
            // Whole and round numbers end in zeros.
            let number = number.to_be_bytes();
            let len = number.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.push(len as u8);
            bytes.extend_from_slice(&number[..len]);
            bytes.extend_from_slice(text.as_ref().as_bytes());
            NUMBER
        }
        Cell::Age(then) => {
            at(then, bytes);
            AGE
        }
        Cell::Restarts(count, then) => {
            bytes.extend_from_slice(&count.to_le_bytes());
            at(then, bytes);
            RESTARTS
        }
    }
}

fn read(kind: u8, bytes: &[u8]) -> Option<Cell<&str>> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let time = |bytes: &[u8]| Timestamp::from_microsecond(i64::from_le_bytes(bytes.try_into().ok()?)).ok();
    Some(match kind {
        TEXT => Cell::Text(text(bytes)?),
        NUMBER => {
            let (len, rest) = bytes.split_first()?;
            let (first, rest) = rest.split_at_checked(usize::from(*len))?;
            let mut number = [0; 8];
            number.get_mut(..first.len())?.copy_from_slice(first);
            Cell::Number(f64::from_be_bytes(number), text(rest)?)
        }
        AGE => Cell::Age(time(bytes)),
        _ => {
            let (count, rest) = bytes.split_first_chunk()?;
            Cell::Restarts(i64::from_le_bytes(*count), time(rest))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Cells, LONG};
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
    fn texts_of_every_length_and_numbers_of_every_kind_are_read_again() {
        let long = usize::from(LONG);
        let texts = [0, 1, long - 1, long, long + 1, 255, 256, 70_000].map(|len| "x".repeat(len));
        let numbers = [0.0, -0.0, 1.0, -1.0, 0.05, 1e300, f64::MIN_POSITIVE, f64::INFINITY, 33_554_432.0];
        let texts = texts.into_iter().map(Cell::text);
        let wanted: Vec<Cell> = texts.chain(numbers.map(|number| Cell::Number(number, number.to_string().into()))).collect();
        let cells: Cells = wanted.clone().into_iter().collect();
        assert_eq!(cells.iter().map(Cell::kept).collect::<Vec<_>>(), wanted);
        assert_eq!((0..wanted.len()).filter_map(|at| cells.get(at)).map(Cell::kept).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn no_more_are_kept_than_can_be_counted_and_a_piece_is_no_panic() {
        let cells: Cells = (0..300).map(|at| Cell::text(at.to_string())).collect();
        assert_eq!((cells.len(), cells.get(254), cells.get(255)), (255, Some(Cell::Text("254")), None));
        for len in 0..cells.0.len() {
            let piece = Cells(cells.0[..len].into());
            assert!(piece.iter().count() < 255 && piece.get(254).is_none());
        }
    }
}
