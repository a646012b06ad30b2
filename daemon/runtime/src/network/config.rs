//! What the operator decides about the pod network of one node: bridge, address range, pool.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::NetworkError;

/// The longest bridge name: a host-side veth is called `<bridge>-<host number>` and Linux allows 15 bytes.
pub const LONGEST_BRIDGE_NAME: usize = 9;

/// An IPv4 network in CIDR notation, its host bits zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    base: u32,
    prefix_len: u8,
}

impl Cidr {
    /// Reads `10.88.0.0/24`. Refuses host bits that are set, so that a typing error does not move the network.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let bad = |why: &str| NetworkError::Cidr { text: text.to_owned(), why: why.to_owned() };
        let (address, prefix) = text.split_once('/').ok_or_else(|| bad("it has no prefix length"))?;
        let address: Ipv4Addr = address.parse().map_err(|_| bad("it is not an IPv4 address"))?;
        let prefix_len: u8 = prefix.parse().map_err(|_| bad("the prefix length is not a number"))?;
        let cidr = Self::containing(address, prefix_len).ok_or_else(|| bad("the prefix length is over 32"))?;
        if cidr.base != u32::from(address) {
            return Err(bad(&format!("it has host bits set; did you mean {cidr}?")));
        }
        Ok(cidr)
    }

    /// The network of `prefix_len` bits around an address; nothing for a length over 32.
    pub fn containing(address: Ipv4Addr, prefix_len: u8) -> Option<Self> {
        if prefix_len > 32 {
            return None;
        }
        Some(Self { base: u32::from(address) & mask(prefix_len), prefix_len })
    }

    /// The number of leading bits that name the network.
    pub fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The first address of a host: the node's own on its bridge, the pods' default route.
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base.wrapping_add(1))
    }

    /// How many pods have room: neither the network's own, nor the gateway's, nor the broadcast address.
    pub fn pod_addresses(self) -> u32 {
        let size: u64 = 1 << (32 - u32::from(self.prefix_len));
        u32::try_from(size.saturating_sub(3)).unwrap_or(u32::MAX)
    }

    /// The address of the pod with the given place, counted from 0; nothing past the end.
    pub fn pod_address(self, place: u32) -> Option<Ipv4Addr> {
        (place < self.pod_addresses()).then(|| Ipv4Addr::from(self.base + 2 + place))
    }

    /// The inverse of [`Cidr::pod_address`].
    pub fn place_of(self, address: Ipv4Addr) -> Option<u32> {
        let place = u32::from(address).checked_sub(self.base)?.checked_sub(2)?;
        (place < self.pod_addresses()).then_some(place)
    }

    /// The first address: that of the network itself.
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base)
    }

    /// The broadcast address.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base | !mask(self.prefix_len))
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let common = mask(self.prefix_len.min(other.prefix_len));
        self.base & common == other.base & common
    }

    /// Whether every address of the other lies in this network.
    pub fn contains_all(self, other: Self) -> bool {
        self.prefix_len <= other.prefix_len && self.overlaps(other)
    }

    /// Whether the address lies in this network.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix_len) == self.base
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix_len)
    }
}

fn mask(prefix_len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0)
}

/// When pods' packets to another node are wrapped into packets between the nodes (VXLAN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlay {
    /// For nodes that are not on a link of this machine.
    #[default]
    Auto,
    /// Not at all: all nodes are on one link, or the routers between know the pods' ranges.
    Never,
    /// For every node: where the network between drops packets with addresses that it does not know, as many clouds' do.
    Always,
}

/// A VXLAN packet is so much longer than the one in it: Ethernet 14, IPv4 20, UDP 8, VXLAN 8 bytes.
pub const VXLAN_BYTES: u32 = 50;

/// The settings of a [`super::Network`].
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The bridge's name, up to [`LONGEST_BRIDGE_NAME`] bytes. It also names the nft table and begins the veths' names, so
    /// that daemons with different bridges can share a network namespace.
    pub bridge: String,
    /// This node's pod addresses, between /16 and /29.
    pub cidr: Cidr,
    /// All nodes' pod addresses: traffic to them leaves with the pod's own address. Nothing: only [`NetworkConfig::cidr`].
    pub cluster_cidr: Option<Cidr>,
    /// Where it is written who has which address; on a tmpfs (it is cleared when the boot id differs).
    pub state_dir: PathBuf,
    /// How many namespaces [`super::Network::refill`] keeps ready.
    pub pool_size: usize,
    /// The pods' MTU in bytes. Nothing: that of the interface of the default route, else 1500.
    pub mtu: Option<u32>,
    /// This node's address, as the other nodes know it. Nothing: no VXLAN.
    pub node_address: Option<Ipv4Addr>,
    /// When VXLAN is used.
    pub overlay: Overlay,
    /// The UDP port of VXLAN, the same on all nodes.
    pub vxlan_port: u16,
    /// The number of the VXLAN network, below 2^24, the same on all nodes.
    pub vxlan_id: u32,
}

impl NetworkConfig {
    /// The defaults: `skiff0`, 10.88.0.0/24, a pool of 16.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            bridge: "skiff0".to_owned(),
            cidr: Cidr { base: u32::from(Ipv4Addr::new(10, 88, 0, 0)), prefix_len: 24 },
            cluster_cidr: None,
            state_dir: state_dir.into(),
            pool_size: 16,
            mtu: None,
            node_address: None,
            overlay: Overlay::Auto,
            vxlan_port: 8472,
            vxlan_id: 10_088,
        }
    }

    /// Refuses what the kernel or nft would refuse later with a worse message.
    pub fn check(&self) -> Result<(), NetworkError> {
        let bad = |why: &str| Err(NetworkError::BridgeName { name: self.bridge.clone(), why: why.to_owned() });
        if self.bridge.is_empty() || self.bridge.len() > LONGEST_BRIDGE_NAME {
            return bad("it must have 1 to 9 characters");
        }
        let begins_with_letter = self.bridge.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins_with_letter || !self.bridge.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return bad("it must begin with a letter and have only letters, digits, '-' and '_'");
        }
        if !(16..=29).contains(&self.cidr.prefix_len) {
            let why = "the prefix length of a node's pods must be between 16 and 29";
            return Err(NetworkError::Cidr { text: self.cidr.to_string(), why: why.to_owned() });
        }
        if let Some(cluster) = self.cluster_cidr.filter(|cluster| !cluster.contains_all(self.cidr)) {
            return Err(NetworkError::Cidr {
                text: self.cidr.to_string(),
                why: format!("it is not within the cluster's {cluster}"),
            });
        }
        Ok(())
    }

    /// The addresses of all pods that are known of: the cluster's, else this node's.
    pub(super) fn pods(&self) -> Cidr {
        self.cluster_cidr.unwrap_or(self.cidr)
    }

    /// The name of the VXLAN device.
    pub fn vxlan_name(&self) -> String {
        format!("{}-vx", self.bridge)
    }

    /// The hardware address of the VXLAN device of the node with this address: every node knows it without asking.
    pub fn vxlan_mac_of(node: Ipv4Addr) -> [u8; 6] {
        let [a, b, c, d] = node.octets();
        [0x0a, 0x59, a, b, c, d]
    }

    /// The hardware address that goes with a pod's address. It is derived, so that no neighbour table is ever stale when an
    /// address gets a new owner.
    pub fn mac_of(address: Ipv4Addr) -> [u8; 6] {
        let [a, b, c, d] = address.octets();
        [0x0a, 0x58, a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn a_cidr_is_read_and_written_the_same() {
        for text in ["10.88.0.0/24", "0.0.0.0/0", "192.168.7.8/29", "10.1.2.3/32"] {
            assert_eq!(cidr(text).to_string(), text);
        }
    }

    #[test]
    fn a_bad_cidr_is_refused_with_its_reason() {
        let check = |text: &str, why: &str| {
            let message = Cidr::parse(text).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        };
        check("10.88.0.0", "no prefix");
        check("10.88.0/24", "not an IPv4");
        check("10.88.0.0/x", "not a number");
        check("10.88.0.0/33", "over 32");
        check("10.88.0.5/24", "did you mean 10.88.0.0/24?");
    }

    #[test]
    fn pods_get_neither_the_network_nor_the_gateway_nor_the_broadcast_address() {
        let network = cidr("10.88.0.0/24");
        assert_eq!(network.gateway(), Ipv4Addr::new(10, 88, 0, 1));
        assert_eq!(network.pod_addresses(), 253);
        assert_eq!(network.pod_address(0), Some(Ipv4Addr::new(10, 88, 0, 2)));
        assert_eq!(network.pod_address(252), Some(Ipv4Addr::new(10, 88, 0, 254)));
        assert_eq!(network.pod_address(253), None);
        assert_eq!(network.place_of(Ipv4Addr::new(10, 88, 0, 254)), Some(252));
        for outside in [[10, 88, 0, 0], [10, 88, 0, 1], [10, 88, 0, 255], [10, 88, 1, 2], [1, 1, 1, 1]] {
            assert_eq!(network.place_of(Ipv4Addr::from(outside)), None);
        }
    }

    #[test]
    fn networks_overlap_when_one_contains_the_other() {
        assert!(cidr("10.0.0.0/8").overlaps(cidr("10.88.0.0/24")));
        assert!(cidr("10.88.0.0/24").overlaps(cidr("10.88.0.128/25")));
        assert!(!cidr("10.88.0.0/24").overlaps(cidr("10.88.1.0/24")));
    }

    #[test]
    fn a_bridge_name_that_the_kernel_or_nft_would_refuse_is_refused_here() {
        let check = |name: &str| {
            let config = NetworkConfig { bridge: name.to_owned(), ..NetworkConfig::new("/nowhere") };
            config.check().is_ok()
        };
        assert!(check("skiff0") && check("br-x_1"));
        assert!(!check("") && !check("0skiff") && !check("skiff 0") && !check("a/b") && !check("longerthan9") && !check("x;y"));
    }
}
