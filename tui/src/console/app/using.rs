//! Which pods use an object: a box of them, each leads to its pod.

use super::deleting::full_name;
use super::effect::Effect;
use super::navigate;
use super::overlay::{Choice, Overlay};
use super::state::App;
use crate::console::model::row::Key;
use crate::console::model::{columns, owned, users};
use crate::console::screen::Screen;
use crate::console::screen::list::List;
use crate::console::theme::role::Role;
use crate::console::widget::palette::{Entry, Palette};
use objects::Kind;

/// Shows the pods that use the object one stands on.
pub fn show(app: &mut App, out: &mut Vec<Effect>) {
    let Some((kind, key)) = navigate::subject(app) else { return };
    let keys = match kind {
        Kind::Node => return app.push(Screen::List(Box::new(List::on_node(&key.name)))),
        // Their pods are a list of their own.
        Kind::Namespace | Kind::Service => return navigate::open(app, out),
        // A deployment's pods are those of its sets.
        Kind::Deployment if super::kinds::waits(app, Kind::ReplicaSet, "used-by") => return,
        Kind::Deployment | Kind::ReplicaSet => {
            owned::pods(&app.store, kind, &key).into_iter().map(|row| row.key.clone()).collect()
        }
        Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount | Kind::PriorityClass => users::of(&app.store, kind, &key),
        Kind::Pod | Kind::Event | Kind::Lease => {
            return app.say(Role::Dim, format!("no pod names {}: they are used by none", kind.plural()));
        }
    };
    if keys.is_empty() {
        return app.say(Role::Dim, format!("no pod uses {} {}", kind.singular(), full_name(&key)));
    }
    let entry = |key: &Key| Entry { keys: full_name(key), text: status(app, key), group: "" };
    let entries = keys.iter().map(entry).collect();
    let choices = keys.iter().map(|key| Choice::Command(format!("describe pod {}", full_name(key)))).collect();
    app.overlay = Some(Overlay::Palette(Palette::new("used by", entries), choices));
}

/// A pod's state, and how many of its containers are ready.
fn status(app: &App, key: &Key) -> String {
    let Some(row) = app.store.of(Kind::Pod).find(key) else { return String::new() };
    let cell = |title: &str| row.words(columns::PODS, title);
    format!("{}  {}  {}", cell("READY"), cell("STATUS"), cell("NODE"))
}
