//! Asks what nodes, pods and containers use, while something on the screen shows it and never else.

use super::effect::Effect;
use super::state::{App, Asked};
use crate::console::link::{Command, Failure};
use crate::console::model::cluster::Asking;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::screen::list::Source;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use wire::{Request, Response, UsageRequest};

/// The time between two questions. Each of them has every node that is asked read a few files a pod.
const PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// What was measured before that is not shown as if it were now.
const STALE: SignedDuration = SignedDuration::from_secs(20);

/// When was asked, and whether an answer is awaited.
#[derive(Debug, Default)]
pub struct Metering {
    asking: Asking,
    /// The last question, and which node it was about; of all where that is `None`.
    asked: Option<(Timestamp, Option<String>)>,
    /// When the last answer came.
    told: Option<Timestamp>,
}

/// What is to be asked for now.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// Of all nodes.
    All,
    /// Of one node and its pods.
    Of(String),
}

impl Wanted {
    fn node(self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Of(node) => Some(node),
        }
    }
}

/// What the screen shows of it; `None` where it shows nothing.
fn wanted(app: &App) -> Option<Wanted> {
    if app.travel.is_some() || !app.is_live() {
        return None;
    }
    match app.screen() {
        Screen::Board(board) => matches!(board.topic, Topic::Pulses).then_some(Wanted::All),
        Screen::List(list) if list.shows_usage(&app.cluster) => match (&list.source, &list.view.scope.node) {
            (Source::Containers(pod), _) => {
                let node = app.store.of(Kind::Pod).find(pod)?.node();
                (!node.is_empty()).then(|| Wanted::Of(node.to_string()))
            }
            (_, Some(node)) => Some(Wanted::Of(node.clone())),
            _ => Some(Wanted::All),
        },
        _ => None,
    }
}

fn due(app: &App) -> Option<(Timestamp, Option<String>)> {
    if app.metering.asking != Asking::No {
        return None;
    }
    let node = wanted(app)?.node();
    let at = match &app.metering.asked {
        // What the last question was about holds what this one is about.
        Some((asked, about)) if about.is_none() || *about == node => asked.saturating_add(PAUSE).unwrap_or(*asked),
        _ => app.now,
    };
    Some((at, node))
}

/// When to ask next.
pub fn next_due(app: &App) -> Option<Timestamp> {
    due(app).map(|(at, _)| at)
}

/// Asks, where it is time to.
pub fn ask_if_due(app: &mut App, out: &mut Vec<Effect>) {
    let Some((_, node)) = due(app).filter(|(at, _)| *at <= app.now) else { return };
    let is_stale = app.metering.told.is_some_and(|told| app.now.duration_since(told) > STALE);
    if is_stale && !app.store.usage.is_empty() {
        app.store.usage = Default::default();
        fill_all(app);
    }
    let id = app.next_id();
    app.metering.asking = Asking::Yes;
    app.metering.asked = Some((app.now, node.clone()));
    app.asked.insert(id, Asked::Usage(node.clone()));
    let request = Request::Usage(UsageRequest { nodes: node.into_iter().collect() });
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// Takes an answer over.
pub fn answered(app: &mut App, node: Option<&str>, result: Result<Response, Failure>) {
    app.metering.asking = match result {
        Ok(Response::Usage(usages)) => {
            // The past has nothing of it, and its rows are not those it is about.
            app.metering.told = Some(app.now);
            if app.travel.is_none() {
                app.store.usage.take(usages, node);
                fill_all(app);
            }
            Asking::No
        }
        // The link's return asks again.
        Err(Failure::Link(_)) => Asking::No,
        Ok(_) | Err(Failure::Refused(_)) => Asking::Refused,
    };
}

/// There is a connection: to a daemon that may answer where the one before did not.
pub fn connected(app: &mut App) {
    app.metering = Metering::default();
}

/// Puts what is known into every row it is about.
pub fn fill_all(app: &mut App) {
    fill(app, Kind::Node);
    fill(app, Kind::Pod);
}

/// Puts what is known into the rows of a kind.
pub fn fill(app: &mut App, kind: Kind) {
    let usage = std::mem::take(&mut app.store.usage);
    for row in app.store.of_mut(kind).iter_mut() {
        usage.fill(kind, row);
    }
    app.store.usage = usage;
    for screen in &mut app.screens {
        match screen {
            Screen::List(list) if list.columns().iter().any(crate::console::model::columns::Column::is_usage) => {
                list.invalidate()
            }
            Screen::Board(board) => board.invalidate(),
            _ => {}
        }
    }
}
