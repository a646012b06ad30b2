//! proxy: a client's request to a program in a pod, by way of the daemon.

use super::carried::request;
use super::exchange::{Exchanged, exchange};
use super::site::Asked;
use crate::verbs::Verbs;
use hyper::Uri;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use objects::lookup::{list, number, text};
use objects::{Kind, Status};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use wire::ObjectRef;

/// How long the program may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a name says: `kubia`, `kubia:8080`, `http:kubia:8080`.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    pod: &'a str,
    port: &'a str,
}

impl<'a> Place<'a> {
    fn parse(name: &'a str) -> Result<Self, Status> {
        let parts: Vec<&str> = name.split(':').collect();
        match *parts.as_slice() {
            [pod] => Ok(Self { pod, port: "" }),
            [pod, port] | ["" | "http", pod, port] => Ok(Self { pod, port }),
            ["https", ..] => Err(Status::bad_request("pods are asked over http only: https is not supported by the proxy")),
            _ => Err(Status::bad_request(format!("invalid pod request {name:?}"))),
        }
    }
}

/// Asks the program and gives back its answer.
///
/// # Errors
/// 404 for a pod that is not there, 503 where the program does not answer.
pub async fn answer(verbs: &Verbs, asked: &Asked, mut parts: Parts, body: Incoming) -> Result<Exchanged, Status> {
    let place = Place::parse(asked.target.name.as_deref().unwrap_or_default())?;
    let namespace = asked.target.namespace().to_owned();
    let object = ObjectRef { kind: Kind::Pod, namespace, name: place.pod.to_owned() };
    let wire::Response::Object { object: pod, .. } = verbs.get(&object).await? else {
        return Err(Status::internal("a pod was asked for and something else was found"));
    };
    let failed = |why: &str| Status::unavailable(format!("error trying to reach pod {}: {why}", place.pod));
    let address: IpAddr = text(&pod, "/status/podIP").parse().map_err(|_| failed("it has no address yet"))?;
    let port = port(&pod, place.port)?;
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((address, port))).await;
    let stream = connecting.map_err(|_| failed("it did not answer in time"))?.map_err(|error| failed(&error.to_string()))?;
    let ours = parts.extensions.remove::<OnUpgrade>();
    let path = if asked.target.rest.is_empty() { "/" } else { asked.target.rest.as_str() };
    let path = parts.uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    parts.uri = path.parse::<Uri>().map_err(|error| Status::bad_request(error.to_string()))?;
    // What lets the client in here is not the pod's to know.
    parts.headers.remove(AUTHORIZATION);
    if let Ok(host) = HeaderValue::from_str(&std::net::SocketAddr::new(address, port).to_string()) {
        parts.headers.insert(HOST, host);
    }
    exchange(stream, request(parts, body), ours).await.map_err(|why| failed(&why))
}

/// The port that is meant: a number, a name, or else the pod's first one.
fn port(pod: &Value, wanted: &str) -> Result<u16, Status> {
    if let Ok(port) = wanted.parse::<u16>() {
        return Ok(port);
    }
    let mut ports = list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/ports"));
    let found = ports.find(|port| wanted.is_empty() || text(port, "/name") == wanted);
    match found.map(|port| number(port, "/containerPort")) {
        Some(port) => u16::try_from(port).map_err(|_| Status::bad_request("the pod's port is none")),
        None if wanted.is_empty() => Ok(80),
        None => Err(Status::bad_request(format!("the pod has no port named {wanted:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, port};
    use serde_json::json;

    #[test]
    fn a_name_says_which_pod_and_port() {
        assert_eq!(Place::parse("kubia"), Ok(Place { pod: "kubia", port: "" }));
        assert_eq!(Place::parse("http:kubia:web"), Ok(Place { pod: "kubia", port: "web" }));
        assert_eq!(Place::parse("kubia:8080"), Ok(Place { pod: "kubia", port: "8080" }));
        for bad in ["https:kubia:443", "a:b:c", "a:b:c:d"] {
            assert_eq!(Place::parse(bad).expect_err("refused").code, 400, "{bad}");
        }
    }

    #[test]
    fn a_port_is_a_number_a_name_or_the_first() {
        let ports = json!([{"name": "web", "containerPort": 8080}, {"name": "admin", "containerPort": 9090}]);
        let pod = json!({"spec": {"containers": [{"ports": ports}]}});
        let of = |wanted: &str| port(&pod, wanted).ok();
        assert_eq!((of(""), of("admin"), of("7"), of("none")), (Some(8080), Some(9090), Some(7), None));
        assert_eq!(port(&json!({}), "").ok(), Some(80));
    }
}
