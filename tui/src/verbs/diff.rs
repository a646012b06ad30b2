//! `diff`: what `apply` would change.

use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::manifests::{self, Manifest};
use crate::args::FileArgs;
use crate::merge::difference;
use clap::Args;
use objects::managed::without_managers;
use objects::yaml::to_yaml;
use serde_json::Value;
use wire::{ApplyRequest, DryRun, ObjectRef, Request, Response};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    files: FileArgs,
}

/// Does it. The exit code is 1 where something would change, as diff(1) and kubectl have it.
pub async fn run(args: &DiffArgs, context: &mut Context) -> Result<(), Failure> {
    if args.files.filenames.is_empty() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    let manifests = manifests::read(&args.files, context)?;
    let mut differs = false;
    let diff = async |context: &mut Context, manifest: &Manifest| {
        differs |= diff(context, manifest).await?;
        Ok(())
    };
    each(&manifests.found, manifests.failures, context, diff).await?;
    if differs { Err(Failure::Ended { code: 1, text: String::new() }) } else { Ok(()) }
}

/// Shows what would change of one object; whether anything would.
async fn diff(context: &mut Context, manifest: &Manifest) -> Result<bool, Failure> {
    let reference = ObjectRef { kind: manifest.kind, namespace: manifest.namespace.clone(), name: manifest.name.clone() };
    let live = match context.get(reference).await {
        Ok(live) => to_yaml(&without_managers(&live)),
        Err(failure) if failure.is_not_found() => String::new(),
        Err(failure) => return Err(failure),
    };
    let request = ApplyRequest { object: manifest.object().clone(), namespace: manifest.namespace.clone(), dry_run: DryRun::Yes };
    let merged = match context.client().await?.request(Request::Apply(request)).await {
        Ok(Response::Object { object, warnings, .. }) => {
            context.warn(&warnings)?;
            to_yaml(&without_managers(&as_new(*object, live.is_empty())))
        }
        Ok(other) => return Err(Failure::unexpected(&other)),
        Err(error) => return Err(manifest.locate("diffing", error)),
    };
    let lines = difference(&live, &merged);
    if lines.is_empty() {
        return Ok(false);
    }
    let name = format!("{}.{}.{}", manifest.kind.name(), manifest.namespace, manifest.name);
    context.line(format!("--- LIVE/{name}\n+++ MERGED/{name}"))?;
    lines.iter().try_for_each(|line| context.line(line))?;
    Ok(true)
}

/// What a new object would be told by its making differs from time to time: it is no difference.
fn as_new(mut object: Value, is_new: bool) -> Value {
    if is_new && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        ["uid", "creationTimestamp", "resourceVersion"].iter().for_each(|field| drop(metadata.remove(*field)));
    }
    object
}
