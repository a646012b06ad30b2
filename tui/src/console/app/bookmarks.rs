//! Bookmarks: a letter for a command that leads back to a screen. They are kept in a file between two consoles.

use super::effect::Effect;
use super::overlay::{Choice, Overlay};
use super::state::App;
use super::{command, route};
use crate::console::keys::key::Key;
use crate::console::theme::role::Role;
use crate::console::widget::canvas::Canvas;
use crate::console::widget::palette::{Entry, Palette};
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// The file in the state folder.
pub const FILE: &str = "bookmarks.toml";

/// Commands by their letters.
pub type Bookmarks = BTreeMap<char, String>;

/// What the next letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    /// The screen is remembered under it.
    Set,
    /// One goes to what was remembered under it.
    GoTo,
}

/// The bookmarks of a file. A line that is none is left out.
pub fn read(text: &str) -> Result<Bookmarks, String> {
    let lines: BTreeMap<String, String> = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let one = |(name, command): (String, String)| {
        let mut letters = name.chars();
        letters.next().filter(|_| letters.next().is_none()).map(|letter| (letter, command))
    };
    Ok(lines.into_iter().filter_map(one).collect())
}

fn to_text(bookmarks: &Bookmarks) -> String {
    // What JSON quotes is a basic string of TOML as well.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    bookmarks.iter().map(|(letter, command)| format!("{} = {}\n", quoted(&letter.to_string()), quoted(command))).collect()
}

/// Takes the letter after `m` or `'`.
pub fn take(app: &mut App, purpose: Letter, key: Key, out: &mut Vec<Effect>) {
    let Some(letter) = key.letter().filter(|letter| !letter.is_whitespace()) else { return };
    match purpose {
        Letter::Set => set(app, letter, "", out),
        Letter::GoTo => match app.bookmarks.get(&letter).cloned() {
            Some(command) => command::run_quietly(app, &command, out),
            None => app.say(Role::Warn, format!("nothing is remembered under {letter}; m {letter} remembers this screen")),
        },
    }
}

/// Remembers a command, or where one is.
pub fn set(app: &mut App, letter: char, text: &str, out: &mut Vec<Effect>) {
    let text = if text.is_empty() { route::of(app).unwrap_or_default() } else { text.to_owned() };
    if text.is_empty() {
        app.say(Role::Warn, "this screen cannot be remembered");
        return;
    }
    app.say(Role::Ok, format!("remembered under {letter}: {text}"));
    app.bookmarks.insert(letter, text);
    out.push(Effect::Keep(FILE, to_text(&app.bookmarks)));
}

/// `:bookmark a pods /web`.
pub fn set_by_command(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    let (letter, command) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut letters = letter.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => set(app, letter, command.trim(), out),
        _ => app.say(Role::Warn, "under which letter? :bookmark a, :bookmark a pods team-1 /web"),
    }
}

/// `:unbookmark a`.
pub fn forget(app: &mut App, rest: &str, out: &mut Vec<Effect>) {
    match rest.chars().next().filter(|letter| app.bookmarks.contains_key(letter)) {
        Some(letter) => {
            app.bookmarks.remove(&letter);
            app.say(Role::Ok, format!("forgot {letter}"));
            out.push(Effect::Keep(FILE, to_text(&app.bookmarks)));
        }
        None => app.say(Role::Warn, format!("nothing is remembered under \"{rest}\"")),
    }
}

/// The box of all of them.
pub fn choose(app: &mut App) {
    if app.bookmarks.is_empty() {
        app.say(Role::Dim, "no bookmarks yet; m and a letter remembers a screen");
        return;
    }
    let entry = |(letter, command): (&char, &String)| Entry { keys: letter.to_string(), text: command.clone(), group: "" };
    let palette = Palette::new("bookmarks", app.bookmarks.iter().map(entry).collect());
    let choices = app.bookmarks.values().map(|command| Choice::Command(command.clone())).collect();
    app.overlay = Some(Overlay::Palette(palette, choices));
}

/// The box that shows what the next letter may be.
pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let Some(purpose) = app.awaits else { return };
    let mut rows: Vec<(String, &str)> =
        app.bookmarks.iter().map(|(letter, command)| (letter.to_string(), command.as_str())).collect();
    let title = match purpose {
        Letter::Set => "remember under …",
        Letter::GoTo => "go to …",
    };
    if rows.is_empty() {
        rows.push((String::new(), "no bookmarks yet; a letter of your choice"));
    }
    let longest = rows.iter().map(|(_, command)| crate::console::base::text::width(command)).max().unwrap_or(0);
    let width = (longest as u16 + 9).max(title.chars().count() as u16 + 8).min(body.width);
    let height = (rows.len() as u16 + 2).min(body.height);
    let place = Rect::new(body.right() - width, body.bottom() - height, width, height);
    let inside = canvas.popup(place, title, Role::Border);
    for (y, (letter, command)) in (inside.y..inside.bottom()).zip(rows) {
        canvas.text((inside.x, y), &letter, 2, Role::Key);
        canvas.text((inside.x + 3, y), command, inside.right().saturating_sub(inside.x + 3), Role::Popup);
    }
}
