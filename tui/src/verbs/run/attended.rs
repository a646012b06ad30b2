//! A pod that somebody attends: waits until it runs, attaches, and sees how it ended.

use crate::verbs::attach::How;
use crate::verbs::attend::attend;
use crate::verbs::context::Context;
use crate::verbs::delete::{Deletion, delete_one, told};
use crate::verbs::failure::Failure;
use crate::verbs::session::Parted;
use crate::verbs::watch::{until, until_gone};
use objects::{Kind, lookup};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use wire::ObjectRef;

/// How long the end of a pod is waited for.
const A_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What the shell expects of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// See the file's header.
pub(super) struct Attended {
    pub(super) pod: Value,
    pub(super) how: How,
    pub(super) timeout: Duration,
    pub(super) restart: String,
    pub(super) leave_stdin_open: bool,
    pub(super) grace_period_seconds: Option<i64>,
}

impl Attended {
    fn reference(&self) -> ObjectRef {
        let (namespace, name) = (lookup::namespace(&self.pod).to_owned(), lookup::name(&self.pod).to_owned());
        ObjectRef { kind: Kind::Pod, namespace, name }
    }

    /// The same, and then the pod is deleted, whatever came of it.
    pub(super) async fn attend_and_remove(&self, context: &mut Context) -> Result<(), Failure> {
        let result = {
            let attending = self.attend(context);
            tokio::select! {
                result = attending => result,
                _ = tokio::signal::ctrl_c() => Err(Failure::Ended { code: INTERRUPTED, text: String::new() }),
            }
        };
        let deletion =
            Deletion { grace_period_seconds: self.grace_period_seconds, propagation: None, mode: crate::args::DryRunMode::None };
        let removed = delete_one(context, &self.reference(), deletion).await;
        match removed {
            Ok(uid) => {
                if !self.how.quiet {
                    context.line(told(&self.reference(), deletion))?;
                }
                until_gone(context, &self.reference(), &uid, Instant::now() + A_WEEK).await?;
            }
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => return result.and(Err(failure)),
        }
        result
    }

    /// Attaches once the pod runs, and waits for its end where that is near.
    pub(super) async fn attend(&self, context: &mut Context) -> Result<(), Failure> {
        let reference = self.reference();
        let container = lookup::text(&self.pod, "/spec/containers/0/name");
        let parted = attend(context, &reference, container, &self.how, self.timeout).await?;
        let waits = !self.leave_stdin_open && matches!(self.restart.as_str(), "Never" | "OnFailure");
        if waits && parted != Some(Parted::Detached) {
            return self.end(context, &reference).await;
        }
        if !self.how.quiet {
            let name = &reference.name;
            context.note(format!(
                "Session ended, resume using 'skiff attach {name} -c {container} -i -t' command when the pod is running"
            ))?;
        }
        Ok(())
    }

    /// How the pod ended becomes our own end.
    async fn end(&self, context: &Context, reference: &ObjectRef) -> Result<(), Failure> {
        let place = format!("{}/{}", reference.namespace, reference.name);
        let ended = until(context, reference, Instant::now() + A_WEEK, |pod| {
            let phase = pod.map_or("Failed", |pod| lookup::text(pod, "/status/phase"));
            Ok(phase == "Succeeded" || phase == "Failed")
        });
        let Some(pod) = ended.await? else { return Err(Failure::message(format!("pod {place} was deleted"))) };
        if lookup::text(&pod, "/status/phase") == "Succeeded" {
            return Ok(());
        }
        let terminated = "/status/containerStatuses/0/state/terminated";
        let code = lookup::number(&pod, &format!("{terminated}/exitCode"));
        match u8::try_from(code) {
            Ok(code) if code != 0 => {
                let reason = lookup::text(&pod, &format!("{terminated}/reason"));
                let message = lookup::text(&pod, &format!("{terminated}/message"));
                let text = format!("pod {place} terminated ({reason})\n{message}");
                Err(Failure::Ended { code, text: text.trim_end().to_owned() })
            }
            _ => Err(Failure::message(format!("pod {place} failed with unknown exit code"))),
        }
    }
}
