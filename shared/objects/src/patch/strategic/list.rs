//! Lists of a strategic merge patch: items with a name are merged by it, plain values are joined, and both keep an order.

use super::{DIRECTIVE, Object, PatchError, cleaned, merge_object, struct_of, unknown_directive};
use crate::patch::shown;
use crate::schema::{Field, Merge, Type};
use serde_json::Value;
use std::cmp::Ordering;

/// What the items of a list are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Items {
    /// Things that are told apart by a field of theirs.
    Things { key: &'static str, of: Option<&'static Type> },
    /// Texts or numbers.
    Values,
}

impl Items {
    pub(super) fn of(field: Option<&'static Field>) -> Self {
        match field.map(|field| field.merge) {
            Some(Merge::ByKey(key) | Merge::ByKeyRetaining(key)) => Self::Things { key, of: struct_of(field) },
            _ => Self::Values,
        }
    }

    fn is_same(self, one: &Value, other: &Value) -> bool {
        match self {
            Self::Things { key, .. } => one.get(key).is_some_and(|value| Some(value) == other.get(key)),
            Self::Values => one == other,
        }
    }

    fn place(self, item: &Value, list: &[Value]) -> Option<usize> {
        list.iter().position(|other| self.is_same(item, other))
    }

    /// The items of a patch stand in the order that the patch sets, and all of them are in it.
    pub(super) fn check_order(self, patch: &[Value], order: &[Value]) -> Result<(), PatchError> {
        let is_deletion = |item: &Value| item.get(DIRECTIVE).is_some();
        let places: Vec<Option<usize>> =
            patch.iter().filter(|item| !is_deletion(item)).map(|item| self.place(item, order)).collect();
        if places.iter().all(Option::is_some) && places.is_sorted() {
            return Ok(());
        }
        let (patch, order) = (shown(&Value::from(patch.to_vec())), shown(&Value::from(order.to_vec())));
        Err(PatchError::malformed(format!("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")))
    }

    /// Puts those that `order` names into that order; the others keep their place before those that followed them in `before`.
    pub(super) fn ordered(self, items: Vec<Value>, order: &[Value], before: &[Value]) -> Vec<Value> {
        let (mut named, mut others): (Vec<Value>, Vec<Value>) =
            items.into_iter().partition(|item| self.place(item, order).is_some());
        let by = |list: &[Value], one: &Value, other: &Value| match (self.place(one, list), self.place(other, list)) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => Ordering::Equal,
        };
        named.sort_by(|one, other| by(order, one, other));
        others.sort_by(|one, other| by(before, one, other));
        let mut others = others.into_iter().peekable();
        let mut sorted = Vec::new();
        for item in named {
            while let Some(other) = others.next_if(|other| by(before, other, &item) == Ordering::Less) {
                sorted.push(other);
            }
            sorted.push(item);
        }
        sorted.extend(others);
        sorted
    }
}

/// Merges the items of a patch into a list.
pub(super) fn merge_list(old: Vec<Value>, patch: Vec<Value>, items: Items) -> Result<Vec<Value>, PatchError> {
    let before = old.clone();
    let (merged, order) = match items {
        Items::Things { key, of } => merge_things(old, patch, (key, of))?,
        Items::Values => {
            let mut merged: Vec<Value> = Vec::new();
            for value in old.into_iter().chain(patch.iter().cloned()) {
                if value.is_object() || value.is_array() {
                    return Err(PatchError::malformed("cannot merge lists without merge key"));
                }
                if !merged.contains(&value) {
                    merged.push(value);
                }
            }
            (merged, patch)
        }
    };
    Ok(items.ordered(merged, &order, &before))
}

/// The merged list, and the patch's items in their order.
fn merge_things(
    mut list: Vec<Value>,
    patch: Vec<Value>,
    (key, of): (&'static str, Option<&'static Type>),
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let items = Items::Things { key, of };
    let mut wanted: Vec<Object> = Vec::new();
    let mut is_replaced = false;
    for item in patch {
        let Value::Object(mut item) = item else {
            return Err(PatchError::malformed(format!(
                "expected an object with the field {key} in a list, got {}",
                shown(&item)
            )));
        };
        match item.remove(DIRECTIVE) {
            None => wanted.push(item),
            Some(directive) => match directive.as_str() {
                Some("delete") => {
                    let gone = Value::Object(with_key(item, key)?);
                    list.retain(|item| !items.is_same(item, &gone));
                }
                Some("replace") => is_replaced = true,
                Some("merge") => wanted.push(item),
                _ => return Err(unknown_directive(&directive, &item)),
            },
        }
    }
    if is_replaced {
        list.clear();
    }
    let order = wanted.iter().cloned().map(Value::Object).collect();
    for item in wanted {
        let item = Value::Object(with_key(item, key)?);
        match (items.place(&item, &list), item) {
            (Some(index), Value::Object(patch)) => {
                let old = match list[index].take() {
                    Value::Object(old) => old,
                    _ => Object::new(),
                };
                list[index] = Value::Object(merge_object(old, patch, of)?);
            }
            (_, item) => list.push(cleaned(item)),
        }
    }
    Ok((list, order))
}

fn with_key(item: Object, key: &str) -> Result<Object, PatchError> {
    if item.get(key).is_none_or(Value::is_null) {
        let item = shown(&Value::Object(item));
        return Err(PatchError::malformed(format!("map: {item} does not contain declared merge key: {key}")));
    }
    Ok(item)
}

/// Items that were not there before. One that says only what is to be done is no item.
pub(super) fn cleaned_items(items: Vec<Value>) -> Vec<Value> {
    let is_item = |item: &Value| !matches!(item.get(DIRECTIVE).and_then(Value::as_str), Some("delete" | "replace"));
    items.into_iter().filter(is_item).map(cleaned).collect()
}
