//! `port-forward`: listens here and passes each connection on to a port of a pod.

use super::containers;
use super::context::Context;
use super::failure::Failure;
use clap::Args;
use client::{Client, ClientError, DuplexReader, DuplexSender, Received};
use futures_util::future::select_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use objects::{Kind, lookup};
use serde_json::Value;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
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
                    connections.push(async move { (local, request.port, pass(client, stream, request).await) });
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

/// One connection, to its end. That our own side breaks it off is no fault.
async fn pass(client: Client, stream: TcpStream, request: PortForwardRequest) -> Result<(), ClientError> {
    // A keystroke is a packet of its own.
    let _ = stream.set_nodelay(true);
    let (sender, reader) = client.port_forward(request).await?;
    let (source, sink) = stream.into_split();
    let (up, down) = (send(source, sender), receive(reader, sink));
    tokio::pin!(up, down);
    let mut is_sent = false;
    loop {
        // Both go on where they were when the other comes first.
        tokio::select! {
            came = &mut down => return came,
            sent = &mut up, if !is_sent => match sent {
                Ok(()) => is_sent = true,
                Err(_) => return Ok(()),
            },
        }
    }
}

/// From here to the pod, until our side is closed.
async fn send(mut source: OwnedReadHalf, sender: DuplexSender) -> io::Result<()> {
    let mut bytes = vec![0; 32 * 1024];
    loop {
        let count = source.read(&mut bytes).await?;
        // That the stream has ended is told by its reader.
        let sent = if count == 0 { sender.finish().await } else { sender.send(&bytes[..count]).await };
        if count == 0 || sent.is_err() {
            return Ok(());
        }
    }
}

/// From the pod to here, until both sides are closed.
async fn receive(mut reader: DuplexReader, mut sink: OwnedWriteHalf) -> Result<(), ClientError> {
    while let Some(received) = reader.next().await? {
        let Received::Bytes(_, bytes) = received else { continue };
        let written = if bytes.is_empty() { sink.shutdown().await } else { sink.write_all(&bytes).await };
        if written.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Listens for a pair on every address; one that cannot be had is told of.
async fn open(context: &mut Context, addresses: &[IpAddr], pair: Pair, doors: &mut Vec<Door>) -> Result<(), Failure> {
    let mut local = pair.local;
    let mut faults = Vec::new();
    for address in addresses {
        match TcpListener::bind(SocketAddr::new(*address, local))
            .await
            .and_then(|listener| Ok((listener.local_addr()?, listener)))
        {
            Ok((bound, listener)) => {
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
        if text == "localhost" {
            addresses.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        } else {
            addresses.push(text.parse().map_err(|_| Failure::message(format!("{text} is not a valid IP")))?);
        }
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
