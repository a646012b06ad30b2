//! `port-forward`: listens here and passes each connection on to a port of a pod.

use super::containers;
use super::context::Context;
use super::failure::Failure;
use crate::forward;
use crate::forward::backend::{self, Connection, ForwardError, Target};
use clap::Args;
use client::Client;
use futures_util::future::select_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use objects::{Kind, lookup};
use serde_json::Value;
use std::net::IpAddr;
use tokio::net::{TcpListener, TcpStream};

/// Arguments of `port-forward`.
#[derive(Debug, Args)]
pub struct PortForwardArgs {
    /// POD or pod/POD; deploy/NAME, rs/NAME or svc/NAME for a ready pod of theirs, and for another one once that is gone.
    target: String,
    /// LOCAL:REMOTE, one PORT for both, or :REMOTE for any free local one; a remote port may be the name of a container's port.
    #[arg(required = true, value_name = "[LOCAL:]REMOTE")]
    ports: Vec<String>,
    /// Where to listen: addresses, and localhost for both of its own.
    #[arg(long, value_delimiter = ',', default_value = "localhost")]
    address: Vec<String>,
}

/// One pair of ports. Local 0 is any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    local: u16,
    remote: u16,
}

/// A socket that waits for connections.
struct Door {
    listener: TcpListener,
    local: u16,
    remote: u16,
}

/// Does it, until it is interrupted.
pub async fn run(args: &PortForwardArgs, context: &mut Context) -> Result<(), Failure> {
    let addresses = addresses(&args.address)?;
    let (kind, name) = containers::named(&args.target)?;
    let target = Target { kind, namespace: context.namespace_of(kind), name };
    let object = context.get(context.reference(target.kind, &target.name)).await?;
    let pairs = args.ports.iter().map(|text| pair(text, &target, &object)).collect::<Result<Vec<_>, _>>()?;
    let phase = lookup::text(&object, "/status/phase");
    if target.kind == Kind::Pod && phase != "Running" {
        let why = format!("unable to forward port because pod is not running. Current status={phase}");
        return Err(Failure::message(why));
    }
    let mut doors = Vec::new();
    let mut pod = None;
    for pair in &pairs {
        // Says now what is wrong, and not to whoever connects. The first pair's pod is that of the others, too.
        let client = context.client().await?;
        let backends = backend::backends(client, &target, pair.remote, pod.as_deref()).await.map_err(failure)?;
        let Some(first) = backends.into_iter().next() else { return Err(failure(ForwardError::NoPod(target))) };
        open(context, &addresses, (*pair, first.port), &mut doors).await?;
        pod = Some(first.pod);
    }
    if doors.is_empty() {
        let pairs: Vec<String> = pairs.iter().map(|pair| format!("{{{} {}}}", pair.local, pair.remote)).collect();
        return Err(Failure::message(format!("unable to listen on any of the requested ports: [{}]", pairs.join(" "))));
    }
    context.out.flush()?;
    serve(context, &doors, &target, pod).await
}

async fn serve(context: &mut Context, doors: &[Door], target: &Target, mut pod: Option<String>) -> Result<(), Failure> {
    let client = context.client().await?.clone();
    let mut dialing = FuturesUnordered::new();
    let mut connections = FuturesUnordered::new();
    loop {
        let accepting = select_all(doors.iter().map(|door| Box::pin(door.listener.accept())));
        // A listener keeps whoever was not accepted, the sets whoever waits for a pod and whoever is being served.
        let (door, error) = tokio::select! {
            (accepted, index, _) = accepting => match accepted {
                Ok((stream, _)) => {
                    let door = &doors[index];
                    context.print_now(&format!("Handling connection for {}\n", door.local))?;
                    let (client, stay) = (client.clone(), pod.clone());
                    dialing.push(async move { dial(&client, target, door, (stream, stay)).await });
                    continue;
                }
                // Out of descriptors, most likely: others may close theirs meanwhile.
                Err(error) => {
                    context.note(format!("error accepting connection: {error}"))?;
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some((door, dialed)) = dialing.next() => match dialed {
                Ok((stream, connection)) => {
                    let now = Some(connection.backend.pod.clone());
                    if pod.is_some() && pod != now {
                        context.note(format!("{target} is now pod {}", connection.backend.pod))?;
                    }
                    pod = now;
                    connections.push(async move { (door, forward::pass(stream, connection, &|_, _| ()).await) });
                    continue;
                }
                Err(error) => (door, error),
            },
            Some((door, result)) = connections.next() => {
                let Err(error) = result else { continue };
                (door, error.into())
            }
        };
        context.note(format!("an error occurred forwarding {} -> {}: {error}", door.local, door.remote))?;
        if is_lost(target, &error) {
            return Err(Failure::message("lost connection to pod"));
        }
    }
}

/// Opens the way for one that connected.
async fn dial<'d>(
    client: &Client,
    target: &Target,
    door: &'d Door,
    (stream, stay): (TcpStream, Option<String>),
) -> (&'d Door, Result<(TcpStream, Connection), ForwardError>) {
    let dialed = backend::dial(client, target, door.remote, stay.as_deref()).await;
    (door, dialed.map(|connection| (stream, connection)))
}

/// Whether the next connection would fail, too: the pod or the daemon is gone. What chooses pods may choose another one.
fn is_lost(target: &Target, error: &ForwardError) -> bool {
    let ForwardError::Client(error) = error else { return false };
    let is_gone = error.status().is_some_and(|status| matches!(status.code, 400 | 404));
    error.is_link_failure() || (target.kind == Kind::Pod && is_gone)
}

fn failure(error: ForwardError) -> Failure {
    match error {
        ForwardError::Client(error) => error.into(),
        other => Failure::message(other.to_string()),
    }
}

/// Listens for a pair on every address; one that cannot be had is told of. `pods_port` is where it leads to.
async fn open(
    context: &mut Context,
    addresses: &[IpAddr],
    (pair, pods_port): (Pair, u16),
    doors: &mut Vec<Door>,
) -> Result<(), Failure> {
    let mut local = pair.local;
    let mut faults = Vec::new();
    for address in addresses {
        match forward::listen(*address, local).await {
            Ok((listener, bound)) => {
                // One number on all addresses.
                local = bound.port();
                context.line(format!("Forwarding from {bound} -> {pods_port}"))?;
                doors.push(Door { listener, local, remote: pair.remote });
            }
            Err(error) => faults.push(format!("unable to create listener: Error listen {address}:{local}: {error}")),
        }
    }
    if faults.len() == addresses.len() {
        let faults = faults.join(" ");
        context.note(format!(
            "Unable to listen on port {local}: Listeners failed to create with the following errors: [{faults}]"
        ))?;
    }
    Ok(())
}

fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, Failure> {
    let mut addresses = Vec::new();
    for text in texts {
        addresses.extend(forward::addresses(text).map_err(Failure::message)?);
    }
    Ok(addresses)
}

fn pair(text: &str, target: &Target, object: &Value) -> Result<Pair, Failure> {
    let (local, remote) = text.split_once(':').map_or((None, text), |(local, remote)| (Some(local), remote));
    let remote = match remote.parse() {
        Ok(0) => return Err(Failure::message("remote port must be > 0")),
        Ok(port) => port,
        Err(_) => named(target.kind, object, remote).ok_or_else(|| {
            let (kind, name) = (target.kind.name(), lookup::name(object));
            Failure::message(format!("{kind} '{name}' does not have a named port '{remote}'"))
        })?,
    };
    let local = match local {
        None => remote,
        Some("") => 0,
        Some(local) => {
            local.parse().map_err(|_| Failure::message(format!("error parsing local port {local:?}: it is no port")))?
        }
    };
    Ok(Pair { local, remote })
}

/// The number of a port of that name: a service's, or one of the containers of a pod or of what makes pods.
fn named(kind: Kind, object: &Value, name: &str) -> Option<u16> {
    match kind {
        Kind::Service => backend::service_ports(object).into_iter().find(|(_, known, _)| *known == name).map(|(port, ..)| port),
        Kind::Pod => backend::named(object, name),
        _ => backend::named(object.pointer("/spec/template")?, name),
    }
}

#[cfg(test)]
mod tests {
    use super::{Pair, addresses, pair};
    use crate::forward::backend::Target;
    use objects::Kind;
    use serde_json::json;

    #[test]
    fn ports_are_numbers_or_names_and_one_stands_for_both() {
        let pod =
            json!({"metadata": {"name": "a"}, "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8080}]}]}});
        let target = |kind| Target { kind, namespace: "default".to_owned(), name: "a".to_owned() };
        let read = |text: &str| pair(text, &target(Kind::Pod), &pod).map_err(|failure| failure.to_text());
        assert_eq!(read("80"), Ok(Pair { local: 80, remote: 80 }));
        assert_eq!(read("8888:80"), Ok(Pair { local: 8888, remote: 80 }));
        assert_eq!(read(":80"), Ok(Pair { local: 0, remote: 80 }));
        assert_eq!(read("1:web"), Ok(Pair { local: 1, remote: 8080 }));
        assert_eq!(read("dns"), Err("error: Pod 'a' does not have a named port 'dns'".to_owned()));
        assert_eq!(read("0"), Err("error: remote port must be > 0".to_owned()));
        assert_eq!(read("x:80"), Err("error: error parsing local port \"x\": it is no port".to_owned()));
        let deployment = json!({"spec": {"template": pod}});
        assert_eq!(pair("web", &target(Kind::Deployment), &deployment).ok(), Some(Pair { local: 8080, remote: 8080 }));
        let service = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"name": "web", "port": 80, "targetPort": "http"}]}});
        let of_service = |text: &str| pair(text, &target(Kind::Service), &service).map_err(|failure| failure.to_text());
        assert_eq!(of_service("1:web"), Ok(Pair { local: 1, remote: 80 }));
        assert_eq!(of_service("dns"), Err("error: Service 'a' does not have a named port 'dns'".to_owned()));
    }

    #[test]
    fn localhost_is_two_addresses_and_names_are_none() {
        assert_eq!(addresses(&["localhost".to_owned(), "0.0.0.0".to_owned()]).map(|all| all.len()).ok(), Some(3));
        let fault = addresses(&["example".to_owned()]).map_err(|failure| failure.to_text());
        assert_eq!(fault, Err("error: example is not a valid IP".to_owned()));
    }
}
