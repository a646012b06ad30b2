//! Which pod a connection goes to, and which port of it: of what chooses pods one that is ready, and another one once that is gone.

use client::{Client, ClientError, DuplexReader, DuplexSender};
use objects::lookup::{is_true, list, map, name, number, scalar, text};
use objects::{Kind, selector};
use serde_json::Value;
use wire::{GetRequest, ListRequest, ObjectRef, PortForwardRequest, Request, Response, Selection};

/// How many pods are tried for one connection: a pod may be gone between its choice and the connection.
const TRIES: usize = 3;

/// What connections are passed on to: a pod, or what chooses pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The kind of object: see [`is_forwarded`].
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A pod that takes a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The pod's name.
    pub pod: String,
    /// The pod's port.
    pub port: u16,
}

/// Why a connection goes nowhere.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The link is lost, or the daemon refuses.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon answers what was not asked.
    #[error("the daemon sent something that was not asked for")]
    Unexpected,
    /// A service whose endpoints somebody else writes, or that is a name only.
    #[error("{0} chooses no pods: it has no selector")]
    NoSelector(Target),
    /// No pod could take the connection now.
    #[error("no pod of {0} runs")]
    NoPod(Target),
    /// A port that a service does not have.
    #[error("{target} has no port {port}; {}", those_there_are(.known))]
    NoPort {
        /// The service.
        target: Target,
        /// The port that was asked for.
        port: u16,
        /// Those it has.
        known: Vec<u16>,
    },
    /// A service's port that leads to a name which the pod's containers do not have.
    #[error("pod {pod} names no port {name:?}, to which {target} leads")]
    NoNamedPort {
        /// The service.
        target: Target,
        /// The pod.
        pod: String,
        /// The port's name.
        name: String,
    },
}

fn those_there_are(known: &[u16]) -> String {
    match known {
        [] => "it has none".to_owned(),
        known => format!("it has {}", known.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.kind != Kind::Pod {
            write!(f, "{}/", self.kind.singular())?;
        }
        f.write_str(&self.name)
    }
}

/// Whether connections can be passed on to objects of a kind.
pub const fn is_forwarded(kind: Kind) -> bool {
    matches!(kind, Kind::Pod | Kind::Service) || kind.makes_pods()
}

/// A connection that stands.
pub struct Connection {
    /// Where it leads to.
    pub backend: Backend,
    /// What is written to the pod.
    pub sender: DuplexSender,
    /// What comes from it.
    pub reader: DuplexReader,
}

/// Opens a connection to a port of the target. `stay` is the pod that had the last one, which gets this one too as long as it can.
///
/// # Errors
/// As [`backends`]; the last pod's refusal where none takes it.
pub async fn dial(client: &Client, target: &Target, port: u16, stay: Option<&str>) -> Result<Connection, ForwardError> {
    let mut refusal = ForwardError::NoPod(target.clone());
    for backend in backends(client, target, port, stay).await?.into_iter().take(TRIES) {
        let request =
            PortForwardRequest { namespace: target.namespace.clone(), pod: backend.pod.clone(), port: backend.port, window: 0 };
        match client.port_forward(request).await {
            Ok((sender, reader)) => return Ok(Connection { backend, sender, reader }),
            Err(error) if error.is_link_failure() => return Err(error.into()),
            Err(error) => refusal = error.into(),
        }
    }
    Err(refusal)
}

/// The pods that could take a connection now, the best one first. A pod alone is not looked at: whether it can is said by its node.
///
/// # Errors
/// The link is lost, the target is gone, chooses no pods, has no such port, or none of its pods runs.
pub async fn backends(client: &Client, target: &Target, port: u16, stay: Option<&str>) -> Result<Vec<Backend>, ForwardError> {
    if target.kind == Kind::Pod {
        return Ok(vec![Backend { pod: target.name.clone(), port }]);
    }
    let object = ObjectRef { kind: target.kind, namespace: target.namespace.clone(), name: target.name.clone() };
    let object = match client.request(Request::Get(GetRequest { object })).await? {
        Response::Object { object, .. } => object,
        _ => return Err(ForwardError::Unexpected),
    };
    let labels = selector_of(target.kind, &object).ok_or_else(|| ForwardError::NoSelector(target.clone()))?;
    let namespace = Some(target.namespace.clone());
    let selection = Selection { namespace, label_selector: Some(labels), field_selector: None };
    let pods: Vec<Value> = match client.request(Request::List(ListRequest { kind: Kind::Pod, selection, in_parts: true })).await?
    {
        Response::List(list) => list.items.iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect(),
        _ => return Err(ForwardError::Unexpected),
    };
    let chosen = in_order(&pods, stay);
    if chosen.is_empty() {
        return Err(ForwardError::NoPod(target.clone()));
    }
    let backend = |pod: &&Value| Ok(Backend { pod: name(pod).to_owned(), port: pods_port(target, &object, pod, port)? });
    chosen.iter().map(backend).collect()
}

/// By which labels an object chooses pods: `app=web,tier in (a,b)`; nothing where it chooses none.
pub fn selector_of(kind: Kind, object: &Value) -> Option<String> {
    let labels = if kind == Kind::Service {
        let pairs = map(object, "/spec/selector").into_iter().flatten();
        pairs.map(|(key, value)| format!("{key}={}", scalar(value))).collect::<Vec<_>>().join(",")
    } else {
        selector::shown(&serde_json::from_value(object.pointer("/spec/selector").cloned()?).ok()?)
    };
    Some(labels).filter(|labels| !labels.is_empty())
}

/// Those that run and are not being deleted: only the ready ones where there are any. The one to stay with comes first, then the oldest.
fn in_order<'p>(pods: &'p [Value], stay: Option<&str>) -> Vec<&'p Value> {
    let is_ready = |pod: &Value| is_true(pod, "Ready");
    let runs = |pod: &&Value| text(pod, "/status/phase") == "Running" && text(pod, "/metadata/deletionTimestamp").is_empty();
    let running: Vec<&Value> = pods.iter().filter(runs).collect();
    let is_any_ready = running.iter().any(|pod| is_ready(pod));
    let mut chosen: Vec<&Value> = running.into_iter().filter(|pod| !is_any_ready || is_ready(pod)).collect();
    chosen.sort_by_key(|pod| (Some(name(pod)) != stay, text(pod, "/metadata/creationTimestamp"), name(pod)));
    chosen
}

/// The pod's port: of a service the one that its own leads to.
fn pods_port(target: &Target, object: &Value, pod: &Value, port: u16) -> Result<u16, ForwardError> {
    // A service without an address is a name for its pods alone, whose ports are theirs.
    if target.kind != Kind::Service || text(object, "/spec/clusterIP") == "None" {
        return Ok(port);
    }
    let ports = service_ports(object);
    let Some((_, _, leads_to)) = ports.iter().find(|(number, ..)| *number == port) else {
        let known = ports.iter().map(|(number, ..)| *number).collect();
        return Err(ForwardError::NoPort { target: target.clone(), port, known });
    };
    let number = leads_to.as_u64().or_else(|| leads_to.as_str()?.parse().ok());
    match number {
        Some(number) => u16::try_from(number).map_err(|_| ForwardError::Unexpected),
        None if leads_to.is_null() => Ok(port),
        None => {
            let wanted = scalar(leads_to);
            named(pod, &wanted).ok_or_else(|| ForwardError::NoNamedPort {
                target: target.clone(),
                pod: name(pod).to_owned(),
                name: wanted,
            })
        }
    }
}

/// A service's TCP ports: number, name, and to which port of its pods each leads.
pub fn service_ports(service: &Value) -> Vec<(u16, &str, &Value)> {
    let tcp = list(service, "/spec/ports").iter().filter(|port| matches!(text(port, "/protocol"), "" | "TCP"));
    let port = |port| Some((u16::try_from(number(port, "/port")).ok()?, text(port, "/name"), &port["targetPort"]));
    tcp.filter_map(port).collect()
}

/// The number of a container's port of that name; `pod` is a pod, or the template of one.
pub fn named(pod: &Value, name: &str) -> Option<u16> {
    let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    let mut ports = containers.flat_map(|container| list(container, "/ports"));
    ports.find(|port| text(port, "/name") == name)?["containerPort"].as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{Target, in_order, pods_port, selector_of};
    use objects::Kind;
    use objects::lookup::name;
    use serde_json::{Value, json};

    fn pod(name: &str, born: &str, phase: &str, is_ready: bool) -> Value {
        let ready = json!([{"type": "Ready", "status": if is_ready { "True" } else { "False" }}]);
        json!({
            "metadata": {"name": name, "creationTimestamp": born},
            "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 8080, "name": "http"}]}]},
            "status": {"phase": phase, "conditions": ready},
        })
    }

    fn names(pods: &[Value], stay: Option<&str>) -> Vec<String> {
        in_order(pods, stay).into_iter().map(|pod| name(pod).to_owned()).collect()
    }

    #[test]
    fn a_ready_pod_takes_connections_until_it_is_gone_and_one_that_is_not_only_where_none_is() {
        let mut pods = vec![
            pod("new", "2026-01-02T00:00:00Z", "Running", true),
            pod("old", "2026-01-01T00:00:00Z", "Running", true),
            pod("older-not-ready", "2025-01-01T00:00:00Z", "Running", false),
            pod("done", "2024-01-01T00:00:00Z", "Succeeded", false),
        ];
        assert_eq!(names(&pods, None), ["old", "new"]);
        assert_eq!(names(&pods, Some("new")), ["new", "old"], "one stays with the pod that had the last connection");
        pods[0]["metadata"]["deletionTimestamp"] = json!("2026-01-03T00:00:00Z");
        assert_eq!(names(&pods, Some("new")), ["old"], "a pod that ends gets no new connection");
        assert_eq!(names(&pods[2..], None), ["older-not-ready"], "somebody may want to see why it is not ready");
        assert!(names(&pods[3..], None).is_empty());
    }

    #[test]
    fn the_port_of_a_service_leads_to_its_pods_ports() {
        let target = Target { kind: Kind::Service, namespace: "shop".into(), name: "web".into() };
        let mut service = json!({"spec": {"selector": {"app": "web"}, "ports": [
            {"port": 80, "targetPort": "http"}, {"port": 443, "targetPort": 8443}, {"port": 53, "protocol": "UDP"}, {"port": 81},
            {"port": 82, "targetPort": "grpc"},
        ]}});
        let web = pod("web-1", "", "Running", true);
        let to = |service: &Value, port| pods_port(&target, service, &web, port).map_err(|error| error.to_string());
        assert_eq!((to(&service, 80), to(&service, 443), to(&service, 81)), (Ok(8080), Ok(8443), Ok(81)));
        assert_eq!(to(&service, 53), Err("service/web has no port 53; it has 80, 443, 81, 82".to_owned()));
        assert_eq!(to(&service, 82), Err("pod web-1 names no port \"grpc\", to which service/web leads".to_owned()));
        service["spec"]["clusterIP"] = json!("None");
        assert_eq!(to(&service, 9000), Ok(9000), "a headless service has no ports of its own");
    }

    #[test]
    fn what_chooses_pods_says_by_which_labels() {
        let service = json!({"spec": {"selector": {"app": "web", "tier": "a"}}});
        assert_eq!(selector_of(Kind::Service, &service).as_deref(), Some("app=web,tier=a"));
        assert_eq!(selector_of(Kind::Service, &json!({"spec": {"externalName": "a.b"}})), None);
        let set = json!({"spec": {"selector": {"matchLabels": {"app": "web"}}}});
        assert_eq!(selector_of(Kind::ReplicaSet, &set).as_deref(), Some("app=web"));
    }
}
