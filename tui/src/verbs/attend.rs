//! A container that has just been asked for: waits until it runs and attaches to it; one that was quicker is heard by its log.

use super::attach::{self, How};
use super::context::Context;
use super::failure::Failure;
use super::session::Parted;
use super::watch::until;
use objects::lookup;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use wire::{LogsRequest, ObjectRef};

/// Waits for a container of a pod and attaches to it. `None` where it had ended before: what it wrote was printed.
pub async fn attend(
    context: &mut Context,
    pod: &ObjectRef,
    container: &str,
    how: &How,
    timeout: Duration,
) -> Result<Option<Parted>, Failure> {
    let begun = until_begun(context, pod, container, timeout).await?;
    let is_over = matches!(lookup::text(&begun, "/status/phase"), "Succeeded" | "Failed")
        || state(&begun, container).is_some_and(|state| state["terminated"].is_object());
    if !is_over {
        match attach::to(context, &begun, container, how.clone()).await {
            Ok(parted) => return Ok(Some(parted)),
            // It ended meanwhile, most likely; what it wrote is in its log.
            Err(failure) if !failure.is_link_failure() && !matches!(failure, Failure::Ended { .. }) => {
                let (name, why) = (&pod.name, failure.to_text());
                context.note(format!("warning: couldn't attach to pod/{name}, falling back to streaming logs: {why}"))?;
            }
            Err(failure) => return Err(failure),
        }
    }
    print_log(context, pod, container).await.map(|()| None)
}

async fn until_begun(context: &Context, pod: &ObjectRef, container: &str, timeout: Duration) -> Result<Value, Failure> {
    let gone = || Failure::message(format!("pod {}/{} was deleted", pod.namespace, pod.name));
    let begun = until(context, pod, Instant::now() + timeout, |pod| {
        let pod = pod.ok_or_else(gone)?;
        let is_over = matches!(lookup::text(pod, "/status/phase"), "Succeeded" | "Failed");
        let has_begun = |state: &Value| state["running"].is_object() || state["terminated"].is_object();
        Ok(is_over || state(pod, container).is_some_and(has_begun))
    });
    begun.await?.ok_or_else(gone)
}

/// The state of a container, in whichever list it is.
fn state<'p>(pod: &'p Value, container: &str) -> Option<&'p Value> {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses", "/status/ephemeralContainerStatuses"];
    let mut statuses = lists.into_iter().flat_map(|pointer| lookup::list(pod, pointer));
    statuses.find(|status| lookup::text(status, "/name") == container).map(|status| &status["state"])
}

async fn print_log(context: &mut Context, pod: &ObjectRef, container: &str) -> Result<(), Failure> {
    let request = LogsRequest {
        namespace: pod.namespace.clone(),
        pod: pod.name.clone(),
        container: Some(container.to_owned()),
        follow: true,
        ..LogsRequest::default()
    };
    let mut log = context.client().await?.logs(request).await?;
    while let Some(bytes) = log.next().await? {
        context.out.write_all(&bytes)?;
        context.out.flush()?;
    }
    Ok(())
}
