//! The events of a pod, in Kubernetes' words (1.36; where the book shows a text, the book's).

use super::{ContainerName, EventType, PodEvent, Pulled};
use std::time::Duration;

fn of_container(name: &ContainerName, kind: EventType, reason: &'static str, message: String) -> PodEvent {
    PodEvent { kind, reason, message, field_path: Some(format!("spec.containers{{{name}}}")) }
}

fn of_pod(kind: EventType, reason: &'static str, message: String) -> PodEvent {
    PodEvent { kind, reason, message, field_path: None }
}

pub(super) fn pulling(name: &ContainerName, image: &str) -> PodEvent {
    of_container(name, EventType::Normal, "Pulling", format!("Pulling image \"{image}\""))
}

pub(super) fn pulled(name: &ContainerName, image: &str, pulled: Option<Pulled>) -> PodEvent {
    let message = match pulled {
        None => format!("Container image \"{image}\" already present on machine"),
        Some(Pulled { took, took_with_waiting, size_bytes }) => format!(
            "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {size_bytes} bytes.",
            go_duration(took),
            go_duration(took_with_waiting),
        ),
    };
    of_container(name, EventType::Normal, "Pulled", message)
}

pub(super) fn failed_to_pull(name: &ContainerName, image: &str, error: &str) -> PodEvent {
    of_container(name, EventType::Warning, "Failed", format!("Failed to pull image \"{image}\": {error}"))
}

pub(super) fn failed_to_inspect(name: &ContainerName, message: &str) -> PodEvent {
    of_container(name, EventType::Warning, "InspectFailed", message.to_owned())
}

pub(super) fn never_pulled(name: &ContainerName, message: &str) -> PodEvent {
    of_container(name, EventType::Warning, "ErrImageNeverPull", message.to_owned())
}

pub(super) fn image_back_off(name: &ContainerName, image: &str) -> PodEvent {
    of_container(name, EventType::Normal, "BackOff", format!("Back-off pulling image \"{image}\""))
}

pub(super) fn failed(name: &ContainerName, error: &str) -> PodEvent {
    of_container(name, EventType::Warning, "Failed", format!("Error: {error}"))
}

pub(super) fn created(name: &ContainerName) -> PodEvent {
    of_container(name, EventType::Normal, "Created", format!("Created container {name}"))
}

pub(super) fn started(name: &ContainerName) -> PodEvent {
    of_container(name, EventType::Normal, "Started", format!("Started container {name}"))
}

pub(super) fn restart_back_off(name: &ContainerName, pod: &str) -> PodEvent {
    let message = format!("Back-off restarting failed container {name} in pod {pod}");
    of_container(name, EventType::Warning, "BackOff", message)
}

pub(super) fn stopping(name: &ContainerName) -> PodEvent {
    of_container(name, EventType::Normal, "Killing", format!("Stopping container {name}"))
}

pub(super) fn definition_changed(name: &ContainerName) -> PodEvent {
    of_container(name, EventType::Normal, "Killing", format!("Container {name} definition changed, will be restarted"))
}

pub(super) fn sandbox_failed(error: &str) -> PodEvent {
    of_pod(EventType::Warning, "FailedCreatePodSandBox", format!("Failed to create pod sandbox: {error}"))
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
