//! Senders that nobody is.

use super::{Node, bundle, until};
use crate::cluster::trust::{moment, wall_ms};
use pki::datagram::Sealer;
use pki::{Lifetimes, NodeKey, NodeName};
use std::time::Duration;

#[tokio::test]
async fn who_makes_up_senders_and_addresses_has_few_of_them_dialled() {
    let old = bundle();
    let mut new = old.clone();
    let stranger = NodeKey::generate().expect("a key").identity();
    let name = NodeName::parse("gone").expect("a name");
    // Ten minutes ago: what is sealed with the keys of before is not read any more.
    new.remove(&[stranger], &name, wall_ms() - 600_000, &Lifetimes::default()).expect("removed");
    let mut oak = Node::start(&new, "oak");
    let mut dialled = Vec::new();
    for number in 0..40_u64 {
        // Both sockets of a node, so that it is seen whether the second is dialled.
        let [datagrams, quic] = loop {
            let datagrams = std::net::UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
            let next = datagrams.local_addr().expect("an address").port().saturating_add(1);
            if let Ok(quic) = std::net::UdpSocket::bind(("127.0.0.1", next)) {
                break [datagrams, quic];
            }
        };
        let made_up = NodeKey::generate().expect("a key").identity();
        let keys = if number < 20 { &old } else { &new };
        // Another name is in this bundle: it is another than oak's, as that of a node that is ahead.
        let mut keys = keys.clone();
        keys.admit(made_up, &NodeName::parse(&format!("n{number}")).expect("a name"));
        let mut sealer = Sealer::new(made_up, 1, &keys).expect("a sealer");
        let sealed = sealer.seal(moment(), oak.gossip, b"hello").expect("it fits");
        datagrams.send_to(&sealed, oak.gossip).expect("sent");
        quic.set_nonblocking(true).expect("a socket");
        dialled.push((number, datagrams, quic));
    }
    until(|| oak.counter("old-generation") == 20).await;
    for _ in 0..20 {
        oak.datagram().await;
    }
    let mut buffer = [0; 2_000];
    let mut is_dialled = |number: u64, quic: &std::net::UdpSocket| quic.recv(&mut buffer).is_ok().then_some(number);
    let mut found = Vec::new();
    until(|| {
        found.extend(dialled.iter().filter_map(|(number, _, quic)| is_dialled(*number, quic)));
        !found.is_empty()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    found.extend(dialled.iter().filter_map(|(number, _, quic)| is_dialled(*number, quic)));
    found.sort_unstable();
    found.dedup();
    assert!(found.iter().all(|number| *number >= 20), "none of those with keys that do not count: {found:?}");
    assert!(found.len() <= 4, "{found:?}");
    oak.stop().await;
}
