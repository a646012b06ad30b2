//! `patch`: changes a part of objects.

use super::amend::targets;
use super::context::Context;
use super::create::{Change, show};
use super::each::each;
use super::failure::Failure;
use super::format::{OutputArgs, Printer};
use crate::args::{DryRunArgs, DryRunMode, SelectArgs};
use clap::{Args, ValueEnum};
use objects::manifest;
use objects::patch::{self, PatchType};
use objects::printing::Header;
use serde_json::Value;
use wire::{ObjectRef, Patch, PatchRequest, Request, Response};

/// Arguments of `patch`.
#[derive(Debug, Args)]
pub struct PatchArgs {
    /// TYPE NAME or TYPE/NAME.
    arguments: Vec<String>,
    /// The patch, as JSON or YAML.
    #[arg(short = 'p', long, value_name = "PATCH")]
    patch: Option<String>,
    /// A file with the patch.
    #[arg(long, value_name = "FILE", conflicts_with = "patch")]
    patch_file: Option<String>,
    /// The patch's form.
    #[arg(long = "type", value_enum, default_value_t = Form::Strategic)]
    form: Form,
    /// What of the object to patch: status or resize.
    #[arg(long, default_value = "")]
    subresource: String,
    /// The name under which the fields are managed.
    #[arg(long, default_value = "skiff-patch")]
    field_manager: String,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The forms of patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Operations (RFC 6902).
    Json,
    /// The fields to set, null for those to remove (RFC 7386).
    Merge,
    /// As merge, and lists of things with a name are merged by it.
    Strategic,
}

/// Does it.
pub async fn run(args: &PatchArgs, context: &mut Context) -> Result<(), Failure> {
    let mut printer = Printer::new(args.output.format()?, Header::Shown);
    let text = match (&args.patch, &args.patch_file) {
        (Some(text), _) => text.clone(),
        (None, Some(_)) if context.common.captive => {
            return Err(Failure::message("--patch-file: this key has no files here; give --patch"));
        }
        (None, Some(file)) => std::fs::read_to_string(file).map_err(|error| Failure::message(format!("{file}: {error}")))?,
        (None, None) => {
            return Err(Failure::message("must specify --patch or --patch-file containing the contents of the patch"));
        }
    };
    let patch = parse(&text)?;
    let objects = targets(context, &args.arguments, &SelectArgs::default(), false).await?;
    let patch = async |context: &mut Context, object: &ObjectRef| {
        let change = change(args, context, object.clone(), &patch).await?;
        show(context, &mut printer, &change, args.dry_run.mode)
    };
    each(&objects, Vec::new(), context, patch).await
}

/// JSON, or YAML where it is no JSON.
fn parse(text: &str) -> Result<Value, Failure> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    match manifest::parse(text) {
        Ok(documents) if documents.len() == 1 => {
            Ok(documents.into_iter().map(|document| document.value).collect::<Vec<_>>().remove(0))
        }
        Ok(_) => Err(Failure::message("unable to parse the patch: it is one document of JSON or YAML")),
        Err(faults) => {
            let why: Vec<String> = faults.iter().map(|fault| fault.message.clone()).collect();
            Err(Failure::message(format!("unable to parse {text:?}: {}", why.join("; "))))
        }
    }
}

async fn change(args: &PatchArgs, context: &mut Context, object: ObjectRef, wanted: &Value) -> Result<Change, Failure> {
    if args.dry_run.mode == DryRunMode::Client {
        let live = context.get(object.clone()).await?;
        let form = match args.form {
            Form::Json => PatchType::Json,
            Form::Merge => PatchType::Merge,
            Form::Strategic => PatchType::StrategicMerge,
        };
        let new = patch::apply(form, live.clone(), wanted.clone(), object.kind);
        let new = new.map_err(|error| Failure::message(error.to_string()))?;
        return Ok(Change { outcome: outcome(live == new), object: new });
    }
    let patch = match args.form {
        Form::Json => Patch::Json(wanted.clone()),
        Form::Merge => Patch::Merge(wanted.clone()),
        Form::Strategic => Patch::StrategicMerge(wanted.clone()),
    };
    let request = PatchRequest {
        object,
        patch,
        field_manager: args.field_manager.clone(),
        subresource: args.subresource.clone(),
        dry_run: args.dry_run.mode.to_wire(),
    };
    match context.client().await?.request(Request::Patch(request)).await? {
        Response::Object { object, warnings, outcome: said } => {
            context.warn(&warnings)?;
            Ok(Change { object: *object, outcome: outcome(said == "unchanged") })
        }
        other => Err(Failure::unexpected(&other)),
    }
}

fn outcome(is_same: bool) -> String {
    if is_same { "patched (no change)" } else { "patched" }.to_owned()
}
