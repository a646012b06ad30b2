//! The mouse: a click stands on a row, a second one opens it; headings sort, steps of the path lead back, hints do what they say; what
//! is dragged over is copied. Everything it does a key does as well.

use super::effect::Effect;
use super::overlay::Overlay;
use super::state::{App, Pressed};
use super::view::view;
use super::{chrome, input, navigate, panes, path, perform};
use crate::console::keys::action::Action;
use crate::console::keys::key::Key;
use crate::console::screen::Screen;
use crate::console::term::clip;
use crate::console::term::input::{Gesture, Mouse};
use crate::console::theme::role::Role;
use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Rows that one step of the wheel moves.
const STEP: i64 = 3;

/// Takes what the mouse did.
pub fn take(app: &mut App, mouse: Mouse, out: &mut Vec<Effect>) {
    if panes::mouse(app, mouse, out) {
        return;
    }
    let at = (mouse.x, mouse.y);
    match mouse.gesture {
        Gesture::Press => {
            app.toast = None;
            app.pressed = Some(Pressed { from: at, to: None });
        }
        Gesture::Drag => drag(app, at),
        Gesture::Release => match app.pressed {
            Some(Pressed { from, to: Some(_) }) => copy(app, from, out),
            Some(Pressed { from, to: None }) => {
                app.pressed = None;
                click(app, from, out);
            }
            None => {}
        },
        Gesture::WheelUp => scroll(app, -STEP, out),
        Gesture::WheelDown => scroll(app, STEP, out),
    }
}

/// Gives the mouse back to the terminal, or takes it.
pub fn turn(app: &mut App, out: &mut Vec<Effect>) {
    app.has_mouse = !app.has_mouse;
    app.pressed = None;
    out.push(Effect::Mouse(app.has_mouse));
    let told = if app.has_mouse {
        "the mouse is the console's: click, wheel, drag copies"
    } else {
        "the mouse is the terminal's again, and so is its selection"
    };
    app.say(Role::Dim, told);
}

fn body(app: &App) -> Rect {
    Rect::new(0, 2, app.size.0, app.size.1.saturating_sub(3))
}

fn press(app: &mut App, code: KeyCode, out: &mut Vec<Effect>) {
    input::key(app, Key { code, ctrl: false, alt: false }, out);
}

fn click(app: &mut App, at: (u16, u16), out: &mut Vec<Effect>) {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    match &mut app.overlay {
        Some(Overlay::Dialog(dialog, _)) => {
            if let Some(button) = dialog.button_at(area, at) {
                dialog.focus = button;
                press(app, if button == 0 { KeyCode::Esc } else { KeyCode::Enter }, out);
            }
        }
        Some(Overlay::Palette(palette, _)) => match palette.entry_at(area, at) {
            Some(entry) if entry == palette.cursor => press(app, KeyCode::Enter, out),
            Some(entry) => {
                palette.cursor = entry;
                input::look(app);
            }
            None if !palette.place(area).contains(at.into()) => press(app, KeyCode::Esc, out),
            None => {}
        },
        Some(Overlay::Form(form, _)) => form.here = form.at(area, at).unwrap_or(form.here),
        Some(Overlay::Prompt(_)) => {}
        None => on_screen(app, at, out),
    }
}

fn on_screen(app: &mut App, (x, y): (u16, u16), out: &mut Vec<Effect>) {
    let body = body(app);
    app.pending.clear();
    if y == 1 {
        let Some(step) = path::step_at(app, x) else { return };
        while app.screens.len() > step + 1 && !matches!(app.screen(), Screen::Edit(_)) {
            navigate::close(app, out);
        }
        if app.screens.len() > step + 1 {
            navigate::back(app, out);
        }
        return;
    }
    if y + 1 == app.size.1 {
        if let Some(action) = chrome::hint_at(app, x) {
            perform::perform(app, action, None, out);
        }
        return;
    }
    if !body.contains((x, y).into()) {
        return;
    }
    let row = usize::from(y - body.y);
    let App { screens, store, cluster, .. } = app;
    let opens = match screens.last_mut() {
        Some(Screen::List(list)) => match row.checked_sub(1) {
            None => {
                if let Some(column) = list.column_at(cluster, body.width, x) {
                    list.column = column;
                    list.sort(column);
                }
                false
            }
            Some(row) => {
                let wanted = list.top + row;
                let is_second = wanted == list.cursor;
                let is_there = wanted < list.view.slots.len();
                if is_there {
                    list.go_to(store, wanted);
                }
                is_there && is_second
            }
        },
        Some(Screen::Board(board)) => {
            let wanted = board.top + row;
            let leads = board.lines.get(wanted).is_some_and(|line| line.target.is_some());
            let is_second = wanted == board.cursor;
            if leads {
                board.cursor = wanted;
            }
            leads && is_second
        }
        Some(Screen::Edit(edit)) => {
            edit.editor.cancel_selection();
            edit.editor.click((x, y - body.y));
            false
        }
        _ => false,
    };
    if opens {
        perform::perform(app, Action::Open, None, out);
    }
}

/// The wheel: a list's cursor, a text's window, the lines of a box.
fn scroll(app: &mut App, by: i64, out: &mut Vec<Effect>) {
    match &mut app.overlay {
        Some(Overlay::Palette(palette, _)) => {
            palette.shift(by.signum());
            return input::look(app);
        }
        Some(_) => return,
        None => {}
    }
    let action = if by < 0 { Action::Up } else { Action::Down };
    match app.screen_mut() {
        Screen::Edit(edit) => edit.editor.scroll(by),
        Screen::Reader(reader) => reader.place.scroll(&reader.lines, by),
        Screen::Log(log) => log.place.scroll(&log.log, by),
        _ => perform::perform(app, action, Some(by.unsigned_abs() as usize), out),
    }
}

fn drag(app: &mut App, (x, y): (u16, u16)) {
    let (body, has_box) = (body(app), app.overlay.is_some());
    let Some(pressed) = &mut app.pressed else { return };
    let (x, y) = (x.min(body.right().saturating_sub(1)), y.clamp(body.y, body.bottom().saturating_sub(1).max(body.y)));
    if has_box || !body.contains(pressed.from.into()) || (pressed.to.is_none() && pressed.from == (x, y)) {
        return;
    }
    let is_first = pressed.to.is_none();
    let from = pressed.from;
    pressed.to = Some((x, y));
    match app.screen_mut() {
        // What moves under the hand cannot be chosen.
        Screen::Log(log) => log.place.follows = false,
        Screen::Edit(edit) => {
            if is_first {
                edit.editor.cancel_selection();
                edit.editor.click((from.0, from.1 - body.y));
                edit.editor.begin_selection();
            }
            edit.editor.click((x, y - body.y));
        }
        _ => {}
    }
}

/// What was dragged over, on the clipboard.
fn copy(app: &mut App, from: (u16, u16), out: &mut Vec<Effect>) {
    let Some(to) = app.pressed.take().and_then(|pressed| pressed.to) else { return };
    let text = match app.screen() {
        Screen::Edit(edit) => edit.editor.selected_text(),
        _ => {
            let mut buffer = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
            view(app, &mut buffer);
            text_between(&buffer, body(app), from, to)
        }
    };
    // It stays marked until the next key, so that one sees what was taken.
    app.pressed = Some(Pressed { from, to: Some(to) });
    copy_text(app, text, out);
}

/// Puts a text on the clipboard, where a terminal takes so much, and says so.
pub fn copy_text(app: &mut App, text: String, out: &mut Vec<Effect>) {
    if text.trim().is_empty() {
        return;
    }
    if clip::copy(&text, false).is_none() {
        app.say(Role::Warn, "too long for a terminal's clipboard; :w FILE saves it");
    } else {
        let what = if text.lines().count() > 1 { format!("{} lines", text.lines().count()) } else { text.clone() };
        app.say(Role::Ok, format!("copied {what}"));
        out.push(Effect::Copy(text));
    }
}

/// The columns of a row that are marked, where one marked from one place to another.
pub fn marked(body: Rect, from: (u16, u16), to: (u16, u16), y: u16) -> Option<(u16, u16)> {
    let (start, end) = if (from.1, from.0) <= (to.1, to.0) { (from, to) } else { (to, from) };
    if y < start.1 || y > end.1 || y < body.y || y >= body.bottom() {
        return None;
    }
    let left = if y == start.1 { start.0 } else { body.x };
    let right = if y == end.1 { end.0 + 1 } else { body.right() };
    Some((left, right.min(body.right())))
}

fn text_between(buffer: &Buffer, body: Rect, from: (u16, u16), to: (u16, u16)) -> String {
    let line = |y: u16| {
        let (left, right) = marked(body, from, to, y)?;
        let mut text = String::new();
        let mut x = left;
        while x < right {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            // A wide letter covers the cells behind it.
            x += (symbol.width() as u16).max(1);
        }
        Some(text.trim_end().to_owned())
    };
    (body.y..body.bottom()).filter_map(line).collect::<Vec<_>>().join("\n")
}
