//! Changes objects that are there: reads one, lets a verb change it, and puts it back where nobody else wrote it meanwhile.

use super::context::Context;
use super::failure::Failure;
use super::resources::Targets;
use super::watch::selection;
use crate::args::{DryRunMode, SelectArgs};
use objects::lookup;
use serde_json::{Map, Value};
use wire::{ObjectRef, ReplaceRequest, Request, Response};

/// How often a change is tried when others write the same object.
const TRIES: u32 = 5;

/// Changes one object; the object as it was and as it is. Where nothing changed nothing is sent.
pub async fn amend(
    context: &mut Context,
    object: &ObjectRef,
    mode: DryRunMode,
    mut change: impl FnMut(&mut Value) -> Result<(), Failure>,
) -> Result<(Value, Value), Failure> {
    let mut tries = TRIES;
    loop {
        let before = context.get(object.clone()).await?;
        let mut after = before.clone();
        change(&mut after)?;
        if before == after || mode == DryRunMode::Client {
            return Ok((before, after));
        }
        let request = ReplaceRequest { object: after, namespace: object.namespace.clone(), dry_run: mode.to_wire() };
        tries -= 1;
        match context.client().await?.request(Request::Replace(request)).await.map_err(Failure::from) {
            Ok(Response::Object { object, warnings, .. }) => {
                context.warn(&warnings)?;
                return Ok((before, *object));
            }
            Ok(other) => return Err(Failure::unexpected(&other)),
            // Somebody else wrote between our reading and writing: look again.
            Err(failure) if failure.status().is_some_and(|status| status.reason == "Conflict") && tries > 0 => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// The objects that arguments or selectors name; `is_all` is `--all`.
pub async fn targets(
    context: &Context,
    arguments: &[String],
    select: &SelectArgs,
    is_all: bool,
) -> Result<Vec<ObjectRef>, Failure> {
    let is_selecting = is_all || select.selector.is_some() || select.field_selector.is_some();
    match Targets::parse(arguments)? {
        Targets::Named(named) if !named.is_empty() => {
            if is_selecting {
                return Err(Failure::message("name cannot be provided when a selector is specified"));
            }
            Ok(named.iter().map(|(kind, name)| context.reference(*kind, name)).collect())
        }
        Targets::Kinds(kinds) if !kinds.is_empty() && is_selecting => {
            let mut found = Vec::new();
            for kind in kinds {
                for object in context.list(kind, selection(context, select, kind)).await? {
                    let (namespace, name) = (lookup::namespace(&object).to_owned(), lookup::name(&object).to_owned());
                    found.push(ObjectRef { kind, namespace, name });
                }
            }
            Ok(found)
        }
        Targets::Kinds(kinds) if !kinds.is_empty() => {
            Err(Failure::message("resource(s) were provided, but no name was specified"))
        }
        _ => Err(Failure::message("one or more resources must be specified as <resource> <name> or <resource>/<name>")),
    }
}

/// The arguments that name objects, and those behind them that are `key=value` or `key-`
/// (`cmdutil.GetResourcesAndPairs`).
pub fn split_pairs(arguments: &[String], what: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
    let is_pair = |argument: &str| argument.contains('=') || argument.ends_with('-');
    let first = arguments.iter().position(|argument| is_pair(argument)).unwrap_or(arguments.len());
    let (named, pairs) = arguments.split_at(first);
    if let Some(wrong) = pairs.iter().find(|argument| !is_pair(argument)) {
        return Err(Failure::message(format!("all resources must be specified before {what} changes: {wrong}")));
    }
    Ok((named.to_vec(), pairs.to_vec()))
}

/// The map at `metadata.FIELD`, made where it is missing.
pub fn metadata_map<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let map = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if map.is_null() {
        *map = Value::Object(Map::new());
    }
    map.as_object_mut()
}

/// Takes an empty map away again.
pub fn tidy_metadata(object: &mut Value, field: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get(field).and_then(Value::as_object).is_some_and(Map::is_empty)
    {
        metadata.remove(field);
    }
}
