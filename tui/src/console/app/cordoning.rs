//! Cordons nodes and takes that back, after asking.

use super::effect::Effect;
use super::overlay::{Overlay, Question};
use super::state::{App, Asked};
use super::undoing::{self, Inverse};
use crate::console::link::{Command, Failure};
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use objects::Kind;
use objects::lookup::flag;
use serde_json::json;
use wire::{DryRun, ReplaceRequest, Request, Response};

/// Names shown in the question; the rest is counted.
const SHOWN: usize = 8;

/// Whether new pods may come to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduling {
    /// They may.
    Enabled,
    /// They may not: it is cordoned.
    Disabled,
}

impl Scheduling {
    const fn verb(self) -> &'static str {
        match self {
            Self::Enabled => "uncordon",
            Self::Disabled => "cordon",
        }
    }

    const fn is_disabled(self) -> bool {
        matches!(self, Self::Disabled)
    }
}

/// Asks about the marked nodes, or the one stood on.
pub fn ask(app: &mut App, wanted: Scheduling) {
    let Screen::List(list) = app.screen() else { return };
    if list.kind() != Some(Kind::Node) {
        return;
    }
    let nodes = app.store.of(Kind::Node);
    let differs =
        |key: &Key| nodes.find(key).is_some_and(|row| flag(&row.object(), "/spec/unschedulable") != wanted.is_disabled());
    let keys: Vec<Key> = list.chosen(&app.store).into_iter().filter(differs).collect();
    let verb = wanted.verb();
    if keys.is_empty() {
        return app.say(Role::Warn, format!("already {verb}ed"));
    }
    let what = if keys.len() == 1 { "node".to_owned() } else { format!("{} nodes", keys.len()) };
    let mut lines: Vec<String> = keys.iter().take(SHOWN).map(|key| format!("  {}", key.name)).collect();
    if keys.len() > SHOWN {
        lines.push(format!("  and {} more", keys.len() - SHOWN));
    }
    lines.push(String::new());
    lines.push(match wanted {
        Scheduling::Disabled => "No new pods come to it; those that are there run on.".to_owned(),
        Scheduling::Enabled => "New pods may come to it again.".to_owned(),
    });
    let (title, button) = match wanted {
        Scheduling::Disabled => (format!("Cordon {what}?"), "Cordon (y)"),
        Scheduling::Enabled => (format!("Uncordon {what}?"), "Uncordon (y)"),
    };
    let dialog = Dialog { title, lines, buttons: vec!["Cancel", button], focus: 1, is_dangerous: false };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Cordon(keys, wanted)));
}

/// Does what was asked about.
pub fn confirmed(app: &mut App, keys: Vec<Key>, wanted: Scheduling, out: &mut Vec<Effect>) {
    for key in keys {
        request(app, key, wanted, out);
    }
    if let Screen::List(list) = app.screen_mut() {
        list.marks.clear();
    }
}

/// Asks the daemon. The version that was read goes with it: somebody else's change is not written over.
pub fn request(app: &mut App, key: Key, wanted: Scheduling, out: &mut Vec<Effect>) {
    let Some(mut object) = app.store.of(Kind::Node).find(&key).map(crate::console::model::row::Row::object) else { return };
    match wanted {
        Scheduling::Disabled => object["spec"]["unschedulable"] = json!(true),
        Scheduling::Enabled => {
            object.pointer_mut("/spec").and_then(serde_json::Value::as_object_mut).map(|spec| spec.remove("unschedulable"));
        }
    }
    let id = app.next_id();
    app.asked.insert(id, Asked::Cordon(key, wanted));
    let request = Request::Replace(ReplaceRequest { object, namespace: String::new(), dry_run: DryRun::No });
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// Says what came of it.
pub fn answered(app: &mut App, key: &Key, wanted: Scheduling, result: Result<Response, Failure>) {
    let verb = wanted.verb();
    match result {
        Ok(_) => {
            let back = if wanted == Scheduling::Enabled { Scheduling::Disabled } else { Scheduling::Enabled };
            undoing::remember(app, format!("{verb}ed node/{}", key.name), Inverse::Cordon(key.clone(), back));
            app.say(Role::Ok, format!("node/{} {verb}ed", key.name));
        }
        Err(failure) => app.say(Role::Bad, format!("node/{} not {verb}ed: {failure}", key.name)),
    }
}
