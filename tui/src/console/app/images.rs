//! The images of all nodes: asks for them while they are looked at, removes, prunes and pulls.

use super::deleting;
use super::effect::Effect;
use super::overlay::{Overlay, Question};
use super::state::{App, Asked};
use crate::console::link::{Command, Failure};
use crate::console::model::inventory;
use crate::console::model::project::bytes;
use crate::console::model::row::{Key, Row};
use crate::console::screen::Screen;
use crate::console::screen::list::{List, Source};
use crate::console::theme::role::Role;
use crate::console::widget::dialog::Dialog;
use jiff::SignedDuration;
use objects::Kind;
use wire::{ImagePullRequest, PullProgress, Request, Response};

/// The time between two looks at the images while they are shown.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// What is to be done with images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Take names away: the node and the name of each.
    Remove(Vec<Key>),
    /// Remove what no container uses.
    Prune(String),
}

/// A pull under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The question's number.
    pub id: u32,
    /// The image.
    pub image: String,
    /// The node.
    pub node: String,
    /// How far it is.
    pub progress: String,
}

/// Shows the images.
pub fn show(app: &mut App, out: &mut Vec<Effect>) {
    let mut list = List::images();
    list.is_root = true;
    app.push(Screen::List(Box::new(list)));
    app.images_at = None;
    ask_if_due(app, out);
}

/// Whether the images are on the screen.
fn looks(app: &App) -> bool {
    matches!(app.screen(), Screen::List(list) if list.source == Source::Images)
}

/// When to ask next.
pub fn next_due(app: &App) -> Option<jiff::Timestamp> {
    if !looks(app) || !app.is_live() {
        return None;
    }
    Some(app.images_at.map_or(app.now, |at| at.saturating_add(PAUSE).unwrap_or(at)))
}

/// Asks every node that is seen, where it is time to.
pub fn ask_if_due(app: &mut App, out: &mut Vec<Effect>) {
    if next_due(app).is_none_or(|due| due > app.now) {
        return;
    }
    app.images_at = Some(app.now);
    let nodes: Vec<String> = app.store.of(Kind::Node).iter().map(|(_, row)| row.key.name.to_string()).collect();
    for node in nodes.into_iter().filter(|node| app.cluster.unseen_since(node).is_none()).collect::<Vec<_>>() {
        ask(app, node, out);
    }
}

fn ask(app: &mut App, node: String, out: &mut Vec<Effect>) {
    let request = Request::On { node: node.clone(), request: Box::new(Request::ImageList) };
    let id = app.next_id();
    app.asked.insert(id, Asked::Images(node));
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// The images of a node.
pub fn answered(app: &mut App, node: &str, result: Result<Response, Failure>) {
    match result {
        Ok(Response::Images { images }) => {
            let rows = inventory::of_images(node, &images);
            app.store.put_images(node, rows);
        }
        Ok(_) => {}
        Err(failure) => app.say(Role::Bad, format!("images of {node}: {failure}")),
    }
    app.invalidate(&Source::Images);
}

/// Asks whether to remove the marked images, or the one stood on.
pub fn ask_remove(app: &mut App) {
    let Screen::List(list) = app.screen() else { return };
    let keys = list.chosen(&app.store);
    if keys.is_empty() {
        return;
    }
    let rows: Vec<&Row> = keys.iter().filter_map(|key| app.store.images().find(key)).collect();
    let used = rows.iter().filter(|row| row.tone == crate::console::model::row::Tone::Ok).count();
    let mut lines: Vec<String> =
        keys.iter().take(deleting::SHOWN).map(|key| format!("  {} on {}", key.name, key.namespace)).collect();
    if keys.len() > deleting::SHOWN {
        lines.push(format!("  and {} more", keys.len() - deleting::SHOWN));
    }
    lines.push(String::new());
    lines.push("An image goes with its last name; pods that need it pull it again.".to_owned());
    if used > 0 {
        lines.push(format!("{used} in use: the node refuses to remove what a container uses."));
    }
    let title = if keys.len() == 1 { "Remove image?".to_owned() } else { format!("Remove {} images?", keys.len()) };
    let dialog = Dialog { title, lines, buttons: vec!["Cancel", "Remove (y)"], focus: 0, is_dangerous: true };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Images(Work::Remove(keys))));
}

/// Asks whether to remove what no container of the node uses.
pub fn ask_prune(app: &mut App) {
    let Screen::List(list) = app.screen() else { return };
    let Some(node) = list.current(&app.store).map(|row| row.key.namespace.to_string()) else { return };
    let unused = app
        .store
        .images()
        .iter()
        .filter(|(_, row)| *row.key.namespace == *node && row.tone != crate::console::model::row::Tone::Ok);
    let names: Vec<String> = unused.map(|(_, row)| format!("  {}", row.key.name)).collect();
    if names.is_empty() {
        return app.say(Role::Dim, format!("every image of {node} is in use"));
    }
    let mut lines: Vec<String> = names.iter().take(deleting::SHOWN).cloned().collect();
    if names.len() > deleting::SHOWN {
        lines.push(format!("  and {} more", names.len() - deleting::SHOWN));
    }
    lines.push(String::new());
    lines.push("No container uses them now; pods that need them pull them again.".to_owned());
    let title = format!("Remove the unused images of {node}?");
    let dialog = Dialog { title, lines, buttons: vec!["Cancel", "Remove (y)"], focus: 0, is_dangerous: true };
    app.overlay = Some(Overlay::Dialog(dialog, Question::Images(Work::Prune(node))));
}

/// Does what was asked about.
pub fn confirmed(app: &mut App, work: Work, out: &mut Vec<Effect>) {
    let requests = match work {
        Work::Remove(keys) => keys
            .into_iter()
            .map(|key| (key.namespace.to_string(), key.name.to_string(), Request::ImageRemove { image: key.name.to_string() }))
            .collect(),
        Work::Prune(node) => vec![(node, "unused images".to_owned(), Request::ImagePrune)],
    };
    for (node, what, request) in requests {
        let id = app.next_id();
        app.asked.insert(id, Asked::ImageWork(node.clone(), what));
        out.push(Effect::Link(Command::Ask { id, request: Box::new(Request::On { node, request: Box::new(request) }) }));
    }
    if let Screen::List(list) = app.screen_mut() {
        list.marks.clear();
    }
}

/// Says what came of it, and looks again.
pub fn worked(app: &mut App, (node, what): (String, &str), result: &Result<Response, Failure>, out: &mut Vec<Effect>) {
    match result {
        Ok(Response::Images { images }) => {
            let freed: u64 = images.iter().map(|image| image.size_bytes).sum();
            app.say(Role::Ok, format!("{node}: {} images removed, {} free", images.len(), bytes(freed as f64)));
        }
        Ok(_) => app.say(Role::Ok, format!("{what} removed from {node}")),
        Err(failure) => app.say(Role::Bad, format!("{what} on {node}: {failure}")),
    }
    ask(app, node, out);
}

/// `pull IMAGE [NODE]`: to the node of the row one stands on, or else the connected one.
pub fn pull(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    let mut words = rest.split_whitespace();
    let Some(image) = words.next().map(str::to_owned) else {
        return app.say(Role::Warn, "pull what? :pull IMAGE [NODE]");
    };
    let here = match app.screen() {
        Screen::List(list) if list.source == Source::Images => list.current(&app.store).map(|row| row.key.namespace.to_string()),
        Screen::List(list) if list.kind() == Some(Kind::Node) => list.current(&app.store).map(|row| row.key.name.to_string()),
        _ => None,
    };
    let node = words.next().map(str::to_owned).or(here).unwrap_or_else(|| app.node.clone());
    let id = app.next_id();
    app.say(Role::Busy, format!("{node} pulls {image}; everything else goes on"));
    app.pulls.push(Pull { id, image: image.clone(), node: node.clone(), progress: "asked".to_owned() });
    let request = ImagePullRequest { image, credentials: None };
    out.push(Effect::Link(Command::Pull { id, node, request: Box::new(request) }));
}

/// How far a pull is.
pub fn progressed(app: &mut App, id: u32, step: &PullProgress) {
    if let Some(pull) = app.pulls.iter_mut().find(|pull| pull.id == id) {
        let done = bytes(step.done_bytes as f64);
        pull.progress = match step.total_bytes.filter(|total| *total > 0) {
            Some(total) => format!("{} {}%", step.stage.to_lowercase(), step.done_bytes.min(total) * 100 / total),
            None if step.done_bytes > 0 => format!("{} {done}", step.stage.to_lowercase()),
            None => step.stage.to_lowercase(),
        };
    }
}

/// The end of a pull. Says whether it was one.
pub fn pulled(app: &mut App, id: u32, result: &Result<Response, Failure>, out: &mut Vec<Effect>) -> bool {
    let Some(at) = app.pulls.iter().position(|pull| pull.id == id) else { return false };
    let pull = app.pulls.remove(at);
    match result {
        Ok(_) => app.say(Role::Ok, format!("{} is on {}", pull.image, pull.node)),
        Err(failure) => app.say(Role::Bad, format!("{} not pulled to {}: {failure}", pull.image, pull.node)),
    }
    if looks(app) {
        ask(app, pull.node, out);
    }
    true
}

/// How far the pulls are, for the line at the top.
pub fn progress(app: &App) -> Option<String> {
    let pull = app.pulls.first()?;
    let more = if app.pulls.len() > 1 { format!(" +{}", app.pulls.len() - 1) } else { String::new() };
    let name = pull.image.rsplit('/').next().unwrap_or_default();
    Some(format!("◐ {} pulls {name}{more}: {}", pull.node, pull.progress))
}
