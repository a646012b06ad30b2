//! A line of a board: pieces of text with their roles, and where it leads.

use super::Target;
use crate::console::base::text;
use crate::console::term::caps::Depth;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use ratatui::layout::Rect;

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(String, Role)>,
    width: usize,
    /// Where it leads.
    pub target: Option<Target>,
}

impl Line {
    /// A line of one piece.
    pub fn of(role: Role, text: impl Into<String>) -> Self {
        Self::default().put(role, text)
    }

    /// A heading: `── POD ──────`.
    pub fn heading(title: &str, width: u16) -> Self {
        let rest = usize::from(width).saturating_sub(text::width(title) + 6);
        Self::default().put(Role::Faint, "── ").put(Role::Heading, title).put(Role::Faint, format!(" {}", "─".repeat(rest)))
    }

    /// Another piece.
    pub fn put(mut self, role: Role, text: impl Into<String>) -> Self {
        let text = text.into();
        self.width += text::width(&text);
        self.pieces.push((text, role));
        self
    }

    /// A piece that takes so many columns with the blank that parts it from the next one; it is cut where it is longer.
    pub fn cell(self, role: Role, value: &str, columns: usize) -> Self {
        let shown = cut(value, columns.saturating_sub(1));
        let fill = columns.saturating_sub(text::width(&shown));
        // The blanks are nobody's: an underlined word ends where it ends.
        let line = self.put(role, shown);
        if fill == 0 { line } else { line.put(Role::Text, " ".repeat(fill)) }
    }

    /// Blanks up to a column.
    pub fn pad(self, column: usize) -> Self {
        let fill = column.saturating_sub(self.width);
        if fill == 0 { self } else { self.put(Role::Text, " ".repeat(fill)) }
    }

    /// Where it leads.
    pub fn to(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// How many columns it takes.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The text alone.
    pub fn text(&self) -> String {
        let text: String = self.pieces.iter().map(|(text, _)| text.as_str()).collect();
        text.trim_end().to_owned()
    }

    /// Another line's pieces behind this one's.
    pub fn join(mut self, other: Self) -> Self {
        self.width += other.width;
        self.pieces.extend(other.pieces);
        self.target = self.target.or(other.target);
        self
    }

    /// Paints it; the first column is the cursor's.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let mut x = area.x + 1;
        for (text, role) in &self.pieces {
            let room = area.right().saturating_sub(x);
            if room == 0 {
                break;
            }
            x = canvas.text((x, area.y), text, room, *role);
        }
    }
}

/// Shows that the cursor is on a row that is painted already. States keep their colour where there are enough colours.
pub fn highlight(canvas: &mut Canvas<'_>, row: Rect) {
    let keeps = matches!(canvas.theme.depth(), Depth::True | Depth::Indexed);
    let mut style = canvas.style(Role::Selected);
    if keeps {
        style.fg = None;
    }
    canvas.buffer.set_style(row, style);
    canvas.text((row.x, row.y), "▌", 1, Role::Cursor);
}

/// A text cut to so many columns, with `…` where it is cut.
pub fn cut(value: &str, columns: usize) -> String {
    if text::width(value) <= columns {
        return value.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    format!("{}…", text::head(value, columns - 1).0)
}

/// Two columns of lines, the second one from a column on. A line leads where its left part leads, or else its right one.
pub fn beside(left: Vec<Line>, right: Vec<Line>, column: usize) -> Vec<Line> {
    let count = left.len().max(right.len());
    let mut left = left.into_iter();
    let mut right = right.into_iter();
    (0..count).map(|_| left.next().unwrap_or_default().pad(column).join(right.next().unwrap_or_default())).collect()
}

/// A bar of so many columns: `██████▌░░░░`.
pub fn bar(share: f64, columns: usize) -> (String, String) {
    let eighths = (share.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    let (full, rest) = (eighths / 8, eighths % 8);
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][rest];
    let filled = format!("{}{part}", "█".repeat(full));
    let left = columns - full - usize::from(rest > 0);
    (filled, "░".repeat(left))
}

/// How full something is, as a role: it should be looked at from three quarters on.
pub fn fullness(share: f64) -> Role {
    match share {
        share if share >= 0.9 => Role::Bad,
        share if share >= 0.75 => Role::Warn,
        _ => Role::Ok,
    }
}

/// One letter a number, the highest one the greatest of them: `▁▂▃█`. Zero is a dot on the ground.
pub fn sparkline(numbers: &[u32]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let level = |number: u32| match number {
        0 => '·',
        number => LEVELS[((u64::from(number) * 8).div_ceil(u64::from(most)) as usize).clamp(1, 8) - 1],
    };
    numbers.iter().map(|number| level(*number)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Line, bar, beside, cut, sparkline};
    use crate::console::theme::role::Role;

    #[test]
    fn bars_and_sparklines_have_the_length_they_were_given() {
        for share in [-1.0, 0.0, 0.01, 0.5, 0.99, 1.0, 7.0] {
            let (full, rest) = bar(share, 10);
            assert_eq!(full.chars().count() + rest.chars().count(), 10, "{share}");
        }
        assert_eq!(sparkline(&[0, 1, 4, 8]), "·▁▄█");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[u32::MAX]), "█");
    }

    #[test]
    fn columns_stand_beside_each_other_whatever_their_lengths() {
        let line = |text: &str| Line::of(Role::Text, text);
        let both = beside(vec![line("a"), line("bb")], vec![line("x"), line("y"), line("z")], 4);
        assert_eq!(both.iter().map(Line::text).collect::<Vec<_>>(), ["a   x", "bb  y", "    z"]);
        assert_eq!(cut("küche", 3), "kü…");
    }
}
