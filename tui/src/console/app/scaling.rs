//! Changes what makes pods: another number of them, all of them anew; and goes to the owner of an object.

use super::deleting::full_name;
use super::effect::Effect;
use super::input::ask_line;
use super::navigate;
use super::overlay::{Overlay, Purpose, Question};
use super::state::{App, Asked};
use super::undoing::{self, Inverse};
use crate::console::link::{Command, Failure};
use crate::console::model::project;
use crate::console::model::row::{Key, Row};
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use crate::restart::restart;
use crate::templates;
use jiff::Zoned;
use objects::Kind;
use objects::lookup::{flag, number};
use serde_json::{Value, json};
use wire::{DryRun, ReplaceRequest, Request, Response};

/// Names shown in the question; the rest is counted.
const SHOWN: usize = 8;

/// What becomes of something that makes pods, or of a pod's images.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It has another number of pods than that one.
    Replicas {
        /// How many were wanted.
        from: i64,
        /// How many are.
        to: i64,
    },
    /// Its pods are made anew.
    Restart,
    /// Changes of its template wait, or do not any more.
    Paused(bool),
    /// Its containers have other images: the names of containers, each with its image.
    Images {
        /// Which they had.
        from: Vec<(String, String)>,
        /// Which they have.
        to: Vec<(String, String)>,
    },
    /// It has the template of another revision.
    Template(Box<Revert>),
}

/// Back to another revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Revert {
    /// The revision's number.
    pub revision: i64,
    /// The revision before.
    pub before: i64,
    /// The template and the annotations that were there.
    pub from: (Value, Value),
    /// The template and the annotations that come.
    pub to: (Value, Value),
}

impl Change {
    /// What takes it back; `None` where nothing does.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Replicas { from, to } => Self::Replicas { from: to, to: from },
            Self::Restart => return None,
            Self::Paused(is_paused) => Self::Paused(!is_paused),
            Self::Images { from, to } => Self::Images { from: to, to: from },
            Self::Template(revert) => {
                let Revert { revision, before, from, to } = *revert;
                Self::Template(Box::new(Revert { revision: before, before: revision, from: to, to: from }))
            }
        })
    }

    /// How it is told once it was done.
    fn done(&self) -> String {
        match self {
            Self::Replicas { to, .. } => format!("scaled to {to}"),
            Self::Restart => "restarted".to_owned(),
            Self::Paused(true) => "paused: changes of its template wait".to_owned(),
            Self::Paused(false) => "resumed".to_owned(),
            Self::Images { to, .. } => match to.as_slice() {
                [(container, image)] => format!("runs {image} in {container}"),
                several => format!("has {} other images", several.len()),
            },
            Self::Template(revert) => format!("rolled back to revision {}", revert.revision),
        }
    }

    /// How it is told what was not done.
    const fn not_done(&self) -> &'static str {
        match self {
            Self::Replicas { .. } => "scaled",
            Self::Restart => "restarted",
            Self::Paused(true) => "paused",
            Self::Paused(false) => "resumed",
            Self::Images { .. } => "given another image",
            Self::Template(_) => "rolled back",
        }
    }

    /// How the question tells what taking it back does.
    pub fn promise(&self) -> Vec<String> {
        match self {
            Self::Replicas { to, .. } => vec![format!("It has {to} pods again.")],
            Self::Restart => Vec::new(),
            Self::Paused(true) => vec!["Changes of its template wait again.".to_owned()],
            Self::Paused(false) => vec!["Changes of its template are rolled out again.".to_owned()],
            Self::Images { to, .. } => to.iter().map(|(container, image)| format!("{container} runs {image} again.")).collect(),
            Self::Template(revert) => vec![format!("It has the template of revision {} again.", revert.revision)],
        }
    }

    fn put(&self, kind: Kind, object: &mut Value, now: &Zoned) {
        match self {
            Self::Replicas { to, .. } => object["spec"]["replicas"] = json!(to),
            Self::Restart => restart(object, now),
            Self::Paused(true) => object["spec"]["paused"] = json!(true),
            Self::Paused(false) => drop(object["spec"].as_object_mut().map(|spec| spec.remove("paused"))),
            Self::Images { to, .. } => {
                for (container, image) in to {
                    // A container that is gone meanwhile has no image any more.
                    let pod = templates::pod_spec(kind).unwrap_or_default();
                    drop(templates::set_image(object, pod, (container, image)));
                }
            }
            Self::Template(revert) => {
                object["spec"]["template"] = revert.to.0.clone();
                object["metadata"]["annotations"] = revert.to.1.clone();
            }
        }
    }
}

/// What the list's marked rows are, or the one stood on, where they make pods.
pub fn chosen(app: &App) -> Option<(Kind, Vec<Key>)> {
    let Screen::List(list) = app.screen() else { return None };
    let kind = list.kind().filter(|kind| kind.makes_pods())?;
    Some((kind, list.chosen(&app.store)))
}

/// Lets a number be typed, beginning with the one that is wanted now.
pub fn ask(app: &mut App) {
    let Some((kind, keys)) = chosen(app) else { return };
    let now = keys.first().and_then(|key| app.store.of(kind).find(key)).map(|row| number(&row.object(), "/spec/replicas"));
    if let Some(now) = now {
        ask_line(app, Purpose::Command, &format!("scale {now}"));
    }
}

/// `:scale 3`
pub fn command(app: &mut App, text: &str, out: &mut Vec<Effect>) {
    let Ok(to) = text.parse::<u32>().map(i64::from) else {
        return app.say(Role::Warn, format!("how many pods? \"{text}\" is no number"));
    };
    let Some((kind, keys)) = chosen(app) else {
        return app.say(Role::Warn, "only deployments and replica sets have a number of pods");
    };
    for key in keys {
        let from = app.store.of(kind).find(&key).map(|row| number(&row.object(), "/spec/replicas"));
        if let Some(from) = from.filter(|from| *from != to) {
            request(app, (kind, key), Change::Replicas { from, to }, out);
        }
    }
    unmark(app);
}

/// Asks whether to restart the marked Deployments, or the one stood on.
pub fn ask_restart(app: &mut App) {
    let Some((Kind::Deployment, keys)) = chosen(app) else {
        return app.say(Role::Warn, "only deployments are restarted");
    };
    if keys.is_empty() {
        return;
    }
    let is_paused = |key: &Key| app.store.of(Kind::Deployment).find(key).is_some_and(|row| flag(&row.object(), "/spec/paused"));
    if let Some(paused) = keys.iter().find(|key| is_paused(key)) {
        let name = full_name(paused);
        return app.say(Role::Warn, format!("deployment/{name} is paused: nothing would roll"));
    }
    let what = if keys.len() == 1 { "deployment".to_owned() } else { format!("{} deployments", keys.len()) };
    let mut lines: Vec<String> = keys.iter().take(SHOWN).map(|key| format!("  {}", full_name(key))).collect();
    if keys.len() > SHOWN {
        lines.push(format!("  and {} more", keys.len() - SHOWN));
    }
    lines.push(String::new());
    lines.push("Its pods are made anew, as its strategy says.".to_owned());
    let (title, buttons) = (format!("Restart {what}?"), vec!["Cancel", "Restart (y)"]);
    let dialog = Dialog { title, lines, buttons, focus: 1, is_dangerous: false };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Restart(keys)));
}

/// Does what was asked about.
pub fn confirmed(app: &mut App, keys: Vec<Key>, out: &mut Vec<Effect>) {
    for key in keys {
        request(app, (Kind::Deployment, key), Change::Restart, out);
    }
    unmark(app);
}

pub fn unmark(app: &mut App) {
    if let Screen::List(list) = app.screen_mut() {
        list.marks.clear();
    }
}

/// Asks the daemon. The version that was read goes with it: somebody else's change is not written over.
pub fn request(app: &mut App, (kind, key): (Kind, Key), change: Change, out: &mut Vec<Effect>) {
    let Some(mut object) = app.store.of(kind).find(&key).map(Row::object) else { return };
    change.put(kind, &mut object, &app.now.to_zoned(app.zone.clone()));
    let id = app.next_id();
    let namespace = key.namespace.to_string();
    app.asked.insert(id, Asked::Change(kind, key, change));
    let request = Request::Replace(ReplaceRequest { object, namespace, dry_run: DryRun::No });
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// Says what came of it.
pub fn answered(app: &mut App, (kind, key): (Kind, &Key), change: &Change, result: Result<Response, Failure>) {
    let name = format!("{}/{}", kind.singular(), full_name(key));
    match result {
        Ok(_) => {
            app.say(Role::Ok, format!("{name} {}", change.done()));
            if let Some(back) = change.inverse() {
                let what = match change {
                    Change::Replicas { from, to } => format!("scaled {name} from {from} to {to}"),
                    change => format!("{name} {}", change.done()),
                };
                undoing::remember(app, what, Inverse::Change(kind, key.clone(), back));
            }
        }
        Err(failure) => app.say(Role::Bad, format!("{name} not {}: {failure}", change.not_done())),
    }
}

/// Goes to what controls the object that is shown.
pub fn owner(app: &mut App, out: &mut Vec<Effect>) {
    let Some((kind, key)) = navigate::subject(app) else { return };
    let Some(object) = app.store.of(kind).find(&key).map(Row::object) else { return };
    let Some(owner) = project::maker(&object) else {
        return app.say(Role::Dim, "it has no owner");
    };
    let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
    match Kind::ALL.into_iter().find(|kind| kind.name() == text("kind")) {
        Some(kind) => {
            let namespace = if kind.is_namespaced() { format!("{}/", key.namespace) } else { String::new() };
            super::command::run_quietly(app, &format!("describe {} {namespace}{}", kind.singular(), text("name")), out);
        }
        None => app.say(Role::Warn, format!("its owner is a {}, which is not known here", text("kind"))),
    }
}
