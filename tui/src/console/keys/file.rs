//! Reads the keys file, says what is wrong with it, and prints one.
//!
//! A section is a place, a line gives keys an action: `[pods]`, `"ctrl-l" = "logs"`. The action `none` takes the keys away.

use super::action::Action;
use super::key::Key;
use super::map::{Change, Keymap};
use super::table::{Binding, Place, STACKS, TABLE};
use crossterm::event::KeyCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use toml::Spanned;

/// Something wrong with a keys file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1, where it is one line's.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Sections(BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<String>>>);

/// The keymap of a keys file, and everything that is wrong with it. Lines that are wrong change nothing.
pub fn read(text: &str) -> (Keymap, Vec<Problem>) {
    let (lines, mut problems) = parse(text);
    let changes: Vec<Change> = lines.iter().map(|(_, change)| change.clone()).collect();
    let map = Keymap::with(&changes);
    problems.extend(lines.iter().filter_map(|(line, change)| lost_way(&map, change).map(|text| at(*line, text))));
    for binding in map.bindings() {
        // What the table itself says is checked by a test; a line of the file is named where it is at fault.
        let line = |keys: &str| {
            lines.iter().find(|(_, change)| change.place == binding.place && change.keys == keys).map(|(line, _)| *line)
        };
        if let Some(text) = unreachable(&map, binding) {
            problems.push(Problem { line: line(&binding.keys), text });
        }
    }
    problems.sort_by_key(|problem| problem.line);
    problems.dedup();
    (map, problems)
}

fn at(line: usize, text: String) -> Problem {
    Problem { line: Some(line), text }
}

/// The changes with their lines.
fn parse(text: &str) -> (Vec<(usize, Change)>, Vec<Problem>) {
    let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let sections: Sections = match toml::from_str(text) {
        Ok(sections) => sections,
        Err(error) => {
            let line = error.span().map(|span| line_at(span.start));
            return (Vec::new(), vec![Problem { line, text: error.message().trim().to_owned() }]);
        }
    };
    let (mut changes, mut problems) = (Vec::new(), Vec::new());
    for (section, lines) in sections.0 {
        let Some(place) = Place::named(section.get_ref()) else {
            let line = line_at(section.span().start);
            problems
                .push(at(line, format!("no place is called [{}]; there are {}", section.get_ref(), place_names().join(", "))));
            continue;
        };
        for (keys, action) in lines {
            let line = line_at(keys.span().start);
            match change(place, keys.get_ref(), action.get_ref()) {
                Ok(change) => changes.push((line, change)),
                Err(why) => problems.push(at(line, why)),
            }
        }
    }
    changes.sort_by_key(|(line, _)| *line);
    (changes, problems)
}

fn change(place: Place, keys: &str, action: &str) -> Result<Change, String> {
    if let Some(bad) = keys.split(' ').find(|key| Key::parse(key).is_none()) {
        return Err(format!(
            "\"{keys}\": \"{bad}\" is no key; keys are written j, G, ctrl-d, alt-x, enter, with spaces between them"
        ));
    }
    if let Some(why) = keys.split(' ').find_map(|key| never_sent(Key::parse(key)?, place)) {
        return Err(format!("\"{keys}\": {why}"));
    }
    let command = action.strip_prefix(':').map(|command| command.trim().to_owned());
    if command.as_deref() == Some("") {
        return Err(format!("\"{keys}\": which command is to be run? \":pods team-1 /web\""));
    }
    if command.is_some() && place == Place::Editor {
        return Err(format!("\"{keys}\": commands cannot be given keys in the editor"));
    }
    let action = match action {
        "none" => None,
        _ if command.is_some() => Some(Action::Own),
        "own" => return Err(format!("\"{keys}\": a command is written \":pods team-1 /web\"")),
        name => Some(Action::named(name).ok_or_else(|| format!("no action is called \"{name}\"{}", nearest(name)))?),
    };
    let known = TABLE.iter().any(|binding| binding.place == place && binding.keys == keys);
    if action.is_none() && !known {
        return Err(format!("\"{keys}\" does nothing in [{}], so there is nothing to take away", place.name()));
    }
    // The table's lines go by the name that a key prints.
    let keys = keys.split(' ').filter_map(Key::parse).map(|key| key.to_string()).collect::<Vec<_>>().join(" ");
    Ok(Change { place, keys, action, command: command.unwrap_or_default() })
}

/// Why a terminal never sends this key, where it does not.
fn never_sent(key: Key, place: Place) -> Option<String> {
    let same = match key {
        Key { code: KeyCode::Char('i'), ctrl: true, .. } => Some("tab"),
        Key { code: KeyCode::Char('m'), ctrl: true, .. } => Some("enter"),
        Key { code: KeyCode::Char('['), ctrl: true, .. } => Some("esc"),
        _ => None,
    };
    if let Some(same) = same {
        return Some(format!("terminals send {key} as {same}; bind \"{same}\""));
    }
    (key.alt && !matches!(place, Place::Editor | Place::Pane))
        .then(|| format!("outside of the editor and of panes {key} is esc and then the key"))
}

fn nearest(name: &str) -> String {
    let close = |other: &str| {
        other.contains(name) || name.contains(other) || other.chars().zip(name.chars()).take_while(|(a, b)| a == b).count() > 3
    };
    let names: Vec<String> = Action::ALL.iter().map(|action| action.name()).filter(|other| close(other)).take(4).collect();
    if names.is_empty() { "; `skiff keys` lists them".to_owned() } else { format!("; did you mean {}?", names.join(", ")) }
}

fn place_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for binding in TABLE {
        let name = binding.place.name();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Where keys were taken from an action that has no others now.
fn lost_way(map: &Keymap, change: &Change) -> Option<String> {
    let before = TABLE.iter().find(|binding| binding.place == change.place && binding.keys == change.keys)?;
    let is_left = map.bindings().iter().any(|binding| binding.action == before.action);
    let needed = matches!(before.action, Action::Quit | Action::Command | Action::Back | Action::Help);
    (!is_left && needed).then(|| format!("no key is left for {}; give it another one", before.action.name()))
}

/// Why no press of these keys ever comes to this binding; `None` where one does.
fn unreachable(map: &Keymap, binding: &Binding) -> Option<String> {
    let (keys, place) = (&binding.keys, binding.place);
    let first = keys.split(' ').next().and_then(Key::parse)?;
    let letter = first.letter();
    if matches!(place, Place::Editor | Place::Pane) && letter.is_some() {
        let place = place.name();
        return Some(format!("\"{keys}\" in [{place}] would take a letter from what is typed; begin with ctrl or alt"));
    }
    if letter.is_some_and(|letter| ('1'..='9').contains(&letter)) {
        return Some(format!("\"{keys}\" in [{}]: digits count; begin with another key", place.name()));
    }
    let stacks: Vec<&&[Place]> = STACKS.iter().filter(|stack| stack.contains(&place)).collect();
    let mut why = None;
    for stack in stacks {
        why = Some(hidden_by(map, binding, stack)?);
    }
    why.map(|other| match other {
        (other, true) => format!(
            "\"{keys}\" in [{}] is never reached: \"{}\" in [{}] does {} first",
            place.name(),
            other.keys,
            other.place.name(),
            other.action.name()
        ),
        (other, false) => {
            format!(
                "\"{keys}\" in [{}] and \"{}\" in [{}] clash: the first keys of one are the other",
                place.name(),
                other.keys,
                other.place.name()
            )
        }
    })
}

/// The binding that is done instead on a screen of these places, and whether it is one of a narrower place.
fn hidden_by<'a>(map: &'a Keymap, binding: &Binding, stack: &[Place]) -> Option<(&'a Binding, bool)> {
    let rank = |place: Place| stack.iter().position(|other| *other == place);
    let own = rank(binding.place)?;
    map.bindings().iter().find_map(|other| {
        let place = rank(other.place)?;
        let begins = binding.keys.strip_prefix(&*other.keys).is_some_and(|rest| rest.starts_with(' '));
        let same = other.keys == binding.keys && place < own && other.action != binding.action;
        (begins || same).then_some((other, place < own))
    })
}

/// The keymap as a keys file, with what each action does.
pub fn to_text(map: &Keymap) -> String {
    let mut out = String::new();
    let mut places: Vec<Place> = Vec::new();
    for binding in map.bindings() {
        if !places.contains(&binding.place) {
            places.push(binding.place);
        }
    }
    for place in places {
        let lines: Vec<&Binding> = map.bindings().iter().filter(|binding| binding.place == place).collect();
        let _ = writeln!(out, "{}[{}]", if out.is_empty() { "" } else { "\n" }, place.name());
        let action = |binding: &Binding| match binding.action {
            Action::Own => format!(":{}", binding.command),
            action => action.name(),
        };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let keys = |binding: &Binding| format!("\"{}\" = {}", binding.keys, quoted(&action(binding)));
        let width = lines.iter().map(|binding| keys(binding).len()).max().unwrap_or(0);
        for binding in lines {
            let comment = if binding.help.is_empty() { String::new() } else { format!("  # {}", binding.help) };
            let _ = writeln!(out, "{}", format!("{:width$}{comment}", keys(binding)).trim_end());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Keymap, read, to_text};
    use crate::console::keys::key::Key;
    use crate::console::keys::table::{Place, STACKS, TABLE};

    fn problems(text: &str) -> Vec<String> {
        read(text).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_line_of_the_table_is_reached_and_no_two_clash() {
        assert_eq!(problems(""), Vec::<String>::new());
        for (at, one) in TABLE.iter().enumerate() {
            assert!(one.keys.split(' ').all(|key| Key::parse(key).is_some()), "{} is no key", one.keys);
            assert!(STACKS.iter().any(|stack| stack.contains(&one.place)), "no screen has {:?}", one.place);
            for two in TABLE[at + 1..].iter().filter(|two| two.place == one.place) {
                let begins = |short: &str, long: &str| long == short || long.starts_with(&format!("{short} "));
                assert!(!begins(&one.keys, &two.keys) && !begins(&two.keys, &one.keys), "{} and {} clash", one.keys, two.keys);
            }
        }
    }

    #[test]
    fn what_is_printed_is_read_back_as_the_same() {
        let text = to_text(&Keymap::default());
        let (map, problems) = read(&text);
        assert_eq!(problems, []);
        assert_eq!(to_text(&map), text);
    }

    #[test]
    fn a_key_can_run_a_command() {
        let text = "[any]\n\"g w\" = \":pods team-1 /\\\"web\\\"\"\n[list]\n\"s\" = \":pulses\"\n";
        let (map, problems) = read(text);
        assert_eq!(problems, []);
        let keys: Vec<Key> = ["g", "w"].iter().filter_map(|key| Key::parse(key)).collect();
        assert_eq!(map.command(&[Place::List, Place::Any], &keys), Some("pods team-1 /\"web\""));
        assert_eq!(map.command(&[Place::List, Place::Any], &keys[..1]), None);
        assert_eq!(map.command(&[Place::List, Place::Any], &[Key::parse("s").expect("a key")]), Some("pulses"));
        assert_eq!(to_text(&read(&to_text(&map)).0), to_text(&map));
        for (line, fault) in [("\"s\" = \":\"", "which command is to be run?"), ("\"s\" = \"own\"", "a command is written")] {
            assert!(self::problems(&format!("[list]\n{line}\n"))[0].contains(fault), "{line}");
        }
    }

    #[test]
    fn each_fault_of_a_file_is_told_with_its_line() {
        let text = "[pods]\n\"o\" = \"logz\"\n\"hyper-x\" = \"logs\"\n\n[poods]\n\"o\" = \"logs\"\n";
        let problems = problems(text);
        assert!(problems[0].starts_with("line 2: no action is called \"logz\""), "{problems:?}");
        assert!(problems[1].starts_with("line 3: \"hyper-x\": \"hyper-x\" is no key"), "{problems:?}");
        assert!(problems[2].starts_with("line 5: no place is called [poods]; there are"), "{problems:?}");
        assert_eq!(problems.len(), 3);
    }

    #[test]
    fn clashes_and_keys_nobody_can_reach_are_told() {
        let one = |text: &str| problems(text).join("\n");
        assert!(one("[objects]\n\"x\" = \"delete\"\n").contains("\"x d\" in [objects]"));
        assert!(one("[any]\n\"x\" = \"help\"\n").contains("clash"), "{}", one("[any]\n\"x\" = \"help\"\n"));
        assert!(one("[editor]\n\"j\" = \"next-fault\"\n").contains("line 2: \"j\" in [editor] would take a letter"));
        assert!(one("[any]\n\"5 x\" = \"help\"\n").contains("digits count"));
        assert!(one("[any]\n\"ctrl-i\" = \"later\"\n").contains("bind \"tab\""));
        assert!(one("[any]\n\"alt-x\" = \"later\"\n").contains("esc and then"));
        assert!(one("[pods]\n\"zz\" = \"none\"\n").contains("no key"));
        assert!(one("[any]\n\"q\" = \"none\"\n\"ctrl-c\" = \"none\"\n").contains("no key is left for quit"));
        assert!(one("[pods\n").starts_with("line 1"));
        assert!(one("[pods]\n\"o\" = \"logs\"\n\"o\" = \"edit\"\n").contains("line 3"), "twice the same keys");
        // `o` is bound in narrower places on every screen of lists of pods, and still reached in others.
        assert_eq!(one("[any]\n\"o\" = \"help\"\n"), "");
        assert_eq!(one("[list]\n\"d\" = \"open\"\n"), "", "the list of containers has no describe");
    }
}
