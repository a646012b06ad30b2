//! Tests of the TLS configurations: handshakes in memory, over all kinds of certificates.

use super::{JOIN_PROTOCOL, NODE_PROTOCOL, STREAM_PROTOCOL, Tls, joining};
use crate::{API_NAME, Bundle, ClientKeys, GenerationId, Lifetimes, NodeKey, NodeName};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

struct Node {
    key: NodeKey,
    name: NodeName,
}

impl Node {
    fn new(name: &str) -> Self {
        Self { key: NodeKey::generate().expect("a key"), name: NodeName::parse(name).expect("a name") }
    }

    fn tls(&self, bundle: &Bundle, now_ms: u64) -> Tls {
        Tls::make(&Arc::new(bundle.clone()), &self.key, &self.name, now_ms, &Lifetimes::default()).expect("configurations")
    }
}

/// rustls reads the clock by itself.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500,000,000")
}

fn bundle() -> Bundle {
    Bundle::make(now(), &Lifetimes::default()).expect("a bundle")
}

/// Shakes hands in memory; the server's error, the client's, or how many certificates the server saw.
fn shake(client: &Arc<ClientConfig>, name: &str, server: &Arc<ServerConfig>) -> Result<usize, String> {
    let mut server = ServerConnection::new(server.clone()).expect("a server");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = ClientConnection::new(client.clone(), name).expect("a client");
    for _ in 0..10 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("written");
        server.read_tls(&mut wire.as_slice()).expect("read");
        server.process_new_packets().map_err(|error| format!("server: {error}"))?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).expect("written");
        client.read_tls(&mut wire.as_slice()).expect("read");
        client.process_new_packets().map_err(|error| format!("client: {error}"))?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(server.peer_certificates().map_or(0, <[_]>::len))
}

fn check(result: &Result<usize, String>, expected: &str) {
    let text = result.as_ref().expect_err("refused");
    assert!(text.contains(expected), "{text}");
}

#[test]
fn nodes_believe_each_other_by_name() {
    let (bundle, oak, elm) = (bundle(), Node::new("oak"), Node::new("elm"));
    let (a, b) = (oak.tls(&bundle, now()), elm.tls(&bundle, now()));
    assert!(shake(&a.named, "elm", &b.nodes).is_ok_and(|shown| shown > 0));
    assert!(shake(&a.any, "whatever", &b.nodes).is_ok_and(|shown| shown > 0));
    check(&shake(&a.named, "ash", &b.nodes), "not valid for name");
}

#[test]
fn a_node_of_another_cluster_is_refused_on_both_sides() {
    let (oak, elm) = (Node::new("oak"), Node::new("elm"));
    let (a, b) = (oak.tls(&bundle(), now()), elm.tls(&bundle(), now()));
    check(&shake(&a.named, "elm", &b.nodes), "client: invalid peer certificate: UnknownIssuer");
}

#[test]
fn an_expired_certificate_is_refused() {
    let short = Lifetimes { certificate_ms: 1000, ..Lifetimes::default() };
    let (bundle, oak, elm) = (bundle(), Node::new("oak"), Node::new("elm"));
    let good = elm.tls(&bundle, now());
    let shared = Arc::new(bundle);
    let expired = Tls::make(&shared, &oak.key, &oak.name, now() - 5000, &short).expect("configurations");
    check(&shake(&expired.named, "elm", &good.nodes), "expired");
    check(&shake(&good.named, "oak", &expired.nodes), "expired");
}

#[test]
fn a_removed_node_hears_that_it_was_revoked() {
    let (mut bundle, oak, elm) = (bundle(), Node::new("oak"), Node::new("elm"));
    let removed = oak.tls(&bundle, now());
    bundle.admit(elm.key.identity(), &elm.name);
    bundle.remove(&[oak.key.identity()], &oak.name, now(), &Lifetimes::default()).expect("removed");
    let stays = elm.tls(&bundle, now());
    check(&shake(&removed.named, "elm", &stays.nodes), "Revoked");
    check(&shake(&stays.named, "oak", &removed.nodes), "Revoked");
}

#[test]
fn nodes_of_two_generations_still_meet() {
    let (mut bundle, oak, elm) = (bundle(), Node::new("oak"), Node::new("elm"));
    bundle.admit(oak.key.identity(), &oak.name);
    let behind = oak.tls(&bundle, now());
    bundle
        .remove(&[NodeKey::generate().expect("a key").identity()], &Node::new("gone").name, now(), &Lifetimes::default())
        .expect("removed");
    let ahead = elm.tls(&bundle, now());
    assert!(shake(&behind.named, "elm", &ahead.nodes).is_ok());
    assert!(shake(&ahead.named, "oak", &behind.nodes).is_ok());
}

#[test]
fn a_joiner_believes_the_authority_of_its_token_alone() {
    let (bundle, oak) = (bundle(), Node::new("oak"));
    let server = oak.tls(&bundle, now()).nodes;
    let joiner = |generation| Arc::new(joining(generation).expect("a configuration"));
    assert_eq!(shake(&joiner(bundle.newest().id()), "skiff", &server), Ok(0));
    check(&shake(&joiner(GenerationId([7; 32])), "skiff", &server), "UnknownIssuer");
    assert_eq!(joining(bundle.newest().id()).expect("a configuration").alpn_protocols, [JOIN_PROTOCOL]);
    assert_eq!(oak.tls(&bundle, now()).named.alpn_protocols, [NODE_PROTOCOL]);
    assert_eq!(oak.tls(&bundle, now()).stream.alpn_protocols, [STREAM_PROTOCOL]);
}

fn console(pem: &str) -> Arc<ClientConfig> {
    let mut chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("certificates");
    let own = chain.pop().expect("the console's own comes last");
    let mut roots = RootCertStore::empty();
    chain.into_iter().for_each(|authority| roots.add(authority).expect("an authority"));
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    let config = ClientConfig::builder_with_provider(super::provider()).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots).with_client_auth_cert(vec![own], key);
    Arc::new(config.expect("a configuration"))
}

fn pem(bundle: &Bundle, life_ms: u64, now_ms: u64) -> String {
    let name = NodeName::parse("me").expect("a name");
    ClientKeys::make(bundle, &name, "skiff:viewer", life_ms, now_ms).expect("a certificate").to_pem()
}

#[test]
fn every_nodes_api_answers_to_the_same_names() {
    let (bundle, oak) = (bundle(), Node::new("oak"));
    let server = oak.tls(&bundle, now());
    let config = console(&pem(&bundle, 1_000_000, now()));
    for name in ["oak", API_NAME, "localhost", "127.0.0.1", "::1"] {
        assert!(shake(&config, name, &server.consoles).is_ok(), "{name}");
    }
    assert!(shake(&config, "elm", &server.consoles).is_err());
}

#[test]
fn a_client_of_the_api_comes_through_while_its_authority_counts() {
    let (mut bundle, oak) = (Bundle::clone(&bundle()), Node::new("oak"));
    let before = console(&pem(&bundle, 1_000_000, now()));
    bundle.rotate(now(), &Lifetimes::default()).expect("rotated");
    let bundle = Arc::new(bundle);
    let after = console(&pem(&bundle, 1_000_000, now()));
    let server = oak.tls(&bundle, now());
    assert!(shake(&before, API_NAME, &server.consoles).is_ok());
    assert!(shake(&after, API_NAME, &server.consoles).is_ok());
}

#[test]
fn a_console_reaches_the_api_and_no_door_of_nodes() {
    let (bundle, oak) = (bundle(), Node::new("oak"));
    let server = oak.tls(&bundle, now());
    let pem_of_me = pem(&bundle, 1_000_000, now());
    let mut config = Arc::unwrap_or_clone(console(&pem_of_me));
    assert!(shake(&Arc::new(config.clone()), "oak", &server.consoles).is_ok());
    config.alpn_protocols = vec![NODE_PROTOCOL.to_vec()];
    check(&shake(&Arc::new(config), "oak", &server.nodes), "WrongKind");
    let stranger = console(&pem(&self::bundle(), 1_000_000, now()));
    check(&shake(&stranger, "oak", &server.consoles), "client:");
    let expired = console(&pem(&bundle, 1000, now() - 5000));
    check(&shake(&expired, "oak", &server.consoles), "expired");
}
