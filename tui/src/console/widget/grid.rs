//! A list with columns: gives each its room, and paints only the rows in the window.

use super::canvas::Canvas;
use crate::console::base::text;
use crate::console::model::columns::Side;
use crate::console::model::row::Label;
use crate::console::term::caps::Depth;
use crate::console::theme::role::Role;
use ratatui::layout::Rect;

/// A column that wants to be shown.
#[derive(Debug, Clone, Copy)]
pub struct GridColumn {
    /// Its heading.
    pub title: &'static str,
    /// What its widest cell takes.
    pub natural: u16,
    /// What it gives up gladly: down to this.
    pub soft: u16,
    /// What it gives up at last: down to this.
    pub least: u16,
    /// Which leave first: the highest; 0 never leaves.
    pub leave: u8,
    /// On which side its texts stand.
    pub side: Side,
}

/// A column with its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitted {
    /// Which one.
    pub column: usize,
    /// Where it begins.
    pub x: u16,
    /// How wide it is.
    pub width: u16,
    /// On which side its texts stand.
    pub side: Side,
}

impl Fitted {
    /// Where a text of so many columns begins.
    fn begin(&self, taken: usize) -> u16 {
        match self.side {
            Side::Left => self.x,
            Side::Right => self.x + self.width.saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX)),
        }
    }
}

/// Columns left of the first cell: the cursor, the state's sign, a space.
pub const MARGIN: u16 = 3;

/// Which columns fit, and how wide they are. `here` is shown though others have to leave for it.
pub fn fit(columns: &[GridColumn], hidden: &[usize], here: usize, width: u16) -> Vec<Fitted> {
    // A column stays free on the right, as on the left.
    let room = width.saturating_sub(MARGIN + 1);
    let mut kept = Vec::with_capacity(columns.len());
    kept.extend((0..columns.len()).filter(|at| !hidden.contains(at)));
    let needed = |kept: &[usize], size: &dyn Fn(&GridColumn) -> u16| -> u16 {
        kept.iter().map(|at| size(&columns[*at])).sum::<u16>() + 2 * (kept.len() as u16).saturating_sub(1)
    };
    let soft = |column: &GridColumn| column.soft.min(column.natural);
    while needed(&kept, &soft) > room {
        let leaving = kept.iter().copied().filter(|at| columns[*at].leave > 0 && *at != here).max_by_key(|at| columns[*at].leave);
        match leaving {
            Some(leaving) => kept.retain(|at| *at != leaving),
            None => break,
        }
    }
    let mut widths: Vec<u16> = kept.iter().map(|at| columns[*at].natural).collect();
    let total = |widths: &[u16]| widths.iter().sum::<u16>() + 2 * (widths.len() as u16).saturating_sub(1);
    for floor in [soft, |column: &GridColumn| column.least.min(column.natural)] {
        while total(&widths) > room {
            let slack = |at: &usize| widths[*at].saturating_sub(floor(&columns[kept[*at]]));
            let Some(widest) = (0..widths.len()).filter(|at| slack(at) > 0).max_by_key(|at| slack(at)) else { break };
            widths[widest] -= 1;
        }
    }
    let gaps = (widths.len() as u16).saturating_sub(1).max(1);
    let gap = 2 + (room.saturating_sub(total(&widths)) / gaps).min(5);
    let mut x = MARGIN;
    let mut fitted = Vec::with_capacity(kept.len());
    for (column, wanted) in kept.into_iter().zip(widths) {
        let left = width.saturating_sub(x);
        if left == 0 {
            break;
        }
        fitted.push(Fitted { column, x, width: wanted.min(left), side: columns[column].side });
        x += wanted + gap;
    }
    fitted
}

/// One row as the grid wants it.
pub struct GridRow<'a> {
    /// The sign of its state, and its look.
    pub sign: (&'static str, Role),
    /// Whether it is marked.
    pub is_marked: bool,
    /// Its cells by column, and the room they have.
    pub cell: &'a dyn Fn(usize, u16) -> (Label<'a>, Role),
}

/// The headings, with the order's arrow and the column one stands on.
pub fn headings(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[GridColumn],
    fitted: &[Fitted],
    marks: (usize, Option<(usize, bool)>),
) {
    let (here, order) = marks;
    for place in fitted {
        let role = if place.column == here { Role::HeadingHere } else { Role::Heading };
        let arrow = match order {
            Some((column, is_reversed)) if column == place.column => {
                if is_reversed {
                    "↓"
                } else {
                    "↑"
                }
            }
            _ => "",
        };
        let title = columns[place.column].title;
        let room = place.width - u16::from(!arrow.is_empty()).min(place.width);
        let x = place.begin(text::width(title) + usize::from(!arrow.is_empty()));
        let end = canvas.text((area.x + x, area.y), title, room, role);
        canvas.text((end, area.y), arrow, 1, Role::HeadingHere);
    }
}

/// One row.
pub fn row(canvas: &mut Canvas<'_>, area: Rect, fitted: &[Fitted], row: &GridRow<'_>, is_here: bool) {
    let y = area.y;
    for place in fitted {
        let (label, role) = (row.cell)(place.column, place.width);
        let role = if row.is_marked { Role::Marked } else { role };
        let x = if place.side == Side::Right { place.begin(text::width(&label)) } else { place.x };
        canvas.text((area.x + x, y), &label, place.width, role);
    }
    canvas.text((area.x + 1, y), row.sign.0, 1, row.sign.1);
    if row.is_marked {
        canvas.text((area.x, y), "▸", 1, Role::Marked);
    }
    if is_here {
        let keep: Vec<_> =
            fitted.iter().map(|place| canvas.buffer[(area.x + place.x + place.width.saturating_sub(1), y)].fg).collect();
        canvas.tint(area, Role::Selected);
        // States keep their colour under the cursor, where there are enough colours that both can be told.
        let keeps = matches!(canvas.theme.depth(), Depth::True | Depth::Indexed);
        for (place, fg) in fitted.iter().zip(keep).filter(|_| keeps) {
            let (_, role) = (row.cell)(place.column, place.width);
            if matches!(role, Role::Ok | Role::Busy | Role::Warn | Role::Bad) {
                for x in area.x + place.x..(area.x + place.x + place.width).min(area.right()) {
                    canvas.buffer[(x, y)].fg = fg;
                }
            }
        }
        let sign = ratatui::style::Style { fg: canvas.style(row.sign.1).fg, ..Default::default() };
        if keeps {
            canvas.buffer[(area.x + 1, y)].set_style(sign);
        }
        canvas.text((area.x, y), "▌", 1, Role::Cursor);
    }
}

#[cfg(test)]
mod tests {
    use super::{GridColumn, Side, fit};

    fn column(natural: u16, least: u16, leave: u8) -> GridColumn {
        GridColumn { title: "X", natural, soft: (natural * 3 / 5).max(least), least, leave, side: Side::Left }
    }

    #[test]
    fn columns_shrink_then_leave_and_never_reach_over_the_edge() {
        let columns = [column(40, 16, 0), column(5, 5, 3), column(18, 10, 0), column(12, 8, 2), column(30, 6, 4)];
        for width in 4..200 {
            for here in 0..columns.len() {
                let fitted = fit(&columns, &[], here, width);
                assert!(fitted.iter().all(|place| place.x + place.width <= width), "{width}: {fitted:?}");
                assert!(fitted.windows(2).all(|pair| pair[0].x + pair[0].width + 2 <= pair[1].x), "{width}: {fitted:?}");
            }
        }
        let narrow: Vec<_> = fit(&columns, &[], 0, 50).iter().map(|place| place.column).collect();
        assert_eq!(narrow, [0, 2, 3], "the last to be wanted left first");
        assert_eq!(fit(&columns, &[], 0, 200).len(), 5);
        assert!(fit(&columns, &[1], 0, 200).iter().all(|place| place.column != 1));
        assert!(fit(&columns, &[], 4, 60).iter().any(|place| place.column == 4), "the column one stands on is shown");
    }
}
