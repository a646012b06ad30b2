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

/// A console with so many pods, at 120x40, that has painted once.
fn steady(pods: usize) -> (Bench, Painter, ratatui::buffer::Buffer) {
    let mut bench = Bench::new(120, 40);
    let running = json!({"running": {}});
    let template = row(Kind::Pod, &pod("x", &running, true, 0));
    let rows = (0..pods).map(|number| {
        let mut row = template.clone();
        let name = format!("web-{number:06}");
        row.cells.set([(1, crate::console::model::row::Cell::text(name.as_str()))]);
        row.key.name = name.into();
        row
    });
    bench.wire(Wire::Rows(Kind::Pod, rows.collect()));
    let mut painter = Painter::new();
    let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 40));
    frame(&bench, &mut painter, &mut buffer);
    (bench, painter, buffer)
}

/// As the loop paints: into the buffer of the frame before.
fn frame(bench: &Bench, painter: &mut Painter, buffer: &mut ratatui::buffer::Buffer) -> usize {
    let cursor = crate::console::app::view::view(&bench.app, buffer);
    painter.paint(buffer, cursor).len()
}

/// What a key costs: allocations of the frame, its bytes, and the time of both together.
fn cost_of(bench: &mut Bench, painter: &mut Painter, buffer: &mut ratatui::buffer::Buffer, key: &str) -> (u64, usize, u128) {
    bench.press(key);
    let began = std::time::Instant::now();
    let mut bytes = 0;
    let counted = allocation_counter::measure(|| bytes = frame(bench, painter, buffer));
    (counted.count_total, bytes, began.elapsed().as_micros())
}

#[test]
fn a_steady_frame_allocates_little_and_a_hundred_thousand_pods_cost_what_a_hundred_do() {
    let mut told = Vec::new();
    for pods in [100, 100_000] {
        let (mut bench, mut painter, mut buffer) = steady(pods);
        bench.press("3 5 j");
        frame(&bench, &mut painter, &mut buffer);
        let unchanged = {
            let mut bytes = 0;
            let counted = allocation_counter::measure(|| bytes = frame(&bench, &mut painter, &mut buffer));
            (counted.count_total, bytes)
        };
        let scroll = cost_of(&mut bench, &mut painter, &mut buffer, "j");
        println!("{pods} pods: unchanged {unchanged:?}, scroll by one {scroll:?} (allocations, bytes, µs)");
        assert!(unchanged.0 <= 16 && unchanged.1 == 0, "{pods} pods: {unchanged:?}");
        assert!(scroll.0 <= 24 && scroll.1 <= 900, "{pods} pods: {scroll:?}");
        told.push((unchanged.0, scroll.0));
    }
    // Longer numbers may take a longer text; rows that are not seen take nothing.
    let differ = |one: u64, two: u64| one.abs_diff(two) <= 2;
    assert!(differ(told[0].0, told[1].0) && differ(told[0].1, told[1].1), "{told:?}");
}

#[test]
fn a_quiet_pane_costs_nothing_and_a_letter_or_a_line_in_it_little() {
    use crate::console::link::{Chunk, PaneNews};
    let (mut bench, mut painter, mut buffer) = steady(100);
    bench.press("x s");
    let id = bench.app.pane().expect("a pane").id;
    let write = |bench: &mut Bench, text: &str| {
        bench.wire(Wire::Pane(id, PaneNews::Output(Chunk::new(text.as_bytes().to_vec(), None))));
    };
    bench.wire(Wire::Pane(id, PaneNews::Begun));
    for number in 0..60 {
        write(&mut bench, &format!("\x1b[3{}mline {number}\x1b[0m of what a program told\r\n", number % 8));
    }
    frame(&bench, &mut painter, &mut buffer);
    let mut bytes = 0;
    let counted = allocation_counter::measure(|| bytes = frame(&bench, &mut painter, &mut buffer));
    assert!(counted.count_total <= 16 && bytes == 0, "{counted:?} {bytes}");
    assert_eq!(bench.app.next_wake(), None, "nothing is looked at while nothing happens");
    write(&mut bench, "x");
    let letter = frame(&bench, &mut painter, &mut buffer);
    write(&mut bench, "\r\nthe next line");
    let line = frame(&bench, &mut painter, &mut buffer);
    println!("letter {letter}, line {line}, allocations {}", counted.count_total);
    assert!(letter <= 60 && line <= 200, "letter {letter}, line {line}");
}
