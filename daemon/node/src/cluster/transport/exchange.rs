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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, info};

/// How long one may take.
const LONGEST: Duration = Duration::from_secs(10);
/// The least time between two with one address.
const BETWEEN: Duration = Duration::from_secs(1);
/// Addresses that are remembered for that.
const ADDRESSES: usize = 1024;
/// Exchanges at once with members that this node knows.
const WITH_KNOWN: usize = 16;
/// And with whoever else has the cluster's keys: newcomers, or somebody who makes up one sender after the other.
const WITH_UNKNOWN: usize = 4;

/// What is known of whoever asks for an exchange by what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A member by the name that it gives; anybody could give it.
    Known,
    /// None that was heard of.
    Unknown,
}

/// When it was tried last, by QUIC address, and how many are under way.
#[derive(Debug)]
pub(super) struct Tries {
    at: Mutex<HashMap<SocketAddr, Instant>>,
    known: Arc<Semaphore>,
    unknown: Arc<Semaphore>,
}

impl Default for Tries {
    fn default() -> Self {
        let semaphore = |places| Arc::new(Semaphore::new(places));
        Self { at: Mutex::default(), known: semaphore(WITH_KNOWN), unknown: semaphore(WITH_UNKNOWN) }
    }
}

impl Tries {
    /// A place for an exchange with this address, where it may be tried now; that is noted.
    fn place(&self, address: SocketAddr, asker: Asker) -> Option<OwnedSemaphorePermit> {
        let mut tries = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: &Instant| at.elapsed() < BETWEEN;
        if tries.get(&address).is_some_and(is_fresh) {
            return None;
        }
        if tries.len() >= ADDRESSES {
            tries.retain(|_, at| is_fresh(at));
        }
        if tries.len() >= ADDRESSES {
            return None;
        }
        let places = if asker == Asker::Known { &self.known } else { &self.unknown };
        let place = places.clone().try_acquire_owned().ok()?;
        tries.insert(address, Instant::now());
        Some(place)
    }
}

/// Has keys exchanged with whoever is at a QUIC address, unless that was just done, or too many are under way: what asked for it comes
/// again.
pub(super) fn soon(shared: &Arc<Shared>, address: SocketAddr, asker: Asker) {
    let Some(place) = shared.tries.place(address, asker) else { return };
    let task = {
        let shared = shared.clone();
        async move {
            let _place = place;
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

#[cfg(test)]
mod tests {
    use super::{Asker, Tries, WITH_KNOWN, WITH_UNKNOWN};
    use std::net::SocketAddr;

    fn address(number: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], u16::try_from(number).expect("a port")))
    }

    #[test]
    fn exchanges_are_bounded_and_made_up_senders_take_no_place_of_members() {
        let tries = Tries::default();
        let made_up: Vec<_> = (1..=500).filter_map(|port| tries.place(address(port), Asker::Unknown)).collect();
        assert_eq!(made_up.len(), WITH_UNKNOWN);
        let known: Vec<_> = (1_001..=1_500).filter_map(|port| tries.place(address(port), Asker::Known)).collect();
        assert_eq!(known.len(), WITH_KNOWN);
        drop(made_up);
        assert!(tries.place(address(1), Asker::Unknown).is_none(), "it was just asked");
        assert!(tries.place(address(501), Asker::Unknown).is_some());
        assert!(tries.place(address(1_501), Asker::Known).is_none(), "their places are taken still");
    }
}
