//! Asks for the cluster's members when it is time to, and puts them into the rows of their nodes.

use super::effect::Effect;
use super::state::{App, Asked};
use crate::console::link::{Command, Failure};
use crate::console::model::cluster::Asking;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::screen::list::Source;
use objects::Kind;
use wire::{Request, Response};

/// A Node changed, or the link came up: the members may be others.
pub fn changed(app: &mut App) {
    app.cluster.is_stale = true;
}

/// There is a connection: to a daemon that may know more than the one before.
pub fn connected(app: &mut App) {
    app.cluster.is_stale = true;
    if app.cluster.asking == Asking::Refused {
        app.cluster.asking = Asking::No;
    }
}

/// Asks, where it is time to.
pub fn ask_if_due(app: &mut App, out: &mut Vec<Effect>) {
    let is_due = app.cluster.due_at(looks_at_nodes(app)).is_some_and(|at| at <= app.now);
    if !is_due || !app.is_live() {
        return;
    }
    let id = app.next_id();
    app.asked.insert(id, Asked::Members);
    app.cluster.ask(app.now);
    out.push(Effect::Link(Command::Ask { id, request: Box::new(Request::Members) }));
}

/// Whether the list of nodes is on the screen.
pub fn looks_at_nodes(app: &App) -> bool {
    match app.screen() {
        Screen::List(list) => list.source == Source::Kind(Kind::Node),
        Screen::Board(board) => matches!(board.topic, Topic::Map(_)),
        _ => false,
    }
}

/// Takes the members over.
pub fn answered(app: &mut App, result: Result<Response, Failure>) {
    app.cluster.asking = match result {
        Ok(Response::Members(members)) => {
            app.cluster.take(members, app.now);
            Asking::No
        }
        // The link's return asks again.
        Err(Failure::Link(_)) => Asking::No,
        Ok(_) | Err(Failure::Refused(_)) => Asking::Refused,
    };
    fill_all(app);
}

/// Puts what is known into every node's row.
pub fn fill_all(app: &mut App) {
    let App { store, cluster, .. } = app;
    for row in store.of_mut(Kind::Node).iter_mut() {
        cluster.fill(row);
    }
    app.invalidate(&Source::Kind(Kind::Node));
}
