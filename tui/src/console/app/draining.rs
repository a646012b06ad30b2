//! Drains nodes: cordons them, deletes their pods with their grace, and says how far it is.

use super::cordoning::{self, Scheduling};
use super::deleting;
use super::effect::Effect;
use super::overlay::{Overlay, Purpose, Question};
use super::state::App;
use crate::console::model::row::{Key, Row, Tone};
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use objects::Kind;
use objects::lookup::{flag, list};
use std::collections::BTreeSet;

/// A node that is being drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// The node.
    pub node: Key,
    /// How many pods there were to end.
    pub total: usize,
    /// Those that have not ended yet.
    pub left: BTreeSet<Key>,
}

/// The pods that a drain ends: all of the node's but those of a DaemonSet, which would come back at once.
fn pods_of<'a>(app: &'a App, node: &Key) -> Vec<&'a Row> {
    let pods = app.store.of(Kind::Pod).iter().map(|(_, row)| row);
    let mut pods: Vec<&Row> = pods.filter(|row| *row.node() == *node.name && !row.owner().starts_with("daemonset/")).collect();
    pods.sort_by(|one, two| one.key.cmp(&two.key));
    pods
}

fn stays(app: &App, node: &Key) -> usize {
    app.store.of(Kind::Pod).iter().filter(|(_, row)| *row.node() == *node.name && row.owner().starts_with("daemonset/")).count()
}

/// Asks about the marked nodes, or the one stood on.
pub fn ask(app: &mut App) {
    let nodes = match app.screen() {
        Screen::List(list) if list.kind() == Some(Kind::Node) => list.chosen(&app.store),
        _ => match super::navigate::subject(app) {
            Some((Kind::Node, key)) => vec![key],
            _ => return,
        },
    };
    if nodes.is_empty() {
        return;
    }
    let pods: Vec<&Row> = nodes.iter().flat_map(|node| pods_of(app, node)).collect();
    let is_running = |row: &&&Row| row.tone != Tone::Done;
    let bare = pods.iter().filter(is_running).filter(|row| row.owner().is_empty()).count();
    let holds = |row: &&&Row| list(&row.object(), "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
    let local = pods.iter().filter(is_running).filter(holds).count();
    let unseen = nodes.iter().find(|node| app.cluster.unseen_since(&node.name).is_some());
    let staying: usize = nodes.iter().map(|node| stays(app, node)).sum();
    let mut lines = deleting::names(&nodes);
    lines.push(String::new());
    lines.push("No new pods come to it, and those that are there end with their grace:".to_owned());
    lines.push(format!("  {} in all", count(pods.len())));
    if bare > 0 {
        lines.push(format!("  {} made again by nothing: lost for good (z makes them again)", count(bare)));
    }
    if local > 0 {
        lines.push(format!("  {} with emptyDir volumes: what is in them is lost", count(local)));
    }
    if staying > 0 {
        lines.push(format!("  {} of DaemonSets stay", count(staying)));
    }
    if let Some(node) = unseen {
        lines.push(format!("Node {} is not seen: its pods end when it is back.", node.name));
    }
    let word = word_to_type(&nodes, bare);
    if let Some(word) = &word {
        lines.push(format!("Afterwards \"{word}\" is to be typed."));
    }
    let title = if nodes.len() == 1 { "Drain node?".to_owned() } else { format!("Drain {} nodes?", nodes.len()) };
    let dialog = Dialog { title, lines, buttons: vec!["Cancel", "Drain (y)"], focus: 0, is_dangerous: true };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Drain(nodes)));
}

fn count(pods: usize) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}

/// Where pods are lost for good the node's name is to be typed.
fn word_to_type(nodes: &[Key], bare: usize) -> Option<String> {
    match nodes {
        _ if bare == 0 => None,
        [one] => Some(one.name.to_string()),
        many => Some(many.len().to_string()),
    }
}

/// What was asked about is to be done; where a word is to be typed first, that is asked for.
pub fn confirmed(app: &mut App, nodes: Vec<Key>, out: &mut Vec<Effect>) {
    let bare =
        nodes.iter().flat_map(|node| pods_of(app, node)).filter(|row| row.tone != Tone::Done && row.owner().is_empty()).count();
    match word_to_type(&nodes, bare) {
        Some(word) => super::input::ask_line(app, Purpose::Confirm(word, Question::Drain(nodes)), ""),
        None => drain(app, nodes, out),
    }
}

/// Drains.
pub fn drain(app: &mut App, nodes: Vec<Key>, out: &mut Vec<Effect>) {
    for node in nodes {
        let is_cordoned = app.store.of(Kind::Node).find(&node).is_some_and(|row| flag(&row.object(), "/spec/unschedulable"));
        if !is_cordoned {
            cordoning::request(app, node.clone(), Scheduling::Disabled, out);
        }
        let pods: BTreeSet<Key> = pods_of(app, &node).into_iter().map(|row| row.key.clone()).collect();
        for pod in &pods {
            deleting::request(app, Kind::Pod, pod.clone(), None, out);
        }
        app.drains.retain(|drain| drain.node != node);
        app.drains.push(Drain { node, total: pods.len(), left: pods });
    }
    if let Screen::List(list) = app.screen_mut() {
        list.marks.clear();
    }
    finish(app);
}

/// A pod is gone.
pub fn gone(app: &mut App, pod: &Key) {
    for drain in &mut app.drains {
        drain.left.remove(pod);
    }
    finish(app);
}

/// A pod could not be deleted: its node stays as full.
pub fn refused(app: &mut App, pod: &Key) {
    let before = app.drains.len();
    app.drains.retain(|drain| !drain.left.contains(pod));
    if app.drains.len() < before {
        app.say(Role::Bad, format!("the drain ended: pod/{} was not deleted", pod.name));
    }
}

fn finish(app: &mut App) {
    let done: Vec<String> =
        app.drains.iter().filter(|drain| drain.left.is_empty()).map(|drain| drain.node.name.to_string()).collect();
    app.drains.retain(|drain| !drain.left.is_empty());
    if !done.is_empty() {
        app.say(Role::Ok, format!("node/{} drained", done.join(", node/")));
    }
}

/// How far the drains are, for the line at the top.
pub fn progress(app: &App) -> Option<String> {
    let drain = app.drains.first()?;
    let more = if app.drains.len() > 1 { format!(" +{}", app.drains.len() - 1) } else { String::new() };
    Some(format!("◐ draining {}{more}: {} of {} gone", drain.node.name, drain.total - drain.left.len(), drain.total))
}
