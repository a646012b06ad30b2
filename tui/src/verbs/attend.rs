//! A container that has just been asked for: waits until it runs and hears it from its first byte.
//!
//! Its pod was announced (see [`announce`]), so what it writes before we are there waits for us. One that ended before, or did not wait,
//! is heard by its log: that has every byte, but the end of an unfinished line late, and no more than the rotation leaves.

use super::attach::{self, How, Since};
use super::context::Context;
use super::failure::Failure;
use super::session::{self, Parted};
use super::watch::until;
use crate::templates;
use client::Received;
use objects::lookup;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use wire::{ATTENDED, LogsRequest, ObjectRef};

/// The first minor version of daemons that attach from the first byte, or refuse to: earlier ones leave out what was written before.
const MINOR_OF_FROM_START: u16 = 6;

/// Waits for a container of a pod and hears it from its first byte. `None` where that was by its log.
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
    let is_interactive = is_interactive(&begun, container);
    if !is_over && (is_interactive || context.client().await?.hello().version.minor >= MINOR_OF_FROM_START) {
        let since = if is_interactive { Since::Now } else { Since::Start };
        match attach::to(context, &begun, container, how.clone(), since).await {
            Ok(attached) => return attached.attend(context).await.map(Some),
            Err(failure) if failure.is_link_failure() => return Err(failure),
            // It ended meanwhile, most likely; what it wrote is in its log.
            Err(failure) if is_interactive => {
                let (name, why) = (&pod.name, failure.to_text());
                context.note(format!("warning: couldn't attach to pod/{name}, falling back to streaming logs: {why}"))?;
            }
            // It ended, or its first bytes are not kept any more: nothing is missing in its log.
            Err(_) => {}
        }
    }
    print_log(context, pod, container).await.map(|()| None)
}

/// Lets the daemon know that a container of a pod that is to be made will be attended, so that what it writes first waits for us.
pub fn announce(pod: &mut Value, container: &str) {
    let metadata = &mut pod["metadata"];
    if !metadata["annotations"].is_object() {
        metadata["annotations"] = json!({});
    }
    metadata["annotations"][ATTENDED] = json!(container);
}

/// Whether the container has an input or a terminal: what it wrote first is kept for whoever attaches.
fn is_interactive(pod: &Value, container: &str) -> bool {
    templates::container(pod, container).is_some_and(|definition| definition["stdin"] == true || definition["tty"] == true)
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

/// Prints all that is in the log of the container's newest instance, and what it still writes until it ends.
async fn print_log(context: &mut Context, pod: &ObjectRef, container: &str) -> Result<(), Failure> {
    let request = LogsRequest {
        namespace: pod.namespace.clone(),
        pod: pod.name.clone(),
        container: Some(container.to_owned()),
        follow: true,
        ..LogsRequest::default()
    };
    let mut log = context.client().await?.logs_apart(request).await?;
    while let Some(received) = log.next().await? {
        if let Received::Bytes(channel, bytes) = received {
            session::write_output(context, channel, &bytes)?;
        }
    }
    Ok(())
}
