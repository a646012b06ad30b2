//! Opens boards, feeds them, and goes where their lines lead.

use super::effect::Effect;
use super::state::{App, Asked};
use super::{editing, logs, navigate, travel};
use crate::console::keys::action::Action;
use crate::console::link::{Command, Failure};
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row::{About, Key};
use crate::console::model::why::is_asked;
use crate::console::screen::Screen;
use crate::console::screen::board::feed::Question;
use crate::console::screen::board::probes::Probes;
use crate::console::screen::board::timeline::Timeline;
use crate::console::screen::board::tree::Tree;
use crate::console::screen::board::why::Why;
use crate::console::screen::board::{Board, Known, Target, Topic};
use crate::console::screen::list::List;
use crate::console::screen::reader::{Mode, Reader};
use crate::console::theme::role::Role;
use jiff::Timestamp;
use objects::Kind;
use wire::Response;

/// Opens a board.
pub fn open(app: &mut App, topic: Topic) {
    app.push(Screen::Board(Box::new(Board::new(topic))));
}

/// Why the object one stands on is not ready.
pub fn why(app: &mut App, out: &mut Vec<Effect>) {
    let about = match app.screen() {
        Screen::List(list) if list.kind() == Some(Kind::Event) => list.current(&app.store).and_then(|row| {
            let about = row.about.as_deref()?;
            Some((Kind::ALL.into_iter().find(|kind| kind.name() == &*about.kind)?, about.key.clone()))
        }),
        _ => navigate::subject(app),
    };
    match about {
        Some((kind, key)) if is_asked(kind) && app.store.of(kind).find(&key).is_some() => ask_why(app, kind, key, out),
        Some((kind, key)) if is_asked(kind) => app.say(Role::Warn, format!("{} {} is gone", kind.singular(), key.name)),
        _ => app.say(Role::Warn, "only pods, nodes and what makes pods are asked why they are not ready"),
    }
}

/// Opens the answer, and asks for the end of the log that says more.
pub fn ask_why(app: &mut App, kind: Kind, key: Key, out: &mut Vec<Effect>) {
    open(app, Topic::Why(Box::new(Why::new(kind, key))));
    ask_if_due(app, out);
}

/// Asks what the shown board wants to know now.
pub fn ask_if_due(app: &mut App, out: &mut Vec<Effect>) {
    let (size, is_live) = (app.body(), app.is_live());
    let App { screens, store, cluster, now, zone, last_id, asked, .. } = app;
    let Some(Screen::Board(board)) = screens.last_mut() else { return };
    let known = Known { store, cluster, now: *now, zone, size };
    if !is_live || board.topic.due(&known).is_none_or(|due| due > *now) {
        return;
    }
    let mut numbers = || {
        *last_id += 1;
        *last_id
    };
    for (id, question) in board.topic.questions(&known, &mut numbers) {
        out.push(Effect::Link(match question {
            Question::Ask(request) => {
                asked.insert(id, Asked::Board);
                Command::Ask { id, request: Box::new(request) }
            }
            Question::Log(request) => Command::Logs { id, request: Box::new(request) },
        }));
    }
    board.invalidate();
}

/// When the shown board wants to know something next.
pub fn next_due(app: &App) -> Option<Timestamp> {
    let Screen::Board(board) = app.screen() else { return None };
    if !app.is_live() {
        return None;
    }
    board.topic.due(&known(app))
}

/// What boards are made of.
pub fn known(app: &App) -> Known<'_> {
    Known { store: &app.store, cluster: &app.cluster, now: travel::moment(app), zone: &app.zone, size: app.body() }
}

/// Hands something to the board that waits for it. Says whether one did.
fn hand(app: &mut App, is_taken: impl Fn(&mut Topic) -> bool) -> bool {
    for screen in app.screens.iter_mut().chain(&mut app.later) {
        if let Screen::Board(board) = screen
            && is_taken(&mut board.topic)
        {
            board.invalidate();
            return true;
        }
    }
    false
}

/// An answer that a board waits for.
pub fn answered(app: &mut App, id: u32, result: &Result<Response, Failure>) {
    let now = app.now;
    hand(app, |topic| topic.answer(id, result, now));
}

/// Bytes of a log. Says whether a board waits for them.
pub fn take_log(app: &mut App, id: u32, bytes: &[u8]) -> bool {
    hand(app, |topic| topic.take_log(id, bytes))
}

/// The end of a log. Says whether a board waited for it.
pub fn end_log(app: &mut App, id: u32, failure: Option<&Failure>) -> bool {
    hand(app, |topic| topic.end_log(id, failure))
}

/// The timeline of the pod one stands on.
pub fn timeline(app: &mut App) {
    match pod_here(app) {
        Some(pod) => open(app, Topic::Timeline(Timeline::new(pod))),
        None => app.say(Role::Warn, "only pods have a timeline"),
    }
}

/// The probes of the pod one stands on.
pub fn probes(app: &mut App) {
    match pod_here(app) {
        Some(pod) => open(app, Topic::Probes(Probes::new(pod))),
        None => app.say(Role::Warn, "only pods have probes"),
    }
}

/// The pod one stands on: in a list of events the one that the event is about.
fn pod_here(app: &App) -> Option<Key> {
    let pod = match app.screen() {
        Screen::List(list) if list.kind() == Some(Kind::Event) => {
            let about = list.current(&app.store)?.about.as_deref()?;
            (&*about.kind == Kind::Pod.name()).then(|| about.key.clone())
        }
        _ => navigate::subject(app).filter(|(kind, _)| *kind == Kind::Pod).map(|(_, key)| key),
    };
    pod.filter(|key| app.store.of(Kind::Pod).find(key).is_some())
}

/// Shows the tree of these namespaces, or of those that lists begin with.
pub fn tree(app: &mut App, namespaces: Option<Namespaces>) {
    let namespaces = namespaces.unwrap_or_else(|| app.namespaces.clone());
    open(app, Topic::Tree(Tree { namespaces, ..Tree::default() }));
}

/// Goes where the line one stands on leads.
pub fn follow(app: &mut App, out: &mut Vec<Effect>) {
    let Screen::Board(board) = app.screen() else { return };
    let Some(target) = board.target().cloned() else { return };
    match target {
        Target::Object(kind, key) => read(app, kind, key),
        Target::Why(kind, key) if is_asked(kind) => ask_why(app, kind, key, out),
        Target::Why(kind, key) => read(app, kind, key),
        Target::Events(kind, key) => {
            let about = About { kind: kind.name().into(), key };
            app.push(Screen::List(Box::new(List::about(about))));
        }
        Target::Edit(kind, key) => editing::live(app, kind, &key),
        Target::Log { pod, container, is_previous } => logs::open(app, &pod, Some(&container), is_previous, out),
        Target::PodsOn(node) => app.push(Screen::List(Box::new(List::on_node(&node)))),
        Target::Moment(at, pod, container) => {
            let container = (!container.is_empty()).then_some(container);
            logs::open_at(app, &pod, container.as_deref(), at, out);
        }
        Target::Then(at, kind, key) => travel::look(app, at, kind, key, out),
        Target::Probes(pod) => open(app, Topic::Probes(Probes::new(pod))),
        Target::Branch(branch, _) => turn(app, &branch),
    }
}

fn read(app: &mut App, kind: Kind, key: Key) {
    if app.store.of(kind).find(&key).is_some() {
        app.push(Screen::Reader(Reader::new(kind, key, Mode::Describe)));
    } else {
        app.say(Role::Warn, format!("{} {} is gone", kind.singular(), key.name));
    }
}

fn turn(app: &mut App, branch: &str) {
    let Screen::Board(board) = app.screen_mut() else { return };
    match &mut board.topic {
        Topic::Tree(tree) => tree.turn(branch),
        Topic::Probes(probes) => probes.turn(branch),
        _ => {}
    }
    board.invalidate();
}

/// The object that a line leads to, or else the one that the board is about.
pub fn subject(board: &Board) -> Option<(Kind, Key)> {
    let of_line = board.target().and_then(|target| match target {
        Target::Then(_, kind, key)
        | Target::Object(kind, key)
        | Target::Why(kind, key)
        | Target::Events(kind, key)
        | Target::Edit(kind, key) => Some((*kind, key.clone())),
        Target::Log { pod, .. } | Target::Moment(_, pod, _) | Target::Probes(pod) => Some((Kind::Pod, pod.clone())),
        Target::PodsOn(node) => Some((Kind::Node, Key { namespace: "".into(), name: node.as_str().into() })),
        Target::Branch(_, object) => object.clone(),
    });
    board.subject().or(of_line)
}

/// What keys do on a board.
pub fn perform(app: &mut App, action: Action, times: Option<usize>) {
    let Screen::Board(board) = app.screen_mut() else { return };
    let (many, page) = (times.unwrap_or(1) as i64, board.height.max(2) as i64 - 1);
    match action {
        Action::Up => board.shift(-many),
        Action::Down => board.shift(many),
        Action::HalfUp | Action::PageUp => board.shift(-many * if action == Action::PageUp { page } else { (page / 2).max(1) }),
        Action::HalfDown | Action::PageDown => {
            board.shift(many * if action == Action::PageDown { page } else { (page / 2).max(1) })
        }
        Action::Top => board.go_to_end(false),
        Action::Bottom => board.go_to_end(true),
        Action::Left | Action::Right | Action::ZoomIn | Action::ZoomOut => sideways(app, action, many),
        _ => {}
    }
    // The timeline points at the moment one stands on.
    if let Screen::Board(board) = app.screen_mut()
        && matches!(board.topic, Topic::Timeline(_))
    {
        board.invalidate();
    }
}

/// Folds a branch, or moves along the timeline.
fn sideways(app: &mut App, action: Action, many: i64) {
    let whole = match app.screen() {
        Screen::Board(board) => match &board.topic {
            Topic::Timeline(timeline) => timeline.whole(&known(app)),
            _ => 0,
        },
        _ => return,
    };
    let Screen::Board(board) = app.screen_mut() else { return };
    match (&mut board.topic, action) {
        (Topic::Timeline(timeline), Action::Left) => timeline.slide(-many, whole),
        (Topic::Timeline(timeline), Action::Right) => timeline.slide(many, whole),
        (Topic::Timeline(timeline), _) => timeline.zoom(action == Action::ZoomIn, whole),
        (Topic::Tree(_) | Topic::Probes(_), Action::Left | Action::Right) => {
            if let Some(Target::Branch(branch, _)) = board.target().cloned() {
                turn(app, &branch);
            }
        }
        _ => {}
    }
}
