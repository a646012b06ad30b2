//! A session that was cut off: what was on the screen, and what was being written, kept in a file and gone on with.
//!
//! It is kept when the terminal goes away (a line that drops, a window that is closed) and gone on with at the next start.
//! Screens are kept as the commands that lead to them, so they are filled with what is there then; an editor is kept with its text.

use super::effect::Effect;
use super::rights::OnMachine;
use super::state::App;
use super::{command, route};
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::screen::edit::{Edit, Origin};
use crate::console::theme::role::Role;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The file in the state folder.
pub const FILE: &str = "session.json";
/// A session that was cut off longer ago is begun anew.
const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// What became of a session that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is gone on with.
    Taken,
    /// It is of another daemon, or too old.
    Other,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When it was cut off.
    at: Timestamp,
    /// The daemon it was with.
    address: String,
    /// The namespaces that lists began with, as they are typed; of all nothing.
    namespace: Option<String>,
    /// The screens, the oldest first.
    screens: Vec<Kept>,
}

/// One screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Kept {
    /// One that a command leads to, and the name that the cursor stood on.
    Command(String, Option<(String, String)>),
    /// An editor with its text.
    Edit(KeptEdit),
}

/// An editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptEdit {
    file: Option<PathBuf>,
    object: Option<(Kind, String, String)>,
    text: String,
    cursor: (usize, usize),
    /// The text as it was read, so that a newer object can still be merged. Without it every line is one to decide.
    #[serde(default)]
    base: String,
}

/// The file of this session; `None` where there is nothing worth keeping.
pub fn keep(app: &App) -> Option<String> {
    if app.rights.on_machine == OnMachine::Nothing {
        return None;
    }
    if let Some(session) = &app.resuming {
        return serde_json::to_string(session).ok();
    }
    let screens: Vec<Kept> = app.screens.iter().filter_map(|screen| kept(app, screen)).collect();
    let is_fresh = screens.len() < 2 && !matches!(screens.first(), Some(Kept::Edit(_))) && app.screens.len() < 2;
    if is_fresh {
        return None;
    }
    let namespace = (!app.namespaces.is_all()).then(|| app.namespaces.to_string());
    let session = Session { at: app.now, address: app.address.clone(), namespace, screens };
    serde_json::to_string(&session).ok()
}

fn kept(app: &App, screen: &Screen) -> Option<Kept> {
    if let Screen::Edit(edit) = screen {
        let (file, object) = match &edit.origin {
            Origin::New => (None, None),
            Origin::File(path) => (Some(path.clone()), None),
            Origin::Live(kind, key) => (None, Some((*kind, key.namespace.to_string(), key.name.to_string()))),
        };
        let (text, base) = (edit.editor.text(), edit.base.clone());
        return Some(Kept::Edit(KeptEdit { file, object, text, cursor: edit.editor.cursor(), base }));
    }
    let here = match screen {
        Screen::List(list) => list.current(&app.store).map(|row| (row.key.namespace.to_string(), row.key.name.to_string())),
        _ => None,
    };
    route::of_screen(screen).map(|command| Kept::Command(command, here))
}

/// Takes a kept session over: it is gone on with as soon as the daemon has told what there is.
///
/// # Errors
/// What is wrong with the file.
pub fn offer(app: &mut App, text: &str) -> Result<Offer, String> {
    let session: Session = serde_json::from_str(text).map_err(|error| error.to_string())?;
    // A text does not grow old.
    let is_late = app.now.duration_since(session.at) > LASTS && !session.screens.iter().any(|kept| matches!(kept, Kept::Edit(_)));
    if is_late || session.address != app.address {
        return Ok(Offer::Other);
    }
    app.namespaces = Namespaces::parse(session.namespace.as_deref().unwrap_or_default());
    app.resuming = Some(session);
    Ok(Offer::Taken)
}

/// Goes on with the session that was cut off, once everything it needs is there.
pub fn resume_if_ready(app: &mut App, out: &mut Vec<Effect>) {
    let is_ready = |app: &App| app.store.of(Kind::Pod).is_complete && app.store.of(Kind::Node).is_complete;
    if app.resuming.is_none() || !is_ready(app) {
        return;
    }
    let Some(session) = app.resuming.take() else { return };
    let ago = objects::duration::since(Some(session.at), app.now);
    for screen in session.screens {
        match screen {
            Kept::Command(text, here) => {
                command::run_quietly(app, &text, out);
                stand_on(app, here);
            }
            Kept::Edit(edit) => open_edit(app, edit),
        }
    }
    app.say(Role::Ok, format!("gone on where the session was cut off {ago} ago; what was gone meanwhile is left out"));
}

fn stand_on(app: &mut App, here: Option<(String, String)>) {
    let Some((namespace, name)) = here else { return };
    let key = Key { namespace: namespace.into(), name: name.into() };
    super::update::settle(app);
    let App { screens, store, .. } = app;
    if let Some(Screen::List(list)) = screens.last_mut() {
        list.stand_on(store, &key);
    }
}

fn open_edit(app: &mut App, kept: KeptEdit) {
    let origin = match (kept.file, kept.object) {
        (Some(path), _) => Origin::File(path),
        (_, Some((kind, namespace, name))) => Origin::Live(kind, Key { namespace: namespace.into(), name: name.into() }),
        _ => Origin::New,
    };
    let mut edit = Edit::new(origin, &kept.text, false);
    // It exists nowhere else, whatever it was made of.
    edit.mark_kept_as(String::new());
    edit.base = kept.base;
    edit.editor.go_to(kept.cursor.0, kept.cursor.1);
    app.push(Screen::Edit(Box::new(edit)));
}
