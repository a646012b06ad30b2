//! Cuts a stream into lines, and keeps the one that is not finished.

use std::io::{self, IoSlice};

use super::ContainerLog;
use super::PIECES;
use super::time::{LENGTH, rfc3339};

/// The longest text of a line, in bytes; a longer one is written in parts.
pub const LINE_LIMIT: usize = 16 << 10;
/// Time, blank, `stdout`, blank, tag, blank.
const PREFIX: usize = LENGTH + 10;

/// Which of a container's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A stream on its way into a log.
#[derive(Debug)]
pub struct Lines {
    name: StreamName,
    /// The start of a line whose end was not read yet, at most [`LINE_LIMIT`] bytes.
    pub(super) rest: Vec<u8>,
}

/// The beginning of lines: whole ones and parts.
struct Prefixes {
    full: [u8; PREFIX],
    part: [u8; PREFIX],
}

/// Texts of lines: what was kept before, what was just read.
pub(super) struct Pieces<'p> {
    prefixes: Prefixes,
    kept: &'p [u8],
    bytes: &'p [u8],
    /// Whether what has no end is written too.
    is_last: bool,
}

impl Lines {
    /// A stream that has just begun.
    pub fn new(name: StreamName) -> Lines {
        Lines { name, rest: Vec::new() }
    }

    pub(super) fn pieces<'p>(&'p self, bytes: &'p [u8], now: u64) -> Pieces<'p> {
        Pieces { prefixes: self.prefixes(now), kept: &self.rest, bytes, is_last: false }
    }

    pub(super) fn last_piece(&self, now: u64) -> Pieces<'_> {
        Pieces { prefixes: self.prefixes(now), kept: &self.rest, bytes: &[], is_last: true }
    }

    /// Remembers what was not written of `bytes`.
    pub(super) fn keep_rest(&mut self, bytes: &[u8]) {
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let start = end + 1 + parts_of(bytes.len() - end - 1);
                // Memory is held by those streams only that have half a line.
                self.rest = bytes[start..].to_vec();
            }
            None => {
                self.rest.extend_from_slice(bytes);
                let written = parts_of(self.rest.len());
                self.rest.drain(..written);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.rest = Vec::new();
    }

    fn prefixes(&self, now: u64) -> Prefixes {
        let mut full = [b' '; PREFIX];
        full[..LENGTH].copy_from_slice(&rfc3339(now));
        full[LENGTH + 1..PREFIX - 3].copy_from_slice(match self.name {
            StreamName::Stdout => b"stdout",
            StreamName::Stderr => b"stderr",
        });
        full[PREFIX - 2] = b'F';
        let mut part = full;
        part[PREFIX - 2] = b'P';
        Prefixes { full, part }
    }
}

/// How much of an unfinished line of this length is written in parts already: all but its last [`LINE_LIMIT`] bytes or less.
fn parts_of(length: usize) -> usize {
    length.saturating_sub(1) / LINE_LIMIT * LINE_LIMIT
}

/// Lines that are written with one call.
#[derive(Default)]
struct Batch<'b> {
    pieces: Vec<IoSlice<'b>>,
    length: usize,
}

impl<'b> Batch<'b> {
    /// Adds the pieces of a line; what was there is written first if the line would make it too long for one call or for
    /// the file.
    fn add(&mut self, log: &mut ContainerLog, line: [&'b [u8]; 4]) -> io::Result<()> {
        let length: usize = line.iter().map(|piece| piece.len()).sum();
        let mut result = Ok(());
        if self.pieces.len() + line.len() > PIECES || !log.has_room(self.length + length) {
            result = self.write(log);
        }
        self.pieces.extend(line.iter().filter(|piece| !piece.is_empty()).map(|piece| IoSlice::new(piece)));
        self.length += length;
        result
    }

    fn write(&mut self, log: &mut ContainerLog) -> io::Result<()> {
        let result = log.append(&self.pieces, self.length);
        self.pieces.clear();
        self.length = 0;
        result
    }
}

impl<'p> Pieces<'p> {
    /// Writes all lines, in as few calls as the kernel and the file allow. An error does not keep it from the rest.
    pub(super) fn write_to(&self, log: &mut ContainerLog) -> io::Result<()> {
        let mut batch = Batch::default();
        let mut result = Ok(());
        let mut kept = self.kept;
        for text in self.bytes.split_inclusive(|byte| *byte == b'\n') {
            // Only the first text continues what was kept.
            let before = std::mem::take(&mut kept);
            result = result.and(self.line(log, &mut batch, before, text));
        }
        if self.is_last && !kept.is_empty() {
            result = result.and(batch.add(log, [&self.prefixes.part, kept, b"\n", b""]));
        }
        result.and(batch.write(log))
    }

    /// One line: parts as long as it is too long, then its end if it has one.
    fn line<'s>(&'s self, log: &mut ContainerLog, batch: &mut Batch<'s>, kept: &'s [u8], text: &'s [u8]) -> io::Result<()>
    where
        'p: 's,
    {
        let (mut kept, mut text) = (kept, text);
        let mut result = Ok(());
        let has_end = text.ends_with(b"\n");
        let mut left = kept.len() + text.len() - usize::from(has_end);
        while left > LINE_LIMIT {
            let from_text = LINE_LIMIT - kept.len();
            result = result.and(batch.add(log, [&self.prefixes.part, kept, &text[..from_text], b"\n"]));
            (kept, text) = (&[], &text[from_text..]);
            left -= LINE_LIMIT;
        }
        if has_end {
            result = result.and(batch.add(log, [&self.prefixes.full, kept, text, b""]));
        }
        result
    }
}
