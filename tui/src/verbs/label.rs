//! `label`: sets and takes away labels.

use super::amend::{amend, metadata_map, split_pairs, targets, tidy_metadata};
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use crate::args::{DryRunArgs, SelectArgs};
use clap::Args;
use objects::{lookup, names};
use serde_json::Value;
use std::collections::BTreeMap;
use wire::ObjectRef;

/// Arguments of `label`.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// TYPE NAME… or TYPE/NAME…, then KEY=VALUE to set and KEY- to take away.
    arguments: Vec<String>,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Change labels that are set already.
    #[arg(long)]
    overwrite: bool,
    /// All objects of the kind in the namespace.
    #[arg(long)]
    all: bool,
    /// Print the labels.
    #[arg(long)]
    list: bool,
}

/// What is to become of labels.
#[derive(Debug, PartialEq, Eq)]
struct Labels {
    set: BTreeMap<String, String>,
    remove: Vec<String>,
}

impl Labels {
    fn parse(pairs: &[String]) -> Result<Self, Failure> {
        let mut labels = Self { set: BTreeMap::new(), remove: Vec::new() };
        for pair in pairs {
            if let Some((key, value)) = pair.split_once('=') {
                if value.contains('=') || key.is_empty() {
                    return Err(Failure::message(format!("invalid label spec: {pair}")));
                }
                let wrong = names::label_value(value);
                if !wrong.is_empty() {
                    return Err(Failure::message(format!("invalid label value: {pair:?}: {}", wrong.join(";"))));
                }
                labels.set.insert(key.to_owned(), value.to_owned());
            } else {
                labels.remove.push(pair.trim_end_matches('-').to_owned());
            }
        }
        if labels.remove.iter().any(|key| labels.set.contains_key(key)) {
            return Err(Failure::message("can not both modify and remove a label in the same command"));
        }
        Ok(labels)
    }

    fn change(&self, object: &mut Value, overwrite: bool) -> Result<(), Failure> {
        let Some(map) = metadata_map(object, "labels") else { return Ok(()) };
        let mut taken = Vec::new();
        for (key, value) in &self.set {
            match map.get(key).and_then(Value::as_str) {
                Some(old) if old != value && !overwrite => {
                    taken.push(Failure::message(format!("'{key}' already has a value ({old}), and --overwrite is false")));
                }
                _ => drop(map.insert(key.clone(), value.as_str().into())),
            }
        }
        Failure::all(taken)?;
        self.remove.iter().for_each(|key| drop(map.remove(key)));
        tidy_metadata(object, "labels");
        Ok(())
    }
}

/// Does it.
pub async fn run(args: &LabelArgs, context: &mut Context) -> Result<(), Failure> {
    let (named, pairs) = split_pairs(&args.arguments, "label")?;
    let labels = Labels::parse(&pairs)?;
    if pairs.is_empty() && !args.list {
        return Err(Failure::message("at least one label update is required"));
    }
    let objects = targets(context, &named, &args.select, args.all).await?;
    each(&objects, Vec::new(), context, async |context, object| label(args, context, object, &labels).await).await
}

async fn label(args: &LabelArgs, context: &mut Context, object: &ObjectRef, labels: &Labels) -> Result<(), Failure> {
    let mode = args.dry_run.mode;
    let (before, after) = amend(context, object, mode, |object| labels.change(object, args.overwrite)).await?;
    let labels_of = |object: &Value| lookup::map(object, "/metadata/labels").cloned().unwrap_or_default();
    let (old, new) = (labels_of(&before), labels_of(&after));
    for key in labels.remove.iter().filter(|key| !old.contains_key(*key)) {
        context.note(format!("label {key:?} not found."))?;
    }
    if args.list {
        return new.iter().try_for_each(|(key, value)| context.line(format!("{key}={}", lookup::scalar(value))));
    }
    let outcome = match () {
        () if old == new => "not labeled",
        () if !args.overwrite && new.len() < old.len() => "unlabeled",
        () => "labeled",
    };
    context.line(format!("{}/{} {outcome}{}", object.kind.singular(), object.name, mode.suffix()))
}
