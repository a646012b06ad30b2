//! Finds what keys do in the key table.

use super::action::Action;
use super::key::Key;
use super::table::{Binding, Place, TABLE};

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

/// What the keys mean in these places, the narrowest first.
pub fn look_up(places: &[Place], keys: &[Key]) -> Meaning {
    let mut begins = false;
    for place in places {
        for binding in TABLE.iter().filter(|binding| binding.place == *place) {
            match matches(binding, keys) {
                Some(true) => return Meaning::Does(binding.action),
                Some(false) => begins = true,
                None => {}
            }
        }
    }
    if begins { Meaning::Begins } else { Meaning::Nothing }
}

/// The bindings that begin with these keys, and what is left of them.
pub fn continuations<'a>(places: &'a [Place], keys: &'a [Key]) -> impl Iterator<Item = (&'static str, &'static Binding)> + 'a {
    in_places(places).filter(|binding| matches(binding, keys) == Some(false)).map(|binding| {
        let rest = binding.keys.splitn(keys.len() + 1, ' ').last().unwrap_or_default();
        (rest, binding)
    })
}

/// The bindings of these places, in their order. Of those with the same keys, only the one that counts.
pub fn in_places<'a>(places: &'a [Place]) -> impl Iterator<Item = &'static Binding> + 'a {
    places.iter().enumerate().flat_map(move |(at, place)| {
        let shadowed = move |keys: &str| TABLE.iter().any(|other| places[..at].contains(&other.place) && other.keys == keys);
        TABLE.iter().filter(move |binding| binding.place == *place && !shadowed(binding.keys))
    })
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
    use super::{Meaning, look_up};
    use crate::console::keys::action::Action;
    use crate::console::keys::key::Key;
    use crate::console::keys::table::{Place, TABLE};

    #[test]
    fn no_two_lines_of_a_place_want_the_same_keys_and_none_hides_another() {
        for (at, one) in TABLE.iter().enumerate() {
            assert!(one.keys.split(' ').all(|key| Key::parse(key).is_some()), "{} is no key", one.keys);
            for two in TABLE[at + 1..].iter().filter(|two| two.place == one.place) {
                let begins = |short: &str, long: &str| long == short || long.starts_with(&format!("{short} "));
                assert!(!begins(one.keys, two.keys) && !begins(two.keys, one.keys), "{} and {} clash", one.keys, two.keys);
            }
        }
    }

    #[test]
    fn nothing_is_destroyed_by_one_key_and_no_key_needs_flow_control() {
        for binding in TABLE {
            let has_two_keys = binding.keys.contains(' ');
            assert!(!matches!(binding.action, Action::Delete | Action::Kill) || has_two_keys);
            if ["ctrl-s", "ctrl-q"].contains(&binding.keys) {
                let other = TABLE.iter().any(|other| other.action == binding.action && other.keys != binding.keys);
                assert!(other, "{} has no other way", binding.keys);
            }
        }
    }

    #[test]
    fn the_narrowest_place_wins_and_sequences_wait() {
        let keys = |text: &str| text.split(' ').map(|key| Key::parse(key).expect("a key")).collect::<Vec<_>>();
        assert_eq!(look_up(&[Place::List, Place::Any], &keys("enter")), Meaning::Does(Action::Open));
        assert_eq!(look_up(&[Place::Log, Place::Text, Place::Any], &keys("t")), Meaning::Does(Action::Times));
        assert_eq!(look_up(&[Place::Any], &keys("g")), Meaning::Begins);
        assert_eq!(look_up(&[Place::Any], &keys("g g")), Meaning::Does(Action::Top));
        assert_eq!(look_up(&[Place::Any], &keys("g x")), Meaning::Nothing);
        assert_eq!(look_up(&[Place::Editor], &keys("j")), Meaning::Nothing);
    }
}
