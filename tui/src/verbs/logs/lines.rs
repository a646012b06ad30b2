//! Cuts a log into whole lines, so that logs printed together never mix within one.

/// A longer line is printed in parts: no log may fill the memory.
const MAX_LINE: usize = 1024 * 1024;

/// One log's lines.
pub(super) struct Lines {
    prefix: Vec<u8>,
    pending: Vec<u8>,
    is_line_begun: bool,
}

impl Lines {
    /// Lines that begin with a prefix.
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix: prefix.into_bytes(), pending: Vec::new(), is_line_begun: false }
    }

    /// What can be printed after more bytes came.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + self.pending.len());
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(part);
            if part.ends_with(b"\n") || self.pending.len() > MAX_LINE {
                self.push_pending(&mut out);
                self.is_line_begun = !part.ends_with(b"\n");
            }
        }
        out
    }

    /// What is left at the end: a line that was never ended.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.pending.is_empty() {
            self.push_pending(&mut out);
        }
        out
    }

    fn push_pending(&mut self, out: &mut Vec<u8>) {
        if !self.is_line_begun {
            out.extend_from_slice(&self.prefix);
        }
        out.append(&mut self.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, MAX_LINE};

    #[test]
    fn only_whole_lines_are_printed_until_the_end() {
        let mut lines = Lines::new("[a] ".to_owned());
        assert_eq!(lines.take(b"one\ntw"), b"[a] one\n");
        assert_eq!(lines.take(b"o\n\n"), b"[a] two\n[a] \n");
        assert_eq!(lines.take(b"end"), b"");
        assert_eq!(lines.rest(), b"[a] end");
        assert_eq!(lines.rest(), b"");
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut lines = Lines::new("> ".to_owned());
        let first = lines.take(&vec![b'x'; MAX_LINE + 1]);
        assert_eq!(first.len(), MAX_LINE + 3);
        assert_eq!(lines.take(b"y\nz\n"), b"y\n> z\n");
    }
}
