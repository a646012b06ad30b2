//! `set image`: other images for the containers of what makes pods.

use super::amend::{amend, split_pairs, targets};
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::format::name_of;
use crate::args::{DryRunArgs, SelectArgs};
use crate::templates::{pod_spec, set_image};
use clap::{Args, Subcommand};
use wire::ObjectRef;

/// Arguments of `set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(subcommand)]
    what: What,
}

/// What is set.
#[derive(Debug, Subcommand)]
enum What {
    /// The images of containers.
    Image(ImageArgs),
}

/// Arguments of `set image`.
#[derive(Debug, Args)]
struct ImageArgs {
    /// TYPE NAME… or TYPE/NAME…, then CONTAINER=IMAGE; the container * is all of them.
    arguments: Vec<String>,
    #[command(flatten)]
    select: SelectArgs,
    /// All objects of the kind in the namespace.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Does it.
pub async fn run(args: &SetArgs, context: &mut Context) -> Result<(), Failure> {
    let What::Image(args) = &args.what;
    let (named, pairs) = split_pairs(&args.arguments, "image")?;
    let images: Vec<(&str, &str)> = pairs.iter().filter_map(|pair| pair.split_once('=')).collect();
    if images.len() != pairs.len() || images.iter().any(|(container, image)| container.is_empty() || image.is_empty()) {
        return Err(Failure::message("an image is given as CONTAINER=IMAGE"));
    }
    if images.is_empty() {
        return Err(Failure::message("at least one image update is required"));
    }
    let objects = targets(context, &named, &args.select, args.all).await?;
    each(&objects, Vec::new(), context, async |context, object| set(args, context, object, &images).await).await
}

async fn set(args: &ImageArgs, context: &mut Context, object: &ObjectRef, images: &[(&str, &str)]) -> Result<(), Failure> {
    let Some(pod) = pod_spec(object.kind) else {
        return Err(Failure::message(format!("{} have no containers", object.kind.plural())));
    };
    let mode = args.dry_run.mode;
    let (before, after) = amend(context, object, mode, |object| {
        images.iter().try_for_each(|(container, image)| set_image(object, pod, (container, image)).map_err(Failure::message))
    })
    .await?;
    // Nothing is said where nothing was another.
    if before != after {
        context.line(format!("{} image updated{}", name_of(&before), mode.suffix()))?;
    }
    Ok(())
}
