//! One entry of a CRI log file.

/// What an entry was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// An entry, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When it was written, RFC 3339 with nanoseconds.
    pub time: &'a str,
    /// What it was written to.
    pub stream: Stream,
    /// Whether more of the same line follows.
    pub is_partial: bool,
    /// The text, without a line end.
    pub text: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Takes a line of a log file apart; `None` where it is not of the format (a file damaged by a crash).
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = line.splitn(4, |byte| *byte == b' ');
        let time = std::str::from_utf8(words.next()?).ok()?;
        if !time.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let stream = match words.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        // Tags are separated by colons; the first says whether the line is whole.
        let is_partial = match words.next()?.split(|byte| *byte == b':').next()? {
            b"F" => false,
            b"P" => true,
            _ => return None,
        };
        Some(Self { time, stream, is_partial, text: words.next().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Stream};

    #[test]
    fn an_entry_is_taken_apart_and_a_damaged_one_refused() {
        let whole = Entry::parse(b"2026-01-02T03:04:05.000000006Z stdout F a b").expect("an entry");
        assert_eq!((whole.time, whole.is_partial, whole.text), ("2026-01-02T03:04:05.000000006Z", false, &b"a b"[..]));
        assert_eq!(whole.stream, Stream::Stdout);
        let part = Entry::parse(b"2026-01-02T03:04:05Z stderr P:x ").expect("an entry");
        assert!(part.is_partial && part.text.is_empty() && part.stream == Stream::Stderr);
        for damaged in
            [&b""[..], b"\0\0\0\0", b"hello world", b"2026-01-02T03:04:05Z stdin F x", b"2026-01-02T03:04:05Z stdout X x"]
        {
            assert_eq!(Entry::parse(damaged), None);
        }
    }
}
