//! Where the last lines of a file begin, found by reading it backwards.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const BLOCK_BYTES: u64 = 64 * 1024;

/// What a backwards search found.
#[derive(Debug, PartialEq, Eq)]
pub enum Tail {
    /// The wanted lines begin at this offset.
    At(u64),
    /// The file has only so many lines; the rest is in an older one.
    Short(u64),
}

/// Finds where the last `lines` lines of the first `end` bytes of a file begin. An unfinished last line counts as one.
pub fn find(file: &File, end: u64, lines: u64) -> io::Result<Tail> {
    if lines == 0 {
        return Ok(Tail::At(end));
    }
    let mut found = 0;
    let mut position = end;
    let mut block = Vec::new();
    while position > 0 {
        let start = position.saturating_sub(BLOCK_BYTES);
        block.resize(usize::try_from(position - start).map_err(io::Error::other)?, 0);
        file.read_exact_at(&mut block, start)?;
        for (index, byte) in block.iter().enumerate().rev() {
            let after = start + index as u64 + 1;
            // The line end that closes the file's last line begins no line.
            if *byte == b'\n' && after != end {
                found += 1;
                if found == lines {
                    return Ok(Tail::At(after));
                }
            }
        }
        position = start;
    }
    let first = u64::from(end > 0);
    match found + first {
        all if all >= lines => Ok(Tail::At(0)),
        fewer => Ok(Tail::Short(fewer)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tail, find};
    use std::io::Write as _;

    fn check(text: &str, lines: u64, expected: &Tail) {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("it can be written");
        assert_eq!(find(&file, text.len() as u64, lines).expect("it can be read"), *expected, "{lines} of {text:?}");
    }

    #[test]
    fn the_last_lines_are_found() {
        check("a\nb\nc\n", 1, &Tail::At(4));
        check("a\nb\nc\n", 2, &Tail::At(2));
        check("a\nb\nc\n", 3, &Tail::At(0));
        check("a\nb\nc\n", 4, &Tail::Short(3));
        check("a\nb\nc", 1, &Tail::At(4));
        check("a\n", 0, &Tail::At(2));
        check("", 3, &Tail::Short(0));
        check("\n\n", 1, &Tail::At(1));
    }

    #[test]
    fn lines_longer_than_a_block_are_found() {
        let long = "x".repeat(200_000);
        check(&format!("{long}\n{long}\n"), 1, &Tail::At(200_001));
    }
}
