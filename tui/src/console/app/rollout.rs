//! Rollouts: other images, back to an older revision, pauses.

use super::deleting::full_name;
use super::effect::Effect;
use super::forms::Filling;
use super::navigate;
use super::overlay::{Choice, Overlay, Question};
use super::scaling::{self, Change, Revert};
use super::state::App;
use crate::console::model::diff;
use crate::console::model::row::{Key, Row};
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use crate::console::widget::form::{Blank, Form};
use crate::console::widget::palette::{Entry, Palette};
use crate::templates;
use objects::Kind;
use objects::lookup::{flag, text, time};
use serde_json::Value;

/// Differences shown in the question before a Deployment goes back.
const SHOWN: usize = 10;

/// Said where one asks for images of what has none.
const NO_IMAGES: &str = "only pods, replica sets and deployments have images to set";

/// The Deployment that the screen is about, as an object.
fn deployment(app: &mut App) -> Option<(Key, Value)> {
    let found = navigate::subject(app).filter(|(kind, _)| *kind == Kind::Deployment);
    let object = found.and_then(|(kind, key)| app.store.of(kind).find(&key).map(|row| (key.clone(), row.object())));
    if object.is_none() {
        app.say(Role::Warn, "only deployments are rolled out");
    }
    object
}

/// The Deployment's revisions, the oldest first.
fn revisions(app: &App, deployment: &Value) -> Vec<(i64, Value)> {
    let uid = text(deployment, "/metadata/uid");
    let sets = app.store.of(Kind::ReplicaSet).iter().map(|(_, set)| set).filter(|set| set.raw.text().contains(uid));
    templates::revisions(deployment, sets.map(Row::object))
}

/// Lets one of the Deployment's older revisions be chosen.
pub fn choose(app: &mut App, out: &mut Vec<Effect>) {
    let Some((key, object)) = deployment(app) else { return };
    if super::kinds::waits(app, Kind::ReplicaSet, "rollback") {
        return super::kinds::watch_if_due(app, out);
    }
    let revisions = revisions(app, &object);
    let Some(((newest, _), older)) = revisions.split_last().filter(|(_, older)| !older.is_empty()) else {
        return app.say(Role::Dim, format!("deployment/{} has no older revision to go back to", full_name(&key)));
    };
    let entry = |(number, set): &(i64, Value)| {
        let images: Vec<String> = templates::images(set, "/spec/template/spec").into_iter().map(|(_, image)| image).collect();
        let age = objects::duration::since(time(set, "/metadata/creationTimestamp"), app.now);
        let cause = match text(set, templates::CHANGE_CAUSE) {
            "" => String::new(),
            cause => format!("  {cause}"),
        };
        Entry { keys: number.to_string(), text: format!("{}  made {age} ago{cause}", images.join(", ")), group: "" }
    };
    let entries = older.iter().rev().map(entry).collect();
    let choices = older.iter().rev().map(|(number, _)| Choice::Command(format!("rollback {number}"))).collect();
    app.say(Role::Dim, format!("deployment/{} is at revision {newest}", full_name(&key)));
    app.overlay = Some(Overlay::Palette(Palette::new("back to revision", entries), choices));
}

/// `:rollback 3`, or without a number a choice of them.
pub fn command(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    let wanted = match rest {
        "" => return choose(app, out),
        rest => rest.parse::<i64>(),
    };
    let Ok(wanted) = wanted else { return app.say(Role::Warn, format!("back to which revision? \"{rest}\" is no number")) };
    let Some((key, object)) = deployment(app) else { return };
    if super::kinds::waits(app, Kind::ReplicaSet, &format!("rollback {wanted}")) {
        return super::kinds::watch_if_due(app, out);
    }
    ask(app, key, &object, wanted);
}

/// Asks whether to go back, and shows what becomes of the template.
fn ask(app: &mut App, key: Key, object: &Value, wanted: i64) {
    let name = full_name(&key);
    if flag(object, "/spec/paused") {
        return app.say(Role::Warn, format!("deployment/{name} is paused: nothing would roll; xp resumes it"));
    }
    let revisions = revisions(app, object);
    let Some((_, set)) = revisions.iter().find(|(number, _)| *number == wanted) else {
        return app.say(Role::Warn, format!("deployment/{name} has no revision {wanted} any more"));
    };
    let of = |field: &str| object.pointer(field).cloned().unwrap_or_default();
    let from = (of("/spec/template"), of("/metadata/annotations"));
    let to = (templates::template_of(set), Value::Object(templates::annotations_of(object, set)));
    let differences = diff::of(&from.0, &to.0);
    if differences.is_empty() {
        return app.say(Role::Dim, format!("deployment/{name} has the template of revision {wanted} already"));
    }
    let mut lines = vec![format!("  {name}"), String::new()];
    lines.extend(differences.iter().take(SHOWN).map(ToString::to_string));
    if differences.len() > SHOWN {
        lines.push(format!("and {} more", differences.len() - SHOWN));
    }
    lines.extend([String::new(), "Its pods are made anew from that template, as its strategy says.".to_owned()]);
    let title = format!("Back to revision {wanted}?");
    let before = revisions.last().map_or(0, |(number, _)| *number);
    let change = Change::Template(Box::new(Revert { revision: wanted, before, from, to }));
    let dialog = Dialog { title, lines, buttons: vec!["Cancel", "Roll back (y)"], focus: 1, is_dangerous: false };
    app.overlay = Some(Overlay::Dialog(dialog, Question::RollBack(key, Box::new(change))));
}

/// Pauses the marked Deployments or the one stood on, or resumes them where the first of them is paused.
pub fn turn_pause(app: &mut App, out: &mut Vec<Effect>) {
    let Some((Kind::Deployment, keys)) = scaling::chosen(app) else {
        return app.say(Role::Warn, "only deployments are paused");
    };
    let is_paused =
        |app: &App, key: &Key| app.store.of(Kind::Deployment).find(key).is_some_and(|row| flag(&row.object(), "/spec/paused"));
    let Some(first) = keys.first() else { return };
    let wanted = !is_paused(app, first);
    for key in keys {
        if is_paused(app, &key) != wanted {
            scaling::request(app, (Kind::Deployment, key), Change::Paused(wanted), out);
        }
    }
    scaling::unmark(app);
}

/// What the row stood on has containers for, and its object.
fn with_images(app: &App) -> Option<(Kind, Key, Value, &'static str)> {
    let (kind, key) = navigate::subject(app)?;
    let pod = templates::pod_spec(kind)?;
    let object = app.store.of(kind).find(&key)?.object();
    Some((kind, key, object, pod))
}

/// Asks which images the containers are to have.
pub fn ask_images(app: &mut App) {
    let Some((kind, key, object, pod)) = with_images(app) else {
        return app.say(Role::Warn, NO_IMAGES);
    };
    let older = if kind == Kind::Deployment { revisions(app, &object) } else { Vec::new() };
    let older: Vec<(String, String)> =
        older.iter().rev().flat_map(|(_, set)| templates::images(set, "/spec/template/spec")).collect();
    let blank = |(container, image): (String, String)| {
        let mut proposals = vec![image];
        for (_, known) in older.iter().filter(|(name, _)| *name == container) {
            if !proposals.contains(known) {
                proposals.push(known.clone());
            }
        }
        Blank::proposing(container, proposals)
    };
    let note = match kind {
        Kind::Deployment => "Its pods are made anew, as its strategy says; xu goes back.",
        Kind::ReplicaSet => "Only pods that it makes from now on have it.",
        _ => "The container is started again with it; z undoes it.",
    };
    let form = Form {
        title: format!("Images of {}/{}", kind.singular(), key.name),
        blanks: templates::images(&object, pod).into_iter().map(blank).collect(),
        here: 0,
        notes: vec![note.to_owned()],
        fault: None,
        button: "set",
    };
    app.overlay = Some(Overlay::Form(form, Filling::Images(kind, key)));
}

/// Asks the daemon for what was filled in.
///
/// # Errors
/// What is wrong with it.
pub fn submit_images(app: &mut App, form: &Form, (kind, key): (Kind, &Key), out: &mut Vec<Effect>) -> Result<(), String> {
    let wanted: Vec<(String, String)> =
        form.blanks.iter().map(|blank| (blank.label.to_string(), blank.field.text().trim().to_owned())).collect();
    set_images(app, (kind, key), &wanted, out)
}

fn set_images(
    app: &mut App,
    (kind, key): (Kind, &Key),
    wanted: &[(String, String)],
    out: &mut Vec<Effect>,
) -> Result<(), String> {
    let object = app.store.of(kind).find(key).map(Row::object).ok_or_else(|| format!("{} is gone", full_name(key)))?;
    let images = templates::images(&object, templates::pod_spec(kind).unwrap_or_default());
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (container, image) in wanted {
        if image.is_empty() || image.contains(char::is_whitespace) {
            return Err(format!("an image of {container} is missing, or has a space in it"));
        }
        let Some(known) = images.iter().find(|(name, _)| name == container) else {
            return Err(format!("there is no container {container}"));
        };
        if known.1 != *image {
            from.push(known.clone());
            to.push((container.clone(), image.clone()));
        }
    }
    if to.is_empty() {
        app.say(Role::Dim, "those are the images it has");
    } else {
        scaling::request(app, (kind, key.clone()), Change::Images { from, to }, out);
    }
    Ok(())
}

/// `:set-image kubia:2` where there is one container, `:set-image web=kubia:2 side=envoy:3`; without words the form.
pub fn image_command(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    if rest.is_empty() {
        return ask_images(app);
    }
    let Some((kind, key, object, pod)) = with_images(app) else {
        return app.say(Role::Warn, NO_IMAGES);
    };
    let images = templates::images(&object, pod);
    let mut wanted = Vec::new();
    for word in rest.split_whitespace() {
        match (word.split_once('='), images.as_slice()) {
            (Some((container, image)), _) => wanted.push((container.to_owned(), image.to_owned())),
            (None, [(container, _)]) => wanted.push((container.clone(), word.to_owned())),
            (None, _) => return app.say(Role::Warn, format!("the image of which container? CONTAINER={word}")),
        }
    }
    if let Err(why) = set_images(app, (kind, &key), &wanted, out) {
        app.say(Role::Warn, why);
    }
}

/// `:pause`, `:resume`: the same key, by the words that kubectl has for it.
pub fn pause_command(app: &mut App, word: &str, out: &mut Vec<Effect>) {
    let Some((key, object)) = deployment(app) else { return };
    let wanted = word == "pause";
    if flag(&object, "/spec/paused") == wanted {
        let state = if wanted { "paused already" } else { "not paused" };
        return app.say(Role::Dim, format!("deployment/{} is {state}", full_name(&key)));
    }
    scaling::request(app, (Kind::Deployment, key), Change::Paused(wanted), out);
}
