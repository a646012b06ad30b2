//! Recordings as GIF: each picture drawn with a bitmap font, of which only what changed is kept.

use super::font::{Font, HEIGHT, WIDTH};
use super::play::Recording;
use super::svg::{Look, seen};
use crate::console::theme::glyph;
use anyhow::{Context, anyhow};
use gif::{DisposalMethod, Encoder, Frame, Repeat};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

type Rgb = (u8, u8, u8);

/// The file.
///
/// # Errors
/// Where the picture is too large for a GIF.
pub fn gif(recording: &Recording) -> anyhow::Result<Vec<u8>> {
    let frames = seen(recording);
    let colors = colors(recording);
    let mut palette = Vec::new();
    let mut index: HashMap<Rgb, u8> = HashMap::new();
    for color in colors.iter().take(256) {
        index.insert(*color, (palette.len() / 3) as u8);
        palette.extend([color.0, color.1, color.2]);
    }
    let (columns, rows) = (usize::from(recording.size.0), usize::from(recording.size.1));
    let too_large = || anyhow!("{columns}x{rows} cells are too many for a GIF");
    let width = u16::try_from(columns * WIDTH).map_err(|_| too_large())?;
    let height = u16::try_from(rows * HEIGHT).map_err(|_| too_large())?;
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height, &palette).context("cannot begin the GIF")?;
    encoder.set_repeat(Repeat::Infinite).context("cannot write the GIF")?;
    let mut painted = vec![0_u8; columns * WIDTH * rows * HEIGHT];
    let mut is_first = true;
    let font = Font::new();
    for (number, (at, frame)) in frames.iter().enumerate() {
        let next = draw(&font, &frame.picture, frame.cursor, (recording.plain, &index));
        let until = frames.get(number + 1).map_or(recording.length, |(at, _)| *at);
        let (top, bottom) = if is_first { (0, rows * HEIGHT) } else { changed(&painted, &next, columns * WIDTH) };
        let line = columns * WIDTH;
        let picture = Frame {
            delay: hundredths(until) - hundredths(*at),
            dispose: DisposalMethod::Keep,
            top: top as u16,
            width,
            height: (bottom - top) as u16,
            buffer: Cow::Borrowed(&next[top * line..bottom * line]),
            ..Frame::default()
        };
        encoder.write_frame(&picture).context("cannot write the GIF")?;
        (painted, is_first) = (next, false);
    }
    drop(encoder);
    Ok(out)
}

fn hundredths(time: Duration) -> u16 {
    (time.as_millis() / 10).min(65_535) as u16
}

/// All colours in their order, those of plain text first.
fn colors(recording: &Recording) -> Vec<Rgb> {
    let mut seen_colors = BTreeSet::new();
    for (_, frame) in seen(recording) {
        for cell in &frame.picture.content {
            let look = Look::of(cell, false, recording.plain);
            seen_colors.extend([look.fg, look.bg]);
        }
    }
    let plain = [recording.plain.1, recording.plain.0];
    plain.into_iter().chain(seen_colors.into_iter().filter(|color| !plain.contains(color))).collect()
}

/// The lines of pixels that differ; one where none do.
fn changed(one: &[u8], two: &[u8], line: usize) -> (usize, usize) {
    let differs = |(one, two): (&[u8], &[u8])| one != two;
    let pairs = || one.chunks(line).zip(two.chunks(line));
    let first = pairs().position(differs).unwrap_or(0);
    let last = one.chunks(line).zip(two.chunks(line)).rposition(differs).unwrap_or(first);
    (first, last + 1)
}

fn draw(font: &Font, picture: &Buffer, cursor: Option<Position>, (plain, index): ((Rgb, Rgb), &HashMap<Rgb, u8>)) -> Vec<u8> {
    let columns = usize::from(picture.area.width);
    let mut pixels = vec![0; columns * WIDTH * usize::from(picture.area.height) * HEIGHT];
    for (at, cell) in picture.content.iter().enumerate() {
        let (x, y) = (at % columns, at / columns);
        let is_cursor = cursor.is_some_and(|cursor| (usize::from(cursor.x), usize::from(cursor.y)) == (x, y));
        let look = Look::of(cell, is_cursor, plain);
        let of = |color: Rgb| index.get(&color).copied().unwrap_or(0);
        let (fg, bg) = (of(look.fg), of(look.bg));
        let bits = bits(font, cell);
        for (row, bits) in bits.iter().enumerate() {
            let bits = if look.is_underlined && row == HEIGHT - 2 { 0xff } else { *bits };
            let start = (y * HEIGHT + row) * columns * WIDTH + x * WIDTH;
            for bit in 0..WIDTH {
                pixels[start + bit] = if bits & (0x80 >> bit) != 0 { fg } else { bg };
            }
        }
    }
    pixels
}

/// Signs of states and lines that the font may lack, as shapes.
fn shape(symbol: &str) -> Option<[u8; HEIGHT]> {
    let mut bits = [0; HEIGHT];
    match symbol {
        "●" => bits[5..11].copy_from_slice(&[0x3c, 0x7e, 0x7e, 0x7e, 0x7e, 0x3c]),
        "○" => bits[5..11].copy_from_slice(&[0x3c, 0x42, 0x42, 0x42, 0x42, 0x3c]),
        "◐" => bits[5..11].copy_from_slice(&[0x3c, 0x72, 0x72, 0x72, 0x72, 0x3c]),
        "▲" => bits[5..11].copy_from_slice(&[0x10, 0x38, 0x38, 0x7c, 0x7c, 0xfe]),
        "✕" => bits[4..12].copy_from_slice(&[0x82, 0x44, 0x28, 0x10, 0x10, 0x28, 0x44, 0x82]),
        "◢" => (4..14).for_each(|row| bits[row] = ((1_u16 << (row - 3).min(8)) - 1) as u8),
        "▌" => bits.fill(0xf0),
        "█" => bits.fill(0xff),
        "·" => bits[7..9].copy_from_slice(&[0x18, 0x18]),
        "…" => bits[11..13].copy_from_slice(&[0x92, 0x92]),
        _ => return None,
    }
    Some(bits)
}

fn bits(font: &Font, cell: &Cell) -> [u8; HEIGHT] {
    let symbol = cell.symbol();
    if symbol.trim().is_empty() {
        return [0; HEIGHT];
    }
    if let Some(bits) = shape(symbol) {
        return bits;
    }
    let letter = |symbol: &str| symbol.chars().next().and_then(|letter| font.glyph(letter));
    letter(symbol).or_else(|| letter(glyph::ascii(symbol))).unwrap_or([0; HEIGHT])
}
