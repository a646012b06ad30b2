//! The rtnetlink requests of a pod network: the bridge, the veth pairs, addresses and routes.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::RawFd;

use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::netlink::Netlink;
use super::{Cidr, NetworkConfig};

/// The name of the pod's interface, as with every Kubernetes network.
pub(super) const POD_INTERFACE: &str = "eth0";
/// The loopback interface is the first of every namespace.
pub(super) const LOOPBACK_INDEX: u32 = 1;

/// An interface as the kernel shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) is_bridge: bool,
    /// What a VXLAN device is set to; nothing for other interfaces.
    pub(super) vxlan: Option<Vec<InfoVxlan>>,
    pub(super) mac: Vec<u8>,
    pub(super) mtu: Option<u32>,
    /// Whether neighbours on it are asked for by their address: not so for tunnels and the loopback interface.
    pub(super) has_neighbours: bool,
    /// It was put up.
    pub(super) is_up: bool,
    /// Both ends are up, and a bridge forwards to it.
    pub(super) is_connected: bool,
}

/// The interface of that name; nothing where there is none.
pub(super) fn find(netlink: &mut Netlink, name: &str) -> io::Result<Option<Link>> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    match netlink.get(RouteNetlinkMessage::GetLink(message)) {
        Ok(answer) => Ok(answer.and_then(read)),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every interface of the namespace.
pub(super) fn all(netlink: &mut Netlink) -> io::Result<Vec<Link>> {
    let answers = netlink.list(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    Ok(answers.into_iter().filter_map(read).collect())
}

fn read(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let flags = message.header.flags;
    let has_neighbours = !flags.intersects(LinkFlags::Noarp | LinkFlags::Loopback | LinkFlags::Pointopoint);
    let is_up = flags.contains(LinkFlags::Up);
    let mut link = Link { index: message.header.index, has_neighbours, is_up, ..Link::default() };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::Mtu(mtu) => link.mtu = Some(mtu),
            LinkAttribute::OperState(state) => link.is_connected = state == State::Up,
            LinkAttribute::Address(mac) => link.mac = mac,
            LinkAttribute::LinkInfo(infos) => {
                link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
                link.vxlan = infos.into_iter().find_map(|info| match info {
                    LinkInfo::Data(InfoData::Vxlan(settings)) => Some(settings),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    Some(link)
}

/// The IPv4 addresses of an interface with their prefix lengths.
pub(super) fn addresses(netlink: &mut Netlink, index: u32) -> io::Result<Vec<(Ipv4Addr, u8)>> {
    let mut request = AddressMessage::default();
    request.header.family = AddressFamily::Inet;
    let mut found = Vec::new();
    for answer in netlink.list(&RouteNetlinkMessage::GetAddress(request))? {
        let RouteNetlinkMessage::NewAddress(message) = answer else { continue };
        if message.header.index != index {
            continue;
        }
        for attribute in &message.attributes {
            if let AddressAttribute::Local(IpAddr::V4(address)) = attribute {
                found.push((*address, message.header.prefix_len));
            }
        }
    }
    Ok(found)
}

/// A route of the main table: where to, and through which interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) to: Cidr,
    pub(super) interface: u32,
    pub(super) metric: u32,
    /// The next machine on the way; nothing where the destination is on the link itself.
    pub(super) gateway: Option<Ipv4Addr>,
    /// The address that this machine's own packets are given.
    pub(super) source: Option<Ipv4Addr>,
    /// In bytes; nothing where it is the interface's.
    pub(super) mtu: Option<u32>,
    pub(super) protocol: RouteProtocol,
    pub(super) kind: RouteType,
}

/// The IPv4 routes of the main table.
pub(super) fn routes(netlink: &mut Netlink) -> io::Result<Vec<Route>> {
    let mut request = RouteMessage::default();
    request.header.address_family = AddressFamily::Inet;
    let mut found = Vec::new();
    for answer in netlink.list(&RouteNetlinkMessage::GetRoute(request))? {
        let RouteNetlinkMessage::NewRoute(message) = answer else { continue };
        if message.header.table == RouteHeader::RT_TABLE_MAIN && message.header.kind == RouteType::Unicast {
            found.extend(read_route(&message));
        }
    }
    Ok(found)
}

/// The route that the kernel takes to an address; nothing where it has none.
pub(super) fn route_to(netlink: &mut Netlink, address: Ipv4Addr) -> io::Result<Option<Route>> {
    let mut request = RouteMessage::default();
    request.header.address_family = AddressFamily::Inet;
    request.header.destination_prefix_length = 32;
    request.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(address)));
    match netlink.get(RouteNetlinkMessage::GetRoute(request)) {
        Ok(Some(RouteNetlinkMessage::NewRoute(message))) => Ok(read_route(&message)),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_route(message: &RouteMessage) -> Option<Route> {
    let mut route = Route {
        to: Cidr::containing(Ipv4Addr::UNSPECIFIED, message.header.destination_prefix_length)?,
        interface: 0,
        metric: 0,
        gateway: None,
        source: None,
        mtu: None,
        protocol: message.header.protocol,
        kind: message.header.kind,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => {
                route.to = Cidr::containing(*address, message.header.destination_prefix_length)?;
            }
            RouteAttribute::Oif(index) => route.interface = *index,
            RouteAttribute::Priority(priority) => route.metric = *priority,
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => route.gateway = Some(*address),
            RouteAttribute::PrefSource(RouteAddress::Inet(address)) => route.source = Some(*address),
            RouteAttribute::Metrics(metrics) => {
                route.mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(bytes) => Some(*bytes),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    Some(route)
}

/// Makes the bridge, up, with a hardware address of its own: otherwise it takes that of a port and changes with it.
pub(super) fn new_bridge(config: &NetworkConfig, mtu: u32) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    set_up(&mut message);
    message.attributes = vec![
        LinkAttribute::IfName(config.bridge.clone()),
        LinkAttribute::Address(NetworkConfig::mac_of(config.cidr.gateway()).to_vec()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
    ];
    RouteNetlinkMessage::NewLink(message)
}

/// Puts the interface up and writes the alias that says whose it is.
pub(super) fn mark(index: u32, alias: &str) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    set_up(&mut message);
    message.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
    RouteNetlinkMessage::SetLink(message)
}

/// Puts an interface up.
pub(super) fn up(index: u32) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    set_up(&mut message);
    RouteNetlinkMessage::SetLink(message)
}

/// Deletes an interface.
pub(super) fn delete(index: u32) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    RouteNetlinkMessage::DelLink(message)
}

/// One end up and on the bridge, the other `eth0` in the namespace, both with their MTU. The kernel refuses to put the far end up in the same request.
pub(super) fn new_veth(host_name: String, bridge: u32, mtu: u32, pod: PodEnd) -> RouteNetlinkMessage {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(POD_INTERFACE.to_owned()),
        LinkAttribute::Address(NetworkConfig::mac_of(pod.address).to_vec()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::NetNsFd(pod.netns),
    ];
    let mut message = LinkMessage::default();
    set_up(&mut message);
    message.attributes = vec![
        LinkAttribute::IfName(host_name),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::Controller(bridge),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)))]),
    ];
    RouteNetlinkMessage::NewLink(message)
}

/// The pod's end of a veth pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct PodEnd {
    pub(super) address: Ipv4Addr,
    pub(super) netns: RawFd,
}

/// Gives the interface an address.
pub(super) fn new_address(index: u32, address: Ipv4Addr, cidr: Cidr) -> RouteNetlinkMessage {
    let mut message = address_message(index, address, cidr.prefix_len());
    message.attributes.push(AddressAttribute::Broadcast(cidr.broadcast()));
    RouteNetlinkMessage::NewAddress(message)
}

/// Takes an address away from the interface.
pub(super) fn delete_address(index: u32, address: Ipv4Addr, prefix_len: u8) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelAddress(address_message(index, address, prefix_len))
}

fn address_message(index: u32, address: Ipv4Addr, prefix_len: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = prefix_len;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address.into()), AddressAttribute::Address(address.into())];
    message
}

/// The default route through the gateway.
pub(super) fn new_default_route(index: u32, gateway: Ipv4Addr) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(gateway)), RouteAttribute::Oif(index)];
    RouteNetlinkMessage::NewRoute(message)
}

pub(super) fn set_up(message: &mut LinkMessage) {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
}
