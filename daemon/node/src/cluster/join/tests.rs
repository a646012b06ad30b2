//! Tests of joins, on loopback.

use super::{JoinError, JoinRequest, Joined, join};
use crate::cluster::transport::quic_address;
use crate::cluster::transport::sockets::{Silence, client_config};
use crate::cluster::transport::tests::{Node, bundle};
use crate::cluster::trust::{Trust, wall_ms};
use pki::token::Token;
use pki::{Bundle, Lifetimes};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn token(bundle: &Bundle, life_ms: u64) -> Token {
    Token::make(bundle, wall_ms() + life_ms).expect("a token")
}

async fn try_join(node: &Node, folder: &Path, name: &str, token: &Token) -> Result<Joined, JoinError> {
    // The first is nobody: each is tried.
    let nodes = ["nowhere.invalid:7946".to_owned(), node.gossip.to_string()];
    join(JoinRequest { nodes: &nodes, ..request(folder, name, token) }).await
}

fn request<'a>(folder: &'a Path, name: &'a str, token: &'a Token) -> JoinRequest<'a> {
    JoinRequest { folder, name, token, nodes: &[], cluster_cidr: "10.88.0.0/16", lifetimes: Lifetimes::default() }
}

#[tokio::test]
async fn a_machine_with_a_token_becomes_a_node_and_needs_none_again() {
    let oak = Node::start(&bundle(), "oak");
    let folder = tempfile::tempdir().expect("a folder");
    let token = token(&oak.trust.keys().bundle, 60_000);
    let joined = try_join(&oak, folder.path(), "elm", &token).await.expect("joined");
    assert_eq!(joined.welcome.cluster_cidr, "10.88.0.0/16");
    assert!(oak.trust.keys().bundle.members().contains_key(&joined.trust.identity()));
    let elm = Node::run(joined.trust, ([127, 0, 0, 1], 0).into(), 1);
    elm.transport.exchange_keys(oak.gossip).await.expect("it is a member");
    let again = Trust::open(folder.path(), "elm", Lifetimes::default()).expect("opened").expect("kept");
    assert_eq!(again.identity(), elm.trust.identity());
    let error = try_join(&oak, folder.path(), "elm", &token).await.expect_err("it is a node already");
    assert!(error.to_string().contains("skiffd reset"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_wrong_expired_or_of_another_cluster_lets_nobody_in() {
    let oak = Node::start(&bundle(), "oak");
    let folder = tempfile::tempdir().expect("a folder");
    let check = async |token: &Token, expected: &str| {
        let error = try_join(&oak, folder.path(), "elm", token).await.expect_err("refused").to_string();
        assert!(error.contains(expected) && error.contains("skiffd token"), "{error}");
    };
    check(&token(&oak.trust.keys().bundle, 0), "expired").await;
    check(&token(&bundle(), 60_000), "another cluster").await;
    let old = token(&oak.trust.keys().bundle, 60_000);
    oak.trust.rotate().await.expect("rotated");
    check(&old, "older keys").await;
    assert!(Trust::open(folder.path(), "elm", Lifetimes::default()).expect("opened").is_none());
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_in_words() {
    let oak = Node::start(&bundle(), "oak");
    let token = token(&oak.trust.keys().bundle, 60_000);
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["taken", "oak"] {
        let error = try_join(&oak, folder.path(), name, &token).await.expect_err("refused").to_string();
        assert!(error.contains("--name"), "{error}");
    }
}

#[tokio::test]
async fn a_machine_with_other_addresses_for_pods_is_told_those_of_the_cluster() {
    let oak = Node::start(&bundle(), "oak");
    let (folder, token) = (tempfile::tempdir().expect("a folder"), token(&oak.trust.keys().bundle, 60_000));
    let nodes = [oak.gossip.to_string()];
    let request = JoinRequest { nodes: &nodes, cluster_cidr: "10.0.0.0/8", ..request(folder.path(), "elm", &token) };
    let error = join(request).await.expect_err("refused").to_string();
    assert!(error.contains("10.0.0.0/8") && error.contains("--cluster-cidr 10.88.0.0/16"), "{error}");
    assert_eq!(oak.trust.keys().bundle.identities("elm"), [], "nobody was admitted");
}

#[tokio::test]
async fn a_machine_keeps_the_name_it_was_admitted_with() {
    let oak = Node::start(&bundle(), "oak");
    let (folder, token) = (tempfile::tempdir().expect("a folder"), token(&oak.trust.keys().bundle, 60_000));
    // Its answer was lost, and it comes again with another name.
    let key = pki::Authority::key_for_joining(folder.path()).expect("a key");
    oak.trust.admit(key.identity(), pki::NodeName::parse("elm").expect("a name")).await.expect("admitted");
    let error = try_join(&oak, folder.path(), "ash", &token).await.expect_err("refused").to_string();
    assert!(error.contains("--name elm") && error.contains("skiff node rm elm"), "{error}");
    try_join(&oak, folder.path(), "elm", &token).await.expect("joined");
    let error = Trust::open(folder.path(), "ash", Lifetimes::default()).expect_err("it is elm").to_string();
    assert!(error.contains("--name elm"), "{error}");
}

#[tokio::test]
async fn strangers_that_say_nothing_keep_nobody_from_joining() {
    let oak = Node::start(&bundle(), "oak");
    let tls = pki::tls::joining(oak.trust.keys().bundle.newest().id()).expect("a configuration");
    let config = client_config(Arc::new(tls), Silence::Ends).expect("a configuration");
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
    let mut strangers = Vec::new();
    for _ in 0..8 {
        let connecting = endpoint.connect_with(config.clone(), quic_address(oak.gossip), "skiff").expect("an address");
        strangers.push(connecting.await.expect("TLS alone"));
    }
    let (folder, token) = (tempfile::tempdir().expect("a folder"), token(&oak.trust.keys().bundle, 60_000));
    try_join(&oak, folder.path(), "elm", &token).await.expect("joined");
    for stranger in strangers {
        let closed = tokio::time::timeout(Duration::from_secs(8), stranger.closed()).await;
        closed.expect("it is not waited for as long as for one with a token");
    }
}

#[tokio::test]
async fn the_name_of_a_node_that_is_down_is_given_to_nobody_else_until_it_is_removed() {
    let oak = Node::start(&bundle(), "oak");
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    // It was admitted, and its answer was lost: the same machine comes again.
    let key = pki::Authority::key_for_joining(folders[0].path()).expect("a key");
    oak.trust.admit(key.identity(), pki::NodeName::parse("elm").expect("a name")).await.expect("admitted");
    let before = token(&oak.trust.keys().bundle, 60_000);
    let error = try_join(&oak, folders[1].path(), "elm", &before).await.expect_err("refused").to_string();
    assert!(error.contains("skiff node rm elm") && error.contains("--name"), "{error}");
    try_join(&oak, folders[0].path(), "elm", &before).await.expect("the same machine joins again");
}

#[tokio::test]
async fn a_name_is_free_again_once_its_node_was_removed() {
    let oak = Node::start(&bundle(), "oak");
    let gone = pki::NodeKey::generate().expect("a key").identity();
    oak.trust.admit(gone, pki::NodeName::parse("elm").expect("a name")).await.expect("admitted");
    oak.trust.remove("elm").await.expect("removed");
    let (folder, token) = (tempfile::tempdir().expect("a folder"), token(&oak.trust.keys().bundle, 60_000));
    try_join(&oak, folder.path(), "elm", &token).await.expect("joined");
}

#[tokio::test]
async fn of_two_machines_with_one_name_one_is_let_in() {
    let oak = Node::start(&bundle(), "oak");
    let token = token(&oak.trust.keys().bundle, 60_000);
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let (one, other) =
        tokio::join!(try_join(&oak, folders[0].path(), "elm", &token), try_join(&oak, folders[1].path(), "elm", &token),);
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    let (one, other) =
        tokio::join!(try_join(&oak, folders[0].path(), "ash", &token), try_join(&oak, folders[1].path(), "yew", &token),);
    assert!(
        one.is_ok() != other.is_ok(),
        "the one that is in stays in, and the other comes with another name: {one:?} {other:?}"
    );
}

#[tokio::test]
async fn without_a_cluster_there_every_node_that_was_tried_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let nodes = ["nowhere.invalid:1".to_owned(), "no-port".to_owned()];
    let token = token(&bundle(), 60_000);
    let error =
        join(JoinRequest { nodes: &nodes, ..request(folder.path(), "elm", &token) }).await.expect_err("nobody").to_string();
    assert!(error.contains("nowhere.invalid:1") && error.contains("no-port"), "{error}");
}
