//! Where keys go: to what lies over the screen, else to the key table, else into the editor.

use super::effect::Effect;
use super::overlay::{Choice, Overlay, Prompt, Purpose, Question};
use super::perform::{perform, whole_text};
use super::state::App;
use super::{
    bookmarks, command, completing, cordoning, deleting, draining, editing, forms, images, logs, merging, navigate, panes,
    theming, undoing,
};
use crate::console::keys::action::Action;
use crate::console::keys::commands::{COMMANDS, CommandLine};
use crate::console::keys::key::Key;
use crate::console::keys::map::Meaning;
use crate::console::keys::table::Binding;
use crate::console::model::lines::Lines;
use crate::console::model::query::{Query, pattern};
use crate::console::screen::Screen;
use crate::console::theme::role::Role;
use crate::console::widget::palette::{Entry, Palette};
use crate::console::widget::prompt::Field;
use crossterm::event::KeyCode;
use objects::Kind;
use std::path::PathBuf;

/// Takes a key.
pub fn key(app: &mut App, key: Key, out: &mut Vec<Effect>) {
    // Esc and a key right behind it look like that key with alt, which means something in the editor and to a program alone.
    let edits = app.types_text() && app.overlay.is_none();
    if key.alt && !edits {
        let esc = Key { code: KeyCode::Esc, ctrl: false, alt: false };
        self::key(app, esc, out);
        return self::key(app, Key { alt: false, ..key }, out);
    }
    let key = app.meant(key);
    match app.overlay.take() {
        Some(Overlay::Dialog(dialog, question)) => in_dialog(app, (dialog, question), key, out),
        Some(Overlay::Prompt(prompt)) => in_prompt(app, prompt, key, out),
        Some(Overlay::Form(form, filling)) => forms::key(app, (form, filling), key, out),
        Some(Overlay::Palette(palette, choices)) => in_palette(app, (palette, choices), key, out),
        None => on_screen(app, key, out),
    }
}

/// Takes a pasted text: into the line or the editor, and nowhere else.
pub fn paste(app: &mut App, text: &str) {
    match &mut app.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.field.insert(text.trim_end_matches('\n')),
        Some(Overlay::Palette(palette, _)) => palette.field.insert(text.trim()),
        Some(Overlay::Form(form, _)) => {
            if let Some(field) = form.field_mut() {
                field.insert(text.trim());
                form.typed();
            }
        }
        Some(Overlay::Dialog(..)) => {}
        None => {
            if let Screen::Edit(edit) = app.screen_mut() {
                edit.editor.paste(text);
                edit.answer = None;
                edit.check();
            }
        }
    }
    preview(app);
}

/// Opens a line to type into.
pub fn ask_line(app: &mut App, purpose: Purpose, text: &str) {
    app.toast = None;
    app.overlay = Some(Overlay::Prompt(Prompt { field: Field::new(text), purpose, recalled: 0 }));
}

/// Opens the box with all keys that count here.
pub fn show_keys(app: &mut App, title: &'static str) {
    let is_told = |binding: &&Binding| !binding.help.is_empty() && app.rights.allow(binding.action);
    let bindings = || app.keys.in_places(app.places()).filter(is_told);
    let entry = |binding: &Binding| {
        let text = if binding.action == Action::Own { format!(":{}", binding.command) } else { binding.help.to_owned() };
        Entry { keys: binding.keys.to_string(), text, group: binding.place.group() }
    };
    let command = |line: &CommandLine| Entry {
        keys: format!(":{}", line.words[0]),
        text: if line.takes.is_empty() { line.help.to_owned() } else { format!("{}  {}", line.takes, line.help) },
        group: "commands",
    };
    let chosen = |binding: &Binding| match binding.action {
        Action::Own => Choice::Command(binding.command.to_string()),
        action => Choice::Action(action),
    };
    let mut entries: Vec<Entry> = bindings().map(entry).collect();
    let mut choices: Vec<Choice> = bindings().map(chosen).collect();
    for (name, own) in &app.own_commands {
        entries.push(Entry {
            keys: format!(":{name}"),
            text: format!("{}  {}", own.takes(), own.help).trim().to_owned(),
            group: "own",
        });
        choices.push(Choice::Command(name.clone()));
    }
    entries.extend(COMMANDS.iter().map(command));
    choices.extend(COMMANDS.iter().map(|line| match line.takes {
        "" => Choice::Command(line.words[0].to_owned()),
        _ => Choice::Begin(format!("{} ", line.words[0])),
    }));
    app.overlay = Some(Overlay::Palette(Palette::new(title, entries), choices));
}

fn on_screen(app: &mut App, key: Key, out: &mut Vec<Effect>) {
    if let Some(purpose) = app.awaits.take() {
        return bookmarks::take(app, purpose, key, out);
    }
    let places = app.places();
    let types_text = app.types_text();
    if let Some(digit) = key.letter().and_then(|letter| letter.to_digit(10))
        && !types_text
        && app.pending.is_empty()
        && (digit > 0 || app.count.is_some())
    {
        let count = app.count.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize);
        app.count = Some(count.min(9_999_999));
        return;
    }
    app.pending.push(key);
    match app.keys.look_up(places, &app.pending) {
        Meaning::Begins => {}
        Meaning::Does(Action::Own) => {
            let command = app.keys.command(places, &app.pending).map(str::to_owned);
            app.pending.clear();
            app.count = None;
            command::run_quietly(app, &command.unwrap_or_default(), out);
        }
        Meaning::Does(Action::Literal) => {
            let keys = std::mem::take(&mut app.pending);
            keys.first().into_iter().for_each(|first| panes::send_key(app, first.event(), out));
        }
        Meaning::Does(action) => {
            app.pending.clear();
            let times = app.count.take();
            perform(app, action, times, out);
        }
        Meaning::Nothing => {
            let is_first = app.pending.len() == 1;
            app.pending.clear();
            app.count = None;
            if let (Screen::Edit(edit), true) = (app.screen_mut(), is_first)
                && edit.editor.input(key)
            {
                edit.answer = None;
                edit.check();
            }
        }
    }
}

fn in_dialog(
    app: &mut App,
    (mut dialog, question): (crate::console::widget::dialog::Dialog, Question),
    key: Key,
    out: &mut Vec<Effect>,
) {
    // With control held a letter is neither yes nor no, but for the one that ends things.
    let is_meant = !key.ctrl || key.code == KeyCode::Char('c');
    let yes = match if is_meant { key.code } else { KeyCode::Null } {
        KeyCode::Char('y' | 'Y') => true,
        KeyCode::Enter => dialog.focus > 0,
        KeyCode::Esc | KeyCode::Char('n' | 'q' | 'c') => false,
        KeyCode::Tab | KeyCode::Right | KeyCode::Down | KeyCode::Char('l' | 'j') => {
            dialog.shift_focus(true);
            app.overlay = Some(Overlay::Dialog(dialog, question));
            return;
        }
        KeyCode::BackTab | KeyCode::Left | KeyCode::Up | KeyCode::Char('h' | 'k') => {
            dialog.shift_focus(false);
            app.overlay = Some(Overlay::Dialog(dialog, question));
            return;
        }
        _ => {
            app.overlay = Some(Overlay::Dialog(dialog, question));
            return;
        }
    };
    match question {
        _ if !yes => {}
        Question::Quit => navigate::leave_now(app, false, out),
        Question::Replace => editing::replace(app, out),
        Question::Recreate(kind, key) => super::recreating::confirmed(app, kind, key, out),
        Question::LeaveEditor => navigate::close(app, out),
        Question::Delete(kind, keys, grace) => deleting::confirmed(app, kind, keys, grace, out),
        Question::Drain(nodes) => draining::confirmed(app, nodes, out),
        Question::Undo(at) => undoing::confirmed(app, at, out),
        Question::Images(work) => images::confirmed(app, work, out),
        Question::Restart(keys) => super::scaling::confirmed(app, keys, out),
        Question::RollBack(key, change) => super::scaling::request(app, (Kind::Deployment, key), *change, out),
        Question::Cordon(keys, wanted) => cordoning::confirmed(app, keys, wanted, out),
    }
}

fn in_palette(app: &mut App, (mut palette, choices): (Palette, Vec<Choice>), key: Key, out: &mut Vec<Effect>) {
    match key.code {
        KeyCode::Esc => return theming::leave(app),
        KeyCode::Char('c') if key.ctrl => return theming::leave(app),
        KeyCode::Enter => {
            if let Some(choice) = palette.chosen().and_then(|at| choices.get(at)).cloned() {
                choose(app, choice, out);
            }
            return;
        }
        KeyCode::Down | KeyCode::Tab => palette.shift(1),
        KeyCode::Up | KeyCode::BackTab => palette.shift(-1),
        KeyCode::PageDown => palette.shift(10),
        KeyCode::PageUp => palette.shift(-10),
        KeyCode::Char('n' | 'j') if key.ctrl => palette.shift(1),
        KeyCode::Char('p' | 'k') if key.ctrl => palette.shift(-1),
        _ => {
            if type_into(&mut palette.field, key) {
                palette.cursor = 0;
            }
        }
    }
    theming::preview(app, palette.chosen().and_then(|at| choices.get(at)));
    app.overlay = Some(Overlay::Palette(palette, choices));
}

/// Does what a line of a box says.
fn choose(app: &mut App, choice: Choice, out: &mut Vec<Effect>) {
    match choice {
        Choice::Action(action) => perform(app, action, None, out),
        Choice::Command(text) => command::run(app, &text, out),
        Choice::Begin(text) => ask_line(app, Purpose::Command, &text),
        Choice::Insert(text) => completing::insert(app, &text),
        Choice::Side(side) => merging::decide(app, side),
        Choice::Theme(name) => theming::set(app, &name),
    }
}

fn in_prompt(app: &mut App, mut prompt: Prompt, key: Key, out: &mut Vec<Effect>) {
    match key.code {
        KeyCode::Esc => return cancel(app, prompt),
        KeyCode::Char('c') if key.ctrl => return cancel(app, prompt),
        KeyCode::Enter => return submit(app, &prompt, out),
        KeyCode::Backspace if prompt.field.text().is_empty() => return cancel(app, prompt),
        KeyCode::Tab => {
            let ghost = ghost(app, &prompt);
            if !ghost.is_empty() {
                prompt.field.end();
                prompt.field.insert(&ghost);
            }
        }
        KeyCode::Right if prompt.field.is_at_end() => {
            let ghost = ghost(app, &prompt);
            prompt.field.insert(&ghost);
        }
        KeyCode::Up | KeyCode::Down if prompt.purpose == Purpose::Command => recall(app, &mut prompt, key.code == KeyCode::Up),
        _ => {
            type_into(&mut prompt.field, key);
        }
    }
    app.overlay = Some(Overlay::Prompt(prompt));
    preview(app);
}

/// What could be typed next, shown behind the cursor.
pub fn ghost(app: &App, prompt: &Prompt) -> String {
    match prompt.purpose {
        Purpose::Command => command::completion(app, prompt.field.text()),
        _ => String::new(),
    }
}

fn recall(app: &App, prompt: &mut Prompt, older: bool) {
    let recalled = if older { (prompt.recalled + 1).min(app.commands.len()) } else { prompt.recalled.saturating_sub(1) };
    prompt.recalled = recalled;
    let text = if recalled == 0 { "" } else { &app.commands[app.commands.len() - recalled] };
    prompt.field.set(text);
}

/// What one stands on in a box is shown where that is how one chooses.
pub fn look(app: &mut App) {
    if let Some(Overlay::Palette(palette, choices)) = app.overlay.take() {
        theming::preview(app, palette.chosen().and_then(|at| choices.get(at)));
        app.overlay = Some(Overlay::Palette(palette, choices));
    }
}

/// A filter narrows the list down while it is typed.
fn preview(app: &mut App) {
    let Some(Overlay::Prompt(Prompt { field, purpose, .. })) = &app.overlay else { return };
    let text = field.text().to_owned();
    match purpose {
        // A selector that is not finished yet is no reason to complain.
        Purpose::Filter(_) => drop(filter(app, &text)),
        Purpose::LogFilter(_) => logs::set_filter(app, &text),
        _ => {}
    }
}

/// Narrows the shown list down.
pub fn filter(app: &mut App, text: &str) -> Result<(), String> {
    if let Screen::List(list) = app.screen_mut() {
        list.view.query = Query::parse(text, list.columns())?;
        list.invalidate();
    }
    Ok(())
}

fn cancel(app: &mut App, prompt: Prompt) {
    match prompt.purpose {
        Purpose::Filter(before) => drop(filter(app, &before)),
        Purpose::LogFilter(before) => logs::set_filter(app, &before),
        _ => {}
    }
}

fn submit(app: &mut App, prompt: &Prompt, out: &mut Vec<Effect>) {
    let text = prompt.field.text().to_owned();
    match &prompt.purpose {
        Purpose::Command => command::run(app, &text, out),
        Purpose::Filter(_) => {
            if let Err(why) = filter(app, &text) {
                app.say(Role::Bad, why);
            }
        }
        Purpose::Find => find(app, &text),
        Purpose::LogFilter(_) => logs::set_filter(app, &text),
        Purpose::Confirm(word, question) if text.trim() == word => confirmed(app, question.clone(), out),
        Purpose::Confirm(word, _) => app.say(Role::Warn, format!("nothing was done: \"{word}\" was not typed")),
        Purpose::SaveAs => {
            if let (Some(content), false) = (whole_text(app), text.trim().is_empty()) {
                out.push(Effect::Write(PathBuf::from(text.trim()), content));
            }
        }
    }
}

/// Does what a word was typed for.
fn confirmed(app: &mut App, question: Question, out: &mut Vec<Effect>) {
    match question {
        Question::Delete(kind, keys, grace) => deleting::delete(app, kind, keys, grace, out),
        Question::Drain(nodes) => draining::drain(app, nodes, out),
        _ => {}
    }
}

/// Looks for a text in the shown one; an empty one ends the search.
fn find(app: &mut App, text: &str) {
    let regex = (!text.is_empty()).then(|| pattern(text));
    let found = match app.screen_mut() {
        Screen::Reader(reader) => {
            (reader.place.find, reader.place.found) = (regex.clone(), None);
            reader.place.find_next(&reader.lines, true)
        }
        Screen::Log(log) => {
            (log.place.find, log.place.found) = (regex.clone(), None);
            // The newest match is what one looks for at the end of a log: from there on backwards.
            let forward = !log.place.follows;
            if !forward {
                log.place.found = Some(log.log.len());
            }
            log.place.find_next(&log.log, forward)
        }
        Screen::Edit(edit) => regex.as_ref().is_some_and(|regex| edit.editor.find(regex.as_str())),
        Screen::List(_) | Screen::Board(_) | Screen::Pane(_) => true,
    };
    if !found && regex.is_some() {
        app.say(Role::Warn, format!("\"{text}\" is not found"));
    }
}

/// Edits a line. Says whether its text may be another one.
pub fn type_into(field: &mut Field, key: Key) -> bool {
    match key.code {
        KeyCode::Backspace => {
            field.backspace();
        }
        KeyCode::Delete => field.delete(),
        KeyCode::Char('w') if key.ctrl => field.delete_word(),
        KeyCode::Char('u') if key.ctrl => field.delete_to_start(),
        KeyCode::Char('h') if key.ctrl => {
            field.backspace();
        }
        KeyCode::Left => field.left(),
        KeyCode::Right => field.right(),
        KeyCode::Home => field.home(),
        KeyCode::Char('a') if key.ctrl => field.home(),
        KeyCode::End => field.end(),
        KeyCode::Char('e') if key.ctrl => field.end(),
        KeyCode::Char(letter) if !key.ctrl && !key.alt => field.insert(letter.encode_utf8(&mut [0; 4])),
        _ => return false,
    }
    true
}
