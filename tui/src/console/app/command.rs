//! Commands, as they are typed after `:`, and what could be typed next.

use super::editing::{self, Force};
use super::effect::Effect;
use super::input::{filter, show_keys};
use super::perform::{perform, whole_text};
use super::state::App;
use super::{boards, bookmarks, forwarding, navigate, route, theming};
use crate::console::keys::action::Action;
use crate::console::keys::commands::COMMANDS;
use crate::console::model::namespaces::Namespaces;
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use objects::Kind;
use std::path::PathBuf;
use wire::DryRun;

/// Runs a command.
pub fn run(app: &mut App, text: &str, out: &mut Vec<Effect>) {
    let text = text.trim().trim_start_matches(':');
    if text.is_empty() {
        return;
    }
    app.commands.retain(|known| known != text);
    app.commands.push(text.to_owned());
    run_quietly(app, text, out);
}

/// Runs a command that is not to be recalled, such as a bookmark's.
pub fn run_quietly(app: &mut App, text: &str, out: &mut Vec<Effect>) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    // `:ns NAME` is the namespace that lists show.
    let is_choice = matches!(word, "ns" | "namespace") && !rest.is_empty() && !rest.starts_with('/');
    if let Some(kind) = Kind::from_user(listed(word)).filter(|_| !is_choice) {
        return go_to(app, kind, rest);
    }
    if !rest.is_empty() && matches!(word, "describe" | "yaml" | "edit") {
        return route::read(app, word, rest);
    }
    if !rest.is_empty() && matches!(word, "why" | "timeline" | "probes") {
        return route::board(app, word, rest, out);
    }
    match word {
        "containers" => route::containers(app, rest),
        "on" => route::on_node(app, rest),
        "bookmarks" | "marks" => bookmarks::choose(app),
        "bookmark" => bookmarks::set_by_command(app, rest, out),
        "unbookmark" => bookmarks::forget(app, rest, out),
        "ns" | "namespace" => set_namespaces(app, rest),
        "logs" | "log" => route::log(app, rest, out),
        "undo" => super::undoing::ask(app, rest.parse().ok()),
        "images" | "image" => super::images::show(app, out),
        "pull" => super::images::pull(app, rest, out),
        "volumes" | "volume" => navigate::volumes(app),
        "forward" | "port-forward" => route::forward(app, rest, out),
        "forwards" | "pf" => forwarding::show(app),
        "shells" => super::shells::show(app),
        "shell" => perform(app, Action::Shell, None, out),
        "shell!" => perform(app, Action::ShellAside, None, out),
        "attach" => perform(app, Action::Attach, None, out),
        "attach!" => perform(app, Action::AttachAside, None, out),
        "cp" | "copy" => super::copying::command(app, rest, out),
        "scale" | "set-image" | "rollback" | "pause" | "resume" => change(app, word, rest, out),
        "restart" => perform(app, Action::Restart, None, out),
        "used-by" => perform(app, Action::Users, None, out),
        "owner" => perform(app, Action::Owner, None, out),
        "drain" => perform(app, Action::Drain, None, out),
        "column" => super::columns::turn(app, rest, out),
        "columns" => perform(app, Action::Columns, None, out),
        "at" => super::travel::at(app, rest, out),
        "changes" => super::travel::changes(app, rest, None, out),
        "since" => super::logs::set_since(app, rest, out),
        "fields" => super::logs::set_fields(app, rest),
        "new" => editing::new(app, rest),
        "open" | "o" if rest.is_empty() => app.say(Role::Warn, "open which file?"),
        "open" | "o" => out.push(Effect::Read(PathBuf::from(rest))),
        "w" | "apply" if !rest.is_empty() => save(app, rest, out),
        "w" | "apply" => send(app, Force::No, out),
        "w!" => send(app, Force::Yes, out),
        "theme" if rest.is_empty() => theming::choose(app),
        "theme" => theming::set(app, rest),
        "help" | "h" => show_keys(app, "keys"),
        "why" => perform(app, Action::Why, None, out),
        "map" | "cluster" => perform(app, Action::Map, None, out),
        "timeline" => perform(app, Action::Timeline, None, out),
        "probes" => perform(app, Action::Probes, None, out),
        "pulses" | "pulse" => perform(app, Action::Pulses, None, out),
        "tree" | "xray" => boards::tree(app, (!rest.is_empty()).then(|| Namespaces::parse(rest))),
        "describe" => perform(app, Action::Describe, None, out),
        "yaml" => perform(app, Action::Yaml, None, out),
        "edit" => perform(app, Action::Edit, None, out),
        // So that a test can see what a panic leaves of the terminal.
        #[cfg(debug_assertions)]
        "debug-panic" => panic!("as was asked for"),
        "q" | "quit" if matches!(app.screen(), Screen::Edit(_)) => editing::leave(app),
        "q!" if matches!(app.screen(), Screen::Edit(_)) => navigate::close(app, out),
        "q" | "quit" | "qa" => navigate::leave(app, false, out),
        "q!" | "qa!" => navigate::leave(app, true, out),
        _ if super::own_commands::begin(app, word, rest, out) => {}
        _ => app.say(Role::Bad, format!("no command \"{word}\"; ? shows the keys, :help too")),
    }
}

/// A change of what makes pods.
fn change(app: &mut App, word: &str, rest: &str, out: &mut Vec<Effect>) {
    let action = match word {
        "scale" => Action::Scale,
        "set-image" => Action::SetImage,
        "rollback" => Action::RollBack,
        _ => Action::Pause,
    };
    if !app.rights.allow(action) {
        return app.say(Role::Warn, app.rights.refusal(action));
    }
    match action {
        Action::Scale => super::scaling::command(app, rest, out),
        Action::SetImage => super::rollout::image_command(app, rest, out),
        Action::RollBack => super::rollout::command(app, rest, out),
        _ => super::rollout::pause_command(app, word, out),
    }
}

/// What completes the text; empty where nothing or too much would.
pub fn completion(app: &App, text: &str) -> String {
    let (before, word) = match text.rfind(' ') {
        Some(space) => (&text[..space], &text[space + 1..]),
        None => ("", text),
    };
    if word.is_empty() && before.is_empty() {
        return String::new();
    }
    let command = before.split(' ').next().unwrap_or_default();
    let takes_namespaces = command == "ns" || Kind::from_user(listed(command)).is_some_and(Kind::is_namespaced);
    // Of several names with commas the last one is being typed.
    let word = if takes_namespaces { word.rsplit(',').next().unwrap_or_default() } else { word };
    let candidates: Vec<String> = match command {
        "" => {
            let known = COMMANDS.iter().flat_map(|line| line.words).map(|word| (*word).to_owned());
            known.chain(app.own_commands.keys().cloned()).collect()
        }
        "logs" | "log" => app.store.of(Kind::Pod).iter().map(|(_, row)| row.key.name.to_string()).collect(),
        "forward" | "port-forward" => forwarding::completions(app),
        "theme" => theming::names(app),
        _ if takes_namespaces => app.store.namespaces().iter().map(ToString::to_string).chain(["all".to_owned()]).collect(),
        _ => Vec::new(),
    };
    let fits = candidates.iter().filter(|candidate| candidate.starts_with(word) && *candidate != word);
    let best = fits.min_by_key(|candidate| candidate.as_str());
    best.map(|best| best[word.len()..].to_owned()).unwrap_or_default()
}

/// `sec` is short for secrets, which have no short name of their own.
fn listed(word: &str) -> &str {
    if word == "sec" { "secrets" } else { word }
}

/// `:pods`, `:pods team-1`, `:pods all /web -l app=x`.
fn go_to(app: &mut App, kind: Kind, rest: &str) {
    let labels = if rest.starts_with("-l") { Some(0) } else { rest.find(" -l") };
    // A label's name may have a slash in it, so whichever begins first is the filter.
    let filtered_at = [rest.find('/'), labels].into_iter().flatten().min().unwrap_or(rest.len());
    let (place, query) = (rest[..filtered_at].trim(), rest[filtered_at..].trim_start_matches('/').trim());
    let namespaces = if place.is_empty() { app.namespaces.clone() } else { Namespaces::parse(place) };
    navigate::root(app, kind, namespaces);
    if let Err(why) = filter(app, query) {
        app.say(Role::Bad, why);
    }
}

fn set_namespaces(app: &mut App, names: &str) {
    let namespaces = Namespaces::parse(names);
    app.namespaces.clone_from(&namespaces);
    match app.screen_mut() {
        Screen::List(list) if list.kind().is_some_and(Kind::is_namespaced) => {
            list.view.scope.namespaces = namespaces;
            list.invalidate();
        }
        _ => navigate::root(app, Kind::Pod, namespaces),
    }
}

fn save(app: &mut App, path: &str, out: &mut Vec<Effect>) {
    match whole_text(app) {
        Some(text) => out.push(Effect::Write(PathBuf::from(path), text)),
        None => app.say(Role::Warn, "there is no text to write"),
    }
}

fn send(app: &mut App, force: Force, out: &mut Vec<Effect>) {
    if matches!(app.screen(), Screen::Edit(_)) {
        editing::send(app, DryRun::No, force, out);
    } else {
        app.say(Role::Warn, ":w applies a manifest in the editor; :w FILE saves a text");
    }
}
