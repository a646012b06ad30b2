//! `apply`: makes what manifests describe, or changes it to be as they say.

use super::context::Context;
use super::create::{Change, as_sent, change, show};
use super::each::each;
use super::failure::Failure;
use super::format::{OutputArgs, Printer};
use super::manifests::{self, Manifest};
use crate::args::{DryRunArgs, DryRunMode, FileArgs};
use clap::Args;
use objects::printing::Header;
use wire::{ApplyRequest, ObjectRef, Patch, PatchRequest, Request};

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Let the daemon merge, and note who manages which fields.
    #[arg(long)]
    server_side: bool,
    /// Take over fields that others manage.
    #[arg(long, requires = "server_side")]
    force_conflicts: bool,
    /// The name under which the fields are managed.
    #[arg(long, default_value = "skiff", requires = "server_side")]
    field_manager: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Does it. One document that fails does not stop the next.
pub async fn run(args: &ApplyArgs, context: &mut Context) -> Result<(), Failure> {
    let mut printer = Printer::new(args.output.format()?, Header::Shown);
    if args.files.filenames.is_empty() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    let manifests = manifests::read(&args.files, context)?;
    if manifests.found.is_empty() && manifests.failures.is_empty() {
        return Err(Failure::message("no objects passed to apply"));
    }
    let mut applied = Vec::new();
    let apply = async |context: &mut Context, manifest: &Manifest| {
        let change = apply(args, context, manifest).await?;
        if printer.is_plain() {
            return show(context, &mut printer, &change, args.dry_run.mode);
        }
        applied.push(change.object);
        Ok(())
    };
    let result = each(&manifests.found, manifests.failures, context, apply).await;
    match applied.as_slice() {
        [] => {}
        [one] => printer.print(context, one)?,
        many => printer.print_all(context, many)?,
    }
    result
}

async fn apply(args: &ApplyArgs, context: &mut Context, manifest: &Manifest) -> Result<Change, Failure> {
    if manifest.name.is_empty() {
        let generated = objects::lookup::text(manifest.object(), "/metadata/generateName");
        let why = match generated {
            "" => format!("error when retrieving current configuration of {:?}: resource name may not be empty", manifest.origin),
            generated => format!("from {generated}: cannot use generate name with apply"),
        };
        return Err(Failure::message(why));
    }
    let mode = args.dry_run.mode;
    if mode == DryRunMode::Client {
        let reference = ObjectRef { kind: manifest.kind, namespace: manifest.namespace.clone(), name: manifest.name.clone() };
        let outcome = match context.get(reference).await {
            Ok(_) => "configured",
            Err(failure) if failure.is_not_found() => "created",
            Err(failure) => return Err(failure),
        };
        return Ok(Change { object: as_sent(manifest), outcome: outcome.to_owned() });
    }
    if args.server_side {
        let change = change(context, manifest, "applying", Request::Patch(server_side(args, manifest))).await?;
        return Ok(Change { outcome: "serverside-applied".to_owned(), ..change });
    }
    let namespace = manifest.namespace.clone();
    let request = ApplyRequest { object: manifest.object().clone(), namespace, dry_run: mode.to_wire() };
    change(context, manifest, "applying", Request::Apply(request)).await
}

fn server_side(args: &ApplyArgs, manifest: &Manifest) -> PatchRequest {
    PatchRequest {
        object: ObjectRef { kind: manifest.kind, namespace: manifest.namespace.clone(), name: manifest.name.clone() },
        patch: Patch::Apply { config: manifest.object().clone(), force: args.force_conflicts },
        field_manager: args.field_manager.clone(),
        subresource: String::new(),
        dry_run: args.dry_run.mode.to_wire(),
    }
}
