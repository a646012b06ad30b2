//! The port-forwards of this console as rows, and the ports that one may forward.

use super::project::bytes;
use super::row::{About, Cell, Facts, Key, Row, Tone};
use crate::console::link::{Forward, ForwardReport, ForwardState};
use crate::forward::backend::service_ports;
use jiff::Timestamp;
use objects::Kind;
use objects::lookup::{list, number, text};
use serde_json::Value;

/// A port that can be forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Its name; empty where it has none.
    pub name: String,
    /// The container that has it; empty for one of a service.
    pub container: String,
}

/// The ports that an object proposes: a service its own, what makes pods those of its template.
pub fn of_object(kind: Kind, object: &Value, container: Option<&str>) -> Vec<Port> {
    match kind {
        Kind::Service => {
            let port = |(number, name, _): (u16, &str, &Value)| Port { number, name: name.to_owned(), container: String::new() };
            service_ports(object).into_iter().map(port).collect()
        }
        Kind::Pod => ports(object, container),
        _ => object.pointer("/spec/template").map(|template| ports(template, None)).unwrap_or_default(),
    }
}

/// The TCP ports that the pod's containers, or one of them, say they listen on, in the manifest's order.
pub fn ports(pod: &Value, container: Option<&str>) -> Vec<Port> {
    // Init containers that stay (sidecars) have ports, too.
    let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    let is_wanted = |of: &&Value| container.is_none_or(|container| text(of, "/name") == container);
    let mut ports: Vec<Port> = Vec::new();
    for of in containers.filter(is_wanted) {
        let tcp = list(of, "/ports").iter().filter(|port| matches!(text(port, "/protocol"), "" | "TCP"));
        for port in tcp {
            let Ok(number) = u16::try_from(number(port, "/containerPort")) else { continue };
            if number > 0 && !ports.iter().any(|known| known.number == number) {
                ports.push(Port { number, name: text(port, "/name").to_owned(), container: text(of, "/name").to_owned() });
            }
        }
    }
    ports
}

/// The row of a forward. `pod` is the one that connections go to now, with its node; there may be none.
pub fn row(id: u32, forward: &Forward, report: &ForwardReport, pod: Option<(&str, &str)>, since: Timestamp) -> Row {
    let (status, tone) = match &report.state {
        ForwardState::Opening => ("opening", Tone::Busy),
        ForwardState::Failed { .. } => ("failed", Tone::Bad),
        ForwardState::Listening { .. } if report.fault.is_some() => ("failing", Tone::Warn),
        ForwardState::Listening { .. } if report.open > 0 => ("in use", Tone::Ok),
        ForwardState::Listening { .. } => ("listening", Tone::Ok),
    };
    let fault = match &report.state {
        ForwardState::Failed { why } => why.as_str(),
        _ => report.fault.as_deref().unwrap_or_default(),
    };
    let counted = |count: u64| Cell::Number(count as f64, count.to_string().into());
    let sized = |count: u64| Cell::Number(count as f64, bytes(count as f64).into());
    let cells = [
        Cell::text(local(forward, report)),
        Cell::text(&*forward.target.namespace),
        Cell::text(forward.target.to_string()),
        Cell::text(pod.map_or("-", |(pod, _)| pod)),
        Cell::Number(f64::from(forward.port), forward.port.to_string().into()),
        Cell::text(status),
        counted(u64::from(report.open)),
        counted(report.total),
        counted(report.failed),
        sized(report.up),
        sized(report.down),
        Cell::Age(Some(since)),
        Cell::text(fault),
    ];
    // What keys such as `d` are about: the pod, and what it is chosen by where there is none.
    let (kind, name) = pod.map_or((forward.target.kind, &*forward.target.name), |(pod, _)| (Kind::Pod, pod));
    let namespace = forward.target.namespace.as_str();
    Row {
        key: Key { namespace: namespace.into(), name: id.to_string().into() },
        cells: cells.into(),
        tone,
        facts: Facts::new(pod.map_or("", |(_, node)| node), "", "", []),
        about: Some(Box::new(About { kind: kind.name().into(), key: Key { namespace: namespace.into(), name: name.into() } })),
        ..Row::default()
    }
}

/// Where one connects to: `localhost:8080`.
pub fn local(forward: &Forward, report: &ForwardReport) -> String {
    let port = match report.state {
        ForwardState::Listening { port } => port,
        _ => forward.local,
    };
    if forward.address.contains(':') { format!("[{}]:{port}", forward.address) } else { format!("{}:{port}", forward.address) }
}

#[cfg(test)]
mod tests {
    use super::{of_object, ports, row};
    use crate::console::link::{Forward, ForwardReport, ForwardState, Target};
    use crate::console::model::row::{Row, Tone};
    use jiff::Timestamp;
    use objects::Kind;
    use serde_json::json;

    #[test]
    fn only_tcp_ports_are_proposed_and_each_once() {
        let pod = json!({"spec": {"containers": [
            {"name": "web", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}]},
            {"name": "side", "ports": [{"containerPort": 9090, "protocol": "TCP"}, {"containerPort": 80}]},
        ]}});
        let numbers = |container| ports(&pod, container).iter().map(|port| port.number).collect::<Vec<_>>();
        assert_eq!(numbers(None), [80, 9090]);
        assert_eq!(numbers(Some("side")), [9090, 80]);
        assert_eq!(ports(&pod, None)[0].name, "http");
        assert_eq!(of_object(Kind::Deployment, &json!({"spec": {"template": pod}}), None).len(), 2);
        let service = json!({"spec": {"ports": [{"port": 443, "name": "https"}, {"port": 53, "protocol": "UDP"}]}});
        assert_eq!(of_object(Kind::Service, &service, None).iter().map(|port| port.number).collect::<Vec<_>>(), [443]);
    }

    #[test]
    fn a_row_tells_how_a_forward_stands() {
        let target = Target { kind: Kind::Deployment, namespace: "n".into(), name: "web".into() };
        let forward = Forward { target, port: 80, address: "::1".into(), local: 0 };
        let of = |report: &ForwardReport| row(7, &forward, report, Some(("web-1", "oak")), Timestamp::UNIX_EPOCH);
        let line = |row: &Row| row.cells.iter().map(|cell| cell.label(Timestamp::UNIX_EPOCH).to_string()).collect::<Vec<_>>();
        let listening = ForwardReport { state: ForwardState::Listening { port: 4001 }, ..ForwardReport::default() };
        let used = ForwardReport { open: 1, total: 3, failed: 1, up: 12, down: 2048, ..listening.clone() };
        assert_eq!(
            line(&of(&used)),
            ["[::1]:4001", "n", "deployment/web", "web-1", "80", "in use", "1", "3", "1", "12", "2.0Ki", "0s", ""]
        );
        let about = of(&used).about.expect("an object");
        assert_eq!((&*about.kind, &*about.key.name), ("Pod", "web-1"));
        let about = row(7, &forward, &used, None, Timestamp::UNIX_EPOCH).about.expect("an object");
        assert_eq!((&*about.kind, &*about.key.name), ("Deployment", "web"), "no pod takes connections now");
        let failing = ForwardReport { fault: Some("refused".into()), ..listening };
        assert_eq!((line(&of(&failing))[5].as_str(), of(&failing).tone), ("failing", Tone::Warn));
        let failed = ForwardReport { state: ForwardState::Failed { why: "taken".into() }, ..ForwardReport::default() };
        assert_eq!((line(&of(&failed))[12].as_str(), of(&failed).tone), ("taken", Tone::Bad));
    }
}
