//! How many lines a log had in which second, and how many of them told of an error.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// The most seconds that are kept, the newest of them.
const MAX_SECONDS: usize = 50_000;

/// Lines by second.
#[derive(Debug, Default)]
pub struct Bursts {
    by_second: BTreeMap<i64, (u32, u32)>,
    unfinished: Vec<u8>,
    /// The time of the newest line, as the daemon wrote it.
    pub newest: Option<String>,
    known_until: Option<String>,
}

impl Bursts {
    /// What comes next begins at the newest line known, which is not counted twice.
    pub fn resume(&mut self) {
        self.unfinished.clear();
        self.known_until.clone_from(&self.newest);
    }

    /// Counts lines; each begins with its time and a space. Of a line, only its beginning is looked at.
    pub fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = 400_usize.saturating_sub(self.unfinished.len());
            self.unfinished.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.unfinished);
                self.count(&String::from_utf8_lossy(&line));
            }
        }
    }

    fn count(&mut self, line: &str) {
        let Some((time, text)) = line.split_once(' ') else { return };
        let Ok(at) = time.parse::<Timestamp>() else { return };
        if self.known_until.as_deref().is_some_and(|known| time <= known) {
            return;
        }
        let (lines, errors) = self.by_second.entry(at.as_second()).or_default();
        *lines += 1;
        *errors += u32::from(is_error(text));
        self.newest = Some(time.to_owned());
        while self.by_second.len() > MAX_SECONDS {
            self.by_second.pop_first();
        }
    }

    /// How many lines are known.
    pub fn lines(&self) -> usize {
        self.by_second.values().map(|(lines, _)| *lines as usize).sum()
    }

    /// Lines and errors in so many equal parts of a time.
    pub fn cells(&self, from: Timestamp, until: Timestamp, count: usize) -> Vec<(u32, u32)> {
        let mut cells = vec![(0, 0); count];
        let whole = until.duration_since(from).as_secs().max(1);
        for (second, (lines, errors)) in self.by_second.range(from.as_second()..=until.as_second()) {
            let at = ((second - from.as_second()).max(0) as usize * count / whole as usize).min(count.saturating_sub(1));
            if let Some(cell) = cells.get_mut(at) {
                cell.0 += lines;
                cell.1 += errors;
            }
        }
        cells
    }
}

/// Whether a line tells of an error, as far as its first words say.
fn is_error(text: &str) -> bool {
    const WORDS: [&str; 7] = ["ERROR", "FATAL", "PANIC", "panic:", "[error]", "\"level\":\"error\"", "level=error"];
    WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::Bursts;
    use jiff::Timestamp;

    #[test]
    fn lines_are_counted_once_in_their_second() {
        let mut bursts = Bursts::default();
        bursts.take(b"2026-01-01T00:00:00.000000001Z a\n2026-01-01T00:00:00.5Z ERROR b\n2026-01-01T00:0");
        bursts.take(b"0:09Z c\nno time\n");
        bursts.resume();
        bursts.take(b"2026-01-01T00:00:09Z c\n2026-01-01T00:00:10Z d\n");
        let from: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let until: Timestamp = "2026-01-01T00:00:20Z".parse().expect("a time");
        assert_eq!(bursts.cells(from, until, 2), [(3, 1), (1, 0)]);
        assert_eq!(bursts.lines(), 4);
        assert!(bursts.cells(from, until, 0).is_empty());
    }
}
