//! Asks before it deletes, says honestly what will happen, and what came of it.

use super::effect::Effect;
use super::overlay::{Overlay, Question};
use super::state::{App, Asked};
use super::undoing::{self, Inverse};
use crate::console::keys::action::Action;
use crate::console::link::{Command, Failure};
use crate::console::model::row::{Key, Row};
use crate::console::model::users;
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use objects::Kind;
use objects::lookup::list;
use serde_json::Value;
use wire::{DeleteRequest, DryRun, ObjectRef, Request, Response};

/// Names shown in the question; the rest is counted.
pub const SHOWN: usize = 8;
/// From so many objects on, their number is to be typed.
const MANY: usize = 10;
/// A namespace whose pods the cluster itself needs: its name is to be typed.
const SYSTEM: &str = "kube-system";

/// Asks whether to delete the marked objects, or the one stood on. `grace` 0 kills them at once.
pub fn ask(app: &mut App, grace: Option<i64>) {
    let (kind, keys) = match app.screen() {
        Screen::List(list) => match list.kind() {
            Some(kind) => (kind, list.chosen(&app.store)),
            None => return,
        },
        _ => match super::navigate::subject(app) {
            Some((kind, key)) => (kind, vec![key]),
            None => return,
        },
    };
    if keys.is_empty() {
        return;
    }
    let verb = if grace == Some(0) { "Kill" } else { "Delete" };
    let what = if keys.len() == 1 { kind.singular().to_owned() } else { format!("{} {}", keys.len(), kind.plural()) };
    let mut lines = names(&keys);
    lines.push(String::new());
    let rows: Vec<&Row> = keys.iter().filter_map(|key| app.store.of(kind).find(key)).collect();
    lines.extend(consequences(app, kind, &rows, grace));
    if let Some(word) = word_to_type(kind, &keys) {
        lines.push(format!("Afterwards \"{word}\" is to be typed."));
    }
    let buttons = if grace == Some(0) { vec!["Cancel", "Kill (y)"] } else { vec!["Cancel", "Delete (y)"] };
    let dialog = Dialog { title: format!("{verb} {what}?"), lines, buttons, focus: 0, is_dangerous: true };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Delete(kind, keys, grace)));
}

/// The names, and how many more there are.
pub fn names(keys: &[Key]) -> Vec<String> {
    let mut lines: Vec<String> = keys.iter().take(SHOWN).map(|key| format!("  {}", full_name(key))).collect();
    if keys.len() > SHOWN {
        lines.push(format!("  and {} more", keys.len() - SHOWN));
    }
    lines
}

/// What has to be typed before it is done; `None` where a key is enough.
pub fn word_to_type(kind: Kind, keys: &[Key]) -> Option<String> {
    match keys.len() {
        1 if kind == Kind::Namespace => Some(keys[0].name.to_string()),
        count if kind == Kind::Namespace => Some(count.to_string()),
        _ if keys.iter().any(|key| &*key.namespace == SYSTEM) => Some(SYSTEM.to_owned()),
        count if count > MANY => Some(count.to_string()),
        _ => None,
    }
}

/// What will happen, in sentences.
fn consequences(app: &App, kind: Kind, rows: &[&Row], grace: Option<i64>) -> Vec<String> {
    match kind {
        Kind::Pod => of_pods(app, rows, grace),
        Kind::Node => vec![
            "Only the Node object goes. While its daemon runs it makes it anew,".to_owned(),
            "and its pods run on; `skiff node rm` takes a node out for good.".to_owned(),
        ],
        Kind::Event => vec!["What happened stays so; only its record goes.".to_owned()],
        Kind::Namespace => of_namespaces(app, rows),
        Kind::Lease => vec!["Whoever holds it makes it anew.".to_owned()],
        Kind::Service => vec!["The pods it chooses run on.".to_owned()],
        Kind::ReplicaSet | Kind::Deployment => vec!["What it owns goes with it.".to_owned()],
        Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount | Kind::PriorityClass => of_named(app, kind, rows),
    }
}

/// Everything in a namespace goes with it.
fn of_namespaces(app: &App, rows: &[&Row]) -> Vec<String> {
    let pods = app.store.of(Kind::Pod).iter().filter(|(_, pod)| rows.iter().any(|row| row.key.name == pod.key.namespace)).count();
    let pods = if pods == 1 { "1 pod ends".to_owned() } else { format!("{pods} pods end") };
    vec![
        format!("All that is in it goes with it: {pods},"),
        "and its config maps, secrets and services are gone for good.".to_owned(),
    ]
}

/// Who names what is deleted.
fn of_named(app: &App, kind: Kind, rows: &[&Row]) -> Vec<String> {
    let mut users: Vec<Key> = rows.iter().flat_map(|row| users::of(&app.store, kind, &row.key)).collect();
    users.dedup();
    let some = users.iter().take(3).map(|key| &*key.name).collect::<Vec<_>>().join(", ");
    let more = if users.len() > 3 { format!(" and {} more", users.len() - 3) } else { String::new() };
    let mut lines = match users.len() {
        0 => vec!["No pod names it.".to_owned()],
        _ => vec![format!("Named by {some}{more}."), "They run on; started anew, they wait for it.".to_owned()],
    };
    if kind == Kind::PriorityClass && !users.is_empty() {
        lines[1] = "They keep the priority they were given.".to_owned();
    }
    lines
}

/// What happens to pods that are deleted.
pub fn of_pods(app: &App, rows: &[&Row], grace: Option<i64>) -> Vec<String> {
    let mut lines = Vec::new();
    let objects: Vec<Value> = rows.iter().map(|row| row.object()).collect();
    if grace == Some(0) {
        lines.push("Processes end at once and cannot finish their work.".to_owned());
    } else {
        let seconds = |pod: &Value| pod.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(30);
        let longest = objects.iter().map(seconds).max().unwrap_or(30);
        lines.push(format!("Containers get SIGTERM and up to {longest}s to end."));
    }
    let mut owners: Vec<&str> = rows.iter().map(|row| row.owner()).filter(|owner| !owner.is_empty()).collect();
    owners.sort_unstable();
    owners.dedup();
    let bare = rows.iter().filter(|row| row.owner().is_empty()).count();
    match owners.as_slice() {
        [] => {}
        [one] => lines.push(format!("Made again by {one}.")),
        [one, rest @ ..] => lines.push(format!("Made again by {one} and {} more.", rest.len())),
    }
    match (bare, rows.len()) {
        (0, _) => {}
        (_, 1) => lines.push("Nothing makes it again; z does, for a while.".to_owned()),
        (bare, count) if bare == count => lines.push("Nothing makes them again; z does, for a while.".to_owned()),
        (bare, _) => lines.push(format!("{bare} of them are made again by nothing.")),
    }
    let holds =
        objects.iter().filter(|pod| list(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some())).count();
    if holds > 0 {
        lines.push("What is in their emptyDir volumes is lost for good.".to_owned());
    }
    let unseen: Vec<&str> = rows.iter().map(|row| row.node()).filter(|node| app.cluster.unseen_since(node).is_some()).collect();
    if let Some(node) = unseen.first() {
        lines.push(format!("Node {node} is not seen: there they end when it is back."));
    }
    lines
}

/// What was asked about is to be done; where a word is to be typed first, that is asked for.
pub fn confirmed(app: &mut App, kind: Kind, keys: Vec<Key>, grace: Option<i64>, out: &mut Vec<Effect>) {
    match word_to_type(kind, &keys) {
        Some(word) => {
            super::input::ask_line(app, super::overlay::Purpose::Confirm(word, Question::Delete(kind, keys, grace)), "")
        }
        None => delete(app, kind, keys, grace, out),
    }
}

/// Deletes.
pub fn delete(app: &mut App, kind: Kind, keys: Vec<Key>, grace: Option<i64>, out: &mut Vec<Effect>) {
    app.say(Role::Busy, format!("deleting {} {}…", keys.len(), if keys.len() == 1 { kind.singular() } else { kind.plural() }));
    for key in keys {
        request(app, kind, key, grace, out);
    }
    if let Screen::List(list) = app.screen_mut() {
        list.marks.clear();
    }
}

/// Asks the daemon to delete one object; what it was is kept for an undo.
pub fn request(app: &mut App, kind: Kind, key: Key, grace: Option<i64>, out: &mut Vec<Effect>) {
    let row = app.store.of(kind).find(&key);
    let uid = row.map(|row| row.uid().to_owned()).filter(|uid| !uid.is_empty());
    let before = row.map(Row::object);
    let object = ObjectRef { kind, namespace: key.namespace.to_string(), name: key.name.to_string() };
    // The uid makes sure that nothing is deleted that only has the same name.
    let request = Request::Delete(DeleteRequest {
        object,
        grace_period_seconds: grace,
        uid,
        dry_run: DryRun::No,
        options: wire::DeleteOptions::default(),
    });
    let id = app.next_id();
    app.asked.insert(id, Asked::Delete(kind, key, before.map(Box::new)));
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// Says what came of a deletion.
pub fn answered(app: &mut App, (kind, key): (Kind, &Key), before: Option<Box<Value>>, result: &Result<Response, Failure>) {
    match result {
        Ok(_) => {
            // The others are made anew by what they stand for, or do not come back with all that was in them.
            let comes_back = !matches!(kind, Kind::Node | Kind::Event | Kind::Namespace | Kind::Lease);
            if let Some(before) = before.filter(|_| comes_back) {
                undoing::remember(
                    app,
                    format!("deleted {}/{}", kind.singular(), full_name(key)),
                    Inverse::Create(kind, key.clone(), before),
                );
            }
            app.say(Role::Ok, format!("{}/{} deleted{}", kind.singular(), key.name, undo_hint(app)));
        }
        Err(failure) => app.say(Role::Bad, format!("{}/{} not deleted: {failure}", kind.singular(), key.name)),
    }
}

/// `; z undoes it`, where there is something to undo and a key for it.
pub fn undo_hint(app: &App) -> String {
    let keys = app.keys.bindings().iter().find(|binding| binding.action == Action::Undo).map(|binding| binding.keys.to_string());
    keys.filter(|_| undoing::is_possible(app)).map(|keys| format!("; {keys} undoes it")).unwrap_or_default()
}

/// `namespace/name`, or the name alone.
pub fn full_name(key: &Key) -> String {
    if key.namespace.is_empty() { key.name.to_string() } else { format!("{}/{}", key.namespace, key.name) }
}
