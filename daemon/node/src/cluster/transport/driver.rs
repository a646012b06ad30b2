//! The task that owns all others of a transport: receives datagrams, accepts connections, starts what the rest asks for.

use super::exchange::Asker;
use super::statistics::Counter;
use super::{Datagram, Shared, Task, exchange, inbound, quic_address, sockets};
use crate::cluster::trust::{moment, wall_ms};
use crate::shutdown::Shutdown;
use pki::datagram::{MAX_DATAGRAM, Refused, Sealer};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

/// Handshakes at once; past the first number a client has to show that its address is its own, past the second it is turned away.
const MANY_HANDSHAKES: usize = 32;
const MAX_HANDSHAKES: usize = 256;
/// Starts of nodes that are remembered.
const INSTANCES: usize = 4096;

/// Runs a transport.
#[must_use = "a transport works only while its driver runs"]
pub struct Driver {
    shared: Arc<Shared>,
    tasks: mpsc::Receiver<Task>,
    /// Starts of the nodes that were heard, by [`pki::Identity::short`].
    instances: HashMap<u64, u64>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, tasks: mpsc::Receiver<Task>) -> Self {
        Self { shared, tasks, instances: HashMap::new() }
    }

    /// Runs until the shutdown signal; then closes every connection, telling the others.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let shared = self.shared.clone();
        let mut keys = shared.trust.watch();
        // They may have changed since the sockets were bound.
        self.take_keys();
        let (mut connections, mut tasks) = (JoinSet::new(), JoinSet::new());
        let mut buffer = vec![0; MAX_DATAGRAM + 1];
        loop {
            // No arm loses anything when another wins: queues, sockets and watches keep what was not taken.
            tokio::select! {
                biased;
                () = shutdown.wait() => break,
                Ok(()) = keys.changed() => self.take_keys(),
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                Some(task) = self.tasks.recv() => {
                    tasks.spawn(task);
                }
                received = shared.socket.recv_from(&mut buffer) => match received {
                    Ok((length, from)) => self.datagram(&buffer[..length], from),
                    // An ICMP answer to an earlier datagram, most likely: that node is gone, not the socket.
                    Err(error) => {
                        warn!(%error, "cannot receive a datagram");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
                Some(incoming) = shared.endpoint.accept() => self.accept(incoming, &mut connections),
            }
        }
        shared.endpoint.close(0_u32.into(), b"the daemon ends");
        // The others hear it, and the ports are free, before this returns.
        let _ = tokio::time::timeout(Duration::from_secs(1), shared.endpoint.wait_idle()).await;
        connections.shutdown().await;
        tasks.shutdown().await;
    }

    fn take_keys(&self) {
        let keys = self.shared.trust.keys();
        self.shared.sealer().update(&keys.bundle, moment().boot_ms);
        match sockets::server_config(&keys) {
            Ok(config) => self.shared.endpoint.set_server_config(Some(config)),
            Err(error) => warn!(%error, "new keys cannot be used for QUIC; the old ones stay"),
        }
        self.shared.connections.judge(&keys.bundle, wall_ms());
    }

    fn accept(&self, incoming: quinn::Incoming, connections: &mut JoinSet<()>) {
        let handshakes = self.shared.handshakes.available_permits();
        let under_way = MAX_HANDSHAKES - handshakes.min(MAX_HANDSHAKES);
        let Ok(permit) = self.shared.handshakes.clone().try_acquire_owned() else {
            self.shared.statistics.count(Counter::BusyHandshakes);
            return incoming.refuse();
        };
        if under_way >= MANY_HANDSHAKES && !incoming.remote_address_validated() && incoming.may_retry() {
            // It comes back with a token; whoever made its address up does not.
            let _ = incoming.retry();
            return;
        }
        connections.spawn(inbound::accept(self.shared.clone(), incoming, permit));
    }

    fn datagram(&mut self, datagram: &[u8], from: SocketAddr) {
        let opened = {
            let mut sealer = self.shared.sealer();
            sealer.open(moment(), from, datagram).map_err(|refused| (refused, sealer.is_known(from)))
        };
        match opened {
            Ok(opened) => {
                if opened.trust_digest != self.shared.trust.keys().trust_digest {
                    let asker = if self.is_member(opened.sender) { Asker::Known } else { Asker::Unknown };
                    exchange::soon(&self.shared, quic_address(from), asker);
                }
                self.note_instance(opened.sender, opened.instance_ms);
                if self.shared.datagrams.try_send(Datagram { from, opened }).is_err() {
                    self.shared.statistics.count(Counter::DroppedDatagrams);
                }
            }
            // A member that is ahead of us, or one that has slept: the exchange decides whether it is one.
            Err((Refused::Stranger, true) | (Refused::OldGeneration, _)) => {
                // Whoever is none of us is not dialled for it: a removed node could make us dial the world.
                if Sealer::claimed_sender(datagram).is_some_and(|sender| self.is_member(sender)) {
                    exchange::soon(&self.shared, quic_address(from), Asker::Known);
                }
            }
            Err(_) => {}
        }
    }

    /// Whether a node of this short name was admitted, and not removed since.
    fn is_member(&self, short: u64) -> bool {
        let bundle = self.shared.trust.keys().bundle;
        bundle.members().keys().any(|identity| identity.short() == short && !bundle.is_denied(*identity))
    }

    /// A node that started anew has no use for the connections of before, and answers none of them.
    fn note_instance(&mut self, short: u64, instance_ms: u64) {
        if self.instances.len() >= INSTANCES && !self.instances.contains_key(&short) {
            self.instances.clear();
        }
        if let Some(before) = self.instances.insert(short, instance_ms)
            && before != instance_ms
        {
            self.shared.connections.restarted(short, instance_ms);
        }
    }
}

/// The places for handshakes.
pub(super) fn handshakes() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(MAX_HANDSHAKES))
}
