//! `rollout`: how a Deployment goes from one template to the next, and back.

mod history;
mod status;
mod undo;

use super::amend::{amend, targets};
use super::context::Context;
use super::each::each;
use super::failure::Failure;
use super::format::name_of;
use crate::args::SelectArgs;
use crate::templates;
use clap::{Args, Subcommand};
use jiff::Zoned;
use objects::lookup::flag;
use objects::{Kind, lookup};
use serde_json::{Value, json};
use wire::{ObjectRef, Selection};

/// Arguments of `rollout`.
#[derive(Debug, Args)]
pub struct RolloutArgs {
    #[command(subcommand)]
    what: What,
}

/// What is done.
#[derive(Debug, Subcommand)]
enum What {
    /// Tell how far it is, until it is done.
    Status(status::StatusArgs),
    /// List the templates that one can go back to.
    History(history::HistoryArgs),
    /// Go back to an older template.
    Undo(undo::UndoArgs),
    /// Make all pods anew, step by step.
    Restart(NamedArgs),
    /// Let changes of the template wait.
    Pause(NamedArgs),
    /// Roll out what waited.
    Resume(NamedArgs),
}

/// Which Deployments.
#[derive(Debug, Args)]
struct NamedArgs {
    /// deployment NAME… or deployment/NAME…
    arguments: Vec<String>,
    /// Those with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", allow_hyphen_values = true)]
    selector: Option<String>,
}

/// Does it.
pub async fn run(args: &RolloutArgs, context: &mut Context) -> Result<(), Failure> {
    match &args.what {
        What::Status(args) => status::run(args, context).await,
        What::History(args) => history::run(args, context).await,
        What::Undo(args) => undo::run(args, context).await,
        What::Restart(args) => change(args, context, "restarted", restart).await,
        What::Pause(args) => change(args, context, "paused", pause).await,
        What::Resume(args) => change(args, context, "resumed", resume).await,
    }
}

/// The Deployments that arguments name.
async fn deployments(context: &Context, args: &NamedArgs) -> Result<Vec<ObjectRef>, Failure> {
    let select = SelectArgs { selector: args.selector.clone(), ..SelectArgs::default() };
    let objects = targets(context, &args.arguments, &select, false).await?;
    match objects.iter().find(|object| object.kind != Kind::Deployment) {
        Some(other) => Err(Failure::message(format!("{} are not rolled out: only deployments are", other.kind.plural()))),
        None => Ok(objects),
    }
}

/// A change of a Deployment's fields, at the time that is handed in.
type Edit = fn(&mut Value, &Zoned) -> Result<(), Failure>;

async fn change(args: &NamedArgs, context: &mut Context, outcome: &str, edit: Edit) -> Result<(), Failure> {
    let objects = deployments(context, args).await?;
    let now = context.now();
    let change = async |context: &mut Context, object: &ObjectRef| {
        let (_, after) = amend(context, object, crate::args::DryRunMode::None, |object| edit(object, &now)).await?;
        context.line(format!("{} {outcome}", name_of(&after)))
    };
    each(&objects, Vec::new(), context, change).await
}

fn restart(deployment: &mut Value, now: &Zoned) -> Result<(), Failure> {
    if flag(deployment, "/spec/paused") {
        return Err(Failure::message("can't restart paused deployment (run rollout resume first)"));
    }
    crate::restart::restart(deployment, now);
    Ok(())
}

fn pause(deployment: &mut Value, _: &Zoned) -> Result<(), Failure> {
    if flag(deployment, "/spec/paused") {
        return Err(Failure::message(format!(
            "{} {:?} is already paused",
            Kind::Deployment.resource(),
            lookup::name(deployment)
        )));
    }
    deployment["spec"]["paused"] = json!(true);
    Ok(())
}

fn resume(deployment: &mut Value, _: &Zoned) -> Result<(), Failure> {
    if !flag(deployment, "/spec/paused") {
        return Err(Failure::message(format!("{} {:?} is not paused", Kind::Deployment.resource(), lookup::name(deployment))));
    }
    deployment["spec"].as_object_mut().map(|spec| spec.remove("paused"));
    Ok(())
}

/// The sets of a Deployment with a revision, the oldest first.
async fn revisions(context: &Context, deployment: &Value) -> Result<Vec<(i64, Value)>, Failure> {
    let selection = Selection { namespace: Some(lookup::namespace(deployment).to_owned()), ..Selection::default() };
    let sets = context.list(Kind::ReplicaSet, selection).await?;
    Ok(templates::revisions(deployment, sets))
}

#[cfg(test)]
mod tests {
    use super::{pause, restart, resume};
    use jiff::{Timestamp, tz::TimeZone};
    use serde_json::json;

    #[test]
    fn a_paused_deployment_is_not_restarted_nor_paused_again() {
        let mut deployment = json!({"metadata": {"name": "kubia"}, "spec": {"template": {"metadata": {"labels": {}}}}});
        let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        restart(&mut deployment, &now).expect("it may");
        let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(*annotations, json!({"kubectl.kubernetes.io/restartedAt": "1970-01-01T00:00:00Z"}));
        let refused = resume(&mut deployment, &now).expect_err("it is not").to_text();
        assert_eq!(refused, "error: deployments.apps \"kubia\" is not paused");
        pause(&mut deployment, &now).expect("it may");
        assert!(pause(&mut deployment, &now).is_err() && restart(&mut deployment, &now).is_err());
        resume(&mut deployment, &now).expect("it may");
        assert_eq!(deployment["spec"]["paused"], json!(null));
    }
}
