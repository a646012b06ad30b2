//! A text in a window: wrapped or not, with roles, matches of a search, and the bar that says where one is.

use super::canvas::Canvas;
use super::syntax::Span;
use crate::console::base::text;
use crate::console::model::lines::{Lines, Place, Wrap};
use crate::console::theme::role::Role;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;

/// Says the roles of a line.
pub type Painted<'a> = &'a dyn Fn(usize, &str, &mut Vec<Span>);

/// Paints the window.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, lines: &impl Lines, place: &Place, painted: Painted<'_>) {
    let (mut line, mut skip) = (place.top, place.top_row);
    let mut spans = Vec::new();
    let mut y = area.y;
    while y < area.bottom() && line < lines.len() {
        let content = lines.line(line);
        let content = &*content;
        painted(line, content, &mut spans);
        if let Some(find) = &place.find {
            let role = if place.found == Some(line) { Role::MatchHere } else { Role::Match };
            let found = find.find_iter(content).filter(|found| !found.is_empty()).take(200);
            spans.extend(found.map(|found| (found.start(), found.end(), role)));
        }
        match place.wrap {
            Wrap::Off => {
                draw_line(canvas, Rect::new(area.x, y, area.width, 1), (content, 0), &spans, place.left);
                y += 1;
            }
            Wrap::On => {
                let mut start = content.len() - text::tail(content, skip * usize::from(area.width)).len();
                loop {
                    let (row, _) = text::head(&content[start..], usize::from(area.width));
                    draw_line(canvas, Rect::new(area.x, y, area.width, 1), (row, start), &spans, 0);
                    y += 1;
                    start += row.len();
                    if start >= content.len() || row.is_empty() || y >= area.bottom() {
                        break;
                    }
                }
                skip = 0;
            }
        }
        line += 1;
    }
}

/// Paints one line from a column on. `content` is the text and the place of its first byte among the spans.
pub fn draw_line(canvas: &mut Canvas<'_>, area: Rect, content: (&str, usize), spans: &[Span], left: usize) {
    let (text, offset) = content;
    let plain = canvas.style(Role::Text);
    let style_at = |canvas: &Canvas<'_>, byte: usize| -> Style {
        // Later spans lie over earlier ones.
        let over = |style: Style, span: &Span| {
            if (span.0..span.1).contains(&byte) { style.patch(canvas.style(span.2)) } else { style }
        };
        spans.iter().fold(plain, over)
    };
    let mut column = 0_usize;
    let (mut style, mut until) = (plain, 0);
    for (at, letter) in text.char_indices() {
        let byte = at + offset;
        if byte >= until {
            style = style_at(canvas, byte);
            let edges = spans.iter().flat_map(|span| [span.0, span.1]).filter(|edge| *edge > byte);
            until = edges.min().unwrap_or(usize::MAX);
        }
        let width = letter.width().unwrap_or(0);
        if column + width > left + usize::from(area.width) {
            break;
        }
        if column >= left {
            let x = area.x + (column - left) as u16;
            let mut bytes = [0; 4];
            if width > 0 {
                canvas.put((x, area.y), letter.encode_utf8(&mut bytes), width as u16, style);
            }
        }
        column += width;
    }
    if left > 0 && !text.is_empty() {
        canvas.text((area.x, area.y), "‹", 1, Role::Faint);
    }
    if text::width(text) > left + usize::from(area.width) && area.width > 0 {
        canvas.text((area.right() - 1, area.y), "›", 1, Role::Faint);
    }
}

/// Where the window is: `top`, `42%`, `end`.
pub fn position(lines: &impl Lines, place: &Place) -> String {
    match () {
        () if lines.len() == 0 => "empty".to_owned(),
        () if place.top == 0 && place.is_at_end(lines) => "all".to_owned(),
        () if place.top == 0 => "top".to_owned(),
        () if place.is_at_end(lines) => "end".to_owned(),
        () => format!("{}%", place.top * 100 / lines.len()),
    }
}
