//! The containers of a pod as rows.

use super::packed::Packed;
use super::project::pod_tone;
use super::row::{Cell, Facts, Key, Resources, Row, Tone};
use super::usage;
use objects::lookup::{at, flag, list, number, scalar, text, time};
use objects::quantity::Quantity;
use serde_json::Value;

/// One row a container, in the manifest's order; init containers first. The namespace of their keys is empty.
pub fn rows(pod: &Value) -> Vec<Row> {
    let one = |role: &'static str, spec: &str, status: &str| -> Vec<Row> {
        let statuses = list(pod, status);
        let of = |container: &Value| statuses.iter().find(|status| status.get("name") == container.get("name"));
        list(pod, spec).iter().map(|container| row(container, of(container).unwrap_or(&Value::Null), role)).collect()
    };
    let mut rows = one("init", "/spec/initContainers", "/status/initContainerStatuses");
    rows.extend(one("", "/spec/containers", "/status/containerStatuses"));
    rows
}

fn row(container: &Value, status: &Value, role: &str) -> Row {
    let name = text(container, "/name");
    let ports: Vec<String> = list(container, "/ports").iter().map(port).collect();
    let state = state(status);
    let is_ready = flag(status, "/ready");
    let cells = [
        Cell::text(name),
        Cell::text(if is_ready { "yes" } else { "no" }),
        Cell::text(state.as_str()),
        Cell::Restarts(number(status, "/restartCount"), time(status, "/lastState/terminated/finishedAt")),
        Cell::Age(time(status, "/state/running/startedAt").or_else(|| time(status, "/state/terminated/startedAt"))),
        Cell::text(text(container, "/image")),
        Cell::text(ports.join(",")),
        usage::unknown(),
        usage::unknown(),
        usage::unknown(),
        usage::unknown(),
        Cell::text(resource(container, "cpu")),
        Cell::text(resource(container, "memory")),
    ];
    let tone = match (role, state.as_str()) {
        ("init", "Completed") => Tone::Done,
        _ => pod_tone(&state, is_ready),
    };
    Row {
        key: Key { namespace: "".into(), name: name.into() },
        cells: cells.into(),
        tone,
        facts: Facts::new("", "", text(status, "/containerID"), []),
        about: None,
        requests: amounts(container, "requests"),
        limits: amounts(container, "limits"),
        raw: serde_json::value::to_raw_value(container).map(|raw| Packed::of(&raw)).unwrap_or_default(),
    }
}

fn amounts(container: &Value, which: &str) -> Resources {
    let amount = |name: &str| {
        let text = at(container, &format!("/resources/{which}/{name}")).map(scalar)?;
        Quantity::parse(&text).ok()
    };
    Resources::of(amount("cpu").as_ref(), amount("memory").as_ref())
}

fn port(port: &Value) -> String {
    let protocol = text(port, "/protocol");
    let suffix = if protocol.is_empty() || protocol == "TCP" { String::new() } else { format!("/{protocol}") };
    format!("{}{suffix}", number(port, "/containerPort"))
}

/// As in a pod's STATUS cell: the reason where there is one.
fn state(status: &Value) -> String {
    let reason = |at: &str, otherwise: &str| match text(status, &format!("/state/{at}/reason")) {
        "" => otherwise.to_owned(),
        reason => reason.to_owned(),
    };
    match () {
        () if at(status, "/state/running").is_some() => "Running".to_owned(),
        () if at(status, "/state/terminated").is_some() => match number(status, "/state/terminated/exitCode") {
            0 => reason("terminated", "Completed"),
            code => format!("{} ({code})", reason("terminated", "Error")),
        },
        () => reason("waiting", "Waiting"),
    }
}

/// `100m/1` is a request of 100m with a limit of 1.
fn resource(container: &Value, name: &str) -> String {
    let amount = |which: &str| at(container, &format!("/resources/{which}/{name}")).map(scalar);
    match (amount("requests"), amount("limits")) {
        (None, None) => "-".to_owned(),
        (request, limit) => format!("{}/{}", request.unwrap_or_else(|| "-".into()), limit.unwrap_or_else(|| "-".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::console::model::row::Tone;
    use jiff::Timestamp;
    use serde_json::json;

    #[test]
    fn a_container_shows_why_it_does_not_run() {
        let pod = json!({
            "spec": {
                "initContainers": [{"name": "setup", "image": "busybox"}],
                "containers": [
                    {"name": "web", "image": "kubia", "ports": [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}],
                     "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": 1}}},
                    {"name": "side", "image": "envoy"},
                ],
            },
            "status": {
                "initContainerStatuses": [{"name": "setup", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
                "containerStatuses": [{"name": "web", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
            },
        });
        let rows = rows(&pod);
        let line =
            |at: usize| rows[at].cells.iter().map(|cell| cell.label(Timestamp::UNIX_EPOCH).to_string()).collect::<Vec<_>>();
        assert_eq!(line(0)[..3], ["setup", "no", "Completed"]);
        assert_eq!(line(1)[..7], ["web", "no", "CrashLoopBackOff", "3", "-", "kubia", "8080,53/UDP"]);
        assert_eq!(line(1)[7..], ["-", "-", "-", "-", "100m/1", "-"]);
        assert_eq!(line(2)[2], "Waiting");
        assert_eq!(rows.iter().map(|row| row.tone).collect::<Vec<_>>(), [Tone::Done, Tone::Bad, Tone::Busy]);
    }
}
