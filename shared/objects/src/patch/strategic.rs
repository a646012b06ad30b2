//! Strategic merge patch: a merge that knows from the type which lists hold things with a name, and that takes directives.
//!
//! The rules are those of `apimachinery/pkg/util/strategicpatch`: `$patch: replace` and `delete` on objects and items,
//! `$deleteFromPrimitiveList/x`, `$setElementOrder/x` and `$retainKeys`. Merge keys come from the tables of `schema`; what no
//! table describes (maps) is merged field by field, and its lists are replaced.

mod list;

use super::PatchError;
use crate::schema::{Field, Merge, Shape, Type};
use list::{Items, merge_list};
use serde_json::{Map, Value};

/// Says what is to be done with the object or item that it stands in.
const DIRECTIVE: &str = "$patch";
/// Names all members of a union that are to stay.
const RETAIN_KEYS: &str = "$retainKeys";
/// In front of a list's name: the values that are to go.
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";
/// In front of a list's name: the order that its items are to have.
const ELEMENT_ORDER: &str = "$setElementOrder/";

/// Applies a patch to an object of a type.
pub(super) fn apply(object: Value, patch: Value, of: &'static Type) -> Result<Value, PatchError> {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => merge_object(object, patch, Some(of)).map(Value::Object),
        (Value::Object(_), _) => {
            Err(PatchError::malformed("invalid JSON document: a patch is an object with the fields to change"))
        }
        (object, _) => Ok(object),
    }
}

type Object = Map<String, Value>;

fn merge_object(mut object: Object, mut patch: Object, of: Option<&'static Type>) -> Result<Object, PatchError> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => return Ok(without_directives(patch)),
            Some("delete") => return Ok(Object::new()),
            // What is done anyway.
            Some("merge") => {}
            _ => return Err(unknown_directive(&directive, &patch)),
        }
    }
    retain_keys(&mut object, &mut patch)?;
    delete_from_lists(&mut object, &mut patch)?;
    set_orders(&mut object, &mut patch, of)?;
    for (name, value) in patch {
        if value.is_null() {
            object.remove(&name);
            continue;
        }
        let field = of.and_then(|of| of.field(&name));
        let merged = match (object.remove(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => Value::Object(merge_object(old, new, struct_of(field))?),
            (Some(Value::Array(old)), Value::Array(new)) => Value::Array(merge_field_list(old, new, field)?),
            // A new value, or one of another form.
            (_, value) => cleaned(value),
        };
        object.insert(name, merged);
    }
    Ok(object)
}

fn unknown_directive(directive: &Value, patch: &Object) -> PatchError {
    let directive = super::shown(directive);
    let mut patch = patch.clone();
    patch.insert(DIRECTIVE.to_owned(), directive.clone().into());
    PatchError::malformed(format!("unknown patch type: {directive} in map: {}", super::shown(&Value::Object(patch))))
}

/// Of a union only the members that the patch names stay.
fn retain_keys(object: &mut Object, patch: &mut Object) -> Result<(), PatchError> {
    let Some(kept) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let malformed = || PatchError::malformed("invalid patch format of retainKeys");
    let kept = kept.as_array().ok_or_else(malformed)?;
    let is_kept = |name: &str| kept.iter().any(|kept| kept == name);
    if !patch.iter().all(|(name, value)| value.is_null() || is_kept(directed(name))) {
        return Err(malformed());
    }
    object.retain(|name, _| is_kept(name));
    Ok(())
}

/// The field that a directive is for.
fn directed(name: &str) -> &str {
    name.strip_prefix(ELEMENT_ORDER).or_else(|| name.strip_prefix(DELETE_FROM_LIST)).unwrap_or(name)
}

fn taken(patch: &mut Object, prefix: &str) -> Vec<(String, Value)> {
    let names: Vec<String> = patch.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
    names
        .into_iter()
        .filter_map(|name| {
            let value = patch.remove(&name)?;
            Some((name[prefix.len()..].to_owned(), value))
        })
        .collect()
}

fn delete_from_lists(object: &mut Object, patch: &mut Object) -> Result<(), PatchError> {
    for (name, gone) in taken(patch, DELETE_FROM_LIST) {
        let gone = gone.as_array().ok_or_else(|| PatchError::malformed("invalid patch format of primitive list"))?;
        if let Some(Value::Array(items)) = object.get_mut(&name) {
            items.retain(|item| !gone.contains(item));
        }
    }
    Ok(())
}

/// Merges the lists that come with an order, and gives them that order.
fn set_orders(object: &mut Object, patch: &mut Object, of: Option<&'static Type>) -> Result<(), PatchError> {
    for (name, order) in taken(patch, ELEMENT_ORDER) {
        let malformed = || PatchError::malformed(format!("invalid patch format of setElementOrder list: {ELEMENT_ORDER}{name}"));
        let Value::Array(order) = order else { return Err(malformed()) };
        let field = of.and_then(|of| of.field(&name));
        let items = Items::of(field);
        if let Items::Things { key, .. } = items
            && order.iter().any(|item| item.get(key).is_none())
        {
            return Err(malformed());
        }
        let listed = |value: Option<Value>| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(malformed()),
        };
        let (old, new) = (listed(object.get(&name).cloned())?, listed(patch.remove(&name))?);
        if let Some(new) = &new {
            items.check_order(new, &order)?;
        }
        let merged = match (old.clone(), new) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => list::cleaned_items(new),
            (Some(old), Some(new)) => merge_field_list(old, new, field)?,
        };
        object.insert(name, Value::Array(items.ordered(merged, &order, &old.unwrap_or_default())));
    }
    Ok(())
}

fn merge_field_list(old: Vec<Value>, new: Vec<Value>, field: Option<&'static Field>) -> Result<Vec<Value>, PatchError> {
    match field.map_or(Merge::Default, |field| field.merge) {
        Merge::Default | Merge::Retaining => Ok(new),
        Merge::ByKey(_) | Merge::ByKeyRetaining(_) | Merge::Set => merge_list(old, new, Items::of(field)),
    }
}

fn struct_of(field: Option<&'static Field>) -> Option<&'static Type> {
    match field?.shape {
        Shape::Struct(of) => Some(of),
        Shape::List(Shape::Struct(of)) | Shape::Map(Shape::Struct(of)) => Some(*of),
        _ => None,
    }
}

/// A value that was not there before: without directives and nothings.
fn cleaned(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(without_directives(fields)),
        Value::Array(items) => Value::Array(list::cleaned_items(items)),
        other => other,
    }
}

fn without_directives(fields: Object) -> Object {
    let is_directive = |name: &str| {
        matches!(name, DIRECTIVE | RETAIN_KEYS) || name.starts_with(DELETE_FROM_LIST) || name.starts_with(ELEMENT_ORDER)
    };
    let kept = fields.into_iter().filter(|(name, value)| !is_directive(name) && !value.is_null());
    kept.map(|(name, value)| (name, cleaned(value))).collect()
}
