//! Opens manifests, sends them, and takes the daemon's answers. Whatever happens, the text stays.

use super::effect::Effect;
use super::merging;
use super::navigate;
use super::overlay::{Overlay, Question};
use super::state::{App, Asked};
use crate::console::link::{Command, Failure};
use crate::console::model::row::Key;
use crate::console::model::template;
use crate::console::screen::Screen;
pub use crate::console::screen::edit::Force;
use crate::console::screen::edit::{Edit, Origin, Sending};
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use crate::console::widget::editor::MAX_LINES;
use objects::Kind;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wire::{ApplyRequest, DryRun, ReplaceRequest, Request, Response};

/// Begins a new manifest.
pub fn new(app: &mut App, name: &str) {
    let namespace = app.namespaces.home().to_owned();
    let text = template::pod(name, &namespace);
    let mut edit = Edit::new(Origin::New, &text, true);
    let typed = 3;
    edit.editor.go_to(typed, "  name: ".len());
    app.push(Screen::Edit(Box::new(edit)));
}

/// Opens an object's manifest: what its user may write, with the version that was read.
pub fn live(app: &mut App, kind: Kind, key: &Key) {
    let Some(row) = app.store.of(kind).find(key) else {
        app.say(Role::Warn, "the object is gone");
        return;
    };
    let text = merging::manifest_of(row.object());
    let mut edit = Edit::new(Origin::Live(kind, key.clone()), &text, true);
    if let Some(line) = container_line(&text, navigate::container(app).as_deref()) {
        edit.editor.go_to(line, 0);
    }
    app.push(Screen::Edit(Box::new(edit)));
}

/// The line that a container begins at: the one of that name, or the pod's first.
fn container_line(text: &str, name: Option<&str>) -> Option<usize> {
    let wanted = name.map(|name| format!("name: {name}"));
    let (mut is_inside, mut begin) = (false, None);
    for (at, line) in text.lines().enumerate() {
        let is_item = line.starts_with("  - ");
        if !is_item && !line.starts_with("    ") {
            is_inside = matches!(line, "  containers:" | "  initContainers:");
            continue;
        }
        if is_inside && is_item {
            begin = Some(at);
        }
        let is_first = matches!((&wanted, begin), (None, Some(_)));
        let is_it = wanted.as_deref().is_some_and(|wanted| line.get(4..) == Some(wanted));
        if is_inside && (is_first || is_it) {
            return begin;
        }
    }
    None
}

/// Opens a file that was read. One that is not there yet is begun.
pub fn opened(app: &mut App, path: PathBuf, text: Result<String, String>) {
    match text {
        Ok(text) if text.lines().count() > MAX_LINES => {
            app.say(Role::Bad, format!("{} has more than {MAX_LINES} lines", path.display()));
        }
        Ok(text) => app.push(Screen::Edit(Box::new(Edit::new(Origin::File(path), &text, true)))),
        Err(why) => app.say(Role::Bad, format!("cannot open {}: {why}", path.display())),
    }
}

/// Takes the text that the user's own editor has left.
pub fn edited(app: &mut App, text: Result<String, String>) {
    let Screen::Edit(edit) = app.screen_mut() else { return };
    let text = match text {
        Ok(text) if text.lines().count() > MAX_LINES => Err(format!("it has more than {MAX_LINES} lines")),
        text => text,
    };
    match text {
        Ok(text) if text == edit.editor.text() => app.say(Role::Warn, "nothing was changed"),
        Ok(text) => {
            edit.editor.replace_all(&text);
            edit.check();
            let said = if edit.faults.is_empty() { "the text is taken over" } else { "the text is taken over, and has faults" };
            app.say(Role::Ok, said);
        }
        Err(why) => app.say(Role::Bad, format!("the text stays as it was: {why}")),
    }
}

/// A file holds the text now.
pub fn written(app: &mut App, path: &Path) {
    if let Screen::Edit(edit) = app.screen_mut() {
        edit.mark_kept();
        if edit.origin == Origin::New {
            edit.origin = Origin::File(path.to_owned());
        }
    }
}

/// Leaves the editor, and asks first where text would be lost.
pub fn leave(app: &mut App) {
    let Screen::Edit(edit) = app.screen() else { return };
    if !edit.is_changed() {
        super::navigate::close(app, &mut Vec::new());
        return;
    }
    let dialog = Dialog {
        title: "Leave the editor?".to_owned(),
        lines: vec![format!("The text of {} was neither applied nor saved.", edit.title()), "It would be lost.".to_owned()],
        buttons: vec!["Stay", "Throw it away (y)"],
        focus: 0,
        is_dangerous: true,
    };
    app.overlay = Some(Overlay::Dialog(dialog, Question::LeaveEditor));
}

/// Sends the text, document by document: each is checked by the daemon before anything is applied.
pub fn send(app: &mut App, dry_run: DryRun, force: Force, out: &mut Vec<Effect>) {
    let home = app.namespaces.home().to_owned();
    let is_live = app.is_live();
    let App { screens, last_id, asked, store, .. } = app;
    let Some(Screen::Edit(edit)) = screens.last_mut() else { return };
    if edit.sending != Sending::Idle {
        return;
    }
    edit.check();
    (edit.force, edit.merging) = (force, None);
    edit.outgoing = documents(edit, force);
    if let (Origin::Live(kind, key), [manifest]) = (&edit.origin, edit.outgoing.as_mut_slice())
        && let Some(row) = store.of(*kind).find(key)
    {
        merging::complete(manifest, &row.object());
    }
    edit.sent = edit.editor.text();
    if !edit.faults.is_empty() {
        edit.answer = None;
        edit.next_fault();
        app.say(Role::Bad, "not sent: the manifest has faults");
        return;
    }
    if !is_live {
        edit.answer = Some((Role::Warn, vec!["there is no link to the daemon now; the text stays here".to_owned()]));
        return;
    }
    let Some(first) = edit.outgoing.first().cloned() else {
        edit.answer = Some((Role::Warn, vec!["there is nothing to apply".to_owned()]));
        return;
    };
    edit.results.clear();
    edit.answer = Some((Role::Busy, vec!["the daemon checks the manifest…".to_owned()]));
    *last_id += 1;
    edit.sending = Sending::Checking { id: *last_id, document: 0, then_apply: dry_run == DryRun::No };
    asked.insert(*last_id, Asked::Edit);
    let request = request(&edit.origin, first, &home, DryRun::Yes);
    out.push(Effect::Link(Command::Ask { id: *last_id, request: Box::new(request) }));
}

/// Takes an answer over and sends what comes next.
pub fn answered(app: &mut App, id: u32, result: Result<Response, Failure>, out: &mut Vec<Effect>) {
    let home = app.namespaces.home().to_owned();
    let App { screens, later, last_id, asked, .. } = app;
    let waits = |edit: &Edit| match edit.sending {
        Sending::Checking { id: own, .. } | Sending::Applying { id: own, .. } => own == id,
        Sending::Idle => false,
    };
    let edit = screens.iter_mut().chain(later).find_map(|screen| match screen {
        Screen::Edit(edit) if waits(edit) => Some(edit),
        _ => None,
    });
    let Some(edit) = edit else { return };
    let sending = std::mem::replace(&mut edit.sending, Sending::Idle);
    match result {
        Err(failure) => {
            refuse(edit, &failure);
            if is_newer(edit, &failure) {
                let dry_run = if then_applies(&sending) { DryRun::No } else { DryRun::Yes };
                merging::begin(edit, dry_run, (last_id, asked), out);
            }
            let origin = edit.origin.clone();
            let is_shown = matches!(app.screens.last(), Some(Screen::Edit(edit)) if edit.origin == origin);
            if is_shown && super::recreating::is_way_out(app, &origin, &failure) {
                super::recreating::ask(app);
            }
        }
        Ok(response) => {
            note(edit, &response, matches!(sending, Sending::Checking { .. }));
            let Some((document, dry_run)) = next_step(&sending, edit.outgoing.len()) else {
                finish(edit, &sending);
                return;
            };
            if asks_before(edit, &sending, dry_run) {
                return ask_to_replace(app);
            }
            *last_id += 1;
            asked.insert(*last_id, Asked::Edit);
            edit.sending = match dry_run {
                DryRun::Yes => Sending::Checking { id: *last_id, document, then_apply: then_applies(&sending) },
                DryRun::No => Sending::Applying { id: *last_id, document },
            };
            if let Some(value) = edit.outgoing.get(document).cloned() {
                let request = request(&edit.origin, value, &home, dry_run);
                out.push(Effect::Link(Command::Ask { id: *last_id, request: Box::new(request) }));
            }
        }
    }
}

fn is_newer(edit: &Edit, failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(status) if status.code == 409)
        && matches!(edit.origin, Origin::Live(..))
        && edit.force == Force::No
}

/// Whether what differs is shown before a live object is replaced. Who writes over it has decided already.
fn asks_before(edit: &Edit, sending: &Sending, dry_run: DryRun) -> bool {
    let is_checked = matches!(sending, Sending::Checking { .. }) && dry_run == DryRun::No;
    is_checked && matches!(edit.origin, Origin::Live(..)) && edit.force == Force::No
}

fn ask_to_replace(app: &mut App) {
    let most = usize::from(app.size.1).saturating_sub(10).max(3);
    let Some(Screen::Edit(edit)) = app.screens.last_mut() else { return };
    let Origin::Live(kind, _) = &edit.origin else { return };
    edit.answer = Some((Role::Busy, std::mem::take(&mut edit.results)));
    let dialog = Dialog {
        title: format!("Replace {}?", edit.title()),
        lines: merging::difference(edit, *kind, most),
        buttons: vec!["Cancel", "Replace (y)"],
        focus: 1,
        is_dangerous: false,
    };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Replace));
}

/// Replaces the object, after what differs was shown.
pub fn replace(app: &mut App, out: &mut Vec<Effect>) {
    let home = app.namespaces.home().to_owned();
    let App { screens, last_id, asked, .. } = app;
    let Some(Screen::Edit(edit)) = screens.last_mut() else { return };
    let Some(value) = edit.outgoing.first().cloned() else { return };
    *last_id += 1;
    asked.insert(*last_id, Asked::Edit);
    edit.sending = Sending::Applying { id: *last_id, document: 0 };
    let request = request(&edit.origin, value, &home, DryRun::No);
    out.push(Effect::Link(Command::Ask { id: *last_id, request: Box::new(request) }));
}

fn then_applies(sending: &Sending) -> bool {
    matches!(sending, Sending::Checking { then_apply: true, .. } | Sending::Applying { .. })
}

/// The document to send next and how; `None` where all is done.
fn next_step(sending: &Sending, count: usize) -> Option<(usize, DryRun)> {
    match *sending {
        Sending::Checking { document, .. } if document + 1 < count => Some((document + 1, DryRun::Yes)),
        Sending::Checking { then_apply: true, .. } if count > 0 => Some((0, DryRun::No)),
        Sending::Applying { document, .. } if document + 1 < count => Some((document + 1, DryRun::No)),
        _ => None,
    }
}

fn refuse(edit: &mut Edit, failure: &Failure) {
    let mut lines = std::mem::take(&mut edit.results);
    lines.push(failure.to_string());
    if let Failure::Refused(status) = failure {
        let causes = status.details.iter().flat_map(|details| &details.causes);
        lines.extend(causes.map(|cause| format!("  {}: {}", cause.field, cause.message)));
        if status.code == 409 && matches!(edit.origin, Origin::Live(..)) {
            lines.push("  the newer object is read and merged; :w! writes over it instead".to_owned());
        }
    } else {
        lines.push("  whether the daemon got it is not known; the text stays here, apply it again".to_owned());
    }
    edit.answer = Some((Role::Bad, lines));
}

fn note(edit: &mut Edit, response: &Response, is_check: bool) {
    let Response::Object { object, warnings, outcome } = response else { return };
    let kind = objects::lookup::text(object, "/kind").to_lowercase();
    let name = objects::lookup::text(object, "/metadata/name");
    let suffix = if is_check { " (server dry run)" } else { "" };
    edit.results.extend(warnings.iter().map(|warning| format!("Warning: {warning}")));
    edit.results.push(format!("{kind}/{name} {outcome}{suffix}"));
    // The text holds the version it was read with; the next one needs the new one.
    if !is_check && let Origin::Live(..) = edit.origin {
        replace_version(edit, objects::lookup::text(object, "/metadata/resourceVersion"));
    }
}

/// Writes the new resourceVersion into the text where the old one stands, and touches nothing else.
fn replace_version(edit: &mut Edit, version: &str) {
    let text = edit.editor.text();
    let line = text.lines().enumerate().find(|(_, line)| line.trim_start().starts_with("resourceVersion:"));
    if let (Some((at, line)), false) = (line, version.is_empty()) {
        let is_as_sent = text == edit.sent;
        edit.editor.replace_line(at, &format!("{}: \"{version}\"", line.split(':').next().unwrap_or_default()));
        if is_as_sent {
            edit.sent = edit.editor.text();
        }
    }
}

fn finish(edit: &mut Edit, sending: &Sending) {
    let mut lines = std::mem::take(&mut edit.results);
    // After the real answers those of the check only repeat them.
    if matches!(sending, Sending::Applying { .. }) {
        lines.retain(|line| !line.ends_with(" (server dry run)"));
        lines.dedup();
        let sent = std::mem::take(&mut edit.sent);
        edit.base.clone_from(&sent);
        edit.mark_kept_as(sent);
    }
    let role = if lines.iter().any(|line| line.starts_with("Warning: ")) { Role::Warn } else { Role::Ok };
    edit.answer = Some((role, lines));
}

/// The documents of the text; faults where it cannot be read.
fn documents(edit: &mut Edit, force: Force) -> Vec<Value> {
    match objects::manifest::parse(&edit.editor.text()) {
        Ok(documents) => {
            let mut values: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
            // Without the version that was read there is nothing that could be too old.
            for value in values.iter_mut().filter(|_| force == Force::Yes) {
                if let Some(metadata) = value.pointer_mut("/metadata").and_then(Value::as_object_mut) {
                    metadata.remove("resourceVersion");
                }
            }
            values
        }
        Err(faults) => {
            edit.faults = faults;
            Vec::new()
        }
    }
}

fn request(origin: &Origin, object: Value, home: &str, dry_run: DryRun) -> Request {
    // A manifest that names its namespace means it, whichever one is looked at.
    let namespace = match objects::lookup::namespace(&object) {
        "" => home.to_owned(),
        own => own.to_owned(),
    };
    match origin {
        Origin::Live(..) => Request::Replace(ReplaceRequest { object, namespace, dry_run }),
        Origin::New | Origin::File(_) => Request::Apply(ApplyRequest { object, namespace, dry_run }),
    }
}

#[cfg(test)]
mod tests {
    use super::container_line;

    #[test]
    fn the_cursor_begins_where_the_container_does() {
        let text = "metadata:\n  name: web\nspec:\n  containers:\n  - image: a\n    name: one\n  - command:\n    - sh\n    name: two\n  volumes:\n  - name: two\n";
        assert_eq!(container_line(text, Some("two")), Some(6));
        assert_eq!(container_line(text, Some("one")), Some(4));
        assert_eq!(container_line(text, None), Some(4));
        assert_eq!(container_line(text, Some("gone")), None);
        assert_eq!(container_line("data:\n  a: b\n", None), None);
    }
}
