//! `port-forward`: listens here and passes each connection on to a port of a pod.

use super::containers;
use super::context::Context;
use super::failure::Failure;
use crate::forward;
use clap::Args;
use client::ClientError;
use futures_util::future::select_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use objects::{Kind, lookup};
use serde_json::Value;
use std::net::IpAddr;
use tokio::net::TcpListener;
use wire::PortForwardRequest;

/// Arguments of `port-forward`.
#[derive(Debug, Args)]
pub struct PortForwardArgs {
    /// POD or pod/POD.
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
    let name = containers::pod_name(&args.target)?;
    let pod = context.get(context.reference(Kind::Pod, &name)).await?;
    let pairs = args.ports.iter().map(|text| pair(text, &pod)).collect::<Result<Vec<_>, _>>()?;
    let phase = lookup::text(&pod, "/status/phase");
    if phase != "Running" {
        let why = format!("unable to forward port because pod is not running. Current status={phase}");
        return Err(Failure::message(why));
    }
    let mut doors = Vec::new();
    for pair in &pairs {
        open(context, &addresses, *pair, &mut doors).await?;
    }
    if doors.is_empty() {
        let pairs: Vec<String> = pairs.iter().map(|pair| format!("{{{} {}}}", pair.local, pair.remote)).collect();
        return Err(Failure::message(format!("unable to listen on any of the requested ports: [{}]", pairs.join(" "))));
    }
    context.out.flush()?;
    let request = PortForwardRequest { namespace: context.namespace_of(Kind::Pod), pod: name, port: 0, window: 0 };
    serve(context, &doors, &request).await
}

async fn serve(context: &mut Context, doors: &[Door], request: &PortForwardRequest) -> Result<(), Failure> {
    let client = context.client().await?.clone();
    let mut connections = FuturesUnordered::new();
    loop {
        let accepting = select_all(doors.iter().map(|door| Box::pin(door.listener.accept())));
        // A listener keeps whoever was not accepted, the set whoever is being served.
        tokio::select! {
            (accepted, index, _) = accepting => match accepted {
                Ok((stream, _)) => {
                    let door = &doors[index];
                    context.print_now(&format!("Handling connection for {}\n", door.local))?;
                    let request = PortForwardRequest { port: door.remote, ..request.clone() };
                    let (client, local) = (client.clone(), door.local);
                    connections.push(async move { (local, request.port, forward::pass(client, stream, request, &|_, _| ()).await) });
                }
                // Out of descriptors, most likely: others may close theirs meanwhile.
                Err(error) => {
                    context.note(format!("error accepting connection: {error}"))?;
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
            Some((local, remote, result)) = connections.next() => {
                let Err(error) = result else { continue };
                context.note(format!("an error occurred forwarding {local} -> {remote}: {error}"))?;
                if is_lost(&error) {
                    return Err(Failure::message("lost connection to pod"));
                }
            }
        }
    }
}

/// Whether the next connection would fail, too: the pod or the daemon is gone.
fn is_lost(error: &ClientError) -> bool {
    error.is_link_failure() || error.status().is_some_and(|status| matches!(status.code, 400 | 404))
}

/// Listens for a pair on every address; one that cannot be had is told of.
async fn open(context: &mut Context, addresses: &[IpAddr], pair: Pair, doors: &mut Vec<Door>) -> Result<(), Failure> {
    let mut local = pair.local;
    let mut faults = Vec::new();
    for address in addresses {
        match forward::listen(*address, local).await {
            Ok((listener, bound)) => {
                // One number on all addresses.
                local = bound.port();
                context.line(format!("Forwarding from {bound} -> {}", pair.remote))?;
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

fn pair(text: &str, pod: &Value) -> Result<Pair, Failure> {
    let (local, remote) = text.split_once(':').map_or((None, text), |(local, remote)| (Some(local), remote));
    let remote = match remote.parse() {
        Ok(0) => return Err(Failure::message("remote port must be > 0")),
        Ok(port) => port,
        Err(_) => named(pod, remote)
            .ok_or_else(|| Failure::message(format!("Pod '{}' does not have a named port '{remote}'", lookup::name(pod))))?,
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

/// The number of a container's port.
fn named(pod: &Value, name: &str) -> Option<u16> {
    let containers = lookup::list(pod, "/spec/containers").iter();
    let mut ports = containers.flat_map(|container| lookup::list(container, "/ports"));
    ports.find(|port| lookup::text(port, "/name") == name)?["containerPort"].as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{Pair, addresses, pair};
    use serde_json::json;

    #[test]
    fn ports_are_numbers_or_names_and_one_stands_for_both() {
        let pod =
            json!({"metadata": {"name": "a"}, "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8080}]}]}});
        let read = |text: &str| pair(text, &pod).map_err(|failure| failure.to_text());
        assert_eq!(read("80"), Ok(Pair { local: 80, remote: 80 }));
        assert_eq!(read("8888:80"), Ok(Pair { local: 8888, remote: 80 }));
        assert_eq!(read(":80"), Ok(Pair { local: 0, remote: 80 }));
        assert_eq!(read("1:web"), Ok(Pair { local: 1, remote: 8080 }));
        assert_eq!(read("dns"), Err("error: Pod 'a' does not have a named port 'dns'".to_owned()));
        assert_eq!(read("0"), Err("error: remote port must be > 0".to_owned()));
        assert_eq!(read("x:80"), Err("error: error parsing local port \"x\": it is no port".to_owned()));
    }

    #[test]
    fn localhost_is_two_addresses_and_names_are_none() {
        assert_eq!(addresses(&["localhost".to_owned(), "0.0.0.0".to_owned()]).map(|all| all.len()).ok(), Some(3));
        let fault = addresses(&["example".to_owned()]).map_err(|failure| failure.to_text());
        assert_eq!(fault, Err("error: example is not a valid IP".to_owned()));
    }
}
