//! `kind: List` is taken apart into its items, each with its own positions.

use super::{Document, Positions};
use crate::Kind;
use serde_json::Value;

/// The items of a list, or the document itself.
pub(super) fn flatten(document: Document) -> Vec<Document> {
    let Some(item_kind) = list_of(&document.value) else { return vec![document] };
    let Document { mut value, line, positions } = document;
    let Some(Value::Array(items)) = value.get_mut("items").map(Value::take) else { return Vec::new() };
    let mut places = split(positions, items.len());
    let of_item = |(index, mut value): (usize, Value)| {
        if let (Some(kind), Some(fields)) = (item_kind, value.as_object_mut()) {
            fields.entry("apiVersion").or_insert_with(|| kind.api_version().into());
            fields.entry("kind").or_insert_with(|| kind.name().into());
        }
        let positions = std::mem::take(&mut places[index]);
        Document { value, line: positions.root.map_or(line, |place| place.0), positions }
    };
    items.into_iter().enumerate().map(of_item).collect()
}

/// Whether it is a list, and of what: the items of a `PodList` need not say what they are.
fn list_of(value: &Value) -> Option<Option<Kind>> {
    if !value.get("items")?.is_array() {
        return None;
    }
    let kind = value.get("kind")?.as_str()?.strip_suffix("List")?;
    if kind.is_empty() {
        return Some(None);
    }
    Kind::from_manifest(value.get("apiVersion")?.as_str()?, kind).map(Some)
}

/// The places of `items[3].metadata` become those of `metadata` of the fourth item.
fn split(positions: Positions, count: usize) -> Vec<Positions> {
    let mut parts = vec![Positions::default(); count];
    for (path, place) in positions.places {
        let Some((index, rest)) = path.strip_prefix("items[").and_then(|rest| rest.split_once(']')) else { continue };
        let Some(part) = index.parse().ok().and_then(|index: usize| parts.get_mut(index)) else { continue };
        match rest.strip_prefix('.') {
            Some(rest) => drop(part.places.insert(rest.to_owned(), place)),
            None => part.root = Some(place),
        }
    }
    parts
}
