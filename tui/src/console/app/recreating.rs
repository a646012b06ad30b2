//! A change that the API refuses in place: the object is deleted and made again from the edited manifest, as `kubectl replace --force`
//! does it, after asking.
//!
//! First the daemon checks the manifest under another name, so that nothing is deleted for a manifest that is not good. Whatever fails
//! later, the text stays, or comes back in an editor of its own.

use super::deleting;
use super::effect::Effect;
use super::merging;
use super::navigate;
use super::overlay::{Overlay, Question};
use super::state::{App, Asked};
use super::undoing::as_new;
use crate::console::link::{Command, Failure};
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::screen::edit::{Edit, Origin, Sending};
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use objects::Kind;
use serde_json::Value;
use wire::{CreateRequest, DeleteOptions, DeleteRequest, DryRun, ObjectRef, Request, Response};

/// What a refusal says that a new object would not hear.
const IN_PLACE: [&str; 3] = ["may not change fields other than", "is immutable", "may not be changed in an update"];
/// What is put behind the name while the manifest is checked: the name itself is taken.
const CHECKED: &str = "-checked";

/// An object that is being made again.
#[derive(Debug, Clone)]
pub struct Recreating {
    kind: Kind,
    key: Key,
    object: Value,
    /// The manifest as it was written.
    text: String,
    stage: Stage,
    /// The question that is open.
    id: u32,
}

/// How far that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The manifest is checked.
    Checking,
    /// The old object is being deleted.
    Deleting,
    /// The new one is being made.
    Creating,
}

/// Whether a refusal is one that only a new object gets around.
pub fn is_way_out(app: &App, origin: &Origin, failure: &Failure) -> bool {
    let (Origin::Live(kind, key), Failure::Refused(status)) = (origin, failure) else { return false };
    let is_in_place = status.code == 422 && IN_PLACE.iter().any(|words| status.message.contains(words));
    let is_own = app.store.of(*kind).find(key).is_some_and(|row| row.owner().is_empty());
    is_in_place && is_own && !matches!(kind, Kind::Node | Kind::Namespace)
}

/// Asks whether to delete the object of the shown editor and make it again.
pub fn ask(app: &mut App) {
    let most = usize::from(app.size.1).saturating_sub(14).clamp(3, 12);
    let Some(Screen::Edit(edit)) = app.screens.last() else { return };
    let Origin::Live(kind, key) = edit.origin.clone() else { return };
    let mut lines = merging::difference(edit, kind, most);
    lines.push(String::new());
    lines.push(format!("A {} cannot be changed so in place.", kind.singular()));
    lines.push("It is deleted, and made again from this text.".to_owned());
    if let Some(row) = app.store.of(kind).find(&key).filter(|_| kind == Kind::Pod) {
        let without_ending = |line: &String| !line.starts_with("Nothing makes it again");
        lines.extend(deleting::of_pods(app, &[row], None).into_iter().filter(without_ending));
    }
    let dialog = Dialog {
        title: format!("Make {}/{} again?", kind.singular(), key.name),
        lines,
        buttons: vec!["Back to the text", "Delete and make again (y)"],
        focus: 0,
        is_dangerous: true,
    };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Recreate(kind, key)));
}

/// Has the manifest checked.
pub fn confirmed(app: &mut App, kind: Kind, key: Key, out: &mut Vec<Effect>) {
    let Some(Screen::Edit(edit)) = app.screens.last() else { return };
    let Some(object) = edit.outgoing.first().cloned() else { return };
    let (object, text) = (as_new(object), edit.editor.text());
    app.recreating.retain(|known| known.kind != kind || known.key != key);
    let mut checked = object.clone();
    if let Some(name) = checked.pointer_mut("/metadata/name") {
        *name = format!("{}{CHECKED}", key.name.chars().take(40).collect::<String>().trim_end_matches(['-', '.'])).into();
    }
    app.recreating.push(Recreating { kind, key: key.clone(), object, text, stage: Stage::Checking, id: 0 });
    tell(app, (kind, &key), Role::Busy, "the daemon checks the manifest…".to_owned());
    create(app, (kind, key), checked, DryRun::Yes, out);
}

fn create(app: &mut App, (kind, key): (Kind, Key), object: Value, dry_run: DryRun, out: &mut Vec<Effect>) {
    let request = CreateRequest { object, namespace: key.namespace.to_string(), dry_run };
    ask_daemon(app, (kind, key), Request::Create(request), out);
}

fn ask_daemon(app: &mut App, (kind, key): (Kind, Key), request: Request, out: &mut Vec<Effect>) {
    let id = app.next_id();
    if let Some(edit) = editor_of(app, kind, &key) {
        edit.sending = Sending::Applying { id, document: 0 };
    }
    if let Some(known) = app.recreating.iter_mut().find(|known| known.kind == kind && known.key == key) {
        known.id = id;
    }
    app.asked.insert(id, Asked::Recreate);
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// Takes an answer over and goes on.
pub fn answered(app: &mut App, id: u32, result: Result<Response, Failure>, out: &mut Vec<Effect>) {
    // That an object is gone may be known before the deletion is answered.
    let Some(at) = app.recreating.iter().position(|known| known.id == id) else { return };
    let (kind, key) = (app.recreating[at].kind, &app.recreating[at].key.clone());
    let is_gone_already = matches!(&result, Err(Failure::Refused(status)) if status.code == 404);
    match (app.recreating[at].stage, result) {
        (Stage::Checking, Ok(_)) => {
            app.recreating[at].stage = Stage::Deleting;
            tell(app, (kind, key), Role::Busy, format!("{}/{} ends, then it is made again…", kind.singular(), key.name));
            let uid = app.store.of(kind).find(key).map(|row| row.uid().to_owned()).filter(|uid| !uid.is_empty());
            let object = ObjectRef { kind, namespace: key.namespace.to_string(), name: key.name.to_string() };
            let options = DeleteOptions::default();
            let request = DeleteRequest { object, grace_period_seconds: None, uid, dry_run: DryRun::No, options };
            ask_daemon(app, (kind, key.clone()), Request::Delete(request), out);
        }
        (Stage::Deleting, Ok(_)) if app.store.of(kind).find(key).is_some() => {}
        (Stage::Deleting, Ok(_)) => gone(app, kind, key, out),
        (Stage::Deleting, Err(_)) if is_gone_already => gone(app, kind, key, out),
        (Stage::Creating, Ok(_)) => finish(app, at, out),
        (stage, Err(failure)) => give_up(app, at, stage, &failure),
    }
}

/// An object is gone: one that is to be made again is.
pub fn gone(app: &mut App, kind: Kind, key: &Key, out: &mut Vec<Effect>) {
    let is_it = |known: &&mut Recreating| known.kind == kind && known.key == *key && known.stage == Stage::Deleting;
    let Some(known) = app.recreating.iter_mut().find(is_it) else { return };
    known.stage = Stage::Creating;
    let object = known.object.clone();
    create(app, (kind, key.clone()), object, DryRun::No, out);
}

/// The objects that are waited for to be gone.
pub fn awaited(app: &App, kind: Kind) -> Vec<Key> {
    let waits = |known: &&Recreating| known.kind == kind && known.stage == Stage::Deleting;
    app.recreating.iter().filter(waits).map(|known| known.key.clone()).collect()
}

fn finish(app: &mut App, at: usize, out: &mut Vec<Effect>) {
    let Recreating { kind, key, text, .. } = app.recreating.remove(at);
    if let Some(edit) = editor_of(app, kind, &key) {
        (edit.sending, edit.answer) = (Sending::Idle, None);
        let is_as_sent = edit.editor.text() == text;
        edit.mark_kept_as(text);
        // There is nothing left to write, and the object that it was read from is gone.
        let is_shown = matches!(app.screens.last(), Some(Screen::Edit(edit)) if edit.origin == Origin::Live(kind, key.clone()));
        if is_shown && is_as_sent {
            navigate::close(app, out);
        }
    }
    app.say(Role::Ok, format!("{}/{} made again", kind.singular(), key.name));
}

/// What was refused is said where the text is; a text that has no editor any more gets one.
fn give_up(app: &mut App, at: usize, stage: Stage, failure: &Failure) {
    let Recreating { kind, key, text, .. } = app.recreating.remove(at);
    let is_there = stage != Stage::Creating;
    if !is_there && editor_of(app, kind, &key).is_none() {
        app.push(Screen::Edit(Box::new(Edit::new(Origin::Live(kind, key.clone()), &text, false))));
    }
    let said = failure.to_string().replace(CHECKED, "");
    let Some(edit) = editor_of(app, kind, &key) else {
        return app.say(Role::Bad, format!("{}/{} not made again: {said}", kind.singular(), key.name));
    };
    edit.sending = Sending::Idle;
    let mut lines = vec![said];
    if is_there {
        lines.push("  nothing was deleted; the text stays here".to_owned());
    } else {
        // What is applied from here on makes it anew.
        edit.origin = Origin::New;
        let without_given = |line: &&str| !["uid:", "resourceVersion:"].iter().any(|field| line.trim_start().starts_with(field));
        let kept: String = edit.editor.text().lines().filter(without_given).flat_map(|line| [line, "\n"]).collect();
        edit.editor.replace_all(&kept);
        lines.push("  the old one is gone; applying this text makes it".to_owned());
    }
    edit.answer = Some((Role::Bad, lines));
}

fn tell(app: &mut App, (kind, key): (Kind, &Key), role: Role, line: String) {
    if let Some(edit) = editor_of(app, kind, key) {
        edit.answer = Some((role, vec![line]));
    }
}

fn editor_of<'a>(app: &'a mut App, kind: Kind, key: &Key) -> Option<&'a mut Edit> {
    let origin = Origin::Live(kind, key.clone());
    app.screens.iter_mut().rev().find_map(|screen| match screen {
        Screen::Edit(edit) if edit.origin == origin => Some(&mut **edit),
        _ => None,
    })
}
