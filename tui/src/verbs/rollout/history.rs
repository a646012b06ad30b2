//! `rollout history`: the templates that one can go back to (`kubectl/pkg/polymorphichelpers/history.go`).

use super::super::context::Context;
use super::super::each::each;
use super::super::failure::Failure;
use super::super::format::name_of;
use super::{NamedArgs, deployments, revisions};
use crate::templates::{CHANGE_CAUSE, template_of};
use clap::Args;
use objects::describe;
use objects::lookup::text;
use serde_json::json;
use wire::ObjectRef;

/// Arguments of `rollout history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Show the template of this revision.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    revision: i64,
}

/// Does it.
pub async fn run(args: &HistoryArgs, context: &mut Context) -> Result<(), Failure> {
    if args.revision < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {}", args.revision)));
    }
    let objects = deployments(context, &args.named).await?;
    each(&objects, Vec::new(), context, async |context, object| show(args, context, object).await).await
}

async fn show(args: &HistoryArgs, context: &mut Context, object: &ObjectRef) -> Result<(), Failure> {
    let deployment = context.get(object.clone()).await?;
    let revisions = revisions(context, &deployment).await?;
    let name = name_of(&deployment);
    if args.revision > 0 {
        let found = revisions.iter().find(|(number, _)| *number == args.revision);
        let (_, set) =
            found.ok_or_else(|| Failure::message(format!("unable to find the specified revision {}", args.revision)))?;
        context.line(format!("{name} with revision #{}", args.revision))?;
        let template = describe::pod_template(&json!({"spec": {"template": template_of(set)}}), &context.now());
        return context.print(&template);
    }
    if revisions.is_empty() {
        return context.line("No rollout history found.");
    }
    context.line(format!("{name} "))?;
    context.line("REVISION  CHANGE-CAUSE")?;
    for (number, set) in &revisions {
        let cause = text(set, CHANGE_CAUSE);
        context.line(format!("{number:<8}  {}", if cause.is_empty() { "<none>" } else { cause }))?;
    }
    context.line("")
}
