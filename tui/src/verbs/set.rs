//! `set image`: other images for the containers of what makes pods.

use super::amend::{amend, split_pairs, targets};
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::format::name_of;
use crate::args::{DryRunArgs, SelectArgs};
use clap::{Args, Subcommand};
use objects::Kind;
use serde_json::Value;
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
    let pod = match object.kind {
        Kind::Pod => "/spec",
        kind if kind.makes_pods() => "/spec/template/spec",
        kind => return Err(Failure::message(format!("{} have no containers", kind.plural()))),
    };
    let mode = args.dry_run.mode;
    let (before, after) = amend(context, object, mode, |object| {
        images.iter().try_for_each(|(container, image)| put(object, pod, container, image))
    })
    .await?;
    // Nothing is said where nothing was another.
    if before != after {
        context.line(format!("{} image updated{}", name_of(&before), mode.suffix()))?;
    }
    Ok(())
}

fn put(object: &mut Value, pod: &str, container: &str, image: &str) -> Result<(), Failure> {
    let mut is_found = false;
    for list in ["initContainers", "containers"] {
        let containers = object.pointer_mut(&format!("{pod}/{list}")).and_then(Value::as_array_mut);
        for found in containers.into_iter().flatten().filter(|found| container == "*" || found["name"] == container) {
            found["image"] = image.into();
            is_found = true;
        }
    }
    is_found.then_some(()).ok_or_else(|| Failure::message(format!("unable to find container named {container:?}")))
}

#[cfg(test)]
mod tests {
    use super::put;
    use serde_json::json;

    #[test]
    fn the_named_container_gets_the_image_and_a_star_is_all() {
        let mut pod = json!({"spec": {"initContainers": [{"name": "a"}], "containers": [{"name": "b"}, {"name": "c"}]}});
        put(&mut pod, "/spec", "b", "x").expect("it is there");
        assert_eq!(pod["spec"]["containers"], json!([{"name": "b", "image": "x"}, {"name": "c"}]));
        put(&mut pod, "/spec", "*", "y").expect("there are some");
        assert_eq!(pod["spec"]["initContainers"][0]["image"], "y");
        let refused = put(&mut pod, "/spec", "d", "x").expect_err("there is none").to_text();
        assert_eq!(refused, "error: unable to find container named \"d\"");
    }
}
