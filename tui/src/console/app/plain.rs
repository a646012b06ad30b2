//! The console as lines, for screen readers and terminals that cannot draw: what is shown is told, what changes is told, and what is
//! typed is a line. The same screens, keys and commands; only the picture is another one.

use super::effect::Effect;
use super::overlay::Overlay;
use super::state::{App, Asked};
use super::view::view;
use super::{chrome, command, input, path};
use crate::console::keys::commands::COMMANDS;
use crate::console::keys::key::Key;
use crate::console::link::Standing;
use crate::console::model::lines::Lines;
use crate::console::model::row::{Row, Tone};
use crate::console::screen::Screen;
use crate::console::screen::list::List;
use jiff::Timestamp;
use objects::Kind;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// The window that screens are laid out for: wide enough that nothing is cut, and so high that nothing is scrolled.
pub const SIZE: (u16, u16) = (220, 400);
/// Rows and lines that are told at once; the rest is told of.
const MOST: usize = 200;

/// What was told already, so that only what is new is told.
#[derive(Debug, Default)]
pub struct Told {
    place: String,
    rows: BTreeMap<String, String>,
    lines: usize,
    toast: Option<(String, Timestamp)>,
    standing: String,
    asks: String,
    /// Texts that were given to the user's editor already.
    edits: usize,
}

/// The words that an editor's screen takes, and the keys that do it elsewhere. The text itself is written in the user's own editor.
const EDITOR_WORDS: [(&str, &str); 4] = [("apply", "ctrl-s"), ("check", "ctrl-x d"), ("save", "ctrl-x s"), ("leave", "esc")];
/// Said of them when a text is opened.
const EDITOR_HELP: &str = "type edit for your editor, check, apply, save, leave, or a command with its colon";

/// Whether the daemon has said all that the screen shows and that was asked of it; what is asked again and again does not count.
pub fn is_answered(app: &App) -> bool {
    let is_read = match app.screen() {
        Screen::List(list) => list.rows(&app.store).is_complete || app.refused.iter().any(|(kind, _)| list.kind() == Some(*kind)),
        _ => true,
    };
    let is_awaited = |asked: &Asked| !matches!(asked, Asked::Members | Asked::Usage(_));
    matches!(app.standing, Standing::Live { .. }) && is_read && app.waiting.is_none() && !app.asked.values().any(is_awaited)
}

/// Gives a text that has just been opened to the user's own editor.
pub fn open_editor(app: &App, told: &mut Told, out: &mut Vec<Effect>) {
    let edits = app.screens.iter().filter(|screen| matches!(screen, Screen::Edit(_))).count();
    let is_new = edits > told.edits;
    told.edits = edits;
    if let (true, Screen::Edit(edit)) = (is_new, app.screen()) {
        out.push(Effect::Editor(edit.editor.text()));
    }
}

/// A line while a text is on the screen, which would else be typed into it; false where it is another's.
fn take_editor_word(app: &mut App, line: &str, out: &mut Vec<Effect>) -> bool {
    let Screen::Edit(edit) = app.screen() else { return false };
    if line == "edit" {
        out.push(Effect::Editor(edit.editor.text()));
    } else if let Some((_, keys)) = EDITOR_WORDS.iter().find(|(word, _)| *word == line) {
        keys.split(' ').filter_map(Key::parse).for_each(|key| input::key(app, key, out));
    } else if line.starts_with(':') || line.is_empty() || line == "again" || line == "help" || line == "esc" {
        return false;
    } else {
        app.say(crate::console::theme::role::Role::Warn, EDITOR_HELP);
    }
    true
}

/// Takes a typed line: an answer where something is asked, a number for a row, a command, or keys.
pub fn take(app: &mut App, told: &mut Told, line: &str, out: &mut Vec<Effect>) {
    let line = line.trim();
    if app.overlay.is_none() && take_editor_word(app, line, out) {
        return;
    }
    let mut press = |app: &mut App, name: &str| {
        if let Some(key) = Key::parse(name) {
            input::key(app, key, out);
        }
    };
    match &mut app.overlay {
        Some(Overlay::Dialog(..)) => return press(app, if line.eq_ignore_ascii_case("y") { "y" } else { "esc" }),
        Some(Overlay::Prompt(prompt)) => {
            prompt.field.set(line);
            return press(app, if line.is_empty() { "esc" } else { "enter" });
        }
        Some(Overlay::Form(form, _)) => {
            if line == "." {
                return press(app, "esc");
            }
            if let (Some(field), false) = (form.field_mut(), line.is_empty()) {
                field.set(line);
                form.typed();
            }
            let is_last = form.here + 1 == form.blanks.len();
            return press(app, if is_last { "enter" } else { "tab" });
        }
        Some(Overlay::Palette(palette, _)) => match line.parse::<usize>() {
            Ok(number) if (1..=palette.matching().len()).contains(&number) => {
                palette.cursor = number - 1;
                return press(app, "enter");
            }
            _ if line.is_empty() => return press(app, "esc"),
            _ => {
                palette.field.set(line);
                palette.cursor = 0;
                told.asks.clear();
                return;
            }
        },
        None => {}
    }
    let word = line.split(' ').next().unwrap_or_default();
    let is_command =
        Kind::from_user(word).is_some() || COMMANDS.iter().any(|known| known.words.contains(&word) && word.len() > 1);
    match line.parse::<usize>() {
        _ if line.is_empty() || line == "again" => told.place.clear(),
        Ok(number) => stand_on(app, number),
        Err(_) if line.starts_with(':') || is_command => command::run(app, line, out),
        Err(_) => {
            if let Some(rest) = line.strip_prefix('/').filter(|_| matches!(app.screen(), Screen::List(_))) {
                if let Err(why) = input::filter(app, rest) {
                    app.say(crate::console::theme::role::Role::Bad, why);
                }
                told.place.clear();
                return;
            }
            let is_key = |name: &str| Key::parse(name).is_some();
            if line.split(' ').all(is_key) {
                line.split(' ').for_each(|name| press(app, name));
            } else if line.len() <= 3 && line.chars().all(|letter| letter.is_ascii_graphic()) {
                // `xd` for `x d`.
                line.chars().for_each(|letter| press(app, &letter.to_string()));
            } else {
                app.say(
                    crate::console::theme::role::Role::Warn,
                    format!("\"{line}\" is neither a command nor a key; help tells what there is"),
                );
            }
        }
    }
}

fn stand_on(app: &mut App, number: usize) {
    let App { screens, store, .. } = app;
    if let Some(Screen::List(list)) = screens.last_mut() {
        list.go_to(store, number.saturating_sub(1));
    }
}

/// What there is to tell since the last time.
pub fn tell(app: &App, told: &mut Told) -> Vec<String> {
    let mut out = Vec::new();
    let standing = chrome::standing(app).0;
    // Round trips are told on no change of anything else.
    let kept = standing.split(" ").take(2).collect::<Vec<_>>().join(" ");
    if told.standing != kept {
        out.push(format!("link: {}", plain(&standing)));
        told.standing = kept;
    }
    let place = path::path_text(app);
    if told.place != place {
        told.place.clone_from(&place);
        told.rows.clear();
        told.lines = 0;
        out.push(format!("== {}", plain(&place)));
        all(app, told, &mut out);
    } else {
        changes(app, told, &mut out);
    }
    // The same said again is told again: it was said of something else.
    let toast = app.toast.as_ref().map(|toast| (toast.text.clone(), toast.until));
    if let Some((text, _)) = toast.as_ref().filter(|_| told.toast != toast) {
        out.push(format!("! {text}"));
    }
    told.toast = toast;
    let asks = asked(app);
    if told.asks != asks && !asks.is_empty() {
        out.extend(asks.lines().map(str::to_owned));
    }
    told.asks = asks;
    out
}

/// A question, a line to type, or a choice, as lines.
fn asked(app: &App) -> String {
    match &app.overlay {
        None => String::new(),
        Some(Overlay::Dialog(dialog, _)) => {
            let lines = dialog.lines.iter().filter(|line| !line.is_empty()).map(|line| line.trim());
            format!(
                "? {}\n{}\ntype y for: {}; anything else for: {}",
                dialog.title,
                lines.collect::<Vec<_>>().join("\n"),
                dialog.buttons.last().copied().unwrap_or_default(),
                dialog.buttons.first().copied().unwrap_or_default()
            )
        }
        Some(Overlay::Form(form, _)) => {
            let blank = &form.blanks[form.here];
            let fault = form.fault.as_ref().map(|fault| format!("! {fault}\n")).unwrap_or_default();
            let proposals =
                if blank.proposals.len() > 1 { format!(" (or {})", blank.proposals.join(", ")) } else { String::new() };
            format!(
                "{fault}? {}: {} [{}]{proposals}; an empty line keeps it, . cancels",
                form.title,
                blank.label,
                blank.field.text()
            )
        }
        Some(Overlay::Prompt(prompt)) => format!("? {} (an empty line for nothing)", chrome::label(prompt)),
        Some(Overlay::Palette(palette, _)) => {
            let entry = |(at, number): (usize, &usize)| {
                let entry = &palette.entries[*number];
                format!("{}. {} {}", at + 1, entry.keys, entry.text).trim_end().to_owned()
            };
            let lines: Vec<String> = palette.matching().iter().enumerate().map(entry).collect();
            format!("? {}: a number chooses, text narrows down, an empty line leaves\n{}", palette.title, lines.join("\n"))
        }
    }
}

/// The whole screen.
fn all(app: &App, told: &mut Told, out: &mut Vec<String>) {
    match app.screen() {
        Screen::List(list) => {
            let rows = list.rows(&app.store);
            let count = list.view.slots.len();
            for (at, row) in list.view.slots.iter().filter_map(|slot| rows.get(*slot)).enumerate() {
                let text = row_text(app, list, row);
                if at < MOST {
                    out.push(format!("{}. {text}", at + 1));
                }
                told.rows.insert(row_name(row), text);
            }
            if count > MOST {
                out.push(format!("{} more; /FILTER narrows them down", count - MOST));
            }
            if count == 0 {
                out.push("nothing to show".to_owned());
            }
        }
        Screen::Log(log) => {
            let first = log.log.len().saturating_sub(MOST);
            out.extend((first..log.log.len()).map(|at| log.log.line(at).to_string()));
            told.lines = log.log.len() + log.log.left;
        }
        Screen::Edit(edit) => {
            out.extend(edit.editor.text().lines().enumerate().map(|(at, line)| format!("{}: {line}", at + 1)));
            out.push(EDITOR_HELP.to_owned());
            told.lines = faults(app, out);
        }
        Screen::Reader(reader) => {
            out.extend(reader.lines.iter().cloned());
        }
        Screen::Board(_) => out.extend(painted(app)),
        // None is opened where lines are printed: programs have the terminal beside it.
        Screen::Pane(_) => out.extend(app.pane().map(|pane| pane.emulator.display().visible_text())),
    }
}

/// What differs from what was told.
fn changes(app: &App, told: &mut Told, out: &mut Vec<String>) {
    match app.screen() {
        Screen::List(list) => {
            let rows = list.rows(&app.store);
            let mut now = BTreeMap::new();
            for row in list.view.slots.iter().filter_map(|slot| rows.get(*slot)) {
                let (name, text) = (row_name(row), row_text(app, list, row));
                match told.rows.get(&name) {
                    None => out.push(format!("new: {text}")),
                    Some(before) if *before != text => out.push(format!("now: {text}")),
                    Some(_) => {}
                }
                now.insert(name, text);
            }
            out.extend(told.rows.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("gone: {name}")));
            told.rows = now;
        }
        Screen::Log(log) => {
            let all = log.log.len() + log.log.left;
            let new = all.saturating_sub(told.lines).min(log.log.len());
            out.extend((log.log.len() - new..log.log.len()).map(|at| log.log.line(at).to_string()));
            told.lines = all;
        }
        Screen::Edit(_) => {
            let mut lines = Vec::new();
            let count = faults(app, &mut lines);
            if count != told.lines {
                out.extend(lines);
                told.lines = count;
            }
        }
        _ => {}
    }
}

/// Faults of the manifest and the daemon's answer; a number that another state of them has not.
fn faults(app: &App, out: &mut Vec<String>) -> usize {
    let Screen::Edit(edit) = app.screen() else { return 0 };
    for fault in &edit.faults {
        out.push(format!("fault at {}:{}: {}", fault.line.unwrap_or(0), fault.column.unwrap_or(0), fault.message));
    }
    let answer = edit.answer.iter().flat_map(|(_, lines)| lines);
    out.extend(answer.clone().map(|line| format!("the daemon: {line}")));
    edit.faults.len() + 1_000 * answer.map(String::len).sum::<usize>()
}

fn row_name(row: &Row) -> String {
    if row.key.namespace.is_empty() { row.key.name.to_string() } else { format!("{}/{}", row.key.namespace, row.key.name) }
}

/// The name first, then what differs from row to row; times are left out, because they change all the time.
fn row_text(app: &App, list: &List, row: &Row) -> String {
    let state = match row.tone {
        Tone::Bad => ", failing",
        Tone::Warn => ", to be looked at",
        Tone::Busy => ", on its way",
        Tone::Ok | Tone::Done | Tone::Plain => "",
    };
    let columns = list.columns().iter().zip(row.cells.iter());
    let told = columns.filter(|(column, cell)| {
        !matches!(column.title, "NAMESPACE" | "NAME" | "AGE" | "LAST SEEN" | "SINCE" | "RTT") && cell.counts_from().is_none()
    });
    let cells = told.map(|(column, cell)| format!("{} {}", column.title.to_lowercase(), cell.label(app.now)));
    let is_said = |text: &String| ![" ", " -", "<none>"].iter().any(|nothing| text.ends_with(nothing));
    let cells: Vec<String> = cells.filter(is_said).collect();
    format!("{}{state}: {}", row_name(row), cells.join(", "))
}

/// A screen that has no lines of its own, as it would be painted.
fn painted(app: &App) -> Vec<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
    view(app, &mut buffer);
    let rows = buffer.content.chunks(usize::from(SIZE.0));
    let text = |cells: &[ratatui::buffer::Cell]| plain(&cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    let lines: Vec<String> = rows.map(text).collect();
    let body = lines.iter().skip(2).take(lines.len().saturating_sub(3));
    // Where one stands, and beside what a log is quoted, is for the eye.
    body.map(|line| line.trim_start_matches(['|', ' ']).to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Words without the signs that a reader would spell, and without the gaps of columns.
fn plain(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| word.chars().filter(|letter| letter.is_ascii() || letter.is_alphanumeric()).collect::<String>());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Effect;
    use super::{SIZE, Told, take, tell};
    use crate::console::app::msg::{Msg, Wire};
    use crate::console::app::tests::{Bench, pod, row};
    use objects::Kind;
    use serde_json::json;

    fn type_line(bench: &mut Bench, told: &mut Told, line: &str) -> String {
        let mut out = Vec::new();
        take(&mut bench.app, told, line, &mut out);
        bench.effects.extend(out);
        bench.wait(0);
        tell(&bench.app, told).join("\n")
    }

    #[test]
    fn the_console_is_told_in_lines_and_only_what_is_new() {
        let (mut bench, mut told) = (Bench::new(SIZE.0, SIZE.1), Told::default());
        let first = tell(&bench.app, &mut told).join("\n");
        assert!(first.contains("link: live\n== pods\n1. default/alpha, to be looked at: ready 1/2, status Running"), "{first}");
        assert_eq!(tell(&bench.app, &mut told), [""; 0]);
        bench.wait(60);
        assert_eq!(tell(&bench.app, &mut told), [""; 0], "time alone is no news");
        bench.wire(Wire::Put(
            Kind::Pod,
            Box::new(row(Kind::Pod, &pod("alpha", &json!({"waiting": {"reason": "CrashLoopBackOff"}}), false, 4))),
        ));
        assert!(tell(&bench.app, &mut told).join("\n").starts_with("now: default/alpha, failing: "));
    }

    #[test]
    fn what_nobody_knows_and_where_one_stands_is_not_spelled() {
        let (mut bench, mut told) = (Bench::new(SIZE.0, SIZE.1), Told::default());
        bench.app.theme = crate::console::theme::load::Theme::load(
            "dark",
            crate::console::term::caps::Depth::Mono,
            crate::console::theme::glyph::Glyphs::Ascii,
        )
        .expect("it loads");
        let first = tell(&bench.app, &mut told).join("\n");
        assert!(!first.contains(" -,") && first.contains("ip 10.88.0.7"), "{first}");
        type_line(&mut bench, &mut told, "2");
        let why = type_line(&mut bench, &mut told, "w");
        assert!(why.contains("\nx container web") && !why.contains("\n|"), "{why}");
    }

    #[test]
    fn a_line_waits_for_what_the_daemon_has_not_said_yet() {
        let mut bench = Bench::new(SIZE.0, SIZE.1);
        bench.app.asked.clear();
        assert!(super::is_answered(&bench.app));
        let (mut told, mut out) = (Told::default(), Vec::new());
        take(&mut bench.app, &mut told, "svc", &mut out);
        bench.wait(0);
        assert!(!super::is_answered(&bench.app), "services are read");
        bench.wire(Wire::Rows(Kind::Service, Vec::new()));
        assert!(super::is_answered(&bench.app));
        assert!(!super::is_answered(&Bench::unconnected(SIZE.0, SIZE.1).app), "there is no link yet");
    }

    #[test]
    fn questions_are_asked_and_answered_in_lines() {
        let (mut bench, mut told) = (Bench::new(SIZE.0, SIZE.1), Told::default());
        tell(&bench.app, &mut told);
        type_line(&mut bench, &mut told, "2");
        let asked = type_line(&mut bench, &mut told, "xd");
        assert!(asked.contains("? Delete pod?") && asked.contains("default/bravo") && asked.contains("type y for"), "{asked}");
        type_line(&mut bench, &mut told, "no");
        assert!(bench.app.overlay.is_none() && bench.asked().is_none());
        type_line(&mut bench, &mut told, "x d");
        type_line(&mut bench, &mut told, "y");
        assert!(matches!(bench.asked(), Some((_, wire::Request::Delete(_)))));
    }

    #[test]
    fn commands_need_no_colon_and_texts_are_read_out() {
        let (mut bench, mut told) = (Bench::new(SIZE.0, SIZE.1), Told::default());
        assert!(type_line(&mut bench, &mut told, "nodes").contains("== nodes\n1. oak: status Ready"));
        assert!(type_line(&mut bench, &mut told, "describe pod bravo").contains("Containers:"));
        assert!(type_line(&mut bench, &mut told, "esc").contains("== nodes"));
        assert!(type_line(&mut bench, &mut told, "pods all /alp").contains("default/alpha"));
        assert!(type_line(&mut bench, &mut told, "frobnicate").contains("neither a command nor a key"));
        assert!(type_line(&mut bench, &mut told, "help").contains("a number chooses"));
        assert!(type_line(&mut bench, &mut told, "").is_empty());
        assert!(type_line(&mut bench, &mut told, "again").contains("== pods"));
    }

    #[test]
    fn a_text_is_written_in_the_users_own_editor() {
        let (mut bench, mut told) = (Bench::new(SIZE.0, SIZE.1), Told::default());
        tell(&bench.app, &mut told);
        let opened = type_line(&mut bench, &mut told, "new mine");
        assert!(opened.contains("name: mine") && opened.contains("type edit for your editor"), "{opened}");
        let editors = |bench: &mut Bench, told: &mut Told| {
            let mut out = Vec::new();
            super::open_editor(&bench.app, told, &mut out);
            bench.effects.extend(out);
            std::mem::take(&mut bench.effects)
                .into_iter()
                .filter_map(|effect| match effect {
                    Effect::Editor(text) => Some(text),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        let first = editors(&mut bench, &mut told);
        assert!(first.len() == 1 && first[0].contains("name: mine"), "{first:?}");
        assert!(editors(&mut bench, &mut told).is_empty(), "once, not at every line");
        bench.take(Msg::Edited(Ok(first[0].replace("nginx:alpine", "").replace("containerPort: 80", "containerPort: x"))));
        let said = tell(&bench.app, &mut told).join("\n");
        assert!(said.contains("fault at ") && said.contains("has faults"), "{said}");
        // A line is no text: nothing is typed into the manifest by mistake.
        assert!(type_line(&mut bench, &mut told, "abc").contains("type edit"));
        type_line(&mut bench, &mut told, "edit");
        let again = editors(&mut bench, &mut told);
        assert!(again.len() == 1 && again[0].contains("containerPort: x") && !again[0].contains("abc"), "{again:?}");
        bench.take(Msg::Edited(Ok(first[0].replace("50m", "70m"))));
        assert!(tell(&bench.app, &mut told).join("\n").contains("the text is taken over"));
        bench.wait(1);
        bench.take(Msg::Edited(Ok(first[0].replace("50m", "80m"))));
        assert!(tell(&bench.app, &mut told).join("\n").contains("the text is taken over"), "the same said again is told again");
        bench.take(Msg::Edited(Err("there was a problem with the editor".to_owned())));
        assert!(tell(&bench.app, &mut told).join("\n").contains("the text stays as it was"));
        bench.take(Msg::Edited(Ok(first[0].replace("50m", "60m"))));
        bench.effects.clear();
        type_line(&mut bench, &mut told, "apply");
        assert!(matches!(bench.asked(), Some((_, wire::Request::Apply(apply))) if apply.object["metadata"]["name"] == "mine"));
        let asked = type_line(&mut bench, &mut told, "leave");
        assert!(asked.contains("Leave the editor?"), "{asked}");
        assert!(type_line(&mut bench, &mut told, "y").contains("== pods"));
        assert!(editors(&mut bench, &mut told).is_empty());
    }
}
