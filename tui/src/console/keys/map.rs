//! The keys as they count now: the table, with what the user's keys file changes.

use super::action::Action;
use super::key::Key;
use super::table::{Binding, Place, TABLE};
use std::borrow::Cow;

/// What a sequence of keys means so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// This is to be done.
    Does(Action),
    /// More keys may follow.
    Begins,
    /// Nothing.
    Nothing,
}

/// What one line of a keys file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub place: Place,
    /// The keys, one after the other, separated by spaces.
    pub keys: String,
    /// What they do from now on; `None` for nothing.
    pub action: Option<Action>,
    /// The command that they run, where they do that.
    pub command: String,
}

/// All keys and what they do.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    /// The table as it is.
    fn default() -> Self {
        Self { bindings: TABLE.to_vec() }
    }
}

impl Keymap {
    /// The table with changes. A key that gets something else to do loses what it did.
    pub fn with(changes: &[Change]) -> Self {
        let mut bindings = TABLE.to_vec();
        for change in changes {
            let at = bindings.iter().position(|binding| binding.place == change.place && binding.keys == change.keys);
            let Some(action) = change.action else {
                at.map(|at| bindings.remove(at));
                continue;
            };
            if action != Action::Own && at.is_some_and(|at| bindings[at].action == action) {
                continue;
            }
            // Hints and help call an action as the table does, best as it does in the same place.
            let known = |binding: &&Binding| binding.action == action && !binding.help.is_empty();
            let described = TABLE.iter().filter(known).min_by_key(|binding| binding.place != change.place);
            let (hint, help) = described.map_or(("", "run this command"), |binding| (binding.hint, binding.help));
            let (keys, command) = (Cow::Owned(change.keys.clone()), Cow::Owned(change.command.clone()));
            let new = Binding { place: change.place, keys, action, command, hint, help };
            match at {
                Some(at) => bindings[at] = new,
                // Before the others of the action, so that hints and help show the user's own keys first.
                None => bindings.insert(place_for(&bindings, &new), new),
            }
        }
        Self { bindings }
    }

    /// All of them, in the order in which hints and help have them.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// What the keys mean in these places, the narrowest first.
    pub fn look_up(&self, places: &[Place], keys: &[Key]) -> Meaning {
        let mut begins = false;
        for place in places {
            for binding in self.bindings.iter().filter(|binding| binding.place == *place) {
                match matches(binding, keys) {
                    Some(true) => return Meaning::Does(binding.action),
                    Some(false) => begins = true,
                    None => {}
                }
            }
        }
        if begins { Meaning::Begins } else { Meaning::Nothing }
    }

    /// The command that the keys run in these places, where they do that.
    pub fn command<'a>(&'a self, places: &'a [Place], keys: &[Key]) -> Option<&'a str> {
        let found = self.in_places(places).find(|binding| matches(binding, keys) == Some(true))?;
        (found.action == Action::Own).then_some(&*found.command)
    }

    /// The bindings that begin with these keys, and what is left of them.
    pub fn continuations<'a>(&'a self, places: &'a [Place], keys: &'a [Key]) -> impl Iterator<Item = (&'a str, &'a Binding)> {
        self.in_places(places).filter(|binding| matches(binding, keys) == Some(false)).map(|binding| {
            let rest = binding.keys.splitn(keys.len() + 1, ' ').last().unwrap_or_default();
            (rest, binding)
        })
    }

    /// The bindings of these places, in their order. Of those with the same keys, only the one that counts.
    pub fn in_places<'a>(&'a self, places: &'a [Place]) -> impl Iterator<Item = &'a Binding> {
        self.of(places, |_| true)
    }

    /// Those of them that have a hint, which are few: every picture asks for them.
    pub fn hinted<'a>(&'a self, places: &'a [Place]) -> impl Iterator<Item = &'a Binding> {
        self.of(places, |binding| !binding.hint.is_empty())
    }

    fn of<'a>(&'a self, places: &'a [Place], is_wanted: fn(&Binding) -> bool) -> impl Iterator<Item = &'a Binding> {
        places.iter().enumerate().flat_map(move |(at, place)| {
            let is_shadowed = move |keys: &str| {
                at > 0 && self.bindings.iter().any(|other| places[..at].contains(&other.place) && other.keys == keys)
            };
            let of_place = self.bindings.iter().filter(move |binding| binding.place == *place && is_wanted(binding));
            of_place.filter(move |binding| !is_shadowed(&binding.keys))
        })
    }
}

/// Where a new binding stands: before the first of its place with the same action, else after the last of its place.
fn place_for(bindings: &[Binding], new: &Binding) -> usize {
    let same = bindings.iter().position(|binding| binding.place == new.place && binding.action == new.action);
    let last = bindings.iter().rposition(|binding| binding.place == new.place).map(|at| at + 1);
    same.or(last).unwrap_or(bindings.len())
}

/// `Some(true)` where they are the binding's keys, `Some(false)` where they begin them.
fn matches(binding: &Binding, keys: &[Key]) -> Option<bool> {
    let mut wanted = binding.keys.split(' ').map(Key::parse);
    for key in keys {
        if wanted.next()? != Some(*key) {
            return None;
        }
    }
    Some(wanted.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::{Change, Keymap, Meaning};
    use crate::console::keys::action::Action;
    use crate::console::keys::key::Key;
    use crate::console::keys::table::{Place, TABLE};

    fn keys(text: &str) -> Vec<Key> {
        text.split(' ').map(|key| Key::parse(key).expect("a key")).collect()
    }

    #[test]
    fn nothing_is_destroyed_by_one_key_and_no_key_needs_flow_control() {
        for binding in TABLE {
            let has_two_keys = binding.keys.contains(' ');
            assert!(!matches!(binding.action, Action::Delete | Action::Kill) || has_two_keys);
            if ["ctrl-s", "ctrl-q"].contains(&&*binding.keys) {
                let other = TABLE.iter().any(|other| other.action == binding.action && other.keys != binding.keys);
                assert!(other, "{} has no other way", binding.keys);
            }
        }
    }

    #[test]
    fn the_narrowest_place_wins_and_sequences_wait() {
        let map = Keymap::default();
        assert_eq!(map.look_up(&[Place::List, Place::Any], &keys("enter")), Meaning::Does(Action::Open));
        assert_eq!(map.look_up(&[Place::Log, Place::Text, Place::Any], &keys("t")), Meaning::Does(Action::Times));
        assert_eq!(map.look_up(&[Place::Any], &keys("g")), Meaning::Begins);
        assert_eq!(map.look_up(&[Place::Any], &keys("g g")), Meaning::Does(Action::Top));
        assert_eq!(map.look_up(&[Place::Any], &keys("g x")), Meaning::Nothing);
        assert_eq!(map.look_up(&[Place::Editor], &keys("j")), Meaning::Nothing);
    }

    #[test]
    fn a_change_gives_takes_and_keeps_the_words_of_help() {
        let change = |keys: &str, action| Change { place: Place::Objects, keys: keys.to_owned(), action, command: String::new() };
        let map = Keymap::with(&[change("ctrl-k", Some(Action::Delete)), change("d", None), change("e", Some(Action::Yaml))]);
        let objects = &[Place::Objects];
        assert_eq!(map.look_up(objects, &keys("ctrl-k")), Meaning::Does(Action::Delete));
        assert_eq!(map.look_up(objects, &keys("x d")), Meaning::Does(Action::Delete), "the old way stays");
        assert_eq!(map.look_up(objects, &keys("d")), Meaning::Nothing);
        assert_eq!(map.look_up(objects, &keys("e")), Meaning::Does(Action::Yaml));
        let first = map.in_places(objects).find(|binding| binding.action == Action::Delete).expect("it is there");
        assert_eq!((&*first.keys, first.hint.trim_start_matches('+')), ("ctrl-k", "delete"));
    }
}
