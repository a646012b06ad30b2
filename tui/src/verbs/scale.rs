//! `scale`: how many pods Deployments and ReplicaSets are to have.

use super::amend::{amend, targets};
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::format::name_of;
use crate::args::{DryRunArgs, SelectArgs};
use clap::Args;
use objects::lookup::{number, text};
use serde_json::Value;
use wire::ObjectRef;

/// Arguments of `scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// TYPE NAME… or TYPE/NAME…, or TYPE with -l or --all.
    arguments: Vec<String>,
    /// How many pods are wanted.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    replicas: i64,
    /// Only where so many were wanted before; -1: however many.
    #[arg(long, value_name = "COUNT", default_value_t = -1, allow_negative_numbers = true)]
    current_replicas: i64,
    /// Only of this version of the object.
    #[arg(long, value_name = "VERSION", default_value = "")]
    resource_version: String,
    #[command(flatten)]
    select: SelectArgs,
    /// All objects of the kind in the namespace.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Does it.
pub async fn run(args: &ScaleArgs, context: &mut Context) -> Result<(), Failure> {
    if args.replicas < 0 {
        return Err(Failure::message("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"));
    }
    let objects = targets(context, &args.arguments, &args.select, args.all).await?;
    if let Some(object) = objects.iter().find(|object| !object.kind.makes_pods()) {
        return Err(Failure::message(format!(
            "{} have no number of pods: scale deployments and replicasets",
            object.kind.plural()
        )));
    }
    each(&objects, Vec::new(), context, async |context, object| scale(args, context, object).await).await
}

async fn scale(args: &ScaleArgs, context: &mut Context, object: &ObjectRef) -> Result<(), Failure> {
    let mode = args.dry_run.mode;
    let (before, _) = amend(context, object, mode, |object| {
        check(args, object)?;
        object["spec"]["replicas"] = args.replicas.into();
        Ok(())
    })
    .await?;
    context.line(format!("{} scaled{}", name_of(&before), mode.suffix()))
}

/// Whether the object is as it is thought to be.
fn check(args: &ScaleArgs, object: &Value) -> Result<(), Failure> {
    let replicas = number(object, "/spec/replicas");
    if args.current_replicas >= 0 && replicas != args.current_replicas {
        return Err(Failure::message(format!("Expected replicas to be {}, was {replicas}", args.current_replicas)));
    }
    let version = text(object, "/metadata/resourceVersion");
    if !args.resource_version.is_empty() && version != args.resource_version {
        return Err(Failure::message(format!("Expected resource version to be {}, was {version}", args.resource_version)));
    }
    Ok(())
}
