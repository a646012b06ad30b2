//! `rollout undo`: back to an older template (`kubectl/pkg/polymorphichelpers/rollback.go`).

use super::super::amend::amend;
use super::super::context::Context;
use super::super::each::each;
use super::super::failure::Failure;
use super::super::format::name_of;
use super::{NamedArgs, deployments, revisions};
use crate::args::DryRunArgs;
use crate::templates::{annotations_of, template_of};
use clap::Args;
use objects::lookup::{self, flag};
use serde_json::Value;
use wire::ObjectRef;

/// Arguments of `rollout undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// To this revision; 0 is the one before.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    to_revision: i64,
    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Does it.
pub async fn run(args: &UndoArgs, context: &mut Context) -> Result<(), Failure> {
    if args.to_revision < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {}", args.to_revision)));
    }
    let objects = deployments(context, &args.named).await?;
    each(&objects, Vec::new(), context, async |context, object| undo(args, context, object).await).await
}

async fn undo(args: &UndoArgs, context: &mut Context, object: &ObjectRef) -> Result<(), Failure> {
    let deployment = context.get(object.clone()).await?;
    if flag(&deployment, "/spec/paused") {
        return Err(Failure::message(
            "you cannot rollback a paused deployment; resume it first with 'skiff rollout resume' and try again",
        ));
    }
    let revisions = revisions(context, &deployment).await?;
    let (revision, set) = wanted(&revisions, args.to_revision, lookup::name(&deployment))?;
    let template = template_of(set);
    if deployment.pointer("/spec/template") == Some(&template) {
        let name = name_of(&deployment);
        return context.line(format!("{name} skipped rollback (current template already matches revision {revision})"));
    }
    let mode = args.dry_run.mode;
    let (_, after) = amend(context, object, mode, |object| {
        object["spec"]["template"] = template.clone();
        object["metadata"]["annotations"] = Value::Object(annotations_of(object, set));
        Ok(())
    })
    .await?;
    context.line(format!("{} rolled back{}", name_of(&after), mode.suffix()))
}

/// The revision that is meant; where none is named, the last but one.
fn wanted<'a>(revisions: &'a [(i64, Value)], revision: i64, name: &str) -> Result<(i64, &'a Value), Failure> {
    let found = match (revision, revisions) {
        (0, [.., before, _]) => Some(before),
        (0, _) => return Err(Failure::message(format!("no rollout history found for deployment {name:?}"))),
        _ => revisions.iter().find(|(number, _)| *number == revision),
    };
    let (number, set) =
        found.ok_or_else(|| Failure::message(format!("unable to find specified revision {revision} in history")))?;
    Ok((*number, set))
}

#[cfg(test)]
mod tests {
    use super::wanted;
    use serde_json::json;

    #[test]
    fn the_one_before_is_meant_where_none_is_named() {
        let revisions = [(2, json!("two")), (5, json!("five")), (7, json!("seven"))];
        assert_eq!(wanted(&revisions, 0, "d").ok().map(|(number, _)| number), Some(5));
        assert_eq!(wanted(&revisions, 2, "d").ok().map(|(_, set)| set), Some(&json!("two")));
        let refused = |revision, among| wanted(among, revision, "d").expect_err("there is none").to_text();
        assert_eq!(refused(3, &revisions), "error: unable to find specified revision 3 in history");
        assert_eq!(refused(0, &revisions[..1]), "error: no rollout history found for deployment \"d\"");
    }
}
