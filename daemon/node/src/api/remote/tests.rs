//! Tests of the door for consoles, with the real client.

use super::RemoteListener;
use crate::api::tests::Served;
use crate::cluster::trust::{Trust, wall_ms};
use crate::shutdown::{self, Trigger};
use client::{Address, ClientError, Remote, connect};
use pki::{Lifetimes, NodeName};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

struct Door {
    _served: Served,
    trust: Trust,
    port: u16,
    folder: TempDir,
    _trigger: Trigger,
}

impl Door {
    async fn open() -> Self {
        let served = Served::of("n", std::sync::Arc::new(crate::peers::Alone::new("n")));
        let folder = tempfile::tempdir().expect("a folder");
        let trust = Trust::make_cluster(&folder.path().join("pki"), "n", Lifetimes::default()).expect("keys");
        let listener = RemoteListener::bind(([127, 0, 0, 1], 0).into()).await.expect("a socket");
        let port = listener.address().expect("an address").port();
        let (trigger, shutdown) = shutdown::signal();
        tokio::spawn(listener.serve(served.verbs.clone(), trust.clone(), shutdown));
        Self { _served: served, trust, port, folder, _trigger: trigger }
    }

    /// A certificate of this cluster, in a file.
    fn certificate(&self, life_ms: u64, now_ms: u64) -> PathBuf {
        let name = NodeName::parse("ada").expect("a name");
        let pem = pki::ClientKeys::make(&self.trust.keys().bundle, &name, "skiff:admin", life_ms, now_ms)
            .expect("a certificate")
            .to_pem();
        let path = self.folder.path().join("cert.pem");
        std::fs::write(&path, pem).expect("written");
        path
    }

    fn address(&self, certificate: Option<&Path>) -> Address {
        let certificate = certificate.map(Path::to_owned);
        Address::Tls(Box::new(Remote { host: "localhost".to_owned(), port: self.port, certificate }))
    }

    async fn refusal(&self, certificate: Option<&Path>) -> ClientError {
        match connect(&self.address(certificate), "test").await {
            Ok(_) => panic!("it was let in"),
            Err(error) => error,
        }
    }
}

#[tokio::test]
async fn a_console_with_a_certificate_is_served_until_it_is_refused() {
    let door = Door::open().await;
    let certificate = door.certificate(60_000, wall_ms());
    let (client, driver) = connect(&door.address(Some(&certificate)), "test").await.expect("a connection");
    assert_eq!(client.hello().node, "n");
    let driving = tokio::spawn(driver.run());
    // A removal makes new keys at once, and consoles' certificates of before count no more.
    let (gone, name) = (pki::NodeKey::generate().expect("a key").identity(), NodeName::parse("gone").expect("a name"));
    door.trust.admit(gone, name).await.expect("admitted");
    door.trust.remove("gone").await.expect("removed");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), driving).await;
    ended.expect("the connection was closed").expect("no panic");
    let error = door.refusal(Some(&certificate)).await.to_string();
    assert!(error.contains("skiffd client-cert"), "{error}");
    let renewed = door.certificate(60_000, wall_ms());
    assert!(connect(&door.address(Some(&renewed)), "test").await.is_ok());
}

#[tokio::test]
async fn whoever_has_no_certificate_that_counts_is_told_how_to_get_one() {
    let (door, other) = (Door::open().await, Door::open().await);
    let check = |error: &ClientError| {
        assert!(error.to_string().contains("skiffd client-cert"), "{error}");
    };
    check(&door.refusal(None).await);
    check(&door.refusal(Some(Path::new("/nowhere/cert.pem"))).await);
    check(&door.refusal(Some(&other.certificate(60_000, wall_ms()))).await);
    check(&door.refusal(Some(&door.certificate(1000, wall_ms() - 5000))).await);
    let nonsense = door.folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\n!!!").expect("written");
    check(&door.refusal(Some(&nonsense)).await);
}
