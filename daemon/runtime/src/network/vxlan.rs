//! The VXLAN device: how pods' packets reach nodes that are on no link of this machine.
//!
//! The device learns nothing and asks nobody. Each peer has a neighbour entry (its gateway's address to a hardware address that
//! is derived from the node's) and a forwarding entry (that hardware address to the node's address), so that no packet is ever
//! flooded and no answer can be forged.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use netlink_packet_route::link::{InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkInfo, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::bridge::alias;
use super::link::{self, Link};
use super::netlink::{Netlink, Refused};
use super::{NetworkConfig, NetworkError, VXLAN_BYTES};

/// Another node at the far end of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FarEnd {
    /// The node's address.
    pub(super) node: Ipv4Addr,
    /// The gateway of its pods.
    pub(super) gateway: Ipv4Addr,
}

/// One entry of the device: an address below, and the hardware address that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    table: Table,
    mac: [u8; 6],
    address: Ipv4Addr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    /// A gateway's address to its hardware address.
    Neighbours,
    /// A hardware address to a node's address.
    Forwarding,
}

/// The device of these settings, where there is one that is ours.
pub(super) fn find_own(netlink: &mut Netlink, config: &NetworkConfig) -> Result<Option<Link>, NetworkError> {
    let found = link::find(netlink, &config.vxlan_name()).map_err(failed("look for", config))?;
    Ok(found.filter(|found| is_own(config, found)))
}

/// Makes the device, or makes the one that is there right; its index, and how much was changed.
pub(super) fn ensure(
    netlink: &mut Netlink,
    config: &NetworkConfig,
    node: Ipv4Addr,
    bridge_mtu: u32,
) -> Result<(u32, usize), NetworkError> {
    let mtu = bridge_mtu.saturating_sub(VXLAN_BYTES);
    let name = config.vxlan_name();
    if let Some(found) = link::find(netlink, &name).map_err(failed("look for", config))? {
        if !is_own(config, &found) {
            let owner = found.alias.unwrap_or_else(|| "nobody says whose it is".to_owned());
            return Err(NetworkError::BridgeTaken { name, owner });
        }
        let is_right = is_set_to(&found, config, node) && found.mac == NetworkConfig::vxlan_mac_of(node);
        if is_right && found.mtu == Some(mtu) && found.is_up && found.alias.is_some() {
            return Ok((found.index, 0));
        }
        // Its settings cannot be changed while it lives.
        netlink.change(vec![link::delete(found.index)]).map_err(refused("delete", config))?;
    }
    netlink.change(vec![new_device(config, node, mtu)]).map_err(refused("make", config))?;
    let made = link::find(netlink, &name).map_err(failed("find", config))?;
    let index = made.ok_or_else(|| failed("find", config)(ErrorKind::NotFound.into()))?.index;
    netlink.change(vec![link::mark(index, &alias(config))]).map_err(refused("mark", config))?;
    Ok((index, 1))
}

/// Deletes the device if it is ours; how much was changed.
pub(super) fn remove(netlink: &mut Netlink, config: &NetworkConfig) -> Result<usize, NetworkError> {
    let Some(found) = find_own(netlink, config)? else { return Ok(0) };
    netlink.change(vec![link::delete(found.index)]).map_err(refused("delete", config))?;
    Ok(1)
}

/// Adds and corrects what is missing for the far ends. What they need no longer stays until [`prune`].
pub(super) fn put_entries(netlink: &mut Netlink, index: u32, ends: &[FarEnd]) -> Result<usize, NetworkError> {
    let there = entries(netlink, index)?;
    // Where to first, then who: a packet never finds a hardware address without a node behind it.
    let (mut wanted, neighbours): (Vec<Entry>, Vec<Entry>) =
        ends.iter().flat_map(entries_of).partition(|entry| entry.table == Table::Forwarding);
    wanted.extend(neighbours);
    wanted.retain(|entry| !there.contains(entry));
    let count = wanted.len();
    if count > 0 {
        let batch = wanted.iter().map(|entry| RouteNetlinkMessage::NewNeighbour(message(index, *entry))).collect();
        netlink.put(batch).map_err(|refused| NetworkError::netlink("write the entries of the VXLAN device")(refused.source))?;
    }
    Ok(count)
}

/// Removes the entries of former far ends.
pub(super) fn prune(netlink: &mut Netlink, index: u32, ends: &[FarEnd]) -> Result<usize, NetworkError> {
    let wanted: Vec<Entry> = ends.iter().flat_map(entries_of).collect();
    let is_stale = |entry: &Entry| !wanted.contains(entry);
    let stale: Vec<Entry> = entries(netlink, index)?.into_iter().filter(is_stale).collect();
    let count = stale.len();
    if count > 0 {
        let batch = stale.iter().map(|entry| RouteNetlinkMessage::DelNeighbour(message(index, *entry))).collect();
        netlink.change(batch).map_err(|refused| NetworkError::netlink("delete entries of the VXLAN device")(refused.source))?;
    }
    Ok(count)
}

fn entries_of(end: &FarEnd) -> [Entry; 2] {
    let mac = NetworkConfig::vxlan_mac_of(end.node);
    [Entry { table: Table::Forwarding, mac, address: end.node }, Entry { table: Table::Neighbours, mac, address: end.gateway }]
}

/// Every permanent entry of the device.
fn entries(netlink: &mut Netlink, index: u32) -> Result<Vec<Entry>, NetworkError> {
    let mut found = Vec::new();
    for (family, table) in [(AddressFamily::Bridge, Table::Forwarding), (AddressFamily::Inet, Table::Neighbours)] {
        let mut request = NeighbourMessage::default();
        request.header.family = family;
        let answers = netlink.list(&RouteNetlinkMessage::GetNeighbour(request));
        for answer in answers.map_err(NetworkError::netlink("list the entries of the VXLAN device"))? {
            let RouteNetlinkMessage::NewNeighbour(message) = answer else { continue };
            if message.header.ifindex == index && message.header.state == NeighbourState::Permanent {
                found.extend(read(table, &message));
            }
        }
    }
    Ok(found)
}

fn read(table: Table, message: &NeighbourMessage) -> Option<Entry> {
    let (mut mac, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = <[u8; 6]>::try_from(bytes.as_slice()).ok(),
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => address = Some(*found),
            // The forwarding table's addresses have no family of their own.
            NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => {
                address = <[u8; 4]>::try_from(bytes.as_slice()).ok().map(Ipv4Addr::from);
            }
            _ => {}
        }
    }
    Some(Entry { table, mac: mac?, address: address? })
}

fn message(index: u32, entry: Entry) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    match entry.table {
        Table::Neighbours => message.header.family = AddressFamily::Inet,
        Table::Forwarding => {
            message.header.family = AddressFamily::Bridge;
            // The device's own table, not that of a bridge it is a port of.
            message.header.flags = NeighbourFlags::Own;
        }
    }
    message.attributes = vec![
        NeighbourAttribute::Destination(NeighbourAddress::Inet(entry.address)),
        NeighbourAttribute::LinkLayerAddress(entry.mac.to_vec()),
    ];
    message
}

fn new_device(config: &NetworkConfig, node: Ipv4Addr, mtu: u32) -> RouteNetlinkMessage {
    let settings = vec![
        InfoVxlan::Id(config.vxlan_id),
        InfoVxlan::Local(node),
        InfoVxlan::Port(config.vxlan_port),
        InfoVxlan::Learning(false),
    ];
    let mut message = LinkMessage::default();
    link::set_up(&mut message);
    message.attributes = vec![
        LinkAttribute::IfName(config.vxlan_name()),
        LinkAttribute::Address(NetworkConfig::vxlan_mac_of(node).to_vec()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vxlan), LinkInfo::Data(InfoData::Vxlan(settings))]),
    ];
    RouteNetlinkMessage::NewLink(message)
}

/// Ours has our alias, or was made in the moment of a crash: then nobody named it, and its network is ours.
fn is_own(config: &NetworkConfig, found: &Link) -> bool {
    match (&found.alias, &found.vxlan) {
        (_, None) => false,
        (Some(known), Some(_)) => *known == alias(config),
        (None, Some(settings)) => settings.contains(&InfoVxlan::Id(config.vxlan_id)),
    }
}

fn is_set_to(found: &Link, config: &NetworkConfig, node: Ipv4Addr) -> bool {
    let wanted = [InfoVxlan::Id(config.vxlan_id), InfoVxlan::Local(node), InfoVxlan::Port(config.vxlan_port)];
    found.vxlan.as_ref().is_some_and(|settings| wanted.iter().all(|wanted| settings.contains(wanted)))
}

fn failed(action: &str, config: &NetworkConfig) -> impl FnOnce(std::io::Error) -> NetworkError {
    NetworkError::netlink(format!("{action} the VXLAN device {}", config.vxlan_name()))
}

fn refused(action: &str, config: &NetworkConfig) -> impl FnOnce(Refused) -> NetworkError {
    let failed = failed(action, config);
    |refused| failed(refused.source)
}
