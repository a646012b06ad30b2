//! Screens as commands: the command that leads to the shown one, and the commands that name an object.

use super::effect::Effect;
use super::state::App;
use super::{editing, logs, navigate};
use crate::console::model::row::Key;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::screen::list::{List, Source};
use crate::console::screen::reader::{Mode, Reader};
use crate::console::theme::role::Role;
use objects::Kind;

/// The command that leads to the shown screen; `None` for one that no command leads to.
pub fn of(app: &App) -> Option<String> {
    let full =
        |key: &Key| if key.namespace.is_empty() { key.name.to_string() } else { format!("{}/{}", key.namespace, key.name) };
    Some(match app.screen() {
        Screen::List(list) if list.view.scope.about.is_some() => return None,
        Screen::List(list) => {
            let mut command = match (&list.source, &list.view.scope.node) {
                (Source::Containers(pod), _) => return Some(format!("containers {}", full(pod))),
                (_, Some(node)) => format!("on {node}"),
                (Source::Kind(kind), None) if kind.is_namespaced() => {
                    format!("{} {}", kind.plural(), list.view.scope.namespace.as_deref().unwrap_or("all"))
                }
                (Source::Kind(kind), None) => kind.plural().to_owned(),
            };
            if !list.view.query.is_empty() {
                command.push_str(&format!(" /{}", list.view.query.text()));
            }
            command
        }
        Screen::Board(board) => match &board.topic {
            Topic::Pulses => "pulses".to_owned(),
            Topic::Tree(tree) => format!("tree {}", tree.namespace.as_deref().unwrap_or("all")),
            _ => return None,
        },
        Screen::Reader(reader) => {
            let word = if reader.mode == Mode::Yaml { "yaml" } else { "describe" };
            format!("{word} {} {}", reader.kind.singular(), full(&reader.key))
        }
        Screen::Log(log) => format!("logs {} {}", full(&log.pod), log.container_name()),
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
    let Some(key) = find(app, kind, name.trim()) else { return };
    match word {
        "edit" => editing::live(app, kind, &key),
        "yaml" => app.push(Screen::Reader(Reader::new(kind, key, Mode::Yaml))),
        _ => app.push(Screen::Reader(Reader::new(kind, key, Mode::Describe))),
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

/// `logs team-1/web side`; without words that of the row one stands on.
pub fn log(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    let mut words = rest.split_whitespace();
    let Some(name) = words.next() else { return navigate::log(app, false, out) };
    if let Some(pod) = find(app, Kind::Pod, name) {
        logs::open(app, &pod, words.next(), false, out);
    }
}

/// The object of a name, or of a namespace and a name. Says it where there is none.
fn find(app: &mut App, kind: Kind, name: &str) -> Option<Key> {
    let (namespace, own) = match name.split_once('/') {
        Some((namespace, own)) => (Some(namespace.to_owned()), own),
        None => (app.namespace.clone().filter(|_| kind.is_namespaced()), name),
    };
    let is_wanted = |key: &Key| *key.name == *own && namespace.as_ref().is_none_or(|namespace| *key.namespace == **namespace);
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
