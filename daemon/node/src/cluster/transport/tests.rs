//! Tests of the transport: several of them in one process, on loopback.

mod made_up;

use super::connections::STREAMS_A_NODE;
use super::{Datagram, Event, Incoming, IncomingStream, MAX_MESSAGE_BYTES, SendError, Transport, TransportConfig, quic_address};
use crate::cluster::join::{Doorman, Welcome};
use crate::cluster::trust::{Trust, TrustError, wall_ms};
use crate::shutdown::{self, Trigger};
use bytes::Bytes;
use pki::{Authority, Bundle, Lifetimes, NodeKey, NodeName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// Longer than anything here takes; what fails would wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that runs.
pub(crate) struct Node {
    pub(crate) trust: Trust,
    pub(crate) transport: Transport,
    pub(crate) incoming: Incoming,
    pub(crate) gossip: SocketAddr,
    trigger: Trigger,
    task: JoinHandle<()>,
    _folder: Option<TempDir>,
}

pub(crate) fn bundle() -> Bundle {
    Bundle::make(wall_ms() - 3_600_000, &Lifetimes::default()).expect("a bundle")
}

/// Keys of a node of a cluster, in a folder of their own.
fn trust(bundle: &Bundle, name: &str, lifetimes: Lifetimes) -> (Trust, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::create(folder.path(), bundle.clone()).expect("keys");
    (Trust::new(authority, name, lifetimes).expect("keys"), folder)
}

impl Node {
    pub(crate) fn start(bundle: &Bundle, name: &str) -> Self {
        let (trust, folder) = trust(bundle, name, Lifetimes::default());
        Self { _folder: Some(folder), ..Self::run(trust, ([127, 0, 0, 1], 0).into(), 1) }
    }

    pub(crate) fn run(trust: Trust, gossip: SocketAddr, instance_ms: u64) -> Self {
        let doorman: Arc<Doorman> = Arc::new(|name| match name {
            "taken" => Err("the name \"taken\" belongs to a node that is alive: give another --name".to_owned()),
            _ => Ok(Welcome { members: Vec::new(), cluster_cidr: "10.88.0.0/16".to_owned() }),
        });
        let config = TransportConfig { gossip, instance_ms, doorman: Some(doorman) };
        let (transport, incoming, driver) = Transport::bind(config, trust.clone()).expect("sockets");
        let (trigger, shutdown) = shutdown::signal();
        let task = tokio::spawn(driver.run(shutdown));
        let gossip = transport.gossip_address().expect("an address");
        Self { trust, transport, incoming, gossip, trigger, task, _folder: None }
    }

    async fn stop(self) -> Trust {
        self.trigger.shut_down();
        self.task.await.expect("the driver ended");
        self.trust
    }

    fn counter(&self, name: &str) -> u64 {
        let counters = self.transport.counters();
        counters.into_iter().find(|(known, _)| *known == name).expect("a counter").1
    }

    async fn datagram(&mut self) -> Datagram {
        tokio::time::timeout(PATIENCE, self.incoming.datagrams.recv()).await.expect("in time").expect("it runs")
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.incoming.events.recv()).await.expect("in time").expect("it runs")
    }

    async fn message(&mut self) -> (String, Bytes) {
        match self.event().await {
            Event::Message { node, bytes } => (node.to_string(), bytes),
            other => panic!("{other:?} in place of a message"),
        }
    }

    async fn failure(&mut self) -> String {
        match self.event().await {
            Event::Unreachable { node } => node,
            other => panic!("{other:?} in place of a failure"),
        }
    }
}

/// Waits for a condition that somebody else brings about.
async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the condition came true");
}

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn messages_arrive_in_order_in_both_directions() {
    let bundle = bundle();
    let (mut oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    for number in 0..200_u32 {
        oak.transport.send("elm", elm.gossip, Bytes::copy_from_slice(&number.to_be_bytes())).expect("queued");
    }
    for number in 0..200_u32 {
        assert_eq!(elm.message().await, ("oak".to_owned(), Bytes::copy_from_slice(&number.to_be_bytes())));
    }
    elm.transport.send("oak", oak.gossip, text("back")).expect("queued");
    assert_eq!(oak.message().await, ("elm".to_owned(), text("back")));
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn a_message_may_have_eight_mebibytes_and_not_one_byte_more() {
    let bundle = bundle();
    let (oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    let longest = Bytes::from(vec![7; MAX_MESSAGE_BYTES]);
    oak.transport.send("elm", elm.gossip, longest.clone()).expect("queued");
    assert_eq!(elm.message().await.1, longest);
    let refused = oak.transport.send("elm", elm.gossip, vec![7; MAX_MESSAGE_BYTES + 1].into());
    assert!(matches!(refused, Err(SendError::TooLong { .. })));
    // A peer that does not keep to it is cut off before its bytes are read.
    let stream = dialled(&oak, &elm).await;
    let mut messages = stream.open_uni().await.expect("a stream");
    messages.write_all(&[0; 12]).await.expect("greeted");
    messages.write_all(&u32::MAX.to_be_bytes()).await.expect("promised");
    tokio::time::timeout(PATIENCE, stream.closed()).await.expect("closed");
    assert_eq!(elm.counter("bad-messages"), 1);
    oak.stop().await;
    elm.stop().await;
}

/// A connection that the transport knows nothing of.
async fn dialled(from: &Node, to: &Node) -> quinn::Connection {
    let config =
        super::sockets::client_config(from.trust.keys().tls.any.clone(), super::sockets::Silence::Ends).expect("a configuration");
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
    endpoint.connect_with(config, quic_address(to.gossip), "skiff").expect("an address").await.expect("connected")
}

#[tokio::test]
async fn a_queue_to_one_node_is_bounded() {
    let oak = Node::start(&bundle(), "oak");
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let refused = (0..2000).find_map(|_| oak.transport.send("ash", nobody, text("x")).err());
    assert!(matches!(refused, Some(SendError::Full { node }) if node == "ash"));
    oak.stop().await;
}

#[tokio::test]
async fn a_node_that_is_not_there_is_told_and_found_when_it_comes() {
    let bundle = bundle();
    let (mut oak, elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    let gossip = elm.gossip;
    let trust = elm.stop().await;
    oak.transport.send("elm", gossip, text("lost")).expect("queued");
    assert_eq!(oak.failure().await, "elm");
    let mut elm = Node::run(trust, gossip, 2);
    oak.transport.send("elm", gossip, text("found")).expect("queued");
    assert_eq!(elm.message().await, ("oak".to_owned(), text("found")));
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn another_node_at_the_address_does_not_get_what_is_not_for_it() {
    let bundle = bundle();
    let (mut oak, elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    oak.transport.send("ash", elm.gossip, text("for ash")).expect("queued");
    assert_eq!(oak.failure().await, "ash");
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn datagrams_arrive_sealed_and_measure_the_clock() {
    let bundle = bundle();
    let (mut oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    elm.transport.exchange_keys(oak.gossip).await.expect("both know both");
    for _ in 0..3 {
        oak.transport.send_datagram(elm.gossip, b"ping").expect("sent");
        let Datagram { from, opened } = elm.datagram().await;
        assert_eq!((from, opened.payload.as_slice()), (oak.gossip, b"ping".as_slice()));
        assert_eq!(opened.sender, oak.trust.identity().short());
        elm.transport.send_datagram(from, b"pong").expect("sent");
        oak.datagram().await;
    }
    let clock = oak.transport.clocks()["elm"];
    assert!(clock.round_trip_us < 5_000_000 && clock.offset_us.abs() < 5_000_000, "{clock:?}");
    assert!(matches!(oak.transport.send_datagram(elm.gossip, &[0; 1400]), Err(SendError::TooLong { .. })));
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn the_clock_of_a_node_behind_another_address_is_measured_under_its_name() {
    let bundle = bundle();
    let (mut oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    elm.transport.exchange_keys(oak.gossip).await.expect("both know both");
    // Neither sees the other's own address.
    let between = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.expect("a socket");
    let address = between.local_addr().expect("an address");
    let mut buffer = [0; 1500];
    let mut carry = async |to: SocketAddr| {
        let length = tokio::time::timeout(PATIENCE, between.recv(&mut buffer)).await.expect("in time").expect("received");
        between.send_to(&buffer[..length], to).await.expect("sent on");
    };
    for _ in 0..3 {
        oak.transport.send_datagram(address, b"ping").expect("sent");
        carry(elm.gossip).await;
        elm.datagram().await;
        elm.transport.send_datagram(address, b"pong").expect("sent");
        carry(oak.gossip).await;
        oak.datagram().await;
    }
    let (of_oak, of_elm) = (oak.transport.clocks(), elm.transport.clocks());
    assert!(of_oak.contains_key("elm") && of_elm.contains_key("oak"), "{of_oak:?} {of_elm:?}");
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn a_stranger_is_refused_and_counted() {
    let (mut oak, stranger) = (Node::start(&bundle(), "oak"), Node::start(&bundle(), "elm"));
    stranger.transport.send_datagram(oak.gossip, b"x").expect("sent");
    until(|| oak.counter("stranger") == 1).await;
    let refused = stranger.transport.open_stream("oak", oak.gossip, 1).await.map(|_| ()).expect_err("refused");
    assert!(refused.to_string().contains("oak"), "{refused}");
    // It believes nobody here; and where it does, it is not believed.
    let mut pinned = pki::tls::joining(oak.trust.keys().bundle.newest().id()).expect("a configuration");
    pinned.alpn_protocols = vec![pki::tls::NODE_PROTOCOL.to_vec()];
    let config = super::sockets::client_config(Arc::new(pinned), super::sockets::Silence::Ends).expect("a configuration");
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
    let nameless =
        endpoint.connect_with(config, quic_address(oak.gossip), "skiff").expect("an address").await.expect("TLS alone");
    tokio::time::timeout(PATIENCE, nameless.closed()).await.expect("closed");
    until(|| oak.counter("refused-handshakes") == 2).await;
    assert!(oak.incoming.events.try_recv().is_err() && oak.incoming.datagrams.try_recv().is_err());
    oak.stop().await;
    stranger.stop().await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let bundle = bundle();
    let oak = Node::start(&bundle, "oak");
    let (expired, _folder) = trust(&bundle, "elm", Lifetimes { certificate_ms: 0, ..Lifetimes::default() });
    let mut elm = Node::run(expired, ([127, 0, 0, 1], 0).into(), 1);
    until(|| wall_ms() / 1000 > elm.trust.keys().tls.renew_at_ms / 1000).await;
    elm.transport.send("oak", oak.gossip, text("x")).expect("queued");
    assert_eq!(elm.failure().await, "oak");
    until(|| oak.counter("refused-handshakes") > 0).await;
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn a_stream_carries_bytes_both_ways() {
    let bundle = bundle();
    let (oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    let mut asking = oak.transport.open_stream("elm", elm.gossip, 7).await.expect("a stream");
    asking.write_all(b"question").await.expect("written");
    let taken = tokio::time::timeout(PATIENCE, elm.incoming.streams.recv()).await.expect("in time").expect("it runs");
    let IncomingStream { node, kind, mut stream } = taken;
    assert_eq!((&*node, kind), ("oak", 7));
    let mut question = [0; 8];
    stream.read_exact(&mut question).await.expect("read");
    assert_eq!(&question, b"question");
    stream.write_all(b"answer").await.expect("written");
    stream.shutdown().await.expect("ended");
    let mut answer = Vec::new();
    asking.read_to_end(&mut answer).await.expect("read");
    assert_eq!(answer, b"answer");
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn streams_close_neither_each_other_nor_the_way_of_messages_and_one_too_many_is_refused() {
    let bundle = bundle();
    let (mut oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    oak.transport.send("elm", elm.gossip, text("before")).expect("queued");
    assert_eq!(elm.message().await.1, text("before"));
    let message_way = oak.transport.shared.connections.with("elm").expect("a connection");
    let mut streams = Vec::new();
    for _ in 0..STREAMS_A_NODE {
        let asking = oak.transport.open_stream("elm", elm.gossip, 7).await.expect("a stream");
        let taken = tokio::time::timeout(PATIENCE, elm.incoming.streams.recv()).await.expect("in time").expect("it runs");
        streams.push((asking, taken.stream));
    }
    for (asking, answering) in &mut streams {
        asking.write_all(b"question").await.expect("written");
        let mut question = [0; 8];
        answering.read_exact(&mut question).await.expect("read");
        answering.write_all(b"answer").await.expect("written");
        let mut answer = [0; 6];
        asking.read_exact(&mut answer).await.expect("read");
    }
    assert!(message_way.close_reason().is_none());
    // Messages the other way do not go where a stream is, either.
    elm.transport.send("oak", oak.gossip, text("back")).expect("queued");
    assert_eq!(oak.message().await.1, text("back"));
    // The handshake may be over on this side before the refusal is here.
    let refused = match oak.transport.open_stream("elm", elm.gossip, 7).await {
        Ok(mut stream) => crate::errors::chain(&stream.read_u8().await.expect_err("refused")),
        Err(error) => error.to_string(),
    };
    assert!(refused.contains("too many streams"), "{refused}");
    drop(streams.pop());
    until(|| elm.transport.shared.connections.streams("oak") < STREAMS_A_NODE).await;
    oak.transport.open_stream("elm", elm.gossip, 7).await.expect("there is room again");
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn a_removal_of_a_name_that_nobody_was_admitted_with_is_an_error() {
    let oak = Node::start(&bundle(), "oak");
    let generation = oak.trust.keys().bundle.newest().number;
    let error = oak.trust.remove("nobody").await.expect_err("there is nobody to deny");
    assert!(matches!(&error, TrustError::Unknown(name) if name == "nobody"), "{error}");
    assert_eq!(oak.trust.keys().bundle.newest().number, generation);
    let gone = NodeKey::generate().expect("a key").identity();
    oak.trust.admit(gone, NodeName::parse("gone").expect("a name")).await.expect("admitted");
    assert_eq!(oak.trust.remove("gone").await.expect("removed"), pki::Merged::Changed);
    assert_eq!(oak.trust.remove("gone").await.expect("removed before"), pki::Merged::Same);
    oak.stop().await;
}

#[tokio::test]
async fn a_removed_node_is_cut_off_at_once_and_all_others_hear_of_it() {
    let first = {
        let mut bundle = bundle();
        bundle.rotate(wall_ms() - 60_000, &Lifetimes::default()).expect("rotated");
        bundle
    };
    let (oak, mut elm, mut gone) = (Node::start(&first, "oak"), Node::start(&first, "elm"), Node::start(&first, "gone"));
    // All know all, as after joins.
    for node in [&elm, &gone] {
        node.transport.exchange_keys(oak.gossip).await.expect("exchanged");
    }
    elm.transport.exchange_keys(oak.gossip).await.expect("exchanged");
    gone.transport.send("elm", elm.gossip, text("before")).expect("queued");
    assert_eq!(elm.message().await.0, "gone");
    oak.trust.remove("gone").await.expect("removed");
    // Datagrams are enough for another to hear of it. The first may still be sealed by the driver's keys of before.
    until(|| {
        oak.transport.send_datagram(elm.gossip, b"hello").expect("sent");
        elm.trust.keys().bundle.is_denied(gone.trust.identity())
    })
    .await;
    assert_eq!(gone.failure().await, "elm", "its connection was closed");
    gone.transport.send("elm", elm.gossip, text("after")).expect("queued");
    assert_eq!(gone.failure().await, "elm");
    let refused = gone.transport.exchange_keys(oak.gossip).await.expect_err("it gets no keys");
    assert!(refused.to_string().contains("removed"), "{refused}");
    assert_eq!(gone.trust.keys().bundle.newest().number, 2);
    // The others go on, with the new generation.
    elm.transport.send("oak", oak.gossip, text("still here")).expect("queued");
    let mut oak = oak;
    loop {
        match oak.event().await {
            Event::Message { node, bytes } => break assert_eq!((&*node, bytes), ("elm", text("still here"))),
            _ => continue,
        }
    }
    assert_eq!(elm.trust.keys().bundle.newest().number, 3);
    oak.stop().await;
    elm.stop().await;
    gone.stop().await;
}

#[tokio::test]
async fn a_member_that_slept_through_a_removal_fetches_the_new_keys() {
    let mut known = bundle();
    let oak_key = tempfile::tempdir().expect("a folder");
    let sleeper = Node::start(&known, "sleeper");
    known.admit(sleeper.trust.identity(), &NodeName::parse("sleeper").expect("a name"));
    let stranger = NodeKey::generate().expect("a key").identity();
    let name = NodeName::parse("gone").expect("a name");
    // Ten minutes ago: its datagrams are not read any more, its certificate still counts.
    known.remove(&[stranger], &name, wall_ms() - 600_000, &Lifetimes::default()).expect("removed");
    let authority = Authority::create(oak_key.path(), known).expect("keys");
    let oak = Node::run(Trust::new(authority, "oak", Lifetimes::default()).expect("keys"), ([127, 0, 0, 1], 0).into(), 1);
    sleeper.transport.send_datagram(oak.gossip, b"I am back").expect("sent");
    until(|| sleeper.trust.keys().bundle.newest().number == 2).await;
    assert_eq!(oak.counter("old-generation"), 1);
    oak.stop().await;
    sleeper.stop().await;
}

/// The next process of a node that has ended, at the same address.
async fn again(trust: Trust, gossip: SocketAddr) -> Node {
    // The endpoint's own task lets go of the port in a moment.
    let bind = |address| std::net::UdpSocket::bind(address).map(|_| ());
    until(|| bind(quic_address(gossip)).and_then(|()| bind(gossip)).is_ok()).await;
    Node::run(trust, gossip, 2)
}

#[tokio::test]
async fn a_process_that_started_anew_is_spoken_to_over_a_new_connection() {
    let bundle = bundle();
    let (mut oak, mut elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    oak.transport.send("elm", elm.gossip, text("one")).expect("queued");
    elm.message().await;
    let gossip = elm.gossip;
    // Ends without a word, as kill -9 does: the socket is closed, no connection is.
    elm.task.abort();
    let _ = elm.task.await;
    let trust = elm.trust.clone();
    drop((elm.transport, elm.incoming));
    let mut elm = again(trust, gossip).await;
    let mut sent = 0;
    let received = loop {
        sent += 1;
        assert!(sent < 100, "it is never reached");
        oak.transport.send("elm", gossip, text("two")).expect("queued");
        // Either it arrives, or its loss is told.
        tokio::select! {
            message = elm.message() => break message,
            event = oak.event() => assert!(matches!(event, Event::Unreachable { .. }), "{event:?}"),
        }
    };
    assert_eq!(received, ("oak".to_owned(), text("two")));
    oak.stop().await;
    elm.stop().await;
}

#[tokio::test]
async fn a_connection_with_a_process_that_started_anew_is_not_closed_by_its_first_datagram() {
    let bundle = bundle();
    let (mut oak, elm) = (Node::start(&bundle, "oak"), Node::start(&bundle, "elm"));
    let gossip = elm.gossip;
    elm.transport.send_datagram(oak.gossip, b"before").expect("sent");
    oak.datagram().await;
    let mut elm = again(elm.stop().await, gossip).await;
    // It has not said on the connection when it started: it has nothing to say there.
    oak.transport.send("elm", gossip, text("one")).expect("queued");
    assert_eq!(elm.message().await.1, text("one"));
    elm.transport.send_datagram(oak.gossip, b"after").expect("sent");
    assert_eq!(oak.datagram().await.opened.instance_ms, 2);
    oak.transport.send("elm", gossip, text("two")).expect("queued");
    assert_eq!(elm.message().await.1, text("two"));
    assert!(oak.incoming.events.try_recv().is_err(), "nothing was lost, and nothing is told as lost");
    oak.stop().await;
    elm.stop().await;
}
