//! The events of a pod, in Kubernetes' words (1.36; where the book shows a text, the book's).

use super::container::{After, Container, Role};
use super::{EventType, PodEvent, ProbeKind, Pulled};
use std::time::Duration;

fn of_container(container: &Container, kind: EventType, reason: &'static str, message: String) -> PodEvent {
    PodEvent { kind, reason, message, field_path: Some(container.field_path()) }
}

fn of_pod(kind: EventType, reason: &'static str, message: String) -> PodEvent {
    PodEvent { kind, reason, message, field_path: None }
}

pub(super) fn pulling(container: &Container, image: &str) -> PodEvent {
    of_container(container, EventType::Normal, "Pulling", format!("Pulling image \"{image}\""))
}

pub(super) fn pulled(container: &Container, image: &str, pulled: Option<Pulled>) -> PodEvent {
    let message = match pulled {
        None => format!("Container image \"{image}\" already present on machine"),
        Some(Pulled { took, took_with_waiting, size_bytes }) => format!(
            "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {size_bytes} bytes.",
            go_duration(took),
            go_duration(took_with_waiting),
        ),
    };
    of_container(container, EventType::Normal, "Pulled", message)
}

pub(super) fn failed_to_pull(container: &Container, image: &str, error: &str) -> PodEvent {
    of_container(container, EventType::Warning, "Failed", format!("Failed to pull image \"{image}\": {error}"))
}

pub(super) fn failed_to_inspect(container: &Container, message: &str) -> PodEvent {
    of_container(container, EventType::Warning, "InspectFailed", message.to_owned())
}

pub(super) fn never_pulled(container: &Container, message: &str) -> PodEvent {
    of_container(container, EventType::Warning, "ErrImageNeverPull", message.to_owned())
}

pub(super) fn image_back_off(container: &Container, image: &str) -> PodEvent {
    of_container(container, EventType::Normal, "BackOff", format!("Back-off pulling image \"{image}\""))
}

pub(super) fn failed(container: &Container, error: &str) -> PodEvent {
    of_container(container, EventType::Warning, "Failed", format!("Error: {error}"))
}

pub(super) fn created(container: &Container) -> PodEvent {
    of_container(container, EventType::Normal, "Created", format!("Created container {}", container.name))
}

pub(super) fn started(container: &Container) -> PodEvent {
    of_container(container, EventType::Normal, "Started", format!("Started container {}", container.name))
}

pub(super) fn restart_back_off(container: &Container, pod: &str) -> PodEvent {
    let message = format!("Back-off restarting failed container {} in pod {pod}", container.name);
    of_container(container, EventType::Warning, "BackOff", message)
}

pub(super) fn stopping(container: &Container) -> PodEvent {
    of_container(container, EventType::Normal, "Killing", format!("Stopping container {}", container.name))
}

/// How the kubelet names a container that it stops by its own decision.
fn subject(container: &Container) -> String {
    let kind = if container.role == Role::Sidecar { "Init container" } else { "Container" };
    format!("{kind} {}", container.name)
}

pub(super) fn definition_changed(container: &Container) -> PodEvent {
    let message = format!("{} definition changed, will be restarted", subject(container));
    of_container(container, EventType::Normal, "Killing", message)
}

pub(super) fn unhealthy(container: &Container, kind: ProbeKind, then: After) -> PodEvent {
    let probe = kind.as_str().to_ascii_lowercase();
    // Of a sidecar it goes without saying.
    let is_told = then == After::Restart && container.role != Role::Sidecar;
    let restart = if is_told { ", will be restarted" } else { "" };
    let message = format!("{} failed {probe} probe{restart}", subject(container));
    of_container(container, EventType::Normal, "Killing", message)
}

pub(super) fn probe_failed(container: &Container, kind: ProbeKind, output: &str) -> PodEvent {
    let message = format!("{} probe failed: {output}", kind.as_str());
    of_container(container, EventType::Warning, "Unhealthy", message)
}

pub(super) fn probe_errored(container: &Container, kind: ProbeKind, error: &str) -> PodEvent {
    let message = format!("{} probe errored and resulted in unknown state: {error}", kind.as_str());
    of_container(container, EventType::Warning, "Unhealthy", message)
}

pub(super) fn probe_warning(container: &Container, kind: ProbeKind, output: &str) -> PodEvent {
    let message = format!("{} probe warning: {output}", kind.as_str());
    of_container(container, EventType::Warning, "ProbeWarning", message)
}

pub(super) fn post_start_failed(container: &Container, message: String) -> PodEvent {
    of_container(container, EventType::Warning, "FailedPostStartHook", message)
}

/// The kubelet gives the reason as the message.
pub(super) fn killed_for_its_hook(container: &Container) -> PodEvent {
    of_container(container, EventType::Normal, "Killing", "FailedPostStartHook".to_owned())
}

pub(super) fn pre_stop_failed(container: &Container, message: String) -> PodEvent {
    of_container(container, EventType::Warning, "FailedPreStopHook", message)
}

pub(super) fn sandbox_failed(error: &str) -> PodEvent {
    of_pod(EventType::Warning, "FailedCreatePodSandBox", format!("Failed to create pod sandbox: {error}"))
}

pub(super) fn mount_failed(message: String) -> PodEvent {
    of_pod(EventType::Warning, "FailedMount", message)
}

pub(super) fn sandbox_changed() -> PodEvent {
    of_pod(EventType::Normal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.".to_owned())
}

pub(super) fn kill_failed(error: &str) -> PodEvent {
    of_pod(EventType::Warning, "FailedKillPod", format!("error killing pod: {error}"))
}

pub(super) fn grace_exceeded() -> PodEvent {
    let message = "Container runtime did not kill the pod within specified grace period.";
    of_pod(EventType::Warning, "ExceededGracePeriod", message.to_owned())
}

pub(super) fn placed_elsewhere(node: &str) -> PodEvent {
    let message = format!("The pod was placed on node {node} before it was placed here; the copy on this node is stopped");
    of_pod(EventType::Normal, "PlacedElsewhere", message)
}

pub(super) fn deadline_exceeded() -> PodEvent {
    let message = "Pod was active on the node longer than the specified deadline";
    of_pod(EventType::Normal, "DeadlineExceeded", message.to_owned())
}

/// How far a change of resources is.
pub(super) enum Resizing {
    Started,
    Completed,
    Failed(String),
}

pub(super) fn resize(container: &Container, how: Resizing) -> PodEvent {
    let name = &container.name;
    let (kind, reason, message) = match how {
        Resizing::Started => (EventType::Normal, "ResizeStarted", format!("Resize of container {name} started")),
        Resizing::Completed => (EventType::Normal, "ResizeCompleted", format!("Resize of container {name} completed")),
        Resizing::Failed(error) => (EventType::Warning, "ResizeError", format!("Resize of container {name} failed: {error}")),
    };
    of_container(container, kind, reason, message)
}

pub(super) fn resize_restarts(container: &Container) -> PodEvent {
    of_container(container, EventType::Normal, "Killing", format!("Container {} resize requires restart", container.name))
}

pub(super) fn resize_pending(no_room: &super::NoRoom) -> PodEvent {
    let reason = if no_room.is_final { "ResizeInfeasible" } else { "ResizeDeferred" };
    of_pod(EventType::Warning, reason, no_room.message.clone())
}

pub(super) fn evicted(message: &str) -> PodEvent {
    of_pod(EventType::Warning, super::EVICTED, message.to_owned())
}

/// A duration as Go prints it, cut to milliseconds: `350ms`, `1.2s`, `1m2.5s`.
fn go_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms < 1000 {
        return if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") };
    }
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let fraction = format!("{:03}", ms % 1000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{point}{fraction}s", ms / 1000 % 60);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::go_duration;
    use std::time::Duration;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        let printed = [0, 7, 350, 1000, 1200, 61_005, 3_600_000].map(|ms| go_duration(Duration::from_millis(ms)));
        assert_eq!(printed, ["0s", "7ms", "350ms", "1s", "1.2s", "1m1.005s", "1h0m0s"]);
    }
}
