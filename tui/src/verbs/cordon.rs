//! `cordon` and `uncordon`: whether a node takes new pods.

use super::amend::amend;
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use crate::args::{DryRunArgs, DryRunMode};
use clap::Args;
use objects::{Kind, lookup};
use serde_json::{Value, json};
use wire::{ObjectRef, Selection};

/// Which nodes.
#[derive(Debug, Args)]
pub struct CordonArgs {
    /// Names of nodes.
    nodes: Vec<String>,
    /// Nodes with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", allow_hyphen_values = true)]
    selector: Option<String>,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// What a node is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Without new pods.
    Cordoned,
    /// Open to all.
    Uncordoned,
}

impl Wanted {
    const fn word(self) -> &'static str {
        match self {
            Self::Cordoned => "cordoned",
            Self::Uncordoned => "uncordoned",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Cordoned => "cordon",
            Self::Uncordoned => "uncordon",
        }
    }
}

/// Does it.
pub async fn run(args: &CordonArgs, wanted: Wanted, context: &mut Context) -> Result<(), Failure> {
    let nodes = nodes(context, &args.nodes, args.selector.as_deref(), wanted.verb()).await?;
    each(&nodes, Vec::new(), context, async |context, node| set(context, node, wanted, args.dry_run.mode).await).await
}

/// The nodes that a command line names.
pub async fn nodes(context: &Context, names: &[String], selector: Option<&str>, verb: &str) -> Result<Vec<ObjectRef>, Failure> {
    if names.is_empty() && selector.is_none() {
        return Err(Failure::message(format!("USAGE: {verb} NODE [flags]\nSee 'skiff {verb} -h' for help and examples")));
    }
    if !names.is_empty() && selector.is_some() {
        return Err(Failure::message("cannot specify both a node name and a --selector option"));
    }
    // `node/oak` is a way to say it, too.
    let names: Vec<String> = match selector {
        None => names.iter().map(|name| bare(name).to_owned()).collect(),
        Some(selector) => {
            let selection = Selection { label_selector: Some(selector.to_owned()), ..Selection::default() };
            context.list(Kind::Node, selection).await?.iter().map(|node| lookup::name(node).to_owned()).collect()
        }
    };
    Ok(names.iter().map(|name| context.reference(Kind::Node, name)).collect())
}

fn bare(name: &str) -> &str {
    match name.split_once('/') {
        Some((kind, name)) if Kind::from_user(kind) == Some(Kind::Node) => name,
        _ => name,
    }
}

/// Cordons or uncordons one node, and says so.
pub async fn set(context: &mut Context, node: &ObjectRef, wanted: Wanted, mode: DryRunMode) -> Result<(), Failure> {
    let (before, _) = amend(context, node, mode, |node| {
        put(node, wanted);
        Ok(())
    })
    .await?;
    let is_cordoned = lookup::flag(&before, "/spec/unschedulable");
    let already = if is_cordoned == (wanted == Wanted::Cordoned) { "already " } else { "" };
    context.line(format!("node/{} {already}{}{}", node.name, wanted.word(), mode.suffix()))
}

fn put(node: &mut Value, wanted: Wanted) {
    match wanted {
        Wanted::Cordoned => node["spec"]["unschedulable"] = json!(true),
        Wanted::Uncordoned => {
            if let Some(spec) = node.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("unschedulable");
            }
        }
    }
}
