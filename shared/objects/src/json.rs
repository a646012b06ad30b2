//! JSON that can be looked into, however it is kept: a whole [`Value`], or a short-lived tree that borrows its texts. A field that is missing or
//! of another type reads as empty; [`crate::lookup`] has the same for whole values.

use jiff::Timestamp;
use serde_json::Value;

/// A value of JSON.
pub trait Json: Sized {
    /// The field of that name, of an object.
    fn field(&self, name: &str) -> Option<&Self>;
    /// The elements of a list.
    fn items(&self) -> Option<&[Self]>;
    /// The fields of an object, by their names in order.
    fn fields(&self) -> Option<impl Iterator<Item = (&str, &Self)> + Clone>;
    /// A text.
    fn text(&self) -> Option<&str>;
    /// A whole number.
    fn whole(&self) -> Option<i64>;
    /// Yes or no.
    fn flag(&self) -> Option<bool>;
    /// A number or a text as text: an `IntOrString`, a quantity. Anything else reads as empty.
    fn scalar(&self) -> String;
    /// Whether it is an object.
    fn is_map(&self) -> bool;
}

impl Json for Value {
    fn field(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    fn items(&self) -> Option<&[Self]> {
        self.as_array().map(Vec::as_slice)
    }

    fn fields(&self) -> Option<impl Iterator<Item = (&str, &Self)> + Clone> {
        self.as_object().map(|fields| fields.iter().map(|(name, value)| (name.as_str(), value)))
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn whole(&self) -> Option<i64> {
        self.as_i64()
    }

    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }

    fn scalar(&self) -> String {
        match self {
            Self::String(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(flag) => flag.to_string(),
            _ => String::new(),
        }
    }

    fn is_map(&self) -> bool {
        self.is_object()
    }
}

/// What stands at a JSON pointer (RFC 6901). `Value::pointer` writes every step anew to take escapes out of it, which none of ours has.
#[must_use]
pub fn at<'a, J: Json>(value: &'a J, pointer: &str) -> Option<&'a J> {
    if pointer.is_empty() {
        return Some(value);
    }
    let (mut inside, mut left) = (value, Some(pointer.strip_prefix('/')?));
    while let Some(rest) = left {
        // Steps are a few letters: looking at each is quicker than a search that is made for long texts.
        let end = rest.bytes().position(|byte| byte == b'/');
        let step = &rest[..end.unwrap_or(rest.len())];
        left = end.map(|end| &rest[end + 1..]);
        inside = match inside.items() {
            Some(items) if step == "0" || !step.starts_with(['0', '+']) => items.get(step.parse::<usize>().ok()?)?,
            Some(_) => return None,
            None if step.contains('~') => inside.field(&step.replace("~1", "/").replace("~0", "~"))?,
            None => inside.field(step)?,
        };
    }
    Some(inside)
}

/// The text at a JSON pointer, or an empty one.
#[must_use]
pub fn text<'a, J: Json>(value: &'a J, pointer: &str) -> &'a str {
    at(value, pointer).and_then(Json::text).unwrap_or_default()
}

/// The whole number at a JSON pointer, or 0.
#[must_use]
pub fn number<J: Json>(value: &J, pointer: &str) -> i64 {
    at(value, pointer).and_then(Json::whole).unwrap_or_default()
}

/// Whether there is `true` at a JSON pointer.
#[must_use]
pub fn flag<J: Json>(value: &J, pointer: &str) -> bool {
    at(value, pointer).and_then(Json::flag).unwrap_or_default()
}

/// The time at a JSON pointer.
#[must_use]
pub fn time<J: Json>(value: &J, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

/// The list at a JSON pointer, or an empty one.
#[must_use]
pub fn list<'a, J: Json>(value: &'a J, pointer: &str) -> &'a [J] {
    at(value, pointer).and_then(Json::items).unwrap_or_default()
}

/// The fields of the object at a JSON pointer; none where there is no object.
pub fn fields<'a, J: Json>(value: &'a J, pointer: &str) -> impl Iterator<Item = (&'a str, &'a J)> + Clone {
    at(value, pointer).and_then(Json::fields).into_iter().flatten()
}

/// The condition of that type in `status.conditions`.
#[must_use]
pub fn condition<'a, J: Json>(object: &'a J, kind: &str) -> Option<&'a J> {
    list(object, "/status/conditions").iter().find(|condition| text(*condition, "/type") == kind)
}

/// Whether the condition of that type is `True`.
#[must_use]
pub fn is_true<J: Json>(object: &J, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}
