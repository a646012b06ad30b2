//! Going into things and out of them.

use super::effect::Effect;
use super::overlay::{Overlay, Question};
use super::state::App;
use super::{boards, deleting, editing, logs, travel};
use crate::console::keys::action::Action;
use crate::console::keys::table::Place;
use crate::console::model::columns;
use crate::console::model::namespaces::Namespaces;
use crate::console::model::query::Query;
use crate::console::model::row::{About, Key, Tone};
use crate::console::screen::Screen;
use crate::console::screen::board::Target;
use crate::console::screen::list::{List, Source};
use crate::console::screen::reader::{Mode, Reader};
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use objects::Kind;

/// Into the row one stands on.
pub fn open(app: &mut App, out: &mut Vec<Effect>) {
    if let Screen::Board(_) = app.screen() {
        return boards::follow(app, out);
    }
    let Screen::List(list) = app.screen() else { return };
    let Some(row) = list.current(&app.store) else { return };
    let (key, about) = (row.key.clone(), row.about.clone());
    match list.source.clone() {
        Source::Kind(Kind::Pod) => app.push(Screen::List(Box::new(List::containers(key)))),
        Source::Kind(Kind::Node) => app.push(Screen::List(Box::new(List::on_node(&key.name)))),
        Source::Kind(Kind::Event) => match about {
            Some(about) => jump(app, &about),
            None => read(app, Mode::Describe),
        },
        Source::Kind(Kind::Namespace) => {
            // Marked ones together, and the one stood on where none is marked.
            let chosen = list.chosen(&app.store).into_iter().map(|key| key.name.into_string());
            let list = List::of(Kind::Pod, Namespaces::of(chosen));
            app.push(Screen::List(Box::new(list)));
        }
        Source::Kind(Kind::Service) => pods_of_service(app, &key),
        Source::Kind(kind) if kind.makes_pods() => pods_of_selector(app, kind, &key),
        Source::Kind(_) => read(app, Mode::Describe),
        Source::Containers(pod) => logs::open(app, &pod, Some(&key.name), false, out),
        Source::Volumes => {
            if let Some((kind, key)) = subject(app) {
                app.push(Screen::Reader(Reader::new(kind, key, Mode::Describe)));
            }
        }
        Source::Forwards => {
            if let Some((kind, key)) = subject(app) {
                app.push(Screen::Reader(Reader::new(kind, key, Mode::Describe)));
            }
        }
        Source::Shells => super::shells::go_to(app, &key.name),
        Source::Images => app.say(Role::Dim, "x shows what can be done with an image"),
    }
}

/// The pods that a service chooses; one without a selector is described.
fn pods_of_service(app: &mut App, key: &Key) {
    match selector_of(app, Kind::Service, key) {
        Some(selector) => selected_pods(app, &key.namespace, &selector),
        None => read(app, Mode::Describe),
    }
}

/// The pods that a Deployment or a ReplicaSet chooses.
fn pods_of_selector(app: &mut App, kind: Kind, key: &Key) {
    if let Some(selector) = selector_of(app, kind, key) {
        selected_pods(app, &key.namespace, &selector);
    }
}

/// By which labels an object chooses pods: `app=web,tier=db`; `None` where it chooses none.
fn selector_of(app: &App, kind: Kind, key: &Key) -> Option<String> {
    crate::forward::backend::selector_of(kind, &app.store.of(kind).find(key)?.object())
}

/// The pods that those objects choose which the screen is about; `None` where they are of a kind that chooses none.
fn chosen_pods(app: &App) -> Option<Vec<Key>> {
    let (kind, keys) = match app.screen() {
        Screen::List(list) => (list.kind()?, list.chosen(&app.store)),
        _ => subject(app).map(|(kind, key)| (kind, vec![key]))?,
    };
    if !kind.makes_pods() && kind != Kind::Service {
        return None;
    }
    let mut found = Vec::new();
    for key in keys {
        let Some(selector) = selector_of(app, kind, &key) else { continue };
        let Ok(query) = Query::parse(&format!("-l {selector}"), columns::PODS) else { continue };
        let pods = app.store.of(Kind::Pod).iter().map(|(_, pod)| pod).filter(|pod| pod.key.namespace == key.namespace);
        found.extend(pods.filter(|pod| query.matches(pod, app.now)).map(|pod| pod.key.clone()));
    }
    found.sort();
    found.dedup();
    Some(found)
}

fn selected_pods(app: &mut App, namespace: &str, selector: &str) {
    app.push(Screen::List(Box::new(List::of(Kind::Pod, Namespaces::one(namespace)))));
    if let Err(why) = super::input::filter(app, &format!("-l {selector}")) {
        app.say(Role::Bad, why);
    }
}

/// Shows the values of a secret, or hides them again.
pub fn reveal(app: &mut App) {
    match app.screen_mut() {
        Screen::Reader(reader) if reader.kind == Kind::Secret => reader.turn_values(),
        _ => app.say(Role::Dim, "only secrets hide their values"),
    }
}

/// To the object that an event is about.
fn jump(app: &mut App, about: &About) {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == &*about.kind);
    let waits = |app: &mut App, kind: Kind| {
        let text = format!("describe {} {}", kind.singular(), deleting::full_name(&about.key));
        super::kinds::waits(app, kind, &text)
    };
    match kind {
        Some(kind) if waits(app, kind) => {}
        Some(kind) if app.store.of(kind).find(&about.key).is_some() => {
            app.push(Screen::Reader(Reader::new(kind, about.key.clone(), Mode::Describe)));
        }
        _ => app.say(Role::Warn, format!("{} {} is gone", about.kind.to_lowercase(), deleting::full_name(&about.key))),
    }
}

/// The object the shown screen is about: the row stood on, or the one that is read.
pub fn subject(app: &App) -> Option<(Kind, Key)> {
    match app.screen() {
        Screen::List(list) => match &list.source {
            Source::Kind(kind) => list.current(&app.store).map(|row| (*kind, row.key.clone())),
            Source::Containers(pod) => Some((Kind::Pod, pod.clone())),
            Source::Volumes => {
                let key = list.current(&app.store).map(|row| &row.key)?;
                let pod = key.name.split('/').next().unwrap_or_default();
                Some((Kind::Pod, Key { namespace: key.namespace.clone(), name: pod.into() }))
            }
            Source::Forwards | Source::Shells => {
                let about = list.current(&app.store)?.about.as_deref()?;
                Some((Kind::ALL.into_iter().find(|kind| kind.name() == &*about.kind)?, about.key.clone()))
            }
            Source::Images => None,
        },
        Screen::Board(board) => boards::subject(board),
        Screen::Reader(reader) => Some((reader.kind, reader.key.clone())),
        Screen::Log(log) => Some((Kind::Pod, log.pod().clone())),
        Screen::Pane(pane) => Some(pane.about.subject()),
        Screen::Edit(_) => None,
    }
}

/// The container one stands on; `None` where one stands on a whole pod.
pub fn container(app: &App) -> Option<String> {
    match app.screen() {
        Screen::List(list) if matches!(list.source, Source::Containers(_)) => {
            list.current(&app.store).map(|row| row.key.name.to_string())
        }
        Screen::Board(board) => match board.target() {
            Some(Target::Log { container, .. }) => Some(container.clone()),
            _ => None,
        },
        Screen::Pane(pane) => Some(pane.about.container().to_owned()).filter(|container| !container.is_empty()),
        _ => None,
    }
}

/// `; space f shows all`, where there is a key for it.
pub fn keys_of(app: &App, action: Action) -> String {
    // Those that count everywhere before those of some place.
    let known = app.keys.bindings().iter().filter(|binding| binding.action == action);
    let keys = known.min_by_key(|binding| binding.place != Place::Any).map(|binding| &binding.keys);
    keys.map(|keys| format!("; {keys} shows all")).unwrap_or_default()
}

/// Shows the object as a text. A reader changes what it tells and stays where it is.
pub fn read(app: &mut App, mode: Mode) {
    let Some((kind, key)) = subject(app) else { return };
    if let Screen::Reader(reader) = app.screen_mut() {
        if reader.mode != mode {
            reader.mode = mode;
            reader.place.go_to_start();
        }
        return;
    }
    app.push(Screen::Reader(Reader::new(kind, key, mode)));
}

/// Shows the events about the object.
pub fn events(app: &mut App) {
    let about = match app.screen() {
        Screen::List(list) if list.kind() == Some(Kind::Event) => {
            list.current(&app.store).and_then(|row| row.about.as_deref().cloned())
        }
        _ => subject(app).map(|(kind, key)| About { kind: kind.name().into(), key }),
    };
    if let Some(about) = about {
        app.push(Screen::List(Box::new(List::about(about))));
    }
}

/// Shows the log of the pod or container; of several marked pods their logs together, and those of a deployment's pods.
pub fn log(app: &mut App, is_previous: bool, out: &mut Vec<Effect>) {
    match chosen_pods(app) {
        Some(pods) if pods.is_empty() => return app.say(Role::Warn, "it has no pods whose logs could be read"),
        Some(pods) => return logs::open_all(app, &pods, is_previous, out),
        None => {}
    }
    if let Screen::List(list) = app.screen()
        && list.kind() == Some(Kind::Pod)
        && list.marks.len() > 1
    {
        let pods = list.chosen(&app.store);
        return logs::open_all(app, &pods, is_previous, out);
    }
    let container = container(app);
    match subject(app) {
        Some((Kind::Pod, key)) => logs::open(app, &key, container.as_deref(), is_previous, out),
        _ => app.say(Role::Warn, "only pods have logs"),
    }
}

/// Shows the logs of all containers of the pod, or of the marked ones, together.
pub fn all_logs(app: &mut App, out: &mut Vec<Effect>) {
    if chosen_pods(app).is_some() {
        return log(app, false, out);
    }
    let pods = match app.screen() {
        Screen::List(list) if list.kind() == Some(Kind::Pod) => list.chosen(&app.store),
        _ => subject(app).filter(|(kind, _)| *kind == Kind::Pod).map(|(_, key)| key).into_iter().collect(),
    };
    if pods.is_empty() {
        return app.say(Role::Warn, "only pods have logs");
    }
    logs::open_all(app, &pods, false, out);
}

/// To the next row that fails; where none does, to one that somebody should look at.
pub fn trouble(app: &mut App, forward: bool) {
    let App { screens, store, .. } = app;
    let Some(Screen::List(list)) = screens.last_mut() else { return };
    let (count, here) = (list.view.slots.len(), list.cursor);
    let place = |step: usize| if forward { (here + step) % count } else { (here + count - step) % count };
    let tone = |at: usize| list.view.slots.get(at).and_then(|slot| list.rows(store).get(*slot)).map(|row| row.tone);
    let of = |wanted: Tone| (1..=count).map(place).find(|at| tone(*at) == Some(wanted));
    match of(Tone::Bad).or_else(|| of(Tone::Warn)) {
        Some(at) => list.go_to(store, at),
        None => app.say(Role::Ok, "every row is as it should be"),
    }
}

/// Shows the volumes of all pods.
pub fn volumes(app: &mut App) {
    let mut list = List::volumes(app.namespaces.clone());
    list.is_root = true;
    app.push(Screen::List(Box::new(list)));
}

/// Goes to a kind's list as the start of a new path.
pub fn root(app: &mut App, kind: Kind, namespaces: Namespaces) {
    let mut list = List::of(kind, namespaces);
    list.is_root = true;
    app.push(Screen::List(Box::new(list)));
}

/// What Esc does: marks go, then a filter, then the screen; never the console.
pub fn back(app: &mut App, out: &mut Vec<Effect>) {
    if app.travel.is_some() {
        return travel::leave(app);
    }
    let is_first = app.screens.len() < 2;
    match app.screen_mut() {
        Screen::List(list) if !list.marks.is_empty() => list.marks.clear(),
        Screen::List(list) if !list.view.query.is_empty() => {
            list.view.query = Default::default();
            list.invalidate();
        }
        Screen::Reader(reader) if reader.place.find.is_some() => (reader.place.find, reader.place.found) = (None, None),
        Screen::Log(log) if log.place.find.is_some() => (log.place.find, log.place.found) = (None, None),
        Screen::Log(log) if log.log.filter().is_some() => logs::set_filter(app, ""),
        Screen::Edit(_) => editing::leave(app),
        Screen::Pane(_) => super::panes::back(app, out),
        _ if !is_first => close(app, out),
        _ => app.say(Role::Dim, "this is the first screen; q leaves"),
    }
}

/// Goes back to the screen before and keeps this one for `]`; an editor is gone for good.
pub fn close(app: &mut App, out: &mut Vec<Effect>) {
    app.keep_a_root();
    if app.screens.len() < 2 {
        return;
    }
    if let Some(mut screen) = app.screens.pop() {
        if let Screen::Log(log) = &mut screen {
            logs::stop(log, out);
        }
        let pane = if let Screen::Pane(pane) = &screen { Some(pane.id) } else { None };
        if !matches!(screen, Screen::Edit(_)) {
            app.later.push(screen);
        }
        if let Some(pane) = pane {
            super::panes::left(app, pane);
        }
    }
    revive(app, out);
}

/// Goes forward to the screen one came back from.
pub fn forward(app: &mut App, out: &mut Vec<Effect>) {
    if let Some(screen) = app.later.pop() {
        app.screens.push(screen);
        revive(app, out);
    }
}

/// What `q` does: closes the screen, and asks before it closes the last.
pub fn quit(app: &mut App, out: &mut Vec<Effect>) {
    match app.screen() {
        Screen::Edit(_) => editing::leave(app),
        Screen::Pane(_) => super::panes::back(app, out),
        _ if app.screens.len() > 1 => close(app, out),
        _ => ask_to_leave(app),
    }
}

fn ask_to_leave(app: &mut App) {
    let mut lines = vec!["Pods go on running; nothing on the node changes.".to_owned()];
    lines.extend(super::forwarding::warning(app));
    lines.extend(super::shells::warnings(app));
    let dialog = Dialog {
        title: "Leave the console?".to_owned(),
        lines,
        buttons: vec!["Stay", "Leave (y)"],
        focus: 1,
        is_dangerous: false,
    };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Quit));
}

/// Leaves, unless an editor holds text nobody saved; asks where something ends with the console.
pub fn leave(app: &mut App, forced: bool, out: &mut Vec<Effect>) {
    if !forced && (super::forwarding::warning(app).is_some() || super::shells::has_running(app)) {
        return ask_to_leave(app);
    }
    leave_now(app, forced, out);
}

/// Leaves at once, unless an editor holds text nobody saved.
pub fn leave_now(app: &mut App, forced: bool, out: &mut Vec<Effect>) {
    let unsaved = app.screens.iter().any(|screen| matches!(screen, Screen::Edit(edit) if edit.is_changed()));
    if unsaved && !forced {
        app.say(Role::Bad, "an editor holds text that was not applied; :q! throws it away");
    } else {
        out.push(Effect::Quit);
    }
}

/// A screen went away below which another one was.
pub fn shown_again(app: &mut App, out: &mut Vec<Effect>) {
    revive(app, out);
}

/// The screen that is shown again may have missed changes.
fn revive(app: &mut App, out: &mut Vec<Effect>) {
    let is_live = app.is_live();
    let App { screens, store, last_id, .. } = app;
    match screens.last_mut() {
        Some(Screen::List(list)) => list.invalidate(),
        Some(Screen::Board(board)) => board.invalidate(),
        Some(Screen::Log(log)) if is_live => logs::start(log, store, last_id, out),
        _ => {}
    }
}
