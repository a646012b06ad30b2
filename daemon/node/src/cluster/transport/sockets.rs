//! The two sockets of a node, and how QUIC is set.

use crate::cluster::trust::{Keys, Trust, TrustError};
use pki::KeyError;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// A connection ends after so long without a word.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// What keeps a stream's own connection up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Streams of one connection that the other side may have open: message streams, and exchanges with requests.
const UNI_STREAMS: u32 = 4;
const BI_STREAMS: u32 = 64;
/// Packet sizes, in bytes, that differ by less than this are not told apart.
const MTU_STEP: u16 = 100;
/// Pairs of ports that are tried where none was asked for.
const TRIES: usize = 64;

/// Why the sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A port is taken, or the address is not of this machine.
    #[error("cannot receive at {address} ({what}); choose another --gossip")]
    Socket {
        /// The address.
        address: SocketAddr,
        /// Datagrams or QUIC.
        what: &'static str,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// QUIC has no place after the last port.
    #[error("--gossip: the port is the last there is, and the next one is needed too")]
    LastPort,
    /// The keys.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The keys are of no use to QUIC.
    #[error("cannot use the cluster's keys for QUIC")]
    Quic(#[from] NoInitialCipherSuite),
}

/// What is bound: the socket of datagrams twice, for the reader and for whoever sends.
pub(super) struct Sockets {
    pub(super) socket: tokio::net::UdpSocket,
    pub(super) sender: UdpSocket,
    pub(super) endpoint: Endpoint,
}

/// Binds both.
pub(super) fn bind(gossip: SocketAddr, trust: &Trust) -> Result<Sockets, BindError> {
    let (datagrams, quic) = if gossip.port() == 0 { pair_of_free(gossip)? } else { pair(gossip)? };
    let failed = |what, address| move |source| BindError::Socket { address, what, source };
    datagrams.set_nonblocking(true).map_err(failed("datagrams", gossip))?;
    let sender = datagrams.try_clone().map_err(failed("datagrams", gossip))?;
    let socket = tokio::net::UdpSocket::from_std(datagrams).map_err(failed("datagrams", gossip))?;
    // The key of resets stays the same over restarts: a peer that speaks to the process before this one hears at once that it is gone.
    let reset_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &trust.key().derive(b"skiff quic reset 1"));
    let endpoint_config = EndpointConfig::new(Arc::new(reset_key));
    let server = server_config(&trust.keys())?;
    let endpoint = Endpoint::new(endpoint_config, Some(server), quic, Arc::new(TokioRuntime)).map_err(failed("QUIC", gossip))?;
    Ok(Sockets { socket, sender, endpoint })
}

fn pair(gossip: SocketAddr) -> Result<(UdpSocket, UdpSocket), BindError> {
    let next = gossip.port().checked_add(1).ok_or(BindError::LastPort)?;
    let quic = SocketAddr::new(gossip.ip(), next);
    let bind = |address, what| UdpSocket::bind(address).map_err(|source| BindError::Socket { address, what, source });
    Ok((bind(gossip, "datagrams")?, bind(quic, "QUIC")?))
}

fn pair_of_free(gossip: SocketAddr) -> Result<(UdpSocket, UdpSocket), BindError> {
    let mut tried = 0;
    loop {
        tried += 1;
        let failed = |source| BindError::Socket { address: gossip, what: "datagrams", source };
        let found = UdpSocket::bind(gossip).and_then(|socket| Ok((socket.local_addr()?, socket))).map_err(failed)?;
        let next = found.0.port().checked_add(1).map(|port| SocketAddr::new(gossip.ip(), port));
        match next.map(UdpSocket::bind) {
            Some(Ok(quic)) => return Ok((found.1, quic)),
            Some(Err(source)) if tried >= TRIES => {
                return Err(BindError::Socket { address: found.0, what: "QUIC", source });
            }
            _ if tried >= TRIES => return Err(BindError::LastPort),
            _ => {}
        }
    }
}

/// How nodes and joiners are served.
pub(super) fn server_config(keys: &Keys) -> Result<ServerConfig, NoInitialCipherSuite> {
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(keys.tls.nodes.clone())?));
    config.transport_config(Arc::new(transport_config()));
    Ok(config)
}

/// Whether a connection outlives silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It ends.
    Ends,
    /// It is kept up.
    IsKeptUp,
}

/// How a node is asked.
pub(crate) fn client_config(tls: Arc<rustls::ClientConfig>, silence: Silence) -> Result<ClientConfig, NoInitialCipherSuite> {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = transport_config();
    if silence == Silence::IsKeptUp {
        transport.keep_alive_interval(Some(KEEP_ALIVE));
    }
    config.transport_config(Arc::new(transport));
    Ok(config)
}

fn transport_config() -> TransportConfig {
    let mut config = TransportConfig::default();
    let idle = IdleTimeout::try_from(IDLE).expect("thirty seconds fit");
    config.max_idle_timeout(Some(idle));
    config.max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS));
    config.max_concurrent_bidi_streams(VarInt::from_u32(BI_STREAMS));
    config.datagram_receive_buffer_size(None);
    // Two probes find a link of 1,500 bytes; finer steps cost each connection more than they bring.
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.minimum_change(MTU_STEP);
    config.mtu_discovery_config(Some(mtu));
    // Nodes of a cluster are near: a lost packet of a handshake is sent again soon.
    config.initial_rtt(Duration::from_millis(100));
    config
}
