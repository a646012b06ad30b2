//! `create`: makes what manifests describe.

use super::context::Context;
use super::failure::Failure;
use super::format::{OutputArgs, Printer, name_of};
use super::manifests::{self, Manifest};
use crate::args::{DryRunArgs, DryRunMode, FileArgs};
use clap::Args;
use objects::printing::Header;
use serde_json::{Value, json};
use wire::{CreateRequest, Request, Response};

/// Arguments of `create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Whether it is only tried.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a change of one object came to.
pub struct Change {
    /// The object as it stands now.
    pub object: Value,
    /// `created`, `configured`, …
    pub outcome: String,
}

/// Does one request that changes an object, and passes its warnings on.
pub async fn change(context: &mut Context, manifest: &Manifest, doing: &str, request: Request) -> Result<Change, Failure> {
    match context.client().await?.request(request).await {
        Ok(Response::Object { object, warnings, outcome }) => {
            context.warn(&warnings)?;
            Ok(Change { object: *object, outcome })
        }
        Ok(other) => Err(Failure::unexpected(&other)),
        Err(error) => Err(manifest.locate(doing, error)),
    }
}

/// Prints what came of one object: its outcome, or itself in the form that was asked for.
pub fn show(context: &mut Context, printer: &mut Printer, change: &Change, mode: DryRunMode) -> Result<(), Failure> {
    if printer.is_plain() {
        context.line(format!("{} {}{}", name_of(&change.object), change.outcome, mode.suffix()))
    } else {
        printer.print(context, &change.object)
    }
}

/// The object as it would be sent, with the namespace it is in.
pub fn as_sent(manifest: &Manifest) -> Value {
    let mut object = manifest.object().clone();
    if manifest.kind.is_namespaced()
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.entry("namespace").or_insert_with(|| json!(manifest.namespace));
    }
    object
}

/// Does it.
pub async fn run(args: &CreateArgs, context: &mut Context) -> Result<(), Failure> {
    let mut printer = Printer::new(args.output.format()?, Header::Shown);
    if args.files.filenames.is_empty() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    let manifests = manifests::read(&args.files, context)?;
    let mut failures = manifests.failures;
    if manifests.found.is_empty() && failures.is_empty() {
        return Err(Failure::message("no objects passed to create"));
    }
    for manifest in &manifests.found {
        let result = create(args, context, &mut printer, manifest).await;
        let is_over = result.as_ref().is_err_and(|failure| failure.is_link_failure() || failure.is_broken_pipe());
        failures.extend(result.err());
        if is_over {
            break;
        }
    }
    Failure::all(failures)
}

async fn create(args: &CreateArgs, context: &mut Context, printer: &mut Printer, manifest: &Manifest) -> Result<(), Failure> {
    let mode = args.dry_run.mode;
    let change = match mode {
        DryRunMode::Client => Change { object: as_sent(manifest), outcome: "created".to_owned() },
        DryRunMode::None | DryRunMode::Server => {
            let namespace = manifest.namespace.clone();
            let request = CreateRequest { object: manifest.object().clone(), namespace, dry_run: mode.to_wire() };
            let change = change(context, manifest, "creating", Request::Create(request)).await?;
            Change { outcome: "created".to_owned(), ..change }
        }
    };
    show(context, printer, &change, mode)
}
