//! The node's own address: what other nodes and consoles reach it by.

use std::net::{IpAddr, Ipv4Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::{MachineError, Roots, read};

/// What an address of a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// `InternalIP`
    InternalIp,
    /// `Hostname`
    Hostname,
}

/// One of a node's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What it is.
    pub kind: AddressKind,
    /// Its text.
    pub value: String,
}

/// An IPv4 address of an interface that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct InterfaceAddress {
    interface: String,
    address: Ipv4Addr,
}

/// The address of the default route's interface; else the first one that others could reach.
pub(super) fn internal(roots: &Roots) -> Result<Option<IpAddr>, MachineError> {
    let routes = read::text(roots.proc.join("net/route"))?;
    let addresses = list().map_err(|errno| MachineError::Addresses { source: errno.into() })?;
    Ok(choose(default_interface(&routes), &addresses).map(IpAddr::V4))
}

fn choose(default_interface: Option<&str>, addresses: &[InterfaceAddress]) -> Option<Ipv4Addr> {
    let of_default = addresses.iter().find(|entry| Some(entry.interface.as_str()) == default_interface);
    of_default.or_else(|| addresses.first()).map(|entry| entry.address)
}

fn list() -> nix::Result<Vec<InterfaceAddress>> {
    let is_reachable =
        |flags: InterfaceFlags| flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK);
    let entries = getifaddrs()?.filter(|entry| is_reachable(entry.flags));
    let addresses = entries.filter_map(|entry| {
        let address = entry.address?.as_sockaddr_in()?.ip();
        (!address.is_link_local()).then_some(InterfaceAddress { interface: entry.interface_name, address })
    });
    Ok(addresses.collect())
}

/// The interface of the default route with the least metric. `/proc/net/route` has numbers in hexadecimal and columns
/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`.
fn default_interface(routes: &str) -> Option<&str> {
    let default_routes = routes.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (&[interface, destination, ..], Some(metric), Some(mask)) = (&fields[..], fields.get(6), fields.get(7)) else {
            return None;
        };
        let is_default = destination == "00000000" && *mask == "00000000";
        is_default.then(|| (metric.parse::<u32>().unwrap_or(u32::MAX), interface))
    });
    default_routes.min_by_key(|(metric, _)| *metric).map(|(_, interface)| interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
";

    #[test]
    fn the_default_route_with_the_least_metric_wins() {
        assert_eq!(default_interface(ROUTES), Some("eth0"));
        assert_eq!(default_interface(""), None);
        assert_eq!(default_interface("header\nshort line\n"), None);
    }

    #[test]
    fn without_a_default_route_the_first_reachable_address_is_taken() {
        let entry =
            |interface: &str, last| InterfaceAddress { interface: interface.to_owned(), address: [10, 0, 0, last].into() };
        let addresses = [entry("eth0", 1), entry("eth1", 2)];
        assert_eq!(choose(Some("eth1"), &addresses), Some([10, 0, 0, 2].into()));
        assert_eq!(choose(None, &addresses), Some([10, 0, 0, 1].into()));
        assert_eq!(choose(Some("gone"), &addresses), Some([10, 0, 0, 1].into()));
        assert_eq!(choose(None, &[]), None);
    }
}
