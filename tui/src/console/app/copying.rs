//! Files to and from a container: asks which, tells how far a copy is, and what came of it.

use super::effect::Effect;
use super::forms::Filling;
use super::navigate;
use super::overlay::Overlay;
use super::state::App;
use crate::console::link::{Command, Copy};
use crate::console::model::project::bytes;
use crate::console::model::row::Key;
use crate::console::theme::role::Role;
use crate::console::widget::form::{Blank, Form};
use objects::Kind;
use objects::lookup::{list, text};
use wire::{CopyDirection, CopyRequest};

/// The lines of the form.
const WAY: usize = 0;
const CONTAINER: usize = 1;
const THERE: usize = 2;
const HERE: usize = 3;
/// The ways, as the form shows them.
const FROM: &str = "from the container";
const INTO: &str = "into the container";

/// A copy under way.
#[derive(Debug, Clone)]
pub struct Copying {
    id: u32,
    what: String,
    bytes: u64,
}

/// Asks what to copy of the pod one stands on.
pub fn ask(app: &mut App) {
    let Some((Kind::Pod, pod)) = navigate::subject(app) else { return app.say(Role::Warn, "only pods have files") };
    let Some(row) = app.store.of(Kind::Pod).find(&pod) else { return app.say(Role::Warn, "the pod is gone") };
    let object = row.object();
    let here = navigate::container(app);
    let mut names: Vec<String> =
        list(&object, "/spec/containers").iter().map(|container| text(container, "/name").to_owned()).collect();
    if let Some(at) = here.and_then(|here| names.iter().position(|name| *name == here)) {
        names.rotate_left(at);
    }
    let only = |mut blank: Blank| {
        blank.only_proposals = true;
        blank
    };
    let mut form = Form {
        title: format!("Copy files of {}", pod.name),
        blanks: vec![
            only(Blank::proposing("Which way", vec![FROM.to_owned(), INTO.to_owned()])),
            only(Blank::proposing("Container", names)),
            Blank::new("Path there", ""),
            Blank::new("Path here", ""),
        ],
        here: THERE,
        notes: vec![
            "A folder is copied with all that is in it.".to_owned(),
            "The container needs no program for it and has only to run.".to_owned(),
        ],
        fault: None,
        button: "copy",
    };
    settle(&pod, &mut form);
    app.overlay = Some(Overlay::Form(form, Filling::Copy(pod)));
}

/// Proposes a path for the side that is copied to, as long as the user wrote none.
pub fn settle(_pod: &Key, form: &mut Form) {
    let (from, to) = if form.text(WAY) == FROM { (THERE, HERE) } else { (HERE, THERE) };
    let last = form.text(from).trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    if !form.blanks[to].is_own {
        let folder = if to == HERE { "./" } else { "/tmp/" };
        let proposed = if last.is_empty() { String::new() } else { format!("{folder}{last}") };
        form.blanks[to].field.set(&proposed);
    }
}

/// Begins what was filled in.
///
/// # Errors
/// What is wrong with it.
pub fn submit(app: &mut App, form: &Form, pod: &Key, out: &mut Vec<Effect>) -> Result<(), String> {
    if form.text(THERE).is_empty() || form.text(HERE).is_empty() {
        return Err("a path is missing".to_owned());
    }
    let direction = if form.text(WAY) == FROM { CopyDirection::FromContainer } else { CopyDirection::IntoContainer };
    begin(app, pod, Some(form.text(CONTAINER)), (direction, form.text(THERE), form.text(HERE)), out);
    Ok(())
}

fn begin(
    app: &mut App,
    pod: &Key,
    container: Option<&str>,
    (direction, there, here): (CopyDirection, &str, &str),
    out: &mut Vec<Effect>,
) {
    let request = CopyRequest {
        namespace: pod.namespace.to_string(),
        pod: pod.name.to_string(),
        container: container.map(str::to_owned),
        direction,
        path: there.to_owned(),
        is_content: direction == CopyDirection::IntoContainer && crate::copying::is_content(here),
        no_preserve: false,
        window: 0,
    };
    let what = match direction {
        CopyDirection::FromContainer => format!("{}:{there} to {here}", pod.name),
        CopyDirection::IntoContainer => format!("{here} to {}:{there}", pod.name),
    };
    let id = app.next_id();
    app.say(Role::Busy, format!("copying {what}; everything else goes on"));
    app.copies.push(Copying { id, what, bytes: 0 });
    out.push(Effect::Link(Command::Copy { id, copy: Box::new(Copy { request, local: here.to_owned() }) }));
}

/// `:cp web:/etc/hosts hosts`, `:cp hosts team-1/web:/tmp/hosts`, `:cp stop`; without words the form.
pub fn command(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let remote = |text: &str| {
        let (pod, path) = text.split_once(':')?;
        (!pod.is_empty() && !path.is_empty() && !pod.starts_with(['.', '/'])).then(|| (pod.to_owned(), path.to_owned()))
    };
    let (direction, (pod, there), here) = match words.as_slice() {
        [] => return ask(app),
        ["stop"] => return stop(app, out),
        [from, to] => match (remote(from), remote(to)) {
            (Some(there), None) => (CopyDirection::FromContainer, there, *to),
            (None, Some(there)) => (CopyDirection::IntoContainer, there, *from),
            _ => return app.say(Role::Warn, "one of both is POD:PATH, the other one a path here"),
        },
        _ => return app.say(Role::Warn, "copy what? :cp POD:PATH FILE, :cp FILE POD:PATH"),
    };
    if let Some(pod) = super::route::find(app, Kind::Pod, &pod) {
        begin(app, &pod, None, (direction, &there, here), out);
    }
}

fn stop(app: &mut App, out: &mut Vec<Effect>) {
    let copies = std::mem::take(&mut app.copies);
    out.extend(copies.iter().map(|copy| Effect::Link(Command::End { id: copy.id })));
    let what = if copies.is_empty() { "nothing is being copied".to_owned() } else { format!("{} stopped", copies.len()) };
    app.say(Role::Dim, what);
}

/// How far a copy is.
pub fn progressed(app: &mut App, id: u32, bytes: u64) {
    if let Some(copy) = app.copies.iter_mut().find(|copy| copy.id == id) {
        copy.bytes = bytes;
    }
}

/// The end of a copy.
pub fn ended(app: &mut App, id: u32, result: Result<u64, String>) {
    let Some(at) = app.copies.iter().position(|copy| copy.id == id) else { return };
    let copy = app.copies.remove(at);
    match result {
        Ok(count) => app.say(Role::Ok, format!("copied {} ({})", copy.what, bytes(count as f64))),
        Err(why) => app.say(Role::Bad, format!("not copied {}: {why}", copy.what)),
    }
}

/// How far the copies are, for the line at the top.
pub fn progress(app: &App) -> Option<String> {
    let copy = app.copies.first()?;
    let more = if app.copies.len() > 1 { format!(" +{}", app.copies.len() - 1) } else { String::new() };
    Some(format!("◐ copying{more} {}", bytes(copy.bytes as f64)))
}
