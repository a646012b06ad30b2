//! The kinds that are watched only once somebody looks at them, and commands that wait for such a kind.
//!
//! Pods, nodes and events are always watched. The others are from the moment on that one of their screens is shown: a console that
//! shows no secrets reads none.

use super::command;
use super::effect::Effect;
use super::state::App;
use crate::console::link::Command;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::theme::role::Role;
use objects::Kind;

/// The kinds that the link watches from its start on.
pub const ALWAYS: [Kind; 3] = [Kind::Node, Kind::Pod, Kind::Event];

/// Begins to watch what is looked at or waited for.
pub fn watch_if_due(app: &mut App, out: &mut Vec<Effect>) {
    let looked_at = match app.screen() {
        Screen::List(list) => [list.kind(), None],
        Screen::Reader(reader) => [Some(reader.kind), None],
        Screen::Board(board) => match &board.topic {
            // A deployment's pods are those of its sets.
            Topic::Why(why) if why.kind.makes_pods() => [Some(why.kind), Some(Kind::ReplicaSet)],
            Topic::Pulses => [Some(Kind::Deployment), None],
            Topic::Tree(_) => [Some(Kind::ReplicaSet), None],
            _ => [None, None],
        },
        _ => [None, None],
    };
    // What was refused is asked for again once one comes back to it, and not as long as one looks at the refusal.
    app.refused.retain(|(kind, _)| looked_at.contains(&Some(*kind)));
    let is_refused = |kind: &Kind| app.refused.iter().any(|(known, _)| known == kind);
    let wanted = looked_at.into_iter().flatten().filter(|kind| !is_refused(kind));
    let wanted = wanted.chain(app.waiting.as_ref().map(|(kind, _)| *kind));
    let new: Vec<Kind> = wanted.filter(|kind| !app.watched.contains(kind)).collect();
    for kind in new {
        if !app.watched.contains(&kind) {
            app.watched.push(kind);
            out.push(Effect::Link(Command::Watch { kind }));
        }
    }
}

/// Whether a command about an object of this kind has to wait until its objects are known. It is run again then.
pub fn waits(app: &mut App, kind: Kind, text: &str) -> bool {
    if app.store.of(kind).is_complete || app.watched.contains(&kind) {
        return false;
    }
    app.waiting = Some((kind, text.to_owned()));
    app.say(Role::Busy, format!("reading {}…", kind.plural()));
    true
}

/// All objects of a kind are known: what waited for them goes on.
pub fn arrived(app: &mut App, kind: Kind, out: &mut Vec<Effect>) {
    if let Some((_, text)) = app.waiting.take_if(|(waited, _)| *waited == kind) {
        app.toast = None;
        command::run_quietly(app, &text, out);
    }
}

/// A kind may not be watched: its list says so, and it is asked for again when one looks again.
pub fn refused(app: &mut App, kind: Kind, why: &str) {
    app.waiting.take_if(|(waited, _)| *waited == kind);
    app.watched.retain(|known| *known != kind || ALWAYS.contains(known));
    app.refused.retain(|(known, _)| *known != kind);
    app.refused.push((kind, why.to_owned()));
    app.say(Role::Bad, format!("cannot watch {}: {why}", kind.plural()));
}
