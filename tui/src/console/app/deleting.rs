//! Asks before it deletes, and says what came of it.

use super::effect::Effect;
use super::state::{App, Asked, Overlay, Question};
use crate::console::link::{Command, Failure};
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use objects::Kind;
use objects::lookup::{list, text};
use wire::{DeleteRequest, DryRun, ObjectRef, Request, Response};

/// Names shown in the question; the rest is counted.
const SHOWN: usize = 8;

/// Asks whether to delete the marked objects, or the one stood on. `grace` 0 kills them at once.
pub fn ask(app: &mut App, grace: Option<i64>) {
    let Screen::List(screen) = app.screen() else { return };
    let Some(kind) = screen.kind() else { return };
    let keys = screen.chosen(&app.store);
    if keys.is_empty() {
        return;
    }
    let verb = if grace == Some(0) { "Kill" } else { "Delete" };
    let what = if keys.len() == 1 { kind.singular().to_owned() } else { format!("{} {}", keys.len(), kind.plural()) };
    let mut lines: Vec<String> = keys.iter().take(SHOWN).map(|key| format!("  {}", full_name(key))).collect();
    if keys.len() > SHOWN {
        lines.push(format!("  and {} more", keys.len() - SHOWN));
    }
    lines.push(String::new());
    let owner = match keys.as_slice() {
        [one] => app.store.of(kind).find(one).and_then(|row| owner(&row.object())),
        _ => None,
    };
    lines.push(match (grace, owner) {
        (Some(0), _) => "Its processes end at once and cannot finish their work. Press y.".to_owned(),
        (_, Some(owner)) => format!("It will be made again by {owner}."),
        _ if kind == Kind::Pod => "Containers get SIGTERM and their grace period to end.".to_owned(),
        _ => "This cannot be undone.".to_owned(),
    });
    let buttons = if grace == Some(0) { vec!["Cancel", "Kill (y)"] } else { vec!["Cancel", "Delete (y)"] };
    let dialog = Dialog { title: format!("{verb} {what}?"), lines, buttons, focus: 0, is_dangerous: true };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Delete(kind, keys, grace)));
}

/// Deletes what was asked about.
pub fn confirmed(app: &mut App, kind: Kind, keys: Vec<Key>, grace: Option<i64>, out: &mut Vec<Effect>) {
    app.say(Role::Busy, format!("deleting {} {}…", keys.len(), if keys.len() == 1 { kind.singular() } else { kind.plural() }));
    for key in keys {
        let uid = app.store.of(kind).find(&key).map(|row| row.uid.to_string()).filter(|uid| !uid.is_empty());
        let object = ObjectRef { kind, namespace: key.namespace.to_string(), name: key.name.to_string() };
        // The uid makes sure that nothing is deleted that only has the same name.
        let request = Request::Delete(DeleteRequest { object, grace_period_seconds: grace, uid, dry_run: DryRun::No });
        let id = app.next_id();
        app.asked.insert(id, Asked::Delete(kind, key));
        out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
    }
    if let Screen::List(list) = app.screen_mut() {
        list.marks.clear();
    }
}

/// Says what came of a deletion.
pub fn answered(app: &mut App, kind: Kind, key: &Key, result: Result<Response, Failure>) {
    match result {
        Ok(_) => app.say(Role::Ok, format!("{}/{} deleted", kind.singular(), key.name)),
        Err(failure) => app.say(Role::Bad, format!("{}/{} not deleted: {failure}", kind.singular(), key.name)),
    }
}

/// `namespace/name`, or the name alone.
pub fn full_name(key: &Key) -> String {
    if key.namespace.is_empty() { key.name.to_string() } else { format!("{}/{}", key.namespace, key.name) }
}

fn owner(object: &serde_json::Value) -> Option<String> {
    let owner = list(object, "/metadata/ownerReferences").first()?;
    Some(format!("{}/{}", text(owner, "/kind").to_lowercase(), text(owner, "/name")))
}
