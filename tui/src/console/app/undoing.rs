//! Takes back what was done last: each action that can be taken back leaves its inverse.

use super::cordoning::{self, Scheduling};
use super::deleting::full_name;
use super::effect::Effect;
use super::overlay::{Choice, Overlay, Question};
use super::scaling::{self, Change};
use super::state::{App, Asked};
use crate::console::link::{Command, Failure};
use crate::console::model::row::Key;
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use crate::console::widget::palette::{Entry, Palette};
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use serde_json::Value;
use wire::{CreateRequest, DryRun, Request, Response};

/// Actions that are remembered.
const MOST: usize = 20;
/// How long they are.
const LASTS: SignedDuration = SignedDuration::from_mins(30);
/// What the daemon gave an object, and gives a new one anew.
const GIVEN: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
];

/// What takes an action back.
#[derive(Debug, Clone, PartialEq)]
pub enum Inverse {
    /// Make the object again.
    Create(Kind, Key, Box<Value>),
    /// Cordon the node, or take that back.
    Cordon(Key, Scheduling),
    /// Change something that makes pods, or a pod's images.
    Change(Kind, Key, Change),
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    at: Timestamp,
    what: String,
    inverse: Inverse,
}

/// Remembers an action.
pub fn remember(app: &mut App, what: String, inverse: Inverse) {
    app.done.push(Done { at: app.now, what, inverse });
    let excess = app.done.len().saturating_sub(MOST);
    app.done.drain(..excess);
}

/// Whether there is something to take back.
pub fn is_possible(app: &App) -> bool {
    recent(app).next().is_some()
}

/// What can be taken back, the newest first.
fn recent(app: &App) -> impl Iterator<Item = (usize, &Done)> {
    let is_recent = |done: &&Done| app.now.duration_since(done.at) <= LASTS;
    app.done.iter().enumerate().rev().filter(move |(_, done)| is_recent(done))
}

/// Asks whether to take the last action back, or the one of that place.
pub fn ask(app: &mut App, at: Option<usize>) {
    let found = recent(app).find(|(place, _)| at.is_none_or(|at| at == *place)).map(|(place, done)| (place, done.clone()));
    let Some((place, done)) = found else {
        return app.say(Role::Dim, "there is nothing to undo");
    };
    let mut lines = vec![format!("  {}", done.what), String::new()];
    match &done.inverse {
        Inverse::Create(kind, key, _) => {
            let is_there = app.store.of(*kind).find(key).is_some();
            if is_there {
                lines.push("It is made again from what it was, once it is gone.".to_owned());
            } else {
                lines.push("It is made again from what it was.".to_owned());
            }
            lines.push("It is a new object: what it held in memory and emptyDir is lost.".to_owned());
        }
        Inverse::Change(_, _, change) => lines.extend(change.promise()),
        Inverse::Cordon(_, Scheduling::Enabled) => lines.push("New pods may come to it again.".to_owned()),
        Inverse::Cordon(_, Scheduling::Disabled) => lines.push("No new pods come to it.".to_owned()),
    }
    let dialog = Dialog { title: "Undo?".to_owned(), lines, buttons: vec!["Cancel", "Undo (y)"], focus: 1, is_dangerous: false };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Undo(place)));
}

/// Shows all that can be taken back.
pub fn choose(app: &mut App) {
    let all: Vec<(usize, String, String)> =
        recent(app).map(|(at, done)| (at, objects::duration::since(Some(done.at), app.now), done.what.clone())).collect();
    if all.is_empty() {
        return app.say(Role::Dim, "there is nothing to undo");
    }
    let entries = all.iter().map(|(_, age, what)| Entry { keys: format!("{age} ago"), text: what.clone(), group: "" }).collect();
    let choices = all.iter().map(|(at, ..)| Choice::Command(format!("undo {at}"))).collect();
    app.overlay = Some(Overlay::Palette(Palette::new("undo", entries), choices));
}

/// Takes it back.
pub fn confirmed(app: &mut App, at: usize, out: &mut Vec<Effect>) {
    if at >= app.done.len() {
        return;
    }
    match app.done.remove(at).inverse {
        Inverse::Change(kind, key, change) => {
            let Some(row) = app.store.of(kind).find(&key) else {
                return app.say(Role::Warn, format!("{}/{} is gone", kind.singular(), full_name(&key)));
            };
            let change = match change {
                // Somebody else may have scaled it meanwhile.
                Change::Replicas { to, .. } => {
                    Change::Replicas { from: objects::lookup::number(&row.object(), "/spec/replicas"), to }
                }
                change => change,
            };
            scaling::request(app, (kind, key), change, out);
        }
        Inverse::Cordon(key, wanted) => cordoning::request(app, key, wanted, out),
        Inverse::Create(kind, key, object) => {
            let object = as_new(*object);
            if app.store.of(kind).find(&key).is_some() {
                app.say(Role::Busy, format!("{}/{} is made again once it is gone", kind.singular(), key.name));
                app.returning.push((kind, key, object));
            } else {
                create(app, kind, key, object, out);
            }
        }
    }
}

/// An object is gone: one that is waited for is made again.
pub fn gone(app: &mut App, kind: Kind, key: &Key, out: &mut Vec<Effect>) {
    while let Some(at) = app.returning.iter().position(|(known, other, _)| *known == kind && other == key) {
        let (kind, key, object) = app.returning.remove(at);
        create(app, kind, key, object, out);
    }
}

fn create(app: &mut App, kind: Kind, key: Key, object: Value, out: &mut Vec<Effect>) {
    let id = app.next_id();
    let request = CreateRequest { object, namespace: key.namespace.to_string(), dry_run: DryRun::No };
    app.asked.insert(id, Asked::Create(kind, key));
    out.push(Effect::Link(Command::Ask { id, request: Box::new(Request::Create(request)) }));
}

/// Says what came of it.
pub fn answered(app: &mut App, kind: Kind, key: &Key, result: &Result<Response, Failure>) {
    match result {
        Ok(_) => app.say(Role::Ok, format!("{}/{} is there again", kind.singular(), full_name(key))),
        Err(failure) => app.say(Role::Bad, format!("{}/{} not made again: {failure}", kind.singular(), key.name)),
    }
}

/// The object without what the daemon gave it, and without its node: it may run elsewhere now.
pub fn as_new(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        GIVEN.iter().for_each(|name| drop(metadata.remove(*name)));
    }
    if let Some(spec) = object.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.remove("nodeName");
    }
    object
}
