//! `rollout status`: how far a Deployment is, and its end (`kubectl/pkg/polymorphichelpers/rollout_status.go`).

use super::super::context::Context;
use super::super::each::each;
use super::super::failure::Failure;
use super::super::watch::until;
use super::{NamedArgs, deployments};
use crate::args::GoDuration;
use crate::templates::REVISION;
use clap::{ArgAction, Args};
use objects::lookup::{self, list, number, text};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use wire::ObjectRef;

/// Arguments of `rollout status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Wait until it is done.
    #[arg(short = 'w', long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true")]
    watch: bool,
    /// How long to wait; 0 is for ever.
    #[arg(long, default_value = "0s", allow_hyphen_values = true)]
    timeout: GoDuration,
    /// Only of this revision; 0 is whichever is the last.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    revision: i64,
}

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// In words, with more to come.
    Under(String),
    /// In words.
    Done(String),
}

/// Does it.
pub async fn run(args: &StatusArgs, context: &mut Context) -> Result<(), Failure> {
    let objects = deployments(context, &args.named).await?;
    each(&objects, Vec::new(), context, async |context, object| follow(args, context, object).await).await
}

async fn follow(args: &StatusArgs, context: &mut Context, object: &ObjectRef) -> Result<(), Failure> {
    if !args.watch {
        let deployment = context.get(object.clone()).await?;
        return match progress(&deployment, args.revision)? {
            Progress::Under(words) | Progress::Done(words) => context.line(words),
        };
    }
    let timeout = match args.timeout {
        GoDuration::Positive(Duration::ZERO) => GoDuration::Negative,
        timeout => timeout,
    };
    let deadline = Instant::now() + timeout.or_a_week();
    // Told as it comes: the lines of a watch are looked at one by one.
    let mut told = String::new();
    loop {
        let mut now = None;
        let look = |state: Option<&Value>| {
            let Some(deployment) = state else { return Err(Failure::message("object has been deleted")) };
            let progress = progress(deployment, args.revision)?;
            let is_news = progress != Progress::Under(told.clone());
            now = Some(progress);
            Ok(is_news)
        };
        // Gone before we looked is not found, and gone meanwhile is told.
        let _ = context.get(object.clone()).await?;
        until(context, object, deadline, look).await?;
        match now {
            Some(Progress::Under(words)) => {
                context.print_now(&format!("{words}\n"))?;
                told = words;
            }
            Some(Progress::Done(words)) => return context.line(words),
            None => {}
        }
    }
}

fn progress(deployment: &Value, revision: i64) -> Result<Progress, Failure> {
    let name = lookup::name(deployment);
    let running = text(deployment, REVISION).parse().unwrap_or(0);
    if revision > 0 && revision != running {
        return Err(Failure::message(format!(
            "desired revision ({revision}) is different from the running revision ({running})"
        )));
    }
    let status = |field: &str| number(deployment, &format!("/status/{field}"));
    if number(deployment, "/metadata/generation") > status("observedGeneration") {
        return Ok(Progress::Under("Waiting for deployment spec update to be observed...".to_owned()));
    }
    let mut conditions = list(deployment, "/status/conditions").iter();
    let progressing = conditions.find(|condition| text(condition, "/type") == "Progressing");
    if progressing.is_some_and(|condition| text(condition, "/reason") == "ProgressDeadlineExceeded") {
        return Err(Failure::message(format!("deployment {name:?} exceeded its progress deadline")));
    }
    let (wanted, updated) = (number(deployment, "/spec/replicas"), status("updatedReplicas"));
    let (total, available) = (status("replicas"), status("availableReplicas"));
    let waiting = |what: String| Ok(Progress::Under(format!("Waiting for deployment {name:?} rollout to finish: {what}...")));
    if updated < wanted {
        waiting(format!("{updated} out of {wanted} new replicas have been updated"))
    } else if total > updated {
        waiting(format!("{} old replicas are pending termination", total - updated))
    } else if available < updated {
        waiting(format!("{available} of {updated} updated replicas are available"))
    } else {
        Ok(Progress::Done(format!("deployment {name:?} successfully rolled out")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, progress};
    use serde_json::{Value, json};

    fn told(status: &Value) -> Result<String, String> {
        let deployment = json!({"metadata": {"name": "kubia", "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": "3"}}, "spec": {"replicas": 3}, "status": status});
        match progress(&deployment, 3) {
            Ok(Progress::Under(words)) => Ok(words),
            Ok(Progress::Done(words)) => Ok(format!("done: {words}")),
            Err(failure) => Err(failure.to_text()),
        }
    }

    #[test]
    fn each_step_has_kubectls_words() {
        let waiting = |what: &str| Ok(format!("Waiting for deployment \"kubia\" rollout to finish: {what}..."));
        assert_eq!(
            told(&json!({"observedGeneration": 1})),
            Ok("Waiting for deployment spec update to be observed...".to_owned())
        );
        assert_eq!(
            told(&json!({"observedGeneration": 2, "updatedReplicas": 1, "replicas": 4})),
            waiting("1 out of 3 new replicas have been updated")
        );
        assert_eq!(
            told(&json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 4})),
            waiting("1 old replicas are pending termination")
        );
        assert_eq!(
            told(&json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 2})),
            waiting("2 of 3 updated replicas are available")
        );
        assert_eq!(
            told(&json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3})),
            Ok("done: deployment \"kubia\" successfully rolled out".to_owned())
        );
        let conditions = json!([{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]);
        assert_eq!(
            told(&json!({"observedGeneration": 2, "conditions": conditions})),
            Err("error: deployment \"kubia\" exceeded its progress deadline".to_owned())
        );
        let other = progress(&json!({"metadata": {"name": "kubia"}}), 3).expect_err("it is of another revision");
        assert_eq!(other.to_text(), "error: desired revision (3) is different from the running revision (0)");
    }
}
