//! Text that exists nowhere else: a moment after a change it is kept in a file, whatever then happens to the process.
//!
//! The file is the session's (`session`), so that one goes on at the same place; it is gone once the text is applied, saved or thrown away.

use super::effect::Effect;
use super::session;
use super::state::App;
use crate::console::screen::Screen;
use jiff::{SignedDuration, Timestamp};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How long after a change it is kept: a word that is being typed is written once.
const AFTER: SignedDuration = SignedDuration::from_millis(700);

/// What is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsaved {
    /// A hash of the texts in the file; `None` without a file.
    kept: Option<u64>,
    /// When it is written.
    due: Option<Timestamp>,
}

impl Unsaved {
    /// There is a file, of a session that was cut off.
    pub fn found(&mut self) {
        self.kept = Some(0);
    }

    /// When it is to be looked at.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due
    }
}

/// Looks whether there is text to be kept, or none any more.
pub fn look(app: &mut App, out: &mut Vec<Effect>) {
    if app.resuming.is_some() {
        // What is in the file is not on the screen yet. Whoever leaves now leaves it for the next time.
        if out.iter().any(|effect| matches!(effect, Effect::Quit)) {
            out.extend(session::keep(app).map(|text| Effect::Keep(session::FILE, text)));
            out.rotate_right(1);
        }
        return;
    }
    let now = hash(app);
    if now == app.unsaved.kept {
        app.unsaved.due = None;
        return;
    }
    if now.is_none() {
        app.unsaved = Unsaved::default();
        return out.push(Effect::KeepUnsaved(None));
    }
    match app.unsaved.due {
        None => app.unsaved.due = app.now.checked_add(AFTER).ok(),
        Some(due) if due <= app.now => {
            if let Some(text) = session::keep(app) {
                out.push(Effect::KeepUnsaved(Some(text)));
            }
            app.unsaved = Unsaved { kept: now, due: None };
        }
        Some(_) => {}
    }
}

/// Of all texts that exist nowhere else.
fn hash(app: &App) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let mut is_any = false;
    for screen in app.screens.iter().chain(&app.later) {
        if let Screen::Edit(edit) = screen {
            let text = edit.editor.text();
            if edit.differs(&text) {
                text.hash(&mut hasher);
                is_any = true;
            }
        }
    }
    is_any.then(|| hasher.finish())
}
