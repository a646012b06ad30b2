//! Requests and limits: of a container, of a whole pod, and of all pods on a node.

use super::page::{Page, amounts};
use crate::json::{Json, fields, list, text};
use crate::lookup::{map, scalar};
use crate::quantity::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;

/// Amounts by the resource's name.
pub(super) type Amounts<'a> = BTreeMap<&'a str, Quantity>;

/// The two kinds of amounts that a container states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Requests,
    Limits,
}

impl Side {
    const fn pointer(self) -> &'static str {
        match self {
            Self::Requests => "/resources/requests",
            Self::Limits => "/resources/limits",
        }
    }
}

/// The lines of a `resources` field.
pub(super) fn requirements(page: &mut Page<'_>, resources: &Value, level: usize) {
    for (label, pointer) in [("Limits", "/limits"), ("Requests", "/requests")] {
        let amounts = amounts(resources, pointer);
        if !amounts.is_empty() {
            page.line(level, format!("{label}:"));
        }
        for (name, amount) in amounts {
            page.field(level + 1, &name, amount);
        }
    }
}

/// The value that a `resourceFieldRef` has in its container.
pub(super) fn field_value(container: &Value, reference: &Value) -> String {
    let resource = text(reference, "/resource");
    let found = resource.split_once('.').and_then(|(side, name)| map(&container["resources"], &format!("/{side}"))?.get(name));
    let Some(amount) = found.and_then(|amount| Quantity::parse(&scalar(amount)).ok()) else {
        return if resource.starts_with("limits.") { "node allocatable" } else { "0" }.to_owned();
    };
    let divisor = reference.pointer("/divisor").and_then(|divisor| Quantity::parse(&scalar(divisor)).ok());
    let (amount, divisor) = match resource {
        "limits.cpu" | "requests.cpu" => (amount.to_milli(), divisor.map_or(1000, |divisor| divisor.to_milli())),
        _ => (amount.to_bytes(), divisor.map_or(1, |divisor| divisor.to_bytes())),
    };
    let divisor = if divisor <= 0 { if resource.ends_with("cpu") { 1000 } else { 1 } } else { divisor };
    (amount / divisor + i64::from(amount % divisor > 0)).to_string()
}

fn stated<J: Json>(container: &J, side: Side) -> Amounts<'_> {
    read(container, side.pointer())
}

/// The amounts at a JSON pointer. What is no quantity is left out.
pub(super) fn read<'a, J: Json>(value: &'a J, pointer: &str) -> Amounts<'a> {
    let amount = |amount: &J| match amount.text() {
        Some(text) => Quantity::parse(text).ok(),
        None => Quantity::parse(&amount.scalar()).ok(),
    };
    fields(value, pointer).filter_map(|(name, value)| Some((name, amount(value)?))).collect()
}

pub(super) fn add<'a>(total: &mut Amounts<'a>, more: &Amounts<'a>) {
    for (name, amount) in more {
        total.entry(name).and_modify(|held| *held = held.add(amount)).or_insert(*amount);
    }
}

fn raise<'a>(total: &mut Amounts<'a>, least: &Amounts<'a>) {
    for (name, amount) in least {
        let held = total.entry(name).or_insert(*amount);
        *held = (*held).max(*amount);
    }
}

/// What a pod asks for: its containers and sidecars together, or more where an init container needs more beforehand.
pub(super) fn of_pod<J: Json>(pod: &J, side: Side) -> Amounts<'_> {
    let mut total = Amounts::new();
    for container in list(pod, "/spec/containers") {
        add(&mut total, &stated(container, side));
    }
    let (mut sidecars, mut most_before) = (Amounts::new(), Amounts::new());
    for container in list(pod, "/spec/initContainers") {
        let mut needed = stated(container, side);
        if text(container, "/restartPolicy") == "Always" {
            add(&mut total, &needed);
            add(&mut sidecars, &needed);
            needed.clone_from(&sidecars);
        } else {
            add(&mut needed, &sidecars);
        }
        raise(&mut most_before, &needed);
    }
    raise(&mut total, &most_before);
    // What is stated for the pod as a whole takes the place of the sum.
    total.extend(pod.field("spec").map(|spec| stated(spec, side)).unwrap_or_default());
    let mut overhead = read(pod, "/spec/overhead");
    overhead.retain(|name, _| side == Side::Requests || total.contains_key(name));
    add(&mut total, &overhead);
    total
}
