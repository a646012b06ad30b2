//! The object that applying a configuration makes: its fields set, what was set by it before and is not any more taken out.
//!
//! `structured-merge-diff/typed`: `Merge` and `RemoveItems`.

use super::compare::step_of;
use super::set::{FieldSet, Step};
use crate::schema::Topology;
use serde_json::{Map, Value};

/// `live` with what `config` says. Items of a list that both have keep the order of `config`; those of `live` alone stay before
/// what they stood before.
pub(super) fn merged(live: &Value, config: &Value, topology: Topology) -> Value {
    match (topology, live, config) {
        (Topology::Struct(_) | Topology::Map(_), Value::Object(live), Value::Object(config)) => {
            let mut fields = live.clone();
            for (name, value) in config {
                let new = fields.get(name).map_or_else(|| value.clone(), |live| merged(live, value, topology.field(name)));
                fields.insert(name.clone(), new);
            }
            Value::Object(fields)
        }
        (Topology::Things(..) | Topology::Set, Value::Array(live), Value::Array(config)) => {
            Value::Array(merged_list(live, config, topology))
        }
        _ => config.clone(),
    }
}

fn merged_list(live: &[Value], config: &[Value], topology: Topology) -> Vec<Value> {
    let steps = |items: &[Value]| items.iter().map(|item| step_of(item, topology).ok()).collect::<Vec<Option<Step>>>();
    let (live_steps, config_steps) = (steps(live), steps(config));
    let mut result = Vec::with_capacity(live.len() + config.len());
    let mut next = 0;
    for (item, step) in config.iter().zip(&config_steps) {
        let Some(place) = live_steps.iter().position(|other| other.is_some() && other == step) else {
            result.push(item.clone());
            continue;
        };
        // What is live only, and stands before this one.
        while next < place {
            if !config_steps.contains(&live_steps[next]) {
                result.push(live[next].clone());
            }
            next += 1;
        }
        next = next.max(place + 1);
        result.push(merged(&live[place], item, topology.item()));
    }
    let rest = live.iter().zip(&live_steps).skip(next).filter(|(_, step)| !config_steps.contains(step));
    result.extend(rest.map(|(item, _)| item.clone()));
    result
}

/// The value without what is in the set.
pub(super) fn without(value: Value, set: &FieldSet, topology: Topology) -> Value {
    match (topology, value) {
        (Topology::Struct(_) | Topology::Map(_), Value::Object(fields)) => {
            let mut kept = Map::new();
            for (name, value) in fields {
                let step = Step::Field(name);
                let below = set.below.get(&step);
                let Step::Field(name) = step else { continue };
                match below {
                    Some(below) if below.is_member => {}
                    Some(below) => drop(kept.insert(name.clone(), without(value, below, topology.field(&name)))),
                    None => drop(kept.insert(name, value)),
                }
            }
            Value::Object(kept)
        }
        (Topology::Things(..) | Topology::Set, Value::Array(items)) => {
            let keep = |item: Value| match step_of(&item, topology).ok().and_then(|step| set.below.get(&step)) {
                Some(below) if below.is_member => None,
                Some(below) => Some(without(item, below, topology.item())),
                None => Some(item),
            };
            Value::Array(items.into_iter().filter_map(keep).collect())
        }
        (_, value) => value,
    }
}
