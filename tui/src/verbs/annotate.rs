//! `annotate`: sets and takes away annotations.

use super::amend::{amend, metadata_map, split_pairs, targets, tidy_metadata};
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use crate::args::{DryRunArgs, SelectArgs};
use clap::Args;
use objects::lookup;
use serde_json::Value;
use std::collections::BTreeMap;
use wire::ObjectRef;

/// Arguments of `annotate`.
#[derive(Debug, Args)]
pub struct AnnotateArgs {
    /// TYPE NAME… or TYPE/NAME…, then KEY=VALUE to set and KEY- to take away.
    arguments: Vec<String>,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Change annotations that are set already.
    #[arg(long)]
    overwrite: bool,
    /// All objects of the kind in the namespace.
    #[arg(long)]
    all: bool,
    /// Print the annotations.
    #[arg(long)]
    list: bool,
}

/// What is to become of annotations.
struct Annotations {
    set: BTreeMap<String, String>,
    remove: Vec<String>,
}

impl Annotations {
    fn parse(pairs: &[String]) -> Result<Self, Failure> {
        let mut annotations = Self { set: BTreeMap::new(), remove: Vec::new() };
        for pair in pairs {
            match pair.split_once('=') {
                Some(("", _)) => return Err(Failure::message(format!("invalid annotation format: {pair}"))),
                Some((key, value)) => drop(annotations.set.insert(key.to_owned(), value.to_owned())),
                None => annotations.remove.push(pair.trim_end_matches('-').to_owned()),
            }
        }
        let both: Vec<&str> =
            annotations.remove.iter().map(String::as_str).filter(|key| annotations.set.contains_key(*key)).collect();
        if !both.is_empty() {
            let both = both.join(", ");
            return Err(Failure::message(format!(
                "can not both modify and remove the following annotation(s) in the same command: {both}"
            )));
        }
        Ok(annotations)
    }

    fn change(&self, object: &mut Value, overwrite: bool) -> Result<(), Failure> {
        let Some(map) = metadata_map(object, "annotations") else { return Ok(()) };
        let taken = self.set.iter().filter_map(|(key, value)| {
            let old = map.get(key).and_then(Value::as_str).filter(|old| *old != value && !overwrite)?;
            Some(format!("'{key}' already has a value ({old})"))
        });
        let taken: Vec<String> = taken.collect();
        if !taken.is_empty() {
            let taken = taken.join("; ");
            return Err(Failure::message(format!(
                "--overwrite is false but found the following declared annotation(s): {taken}"
            )));
        }
        self.set.iter().for_each(|(key, value)| drop(map.insert(key.clone(), value.as_str().into())));
        self.remove.iter().for_each(|key| drop(map.remove(key)));
        tidy_metadata(object, "annotations");
        Ok(())
    }
}

/// Does it.
pub async fn run(args: &AnnotateArgs, context: &mut Context) -> Result<(), Failure> {
    let (named, pairs) = split_pairs(&args.arguments, "annotation")?;
    let annotations = Annotations::parse(&pairs)?;
    if pairs.is_empty() && !args.list {
        return Err(Failure::message("at least one annotation update is required"));
    }
    let objects = targets(context, &named, &args.select, args.all).await?;
    each(&objects, Vec::new(), context, async |context, object| annotate(args, context, object, &annotations).await).await
}

async fn annotate(
    args: &AnnotateArgs,
    context: &mut Context,
    object: &ObjectRef,
    annotations: &Annotations,
) -> Result<(), Failure> {
    let mode = args.dry_run.mode;
    let (_, after) = amend(context, object, mode, |object| annotations.change(object, args.overwrite)).await?;
    if args.list {
        let map = lookup::map(&after, "/metadata/annotations").cloned().unwrap_or_default();
        return map.iter().try_for_each(|(key, value)| context.line(format!("{key}={}", lookup::scalar(value))));
    }
    context.line(format!("{}/{} annotated{}", object.kind.singular(), object.name, mode.suffix()))
}
