//! Opens logs, feeds them, and goes on with them after an interruption.

use super::effect::Effect;
use super::state::App;
use crate::console::keys::action::Action;
use crate::console::link::{Command, Failure};
use crate::console::model::lines::Lines;
use crate::console::model::log::Filter;
use crate::console::model::log::json::Json;
use crate::console::model::row::{Key, Row};
use crate::console::model::store::Store;
use crate::console::screen::Screen;
use crate::console::screen::log::{Choice, LogScreen, SINCE, Stream};
use crate::console::theme::role::Role;
use jiff::Timestamp;
use objects::Kind;
use objects::lookup::{list, number, text};
use serde_json::Value;

/// The most pods whose logs are merged.
const MAX_PODS: usize = 32;
/// Lines around a match, from which one goes to the next.
const CONTEXTS: [usize; 4] = [0, 2, 5, 20];

/// Opens the log of a pod's container; of the first one that is named, or else the one a user is likely to want.
pub fn open(app: &mut App, pod: &Key, container: Option<&str>, is_previous: bool, out: &mut Vec<Effect>) {
    let Some(row) = app.store.of(Kind::Pod).find(pod) else {
        return app.say(Role::Warn, format!("pod {} is gone", pod.name));
    };
    let object = row.object();
    let containers = names(&object);
    let wanted = container.and_then(|name| containers.iter().position(|known| known == name));
    // Init containers stand first, and are rarely what one looks for: the first one that fails is, or else the first of the others.
    let first = containers.len() - list(&object, "/spec/containers").len();
    let failing = containers.iter().position(|name| is_failing(&object, name));
    let at = wanted.or(failing).unwrap_or(first);
    show(app, LogScreen::new(vec![(pod.clone(), containers)], Choice::One(at), is_previous), out);
}

/// Opens the logs of all containers of some pods, merged by time.
pub fn open_all(app: &mut App, pods: &[Key], is_previous: bool, out: &mut Vec<Effect>) {
    let found = pods.iter().filter_map(|pod| app.store.of(Kind::Pod).find(pod));
    let all: Vec<(Key, Vec<String>)> = found.take(MAX_PODS).map(|row| (row.key.clone(), names(&row.object()))).collect();
    if all.is_empty() {
        return app.say(Role::Warn, "there is no such pod");
    }
    if pods.len() > MAX_PODS {
        app.say(Role::Warn, format!("the logs of the first {MAX_PODS} of {} pods", pods.len()));
    }
    show(app, LogScreen::new(all, Choice::All, is_previous), out);
}

fn show(app: &mut App, mut screen: LogScreen, out: &mut Vec<Effect>) {
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

/// Asks for the lines that the sources of a screen do not have yet.
pub fn start(screen: &mut LogScreen, store: &Store, last_id: &mut u32, out: &mut Vec<Effect>) {
    for at in 0..screen.sources.len() {
        if screen.sources[at].stream == Stream::Interrupted {
            start_one(screen, at, store, (last_id, out));
        }
    }
}

fn start_one(screen: &mut LogScreen, at: usize, store: &Store, (last_id, out): (&mut u32, &mut Vec<Effect>)) {
    let source = &mut screen.sources[at];
    let pod = store.of(Kind::Pod).find(&source.pod).map(Row::object);
    source.restarts = pod.as_ref().map_or(0, |pod| restarts(pod, &source.container));
    source.was_readable = pod.is_some_and(|pod| is_readable(&pod, &source.container));
    *last_id += 1;
    source.stream = Stream::Open(*last_id);
    screen.log.resume(at);
    out.push(Effect::Link(Command::Logs { id: *last_id, request: Box::new(screen.request(at)) }));
}

/// Ends the streams of a screen that nobody looks at any more.
pub fn stop(screen: &mut LogScreen, out: &mut Vec<Effect>) {
    for source in &mut screen.sources {
        if let Stream::Open(id) = source.stream {
            out.push(Effect::Link(Command::End { id }));
            source.stream = Stream::Interrupted;
        }
    }
}

/// Reads the log anew: of other containers, instances or times.
fn again(app: &mut App, change: impl FnOnce(&mut LogScreen), out: &mut Vec<Effect>) {
    let is_live = app.is_live();
    let App { screens, store, last_id, .. } = app;
    let Some(Screen::Log(log)) = screens.last_mut() else { return };
    stop(log, out);
    change(log);
    log.restart();
    if is_live {
        start(log, store, last_id, out);
    }
}

/// Goes on with every log that was interrupted.
pub fn resume_all(app: &mut App, out: &mut Vec<Effect>) {
    let App { screens, store, last_id, .. } = app;
    // Those one came back from are started when one goes to them again.
    for screen in screens.iter_mut() {
        if let Screen::Log(log) = screen {
            start(log, store, last_id, out);
        }
    }
}

/// Takes bytes of a log over.
pub fn take(app: &mut App, id: u32, bytes: &[u8]) {
    if let Some((log, source)) = find(app, id) {
        log.take(source, bytes);
    }
}

/// Takes the end of a log over.
pub fn ended(app: &mut App, id: u32, failure: Option<Failure>, out: &mut Vec<Effect>) {
    let Some((log, source)) = find(app, id) else { return };
    log.log.finish(source);
    log.sources[source].stream = match failure {
        None => Stream::Ended,
        Some(Failure::Link(_)) => Stream::Interrupted,
        Some(Failure::Refused(status)) => Stream::Failed(status.message),
    };
    log.place.settle(&log.log);
    // The news of the next start may have come before the end of the log.
    follow_pod(app, out);
}

/// Goes on with a log that ended where its container was started again.
pub fn follow_pod(app: &mut App, out: &mut Vec<Effect>) {
    let App { screens, store, last_id, .. } = app;
    let Some(Screen::Log(log)) = screens.last_mut() else { return };
    if log.is_previous {
        return;
    }
    for at in 0..log.sources.len() {
        let source = &mut log.sources[at];
        if !matches!(source.stream, Stream::Ended | Stream::Failed(_)) {
            continue;
        }
        let Some(row) = store.of(Kind::Pod).find(&source.pod) else { continue };
        let pod = row.object();
        let is_readable = is_readable(&pod, &source.container);
        let became_readable = is_readable && !source.was_readable;
        source.was_readable = is_readable;
        let is_new = restarts(&pod, &source.container) > source.restarts
            || (matches!(source.stream, Stream::Failed(_)) && became_readable);
        if is_new {
            start_one(log, at, store, (last_id, out));
        }
    }
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter().flat_map(|pointer| list(pod, pointer))
}

/// How often a container was started again.
fn restarts(pod: &Value, container: &str) -> i64 {
    statuses(pod).find(|status| text(status, "/name") == container).map_or(0, |status| number(status, "/restartCount"))
}

/// Whether a container runs, on a node that is seen: of one that is not, a pod's phase says so.
fn is_readable(pod: &Value, container: &str) -> bool {
    let is_seen = text(pod, "/status/phase") != "Unknown";
    is_seen && statuses(pod).any(|status| text(status, "/name") == container && status.pointer("/state/running").is_some())
}

/// Whether a container ended with an error, now or before.
fn is_failing(pod: &Value, container: &str) -> bool {
    let status = statuses(pod).find(|status| text(status, "/name") == container);
    status.is_some_and(|status| {
        text(status, "/state/waiting/reason") == "CrashLoopBackOff" || number(status, "/state/terminated/exitCode") != 0
    })
}

fn find(app: &mut App, id: u32) -> Option<(&mut LogScreen, usize)> {
    app.screens.iter_mut().chain(&mut app.later).find_map(|screen| match screen {
        Screen::Log(log) => {
            let source = log.sources.iter().position(|source| source.stream == Stream::Open(id))?;
            Some((&mut **log, source))
        }
        _ => None,
    })
}

fn names(pod: &Value) -> Vec<String> {
    let of = |pointer| list(pod, pointer).iter().map(|container| text(container, "/name").to_owned());
    of("/spec/initContainers").chain(of("/spec/containers")).collect()
}

/// What keys do in a log alone. Says whether the action was one of them.
pub fn perform(app: &mut App, action: Action, out: &mut Vec<Effect>) -> bool {
    match action {
        Action::Previous => again(app, |log| log.is_previous = !log.is_previous, out),
        Action::NextContainer => again(app, LogScreen::next_choice, out),
        Action::AllContainers => {
            let to_all = |log: &mut LogScreen| {
                log.choice = if log.choice == Choice::All && log.pods.len() == 1 { Choice::One(0) } else { Choice::All };
            };
            again(app, to_all, out);
        }
        Action::Since => {
            let next = |since: Option<i64>| match since {
                None => Some(SINCE[0]),
                Some(since) => SINCE.iter().find(|known| **known > since).copied(),
            };
            again(app, |log| log.since = next(log.since), out);
        }
        _ => return look(app, action),
    }
    true
}

/// Sets the time that the shown log begins at: `5m`, `2h`; nothing is its end.
pub fn set_since(app: &mut App, text: &str, out: &mut Vec<Effect>) {
    if !matches!(app.screen(), Screen::Log(_)) {
        return app.say(Role::Warn, ":since is for logs");
    }
    match seconds(text) {
        Some(seconds) => again(app, |log| log.since = seconds, out),
        None => app.say(Role::Bad, format!("\"{text}\" is no time; 30s, 5m, 2h and 1d are, and nothing is the end of the log")),
    }
}

/// `5m` in seconds. The outer `None` is for what cannot be read.
#[expect(clippy::option_option, reason = "no time and an unreadable one differ")]
pub fn seconds(text: &str) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[digits..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = text[..digits].parse::<i64>().ok()?.checked_mul(factor)?;
    (seconds > 0).then_some(Some(seconds))
}

/// Shows only these fields of lines that are JSON; none is all of them.
pub fn set_fields(app: &mut App, text: &str) {
    let Screen::Log(log) = app.screen_mut() else {
        return app.say(Role::Warn, ":fields is for logs");
    };
    let fields: Vec<String> = text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    log.log.json = if fields.is_empty() { Json::Fields } else { Json::Only(fields) };
}

/// Shows only the lines that a filter lets through.
pub fn set_filter(app: &mut App, text: &str) {
    let Screen::Log(log) = app.screen_mut() else { return };
    let newest = log.place.follows;
    log.log.set_filter(Filter::parse(text, log.context));
    log.place.found = None;
    if newest { log.place.go_to_end(&log.log) } else { log.place.settle(&log.log) }
}

/// Changes how the shown log looks.
fn look(app: &mut App, action: Action) -> bool {
    let clock = app.now.to_zoned(app.zone.clone()).strftime("%H:%M:%S").to_string();
    let Screen::Log(log) = app.screen_mut() else { return false };
    match action {
        Action::Follow => log.place.follows = !log.place.follows,
        Action::Bottom => log.place.follows = true,
        Action::Times => log.log.shows_times = !log.log.shows_times,
        Action::Beside => log.shows_events = !log.shows_events,
        Action::LogMark => log.log.mark(&clock),
        Action::Clear => {
            log.log.clear();
            (log.place.top, log.place.found) = (0, None);
        }
        Action::Json => log.log.json = if log.log.json == Json::Raw { Json::Fields } else { Json::Raw },
        Action::Context => {
            let next = CONTEXTS.iter().find(|known| **known > log.context).copied().unwrap_or(0);
            log.context = next;
            let text = log.log.filter().map(|filter| filter.text().to_owned());
            if let Some(text) = text {
                log.log.set_filter(Filter::parse(&text, next));
            }
            log.place.settle(&log.log);
            app.say(Role::Dim, format!("{next} lines around a match of the filter (&)"));
            return true;
        }
        _ => return false,
    }
    log.place.settle(&log.log);
    true
}

/// The lines in the window, for the clipboard.
pub fn visible(log: &LogScreen) -> String {
    let rows = usize::from(log.place.size.1);
    log.log.text_of(log.place.top..(log.place.top + rows).min(log.log.len()))
}
