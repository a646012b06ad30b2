//! The lines of a log as they come: times apart from texts, the oldest leave when there are too many.

use super::lines::Lines;
use crate::console::base::text;
use std::collections::VecDeque;

/// The most bytes of text that are kept.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most lines that are kept.
const MAX_LINES: usize = 200_000;
/// A line longer than this is cut; the log itself keeps it.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// With its time and a space before it.
    text: Box<str>,
    /// Where the text begins after the time.
    start: u32,
}

/// What is known of one log.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<Line>,
    bytes: usize,
    unfinished: Vec<u8>,
    /// Lines that left since the log was opened.
    pub left: usize,
    /// Whether times are shown.
    pub shows_times: bool,
    /// The time of the newest line as the daemon wrote it, to go on from after an interruption.
    pub newest: Option<String>,
    /// Lines up to this time are known already and left out: the daemon sends whole seconds again.
    known_until: Option<String>,
}

impl Log {
    /// Takes bytes over; every line begins with a time and a space. Says how many lines left at the front.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let before = self.left;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if let Some(end) = piece.strip_suffix(b"\n") {
                self.keep(end);
                let line = std::mem::take(&mut self.unfinished);
                self.push(&String::from_utf8_lossy(&line));
            } else {
                self.keep(piece);
            }
        }
        self.left - before
    }

    /// Takes the last line over though its end never came.
    pub fn finish(&mut self) {
        if !self.unfinished.is_empty() {
            let line = std::mem::take(&mut self.unfinished);
            self.push(&String::from_utf8_lossy(&line));
        }
    }

    /// Prepares for the same log from [`Log::newest`] on.
    pub fn resume(&mut self) {
        self.unfinished.clear();
        self.known_until = self.newest.clone();
    }

    /// The first line that was written at a time or later, given as the daemon writes it.
    pub fn first_at(&self, time: &str) -> Option<usize> {
        let at = self.lines.partition_point(|line| &line.text[..line.start as usize] < time);
        (at < self.lines.len()).then_some(at)
    }

    /// The whole log as text, with or without times as it is shown.
    pub fn to_text(&self) -> String {
        (0..self.len()).flat_map(|at| [self.line(at), "\n"]).collect()
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.unfinished.len());
        self.unfinished.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn push(&mut self, line: &str) {
        let time = line.split(' ').next().filter(|word| is_time(word));
        if let Some(time) = time {
            // Times have the same digits and zone, so they compare as texts.
            if self.known_until.as_deref().is_some_and(|known| time <= known) {
                return;
            }
            self.newest = Some(time.to_owned());
        }
        let start = time.map_or(0, |time| (time.len() + 1).min(line.len()));
        let mut kept = String::with_capacity(line.len());
        kept.push_str(&line[..start]);
        kept.push_str(&text::clean(&line[start..]));
        self.bytes += kept.len();
        self.lines.push_back(Line { text: kept.into(), start: start as u32 });
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.text.len();
            self.left += 1;
        }
    }
}

impl Lines for Log {
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn line(&self, at: usize) -> &str {
        let Some(line) = self.lines.get(at) else { return "" };
        if self.shows_times { &line.text } else { &line.text[line.start as usize..] }
    }
}

fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && (word.ends_with('Z') || bytes[bytes.len() - 6] == b'+')
}

#[cfg(test)]
mod tests {
    use super::{Log, MAX_LINES};
    use crate::console::model::lines::Lines;

    #[test]
    fn lines_come_in_any_pieces_and_lose_their_colours() {
        let whole = "2026-01-01T00:00:00.000000001Z \u{1b}[32mhello\u{1b}[0m\n2026-01-01T00:00:00.000000002Z wörld\n".as_bytes();
        for cut in 0..whole.len() {
            let mut log = Log::default();
            log.take(&whole[..cut]);
            log.take(&whole[cut..]);
            assert_eq!((log.len(), log.line(0), log.line(1), log.line(2)), (2, "hello", "wörld", ""), "cut at {cut}");
            assert_eq!(log.newest.as_deref(), Some("2026-01-01T00:00:00.000000002Z"));
        }
    }

    #[test]
    fn lines_known_before_an_interruption_are_not_shown_twice() {
        let mut log = Log::default();
        log.take(b"2026-01-01T00:00:00.000000001Z a\n2026-01-01T00:00:00.000000005Z b\n2026-01-01T00:00:01.0");
        log.resume();
        log.take(b"2026-01-01T00:00:00.000000005Z b\n2026-01-01T00:00:00.000000006Z c\n");
        assert_eq!((log.len(), log.line(2)), (3, "c"));
        log.shows_times = true;
        assert_eq!(log.line(0), "2026-01-01T00:00:00.000000001Z a");
        assert!(log.to_text().ends_with("6Z c\n"));
    }

    #[test]
    fn the_oldest_lines_leave_when_there_are_too_many() {
        let mut log = Log::default();
        let left = log.take("x\n".repeat(MAX_LINES + 3).as_bytes());
        assert_eq!((left, log.len()), (3, MAX_LINES));
        log.take(b"end without a break");
        log.finish();
        assert_eq!(log.line(log.len() - 1), "end without a break");
    }
}
