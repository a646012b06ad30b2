//! Does what an action says, on whatever screen is shown.

use super::bookmarks::{self, Letter};
use super::cordoning::{self, Scheduling};
use super::editing::Force;
use super::effect::Effect;
use super::input::{ask_line, show_keys};
use super::overlay::Purpose;
use super::state::App;
use super::travel::Wanted;
use super::{
    boards, columns, completing, copying, deleting, draining, editing, forwarding, images, logs, navigate, panes, programs,
    rollout, scaling, theming, travel, undoing,
};
use crate::console::keys::action::Action;
use crate::console::model::lines::{Lines, Wrap};
use crate::console::model::namespaces::Namespaces;
use crate::console::model::row::Key;
use crate::console::model::view::Order;
use crate::console::screen::Screen;
use crate::console::screen::board::Topic;
use crate::console::screen::board::map::Map;
use crate::console::screen::list::Source;
use crate::console::screen::reader::Mode;
use crate::console::theme::role::Role;
use wire::DryRun;

/// Does it; `times` is the number typed before the key.
pub fn perform(app: &mut App, action: Action, times: Option<usize>, out: &mut Vec<Effect>) {
    if !app.rights.allow(action) {
        app.say(Role::Warn, app.rights.refusal(action));
        return;
    }
    if app.travel.is_some() && action.changes_cluster() {
        return app.say(Role::Warn, "this is the past, where nothing can be changed; esc is back in the present");
    }
    match action {
        Action::Open => navigate::open(app, out),
        Action::Back => navigate::back(app, out),
        Action::Earlier => navigate::close(app, out),
        Action::Later => navigate::forward(app, out),
        Action::Quit => navigate::quit(app, out),
        Action::Command => ask_line(app, Purpose::Command, ""),
        Action::Find => ask_line(app, Purpose::Find, ""),
        Action::Save => ask_line(app, Purpose::SaveAs, &file_name(app)),
        Action::Filter => {
            let Screen::List(list) = app.screen() else { return };
            let before = list.view.query.text().to_owned();
            ask_line(app, Purpose::Filter(before.clone()), &before);
        }
        Action::LogFilter => {
            let Screen::Log(log) = app.screen() else { return };
            let before = log.log.filter().map(|filter| filter.text().to_owned()).unwrap_or_default();
            ask_line(app, Purpose::LogFilter(before.clone()), &before);
        }
        Action::AllLogs => navigate::all_logs(app, out),
        Action::Help => show_keys(app, "keys"),
        Action::Palette => show_keys(app, "actions"),
        Action::Describe => navigate::read(app, Mode::Describe),
        Action::Yaml => navigate::read(app, Mode::Yaml),
        Action::Logs => navigate::log(app, false, out),
        Action::LogsPrevious => navigate::log(app, true, out),
        Action::Shell | Action::ShellAside | Action::Attach | Action::AttachAside => programs::perform(app, action, out),
        Action::New => editing::new(app, ""),
        Action::Edit => {
            if let Some((kind, key)) = navigate::subject(app) {
                editing::live(app, kind, &key);
            }
        }
        Action::Delete => deleting::ask(app, None),
        Action::Kill => deleting::ask(app, Some(0)),
        Action::Cordon => cordoning::ask(app, Scheduling::Disabled),
        Action::Uncordon => cordoning::ask(app, Scheduling::Enabled),
        Action::Drain => draining::ask(app),
        Action::Undo => undoing::ask(app, None),
        Action::UndoList => undoing::choose(app),
        Action::RemoveImage => images::ask_remove(app),
        Action::PruneImages => images::ask_prune(app),
        Action::Pull => ask_line(app, Purpose::Command, "pull "),
        Action::Columns => {
            let at = if let Screen::List(list) = app.screen() { list.column } else { 0 };
            columns::choose(app, at);
        }
        Action::Apply => editing::send(app, DryRun::No, Force::No, out),
        Action::DryRun => editing::send(app, DryRun::Yes, Force::No, out),
        Action::NextTheme => theming::next(app),
        Action::Themes => theming::choose(app),
        Action::Bookmarks => bookmarks::choose(app),
        Action::SetBookmark => app.awaits = Some(Letter::Set),
        Action::GoToBookmark => app.awaits = Some(Letter::GoTo),
        Action::CopyName | Action::CopyAll => copy(app, action, out),
        Action::Redraw => out.push(Effect::Repaint),
        Action::Suspend => out.push(Effect::Suspend),
        Action::Mouse => super::mouse::turn(app, out),
        _ if shows(app, action, out) => {}
        _ => on_screen(app, action, times, out),
    }
}

/// Opens what an action shows; says whether it was one that does.
fn shows(app: &mut App, action: Action, out: &mut Vec<Effect>) -> bool {
    match action {
        Action::NextTrouble => navigate::trouble(app, true),
        Action::PreviousTrouble => navigate::trouble(app, false),
        Action::Events => navigate::events(app),
        Action::Past => travel::want(app, Wanted::Back, out),
        Action::Future => travel::step(app, true),
        Action::Present => travel::leave(app),
        Action::Changes => travel::changes(app, "", None, out),
        Action::History => {
            let of = navigate::subject(app);
            travel::changes(app, "", of, out);
        }
        Action::Users => super::using::show(app, out),
        Action::Managers => {
            if let Screen::Reader(reader) = app.screen_mut() {
                reader.turn_managers();
            }
        }
        Action::Reveal => navigate::reveal(app),
        Action::Why => boards::why(app, out),
        Action::Pulses => boards::open(app, Topic::Pulses),
        Action::Tree => boards::tree(app, None),
        Action::Timeline => boards::timeline(app),
        Action::Probes => boards::probes(app),
        Action::Map => boards::open(app, Topic::Map(Map::default())),
        Action::Images => images::show(app, out),
        Action::Forwards => forwarding::show(app),
        Action::Shells => super::shells::show(app),
        Action::Forward => forwarding::ask(app),
        Action::StopForward => forwarding::stop(app, out),
        Action::Copy => copying::ask(app),
        Action::Scale => scaling::ask(app),
        Action::Restart => scaling::ask_restart(app),
        Action::SetImage => rollout::ask_images(app),
        Action::RollBack => rollout::choose(app, out),
        Action::Pause => rollout::turn_pause(app, out),
        Action::Owner => scaling::owner(app, out),
        Action::Volumes => navigate::volumes(app),
        _ => return false,
    }
    true
}

fn on_screen(app: &mut App, action: Action, times: Option<usize>, out: &mut Vec<Effect>) {
    match app.screen() {
        Screen::List(_) if action == Action::HangUp => panes::hang_up(app, out),
        Screen::List(_) => on_list(app, action, times),
        Screen::Board(_) => boards::perform(app, action, times),
        Screen::Reader(_) => on_reader(app, action, times),
        Screen::Log(_) => on_log(app, action, times, out),
        Screen::Edit(_) => on_edit(app, action),
        Screen::Pane(_) => panes::perform(app, action, times, out),
    }
}

fn on_list(app: &mut App, action: Action, times: Option<usize>) {
    let App { screens, store, namespaces, .. } = app;
    let Some(Screen::List(list)) = screens.last_mut() else { return };
    let (many, page) = (times.unwrap_or(1) as i64, list.height.max(2) as i64 - 1);
    match action {
        Action::Up => list.shift(store, -many),
        Action::Down => list.shift(store, many),
        Action::HalfUp => list.shift(store, -many * (page / 2).max(1)),
        Action::HalfDown => list.shift(store, many * (page / 2).max(1)),
        Action::PageUp => list.shift(store, -many * page),
        Action::PageDown => list.shift(store, many * page),
        Action::Top => list.go_to(store, times.map_or(0, |line| line.saturating_sub(1))),
        Action::Bottom => list.go_to(store, times.map_or(usize::MAX, |line| line.saturating_sub(1))),
        Action::Left => list.shift_column(-many),
        Action::Right => list.shift_column(many),
        Action::Sort => list.sort(list.column),
        Action::SortReverse => {
            let order = list.view.order.unwrap_or(Order { column: list.column, is_reversed: false });
            list.view.order = Some(Order { is_reversed: !order.is_reversed, ..order });
            list.invalidate();
        }
        Action::Mark => list.mark(store, times.unwrap_or(1)),
        Action::MarkRange => list.mark_range(store),
        Action::MarkInvert => {
            let rows = list.rows(store);
            let shown = list.view.slots.iter().filter_map(|slot| Some(rows.get(*slot)?.key.clone()));
            list.marks = shown.filter(|key: &Key| !list.marks.contains(key)).collect();
        }
        Action::Unmark => list.marks.clear(),
        Action::Wide => list.turn_wide(),
        Action::ToggleNamespace if list.kind().is_some_and(objects::Kind::is_namespaced) => {
            let own = list.current(store).map(|row| row.key.namespace.to_string());
            let scope = &mut list.view.scope.namespaces;
            *scope = if scope.is_all() { own.map(Namespaces::one).unwrap_or_default() } else { Namespaces::default() };
            namespaces.clone_from(scope);
            list.invalidate();
        }
        _ => {}
    }
}

fn on_reader(app: &mut App, action: Action, times: Option<usize>) {
    let Screen::Reader(reader) = app.screen_mut() else { return };
    let found = in_text(&mut reader.place, &reader.lines, action, times);
    say_if_not_found(app, found);
}

fn on_log(app: &mut App, action: Action, times: Option<usize>, out: &mut Vec<Effect>) {
    if times.is_none() && logs::perform(app, action, out) {
        return;
    }
    let Screen::Log(log) = app.screen_mut() else { return };
    let found = in_text(&mut log.place, &log.log, action, times);
    say_if_not_found(app, found);
}

fn on_edit(app: &mut App, action: Action) {
    let Screen::Edit(edit) = app.screen_mut() else { return };
    let mut found = true;
    match action {
        Action::NextFault => edit.next_fault(),
        Action::Complete => return completing::complete(app),
        Action::CompleteOrIndent => return completing::complete_or_indent(app),
        Action::PageUp => edit.editor.page(-1),
        Action::PageDown => edit.editor.page(1),
        Action::FindNext => found = edit.editor.find_next(),
        _ => {}
    }
    say_if_not_found(app, found);
}

fn say_if_not_found(app: &mut App, found: bool) {
    if !found {
        app.say(Role::Warn, "not found");
    }
}

/// What every text can do. `false` where something was looked for and is not there.
fn in_text(place: &mut crate::console::model::lines::Place, lines: &impl Lines, action: Action, times: Option<usize>) -> bool {
    let (many, page) = (times.unwrap_or(1) as i64, i64::from(place.size.1.max(2)) - 1);
    match action {
        Action::Up => place.scroll(lines, -many),
        Action::Down => place.scroll(lines, many),
        Action::HalfUp => place.scroll(lines, -many * (page / 2).max(1)),
        Action::HalfDown => place.scroll(lines, many * (page / 2).max(1)),
        Action::PageUp => place.scroll(lines, -many * page),
        Action::PageDown => place.scroll(lines, many * page),
        Action::Left => place.slide(-8 * many),
        Action::Right => place.slide(8 * many),
        Action::Top => match times {
            Some(line) => place.show(lines, line.saturating_sub(1)),
            None => place.go_to_start(),
        },
        Action::Bottom => place.go_to_end(lines),
        Action::Wrap => {
            (place.wrap, place.left) = (if place.wrap == Wrap::On { Wrap::Off } else { Wrap::On }, 0);
            place.settle(lines);
        }
        Action::FindNext => return place.find_next(lines, true),
        Action::FindPrevious => return place.find_next(lines, false),
        _ => {}
    }
    true
}

/// A name for the file that the shown text would go to.
fn file_name(app: &App) -> String {
    match app.screen() {
        Screen::Log(log) => format!("{}-{}.log", log.pod().name, log.title().replace(' ', "-")),
        Screen::Reader(reader) if reader.mode == Mode::Yaml => format!("{}.yaml", reader.key.name),
        Screen::Reader(reader) => format!("{}.txt", reader.key.name),
        Screen::Edit(edit) => match &edit.origin {
            crate::console::screen::edit::Origin::File(path) => path.display().to_string(),
            _ => format!("{}.yaml", edit.title().replace(['/', ' '], "-")),
        },
        Screen::Board(board) => format!("{}.txt", board.title()),
        Screen::Pane(pane) => format!("{}-{}.txt", pane.about.subject().1.name, pane.about.word()),
        Screen::List(_) => String::new(),
    }
}

/// The text that a save or a copy of the shown screen takes.
pub fn whole_text(app: &App) -> Option<String> {
    match app.screen() {
        Screen::Log(log) => Some(log.log.to_text()),
        Screen::Board(board) => Some(board.text()),
        Screen::Reader(reader) => Some(reader.text()),
        Screen::Edit(edit) => Some(edit.editor.text()),
        Screen::Pane(_) => app.pane().map(|pane| pane.emulator.display().whole_text()),
        Screen::List(list) => list.current(&app.store).map(|row| objects::yaml::to_yaml(&row.object())),
    }
}

fn copy(app: &mut App, action: Action, out: &mut Vec<Effect>) {
    let text = match (action, app.screen()) {
        (Action::CopyName, Screen::List(list)) => {
            let names = list.chosen(&app.store);
            let name = |key: &Key| forwarding::address(app, key).filter(|_| list.source == Source::Forwards);
            Some(names.iter().map(|key| name(key).unwrap_or_else(|| key.name.to_string())).collect::<Vec<_>>().join("\n"))
        }
        (Action::CopyName, Screen::Log(log)) => Some(logs::visible(log)),
        (Action::CopyName, Screen::Pane(_)) => app.pane().map(|pane| pane.emulator.display().visible_text()),
        _ => whole_text(app),
    };
    if let Some(text) = text {
        super::mouse::copy_text(app, text, out);
    }
}
