//! The second line: the path one took, what it is narrowed to, and where one is.

use super::navigate::subject;
use super::state::App;
use super::{copying, draining, images, travel};
use crate::console::base::text;
use crate::console::model::lines::{Place, Wrap};
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::screen::board::line::cut;
use crate::console::screen::board::{Board, Topic};
use crate::console::screen::edit::Sending;
use crate::console::screen::list::{List, Source};
use crate::console::screen::log::LogScreen;
use crate::console::screen::pane::Keys;
use crate::console::screen::reader::Mode;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::pager;
use objects::Kind;
use ratatui::layout::Rect;

/// Where the path begins that is shown: pages of the whole cluster begin one, as lists do that were asked for by name.
fn root(app: &App) -> usize {
    let begins = |screen: &Screen| match screen {
        Screen::List(list) => list.is_root,
        Screen::Board(board) => matches!(board.topic, Topic::Pulses | Topic::Tree(_) | Topic::Map(_)),
        _ => false,
    };
    app.screens.iter().rposition(begins).unwrap_or(0)
}

/// The second line: the path one took, what is filtered, and where one is.
pub fn path(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let (right, role) = place(app);
    let end = canvas.right((area.right() - 1, area.y), &right, role);
    let mut x = area.x + 1;
    let steps = steps(app, end.saturating_sub(x + 2));
    for (at, (_, step)) in steps.iter().enumerate() {
        let role = if at + 1 == steps.len() { Role::Accent } else { Role::Dim };
        let room = end.saturating_sub(x + 2);
        x = canvas.text((x, area.y), step, room, role);
        if at + 1 < steps.len() {
            x = canvas.text((x, area.y), " › ", end.saturating_sub(x + 2), Role::Faint);
        }
    }
    if let Screen::List(list) = app.screen() {
        if let Some(namespaces) = narrowed(list) {
            x = canvas.text((x + 1, area.y), &format!("in {namespaces}"), end.saturating_sub(x + 3), Role::Dim);
        }
        if !list.view.query.is_empty() {
            canvas.text((x + 2, area.y), &format!("/{}", list.view.query.text()), end.saturating_sub(x + 4), Role::Warn);
        }
    }
}

/// The steps that there is room for, each with the place of its screen: where one is, and where the path began. What is left out between
/// them is a `…` without a screen.
fn steps(app: &App, room: u16) -> Vec<(Option<usize>, String)> {
    let root = root(app);
    let screens = &app.screens[root..];
    let name =
        |(at, screen): (usize, &Screen)| (Some(root + at), title(screen, at.checked_sub(1).map(|before| &screens[before])));
    let mut steps: Vec<(Option<usize>, String)> = screens.iter().enumerate().map(name).collect();
    let width = |steps: &[(Option<usize>, String)]| {
        steps.iter().map(|(_, step)| text::width(step)).sum::<usize>() + 3 * steps.len().saturating_sub(1)
    };
    let gap = || (None, "…".to_owned());
    while width(&steps) > usize::from(room) {
        match steps.as_slice() {
            // The gap grows by the step after it.
            [_, (None, _), _, _, ..] => drop(steps.remove(2)),
            [_, (Some(_), _), _, ..] => steps[1] = gap(),
            [_, (None, _), _] => drop(steps.remove(0)),
            [(Some(_), _), _] => steps[0] = gap(),
            _ => break,
        }
    }
    steps
}

/// The namespaces that a list is narrowed to.
fn narrowed(list: &List) -> Option<&Namespaces> {
    let namespaces = &list.view.scope.namespaces;
    (list.kind().is_some_and(Kind::is_namespaced) && !namespaces.is_all()).then_some(namespaces)
}

/// The screen whose step of the path is at a column.
pub fn step_at(app: &App, wanted: u16) -> Option<usize> {
    let (right, _) = place(app);
    let room = app.size.0.saturating_sub(text::width(&right) as u16 + 4);
    let mut x = 1;
    for (place, step) in steps(app, room) {
        let next = x + text::width(&step) as u16;
        if (x..next).contains(&wanted) {
            return place;
        }
        x = next + 3;
    }
    None
}

/// The path one took, as one text.
pub fn path_text(app: &App) -> String {
    let root = root(app);
    let steps = &app.screens[root..];
    let name = |(at, screen): (usize, &Screen)| title(screen, at.checked_sub(1).map(|before| &steps[before]));
    let mut text = steps.iter().enumerate().map(name).collect::<Vec<_>>().join(" > ");
    if let Screen::List(list) = app.screen()
        && let Some(namespaces) = narrowed(list)
    {
        text.push_str(&format!(" in {namespaces}"));
    }
    text
}

/// A step's name; what the step before says already is left out.
fn title(screen: &Screen, before: Option<&Screen>) -> String {
    let is_said = |key: &Key| match before {
        Some(Screen::List(list)) => list.source == Source::Containers(key.clone()),
        Some(Screen::Reader(reader)) => reader.key == *key,
        Some(Screen::Log(log)) => log.pod() == key,
        Some(Screen::Board(board)) => board.subject().is_some_and(|(_, subject)| subject == *key),
        _ => false,
    };
    let name = |key: &Key| if is_said(key) { String::new() } else { format!("{} ", key.name) };
    match screen {
        Screen::List(list) => match (&list.source, &list.view.scope) {
            (Source::Containers(pod), _) => pod.name.to_string(),
            (Source::Images | Source::Volumes | Source::Forwards | Source::Shells, _) => list.name().to_owned(),
            (_, scope) if scope.about.is_some() => {
                let name = scope.about.as_ref().map(|about| about.key.name.to_string()).unwrap_or_default();
                format!("events of {name}")
            }
            (_, scope) if scope.node.is_some() => format!("pods on {}", scope.node.as_deref().unwrap_or_default()),
            (Source::Kind(kind), _) => kind.plural().to_owned(),
        },
        Screen::Board(board) => match board.subject() {
            Some((_, key)) => format!("{}{}", name(&key), board.title()),
            None => board.title().to_owned(),
        },
        Screen::Reader(reader) => {
            let what = if reader.mode == Mode::Yaml { "yaml" } else { "describe" };
            format!("{}{what}", name(&reader.key))
        }
        Screen::Log(log) => {
            let instance = if log.is_previous { " (previous)" } else { "" };
            if log.pods.len() > 1 {
                format!("logs {}{instance}", log.title())
            } else {
                format!("{}log {}{instance}", name(log.pod()), log.title())
            }
        }
        Screen::Pane(pane) => {
            let (_, subject) = pane.about.subject();
            let (name, word) = (name(&subject), pane.about.word());
            match pane.about.container() {
                "" => format!("{name}{word}"),
                container => format!("{name}{word} {container}"),
            }
        }
        Screen::Edit(edit) => format!("edit {}{}", edit.title(), if edit.is_changed() { " *" } else { "" }),
    }
}

/// Where one is in what is shown, and how that stands; first of all whether it is out of date.
fn place(app: &App) -> (String, Role) {
    let (text, role) = place_in_screen(app);
    if let Some(event) = travel::event(app) {
        // The screen's own name stays in sight.
        let own = steps(app, 0).last().map_or(0, |(_, step)| text::width(step));
        let room = usize::from(app.size.0).saturating_sub(own + text::width(&text) + 7);
        return (format!("{}  {text}", cut(&event, room)), Role::Warn);
    }
    if let Some(work) = draining::progress(app).or_else(|| images::progress(app)).or_else(|| copying::progress(app)) {
        return (format!("{work}  {text}"), Role::Busy);
    }
    let node = match subject(app) {
        Some((Kind::Pod, key)) => app.store.of(Kind::Pod).find(&key).map(|row| Box::from(row.node())),
        Some((Kind::Node, key)) => Some(key.name),
        _ => None,
    };
    match node.and_then(|node| Some((app.cluster.unseen_since(&node)?, node))) {
        Some((since, node)) => {
            let ago = objects::duration::since(Some(since), app.now);
            (format!("▲ {node} unseen, as of {ago} ago  {text}"), Role::Warn)
        }
        None => (text, role),
    }
}

fn place_in_screen(app: &App) -> (String, Role) {
    match app.screen() {
        Screen::List(list) => (list_place(list, app), Role::Dim),
        Screen::Board(board) => (board_place(board), Role::Dim),
        Screen::Reader(reader) => (with_wrap(&reader.place, &pager::position(&reader.lines, &reader.place)), Role::Dim),
        Screen::Log(log) => log_place(log),
        Screen::Pane(_) => pane_place(app),
        Screen::Edit(edit) => {
            let (line, column) = edit.editor.cursor();
            let at = format!("{}:{}", line + 1, column + 1);
            match (&edit.sending, edit.faults.len()) {
                (Sending::Checking { .. }, _) => (format!("◐ checking  {at}"), Role::Busy),
                (Sending::Applying { .. }, _) => (format!("◐ applying  {at}"), Role::Busy),
                (Sending::Idle, 0) => (format!("● valid  {at}"), Role::Ok),
                (Sending::Idle, 1) => (format!("✕ 1 fault  {at}"), Role::Bad),
                (Sending::Idle, count) => (format!("✕ {count} faults  {at}"), Role::Bad),
            }
        }
    }
}

fn list_place(list: &List, app: &App) -> String {
    let shown = list.view.slots.len();
    let rows = list.rows(&app.store);
    let all = rows.len();
    let so_far = if all > 0 && !rows.is_complete { "…" } else { "" };
    let marks = if list.marks.is_empty() { String::new() } else { format!("{} marked  ", list.marks.len()) };
    let of = if shown < all && !list.view.query.is_empty() { format!(" of {all}") } else { String::new() };
    let here = if shown == 0 { 0 } else { list.cursor + 1 };
    format!("{marks}{here}/{shown}{of}{so_far}")
}

/// The program's title, how far back one reads, and how the program stands.
fn pane_place(app: &App) -> (String, Role) {
    let Some(pane) = app.pane() else { return (String::new(), Role::Dim) };
    let (standing, role) = pane.standing();
    let back = match (pane.emulator.display().back(), pane.keys) {
        (0, Keys::Program) => String::new(),
        (rows, _) => format!("{rows} of {} rows back  ", pane.emulator.display().kept()),
    };
    let title = match pane.emulator.title() {
        "" => String::new(),
        title => format!("{title}  "),
    };
    (format!("{title}{back}{}", &*standing), role)
}

fn board_place(board: &Board) -> String {
    let below = board.lines.len().saturating_sub(board.top + board.height);
    if below > 0 { format!("{below} more below") } else { String::new() }
}

fn log_place(log: &LogScreen) -> (String, Role) {
    use crate::console::model::lines::Lines;
    let (state, role) = log.state();
    let (shown, total) = (log.log.len(), log.log.total());
    let gone = if log.log.left > 0 { "+" } else { "" };
    let filter = match log.log.filter() {
        Some(filter) if filter.context > 0 => format!("&{} ±{}  {shown} of ", filter.text(), filter.context),
        Some(filter) => format!("&{}  {shown} of ", filter.text()),
        None => String::new(),
    };
    let since = log.since.map(|since| format!("last {}  ", objects::duration::human(since))).unwrap_or_default();
    let word = if total == 1 { "line" } else { "lines" };
    (with_wrap(&log.place, &format!("{since}{filter}{total}{gone} {word}  {state}")), role)
}

fn with_wrap(place: &Place, text: &str) -> String {
    let find = place.find.as_ref().map(|find| format!("/{}  ", find.as_str())).unwrap_or_default();
    let wrap = if place.wrap == Wrap::On { "wrap  " } else { "" };
    format!("{find}{wrap}{text}")
}
