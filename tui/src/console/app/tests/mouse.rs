//! The mouse: what a click, a drag and the wheel do, and that it can be given back.

use super::{Bench, row};
use crate::console::app::effect::Effect;
use crate::console::app::msg::{Msg, Wire};
use crate::console::screen::Screen;
use crate::console::term::input::{Gesture, Input, Mouse};
use objects::Kind;
use serde_json::json;

impl Bench {
    fn mouse(&mut self, gesture: Gesture, x: u16, y: u16) -> &mut Self {
        self.take(Msg::Input(Input::Mouse(Mouse { gesture, x, y })));
        self
    }

    fn click(&mut self, x: u16, y: u16) -> &mut Self {
        self.mouse(Gesture::Press, x, y).mouse(Gesture::Release, x, y)
    }

    /// Where a text stands.
    fn find(&self, text: &str) -> (u16, u16) {
        let picture = self.picture();
        let at = |(y, line): (usize, &str)| Some((line[..line.find(text)?].chars().count() as u16, y as u16));
        picture.lines().enumerate().find_map(at).unwrap_or_else(|| panic!("no {text} in\n{picture}"))
    }

    fn copied(&self) -> Option<&str> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Copy(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

#[test]
fn a_click_stands_on_a_row_and_a_second_one_opens_it() {
    let mut bench = Bench::new(100, 20);
    let (x, y) = bench.find("CrashLoopBackOff");
    bench.click(x, y);
    assert!(bench.line(usize::from(y)).starts_with('▌'), "{}", bench.picture());
    bench.click(x + 3, y);
    assert!(bench.line(1).contains("pods › bravo"), "{}", bench.picture());
    // Below the last row there is nothing to open.
    bench.click(5, 16).click(5, 16);
    assert!(bench.line(1).contains("pods › bravo"), "{}", bench.picture());
}

#[test]
fn headings_sort_and_steps_of_the_path_lead_back() {
    let mut bench = Bench::new(100, 20);
    let (x, y) = bench.find("RESTARTS");
    bench.click(x, y);
    assert!(bench.shows("RESTARTS↑"), "{}", bench.picture());
    bench.click(x, y);
    assert!(bench.shows("RESTARTS↓"), "{}", bench.picture());
    bench.press("enter d");
    let (x, y) = bench.find("pods ›");
    assert_eq!(y, 1);
    bench.click(x, y);
    assert_eq!(bench.app.screens.len(), 1, "{}", bench.picture());
}

#[test]
fn a_hint_does_what_it_says() {
    let mut bench = Bench::new(100, 20);
    let (x, y) = bench.find("d describe");
    bench.click(x + 3, y);
    assert!(bench.line(1).contains("describe"), "{}", bench.picture());
    let (x, y) = bench.find("? help");
    bench.click(x, y);
    assert!(bench.shows("type to search"), "{}", bench.picture());
    let (x, y) = bench.find("command");
    bench.click(0, 0);
    assert!(!bench.shows("type to search"), "a click beside the box closes it: {x},{y}\n{}", bench.picture());
}

#[test]
fn the_wheel_moves_and_what_is_dragged_over_is_copied() {
    let mut bench = Bench::new(100, 20);
    bench.mouse(Gesture::WheelDown, 5, 5);
    let Screen::List(list) = bench.app.screen() else { panic!("a list") };
    assert_eq!(list.cursor, 3);
    bench.press("g g d");
    let (x, y) = bench.find("Namespace:");
    bench.mouse(Gesture::Press, x, y).mouse(Gesture::Drag, x + 4, y).mouse(Gesture::Drag, x + 8, y).mouse(
        Gesture::Release,
        x + 8,
        y,
    );
    assert_eq!(bench.copied(), Some("Namespace"));
    let (_, y) = bench.find("Name:");
    bench.mouse(Gesture::Press, 1, y).mouse(Gesture::Drag, 99, y + 1).mouse(Gesture::Release, 99, y + 1);
    let copied = bench.copied().expect("copied");
    assert!(copied.starts_with("Name:") && copied.lines().count() == 2, "{copied}");
    bench.press("j");
    assert!(bench.app.pressed.is_none(), "a key takes the marks away");
}

#[test]
fn in_the_editor_a_click_moves_the_cursor_and_a_drag_marks_text() {
    let mut bench = Bench::new(100, 30);
    bench.press("space n");
    let (x, y) = bench.find("nginx:alpine");
    bench.click(x + 5, y);
    let Screen::Edit(edit) = bench.app.screen() else { panic!("the editor") };
    assert_eq!(edit.editor.cursor(), (usize::from(y) - 2, "      image: nginx".chars().count()), "{}", bench.picture());
    bench.mouse(Gesture::Press, x, y).mouse(Gesture::Drag, x + 5, y).mouse(Gesture::Release, x + 5, y);
    assert_eq!(bench.copied(), Some("nginx"));
}

#[test]
fn a_click_on_a_button_presses_it_and_one_beside_it_does_nothing() {
    let mut bench = Bench::new(100, 20);
    bench.press("x d");
    bench.click(2, 10);
    assert!(bench.app.overlay.is_some());
    let (x, y) = bench.find("Delete (y)");
    bench.click(x + 1, y);
    assert!(bench.app.overlay.is_none() && bench.asked().is_some(), "{}", bench.picture());
    bench.press("x d");
    let (x, y) = bench.find("Cancel");
    bench.effects.clear();
    bench.click(x, y);
    assert!(bench.app.overlay.is_none() && bench.asked().is_none(), "{}", bench.picture());
}

#[test]
fn the_mouse_is_given_back_to_the_terminal_by_a_key() {
    let mut bench = Bench::new(100, 20);
    bench.app.has_mouse = true;
    bench.press("space s");
    assert!(matches!(bench.effects.last(), Some(Effect::Mouse(false))) && bench.shows("terminal's again"), "{}", bench.picture());
    bench.press("space s");
    assert!(matches!(bench.effects.last(), Some(Effect::Mouse(true))));
}

#[test]
fn a_wide_letter_is_copied_once() {
    let mut bench = Bench::new(100, 30);
    let map = json!({"metadata": {"name": "app", "namespace": "default"}, "data": {"greeting": "日本 ok"}});
    bench.press(":").write("cm").press("enter");
    bench.wire(Wire::Rows(Kind::ConfigMap, vec![row(Kind::ConfigMap, &map)]));
    bench.press("D");
    let (x, y) = bench.find("greeting");
    bench.mouse(Gesture::Press, x, y).mouse(Gesture::Drag, 60, y).mouse(Gesture::Release, 60, y);
    assert_eq!(bench.copied(), Some("greeting: 日本 ok"));
}
