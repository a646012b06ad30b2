//! The order of a list: which rows pass its filter, and how they follow each other, kept up change by change.

use super::columns::Column;
use super::namespaces::Namespaces;
use super::query::Query;
use super::row::{About, Row};
use super::store::{Change, Rows, Slot};
use crate::console::base::text;
use jiff::Timestamp;
use std::cmp::Ordering;

/// Which rows of its kind a list is about at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Only these namespaces.
    pub namespaces: Namespaces,
    /// Only events about this object.
    pub about: Option<About>,
    /// Only pods of this node.
    pub node: Option<String>,
}

impl Scope {
    fn holds(&self, row: &Row) -> bool {
        let about = |wanted: &About| row.about.as_deref().is_some_and(|about| about.is(&wanted.kind, &wanted.key));
        (row.key.namespace.is_empty() || self.namespaces.holds(&row.key.namespace))
            && self.about.as_ref().is_none_or(about)
            && self.node.as_ref().is_none_or(|node| *row.node() == **node)
    }
}

/// By which column a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The column's place.
    pub column: usize,
    /// From the last to the first.
    pub is_reversed: bool,
}

/// The rows of a list in their order.
#[derive(Debug, Clone)]
pub struct View {
    /// Where they stand in their table.
    pub slots: Vec<Slot>,
    /// The widest cell of each column, in terminal columns.
    pub widths: Vec<u16>,
    /// What the list is about.
    pub scope: Scope,
    /// The filter.
    pub query: Query,
    /// The order; `None` is by namespace and name.
    pub order: Option<Order>,
}

impl View {
    /// An empty view.
    pub fn new(scope: Scope, order: Option<Order>) -> Self {
        Self { slots: Vec::new(), widths: Vec::new(), scope, query: Query::default(), order }
    }

    /// Makes the view anew.
    pub fn rebuild(&mut self, rows: &Rows, columns: &[Column], now: Timestamp) {
        self.slots = rows.iter().filter(|(_, row)| self.passes(row, now)).map(|(slot, _)| slot).collect();
        let order = self.order;
        let row = |slot: &Slot| rows.get(*slot).expect("the slots were just taken from these rows");
        self.slots.sort_by(|one, two| compare(order, row(one), row(two)));
        self.widths = columns.iter().map(|column| column.title.len() as u16 + 1).collect();
        for slot in &self.slots {
            widen(&mut self.widths, row(slot), now);
        }
    }

    /// Takes one change over. A row that stays where it stands costs a few looks at others or none, any other change a look at each slot.
    pub fn follow(&mut self, rows: &Rows, change: Change, now: Timestamp) {
        let (Change::Added(slot) | Change::Replaced(slot) | Change::Removed(slot)) = change;
        let row = rows.get(slot).filter(|row| self.passes(row, now));
        if let (Change::Replaced(_), None, Some(row)) = (change, self.order, row) {
            // Its name is what it was, and where nothing else decides about it, it was here before.
            let was_here = self.query.is_empty() && self.scope.node.is_none() && self.scope.about.is_none();
            if was_here || self.slots.get(self.place(rows, row)) == Some(&slot) {
                widen(&mut self.widths, row, now);
                return;
            }
        }
        if !matches!(change, Change::Added(_))
            && let Some(at) = self.slots.iter().position(|known| *known == slot)
        {
            self.slots.remove(at);
        }
        let Some(row) = row else { return };
        let at = self.place(rows, row);
        self.slots.insert(at, slot);
        widen(&mut self.widths, row, now);
    }

    /// Where a row belongs.
    fn place(&self, rows: &Rows, row: &Row) -> usize {
        let is_before = |other: &Slot| rows.get(*other).is_some_and(|other| compare(self.order, other, row) == Ordering::Less);
        self.slots.partition_point(is_before)
    }

    fn passes(&self, row: &Row, now: Timestamp) -> bool {
        self.scope.holds(row) && self.query.matches(row, now)
    }
}

/// Rows that are equal in their column keep the order of their names.
fn compare(order: Option<Order>, one: &Row, two: &Row) -> Ordering {
    let by_name = || one.key.cmp(&two.key);
    let Some(order) = order else { return by_name() };
    let by_column = match (one.cells.get(order.column), two.cells.get(order.column)) {
        (Some(one), Some(two)) => one.order(two),
        _ => Ordering::Equal,
    };
    let by_column = if order.is_reversed { by_column.reverse() } else { by_column };
    by_column.then_with(by_name)
}

fn widen(widths: &mut [u16], row: &Row, now: Timestamp) {
    for (width, cell) in widths.iter_mut().zip(row.cells.iter()) {
        let needed = text::width(&cell.label(now)).min(400) as u16;
        *width = needed.max(*width);
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Scope, View};
    use crate::console::model::columns::PODS;
    use crate::console::model::row::{Cell, Row};
    use crate::console::model::store::Rows;
    use crate::console::model::store::tests::named;
    use jiff::Timestamp;

    fn row(name: &str, restarts: i64) -> Row {
        let mut row = named(name);
        row.cells = [Cell::text("default"), Cell::text(name), Cell::Restarts(restarts, None)].into();
        row
    }

    #[test]
    fn a_view_kept_up_by_changes_equals_one_made_anew() {
        let now = Timestamp::UNIX_EPOCH;
        for order in [None, Some(Order { column: 2, is_reversed: false }), Some(Order { column: 2, is_reversed: true })] {
            let mut rows = Rows::default();
            let mut kept = View::new(Scope::default(), order);
            kept.query = super::Query::parse("!x", PODS).expect("reads");
            kept.rebuild(&rows, PODS, now);
            let mut random: u32 = 1;
            for _ in 0..400 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let name = format!("{}{}", ["a", "b", "x"][(random >> 8) as usize % 3], (random >> 16) % 12);
                let change = if (random >> 24).is_multiple_of(3) {
                    rows.remove(&named(&name).key)
                } else {
                    Some(rows.put(row(&name, i64::from(random >> 28))))
                };
                if let Some(change) = change {
                    kept.follow(&rows, change, now);
                }
                let mut fresh = kept.clone();
                fresh.rebuild(&rows, PODS, now);
                assert_eq!(kept.slots, fresh.slots, "order {order:?}");
            }
        }
    }
}
