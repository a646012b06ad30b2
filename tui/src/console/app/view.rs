//! The picture: a function of the state, painted into a buffer.

use super::overlay::Overlay;
use super::state::{App, Pressed};
use super::{bookmarks, chrome, mouse, path};
use crate::console::link::Standing;
use crate::console::screen::Screen;
use crate::console::screen::list_view::Surroundings;
use crate::console::theme::glyph::{self, Glyphs};
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The least window that shows anything but a request for a larger one.
const LEAST: (u16, u16) = (30, 6);

/// Paints the whole picture; returns where the terminal's cursor belongs, where it is shown.
pub fn view(app: &App, buffer: &mut Buffer) -> Option<Position> {
    let area = buffer.area;
    let mut canvas = Canvas { buffer, theme: &app.theme };
    canvas.clear(area, Role::Text);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        canvas.text((0, 0), "a larger window, please", area.width, Role::Warn);
        return None;
    }
    let line = |y: u16| Rect::new(area.x, y, area.width, 1);
    chrome::header(app, &mut canvas, line(0));
    path::path(app, &mut canvas, line(1));
    let body = Rect::new(0, 2, area.width, area.height - 3);
    let mut cursor = screen(app, &mut canvas, body);
    let bottom = line(area.height - 1);
    // An editor marks its own text.
    if let (Some(Pressed { from, to: Some(to) }), false) = (app.pressed, matches!(app.screen(), Screen::Edit(_))) {
        for y in body.top()..body.bottom() {
            if let Some((left, right)) = mouse::marked(body, from, to, y) {
                canvas.tint(Rect::new(left, y, right.saturating_sub(left), 1), Role::Selection);
            }
        }
    }
    match &app.overlay {
        Some(Overlay::Prompt(prompt)) => {
            cursor = Some(prompt.field.draw(&mut canvas, bottom, &chrome::label(prompt), &super::input::ghost(app, prompt)));
        }
        Some(Overlay::Dialog(dialog, _)) => {
            chrome::bottom(app, &mut canvas, bottom);
            dialog.draw(&mut canvas);
            cursor = None;
        }
        Some(Overlay::Form(form, _)) => {
            chrome::bottom(app, &mut canvas, bottom);
            cursor = form.draw(&mut canvas);
        }
        Some(Overlay::Palette(palette, _)) => {
            chrome::bottom(app, &mut canvas, bottom);
            cursor = Some(palette.draw(&mut canvas));
        }
        None => {
            chrome::bottom(app, &mut canvas, bottom);
            chrome::continuations(app, &mut canvas, body);
            bookmarks::draw(app, &mut canvas, body);
        }
    }
    if app.theme.glyphs == Glyphs::Ascii {
        glyph::to_ascii(canvas.buffer);
    }
    cursor
}

fn screen(app: &App, canvas: &mut Canvas<'_>, body: Rect) -> Option<Position> {
    let text = Rect { x: body.x + 1, width: body.width - 2, ..body };
    match app.screen() {
        Screen::List(list) => {
            let around = Surroundings {
                store: &app.store,
                now: super::travel::moment(app),
                cluster: &app.cluster,
                is_live: app.is_live(),
                empty: empty(app, list),
            };
            list.draw(canvas, body, &around);
            None
        }
        Screen::Board(board) => {
            board.draw(canvas, body);
            None
        }
        Screen::Reader(reader) => {
            reader.draw(canvas, text);
            None
        }
        Screen::Log(log) => {
            log.draw(canvas, text, &app.zone);
            None
        }
        Screen::Edit(edit) => Some(edit.draw(canvas, body)),
        Screen::Pane(_) => app.pane().and_then(|pane| pane.draw(canvas, body)),
    }
}

/// Why a list has no rows, and what to do about it.
fn empty(app: &App, list: &crate::console::screen::list::List) -> String {
    let rows = list.rows(&app.store);
    let kind = list.name();
    let refused = app.refused.iter().find(|(kind, _)| list.kind() == Some(*kind)).map(|(_, why)| why.clone());
    match &app.standing {
        Standing::Connecting { error: Some(error) } => error.clone(),
        Standing::Connecting { error: None } => format!("connecting to {}…", app.address),
        _ if refused.is_some() && !rows.is_complete => refused.unwrap_or_default(),
        _ if !list.view.query.is_empty() => format!("no {kind} match the filter; esc shows all {}", rows.len()),
        _ if !rows.is_complete => format!("reading {kind}…"),
        _ => match (&list.view.scope.namespaces, kind) {
            (namespaces, _) if !namespaces.is_all() && rows.len() > 0 => {
                let word = if namespaces.only().is_some() { "namespace" } else { "namespaces" };
                format!("no {kind} in {word} {namespaces}; 0 shows all namespaces")
            }
            (_, "pods") if list.view.scope.node.is_none() => {
                "no pods yet; space n writes a manifest, :open FILE opens one".to_owned()
            }
            (_, "shells") => "no program runs in a pane; xs on a pod begins a shell".to_owned(),
            (_, "forwards") => "no port-forwards; xf on a pod, a deployment or a service begins one".to_owned(),
            _ => format!("no {kind}"),
        },
    }
}
