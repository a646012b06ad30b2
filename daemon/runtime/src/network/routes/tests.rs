//! Nodes of a cluster as network namespaces: on one link, and with a router between.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind};
use netlink_packet_route::link::{InfoVeth, LinkAttribute, LinkInfo, LinkMessage};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use super::super::netlink::Netlink;
use super::super::tests::{enter_private_namespace, inside, listen, reach};
use super::super::{Cidr, Monitor, Network, NetworkConfig, Overlay, Peer, PodNetwork, Port, link, namespace};

const DROPS: &str = "table inet guard { \
    chain forward { type filter hook forward priority 0; policy drop; }; \
    chain input { type filter hook input priority 0; policy drop; iifname lo accept; }; }";

/// One machine of the cluster.
struct Node {
    netns: OwnedFd,
    network: Network,
    dir: TempDir,
    number: u8,
    address: Ipv4Addr,
}

impl Node {
    fn config(&self, overlay: Overlay) -> NetworkConfig {
        config(&self.dir, (self.number, self.address), overlay)
    }

    /// As a new daemon does.
    fn restart(&mut self, overlay: Overlay) {
        let config = self.config(overlay);
        self.network = inside(self.netns.as_fd(), || Network::open(config).expect("the network opens again"));
    }

    fn peer(&self) -> Peer {
        Peer { name: format!("node-{}", self.number), address: self.address, cidr: self.network.cidr() }
    }

    /// Tells it of the others; how many changes that took.
    fn meet(&self, others: &[&Node]) -> usize {
        let peers: Vec<Peer> = others.iter().map(|other| other.peer()).collect();
        let routed = inside(self.netns.as_fd(), || self.network.set_peers(&peers).expect("the routes are set"));
        assert_eq!(routed.refused, [], "{}", self.ip("route"));
        routed.changes
    }

    fn repair(&self) -> usize {
        let routed = inside(self.netns.as_fd(), || self.network.repair().expect("the network is repaired"));
        assert_eq!(routed.refused, []);
        routed.changes
    }

    fn pod(&self, uid: &str) -> PodNetwork {
        self.network.take(uid).expect("a pod's network")
    }

    fn ip(&self, arguments: &str) -> String {
        ip(&self.netns, arguments)
    }

    fn nft(&self, arguments: &str) -> String {
        inside(self.netns.as_fd(), || run("nft", arguments.split(' ').filter(|word| !word.is_empty())))
    }

    fn has_vxlan(&self) -> bool {
        self.ip("-br link").contains("skiff0-vx")
    }
}

fn config(dir: &TempDir, (number, address): (u8, Ipv4Addr), overlay: Overlay) -> NetworkConfig {
    NetworkConfig {
        cidr: Cidr::containing([10, 88, number, 0].into(), 24).expect("a range"),
        cluster_cidr: Some(Cidr::parse("10.88.0.0/16").expect("a range")),
        pool_size: 1,
        node_address: Some(address),
        overlay,
        ..NetworkConfig::new(dir.path().join("network"))
    }
}

fn run<'a>(program: &str, arguments: impl Iterator<Item = &'a str>) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ip(netns: &OwnedFd, arguments: &str) -> String {
    inside(netns.as_fd(), || run("ip", arguments.split(' ')))
}

fn new_namespace() -> OwnedFd {
    inside(namespace::current_namespace().expect("a namespace").as_fd(), || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a namespace");
        Netlink::open().expect("a socket").change(vec![link::up(link::LOOPBACK_INDEX)]).expect("lo is up");
        namespace::current_namespace().expect("a namespace")
    })
}

/// A cable between two machines; both ends are up.
fn cable((near, near_name): (&OwnedFd, &str), (far, far_name): (&OwnedFd, &str)) {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![LinkAttribute::IfName(far_name.to_owned()), LinkAttribute::NetNsFd(far.as_raw_fd())];
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(near_name.to_owned()),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)))]),
    ];
    let batch = vec![RouteNetlinkMessage::NewLink(message)];
    inside(near.as_fd(), || Netlink::open().expect("a socket").change(batch).expect("a veth pair"));
    ip(near, &format!("link set {near_name} up"));
    ip(far, &format!("link set {far_name} up"));
}

fn node_in(netns: OwnedFd, number: u8, address: Ipv4Addr, overlay: Overlay) -> Node {
    let dir = tempfile::tempdir().expect("a folder");
    let config = config(&dir, (number, address), overlay);
    let network = inside(netns.as_fd(), || {
        run("nft", [DROPS].into_iter());
        Network::open(config).expect("the network opens")
    });
    Node { netns, network, dir, number, address }
}

/// Nodes 1, 2, … with the addresses 192.168.50.1, … on one switch.
fn on_one_link(count: u8, overlay: Overlay) -> (OwnedFd, Vec<Node>) {
    let switch = new_namespace();
    ip(&switch, "link add sw0 type bridge");
    ip(&switch, "link set sw0 up");
    let node = |number: u8| {
        let (netns, port, address) = (new_namespace(), format!("p{number}"), Ipv4Addr::new(192, 168, 50, number));
        cable((&switch, &port), (&netns, "eth0"));
        ip(&switch, &format!("link set {port} master sw0"));
        ip(&netns, &format!("address add {address}/24 dev eth0"));
        node_in(netns, number, address, overlay)
    };
    let nodes = (1..=count).map(node).collect();
    (switch, nodes)
}

/// Two nodes, 192.168.51.1 and 192.168.52.1, and the router between them.
fn with_a_router_between(overlay: Overlay) -> (OwnedFd, [Node; 2]) {
    let router = new_namespace();
    inside(router.as_fd(), || std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("forwarding is on"));
    let nodes = [1, 2].map(|number| {
        let (netns, port) = (new_namespace(), format!("r{number}"));
        cable((&router, &port), (&netns, "eth0"));
        ip(&router, &format!("address add 192.168.5{number}.254/24 dev {port}"));
        ip(&netns, &format!("address add 192.168.5{number}.1/24 dev eth0"));
        ip(&netns, &format!("route add default via 192.168.5{number}.254"));
        node_in(netns, number, Ipv4Addr::new(192, 168, 50 + number, 1), overlay)
    });
    (router, nodes)
}

/// The address that a pod sees when another connects to it.
fn seen(from: &PodNetwork, to: &PodNetwork) -> IpAddr {
    let listener = listen(to.netns.as_fd());
    inside(from.netns.as_fd(), || reach(&listener, to.ip))
}

fn assert_reach_each_other(a: &PodNetwork, b: &PodNetwork) {
    assert_eq!(seen(a, b), IpAddr::V4(a.ip));
    assert_eq!(seen(b, a), IpAddr::V4(b.ip));
}

/// Sends megabytes, which takes packets of full length.
fn transfer(from: &PodNetwork, to: &PodNetwork) {
    const BYTES: usize = 4 << 20;
    let listener: TcpListener = listen(to.netns.as_fd());
    let target = SocketAddr::new(to.ip.into(), listener.local_addr().expect("an address").port());
    let mut client =
        inside(from.netns.as_fd(), || TcpStream::connect_timeout(&target, Duration::from_secs(5)).expect("connects"));
    let (mut server, _) = listener.accept().expect("a connection");
    server.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    std::thread::scope(|scope| {
        scope.spawn(move || client.write_all(&vec![7; BYTES]).expect("sends"));
        let mut received = Vec::new();
        server.read_to_end(&mut received).expect("receives");
        assert_eq!(received.len(), BYTES);
    });
}

#[test]
fn pods_of_nodes_on_one_link_reach_each_other_by_their_own_addresses_through_a_firewall_that_drops() {
    if !enter_private_namespace() {
        return;
    }
    let (_switch, nodes) = on_one_link(3, Overlay::Auto);
    let [a, b, c] = &nodes[..] else { panic!("three nodes") };
    assert_eq!([a.meet(&[b, c]), b.meet(&[a, c]), c.meet(&[a, b])], [2, 2, 2]);
    let pods: Vec<PodNetwork> = nodes.iter().map(|node| node.pod("uid")).collect();
    for (near, far) in [(0, 1), (0, 2), (1, 2)] {
        assert_reach_each_other(&pods[near], &pods[far]);
    }
    let listener = listen(pods[1].netns.as_fd());
    let from_node = inside(a.netns.as_fd(), || reach(&listener, pods[1].ip));
    assert_eq!(from_node, IpAddr::V4(a.network.gateway()), "answers to the node come in although the firewall drops");
    transfer(&pods[0], &pods[1]);
    assert!(!a.has_vxlan());
    assert_eq!(a.meet(&[b, c]), 0, "again changes nothing");
    assert_eq!(a.repair(), 0);
}

#[test]
fn pods_of_nodes_behind_a_router_reach_each_other_with_packets_of_any_length() {
    if !enter_private_namespace() {
        return;
    }
    let (_router, [a, b]) = with_a_router_between(Overlay::Auto);
    a.meet(&[&b]);
    b.meet(&[&a]);
    assert!(a.has_vxlan() && b.has_vxlan());
    let (pod_a, pod_b) = (a.pod("uid-a"), b.pod("uid-b"));
    assert_reach_each_other(&pod_a, &pod_b);
    transfer(&pod_a, &pod_b);
    transfer(&pod_b, &pod_a);
    let route = ip(&pod_a.netns, &format!("route get {}", pod_b.ip));
    assert!(route.contains("mtu 1450"), "the pod was told how long a packet may be: {route}");
    assert_eq!([a.meet(&[&b]), b.meet(&[&a])], [0, 0], "again changes nothing");
    let listener = listen(pod_b.netns.as_fd());
    let from_node = inside(a.netns.as_fd(), || reach(&listener, pod_b.ip));
    assert_eq!(from_node, IpAddr::V4(a.network.gateway()));
}

#[test]
fn a_change_between_direct_and_vxlan_keeps_running_pods_connected() {
    if !enter_private_namespace() {
        return;
    }
    let (_switch, mut nodes) = on_one_link(2, Overlay::Auto);
    let meet = |nodes: &[Node]| nodes[0].meet(&[&nodes[1]]) + nodes[1].meet(&[&nodes[0]]);
    meet(&nodes);
    let (pod_a, pod_b) = (nodes[0].pod("uid-a"), nodes[1].pod("uid-b"));
    for (overlay, has_vxlan) in
        [(Overlay::Always, true), (Overlay::Auto, false), (Overlay::Always, true), (Overlay::Never, false)]
    {
        nodes.iter_mut().for_each(|node| node.restart(overlay));
        assert!(meet(&nodes) > 0);
        assert_eq!(nodes[0].has_vxlan(), has_vxlan, "{overlay:?}");
        assert_reach_each_other(&pod_a, &pod_b);
        assert_eq!(nodes[0].nft("list ruleset").contains("8472"), has_vxlan);
    }
}

#[test]
fn what_somebody_removed_is_put_back_and_what_is_not_ours_stays() {
    if !enter_private_namespace() {
        return;
    }
    let (_router, [a, b]) = with_a_router_between(Overlay::Auto);
    ip(&a.netns, "route add 10.99.0.0/24 via 192.168.51.254");
    a.meet(&[&b]);
    b.meet(&[&a]);
    let (pod_a, pod_b) = (a.pod("uid-a"), b.pod("uid-b"));
    let damages = [
        "route del 10.88.2.0/24",
        "neighbour flush dev skiff0-vx nud permanent",
        "link del skiff0-vx",
        "link set skiff0-vx down",
    ];
    for damage in damages {
        a.ip(damage);
        assert!(a.repair() > 0, "{damage}");
        assert_reach_each_other(&pod_a, &pod_b);
        assert_eq!(a.repair(), 0, "{damage}");
    }
    a.nft("flush ruleset");
    inside(a.netns.as_fd(), || run("nft", [DROPS].into_iter()));
    a.repair();
    assert_reach_each_other(&pod_a, &pod_b);

    assert!(a.meet(&[]) > 0);
    let routes = a.ip("route");
    assert!(!routes.contains("10.88.2.0") && routes.contains("10.99.0.0/24"), "{routes}");
    assert!(!a.has_vxlan());
    b.meet(&[&a]);
    inside(b.netns.as_fd(), || b.network.teardown().expect("torn down"));
    let left = (b.ip("route"), b.ip("-br link"), b.nft("list ruleset"));
    assert!(!left.0.contains("10.88") && !left.1.contains("skiff0-vx") && !left.2.contains("skiff0"), "{left:?}");
}

#[test]
fn a_link_that_comes_back_is_announced_and_gets_its_routes_again() {
    if !enter_private_namespace() {
        return;
    }
    let (_switch, nodes) = on_one_link(2, Overlay::Auto);
    let [a, b] = &nodes[..] else { panic!("two nodes") };
    a.meet(&[b]);
    b.meet(&[a]);
    let (pod_a, pod_b) = (a.pod("uid-a"), b.pod("uid-b"));
    inside(a.netns.as_fd(), || {
        let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a run time");
        run_time.block_on(async {
            let monitor = Monitor::open().expect("it listens");
            let quiet = tokio::time::timeout(Duration::from_millis(50), monitor.changed()).await;
            assert!(quiet.is_err(), "nothing changes");
            run("ip", "link set eth0 down".split(' '));
            run("ip", "link set eth0 up".split(' '));
            let announced = tokio::time::timeout(Duration::from_secs(5), monitor.changed()).await;
            announced.expect("it is announced").expect("the socket lives");
        });
    });
    assert!(!a.ip("route").contains("10.88.2.0"), "the kernel drops what went through the link");
    assert_eq!(a.meet(&[b]), 1);
    assert_reach_each_other(&pod_a, &pod_b);
}

#[test]
fn a_range_that_somebody_else_routes_is_refused_and_taken_when_it_is_free() {
    if !enter_private_namespace() {
        return;
    }
    let (_switch, nodes) = on_one_link(3, Overlay::Auto);
    let [a, b, c] = &nodes[..] else { panic!("three nodes") };
    a.ip("route add 10.88.2.0/24 via 192.168.50.3");
    let peers = [b.peer(), c.peer()];
    let routed = inside(a.netns.as_fd(), || a.network.set_peers(&peers).expect("the routes are set"));
    assert_eq!(routed.changes, 1, "the other peer is routed");
    assert!(routed.refused[0].name == "node-2" && routed.refused[0].why.contains("another route"), "{routed:?}");
    a.ip("route del 10.88.2.0/24 via 192.168.50.3");
    assert_eq!(a.repair(), 1);
}

#[test]
fn a_node_that_moves_to_another_range_serves_its_new_pods_there() {
    if !enter_private_namespace() {
        return;
    }
    let (_switch, nodes) = on_one_link(2, Overlay::Auto);
    let [a, b] = &nodes[..] else { panic!("two nodes") };
    a.meet(&[b]);
    b.meet(&[a]);
    a.network.refill().expect("the pool is filled");
    let old = a.pod("uid-old");
    a.network.refill().expect("the pool is filled");
    let moved = Cidr::parse("10.88.77.0/24").expect("a range");
    inside(a.netns.as_fd(), || a.network.change_cidr(moved).expect("the range changes"));
    assert_eq!((a.network.cidr(), a.network.ready(), a.network.allocations()), (moved, 0, Vec::new()));
    assert_eq!(a.network.release("uid-old").expect("no error"), None, "it is forgotten");
    b.meet(&[a]);
    let (new, far) = (a.pod("uid-new"), b.pod("uid-far"));
    assert!(moved.contains(new.ip) && new.gateway == moved.gateway());
    assert_reach_each_other(&new, &far);
    let addresses = a.ip("-4 address show dev skiff0");
    assert!(addresses.contains("10.88.77.1/24") && !addresses.contains("10.88.1.1"), "{addresses}");
    drop(old);

    a.ip("route add 10.88.99.0/24 via 192.168.50.9");
    let taken = Cidr::parse("10.88.99.0/24").expect("a range");
    let refused = inside(a.netns.as_fd(), || a.network.change_cidr(taken).expect_err("it is routed elsewhere"));
    assert!(refused.to_string().contains("10.88.99.0/24"), "{refused}");
    assert_eq!(a.network.cidr(), moved, "nothing has changed");
    assert_reach_each_other(&new, &far);
}

#[test]
fn ports_are_opened_where_the_default_is_to_drop_and_closed_again() {
    if !enter_private_namespace() {
        return;
    }
    let (switch, nodes) = on_one_link(1, Overlay::Auto);
    ip(&switch, "address add 192.168.50.99/24 dev sw0");
    let node = &nodes[0];
    let listener = listen(node.netns.as_fd());
    let port = listener.local_addr().expect("an address").port();
    let target = SocketAddr::new(node.address.into(), port);
    let connects = || inside(switch.as_fd(), || TcpStream::connect_timeout(&target, Duration::from_millis(300)).is_ok());
    assert!(!connects(), "the firewall drops");
    let set =
        |ports: &[Port]| inside(node.netns.as_fd(), || node.network.set_ports(ports.iter().copied()).expect("the rules are set"));
    set(&[Port::Tcp(port), Port::Udp(port)]);
    assert!(connects());
    let rules = |node: &Node| node.nft("list ruleset").matches(&format!("\"skiff0 tcp {port}\"")).count();
    node.repair();
    assert_eq!(rules(node), 1, "no rule is added twice");
    set(&[Port::Udp(port)]);
    assert_eq!(rules(node), 0);
    assert!(!connects());
}

/// An Ethernet frame with a UDP packet to a pod, as VXLAN carries it.
fn wrapped(vxlan_id: u32, node: Ipv4Addr, (from, to, port): (Ipv4Addr, Ipv4Addr, u16)) -> Vec<u8> {
    let payload = b"psst";
    let mut packet = vec![8, 0, 0, 0];
    packet.extend(&(vxlan_id << 8).to_be_bytes());
    packet.extend(NetworkConfig::vxlan_mac_of(node));
    packet.extend([0x0a, 0x59, 1, 2, 3, 4, 8, 0]);
    let udp_len = 8 + payload.len();
    let mut header = vec![0x45, 0, 0, u8::try_from(20 + udp_len).expect("it is short"), 0, 1, 0, 0, 64, 17, 0, 0];
    header.extend(from.octets());
    header.extend(to.octets());
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("one carry is enough for so short a header");
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(header);
    for number in [4000, port, u16::try_from(udp_len).expect("it is short"), 0] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

#[test]
fn a_stranger_cannot_put_packets_into_the_pods_network() {
    if !enter_private_namespace() {
        return;
    }
    let (router, [a, b]) = with_a_router_between(Overlay::Auto);
    a.meet(&[&b]);
    b.meet(&[&a]);
    let (pod, far) = (a.pod("uid-a"), b.pod("uid-b"));
    let socket = inside(pod.netns.as_fd(), || UdpSocket::bind("0.0.0.0:0").expect("a socket"));
    let port = socket.local_addr().expect("an address").port();
    let packet = wrapped(a.network.config().vxlan_id, a.address, (far.ip, pod.ip, port));
    let send = |netns: &OwnedFd| {
        let sender = inside(netns.as_fd(), || UdpSocket::bind("0.0.0.0:0").expect("a socket"));
        sender.send_to(&packet, (a.address, a.network.config().vxlan_port)).expect("it is sent");
    };
    let mut buffer = [0; 16];
    send(&b.netns);
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let (length, sender) = socket.recv_from(&mut buffer).expect("a node's packet comes through");
    assert_eq!((&buffer[..length], sender.ip()), (&b"psst"[..], IpAddr::V4(far.ip)));
    send(&router);
    // A node's packet behind the stranger's: once it is here, the other would have been.
    send(&b.netns);
    socket.recv_from(&mut buffer).expect("the node's packet");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    assert!(socket.recv_from(&mut buffer).is_err(), "and no second one");
}
