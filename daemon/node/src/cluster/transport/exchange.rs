//! Nodes exchange keys: each sends all it knows, and takes what is new. Only nodes whose certificate counts get here.

use super::connections::{Whom, dial, explain};
use super::framing::{read_up_to, write};
use super::inbound::{KIND_KEYS, counts, keep};
use super::sockets::Silence;
use super::{Shared, quic_address};
use pki::{Bundle, MAX_BUNDLE_BYTES, Merged};
use quinn::{RecvStream, SendStream};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::{debug, info};

/// How long one may take.
const LONGEST: Duration = Duration::from_secs(10);
/// The least time between two with one address.
const BETWEEN: Duration = Duration::from_secs(1);
/// Addresses that are remembered for that.
const ADDRESSES: usize = 1024;

/// When it was tried last, by QUIC address.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<HashMap<SocketAddr, Instant>>);

impl Tries {
    /// Whether it may be tried now; where so, that is noted.
    fn may(&self, address: SocketAddr) -> bool {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: &Instant| at.elapsed() < BETWEEN;
        if tries.get(&address).is_some_and(is_fresh) {
            return false;
        }
        if tries.len() >= ADDRESSES {
            tries.retain(|_, at| is_fresh(at));
        }
        tries.len() < ADDRESSES && tries.insert(address, Instant::now()).is_none_or(|at| !is_fresh(&at))
    }
}

/// Has keys exchanged with whoever is at a QUIC address, unless that was just done.
pub(super) fn soon(shared: &Arc<Shared>, address: SocketAddr) {
    if !shared.tries.may(address) {
        return;
    }
    let task = {
        let shared = shared.clone();
        async move {
            if let Err(why) = ask(&shared, address).await {
                debug!(%address, why, "an exchange of keys failed");
            }
        }
    };
    // Where there is no room for it, the next datagram brings it up again.
    let _ = shared.tasks.try_send(Box::pin(task));
}

/// The same at once, for an address of datagrams.
pub(super) async fn with(shared: &Arc<Shared>, gossip: SocketAddr) -> Result<(), String> {
    ask(shared, quic_address(gossip)).await
}

async fn ask(shared: &Arc<Shared>, address: SocketAddr) -> Result<(), String> {
    let connection = match shared.connections.at(address) {
        Some(held) if counts(shared, &held.holder) => held.connection,
        _ => {
            let (connection, holder) = dial(shared, Whom::Anybody, address, Silence::Ends).await?;
            keep(shared, connection.clone(), holder)?;
            connection
        }
    };
    let talk = async {
        let (mut send, mut receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
        send.write_all(&[KIND_KEYS]).await.map_err(|error| error.to_string())?;
        tell(shared, &mut send).await?;
        take(shared, &mut receive).await
    };
    let talked = tokio::time::timeout(LONGEST, talk).await.unwrap_or_else(|_| Err("it took too long".to_owned()));
    // A server looks at our certificate after we take the handshake for done: its refusal is the connection's end.
    talked.map_err(|why| connection.close_reason().map_or(why, |reason| explain(&reason)))
}

pub(super) async fn answer(shared: &Shared, mut send: SendStream, mut receive: RecvStream) -> Result<(), String> {
    let talk = async {
        take(shared, &mut receive).await?;
        tell(shared, &mut send).await
    };
    tokio::time::timeout(LONGEST, talk).await.unwrap_or_else(|_| Err("it took too long".to_owned()))
}

async fn tell(shared: &Shared, send: &mut SendStream) -> Result<(), String> {
    let bundle = shared.trust.keys().bundle.encode();
    write(send, bundle.into()).await.map_err(|error| error.to_string())?;
    send.finish().map_err(|error| error.to_string())
}

async fn take(shared: &Shared, receive: &mut RecvStream) -> Result<(), String> {
    let bytes = read_up_to(receive, MAX_BUNDLE_BYTES).await.map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or("it sent nothing")?;
    let bundle = Bundle::decode(&bytes).map_err(|error| error.to_string())?;
    let merged = shared.trust.merge(bundle).await.map_err(|error| error.to_string())?;
    if merged == Merged::Changed {
        let bundle = shared.trust.keys().bundle;
        info!(generation = bundle.newest().number, removed = bundle.denied().len(), "the cluster's keys have changed");
    }
    Ok(())
}
