//! An object that changed while its manifest was edited: both changes are merged, and one is asked only where they meet.

use super::editing::{self, Force};
use super::effect::Effect;
use super::overlay::{Choice, Overlay};
use super::state::{App, Asked};
use crate::console::link::{Command, Failure};
use crate::console::screen::Screen;
use crate::console::screen::edit::{Edit, Merging, Origin};
use crate::console::theme::role::Role;
use crate::console::widget::palette::{Entry, Palette};
use crate::merge::{self, Piece};
use objects::Kind;
use wire::{DryRun, GetRequest, ObjectRef, Request, Response};

/// Which side of a conflict is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// One's own lines.
    Yours,
    /// The other's lines.
    Theirs,
    /// One's own, then the other's.
    Both,
}

/// Where `kubectl apply` keeps the manifest it applied: the whole object once more, in one line, that nobody edits by hand.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Puts back what [`manifest_of`] left out, so that a replacement does not take it away.
pub fn complete(manifest: &mut serde_json::Value, live: &serde_json::Value) {
    let kept = live.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED));
    if let (Some(kept), Some(metadata)) = (kept, manifest.pointer_mut("/metadata").and_then(serde_json::Value::as_object_mut)) {
        let annotations = metadata.entry("annotations").or_insert_with(|| serde_json::json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.entry(LAST_APPLIED).or_insert_with(|| kept.clone());
        }
    }
}

/// The object as a manifest: what its user may write, with the version that was read.
pub fn manifest_of(mut object: serde_json::Value) -> String {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(serde_json::Value::as_object_mut) {
        metadata.remove("managedFields");
        let annotations = metadata.get_mut("annotations").and_then(serde_json::Value::as_object_mut);
        let is_empty =
            annotations.is_some_and(|annotations| annotations.remove(LAST_APPLIED).is_some() && annotations.is_empty());
        if is_empty {
            metadata.remove("annotations");
        }
    }
    objects::yaml::to_yaml(&object)
}

/// Asks for the newer object, after the daemon refused ours because of it.
pub fn begin(
    edit: &mut Edit,
    dry_run: DryRun,
    (last_id, asked): (&mut u32, &mut std::collections::HashMap<u32, Asked>),
    out: &mut Vec<Effect>,
) {
    let Origin::Live(kind, key) = &edit.origin else { return };
    let object = ObjectRef { kind: *kind, namespace: key.namespace.to_string(), name: key.name.to_string() };
    *last_id += 1;
    asked.insert(*last_id, Asked::Newer);
    edit.merging = Some(Merging { id: *last_id, pieces: Vec::new(), theirs: String::new(), dry_run });
    out.push(Effect::Link(Command::Ask { id: *last_id, request: Box::new(Request::Get(GetRequest { object })) }));
}

/// Takes the newer object over.
pub fn answered(app: &mut App, id: u32, result: Result<Response, Failure>, out: &mut Vec<Effect>) {
    let waits = |edit: &Edit| edit.merging.as_ref().is_some_and(|merging| merging.id == id);
    let shown = app.screens.len() - 1;
    let found = app.screens.iter_mut().enumerate().find_map(|(at, screen)| match screen {
        Screen::Edit(edit) if waits(edit) => Some((at, edit)),
        _ => None,
    });
    let Some((at, edit)) = found else { return };
    let object = match result {
        Ok(Response::Object { object, .. }) => *object,
        Ok(_) => return,
        Err(why) => {
            edit.merging = None;
            edit.answer = Some((
                Role::Bad,
                vec![
                    format!("the object changed meanwhile, and cannot be read: {why}"),
                    "  :w! writes over it; the text stays here either way".to_owned(),
                ],
            ));
            return;
        }
    };
    let theirs = manifest_of(object);
    let pieces = merge::merge(&edit.base, &edit.editor.text(), &theirs);
    let dry_run = edit.merging.as_ref().map_or(DryRun::Yes, |merging| merging.dry_run);
    let is_merged = pieces.iter().all(|piece| matches!(piece, Piece::Lines(_)));
    let only_state = is_merged && differs_in_version_only(&edit.base, &theirs);
    edit.merging = Some(Merging { id, pieces, theirs, dry_run });
    // A box would lie over another screen than the editor's.
    if at != shown {
        return;
    }
    if only_state && app.overlay.is_none() {
        // Nobody wrote a word: the pod only went on, as one that crashes does all the time. Nothing is to be decided.
        if let Some(Screen::Edit(edit)) = app.screens.last_mut() {
            finish(edit);
        }
        return editing::send(app, dry_run, Force::No, out);
    }
    go_on(app);
}

/// Whether two texts of an object differ in nothing that somebody writes: its state is not part of them, and its version tells that it moved.
fn differs_in_version_only(one: &str, two: &str) -> bool {
    let differing = merge::difference(one, two);
    let mut lines = differing.iter().filter(|line| line.starts_with(['+', '-']));
    lines.all(|line| line[1..].trim_start().starts_with("resourceVersion:"))
}

/// Asks about the next conflict, or takes the merged text over.
pub fn go_on(app: &mut App) {
    let Some(Screen::Edit(edit)) = app.screens.last_mut() else { return };
    let Some(merging) = &edit.merging else { return };
    let conflicts = merging.pieces.iter().filter(|piece| matches!(piece, Piece::Conflict { .. })).count();
    let line = |pieces: &[Piece]| {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Lines(lines) => lines.len(),
                Piece::Conflict { .. } => 0,
            })
            .sum::<usize>()
    };
    let next = merging.pieces.iter().position(|piece| matches!(piece, Piece::Conflict { .. }));
    let Some(at) = next else {
        finish(edit);
        // What was said of the last decision is over with it.
        app.toast = None;
        return;
    };
    let Piece::Conflict { yours, theirs } = &merging.pieces[at] else { return };
    let shown = |lines: &[String]| match lines {
        [] => "(nothing)".to_owned(),
        lines => lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("  ⏎  "),
    };
    let entry = |keys: &str, text: String| Entry { keys: keys.to_owned(), text, group: "" };
    let entries =
        vec![entry("yours", shown(yours)), entry("theirs", shown(theirs)), entry("both", "your lines, then theirs".to_owned())];
    let place = line(&merging.pieces[..at]) + 1;
    app.say(Role::Warn, format!("both changed line {place}: {conflicts} to decide; esc leaves the text as it is"));
    let choices = [Side::Yours, Side::Theirs, Side::Both].map(Choice::Side).to_vec();
    app.overlay = Some(Overlay::Palette(Palette::new("whose lines?", entries), choices));
}

/// Decides the first conflict.
pub fn decide(app: &mut App, side: Side) {
    if let Some(Screen::Edit(edit)) = app.screens.last_mut()
        && let Some(merging) = &mut edit.merging
        && let Some(piece) = merging.pieces.iter_mut().find(|piece| matches!(piece, Piece::Conflict { .. }))
        && let Piece::Conflict { yours, theirs } = piece.clone()
    {
        *piece = Piece::Lines(match side {
            Side::Yours => yours,
            Side::Theirs => theirs,
            Side::Both => yours.into_iter().chain(theirs).collect(),
        });
    }
    go_on(app);
}

fn finish(edit: &mut Edit) {
    let Some(merging) = edit.merging.take() else { return };
    let lines = merging.pieces.into_iter().flat_map(|piece| match piece {
        Piece::Lines(lines) => lines,
        Piece::Conflict { .. } => Vec::new(),
    });
    let merged: String = lines.map(|line| line + "\n").collect();
    let before = edit.editor.text();
    let mut told = vec![
        "the object changed meanwhile; the text has both changes now, and ctrl-s applies it (ctrl-u takes the merge back)"
            .to_owned(),
    ];
    told.extend(
        merge::difference(&before, &merged)
            .into_iter()
            .filter(|line| line.starts_with(['+', '-']) && !line[1..].starts_with("  resourceVersion:"))
            .map(|line| format!("  {line}")),
    );
    edit.editor.replace_all(&merged);
    edit.base = merging.theirs;
    edit.check();
    edit.answer = Some((Role::Warn, told));
}

/// Columns of a line in a question's box.
const DIALOG: usize = 70;

/// The lines of the question before a live object is replaced: what differs from what was read.
pub fn difference(edit: &Edit, kind: Kind, most: usize) -> Vec<String> {
    let mut lines = merge::difference(&edit.base, &edit.editor.text());
    lines.retain(|line| !line.starts_with("@@"));
    let mut lines = merge::narrowed(&lines, DIALOG);
    if lines.is_empty() {
        return vec![format!("Nothing differs from the {} that was read.", kind.singular())];
    }
    if lines.len() > most {
        let more = lines.len() - most;
        lines.truncate(most);
        lines.push(format!("… {more} more lines"));
    }
    lines
}
