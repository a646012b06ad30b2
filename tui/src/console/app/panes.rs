//! Programs in panes: what is typed goes to the one that is shown, what they write is drawn; they go on while one looks elsewhere, and
//! end with the console.

use super::effect::Effect;
use super::state::App;
use super::{navigate, shells};
use crate::console::keys::action::Action;
use crate::console::keys::key::Key;
use crate::console::keys::map::Meaning;
use crate::console::keys::table::Place;
use crate::console::link::{Command, Keyboard, PaneEnd, PaneNews, PaneProgram, PaneRequest};
use crate::console::screen::Screen;
use crate::console::screen::list::{List, Source};
use crate::console::screen::pane::{Keys, Pane, PaneAbout, PaneState, Typed, encode};
use crate::console::term::input::{Gesture, Mouse};
use crate::console::theme::role::Role;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use objects::Kind;
use wire::TerminalSize;

/// The most programs that have a pane: each keeps what was scrolled out of it.
const MAX_PANES: usize = 16;
/// Rows that one step of the wheel moves.
const STEP: usize = 3;

impl App {
    /// The pane that is shown.
    pub fn pane(&self) -> Option<&Pane> {
        let Screen::Pane(view) = self.screen() else { return None };
        self.panes.iter().find(|pane| pane.id == view.id)
    }

    /// The pane that is shown, to change it.
    pub fn pane_mut(&mut self) -> Option<&mut Pane> {
        let Screen::Pane(view) = self.screens.last()? else { return None };
        let id = view.id;
        self.panes.iter_mut().find(|pane| pane.id == id)
    }

    /// There is always a screen to go back to: without another one the list of pods.
    pub fn keep_a_root(&mut self) {
        if self.screens.iter().all(|screen| matches!(screen, Screen::Pane(_))) {
            let mut list = List::of(Kind::Pod, self.namespaces.clone());
            list.is_root = true;
            self.screens.insert(0, Screen::List(Box::new(list)));
        }
    }

    /// Whether keys are text for somebody else: an editor's or a program's.
    pub fn types_text(&self) -> bool {
        matches!(self.screen(), Screen::Edit(_)) || self.pane().is_some_and(Pane::has_keys)
    }
}

fn terminal_size((columns, rows): (u16, u16)) -> TerminalSize {
    TerminalSize { columns, rows }
}

/// Runs a program in a pane, and shows it.
pub fn open(app: &mut App, program: PaneProgram, out: &mut Vec<Effect>) {
    if app.panes.len() >= MAX_PANES {
        return app.say(Role::Warn, format!("{MAX_PANES} programs have a pane already; :shells lists them"));
    }
    let (id, size) = (app.next_id(), app.body());
    let pane = Pane::new(id, program, size, app.now);
    ask(&pane, out);
    let view = pane.view();
    app.panes.push(pane);
    shells::show_rows(app);
    app.push(Screen::Pane(view));
}

fn ask(pane: &Pane, out: &mut Vec<Effect>) {
    let size = terminal_size(pane.emulator.size());
    let request = Box::new(PaneRequest { program: pane.program.clone(), size });
    out.push(Effect::Link(Command::Pane { id: pane.id, request, keyboard: Keyboard::new(size) }));
}

/// Takes news of a program.
pub fn take(app: &mut App, id: u32, news: PaneNews, out: &mut Vec<Effect>) {
    let shown = app.pane().map(|pane| pane.id);
    let now = app.now;
    let Some(pane) = app.panes.iter_mut().find(|pane| pane.id == id) else { return };
    let is_seen = shown == Some(id);
    match news {
        PaneNews::Begun => {
            (pane.state, pane.since) = (PaneState::Running, now);
            shells::show_rows(app);
        }
        PaneNews::Output(chunk) => {
            let answers = pane.write(&chunk.bytes);
            let is_news = !is_seen && !pane.is_unread;
            pane.is_unread |= !is_seen;
            let wants_clipboard = pane.emulator.take_clipboard_wish() && !pane.told_of_clipboard;
            pane.told_of_clipboard |= wants_clipboard;
            if !answers.is_empty() && pane.is_running() {
                out.push(Effect::Link(Command::Type { id, bytes: answers }));
            }
            let rings = pane.emulator.take_bell() && !is_seen;
            let about = pane.about();
            if rings {
                app.say(Role::Busy, format!("the {} in {} rings", about.word(), about.subject().1.name));
            }
            if wants_clipboard && is_seen {
                app.say(Role::Warn, "the program asked for your clipboard, which a program in a pane does not get");
            }
            if is_news {
                shells::show_rows(app);
            }
        }
        PaneNews::Full => app.say(Role::Warn, "the program does not read what is typed; some of it is lost"),
        PaneNews::Ended(end) => {
            (pane.state, pane.since) = (PaneState::Ended(end.clone()), now);
            pane.is_unread |= !is_seen;
            if let Some((role, told)) = told(pane, &end, is_seen) {
                app.say(role, told);
            }
            app.pending.clear();
            shells::show_rows(app);
        }
    }
}

/// What is said of an end: of one that is seen only what the picture does not tell.
fn told(pane: &Pane, end: &PaneEnd, is_seen: bool) -> Option<(Role, String)> {
    let about = pane.about();
    let name = format!("{} in {}", about.word(), about.subject().1.name);
    match end {
        PaneEnd::Failed(why) => Some((Role::Bad, why.clone())),
        PaneEnd::Lost(why) => {
            let what = if matches!(about, PaneAbout::Attach(..)) { "the container goes on" } else { "what ran in it ended" };
            Some((Role::Bad, format!("{name}: the link was lost ({why}); {what}")))
        }
        PaneEnd::Exited(_) | PaneEnd::Left if is_seen => None,
        PaneEnd::Exited(code) => {
            let role = if *code == 0 { Role::Ok } else { Role::Warn };
            Some((role, format!("{name} ended with exit code {code}")))
        }
        PaneEnd::Left => None,
    }
}

/// Takes a key where the shown program has them; says whether it did. The keys of the table begin with one that no shell needs.
pub fn key(app: &mut App, event: KeyEvent, out: &mut Vec<Effect>) -> bool {
    if app.overlay.is_some() || !app.pane().is_some_and(Pane::has_keys) || !app.pending.is_empty() {
        return false;
    }
    let page = usize::from(app.body().1.max(2)) - 1;
    if let (true, Some(pane)) = (event.modifiers == KeyModifiers::SHIFT, app.pane_mut()) {
        match event.code {
            KeyCode::PageUp => {
                scroll(pane, page as i64);
                return true;
            }
            KeyCode::PageDown => {
                scroll(pane, -(page as i64));
                return true;
            }
            _ => {}
        }
    }
    if app.keys.look_up(&[Place::Pane], &[Key::from(event)]) != Meaning::Nothing {
        return false;
    }
    app.toast = None;
    send_key(app, event, out);
    true
}

/// Sends a key to the shown program, whatever the table says of it.
pub fn send_key(app: &mut App, event: KeyEvent, out: &mut Vec<Effect>) {
    let Some(pane) = app.pane_mut() else { return };
    let (id, typed) = (pane.id, pane.type_key(event));
    send(app, id, typed, out);
}

/// Takes a pasted text where the shown program has the keys; says whether it did.
pub fn paste(app: &mut App, text: &str, out: &mut Vec<Effect>) -> bool {
    let Some(pane) = app.pane_mut().filter(|pane| pane.has_keys()) else { return false };
    let (id, typed) = (pane.id, pane.type_text(text));
    send(app, id, typed, out);
    true
}

fn send(app: &mut App, id: u32, typed: Typed, out: &mut Vec<Effect>) {
    match typed {
        Typed::Bytes(bytes) => out.push(Effect::Link(Command::Type { id, bytes })),
        Typed::End => out.push(Effect::Link(Command::Type { id, bytes: Vec::new() })),
        Typed::Nothing => {}
        Typed::Deaf => app.say(Role::Warn, "the container reads no input (stdin in its manifest)"),
    }
}

/// Takes what the mouse did where the shown program asked for it, and the wheel in any; says whether it did.
pub fn mouse(app: &mut App, mouse: Mouse, out: &mut Vec<Effect>) -> bool {
    let (columns, rows) = app.body();
    let is_inside = (2..2 + rows).contains(&mouse.y) && mouse.x < columns;
    let follows = matches!(mouse.gesture, Gesture::Drag | Gesture::Release);
    // A button that was pressed on something of the console's is let go there.
    if app.overlay.is_some() || app.pressed.is_some() && follows || !is_inside && !follows {
        return false;
    }
    let Some(pane) = app.pane_mut() else { return false };
    let at =
        Mouse { y: mouse.y.saturating_sub(2).min(rows.saturating_sub(1)), x: mouse.x.min(columns.saturating_sub(1)), ..mouse };
    let id = pane.id;
    if let Some(bytes) = encode::mouse(pane.emulator.modes(), at).filter(|_| pane.has_keys()) {
        if !bytes.is_empty() {
            out.push(Effect::Link(Command::Type { id, bytes }));
        }
        app.pressed = None;
        return true;
    }
    let (up, key) = match mouse.gesture {
        Gesture::WheelUp => (true, KeyCode::Up),
        Gesture::WheelDown => (false, KeyCode::Down),
        _ => return false,
    };
    // A program with a whole screen scrolls by itself, by the keys that it has.
    if pane.has_keys() && pane.emulator.display().is_alternate() {
        let bytes = encode::key(KeyEvent::new(key, KeyModifiers::NONE), pane.emulator.modes().has_application_cursor);
        out.push(Effect::Link(Command::Type { id, bytes: bytes.repeat(STEP) }));
    } else {
        scroll(pane, if up { STEP as i64 } else { -(STEP as i64) });
    }
    true
}

/// Moves the window up into what was scrolled out, or down again.
fn scroll(pane: &mut Pane, rows: i64) {
    let back = pane.emulator.display().back().saturating_add_signed(rows as isize);
    pane.emulator.go_back_to(back);
}

/// Does what a key or a command asks of the shown pane.
pub fn perform(app: &mut App, action: Action, times: Option<usize>, out: &mut Vec<Effect>) {
    let page = i64::from(app.body().1.max(2)) - 1;
    let many = times.unwrap_or(1) as i64;
    match action {
        Action::HangUp => return hang_up(app, out),
        Action::Again => return again(app, out),
        _ => {}
    }
    let Some(pane) = app.pane_mut() else { return };
    match action {
        Action::ScrollBack => pane.keys = Keys::Reading,
        Action::Up => scroll(pane, many),
        Action::Down => scroll(pane, -many),
        Action::HalfUp => scroll(pane, many * (page / 2).max(1)),
        Action::HalfDown => scroll(pane, -many * (page / 2).max(1)),
        Action::PageUp => scroll(pane, many * page),
        Action::PageDown => scroll(pane, -many * page),
        Action::Top => pane.emulator.go_back_to(usize::MAX),
        Action::Bottom => pane.emulator.go_back_to(0),
        _ => {}
    }
}

/// What Esc does: from what was scrolled out to the newest, from there to the screen before.
pub fn back(app: &mut App, out: &mut Vec<Effect>) {
    match app.pane_mut() {
        Some(pane) if pane.is_running() && pane.keys == Keys::Reading => {
            pane.keys = Keys::Program;
            pane.emulator.go_back_to(0);
        }
        _ => navigate::close(app, out),
    }
}

/// The shown screen is left. A pane whose program has ended goes with it.
pub fn left(app: &mut App, id: u32) {
    let Some(pane) = app.panes.iter_mut().find(|pane| pane.id == id) else { return };
    if !pane.is_running() {
        return forget(app, id);
    }
    pane.keys = Keys::Program;
    pane.emulator.go_back_to(0);
    let about = pane.about();
    let list = navigate::keys_of(app, Action::Shells);
    app.say(Role::Ok, format!("the {} in {} goes on{list}", about.word(), about.subject().1.name));
}

fn forget(app: &mut App, id: u32) {
    app.panes.retain(|pane| pane.id != id);
    let is_its = |screen: &Screen| matches!(screen, Screen::Pane(view) if view.id == id);
    app.keep_a_root();
    app.screens.retain(|screen| !is_its(screen));
    app.later.retain(|screen| !is_its(screen));
    shells::show_rows(app);
}

/// Ends the shown program, or leaves the container that goes on without us; in the list those that are marked.
pub fn hang_up(app: &mut App, out: &mut Vec<Effect>) {
    let ids: Vec<u32> = match app.screen() {
        Screen::Pane(view) => vec![view.id],
        Screen::List(list) if list.source == Source::Shells => {
            list.chosen(&app.store).iter().filter_map(|key| key.name.parse().ok()).collect()
        }
        _ => return,
    };
    let mut told = None;
    for id in &ids {
        let Some(pane) = app.panes.iter().find(|pane| pane.id == *id) else { continue };
        if pane.is_running() {
            out.push(Effect::Link(Command::End { id: *id }));
            let about = pane.about();
            let name = about.subject().1.name;
            told = Some(match about {
                PaneAbout::Attach(..) => format!("left {name}; its container goes on"),
                _ => format!("the shell in {name} was hung up"),
            });
        }
    }
    if let Some(Screen::List(list)) = app.screens.last_mut() {
        list.marks.clear();
    }
    let was_shown = matches!(app.screen(), Screen::Pane(_));
    for id in &ids {
        forget(app, *id);
    }
    if was_shown {
        navigate::shown_again(app, out);
    }
    match (told, ids.len()) {
        (Some(told), 1) => app.say(Role::Ok, told),
        (Some(_), count) => app.say(Role::Ok, format!("{count} were hung up or left")),
        (None, _) => {}
    }
}

/// Runs the program of a pane again, or joins it again.
fn again(app: &mut App, out: &mut Vec<Effect>) {
    let (now, size) = (app.now, app.body());
    let Some(pane) = app.pane_mut() else { return };
    if pane.is_running() {
        return app.say(Role::Dim, "it still runs");
    }
    let mut fresh = Pane::new(pane.id, pane.program.clone(), size, now);
    if matches!(pane.program, PaneProgram::Attach { .. }) {
        // It is the same program, which goes on where it is.
        std::mem::swap(&mut fresh.emulator, &mut pane.emulator);
        fresh.emulator.go_back_to(0);
    }
    *pane = fresh;
    ask(pane, out);
    shells::show_rows(app);
}

/// Tells the shown program how large its window is now. Those that are not shown are told when they are.
pub fn resize_if_due(app: &mut App, out: &mut Vec<Effect>) {
    if app.panes.is_empty() || app.prints_lines {
        return;
    }
    let size = app.body();
    let Some(pane) = app.pane_mut() else { return };
    let wanted = (size.0.max(2), size.1.max(1));
    if pane.emulator.size() != wanted {
        // Of a program that has ended the newest rows stay in sight.
        pane.emulator.resize(wanted);
        if pane.is_running() {
            out.push(Effect::Link(Command::Resize { id: pane.id, size: terminal_size(wanted) }));
        }
    }
    if std::mem::take(&mut pane.is_unread) {
        shells::show_rows(app);
    }
}
