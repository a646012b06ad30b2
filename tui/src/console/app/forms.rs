//! Boxes to fill in: where their keys go, and what is done with what was filled in.

use super::effect::Effect;
use super::input::type_into;
use super::overlay::Overlay;
use super::state::App;
use super::{copying, forwarding, own_commands, rollout};
use crate::console::keys::key::Key;
use crate::console::model::row;
use crate::console::widget::form::Form;
use crossterm::event::KeyCode;
use objects::Kind;

/// What a form is filled in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filling {
    /// A port to forward, of a pod or of what chooses pods.
    Forward(Kind, row::Key),
    /// Files of the pod, or for it.
    Copy(row::Key),
    /// What a command of the user's own wants to know.
    Own(String),
    /// The images of an object's containers.
    Images(Kind, row::Key),
}

/// Takes a key.
pub fn key(app: &mut App, (mut form, filling): (Form, Filling), key: Key, out: &mut Vec<Effect>) {
    match key.code {
        KeyCode::Esc => return,
        KeyCode::Char('c') if key.ctrl => return,
        KeyCode::Enter => return submit(app, form, filling, out),
        KeyCode::Tab => form.shift(true),
        KeyCode::BackTab => form.shift(false),
        // Where nothing is proposed these lead to the next line.
        KeyCode::Down if !form.turn(true) => form.shift(true),
        KeyCode::Up if !form.turn(false) => form.shift(false),
        KeyCode::Down | KeyCode::Up => {}
        KeyCode::Right | KeyCode::Left | KeyCode::Char(' ') if form.field_mut().is_none() => {
            form.turn(key.code != KeyCode::Left);
        }
        _ => {
            if form.field_mut().is_some_and(|field| type_into(field, key)) {
                form.typed();
            }
        }
    }
    settle(app, &mut form, &filling);
    app.overlay = Some(Overlay::Form(form, filling));
}

/// Brings up to date what depends on what was filled in.
pub fn settle(app: &App, form: &mut Form, filling: &Filling) {
    match filling {
        Filling::Forward(..) => forwarding::settle(app, form),
        Filling::Copy(pod) => copying::settle(pod, form),
        Filling::Images(..) | Filling::Own(_) => {}
    }
}

/// Does what the form is for; what cannot be done is said in the form, and nothing that was typed is lost.
pub fn submit(app: &mut App, mut form: Form, filling: Filling, out: &mut Vec<Effect>) {
    let done = match &filling {
        Filling::Forward(kind, key) => forwarding::submit(app, &form, (*kind, key), out),
        Filling::Copy(pod) => copying::submit(app, &form, pod, out),
        Filling::Own(name) => own_commands::submit(app, &form, name, out),
        Filling::Images(kind, key) => rollout::submit_images(app, &form, (*kind, key), out),
    };
    if let Err(fault) = done {
        form.fault = Some(fault);
        app.overlay = Some(Overlay::Form(form, filling));
    }
}
