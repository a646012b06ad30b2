//! Makes the kernel's routes to other nodes' pods equal to what is wanted, and touches no other.
//!
//! Ours are the routes with our protocol number whose source is this node's gateway, or that go through our VXLAN device. A
//! route that changes is replaced in one step. What the new way needs is made before the route, what the old way needed is
//! removed after it.

#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::link::{self, Link, Route};
use super::namespace::Bridge;
use super::netlink::Netlink;
use super::peers::{self, Plan, Reach, Way};
use super::vxlan::{self, FarEnd};
use super::{Cidr, NetworkConfig, NetworkError, Peer, RefusedPeer, Routed};

/// `ip route` shows it as `proto 88`; no program that is widely used claims it.
pub(super) const PROTOCOL: RouteProtocol = RouteProtocol::Other(88);

/// A route as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    to: Cidr,
    gateway: Ipv4Addr,
    interface: u32,
    mtu: Option<u32>,
    is_overlay: bool,
}

/// The pass over the kernel's state, with what it needs.
pub(super) struct Router<'a> {
    netlink: Netlink,
    config: &'a NetworkConfig,
    bridge: Bridge,
}

impl<'a> Router<'a> {
    /// Connects to the network namespace of the calling thread.
    pub(super) fn open(config: &'a NetworkConfig, bridge: Bridge) -> Result<Self, NetworkError> {
        let netlink = Netlink::open().map_err(NetworkError::netlink("open a netlink socket"))?;
        Ok(Self { netlink, config, bridge })
    }

    /// Which way each peer's pods are reached from here now.
    pub(super) fn plan(&mut self, peers: &[Peer]) -> Result<Plan, NetworkError> {
        let links = link::all(&mut self.netlink).map_err(NetworkError::netlink("list the interfaces"))?;
        let mut reached = Vec::with_capacity(peers.len());
        for peer in peers {
            reached.push((peer.clone(), self.reach(peer.address, &links)?));
        }
        Ok(peers::plan(self.config, &reached))
    }

    fn reach(&mut self, address: Ipv4Addr, links: &[Link]) -> Result<Reach, NetworkError> {
        let found = link::route_to(&mut self.netlink, address);
        let Some(route) = found.map_err(NetworkError::netlink(format!("look up the route to {address}")))? else {
            return Ok(Reach::Nowhere);
        };
        if route.kind == RouteType::Local {
            return Ok(Reach::Own);
        }
        let Some(link) = links.iter().find(|link| link.index == route.interface) else { return Ok(Reach::Nowhere) };
        if route.kind != RouteType::Unicast {
            return Ok(Reach::Nowhere);
        }
        let mtu = link.mtu.unwrap_or(self.bridge.mtu).min(route.mtu.unwrap_or(u32::MAX));
        let is_on_link = route.gateway.is_none() && link.has_neighbours;
        Ok(if is_on_link { Reach::OnLink { interface: link.index, mtu } } else { Reach::Behind { mtu } })
    }

    /// Makes the kernel's state that of the plan.
    pub(super) fn apply(&mut self, ways: &[(Peer, Way)]) -> Result<Routed, NetworkError> {
        let mut done = Routed::default();
        let ends: Vec<FarEnd> = ways.iter().filter_map(far_end).collect();
        let mut device = vxlan::find_own(&mut self.netlink, self.config)?.map(|link| link.index);
        if let (false, Some(node)) = (ends.is_empty(), self.config.node_address) {
            let (index, changes) = vxlan::ensure(&mut self.netlink, self.config, node, self.bridge.mtu)?;
            done.changes += changes + vxlan::put_entries(&mut self.netlink, index, &ends)?;
            device = Some(index);
        }
        self.put_routes(ways, device, &mut done)?;
        match device {
            Some(_) if ends.is_empty() => done.changes += vxlan::remove(&mut self.netlink, self.config)?,
            Some(index) => done.changes += vxlan::prune(&mut self.netlink, index, &ends)?,
            None => {}
        }
        Ok(done)
    }

    fn put_routes(&mut self, ways: &[(Peer, Way)], device: Option<u32>, done: &mut Routed) -> Result<(), NetworkError> {
        let there = link::routes(&mut self.netlink).map_err(NetworkError::netlink("list the routes"))?;
        let (own, others): (Vec<Route>, Vec<Route>) = there.into_iter().partition(|route| self.is_own(route, device));
        for (peer, way) in ways {
            let Some(wanted) = wanted(peer, *way, device) else { continue };
            if own.iter().any(|route| self.is_right(route, wanted)) {
                continue;
            }
            let is_ours = own.iter().any(|route| route.to == wanted.to && route.metric == 0);
            if !is_ours && others.iter().any(|route| route.to == wanted.to && route.metric == 0) {
                let why = format!("there is another route to its pods' range {}; remove it", wanted.to);
                done.refused.push(RefusedPeer { name: peer.name.clone(), why });
                continue;
            }
            let batch = vec![RouteNetlinkMessage::NewRoute(self.message(wanted))];
            let put = if is_ours { self.netlink.put(batch) } else { self.netlink.change(batch) };
            match put {
                Ok(()) => done.changes += 1,
                Err(refused) => {
                    let why = format!("the kernel refuses a route to its pods' range {}: {}", wanted.to, refused.source);
                    done.refused.push(RefusedPeer { name: peer.name.clone(), why });
                }
            }
        }
        let is_wanted = |route: &Route| ways.iter().any(|(peer, _)| peer.cidr == route.to) && route.metric == 0;
        for route in own.iter().filter(|route| !is_wanted(route)) {
            self.delete(route)?;
            done.changes += 1;
        }
        Ok(())
    }

    /// Removes every route of ours and the VXLAN device.
    pub(super) fn remove_all(&mut self) -> Result<(), NetworkError> {
        self.apply(&[]).map(|_| ())
    }

    fn delete(&mut self, route: &Route) -> Result<(), NetworkError> {
        let mut message = header();
        message.header.destination_prefix_length = route.to.prefix_len();
        message.attributes = vec![
            RouteAttribute::Destination(RouteAddress::Inet(route.to.network())),
            RouteAttribute::Oif(route.interface),
            RouteAttribute::Priority(route.metric),
        ];
        message.attributes.extend(route.gateway.map(|gateway| RouteAttribute::Gateway(RouteAddress::Inet(gateway))));
        match self.netlink.change(vec![RouteNetlinkMessage::DelRoute(message)]) {
            // It went by itself, with its interface.
            Err(refused) if refused.source.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            other => other.map_err(|refused| NetworkError::netlink(format!("delete the route to {}", route.to))(refused.source)),
        }
    }

    fn is_own(&self, route: &Route, device: Option<u32>) -> bool {
        route.protocol == PROTOCOL && (route.source == Some(self.config.cidr.gateway()) || Some(route.interface) == device)
    }

    fn is_right(&self, route: &Route, wanted: Wanted) -> bool {
        let Wanted { to, gateway, interface, mtu, .. } = wanted;
        (route.to, route.gateway, route.interface, route.mtu, route.metric) == (to, Some(gateway), interface, mtu, 0)
            && route.source == Some(self.config.cidr.gateway())
    }

    /// This node's own packets to pods of other nodes carry its gateway's address: the answer comes back the same way.
    fn message(&self, wanted: Wanted) -> RouteMessage {
        let mut message = header();
        message.header.destination_prefix_length = wanted.to.prefix_len();
        if wanted.is_overlay {
            message.header.flags = RouteFlags::Onlink;
        }
        message.attributes = vec![
            RouteAttribute::Destination(RouteAddress::Inet(wanted.to.network())),
            RouteAttribute::Gateway(RouteAddress::Inet(wanted.gateway)),
            RouteAttribute::Oif(wanted.interface),
            RouteAttribute::PrefSource(RouteAddress::Inet(self.config.cidr.gateway())),
        ];
        message.attributes.extend(wanted.mtu.map(|bytes| RouteAttribute::Metrics(vec![RouteMetric::Mtu(bytes)])));
        message
    }
}

fn header() -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = PROTOCOL;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message
}

fn far_end((peer, way): &(Peer, Way)) -> Option<FarEnd> {
    match way {
        Way::Overlay { node, .. } => Some(FarEnd { node: *node, gateway: peer.cidr.gateway() }),
        Way::Direct { .. } => None,
    }
}

/// The route of a way; nothing for VXLAN without its device.
fn wanted(peer: &Peer, way: Way, device: Option<u32>) -> Option<Wanted> {
    let to = peer.cidr;
    match way {
        Way::Direct { interface, gateway } => Some(Wanted { to, gateway, interface, mtu: None, is_overlay: false }),
        Way::Overlay { mtu, .. } => {
            Some(Wanted { to, gateway: to.gateway(), interface: device?, mtu: Some(mtu), is_overlay: true })
        }
    }
}
