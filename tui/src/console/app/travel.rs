//! Back in time over what the daemon kept: every list, board and description as it was, change by change.
//!
//! The past is asked for once and stays as it was told; what happens meanwhile goes to the rows of the present, which are shown
//! again at the end. Nothing can be changed from the past.

use super::effect::Effect;
use super::msg::Wire;
use super::state::{App, Asked};
use super::{members, metering};
use crate::console::link::{Command, Failure};
use crate::console::model::past::Past;
use crate::console::model::row::Key;
use crate::console::model::store::Store;
use crate::console::screen::Screen;
use crate::console::screen::board::changes::{Changes, Told};
use crate::console::screen::board::{Board, Topic};
use crate::console::screen::reader::{Mode, Reader};
use crate::console::theme::role::Role;
use jiff::{SignedDuration, Timestamp};
use objects::Kind;
use wire::{HistoryRequest, Request, Response, WatchEventKind};

/// The kinds that are always shown as they were. Events carry their own times.
const KINDS: [Kind; 2] = [Kind::Pod, Kind::Node];
/// Those that are where somebody looked at them. A secret's values are none to be told of, and a lease changes all the time.
const WATCHED: [Kind; 5] = [Kind::Namespace, Kind::ConfigMap, Kind::ServiceAccount, Kind::PriorityClass, Kind::Service];

/// Where in the past one is.
#[derive(Debug)]
pub struct Travel {
    past: Past,
    /// How many of its changes have happened.
    count: usize,
    /// The moment that is looked at.
    at: Timestamp,
    present: Store,
}

/// What the past is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// To step one change back.
    Back,
    /// To look at a moment.
    At(Timestamp),
    /// To tell what changed since then, of one object or of all.
    Changes(Option<Timestamp>, Option<(Kind, Key)>),
}

/// Asks the daemon for the past; from within it one moves at once.
pub fn want(app: &mut App, wanted: Wanted, out: &mut Vec<Effect>) {
    if app.travel.is_some() {
        match wanted {
            Wanted::Back => return step(app, false),
            Wanted::At(at) => return go_to(app, at),
            Wanted::Changes(..) => leave(app),
        }
    }
    if !app.is_live() {
        return app.say(Role::Warn, "there is no link to the daemon now, and it is the one that knows the past");
    }
    let watched = WATCHED.into_iter().filter(|kind| app.watched.contains(kind));
    let mut kinds: Vec<Kind> = KINDS.into_iter().chain(watched).collect();
    if let Wanted::Changes(_, Some((kind, _))) = &wanted {
        if *kind == Kind::Secret {
            return app.say(Role::Warn, "what a secret was before is not shown");
        }
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    let id = app.next_id();
    app.asked.insert(id, Asked::Past(wanted));
    let request = Request::History(HistoryRequest { kinds, since_ms: None });
    out.push(Effect::Link(Command::Ask { id, request: Box::new(request) }));
}

/// Takes the past over.
pub fn answered(app: &mut App, wanted: Wanted, result: Result<Response, Failure>) {
    let history = match result {
        Ok(Response::History(history)) => history,
        Ok(_) => return,
        Err(failure) => return app.say(Role::Bad, format!("the past is not to be had: {failure}")),
    };
    if app.travel.is_some() {
        return;
    }
    let past = Past::new(history, app.now, app.store.clone());
    match wanted {
        Wanted::Back if past.changes.is_empty() => {
            app.say(Role::Warn, format!("nothing changed since {}", clock(app, past.since)))
        }
        Wanted::Back => {
            let count = past.changes.len() - 1;
            enter(app, past, count, None);
        }
        Wanted::At(at) => {
            let at = bounded(app, &past, at);
            let count = past.count_at(at);
            enter(app, past, count, Some(at));
        }
        Wanted::Changes(since, of) => tell(app, &past, since, of),
    }
}

/// A moment that the past reaches back to.
fn bounded(app: &mut App, past: &Past, at: Timestamp) -> Timestamp {
    if at < past.since {
        let since = clock(app, past.since);
        app.say(Role::Warn, format!("the daemon kept nothing from before {since}"));
    }
    at.clamp(past.since, past.until)
}

fn clock(app: &App, at: Timestamp) -> String {
    at.to_zoned(app.zone.clone()).strftime("%H:%M:%S").to_string()
}

fn tell(app: &mut App, past: &Past, since: Option<Timestamp>, of: Option<(Kind, Key)>) {
    let since = since.unwrap_or(past.since).max(past.since);
    let is_wanted = |kind: Kind, key: &Key| of.as_ref().is_none_or(|(wanted, own)| *wanted == kind && own == key);
    let changes = past.changes.iter().filter(|change| change.at >= since && is_wanted(change.kind, &change.key));
    let told = changes
        .map(|change| Told {
            at: change.at,
            kind: change.kind,
            key: change.key.clone(),
            what: change.what,
            tone: change.after.as_ref().or(change.before.as_ref()).map(|row| row.tone).unwrap_or_default(),
            words: change.words(6),
        })
        .collect();
    app.push(Screen::Board(Box::new(Board::new(Topic::Changes(Changes { since, of, told })))));
}

fn enter(app: &mut App, past: Past, count: usize, at: Option<Timestamp>) {
    let present = std::mem::take(&mut app.store);
    app.store.revision = present.revision;
    let at = at.unwrap_or_else(|| moment_of(&past, count));
    app.travel = Some(Travel { past, count, at, present });
    show(app);
}

/// The moment after so many changes.
fn moment_of(past: &Past, count: usize) -> Timestamp {
    count.checked_sub(1).and_then(|last| past.changes.get(last)).map_or(past.since, |change| change.at)
}

/// One change back, or on; after the last one is the present.
pub fn step(app: &mut App, forward: bool) {
    let Some(travel) = &mut app.travel else {
        return app.say(Role::Dim, "this is the present; < goes back");
    };
    match (forward, travel.count) {
        (true, count) if count + 1 >= travel.past.changes.len() => return leave(app),
        (true, _) => travel.count += 1,
        (false, 0) => return app.say(Role::Warn, "the daemon kept nothing from before this"),
        (false, _) => travel.count -= 1,
    }
    travel.at = moment_of(&travel.past, travel.count);
    show(app);
}

fn go_to(app: &mut App, at: Timestamp) {
    let Some(travel) = &mut app.travel else { return };
    travel.at = at.clamp(travel.past.since, travel.past.until);
    travel.count = travel.past.count_at(travel.at);
    show(app);
}

/// Looks at an object as it was after a change.
pub fn look(app: &mut App, at: Timestamp, kind: Kind, key: Key, out: &mut Vec<Effect>) {
    app.push(Screen::Reader(Reader::new(kind, key, Mode::Yaml)));
    want(app, Wanted::At(at), out);
}

/// Shows the rows of the moment.
fn show(app: &mut App) {
    let Some(travel) = &app.travel else { return };
    let mut store = travel.past.rows_after(travel.count);
    store.revision = app.store.revision + 1;
    // What was used then nobody kept.
    store.usage = Default::default();
    app.store = store;
    members::fill_all(app);
    metering::fill_all(app);
    super::forwarding::show_rows(app);
    renew(app);
}

/// Back to the present.
pub fn leave(app: &mut App) {
    let Some(travel) = app.travel.take() else { return };
    let revision = app.store.revision + 1;
    app.store = travel.present;
    app.store.revision = app.store.revision.max(revision);
    members::fill_all(app);
    metering::fill_all(app);
    super::forwarding::show_rows(app);
    renew(app);
    app.say(Role::Ok, "this is the present again");
}

fn renew(app: &mut App) {
    for screen in app.screens.iter_mut().chain(&mut app.later) {
        match screen {
            Screen::List(list) => list.invalidate(),
            Screen::Board(board) => board.invalidate(),
            _ => {}
        }
    }
}

/// The moment that ages are counted to.
pub fn moment(app: &App) -> Timestamp {
    app.travel.as_ref().map_or(app.now, |travel| travel.at)
}

/// `◀ 12:03:10, 5m ago`, for the line at the top.
pub fn standing(app: &App) -> Option<String> {
    let travel = app.travel.as_ref()?;
    Some(format!("◀ {}, {} ago", clock(app, travel.at), objects::duration::since(Some(travel.at), app.now)))
}

/// What happened at that moment, for the line below.
pub fn event(app: &App) -> Option<String> {
    let travel = app.travel.as_ref()?;
    let change = travel.count.checked_sub(1).and_then(|last| travel.past.changes.get(last));
    let Some(change) = change else { return Some("as far back as the daemon knows".to_owned()) };
    let verb = verb(change.what);
    let words = change.words(1).join("; ");
    let what = format!("{}/{} {verb}", change.kind.singular(), change.key.name);
    Some(if words.is_empty() { what } else { format!("{what}: {words}") })
}

/// The word for a change.
pub const fn verb(what: WatchEventKind) -> &'static str {
    match what {
        WatchEventKind::Added => "created",
        WatchEventKind::Deleted => "gone",
        WatchEventKind::Modified | WatchEventKind::Bookmark => "changed",
    }
}

/// `:at -5m`, `:at 12:03`, `:at 12:03:10`, `:at now`.
pub fn at(app: &mut App, text: &str, out: &mut Vec<Effect>) {
    if matches!(text, "now" | "") {
        return leave(app);
    }
    match moment_named(app, text) {
        Some(at) => want(app, Wanted::At(at), out),
        None => app.say(Role::Bad, format!("\"{text}\" is no moment; :at -5m, :at 12:03 and :at now are")),
    }
}

fn moment_named(app: &App, text: &str) -> Option<Timestamp> {
    if let Some(ago) = text.strip_prefix('-') {
        let seconds = super::logs::seconds(ago)??;
        return app.now.checked_sub(SignedDuration::from_secs(seconds)).ok();
    }
    let today = app.now.to_zoned(app.zone.clone());
    let time: jiff::civil::Time =
        if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_owned() }.parse().ok()?;
    let then = today.with().time(time).build().ok()?.timestamp();
    // A time that is still to come was yesterday's.
    if then > app.now { then.checked_sub(SignedDuration::from_hours(24)).ok() } else { Some(then) }
}

/// `:changes 5m`; without a time as far back as the daemon knows.
pub fn changes(app: &mut App, text: &str, of: Option<(Kind, Key)>, out: &mut Vec<Effect>) {
    match super::logs::seconds(text) {
        Some(ago) => {
            let since = ago.and_then(|ago| app.now.checked_sub(SignedDuration::from_secs(ago)).ok());
            want(app, Wanted::Changes(since, of), out);
        }
        None => app.say(Role::Bad, format!("\"{text}\" is no time; :changes 5m is one")),
    }
}

/// Takes news of rows to the present while the past is shown; what is none of that is given back.
pub fn put_aside(app: &mut App, wire: Wire) -> Option<Wire> {
    let Some(travel) = &mut app.travel else { return Some(wire) };
    match wire {
        Wire::Rows(kind, rows) => travel.present.of_mut(kind).replace(rows),
        Wire::Begun(kind, rows) => rows.into_iter().for_each(|row| _ = travel.present.of_mut(kind).put(row)),
        Wire::Put(kind, row) => {
            travel.present.of_mut(kind).put(*row);
        }
        Wire::Remove(kind, key) => {
            travel.present.of_mut(kind).remove(&key);
        }
        other => return Some(other),
    }
    None
}
