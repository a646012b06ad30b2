//! The bitmap font of the recordings: Spleen 8x16, a file in the format of the Linux console (`psfu`, PSF version 1).
//!
//! It is read here and not by the crate that brings it, which takes the two bytes after the magic in the wrong order, and so cuts the
//! file into glyphs of three rows.

use spleen_font::FONT_8X16;
use std::collections::HashMap;

/// Pixels of a glyph.
pub const WIDTH: usize = 8;
/// Rows of a glyph.
pub const HEIGHT: usize = 16;

/// Magic, mode, rows of a glyph.
const HEADER: usize = 4;
const MAGIC: [u8; 2] = [0x36, 0x04];
/// Bits of the mode: 512 glyphs and not 256; a table of letters follows the glyphs.
const MODE_512: u8 = 1;
const MODE_HAS_TABLE: u8 = 2;
/// In the table: what follows are sequences of letters, and the end of a glyph's letters.
const SEQUENCES: u16 = 0xfffe;
const END: u16 = 0xffff;

/// The glyphs by letter, a byte a row, the pixel on the left in the highest bit.
pub struct Font(HashMap<char, [u8; HEIGHT]>);

impl Font {
    /// The font, or one without letters where its file is not what it should be.
    pub fn new() -> Self {
        Self(parse(FONT_8X16).unwrap_or_default())
    }

    /// The glyph of a letter.
    pub fn glyph(&self, letter: char) -> Option<[u8; HEIGHT]> {
        self.0.get(&letter).copied()
    }
}

fn parse(file: &[u8]) -> Option<HashMap<char, [u8; HEIGHT]>> {
    let (mode, rows) = (*file.get(2)?, *file.get(3)?);
    if file[..2] != MAGIC || usize::from(rows) != HEIGHT || mode & MODE_HAS_TABLE == 0 {
        return None;
    }
    let count = if mode & MODE_512 != 0 { 512 } else { 256 };
    let (glyphs, table) = file.get(HEADER..)?.split_at_checked(count * HEIGHT)?;
    let mut glyphs = glyphs.chunks_exact(HEIGHT);
    let mut glyph = glyphs.next();
    let mut letters = HashMap::new();
    let mut is_letter = true;
    for word in table.chunks_exact(2).map(|word| u16::from_le_bytes([word[0], word[1]])) {
        match word {
            END => (glyph, is_letter) = (glyphs.next(), true),
            SEQUENCES => is_letter = false,
            word => {
                if let (true, Some(rows), Some(letter)) = (is_letter, glyph, char::from_u32(u32::from(word))) {
                    letters.insert(letter, rows.try_into().ok()?);
                }
            }
        }
    }
    Some(letters)
}

#[cfg(test)]
mod tests {
    use super::{Font, parse};

    #[test]
    fn letters_are_whole_and_what_is_no_font_has_none() {
        let font = Font::new();
        let rows = |letter: char| font.glyph(letter).map_or(0, |rows| rows.iter().filter(|row| **row != 0).count());
        for letter in 'A'..='Z' {
            assert!(rows(letter) >= 9, "{letter}: {} rows", rows(letter));
        }
        // It reaches below the line.
        assert!(font.glyph('g').is_some_and(|rows| rows[12..].iter().any(|row| *row != 0)));
        assert_ne!(font.glyph('n'), font.glyph('m'));
        assert!(rows('─') > 0 && font.glyph('日').is_none());
        for file in [&b""[..], b"\x36\x04", b"\x36\x04\x03\x10", b"\x72\xb5\x4a\x86"] {
            assert!(parse(file).is_none(), "{file:?}");
        }
    }
}
