//! rustls configurations of a bundle: snapshots that whoever holds the sockets swaps when the bundle changes.
//!
//! Each side tells which authorities it trusts, and the other shows a certificate of the newest of those: so a node that has not heard of
//! a new generation yet still comes through, and fetches it. Sessions are never resumed: a resumed one would skip the check of who was
//! removed. TLS 1.3 only.

mod certified;
mod verify;

use crate::certificate::{HolderKind, Named, NodeName, api_names, issue};
use crate::generation::{GenerationId, KeyError};
use crate::identity::NodeKey;
use crate::{Bundle, Lifetimes};
use certified::{Certified, Otherwise};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;
use verify::{Expect, Pinned, Verifier};

/// What nodes speak to each other.
pub const NODE_PROTOCOL: &[u8] = b"skiff/1";
/// The same on a connection that carries one stream, of whoever asked for it.
pub const STREAM_PROTOCOL: &[u8] = b"skiff-stream/1";
/// What a machine speaks that wants in, and has no certificate yet.
pub const JOIN_PROTOCOL: &[u8] = b"skiff-join/1";
/// What consoles speak: a websocket. And clients of the API.
pub const CONSOLE_PROTOCOL: &[u8] = b"http/1.1";
/// What most clients of the API speak.
pub const HTTP2_PROTOCOL: &[u8] = b"h2";

/// The configurations of one moment.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Serves nodes, which have to show a certificate, and joiners, which have none: whoever accepts looks at the protocol that was agreed
    /// on, and closes a connection of a node without a certificate.
    pub nodes: Arc<ServerConfig>,
    /// Serves consoles and clients of the API. Who shows no certificate is a stranger until a token says otherwise.
    pub consoles: Arc<ServerConfig>,
    /// Asks the node that the server's name says.
    pub named: Arc<ClientConfig>,
    /// The same for a connection that carries one stream.
    pub stream: Arc<ClientConfig>,
    /// Asks any node of the cluster, whatever the server's name says.
    pub any: Arc<ClientConfig>,
    /// When to make the next snapshot: two thirds of the certificates' life.
    pub renew_at_ms: u64,
}

/// Why there are no configurations.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What rustls says.
    #[error("the cluster's keys cannot be used for TLS")]
    Rustls(#[from] rustls::Error),
    /// What rustls says of a verifier.
    #[error("the cluster's certificates cannot be used for TLS")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl Tls {
    /// Signs this node's certificates (one of each generation that counts, so that nobody has to be ahead) and makes the configurations.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn make(
        bundle: &Arc<Bundle>,
        key: &NodeKey,
        name: &NodeName,
        now_ms: u64,
        lifetimes: &Lifetimes,
    ) -> Result<Self, TlsError> {
        let (cluster, life_ms, api_names) = (bundle.cluster(), lifetimes.certificate_ms, api_names()?);
        let (mut certified, mut of_api) = (Certified::new(Otherwise::Newest), Certified::new(Otherwise::Oldest));
        for generation in bundle.trusted(now_ms) {
            let holder = Named { cluster, kind: HolderKind::Node, name, life_ms, group: None, also: &[] };
            certified.add(generation, issue(generation, &holder, key, now_ms)?, key)?;
            let holder = Named { also: &api_names, ..holder };
            of_api.add(generation, issue(generation, &holder, key, now_ms)?, key)?;
        }
        let (certified, of_api) = (Arc::new(certified), Arc::new(of_api));
        let verifier = |wanted, expect| Verifier::make(bundle, now_ms, wanted, expect).map(Arc::new);
        let server = |verifier: Arc<Verifier>, certified: &Arc<Certified>, protocols: &[&[u8]]| {
            let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13])?;
            let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(certified.clone());
            config.send_tls13_tickets = 0;
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        let client = |verifier: Arc<Verifier>, protocol: &[u8]| {
            let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13])?;
            let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
            let mut config = builder.with_client_cert_resolver(certified.clone());
            config.resumption = Resumption::disabled();
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        let node = Some(HolderKind::Node);
        Ok(Self {
            nodes: server(verifier(node, Expect::Optional)?, &certified, &[NODE_PROTOCOL, STREAM_PROTOCOL, JOIN_PROTOCOL])?,
            consoles: server(verifier(None, Expect::Optional)?, &of_api, &[HTTP2_PROTOCOL, CONSOLE_PROTOCOL])?,
            named: client(verifier(node, Expect::Named)?, NODE_PROTOCOL)?,
            stream: client(verifier(node, Expect::Named)?, STREAM_PROTOCOL)?,
            any: client(verifier(node, Expect::Anybody)?, NODE_PROTOCOL)?,
            renew_at_ms: now_ms.saturating_add(lifetimes.certificate_ms / 3 * 2),
        })
    }
}

/// Asks a node for admission: shows no certificate, and believes only the cluster whose authority a token names.
///
/// # Errors
/// See [`TlsError`].
pub fn joining(authority: GenerationId) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13])?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Pinned::new(authority)));
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![JOIN_PROTOCOL.to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests;
