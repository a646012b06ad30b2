//! Screens as commands: the command that leads to the shown one, and the commands that name an object.

use super::effect::Effect;
use super::state::App;
use super::{boards, editing, logs, navigate};
use crate::console::keys::action::Action;
use crate::console::model::columns;
use crate::console::model::namespaces::Namespaces;
use crate::console::model::query::Query;
use crate::console::model::row::Key;
use crate::console::model::why::is_asked;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::screen::board::probes::Probes;
use crate::console::screen::board::timeline::Timeline;
use crate::console::screen::list::{List, Source};
use crate::console::screen::log::Choice;
use crate::console::screen::reader::{Mode, Reader};
use crate::console::theme::role::Role;
use crate::forward::backend::is_forwarded;
use objects::Kind;

/// The command that leads to the shown screen; `None` for one that no command leads to.
pub fn of(app: &App) -> Option<String> {
    of_screen(app.screen())
}

/// The command that leads to a screen; `None` for one that no command leads to.
pub fn of_screen(screen: &Screen) -> Option<String> {
    let full =
        |key: &Key| if key.namespace.is_empty() { key.name.to_string() } else { format!("{}/{}", key.namespace, key.name) };
    Some(match screen {
        Screen::List(list) if list.view.scope.about.is_some() => return None,
        Screen::List(list) => {
            let mut command = match (&list.source, &list.view.scope.node) {
                (Source::Images, _) => "images".to_owned(),
                (Source::Volumes, _) => "volumes".to_owned(),
                (Source::Forwards, _) => "forwards".to_owned(),
                (Source::Shells, _) => "shells".to_owned(),
                (Source::Containers(pod), _) => return Some(format!("containers {}", full(pod))),
                (_, Some(node)) => format!("on {node}"),
                (Source::Kind(kind), None) if kind.is_namespaced() => {
                    format!("{} {}", kind.plural(), list.view.scope.namespaces)
                }
                (Source::Kind(kind), None) => kind.plural().to_owned(),
            };
            if !list.view.query.is_empty() {
                command.push_str(&format!(" /{}", list.view.query.text()));
            }
            command
        }
        Screen::Board(board) => match &board.topic {
            Topic::Why(why) => format!("why {} {}", why.kind.singular(), full(&why.key)),
            Topic::Timeline(timeline) => format!("timeline {}", full(&timeline.pod)),
            Topic::Probes(probes) => format!("probes {}", full(&probes.pod)),
            Topic::Map(_) => "map".to_owned(),
            Topic::Changes(_) => "changes".to_owned(),
            Topic::Pulses => "pulses".to_owned(),
            Topic::Tree(tree) => format!("tree {}", tree.namespaces),
        },
        Screen::Reader(reader) => {
            let word = if reader.mode == Mode::Yaml { "yaml" } else { "describe" };
            format!("{word} {} {}", reader.kind.singular(), full(&reader.key))
        }
        Screen::Log(log) => {
            let pods: Vec<String> = log.pods.iter().map(|(pod, _)| full(pod)).collect();
            let which = if log.choice == Choice::All { "all" } else { log.container_name() };
            format!("logs {} {which}", pods.join(","))
        }
        // A program that ran in a pane is not brought back by a command; what it was about is.
        Screen::Pane(pane) => match pane.about.subject() {
            (Kind::Pod, pod) => format!("containers {}", full(&pod)),
            (_, node) => format!("on {}", node.name),
        },
        Screen::Edit(edit) => match &edit.origin {
            crate::console::screen::edit::Origin::Live(kind, key) => format!("edit {} {}", kind.singular(), full(key)),
            crate::console::screen::edit::Origin::File(path) => format!("open {}", path.display()),
            crate::console::screen::edit::Origin::New => return None,
        },
    })
}

/// `describe pod team-1/web`, `yaml node oak`, `edit pod web`.
pub fn read(app: &mut App, word: &str, rest: &str) {
    let (kind, name) = rest.split_once(' ').unwrap_or(("", rest));
    let Some(kind) = Kind::from_user(kind) else {
        app.say(Role::Warn, format!("which object? :{word} KIND NAME, such as :{word} pod team-1/web"));
        return;
    };
    if super::kinds::waits(app, kind, &format!("{word} {rest}")) {
        return;
    }
    let Some(key) = find(app, kind, name.trim()) else { return };
    match word {
        "edit" => editing::live(app, kind, &key),
        "yaml" => app.push(Screen::Reader(Reader::new(kind, key, Mode::Yaml))),
        _ => app.push(Screen::Reader(Reader::new(kind, key, Mode::Describe))),
    }
}

/// `why pod team-1/web`, `timeline team-1/web`, `probes web`; without words of the object one stands on.
pub fn board(app: &mut App, word: &str, rest: &str, out: &mut Vec<Effect>) {
    let (kind, name) = match rest.split_once(' ') {
        Some((kind, name)) => (Kind::from_user(kind), name.trim()),
        None => (Some(Kind::Pod), rest),
    };
    let Some(kind) = kind else { return app.say(Role::Warn, "which object? :why KIND NAME, such as :why pod team-1/web") };
    if super::kinds::waits(app, kind, &format!("{word} {rest}")) {
        return;
    }
    let Some(key) = find(app, kind, name) else { return };
    match (word, kind) {
        ("timeline", Kind::Pod) => boards::open(app, Topic::Timeline(Timeline::new(key))),
        ("probes", Kind::Pod) => boards::open(app, Topic::Probes(Probes::new(key))),
        ("why", kind) if is_asked(kind) => boards::ask_why(app, kind, key, out),
        ("why", _) => app.say(Role::Warn, ":why is for pods, nodes and what makes pods"),
        _ => app.say(Role::Warn, format!(":{word} is for pods")),
    }
}

/// `containers team-1/web`.
pub fn containers(app: &mut App, name: &str) {
    if let Some(key) = find(app, Kind::Pod, name) {
        app.push(Screen::List(Box::new(List::containers(key))));
    }
}

/// `on oak`, `on oak /web`.
pub fn on_node(app: &mut App, rest: &str) {
    let (node, query) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(key) = find(app, Kind::Node, node.trim()) {
        app.push(Screen::List(Box::new(List::on_node(&key.name))));
        if let Err(why) = super::input::filter(app, query.trim()) {
            app.say(Role::Bad, why);
        }
    }
}

/// `logs team-1/web side`, `logs web all`, `logs web,api`, `logs -l app=web`; without words that of the row one stands on.
pub fn log(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    if let Some(selector) = rest.strip_prefix("-l") {
        return log_of_labels(app, selector.trim(), out);
    }
    let mut words = rest.split_whitespace();
    let Some(names) = words.next() else { return navigate::log(app, false, out) };
    let container = words.next();
    let pods: Vec<Key> = names.split(',').filter(|name| !name.is_empty()).filter_map(|name| find(app, Kind::Pod, name)).collect();
    match (pods.as_slice(), container) {
        ([], _) => {}
        ([pod], container) if container != Some("all") => logs::open(app, pod, container, false, out),
        (pods, _) => logs::open_all(app, pods, false, out),
    }
}

fn log_of_labels(app: &mut App, selector: &str, out: &mut Vec<Effect>) {
    let query = match Query::parse(&format!("-l {selector}"), columns::PODS) {
        Ok(query) => query,
        Err(why) => return app.say(Role::Bad, why),
    };
    let namespaces = app.namespaces.clone();
    let is_here = |key: &Key| namespaces.holds(&key.namespace);
    let pods = app.store.of(Kind::Pod).iter().map(|(_, row)| row);
    let mut pods: Vec<Key> =
        pods.filter(|row| is_here(&row.key) && query.matches(row, app.now)).map(|row| row.key.clone()).collect();
    pods.sort();
    if pods.is_empty() {
        return app.say(Role::Warn, format!("no pod has the labels {selector}"));
    }
    logs::open_all(app, &pods, false, out);
}

/// `forward web 8080:80`, `forward deploy/web 8080:80`; without words asks about the object one stands on.
pub fn forward(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    if !app.rights.allow(Action::Forward) {
        return app.say(Role::Warn, app.rights.refusal(Action::Forward));
    }
    match rest.split_once(' ') {
        Some((object, ports)) => {
            // What is before the first slash is a kind, else the namespace of a pod.
            let kind = object.split_once('/').and_then(|(kind, name)| Some((Kind::from_user(kind)?, name)));
            let (kind, name) = kind.filter(|(kind, _)| is_forwarded(*kind)).unwrap_or((Kind::Pod, object));
            if super::kinds::waits(app, kind, &format!("forward {rest}")) {
                return;
            }
            if let Some(key) = find(app, kind, name) {
                super::forwarding::command(app, (kind, &key), ports, out);
            }
        }
        None if rest.is_empty() => super::forwarding::ask(app),
        None => app.say(Role::Warn, format!("which port of {rest}? :forward {rest} 8080:80")),
    }
}

/// The object of a name, or of a namespace and a name. Says it where there is none.
pub fn find(app: &mut App, kind: Kind, name: &str) -> Option<Key> {
    let (namespaces, own) = match name.split_once('/') {
        Some((namespace, own)) => (Namespaces::one(namespace), own),
        None if kind.is_namespaced() => (app.namespaces.clone(), name),
        None => (Namespaces::default(), name),
    };
    let is_wanted = |key: &Key| *key.name == *own && namespaces.holds(&key.namespace);
    let found = app.store.of(kind).iter().map(|(_, row)| &row.key).find(|key| is_wanted(key)).cloned();
    if found.is_none() {
        let what = if own.is_empty() {
            format!("which {}?", kind.singular())
        } else {
            format!("{} \"{name}\" not found", kind.plural())
        };
        app.say(Role::Bad, what);
    }
    found
}
