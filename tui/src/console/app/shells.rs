//! The programs in panes as a list, and what becomes of them when the console is left.

use super::state::App;
use crate::console::base::text;
use crate::console::link::{PaneEnd, PaneProgram};
use crate::console::model::row::Tone;
use crate::console::model::shells::{self, Shell};
use crate::console::screen::Screen;
use crate::console::screen::list::{List, Source};
use crate::console::screen::pane::{Pane, PaneState};
use objects::Kind;

/// Shows the list of those that run, or whose end nobody has seen.
pub fn show(app: &mut App) {
    show_rows(app);
    let mut list = List::shells();
    list.is_root = true;
    app.push(Screen::List(Box::new(list)));
}

/// Goes to the pane of a row.
pub fn go_to(app: &mut App, row: &str) {
    let Some(pane) = app.panes.iter().find(|pane| pane.id.to_string() == *row) else { return };
    let view = pane.view();
    let id = view.id;
    // It stands on the path once.
    app.screens.retain(|screen| !matches!(screen, Screen::Pane(view) if view.id == id));
    app.push(Screen::Pane(view));
}

/// Puts the rows of all panes where lists find them.
pub fn show_rows(app: &mut App) {
    let pods = app.store.of(Kind::Pod);
    let rows = app.panes.iter().map(|pane| {
        let about = pane.about();
        let subject = about.subject();
        let node = match subject.0 {
            Kind::Pod => pods.find(&subject.1).map_or("", |row| row.node()),
            _ => &*subject.1.name,
        };
        let (status, tone) = status(pane);
        shells::row(&Shell {
            id: pane.id,
            word: about.word(),
            container: about.container(),
            subject: subject.clone(),
            status: &status,
            tone,
            is_unread: pane.is_unread,
            title: pane.emulator.title(),
            node,
            since: pane.since,
        })
    });
    let rows = rows.collect();
    app.store.put_shells(rows);
    app.invalidate(&Source::Shells);
}

fn status(pane: &Pane) -> (String, Tone) {
    match &pane.state {
        PaneState::Opening => ("opening".to_owned(), Tone::Busy),
        PaneState::Running => ("running".to_owned(), Tone::Ok),
        PaneState::Ended(PaneEnd::Exited(code)) => {
            (format!("ended, exit code {code}"), if *code == 0 { Tone::Done } else { Tone::Bad })
        }
        PaneState::Ended(PaneEnd::Failed(why)) => (text::clean(why), Tone::Bad),
        PaneState::Ended(PaneEnd::Lost(_)) => ("link lost".to_owned(), Tone::Bad),
        PaneState::Ended(PaneEnd::Left) => ("left".to_owned(), Tone::Done),
    }
}

/// What becomes of programs in panes when the console is left, as sentences.
pub fn warnings(app: &App) -> Vec<String> {
    let running = || app.panes.iter().filter(|pane| pane.is_running());
    let joined = running().filter(|pane| matches!(pane.program, PaneProgram::Attach { .. })).count();
    let run = running().count() - joined;
    let mut told = Vec::new();
    match run {
        0 => {}
        1 => told.push("1 shell in a pane ends with it, and what runs in it.".to_owned()),
        count => told.push(format!("{count} shells in panes end with it, and what runs in them.")),
    }
    match joined {
        0 => {}
        1 => told.push("1 container that is attached to goes on.".to_owned()),
        count => told.push(format!("{count} containers that are attached to go on.")),
    }
    told
}

/// Whether something ends with the console.
pub fn has_running(app: &App) -> bool {
    app.panes.iter().any(|pane| pane.is_running() && !matches!(pane.program, PaneProgram::Attach { .. }))
}
