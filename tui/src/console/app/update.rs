//! The one place where the state changes: a message in, effects out.

use super::effect::Effect;
use super::msg::{Msg, Wire};
use super::rights::{OnCluster, Rights};
use super::state::{App, Asked};
use super::{
    boards, copying, cordoning, deleting, draining, editing, forwarding, images, input, kinds, logs, members, merging, metering,
    panes, scaling, session, theming, travel, undoing, unsaved,
};
use crate::console::link::Standing;
use crate::console::model::row::Key;
use crate::console::model::store::Change;
use crate::console::screen::Screen;
use crate::console::screen::board::Known;
use crate::console::term::input::Input;
use crate::console::theme::role::Role;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;

/// Takes one message over.
pub fn update(app: &mut App, now: Timestamp, msg: Msg) -> Vec<Effect> {
    app.now = now;
    let mut out = Vec::new();
    match msg {
        Msg::Input(Input::Key(key)) => {
            app.pressed = None;
            if !panes::key(app, key, &mut out) {
                input::key(app, key.into(), &mut out);
            }
        }
        Msg::Input(Input::Mouse(mouse)) => super::mouse::take(app, mouse, &mut out),
        Msg::Input(Input::Paste(text)) if app.overlay.is_none() && panes::paste(app, &text, &mut out) => {}
        Msg::Input(Input::Paste(text)) => input::paste(app, &text),
        Msg::Resized(columns, rows) => app.size = (columns, rows),
        Msg::Input(Input::Background(shade)) => theming::follow(app, shade),
        // Lines are taken by the loop that prints, before the state is brought up to date.
        Msg::Input(Input::Shown) | Msg::Line(_) => {}
        Msg::Input(Input::Gone) => {
            out.extend(session::keep(app).map(|text| Effect::Keep(session::FILE, text)));
            out.push(Effect::Quit);
        }
        Msg::Wire(wire) => take_wire(app, wire, &mut out),
        Msg::Read(path, text) => editing::opened(app, path, text),
        Msg::Written(path, Ok(())) => {
            app.say(Role::Ok, format!("wrote {}", path.display()));
            editing::written(app, &path);
        }
        Msg::Written(path, Err(why)) => app.say(Role::Bad, format!("cannot write {}: {why}", path.display())),
        Msg::Edited(text) => editing::edited(app, text),
        Msg::NotKept(what, why) => app.say(Role::Bad, format!("cannot keep {what}: {why}")),
        Msg::NotRun(program, why) => app.say(Role::Bad, format!("cannot run {program}: {why}")),
        Msg::Suspend => out.push(Effect::Suspend),
        Msg::CannotCopy => {
            app.say(Role::Warn, "nothing was copied: the output is no terminal, and only a terminal has a clipboard")
        }
        Msg::CannotSuspend => app.say(Role::Warn, "no shell waits behind the console, so it cannot be suspended"),
        Msg::Time => {}
    }
    if app.toast.as_ref().is_some_and(|toast| toast.until <= now) {
        app.toast = None;
    }
    session::resume_if_ready(app, &mut out);
    members::ask_if_due(app, &mut out);
    boards::ask_if_due(app, &mut out);
    images::ask_if_due(app, &mut out);
    metering::ask_if_due(app, &mut out);
    kinds::watch_if_due(app, &mut out);
    unsaved::look(app, &mut out);
    panes::resize_if_due(app, &mut out);
    admit(app, &mut out);
    settle(app);
    out
}

/// Takes out the effects that this console has no right to, and tells the state so.
pub fn admit(app: &mut App, out: &mut Vec<Effect>) {
    let rights = match app.travel {
        // Whatever way leads to a change from the past, it is not made.
        Some(_) => Rights { on_cluster: OnCluster::Read, ..app.rights },
        None => app.rights,
    };
    for told in rights.check(out) {
        take_wire(app, told, out);
    }
}

/// Makes the shown screen ready to be painted in the window as it is now.
pub fn settle(app: &mut App) {
    let (columns, rows) = app.body();
    let (now, store) = (travel::moment(app), &app.store);
    match app.screens.last_mut() {
        Some(Screen::List(list)) => {
            list.height = usize::from(rows.saturating_sub(1));
            // What changes all the time is no line to be read out each time.
            list.resize(if app.prints_lines { 0 } else { columns });
            list.choose(app.columns.get(list.name()));
            if !list.refresh(store, now) {
                list.settle();
            }
        }
        Some(Screen::Board(board)) => {
            board.refresh(&Known { store, cluster: &app.cluster, now, zone: &app.zone, size: (columns, rows) });
        }
        Some(Screen::Reader(reader)) => {
            reader.place.size = (columns.saturating_sub(2), rows);
            reader.refresh(store, &now.to_zoned(app.zone.clone()));
        }
        Some(Screen::Log(log)) => {
            log.settle((columns.saturating_sub(2), rows), store);
        }
        Some(Screen::Edit(edit)) => {
            edit.look();
            let panel = edit.panel_height(columns, rows);
            edit.editor.settle((columns, rows.saturating_sub(panel)));
        }
        Some(Screen::Pane(_)) | None => {}
    }
}

fn take_wire(app: &mut App, wire: Wire, out: &mut Vec<Effect>) {
    let Some(wire) = travel::put_aside(app, wire) else { return };
    match wire {
        Wire::Standing(standing) => take_standing(app, standing, out),
        Wire::RoundTrip(time) => app.round_trip = Some(time),
        Wire::Begun(kind, rows) => {
            rows.into_iter().for_each(|row| _ = app.store.of_mut(kind).put(row));
            invalidate_lists(app);
        }
        Wire::Rows(kind, rows) => {
            app.store.of_mut(kind).replace(rows);
            app.refused.retain(|(known, _)| *known != kind);
            kinds::arrived(app, kind, out);
            settle_missing(app, kind, out);
            if !app.store.usage.is_empty() && matches!(kind, Kind::Pod | Kind::Node) {
                metering::fill(app, kind);
            }
            invalidate_lists(app);
            if kind == Kind::Node {
                members::fill_all(app);
                members::changed(app);
            }
            logs::follow_pod(app, out);
        }
        Wire::Put(kind, mut row) => {
            if kind == Kind::Node {
                app.cluster.fill(&mut row);
                members::changed(app);
            }
            app.store.usage.fill(kind, &mut row);
            let change = app.store.of_mut(kind).put(*row);
            follow(app, kind, change, out);
        }
        Wire::Remove(kind, key) => {
            if kind == Kind::Node {
                members::changed(app);
            }
            if let Some(change) = app.store.of_mut(kind).remove(&key) {
                follow(app, kind, change, out);
            }
            gone(app, kind, &key, out);
        }
        Wire::Refused(kind, why) => kinds::refused(app, kind, &why),
        Wire::Answer(id, result) => match app.asked.remove(&id) {
            Some(Asked::Delete(kind, key, before)) => {
                deleting::answered(app, (kind, &key), before, &result);
                if result.is_err() && kind == Kind::Pod {
                    draining::refused(app, &key);
                }
            }
            Some(Asked::Create(kind, key)) => undoing::answered(app, kind, &key, &result),
            Some(Asked::Recreate) => super::recreating::answered(app, id, result, out),
            Some(Asked::Past(wanted)) => travel::answered(app, wanted, result),
            Some(Asked::Images(node)) => images::answered(app, &node, result),
            Some(Asked::ImageWork(node, what)) => images::worked(app, (node, &what), &result, out),
            Some(Asked::Cordon(key, wanted)) => cordoning::answered(app, &key, wanted, result),
            Some(Asked::Change(kind, key, change)) => scaling::answered(app, (kind, &key), &change, result),
            Some(Asked::Members) => members::answered(app, result),
            Some(Asked::Usage(node)) => metering::answered(app, node.as_deref(), result),
            Some(Asked::Board) => boards::answered(app, id, &result),
            Some(Asked::Newer) => merging::answered(app, id, result, out),
            Some(Asked::Edit) => editing::answered(app, id, result, out),
            None => drop(images::pulled(app, id, &result, out)),
        },
        Wire::Denied(why) => app.say(Role::Warn, why),
        stream => take_stream(app, stream, out),
    }
}

/// An object is gone: what waited for that goes on.
fn gone(app: &mut App, kind: Kind, key: &Key, out: &mut Vec<Effect>) {
    undoing::gone(app, kind, key, out);
    super::recreating::gone(app, kind, key, out);
    if kind == Kind::Pod {
        draining::gone(app, key);
        forwarding::gone(app, key);
    }
}

/// News of pulls, logs, port-forwards, copies and programs in panes.
fn take_stream(app: &mut App, wire: Wire, out: &mut Vec<Effect>) {
    match wire {
        Wire::Progress(id, step) => images::progressed(app, id, &step),
        Wire::Forward(id, report) => forwarding::reported(app, id, report),
        Wire::Pane(id, news) => panes::take(app, id, news, out),
        Wire::Copied(id, bytes) => copying::progressed(app, id, bytes),
        Wire::CopyEnd(id, result) => copying::ended(app, id, result),
        // A board's own log is no log screen's.
        Wire::Log(id, ref bytes) if boards::take_log(app, id, bytes) => {}
        Wire::LogEnd(id, ref failure) if boards::end_log(app, id, failure.as_ref()) => {}
        Wire::Log(id, bytes) => logs::take(app, id, &bytes),
        Wire::LogEnd(id, failure) => logs::ended(app, id, failure, out),
        _ => {}
    }
}

fn invalidate_lists(app: &mut App) {
    for screen in &mut app.screens {
        if let Screen::List(list) = screen {
            list.invalidate();
        }
    }
}

/// After a list was read anew, what it lacks is gone.
fn settle_missing(app: &mut App, kind: Kind, out: &mut Vec<Effect>) {
    let is_gone = |key: &Key, app: &App| app.store.of(kind).slot(key).is_none();
    let waited: Vec<Key> = app.returning.iter().filter(|(known, ..)| *known == kind).map(|(_, key, _)| key.clone()).collect();
    for key in waited.into_iter().filter(|key| is_gone(key, app)).collect::<Vec<_>>() {
        undoing::gone(app, kind, &key, out);
    }
    for key in super::recreating::awaited(app, kind).into_iter().filter(|key| is_gone(key, app)).collect::<Vec<_>>() {
        super::recreating::gone(app, kind, &key, out);
    }
    if kind == Kind::Pod {
        let left: Vec<Key> = app.drains.iter().flat_map(|drain| drain.left.iter().cloned()).collect();
        for key in left.into_iter().filter(|key| is_gone(key, app)).collect::<Vec<_>>() {
            draining::gone(app, &key);
        }
    }
}

fn follow(app: &mut App, kind: Kind, change: Change, out: &mut Vec<Effect>) {
    let shown = app.screens.len() - 1;
    for (at, screen) in app.screens.iter_mut().chain(&mut app.later).enumerate() {
        if let Screen::List(list) = screen {
            // Only the shown list is kept up step by step; the others are made anew when one comes back to them.
            if at == shown { list.follow(&app.store, kind, change, app.now) } else { list.invalidate() }
        }
    }
    if kind == Kind::Pod {
        logs::follow_pod(app, out);
    }
}

fn take_standing(app: &mut App, standing: Standing, out: &mut Vec<Effect>) {
    match &standing {
        Standing::Live { node, .. } => {
            app.node.clone_from(node);
            if matches!(app.standing, Standing::Lost { .. }) {
                app.say(Role::Ok, "connected again");
            }
        }
        Standing::Lost { ago, .. } => {
            let ago = SignedDuration::try_from(*ago).unwrap_or_default();
            app.standing_since = app.now.checked_sub(ago).unwrap_or(app.now);
            app.round_trip = None;
        }
        Standing::Connecting { .. } => app.standing_since = app.now,
    }
    let is_back = matches!(standing, Standing::Live { .. });
    app.standing = standing;
    if is_back {
        members::connected(app);
        metering::connected(app);
        logs::resume_all(app, out);
    }
}
