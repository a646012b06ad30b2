//! Opens boards, feeds them, and goes where their lines lead.

use super::effect::Effect;
use super::state::App;
use super::{editing, logs, navigate};
use crate::console::keys::action::Action;
use crate::console::link::{Command, Failure};
use crate::console::model::log::Log;
use crate::console::model::row::{About, Key};
use crate::console::screen::Screen;
use crate::console::screen::board::tree::Tree;
use crate::console::screen::board::why::{Tail, Why};
use crate::console::screen::board::{Board, Known, Target, Topic};
use crate::console::screen::list::List;
use crate::console::screen::reader::{Mode, Reader};
use crate::console::theme::role::Role;
use objects::Kind;
use wire::LogsRequest;

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
        Some((kind @ (Kind::Pod | Kind::Node), key)) if app.store.of(kind).find(&key).is_some() => ask_why(app, kind, key, out),
        Some((kind @ (Kind::Pod | Kind::Node), key)) => app.say(Role::Warn, format!("{} {} is gone", kind.singular(), key.name)),
        _ => app.say(Role::Warn, "only pods and nodes are asked why they are not ready"),
    }
}

/// Opens the answer, and asks for the end of the log that says more.
fn ask_why(app: &mut App, kind: Kind, key: Key, out: &mut Vec<Effect>) {
    open(app, Topic::Why(Box::new(Why::new(kind, key))));
    ask_for_tail(app, out);
}

/// Asks for the log that the shown answer wants, where it has not got it.
pub fn ask_for_tail(app: &mut App, out: &mut Vec<Effect>) {
    let (size, is_live) = (app.body(), app.is_live());
    let App { screens, store, cluster, now, last_id, .. } = app;
    let Some(Screen::Board(board)) = screens.last_mut() else { return };
    let Topic::Why(why) = &mut board.topic else { return };
    let known = Known { store, cluster, now: *now, size };
    let Some((container, is_previous)) = why.wanted_log(&known) else { return };
    let has_it = |tail: &Tail| tail.container == container && tail.is_previous == is_previous;
    if why.tail.as_ref().is_some_and(has_it) || why.kind != Kind::Pod || !is_live {
        return;
    }
    *last_id += 1;
    let request = LogsRequest {
        namespace: why.key.namespace.to_string(),
        pod: why.key.name.to_string(),
        container: Some(container.clone()),
        previous: is_previous,
        timestamps: true,
        tail_lines: Some(Why::tail_lines()),
        ..LogsRequest::default()
    };
    why.tail = Some(Tail { id: *last_id, container, is_previous, log: Log::default(), failure: None });
    out.push(Effect::Link(Command::Logs { id: *last_id, request: Box::new(request) }));
}

/// The end of a log that an answer waits for. Says whether it was one.
pub fn take_log(app: &mut App, id: u32, bytes: &[u8]) -> bool {
    let Some((board, at)) = waiting(app, id) else { return false };
    if let Topic::Why(why) = &mut board.topic
        && let Some(tail) = &mut why.tail
    {
        tail.log.take(bytes);
    }
    board.invalidate();
    at
}

/// The end of the end of a log. Says whether an answer waited for it.
pub fn end_log(app: &mut App, id: u32, failure: Option<&Failure>) -> bool {
    let Some((board, at)) = waiting(app, id) else { return false };
    if let Topic::Why(why) = &mut board.topic
        && let Some(tail) = &mut why.tail
    {
        tail.log.finish();
        tail.failure = failure.map(ToString::to_string);
    }
    board.invalidate();
    at
}

fn waiting(app: &mut App, id: u32) -> Option<(&mut Board, bool)> {
    let waits = |board: &Board| matches!(&board.topic, Topic::Why(why) if why.tail.as_ref().is_some_and(|tail| tail.id == id));
    app.screens.iter_mut().chain(&mut app.later).find_map(|screen| match screen {
        Screen::Board(board) if waits(board) => Some((&mut **board, true)),
        _ => None,
    })
}

/// Shows the tree, of one namespace or of all.
pub fn tree(app: &mut App, namespace: Option<String>) {
    let namespace = namespace.or_else(|| app.namespace.clone());
    open(app, Topic::Tree(Tree { namespace, ..Tree::default() }));
}

/// Goes where the line one stands on leads.
pub fn follow(app: &mut App, out: &mut Vec<Effect>) {
    let Screen::Board(board) = app.screen() else { return };
    let Some(target) = board.target().cloned() else { return };
    match target {
        Target::Object(kind, key) => read(app, kind, key),
        Target::Why(kind @ (Kind::Pod | Kind::Node), key) => ask_why(app, kind, key, out),
        Target::Why(kind, key) => read(app, kind, key),
        Target::Events(kind, key) => {
            let about = About { kind: kind.name().into(), key };
            app.push(Screen::List(Box::new(List::about(about))));
        }
        Target::Edit(kind, key) => editing::live(app, kind, &key),
        Target::Log { pod, container, is_previous } => logs::open(app, &pod, Some(&container), is_previous, out),
        Target::PodsOn(node) => app.push(Screen::List(Box::new(List::on_node(&node)))),
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
    if let Screen::Board(board) = app.screen_mut()
        && let Topic::Tree(tree) = &mut board.topic
    {
        tree.turn(branch);
        board.invalidate();
    }
}

/// The object that a line leads to, or else the one that the board is about.
pub fn subject(board: &Board) -> Option<(Kind, Key)> {
    let of_line = board.target().and_then(|target| match target {
        Target::Object(kind, key) | Target::Why(kind, key) | Target::Events(kind, key) | Target::Edit(kind, key) => {
            Some((*kind, key.clone()))
        }
        Target::Log { pod, .. } => Some((Kind::Pod, pod.clone())),
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
        Action::Left | Action::Right => {
            if let (Some(Target::Branch(branch, _)), Topic::Tree(_)) = (board.target().cloned(), &board.topic) {
                turn(app, &branch);
            }
        }
        _ => {}
    }
}
