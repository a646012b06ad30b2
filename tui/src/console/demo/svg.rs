//! Recordings as SVG: one picture, or a film strip that a style sheet moves. No script, no font but the reader's own.

use super::play::{Recording, rgb};
use super::stage::Frame;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::Modifier;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

type Rgb = (u8, u8, u8);

const COLUMN: f64 = 8.4;
const ROW: u16 = 18;
const MARGIN: u16 = 12;
/// Pictures closer together than this are one: nobody sees them apart, and the file is half as large.
const LEAST: Duration = Duration::from_millis(90);

/// The pictures of a recording that are seen, and from when on.
pub fn seen(recording: &Recording) -> Vec<(Duration, &Frame)> {
    let mut seen: Vec<(Duration, &Frame)> = Vec::new();
    for frame in &recording.frames {
        let is_one = seen.len() > 1 && seen.last().is_some_and(|(at, _)| frame.at.saturating_sub(*at) < LEAST);
        match seen.last_mut().filter(|_| is_one) {
            Some((_, last)) => *last = frame,
            None => seen.push((frame.at, frame)),
        }
    }
    seen
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn open(size: (u16, u16), title: &str, background: Rgb) -> String {
    let width = (f64::from(size.0) * COLUMN).ceil() as u16 + 2 * MARGIN;
    let height = size.1 * ROW + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        escape(title),
        hex(background)
    )
}

/// One picture.
pub fn still(picture: &Buffer, title: &str, plain: (Rgb, Rgb)) -> String {
    let size = (picture.area.width, picture.area.height);
    let mut out = open(size, title, plain.1);
    let _ = writeln!(out, "<g {FONT} transform=\"translate({MARGIN} {MARGIN})\">");
    for (at, line) in rows(picture, None, plain).iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">{line}</g>", at as u16 * ROW);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

const FONT: &str = "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\"";

/// All pictures, one below the other, behind a window that goes from one to the next.
pub fn film(recording: &Recording) -> String {
    let (size, plain) = (recording.size, recording.plain);
    let frames = seen(recording);
    let height = size.1 * ROW;
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut strip = String::new();
    for (number, (_, frame)) in frames.iter().enumerate() {
        let _ = write!(strip, "<g transform=\"translate(0 {})\">", number * usize::from(height));
        for (at, line) in rows(&frame.picture, frame.cursor, plain).into_iter().enumerate() {
            if line.is_empty() {
                continue;
            }
            let next = lines.len();
            let id = *lines.entry(line).or_insert(next);
            let _ = write!(strip, "<use href=\"#l{id}\" y=\"{}\"/>", at as u16 * ROW);
        }
        strip.push_str("</g>\n");
    }
    let mut out = open(size, &recording.title, plain.1);
    let length = recording.length.as_secs_f64().max(0.001);
    let _ = write!(out, "<style>#f{{animation:f {length:.3}s step-end infinite}}@keyframes f{{");
    for (number, (at, _)) in frames.iter().enumerate() {
        let percent = at.as_secs_f64() / length * 100.0;
        let _ = write!(out, "{percent:.4}%{{transform:translateY(-{}px)}}", number * usize::from(height));
    }
    out.push_str("}</style>\n<defs>\n");
    let mut by_number: Vec<(&String, &usize)> = lines.iter().collect();
    by_number.sort_by_key(|(_, id)| **id);
    for (line, id) in by_number {
        let _ = writeln!(out, "<g id=\"l{id}\">{line}</g>");
    }
    let width = f64::from(size.0) * COLUMN;
    let _ = writeln!(out, "<clipPath id=\"w\"><rect width=\"{width:.1}\" height=\"{height}\"/></clipPath>\n</defs>");
    let _ = writeln!(
        out,
        "<g {FONT} transform=\"translate({MARGIN} {MARGIN})\"><g clip-path=\"url(#w)\"><g id=\"f\">\n{strip}</g></g></g>\n</svg>"
    );
    out
}

/// The rows of a picture: backgrounds, then text.
fn rows(picture: &Buffer, cursor: Option<Position>, plain: (Rgb, Rgb)) -> Vec<String> {
    let width = usize::from(picture.area.width).max(1);
    let row = |(y, cells): (usize, &[Cell])| {
        let cursor = cursor.filter(|at| usize::from(at.y) == y).map(|at| usize::from(at.x));
        let looks: Vec<Look> = cells.iter().enumerate().map(|(x, cell)| Look::of(cell, cursor == Some(x), plain)).collect();
        let mut out = String::new();
        for (start, end) in runs(&looks, |one, two| one.bg == two.bg) {
            if looks[start].bg != plain.1 {
                let (x, columns) = (start as f64 * COLUMN, (end - start) as f64 * COLUMN);
                let _ =
                    write!(out, "<rect x=\"{x:.1}\" width=\"{columns:.1}\" height=\"{ROW}\" fill=\"{}\"/>", hex(looks[start].bg));
            }
        }
        for (start, end) in runs(&looks, |one, two| one == two) {
            let text: String = cells[start..end].iter().map(Cell::symbol).collect();
            if text.trim().is_empty() && !looks[start].is_underlined {
                continue;
            }
            let leading = text.len() - text.trim_start().len();
            let (x, look) = ((start + leading) as f64 * COLUMN, looks[start]);
            let text = text.trim();
            let length = crate::console::base::text::width(text) as f64 * COLUMN;
            let bold = if look.is_bold { " font-weight=\"bold\"" } else { "" };
            let italic = if look.is_italic { " font-style=\"italic\"" } else { "" };
            let line = if look.is_underlined { " text-decoration=\"underline\"" } else { "" };
            let _ = write!(
                out,
                "<text x=\"{x:.1}\" y=\"14\" textLength=\"{length:.1}\" fill=\"{}\"{bold}{italic}{line}>{}</text>",
                hex(look.fg),
                escape(text)
            );
        }
        out
    };
    picture.content.chunks(width).enumerate().map(row).collect()
}

/// How one cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its letters.
    pub fg: Rgb,
    /// What is behind them.
    pub bg: Rgb,
    is_bold: bool,
    is_italic: bool,
    /// Whether a line is below them.
    pub is_underlined: bool,
}

impl Look {
    /// The look of a cell; the one with the cursor is turned round.
    pub fn of(cell: &Cell, is_cursor: bool, plain: (Rgb, Rgb)) -> Self {
        let (mut fg, mut bg) = (rgb(Some(cell.fg), plain.0), rgb(Some(cell.bg), plain.1));
        if cell.modifier.contains(Modifier::REVERSED) != is_cursor {
            std::mem::swap(&mut fg, &mut bg);
        }
        let has = |modifier| cell.modifier.contains(modifier);
        Self { fg, bg, is_bold: has(Modifier::BOLD), is_italic: has(Modifier::ITALIC), is_underlined: has(Modifier::UNDERLINED) }
    }
}

/// Where neighbours are alike.
fn runs(looks: &[Look], alike: impl Fn(&Look, &Look) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in 0..looks.len() {
        match runs.last_mut() {
            Some((start, end)) if alike(&looks[*start], &looks[at]) => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}
