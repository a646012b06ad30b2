//! What `apply` makes of an object: the three-way merge of the last applied manifest, the live object and the wanted one.
//!
//! The rules are kubectl's client-side apply (`strategicpatch.CreateThreeWayMergePatch`), worked out on whole objects
//! instead of by way of a patch: what is wanted is set; what was applied before and is not wanted any more goes; the
//! rest, which others have written, stays. Lists of things with a name are merged by that name, other lists are
//! replaced whole. In a merged list the wanted items come in the order they are written, and items of others keep their
//! place behind the item they followed.

use crate::schema::{self, Merge, Shape, Type};
use crate::{Kind, lookup};
use serde_json::{Map, Value};

/// The annotation that keeps the last applied manifest.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object that `apply` wants stored: `live`, with what `wanted` says, without what `last_applied` said and `wanted`
/// does not say any more. Fields of others stay.
#[must_use]
pub fn three_way(last_applied: Option<&Value>, live: &Value, wanted: &Value) -> Value {
    let of = Kind::from_manifest(lookup::text(wanted, "/apiVersion"), lookup::text(wanted, "/kind")).map(schema::of);
    let empty = Value::Object(Map::new());
    merge_objects(Three { last: last_applied.unwrap_or(&empty), live, wanted }, of)
}

/// The text of [`LAST_APPLIED`] for a manifest: without the annotation itself and without a status, ending in a newline.
#[must_use]
pub fn last_applied_text(wanted: &Value) -> String {
    let mut wanted = wanted.clone();
    if let Some(fields) = wanted.as_object_mut() {
        fields.remove("status");
        let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
            annotations.as_object_mut().map(|annotations| annotations.remove(LAST_APPLIED));
        }
    }
    format!("{wanted}\n")
}

/// The last applied manifest of a live object; `None` if it has none, or one that cannot be read.
#[must_use]
pub fn last_applied(live: &Value) -> Option<Value> {
    let text = live.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str()?;
    serde_json::from_str(text).ok()
}

/// `wanted` with the annotation that the next apply compares with.
#[must_use]
pub fn with_last_applied(wanted: &Value) -> Value {
    let text = last_applied_text(wanted);
    let mut wanted = wanted.clone();
    if let Some(fields) = wanted.as_object_mut() {
        let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
            if !annotations.is_object() {
                *annotations = Value::Object(Map::new());
            }
            annotations.as_object_mut().map(|annotations| annotations.insert(LAST_APPLIED.to_owned(), Value::String(text)));
        }
    }
    wanted
}

/// The three forms of one thing.
#[derive(Clone, Copy)]
struct Three<'a> {
    last: &'a Value,
    live: &'a Value,
    wanted: &'a Value,
}

/// Merges field by field. Without a type (a map, or a kind we do not know) nested objects are merged the same way.
fn merge_objects(three: Three<'_>, of: Option<&'static Type>) -> Value {
    let (Value::Object(live), Value::Object(wanted)) = (three.live, three.wanted) else { return three.wanted.clone() };
    let mut merged = live.clone();
    if let Value::Object(last) = three.last {
        for name in last.keys().filter(|name| !wanted.contains_key(*name)) {
            // What says which object this is never goes by not being written.
            if !matches!(name.as_str(), "apiVersion" | "kind") {
                merged.remove(name);
            }
        }
    }
    for (name, value) in wanted {
        if value.is_null() {
            merged.remove(name);
            continue;
        }
        let field = of.and_then(|of| of.field(name));
        let last = three.last.get(name).unwrap_or(&Value::Null);
        let new = match live.get(name) {
            None | Some(Value::Null) => without_nulls(value),
            Some(live) => merge_values(Three { last, live, wanted: value }, field.map(|field| (field.shape, field.merge))),
        };
        merged.insert(name.clone(), new);
    }
    Value::Object(merged)
}

fn merge_values(three: Three<'_>, rules: Option<(Shape, Merge)>) -> Value {
    match (rules, three.live, three.wanted) {
        (
            Some((Shape::List(Shape::Struct(of)), Merge::ByKey(key) | Merge::ByKeyRetaining(key))),
            Value::Array(_),
            Value::Array(_),
        ) => {
            let retains = matches!(rules, Some((_, Merge::ByKeyRetaining(_))));
            merge_lists(three, &Item { of, key, retains })
        }
        (Some((_, Merge::Set)), Value::Array(_), Value::Array(_)) => merge_sets(three),
        (Some((Shape::Struct(of), Merge::Retaining)), _, Value::Object(_)) => {
            retain(merge_objects(three, Some(of)), three.wanted)
        }
        (Some((Shape::Struct(of), _)), Value::Object(_), Value::Object(_)) => merge_objects(three, Some(of)),
        (Some((Shape::Map(_) | Shape::Any, _)) | None, Value::Object(_), Value::Object(_)) => merge_objects(three, None),
        (Some((Shape::Quantity, _)), live, wanted) if same_amount(live, wanted) => live.clone(),
        _ => without_nulls(three.wanted),
    }
}

/// A union keeps only the members that are wanted.
fn retain(merged: Value, wanted: &Value) -> Value {
    match (merged, wanted) {
        (Value::Object(mut fields), Value::Object(wanted)) => {
            fields.retain(|name, _| wanted.contains_key(name));
            Value::Object(fields)
        }
        (merged, _) => merged,
    }
}

/// `0.5` and `500m` are the same amount: what is live stays as it is written.
fn same_amount(live: &Value, wanted: &Value) -> bool {
    let amount = |value: &Value| crate::quantity::Quantity::parse(&lookup::scalar(value)).ok();
    amount(live).is_some_and(|live| Some(live) == amount(wanted))
}

/// What the items of a list are.
struct Item {
    of: &'static Type,
    key: &'static str,
    retains: bool,
}

impl Item {
    /// Items with the same key are the same item. Ports are told apart by their protocol too: the merge key alone is
    /// not unique, and merging by it would join two ports (kubernetes#39188).
    fn is_same(&self, one: &Value, other: &Value) -> bool {
        let protocol = |item: &Value| item.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
        one.get(self.key).is_some()
            && one.get(self.key) == other.get(self.key)
            && (self.key != "containerPort" || protocol(one) == protocol(other))
    }

    fn find<'a>(&self, list: &'a Value, item: &Value) -> Option<&'a Value> {
        list.as_array()?.iter().find(|other| self.is_same(item, other))
    }
}

fn merge_lists(three: Three<'_>, item: &Item) -> Value {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let wanted = items(three.wanted);
    let mut merged: Vec<Value> = Vec::new();
    for value in &wanted {
        let new = match item.find(three.live, value) {
            None => without_nulls(value),
            Some(live) => {
                let last = item.find(three.last, value).unwrap_or(&Value::Null);
                let new = merge_objects(Three { last, live, wanted: value }, Some(item.of));
                if item.retains { retain(new, value) } else { new }
            }
        };
        merged.push(new);
    }
    // Items of others keep their place behind the item that was before them; those at the front stay there.
    let mut place = 0;
    for live in three.live.as_array().into_iter().flatten() {
        if let Some(index) = merged.iter().position(|other| item.is_same(live, other)) {
            place = place.max(index + 1);
        } else if item.find(three.last, live).is_none() {
            merged.insert(place, live.clone());
            place += 1;
        }
    }
    Value::Array(merged)
}

fn merge_sets(three: Three<'_>) -> Value {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (last, wanted) = (items(three.last), items(three.wanted));
    let mut merged: Vec<Value> = Vec::new();
    let others = items(three.live).into_iter().filter(|value| !last.contains(value) && !wanted.contains(value));
    for value in wanted.iter().cloned().chain(others) {
        if !merged.contains(&value) {
            merged.push(value);
        }
    }
    Value::Array(merged)
}

/// A field that is written as nothing is a field that is not wanted.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
