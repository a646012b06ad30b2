//! The network against the real kernel, each test in a network namespace of its own that goes with the test's thread.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::Command;
use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage};
use nix::sched::{CloneFlags, setns, unshare};
use tempfile::TempDir;

use super::*;

/// Moves the test's thread into an empty network namespace; `false` where this machine does not allow it.
pub(super) fn enter_private_namespace() -> bool {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: needs root");
        return false;
    }
    if Command::new("nft").arg("--version").output().is_err() {
        println!("skipped: needs nft");
        return false;
    }
    if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET) {
        println!("skipped: no network namespaces here: {errno}");
        return false;
    }
    Netlink::open().unwrap().change(vec![link::up(link::LOOPBACK_INDEX)]).unwrap();
    true
}

fn config(dir: &TempDir) -> NetworkConfig {
    NetworkConfig { pool_size: 3, ..NetworkConfig::new(dir.path().join("network")) }
}

/// Runs the work in another network namespace.
pub(super) fn inside<T: Send>(netns: BorrowedFd<'_>, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            setns(netns, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// A listener in the namespace, bound to every address of it.
pub(super) fn listen(netns: BorrowedFd<'_>) -> TcpListener {
    inside(netns, || TcpListener::bind("0.0.0.0:0").unwrap())
}

/// Connects to the listener; the address that the listener sees.
pub(super) fn reach(listener: &TcpListener, ip: Ipv4Addr) -> IpAddr {
    let target = SocketAddr::new(ip.into(), listener.local_addr().unwrap().port());
    let mut client = TcpStream::connect_timeout(&target, Duration::from_secs(5)).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    client.write_all(b"ahoy").unwrap();
    drop(client);
    let mut text = String::new();
    server.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ahoy");
    peer.ip()
}

fn nft(text: &str) {
    assert!(Command::new("nft").arg(text).status().unwrap().success(), "{text}");
}

fn nft_ruleset() -> String {
    String::from_utf8(Command::new("nft").args(["list", "ruleset"]).output().unwrap().stdout).unwrap()
}

/// A namespace beyond the node: 192.168.77.2, whose peer on the node is 192.168.77.1 and has the default route.
fn make_outside() -> OwnedFd {
    let outside = inside(namespace::current_namespace().unwrap().as_fd(), || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        namespace::current_namespace().unwrap()
    });
    let mut peer = LinkMessage::default();
    peer.attributes = vec![LinkAttribute::IfName("up0".to_owned()), LinkAttribute::NetNsFd(outside.as_raw_fd())];
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName("up0".to_owned()),
        LinkAttribute::Mtu(1400),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)))]),
    ];
    Netlink::open().unwrap().change(vec![RouteNetlinkMessage::NewLink(message)]).unwrap();
    let up = |own: [u8; 4], gateway: Option<[u8; 4]>| {
        let mut netlink = Netlink::open().unwrap();
        let index = link::find(&mut netlink, "up0").unwrap().unwrap().index;
        let cidr = Cidr::parse("192.168.77.0/24").unwrap();
        netlink.change(vec![link::up(index), link::new_address(index, own.into(), cidr)]).unwrap();
        if let Some(gateway) = gateway {
            netlink.change(vec![link::new_default_route(index, gateway.into())]).unwrap();
        }
    };
    inside(outside.as_fd(), || up([192, 168, 77, 2], None));
    up([192, 168, 77, 1], Some([192, 168, 77, 2]));
    outside
}

#[test]
fn pods_and_node_reach_each_other() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    assert_eq!(network.refill().unwrap(), 3);
    let (a, b) = (network.take("uid-a").unwrap(), network.take("uid-b").unwrap());
    assert_ne!(a.ip, b.ip);
    let (in_a, on_node) = (listen(a.netns.as_fd()), TcpListener::bind("0.0.0.0:0").unwrap());
    assert_eq!(reach(&in_a, a.ip), IpAddr::V4(network.gateway()), "node to pod");
    assert_eq!(inside(b.netns.as_fd(), || reach(&in_a, a.ip)), IpAddr::V4(b.ip), "pod to pod");
    assert_eq!(inside(b.netns.as_fd(), || reach(&on_node, b.gateway)), IpAddr::V4(b.ip), "pod to node");
    assert_eq!(inside(a.netns.as_fd(), || reach(&in_a, Ipv4Addr::LOCALHOST)), IpAddr::V4(Ipv4Addr::LOCALHOST), "inside a pod");
}

#[test]
fn pods_reach_the_outside_with_the_nodes_address_although_forwarding_is_dropped_by_policy() {
    if !enter_private_namespace() {
        return;
    }
    let outside = make_outside();
    nft("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }");
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    let pod = network.take("uid-a").unwrap();
    let listener = listen(outside.as_fd());
    let seen = inside(pod.netns.as_fd(), || reach(&listener, [192, 168, 77, 2].into()));
    assert_eq!(seen, IpAddr::from([192, 168, 77, 1]));
    let mtu = inside(pod.netns.as_fd(), || link::find(&mut Netlink::open().unwrap(), "eth0").unwrap().unwrap().mtu);
    assert_eq!(mtu, Some(1400), "as the interface of the default route has it");

    network.repair().unwrap();
    assert_eq!(nft_ruleset().matches("accept comment \"skiff0 ").count(), 2, "no rule is added twice");
    network.teardown().unwrap();
    assert!(!nft_ruleset().contains("skiff0"), "{}", nft_ruleset());
}

#[test]
fn the_drop_policy_of_the_older_iptables_is_seen_too() {
    if !enter_private_namespace() {
        return;
    }
    let legacy = |arguments: &str| Command::new("iptables-legacy").args(arguments.split(' ')).output();
    if !legacy("-P FORWARD DROP").is_ok_and(|output| output.status.success()) {
        println!("skipped: iptables-legacy is not here or not usable");
        return;
    }
    let outside = make_outside();
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    let pod = network.take("uid-a").unwrap();
    let listener = listen(outside.as_fd());
    inside(pod.netns.as_fd(), || reach(&listener, [192, 168, 77, 2].into()));
    network.repair().unwrap();
    let rules = |chain: &str| String::from_utf8(legacy(&format!("-S {chain}")).unwrap().stdout).unwrap();
    assert_eq!(rules("FORWARD").matches("skiff0").count(), 2, "no rule is added twice");

    assert_eq!(rules("INPUT"), "-P INPUT ACCEPT\n");
    assert!(legacy("-P INPUT DROP").unwrap().status.success());
    network.set_ports([Port::Udp(7000), Port::Tcp(7001)]).unwrap();
    network.repair().unwrap();
    assert_eq!(rules("INPUT").matches("skiff0").count(), 3, "{}", rules("INPUT"));
    let in_pod = listen(pod.netns.as_fd());
    assert_eq!(reach(&in_pod, pod.ip), IpAddr::V4(network.gateway()), "a pod's answers come in");
    network.set_ports([Port::Tcp(7001)]).unwrap();
    assert!(!rules("INPUT").contains("7000") && rules("INPUT").contains("7001"), "{}", rules("INPUT"));
    network.teardown().unwrap();
    assert_eq!((rules("FORWARD").as_str(), rules("INPUT").as_str()), ("-P FORWARD DROP\n", "-P INPUT DROP\n"));
}

#[test]
fn a_restart_of_the_daemon_keeps_addresses_and_running_pods() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    network.refill().unwrap();
    let pod = network.take("uid-a").unwrap();
    let listener = listen(pod.netns.as_fd());
    drop(network);

    let network = Network::open(config(&dir)).unwrap();
    assert_eq!(network.allocations(), [("uid-a".to_owned(), pod.ip)]);
    assert_eq!(reach(&listener, pod.ip), IpAddr::V4(network.gateway()));
    network.adopt("uid-a", pod.ip).unwrap();
    network.refill().unwrap();
    let other = network.take("uid-b").unwrap();
    assert_ne!(other.ip, pod.ip);
    assert_eq!(inside(other.netns.as_fd(), || reach(&listener, pod.ip)), IpAddr::V4(other.ip));
}

#[test]
fn teardown_leaves_nothing() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let forwarding = || fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
    let before = link::all(&mut Netlink::open().unwrap()).unwrap();
    let network = Network::open(config(&dir)).unwrap();
    network.refill().unwrap();
    network.take("uid-a").unwrap();
    assert_eq!(forwarding().trim(), "1");
    network.teardown().unwrap();
    // The veths go with their namespaces, which the kernel removes when it finds the time.
    let is_ours = |link: &link::Link| link.name.starts_with("skiff0");
    let mut left = usize::MAX;
    for _ in 0..200 {
        left = link::all(&mut Netlink::open().unwrap()).unwrap().iter().filter(|link| is_ours(link)).count();
        if left == 0 {
            break;
        }
        // Waits for the kernel's work, which nobody announces.
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(left, 0);
    assert_eq!(link::all(&mut Netlink::open().unwrap()).unwrap().len(), before.len());
    assert_eq!((nft_ruleset().as_str(), forwarding().trim()), ("", "0"));
    assert!(!dir.path().join("network").exists());
    remove(&config(&dir)).unwrap();
}

#[test]
fn addresses_have_one_owner_each() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    let pod = network.take("uid-a").unwrap();
    assert!(matches!(network.take("uid-a"), Err(NetworkError::AlreadyTaken { ip, .. }) if ip == pod.ip));
    assert!(matches!(network.adopt("uid-b", pod.ip), Err(NetworkError::AddressInUse { .. })));
    assert!(matches!(network.adopt("uid-b", [10, 88, 0, 1].into()), Err(NetworkError::OutsideCidr { .. })));
    assert!(matches!(network.take("../../etc"), Err(NetworkError::Uid { .. })));
    assert_eq!(network.release("uid-a").unwrap(), Some(pod.ip));
    assert_eq!(network.release("uid-a").unwrap(), None);

    network.refill().unwrap();
    let pooled = Ipv4Addr::from(u32::from(pod.ip) + 1);
    network.adopt("uid-c", pooled).unwrap();
    assert_eq!(network.ready(), 2, "the namespace with the adopted address is not handed out");
}

#[test]
fn an_address_range_that_is_used_up_is_an_error_for_pods_and_none_for_the_pool() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cidr = Cidr::parse("10.88.0.0/29").unwrap();
    let network = Network::open(NetworkConfig { cidr, pool_size: 50, ..config(&dir) }).unwrap();
    assert_eq!(network.refill().unwrap(), 5);
    let pods: Vec<_> = (0..5).map(|n| network.take(&format!("uid-{n}")).unwrap()).collect();
    assert!(matches!(network.take("uid-5"), Err(NetworkError::NoFreeAddress { in_use: 5, .. })));
    assert_eq!(network.refill().unwrap(), 0);
    network.release("uid-2").unwrap();
    drop(pods);
    // The former namespace may still be on its way out: then no address is free yet, which is said and not waited for.
    assert!(matches!(network.take("uid-5"), Ok(_) | Err(NetworkError::NoFreeAddress { .. })));
}

#[test]
fn what_belongs_to_others_is_not_touched() {
    if !enter_private_namespace() {
        return;
    }
    make_outside();
    let dir = tempfile::tempdir().unwrap();
    let refused = |config: NetworkConfig| Network::open(config).unwrap_err().to_string();
    let cidr = Cidr::parse("192.168.77.0/25").unwrap();
    let message = refused(NetworkConfig { cidr, ..config(&dir) });
    assert!(message.contains("overlaps the route 192.168.77.0/24 through up0"), "{message}");
    let message = refused(NetworkConfig { bridge: "up0".to_owned(), ..config(&dir) });
    assert!(message.contains("up0") && message.contains("not a bridge"), "{message}");
    let other = TempDir::new().unwrap();
    let first = Network::open(config(&dir)).unwrap();
    let message = refused(config(&other));
    assert!(message.contains(&dir.path().display().to_string()), "{message}");
    remove(&config(&other)).unwrap();
    assert!(first.take("uid-a").is_ok(), "another daemon's clean-up left our bridge alone");
}

#[test]
fn two_daemons_share_a_namespace_with_different_bridges() {
    if !enter_private_namespace() {
        return;
    }
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let second = NetworkConfig { bridge: "skiff1".to_owned(), cidr: Cidr::parse("10.89.0.0/24").unwrap(), ..config(&two) };
    let (first, second) = (Network::open(config(&one)).unwrap(), Network::open(second).unwrap());
    let (a, b) = (first.take("uid-a").unwrap(), second.take("uid-a").unwrap());
    let listener = listen(b.netns.as_fd());
    assert_eq!(inside(a.netns.as_fd(), || reach(&listener, b.ip)).to_string(), second.gateway().to_string());
    first.teardown().unwrap();
    let c = second.take("uid-c").unwrap();
    assert_eq!(inside(c.netns.as_fd(), || reach(&listener, b.ip)), IpAddr::V4(c.ip));
    let forwarding = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    assert_eq!(forwarding.trim(), "1", "the second still needs it");
    second.teardown().unwrap();
}

#[test]
fn the_range_can_change_once_no_pod_of_the_old_one_is_left() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    let pod = network.take("uid-a").unwrap();
    drop(network);
    let changed = || NetworkConfig { cidr: Cidr::parse("10.90.0.0/24").unwrap(), ..config(&dir) };
    assert!(matches!(Network::open(changed()), Err(NetworkError::CidrChanged { address, .. }) if address == pod.ip));
    Network::open(config(&dir)).unwrap().release("uid-a").unwrap();
    let network = Network::open(changed()).unwrap();
    assert_eq!(network.take("uid-b").unwrap().gateway, Ipv4Addr::new(10, 90, 0, 1));
}

#[test]
fn a_bridge_that_somebody_deleted_is_made_again() {
    if !enter_private_namespace() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::open(config(&dir)).unwrap();
    network.refill().unwrap();
    let mut netlink = Netlink::open().unwrap();
    let bridge = link::find(&mut netlink, "skiff0").unwrap().unwrap();
    netlink.change(vec![link::delete(bridge.index)]).unwrap();
    nft("flush ruleset");
    network.repair().unwrap();
    assert_eq!(network.ready(), 0, "what was plugged into the old bridge is not handed out");
    let pod = network.take("uid-a").unwrap();
    assert_eq!(reach(&listen(pod.netns.as_fd()), pod.ip), IpAddr::V4(network.gateway()));
    assert!(nft_ruleset().contains("masquerade"));
}
