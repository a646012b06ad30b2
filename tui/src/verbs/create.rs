//! `create`: makes what manifests describe, or what words do.

mod deployment;
mod generate;
mod sources;

use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::format::{OutputArgs, Printer, name_of};
use super::manifests::{self, Manifest};
use crate::args::{DryRunMode, FileArgs};
use clap::Args;
use generate::Generated;
use objects::printing::Header;
use serde_json::{Value, json};
use wire::{CreateRequest, Request, Response};

/// Arguments of `create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Only try it: client sends nothing, server checks everything.
    // As `DryRunArgs`, but before and behind what is made: so is the output's form.
    #[arg(
        long = "dry-run", value_name = "WHERE", value_enum, default_value = "none", num_args = 0..=1, require_equals = true,
        default_missing_value = "client", global = true
    )]
    pub dry_run: DryRunMode,
    /// wide, yaml, json, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short = 'o', long = "output", value_name = "FORMAT", global = true)]
    output: Option<String>,
    #[command(subcommand)]
    what: Option<Generated>,
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
    let output = OutputArgs { output: args.output.clone() };
    let mut printer = Printer::new(output.format()?, Header::Shown);
    if let Some(what) = &args.what {
        if !args.files.filenames.is_empty() {
            return Err(Failure::message("manifests are created without further words: give either -f or what to create"));
        }
        return generate::run(what, args.dry_run, &mut printer, context).await;
    }
    if args.files.filenames.is_empty() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    let manifests = manifests::read(&args.files, context)?;
    if manifests.found.is_empty() && manifests.failures.is_empty() {
        return Err(Failure::message("no objects passed to create"));
    }
    let create = async |context: &mut Context, manifest: &Manifest| create(args, context, &mut printer, manifest).await;
    each(&manifests.found, manifests.failures, context, create).await
}

async fn create(args: &CreateArgs, context: &mut Context, printer: &mut Printer, manifest: &Manifest) -> Result<(), Failure> {
    let mode = args.dry_run;
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
