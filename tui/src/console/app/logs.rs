//! Opens logs, feeds them, and goes on with them after an interruption.

use super::effect::Effect;
use super::state::App;
use crate::console::link::{Command, Failure};
use crate::console::model::row::Key;
use crate::console::model::store::Store;
use crate::console::screen::Screen;
use crate::console::screen::log::{LogScreen, Stream};
use jiff::Timestamp;
use objects::Kind;
use objects::lookup::{list, number, text};
use serde_json::Value;

/// Opens the log of a pod's container; of the first one that is named, or else the one a user is likely to want.
pub fn open(app: &mut App, pod: &Key, container: Option<&str>, is_previous: bool, out: &mut Vec<Effect>) {
    let Some(row) = app.store.of(Kind::Pod).find(pod) else { return };
    let containers = names(&row.object());
    let wanted = container.and_then(|name| containers.iter().position(|known| known == name));
    // Init containers stand first, and are rarely what one looks for.
    let first = containers.len() - list(&row.object(), "/spec/containers").len();
    let mut screen = LogScreen::new(pod.clone(), containers, wanted.unwrap_or(first), is_previous);
    start(&mut screen, &app.store, &mut app.last_id, out);
    app.push(Screen::Log(Box::new(screen)));
}

/// The same, at what was logged at a moment.
pub fn open_at(app: &mut App, pod: &Key, container: Option<&str>, at: Timestamp, out: &mut Vec<Effect>) {
    open(app, pod, container, false, out);
    if let Screen::Log(log) = app.screen_mut() {
        log.seek(at);
    }
}

/// Asks for the lines a screen does not have yet.
pub fn start(screen: &mut LogScreen, store: &Store, last_id: &mut u32, out: &mut Vec<Effect>) {
    stop(screen, out);
    let pod = store.of(Kind::Pod).find(&screen.pod);
    screen.restarts = pod.map_or(0, |row| restarts(&row.object(), screen.container_name()));
    *last_id += 1;
    screen.stream = Stream::Open(*last_id);
    screen.log.resume();
    out.push(Effect::Link(Command::Logs { id: *last_id, request: Box::new(screen.request()) }));
}

/// Ends the stream of a screen that nobody looks at any more.
pub fn stop(screen: &mut LogScreen, out: &mut Vec<Effect>) {
    if let Stream::Open(id) = screen.stream {
        out.push(Effect::Link(Command::EndLogs { id }));
        screen.stream = Stream::Interrupted;
    }
}

/// Goes on with every log that was interrupted.
pub fn resume_all(app: &mut App, out: &mut Vec<Effect>) {
    let App { screens, store, later, last_id, .. } = app;
    for screen in screens.iter_mut().chain(later) {
        if let Screen::Log(log) = screen
            && log.stream == Stream::Interrupted
        {
            start(log, store, last_id, out);
        }
    }
}

/// Takes bytes of a log over.
pub fn take(app: &mut App, id: u32, bytes: &[u8]) {
    if let Some(log) = find(app, id) {
        log.take(bytes);
    }
}

/// Takes the end of a log over.
pub fn ended(app: &mut App, id: u32, failure: Option<Failure>, out: &mut Vec<Effect>) {
    let Some(log) = find(app, id) else { return };
    log.log.finish();
    log.stream = match failure {
        None => Stream::Ended,
        Some(Failure::Link(_)) => Stream::Interrupted,
        Some(Failure::Refused(status)) => Stream::Failed(status.message),
    };
    log.place.settle(&log.log);
    // The news of the next start may have come before the end of the log.
    follow_pod(app, out);
}

/// Keeps the names of the containers up, and goes on with a log that ended where its container was started again.
pub fn follow_pod(app: &mut App, out: &mut Vec<Effect>) {
    let App { screens, store, last_id, .. } = app;
    let Some(Screen::Log(log)) = screens.last_mut() else { return };
    let Some(row) = store.of(Kind::Pod).find(&log.pod) else { return };
    let pod = row.object();
    let (now, here) = (names(&pod), log.container_name().to_owned());
    if let Some(place) = now.iter().position(|name| *name == here) {
        (log.containers, log.container) = (now, place);
    }
    let restarts = restarts(&pod, &here);
    let goes_on = log.stream == Stream::Ended && !log.is_previous && restarts > log.restarts;
    if goes_on {
        start(log, store, last_id, out);
    }
}

/// How often a container was started again.
fn restarts(pod: &Value, container: &str) -> i64 {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let mut all = statuses.iter().flat_map(|pointer| list(pod, pointer));
    all.find(|status| text(status, "/name") == container).map_or(0, |status| number(status, "/restartCount"))
}

fn find(app: &mut App, id: u32) -> Option<&mut LogScreen> {
    app.screens.iter_mut().chain(&mut app.later).find_map(|screen| match screen {
        Screen::Log(log) if log.stream == Stream::Open(id) => Some(&mut **log),
        _ => None,
    })
}

fn names(pod: &Value) -> Vec<String> {
    let of = |pointer| list(pod, pointer).iter().map(|container| text(container, "/name").to_owned());
    of("/spec/initContainers").chain(of("/spec/containers")).collect()
}
