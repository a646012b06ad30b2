//! The table of connections: by node, which of them are still good, and whom they belong to.

use super::Shared;
use super::sockets::{Silence, client_config};
use pki::{Bundle, Holder, HolderKind};
use quinn::{Connection, VarInt};
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A process that starts says its first words by datagrams: a connection that is younger than this when they come may be with it already.
const YOUNG: Duration = Duration::from_secs(1);
/// Connections for messages with one node: one that we opened, one that it opened, and room for what is just ending.
const A_NODE: usize = 4;
/// Connections with one stream each that one node may have open here: requests that it carries for its consoles.
pub(super) const STREAMS_A_NODE: usize = 64;
/// How long a handshake may take.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// Codes that a closed connection tells.
pub(super) const CODE_GONE: VarInt = VarInt::from_u32(1);
pub(super) const CODE_REFUSED: VarInt = VarInt::from_u32(2);
pub(super) const CODE_BAD: VarInt = VarInt::from_u32(3);

/// What a node is told whose certificate was withdrawn.
pub(super) const REMOVED: &str = "this node was removed from the cluster";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Messages and exchanges of keys, of all that speak to the node.
    Messages,
    /// One stream.
    Stream,
}

/// One connection, after its handshake.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) connection: Connection,
    pub(super) holder: Arc<Holder>,
    purpose: Purpose,
    /// The other's start; 0 until it has told it, which it does when it has something to say.
    instance_ms: u64,
    since: Instant,
}

impl Held {
    fn is_good_for_messages(&self) -> bool {
        self.purpose == Purpose::Messages && self.connection.close_reason().is_none()
    }
}

#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<HashMap<String, Vec<Held>>>);

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Held>>> {
        // Every change of the table is one step: it is whole after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one. Where there are too many with the same node, the oldest for messages goes; one more for a stream is refused, since
    /// somebody reads from each of those that are open.
    pub(super) fn hold(&self, connection: &Connection, holder: &Arc<Holder>, purpose: Purpose) -> Result<(), &'static str> {
        let mut table = self.lock();
        let held = table.entry(holder.name.clone()).or_default();
        held.retain(|held| held.connection.close_reason().is_none());
        let alike = held.iter().filter(|held| held.purpose == purpose).count();
        match purpose {
            Purpose::Stream if alike >= STREAMS_A_NODE => {
                return Err("too many streams of this node are open: close some of them");
            }
            Purpose::Messages if alike >= A_NODE => {
                let oldest = held.iter().position(|held| held.purpose == purpose);
                if let Some(oldest) = oldest {
                    held.remove(oldest).connection.close(CODE_GONE, b"too many connections");
                }
            }
            _ => {}
        }
        held.push(Held {
            connection: connection.clone(),
            holder: holder.clone(),
            purpose,
            instance_ms: 0,
            since: Instant::now(),
        });
        Ok(())
    }

    /// Forgets one that has ended.
    pub(super) fn release(&self, connection: &Connection, node: &str) {
        let mut table = self.lock();
        if let Some(held) = table.get_mut(node) {
            held.retain(|held| held.connection.stable_id() != connection.stable_id());
            if held.is_empty() {
                table.remove(node);
            }
        }
    }

    /// A good one for messages with a node.
    pub(super) fn with(&self, node: &str) -> Option<Connection> {
        let table = self.lock();
        table.get(node)?.iter().rev().find(|held| held.is_good_for_messages()).map(|held| held.connection.clone())
    }

    /// A good one for messages with whoever is at an address.
    pub(super) fn at(&self, address: SocketAddr) -> Option<Held> {
        let table = self.lock();
        let is_it = |held: &&Held| held.connection.remote_address() == address && held.is_good_for_messages();
        table.values().flatten().find(is_it).cloned()
    }

    /// Notes what the other said of its start: those of an earlier one are of a process that is gone.
    pub(super) fn started(&self, connection: &Connection, node: &str, instance_ms: u64) {
        let mut table = self.lock();
        let Some(held) = table.get_mut(node) else { return };
        for held in held.iter_mut() {
            if held.connection.stable_id() == connection.stable_id() {
                held.instance_ms = instance_ms;
            } else if held.instance_ms != 0 && held.instance_ms < instance_ms {
                held.connection.close(CODE_GONE, b"of a process before");
            }
        }
    }

    /// Closes those with earlier processes of a node, which a datagram named by the start of its identity.
    pub(super) fn restarted(&self, short: u64, instance_ms: u64) {
        let table = self.lock();
        let is_of_another = |held: &Held| match held.instance_ms {
            // Where it is with the process before after all, the first message that goes there finds out.
            0 => held.since.elapsed() >= YOUNG,
            told_ms => told_ms != instance_ms,
        };
        let stale = |held: &&Held| held.holder.identity.short() == short && is_of_another(held);
        table.values().flatten().filter(stale).for_each(|held| held.connection.close(CODE_GONE, b"of a process before"));
    }

    /// Those of a node that are for one stream.
    #[cfg(test)]
    pub(super) fn streams(&self, node: &str) -> usize {
        self.lock().get(node).into_iter().flatten().filter(|held| held.purpose == Purpose::Stream).count()
    }

    /// Closes all with a node.
    pub(super) fn close(&self, node: &str, why: &str) {
        for held in self.lock().get(node).into_iter().flatten() {
            held.connection.close(CODE_GONE, why.as_bytes());
        }
    }

    /// Closes those whose certificate does not count any more.
    pub(super) fn judge(&self, bundle: &Bundle, now_ms: u64) {
        let table = self.lock();
        let is_refused = |held: &&Held| bundle.judge(&held.holder, Some(HolderKind::Node), now_ms).is_err();
        table.values().flatten().filter(is_refused).for_each(|held| held.connection.close(CODE_REFUSED, b"removed"));
    }
}

/// Who is at the other end, by the certificate that the handshake has checked; `None` where it showed none.
pub(super) fn holder(connection: &Connection) -> Option<Holder> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    Holder::read(chain.first()?).ok()
}

/// Whom to ask.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whom<'a> {
    /// This node.
    Node(&'a str),
    /// This node, for one stream.
    Stream(&'a str),
    /// Whatever node of the cluster is there.
    Anybody,
}

/// Opens a connection, or says in words why there is none.
pub(super) async fn dial(
    shared: &Shared,
    whom: Whom<'_>,
    address: SocketAddr,
    silence: Silence,
) -> Result<(Connection, Arc<Holder>), String> {
    let tls = shared.trust.keys().tls;
    let (tls, name) = match whom {
        Whom::Node(name) => (tls.named.clone(), name),
        Whom::Stream(name) => (tls.stream.clone(), name),
        Whom::Anybody => (tls.any.clone(), "skiff"),
    };
    let config = client_config(tls, silence).map_err(|error| error.to_string())?;
    let connecting = shared.endpoint.connect_with(config, address, name).map_err(|error| error.to_string())?;
    let connected = tokio::time::timeout(CONNECT, connecting).await;
    let connection =
        connected.map_err(|_| format!("no answer within {} s", CONNECT.as_secs()))?.map_err(|error| explain(&error))?;
    let holder = holder(&connection).ok_or("it shows no certificate")?;
    Ok((connection, Arc::new(holder)))
}

/// TLS has few words for why; what they mean here is said in ours.
pub(crate) fn explain(error: &quinn::ConnectionError) -> String {
    let code = match error {
        quinn::ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
        quinn::ConnectionError::TransportError(failure) => u64::from(failure.code),
        other => return other.to_string(),
    };
    // RFC 9001, 4.8: the alerts of TLS are the codes from 0x100 on.
    match code.checked_sub(0x100) {
        Some(44) => REMOVED.to_owned(),
        Some(45) => "this node's certificate is too old, or of an older generation of the cluster's keys: run `skiffd reset`, and join again with a new token".to_owned(),
        Some(48) => "it is of another cluster, or this node slept through a change of the cluster's keys: run `skiffd reset`, and join again with a new token".to_owned(),
        _ => error.to_string(),
    }
}
