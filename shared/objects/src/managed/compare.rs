//! What differs between two objects, and which fields an object sets, item by item as the types say.
//!
//! `structured-merge-diff/typed`: `Compare` and `ToFieldSet`.

use super::set::{FieldSet, Step};
use crate::lookup;
use crate::quantity::Quantity;
use crate::schema::{Shape, Topology, Type};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where two objects differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Comparison {
    /// Compares two objects of a type.
    pub(super) fn of(old: &Value, new: &Value, of: &'static Type) -> Self {
        let mut comparison = Self::default();
        comparison.compare(&mut Vec::new(), (Some(old), Some(new)), Topology::Struct(of));
        comparison
    }

    /// What is new or other.
    pub(super) fn set(&self) -> FieldSet {
        self.added.union(&self.modified)
    }

    fn compare(&mut self, path: &mut Vec<Step>, (old, new): (Option<&Value>, Option<&Value>), topology: Topology) {
        let size = |value: Option<&Value>| match value {
            Some(Value::Object(fields)) => fields.len(),
            Some(Value::Array(items)) => items.len(),
            _ => 0,
        };
        let is_leaf = matches!(topology, Topology::Leaf(_) | Topology::Atomic) || (size(old) == 0 && size(new) == 0);
        if is_leaf {
            return self.leaf(path, (old, new), topology);
        }
        match topology {
            Topology::Things(..) | Topology::Set => self.compare_lists(path, (old, new), topology),
            _ => {
                let none = Map::new();
                let fields = |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&none).clone();
                let (old, new) = (fields(old), fields(new));
                let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
                for name in names {
                    path.push(Step::Field(name.clone()));
                    self.compare(path, (old.get(name), new.get(name)), topology.field(name));
                    path.pop();
                }
            }
        }
        match (old, new) {
            (None, Some(_)) => node(&mut self.added, path).is_member = true,
            (Some(_), None) => node(&mut self.removed, path).is_member = true,
            _ => {}
        }
    }

    fn leaf(&mut self, path: &[Step], (old, new): (Option<&Value>, Option<&Value>), topology: Topology) {
        let set = match (old, new) {
            (None, Some(_)) => &mut self.added,
            (Some(_), None) => &mut self.removed,
            (Some(old), Some(new)) if !is_equal(old, new, topology) => &mut self.modified,
            _ => return,
        };
        node(set, path).is_member = true;
    }

    fn compare_lists(&mut self, path: &mut Vec<Step>, (old, new): (Option<&Value>, Option<&Value>), topology: Topology) {
        let (old, new) = (by_step(old, topology), by_step(new, topology));
        let none = Vec::new();
        let steps = old.keys().chain(new.keys().filter(|step| !old.contains_key(*step)));
        for step in steps {
            let (was, is) = (old.get(step).unwrap_or(&none), new.get(step).unwrap_or(&none));
            path.push(step.clone());
            match (was.as_slice(), is.as_slice()) {
                ([], [one]) => self.compare(path, (None, Some(one)), topology.item()),
                ([one], []) => self.compare(path, (Some(one), None), topology.item()),
                ([was], [is]) => self.compare(path, (Some(was), Some(is)), topology.item()),
                // One key several times, as variables may have: they are one thing that is as it is or not.
                (was, is) => {
                    let whole = |items: &[&Value]| (!items.is_empty()).then(|| items.iter().copied().cloned().collect::<Value>());
                    self.leaf(path, (whole(was).as_ref(), whole(is).as_ref()), Topology::Atomic);
                }
            }
            path.pop();
        }
    }
}

fn node<'a>(set: &'a mut FieldSet, path: &[Step]) -> &'a mut FieldSet {
    path.iter().fold(set, |set, step| set.at(step.clone()))
}

fn is_equal(old: &Value, new: &Value, topology: Topology) -> bool {
    if let Topology::Leaf(Shape::Quantity) = topology {
        let amount = |value: &Value| Quantity::parse(&lookup::scalar(value)).ok();
        return amount(old).is_some_and(|old| Some(old) == amount(new)) || old == new;
    }
    old == new
}

/// The items of a list by what tells them apart. One that lacks its key stands by its place.
fn by_step(list: Option<&Value>, topology: Topology) -> BTreeMap<Step, Vec<&Value>> {
    let mut steps: BTreeMap<Step, Vec<&Value>> = BTreeMap::new();
    for (index, item) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        steps.entry(step_of(item, topology).unwrap_or(Step::Index(index))).or_default().push(item);
    }
    steps
}

/// What tells an item of a list from the others.
///
/// # Errors
/// The name of the key field that it lacks; an empty one for a set's item that is no plain value.
pub(super) fn step_of(item: &Value, topology: Topology) -> Result<Step, &'static str> {
    let Topology::Things(keys, _) = topology else {
        return if item.is_object() || item.is_array() { Err("") } else { Ok(Step::Value(item.to_string())) };
    };
    let mut key = Map::new();
    for name in keys {
        let value = match item.get(*name) {
            Some(value) if !value.is_null() => value.clone(),
            // The one key field with a default.
            _ if *name == "protocol" => Value::from("TCP"),
            _ => return Err(name),
        };
        key.insert((*name).to_owned(), value);
    }
    Ok(Step::Key(Value::Object(key).to_string()))
}

/// The fields that an object sets.
pub(super) fn fields_of(object: &Value, of: &'static Type) -> FieldSet {
    let mut set = FieldSet::default();
    collect(object, Topology::Struct(of), &mut set);
    set
}

fn collect(value: &Value, topology: Topology, set: &mut FieldSet) {
    match (topology, value) {
        (Topology::Things(..) | Topology::Set, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let item_set = set.at(step_of(item, topology).unwrap_or(Step::Index(index)));
                collect(item, topology.item(), item_set);
                item_set.is_member = true;
            }
        }
        (Topology::Struct(_) | Topology::Map(_), Value::Object(fields)) => {
            for (name, value) in fields {
                let mut below = FieldSet::default();
                collect(value, topology.field(name), &mut below);
                below.is_member |= matches!(topology, Topology::Map(_)) || value.as_object().is_some_and(Map::is_empty);
                // An empty list of things says nothing.
                if !below.is_empty() {
                    set.below.insert(Step::Field(name.clone()), below);
                }
            }
        }
        _ => set.is_member = true,
    }
}
