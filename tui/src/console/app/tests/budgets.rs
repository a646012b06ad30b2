//! How many bytes a change of the picture may cost.

use super::{Bench, pod, row};
use crate::console::app::msg::Wire;
use crate::console::term::painter::Painter;
use objects::Kind;
use serde_json::json;

fn crowd(columns: u16, rows: u16) -> Bench {
    let mut bench = Bench::new(columns, rows);
    let rows =
        (0..500).map(|number| row(Kind::Pod, &pod(&format!("web-{number:04}"), &json!({"running": {}}), number % 7 != 0, 0)));
    bench.wire(Wire::Rows(Kind::Pod, rows.collect()));
    bench
}

fn cost(bench: &Bench, painter: &mut Painter) -> usize {
    let (mut buffer, cursor) = bench.paint();
    painter.paint(&mut buffer, cursor).len()
}

#[test]
fn bytes_for_a_cursor_a_scroll_a_page_and_for_nothing() {
    let mut bench = crowd(120, 40);
    let mut painter = Painter::new();
    cost(&bench, &mut painter);
    assert_eq!(cost(&bench, &mut painter), 0, "nothing changed");
    bench.press("j");
    let cursor = cost(&bench, &mut painter);
    bench.press("3 5 j");
    cost(&bench, &mut painter);
    bench.press("j");
    let scroll = cost(&bench, &mut painter);
    bench.press("ctrl-f");
    let page = cost(&bench, &mut painter);
    println!("cursor {cursor}, scroll {scroll}, page {page}");
    assert!(cursor <= 600 && scroll <= 900 && page <= 7_000, "cursor {cursor}, scroll {scroll}, page {page}");
}

#[test]
fn seconds_that_change_no_label_cost_nothing() {
    let mut bench = crowd(120, 40);
    bench.wait(3_600 * 24 * 20);
    let mut painter = Painter::new();
    cost(&bench, &mut painter);
    bench.wait(1);
    assert_eq!(cost(&bench, &mut painter), 0);
}
