//! `replace`: puts what manifests describe in the place of what is there.

use super::context::Context;
use super::create::{Change, as_sent, change, show};
use super::delete::{Deletion, delete_one};
use super::each::each;
use super::failure::Failure;
use super::format::{OutputArgs, Printer};
use super::manifests::{self, Manifest};
use super::watch::until_gone;
use crate::args::{DryRunArgs, DryRunMode, FileArgs, GoDuration};
use clap::Args;
use objects::printing::Header;
use std::time::Duration;
use tokio::time::Instant;
use wire::{CreateRequest, ObjectRef, ReplaceRequest, Request};

/// Arguments of `replace`.
#[derive(Debug, Args)]
pub struct ReplaceArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Delete the object first, and make it anew.
    #[arg(long)]
    force: bool,
    /// Change only this part of an object: resize, the resources of a pod that runs.
    #[arg(long, value_name = "NAME")]
    subresource: Option<String>,
    /// With --force: seconds the object has to end; -1 is its own.
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    grace_period: i64,
    /// With --force: how long to wait for the end, such as 30s; 0 is for ever.
    #[arg(long, default_value = "0s", allow_hyphen_values = true)]
    timeout: GoDuration,
}

/// Does it.
pub async fn run(args: &ReplaceArgs, context: &mut Context) -> Result<(), Failure> {
    let mut printer = Printer::new(args.output.format()?, Header::Shown);
    if args.files.filenames.is_empty() {
        return Err(Failure::message("must specify --filename to replace"));
    }
    if !args.force && args.grace_period >= 0 {
        return Err(Failure::message("--grace-period must have --force specified"));
    }
    match args.subresource.as_deref() {
        None => {}
        Some("resize") if args.force => return Err(Failure::message("--subresource and --force exclude each other")),
        Some("resize") => {}
        Some(other) => return Err(Failure::message(format!("invalid subresource value: {other:?}. Must be one of [resize]"))),
    }
    let manifests = manifests::read(&args.files, context)?;
    if manifests.found.is_empty() && manifests.failures.is_empty() {
        return Err(Failure::message("no objects passed to replace"));
    }
    let replace = async |context: &mut Context, manifest: &Manifest| {
        let change = replace(args, context, manifest).await?;
        show(context, &mut printer, &change, args.dry_run.mode)
    };
    each(&manifests.found, manifests.failures, context, replace).await
}

async fn replace(args: &ReplaceArgs, context: &mut Context, manifest: &Manifest) -> Result<Change, Failure> {
    let mode = args.dry_run.mode;
    let outcome = if args.subresource.is_some() { "resized" } else { "replaced" }.to_owned();
    if mode == DryRunMode::Client {
        return Ok(Change { object: as_sent(manifest), outcome });
    }
    let (object, namespace) = (manifest.object().clone(), manifest.namespace.clone());
    let request = if args.subresource.is_some() {
        Request::Resize(ReplaceRequest { object, namespace, dry_run: mode.to_wire() })
    } else if args.force && mode == DryRunMode::None {
        remove(args, context, manifest).await?;
        Request::Create(CreateRequest { object, namespace, dry_run: mode.to_wire() })
    } else {
        Request::Replace(ReplaceRequest { object, namespace, dry_run: mode.to_wire() })
    };
    let change = change(context, manifest, "replacing", request).await?;
    Ok(Change { outcome, ..change })
}

/// Deletes the object and waits until it is gone. One that is not there needs no deleting.
async fn remove(args: &ReplaceArgs, context: &mut Context, manifest: &Manifest) -> Result<(), Failure> {
    let object = ObjectRef { kind: manifest.kind, namespace: manifest.namespace.clone(), name: manifest.name.clone() };
    let grace_period_seconds = (args.grace_period >= 0).then_some(args.grace_period);
    let deletion = Deletion { grace_period_seconds, propagation: None, mode: DryRunMode::None };
    match delete_one(context, &object, deletion).await {
        Ok(uid) => {
            context.line(super::delete::told(&object, deletion))?;
            let timeout = args.timeout.or_a_week();
            let timeout = if timeout.is_zero() { GoDuration::Negative.or_a_week() } else { timeout };
            until_gone(context, &object, &uid, Instant::now() + timeout.max(Duration::from_millis(1))).await
        }
        Err(failure) if failure.is_not_found() => Ok(()),
        Err(failure) => Err(failure),
    }
}
