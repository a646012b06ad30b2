//! The numbers of messages' fields, by kind: read of a table once.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    /// As in JSON.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) presence: Presence,
}

/// What nothing, zero and "no" mean in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// That it was not set: Go writes them all the same.
    Filled,
    /// What they say.
    Said,
    /// The field is no field in JSON: what is in it stands beside it.
    Inline,
}

/// What a field's bytes are.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    /// Bytes, which JSON has as base64.
    Base64,
    Number,
    Flag,
    /// A message of one text.
    Quantity,
    /// A number or a text.
    NumberOrText,
    /// A message of one field, which is JSON.
    Json,
    /// A moment, with so many digits of a second in JSON.
    Time(u8),
    /// By its place among all messages.
    Message(usize),
    List(Box<Shape>),
    Map(Box<Shape>),
}

/// A message's fields.
pub(super) type Message = Vec<Field>;

struct Table {
    messages: Vec<Message>,
    places: HashMap<&'static str, usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let lines = || include_str!("messages.txt").lines().filter(|line| !line.starts_with('#'));
    let name = |line: &'static str| line.split(' ').next().unwrap_or_default();
    let places: HashMap<&str, usize> = lines().enumerate().map(|(place, line)| (name(line), place)).collect();
    let messages = lines().map(|line| line.split(' ').skip(1).filter_map(|text| field(text, &places)).collect()).collect();
    Table { messages, places }
});

fn field(text: &'static str, places: &HashMap<&'static str, usize>) -> Option<Field> {
    let mut parts = text.splitn(3, ':');
    let (number, name, kind) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let (kind, said) = match kind.strip_suffix(['?', '!']) {
        Some(kind) => (kind, Presence::Said),
        None => (kind, Presence::Filled),
    };
    let presence = if name == "+" { Presence::Inline } else { said };
    Some(Field { number, name, shape: shape(kind, places)?, presence })
}

fn shape(kind: &'static str, places: &HashMap<&'static str, usize>) -> Option<Shape> {
    let within = |open: char, close: char| kind.strip_prefix(open).and_then(|kind| kind.strip_suffix(close));
    if let Some(item) = within('[', ']') {
        return Some(Shape::List(Box::new(shape(item, places)?)));
    }
    if let Some(item) = within('{', '}') {
        return Some(Shape::Map(Box::new(shape(item, places)?)));
    }
    Some(match kind {
        "s" => Shape::Text,
        "b" => Shape::Base64,
        "i" => Shape::Number,
        "f" => Shape::Flag,
        "Q" => Shape::Quantity,
        "O" => Shape::NumberOrText,
        "J" => Shape::Json,
        "T" => Shape::Time(0),
        "M" => Shape::Time(6),
        name => Shape::Message(*places.get(name)?),
    })
}

/// A message by its place.
pub(super) fn at(place: usize) -> &'static Message {
    &TABLE.messages[place]
}

/// The place of a kind's message; none where it is taken as JSON only.
pub(super) fn of(api_version: &str, kind: &str) -> Option<usize> {
    let package = match (api_version, kind) {
        // Each group has its own name for the same options.
        (_, "DeleteOptions") | ("v1", "Status") | ("meta.k8s.io/v1", "PartialObjectMetadata") => "meta.",
        ("v1", _) => "",
        ("apps/v1", _) => "apps.",
        ("events.k8s.io/v1", _) => "events.",
        ("coordination.k8s.io/v1", _) => "coordination.",
        ("scheduling.k8s.io/v1", _) => "scheduling.",
        ("policy/v1", _) => "policy.",
        ("authentication.k8s.io/v1", _) => "authentication.",
        ("authorization.k8s.io/v1", _) => "authorization.",
        _ => return None,
    };
    let place = TABLE.places.get(format!("{package}{kind}").as_str()).copied();
    // Only what is an object: others are parts of such.
    place.filter(|place| at(*place).first().is_some_and(|field| field.name == "metadata") || kind == "DeleteOptions")
}

/// The place of the metadata of lists.
pub(super) fn list_metadata() -> usize {
    TABLE.places["meta.ListMeta"]
}

#[cfg(test)]
mod tests {
    use super::{Presence, Shape, TABLE, at, of};

    #[test]
    fn the_table_is_whole() {
        let lines = include_str!("messages.txt").lines().filter(|line| !line.starts_with('#'));
        for (line, message) in lines.zip(&TABLE.messages) {
            assert_eq!(line.split(' ').count() - 1, message.len(), "{line}: every field is understood");
        }
        for kind in objects::Kind::ALL {
            assert!(of(kind.api_version(), kind.name()).is_some(), "{kind:?} is there");
        }
        assert!(of("v1", "PodSpec").is_none() && of("apps/v1", "DeploymentSpec").is_none());
    }

    #[test]
    fn a_fields_meaning_of_nothing_is_known() {
        let spec = at(TABLE.places["PodSpec"]);
        let presence = |name: &str| spec.iter().find(|field| field.name == name).map(|field| field.presence);
        assert_eq!(presence("hostNetwork"), Some(Presence::Filled));
        assert_eq!(presence("terminationGracePeriodSeconds"), Some(Presence::Said));
        let volume = at(TABLE.places["Volume"]);
        assert!(matches!(volume[1], super::Field { presence: Presence::Inline, shape: Shape::Message(_), .. }));
    }
}
