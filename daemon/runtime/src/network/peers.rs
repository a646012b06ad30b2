//! The other nodes of the cluster, and which way their pods' packets go: decided from what is known, without the kernel.

use std::net::Ipv4Addr;

use super::{Cidr, NetworkConfig, Overlay, VXLAN_BYTES};

/// Another node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name, for messages.
    pub name: String,
    /// The address that it is reached by.
    pub address: Ipv4Addr,
    /// Its pods' addresses.
    pub cidr: Cidr,
}

/// What [`super::Network::set_peers`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routed {
    /// How many objects of the kernel were made, changed or removed: none where all was right already.
    pub changes: usize,
    /// Peers whose pods cannot be reached, by their place in the list.
    pub refused: Vec<RefusedPeer>,
}

/// A peer without a route, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPeer {
    /// The node's name.
    pub name: String,
    /// What stands in the way, and what to do about it.
    pub why: String,
}

/// How this machine reaches an address now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is one of its own.
    Own,
    /// It is on a link of this machine.
    OnLink { interface: u32, mtu: u32 },
    /// Through another router, or through a tunnel.
    Behind { mtu: u32 },
    /// Not at all at this moment.
    Nowhere,
}

/// The way to one peer's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The peer itself is the next machine on the link.
    Direct { interface: u32, gateway: Ipv4Addr },
    /// Wrapped into packets to the peer, each at most so long inside, in bytes.
    Overlay { node: Ipv4Addr, mtu: u32 },
}

/// What is to be done for all peers.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Those that have a way.
    pub(super) ways: Vec<(Peer, Way)>,
    /// Those that have none.
    pub(super) refused: Vec<RefusedPeer>,
}

/// The way to each peer. The first of two with the same range has it.
pub(super) fn plan(config: &NetworkConfig, peers: &[(Peer, Reach)]) -> Plan {
    let mut plan = Plan::default();
    for (peer, reach) in peers {
        match hindrance(config, peer, &plan.ways).map_or_else(|| way(config, peer, *reach), Err) {
            Ok(way) => plan.ways.extend(way.map(|way| (peer.clone(), way))),
            Err(why) => plan.refused.push(RefusedPeer { name: peer.name.clone(), why }),
        }
    }
    plan
}

/// Why a peer's range cannot be routed, whichever way.
fn hindrance(config: &NetworkConfig, peer: &Peer, ways: &[(Peer, Way)]) -> Option<String> {
    let Peer { address, cidr, .. } = peer;
    if cidr.overlaps(config.cidr) {
        return Some(format!("its pods' range {cidr} overlaps this node's own {}", config.cidr));
    }
    if let Some(cluster) = config.cluster_cidr {
        if !cluster.contains_all(*cidr) {
            return Some(format!(
                "its pods' range {cidr} is not within the cluster's {cluster}: give all nodes the same --cluster-cidr"
            ));
        }
        if cluster.contains(*address) {
            return Some(format!("its address {address} is within the pods' range {cluster}: choose another --cluster-cidr"));
        }
    }
    let (other, _) = ways.iter().find(|(other, _)| other.cidr.overlaps(*cidr))?;
    Some(format!("its pods' range {cidr} overlaps {} of the node {}", other.cidr, other.name))
}

/// Nothing where the routers between know the way themselves.
fn way(config: &NetworkConfig, peer: &Peer, reach: Reach) -> Result<Option<Way>, String> {
    let address = peer.address;
    let mtu = match (reach, config.overlay) {
        (Reach::Own, _) => return Err(format!("its address {address} is this machine's own")),
        (Reach::OnLink { interface, .. }, Overlay::Auto | Overlay::Never) => {
            return Ok(Some(Way::Direct { interface, gateway: address }));
        }
        (Reach::Behind { .. }, Overlay::Never) => return Ok(None),
        (Reach::OnLink { mtu, .. } | Reach::Behind { mtu }, _) => mtu.saturating_sub(VXLAN_BYTES),
        // It may come back; the route's own length counts then.
        (Reach::Nowhere, _) => return Err(format!("this machine has no route to its address {address}")),
    };
    if config.node_address.is_none() {
        return Err("this node has no IPv4 address that VXLAN could use".to_owned());
    }
    Ok(Some(Way::Overlay { node: address, mtu }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, address: [u8; 4], cidr: &str) -> Peer {
        Peer { name: name.to_owned(), address: address.into(), cidr: Cidr::parse(cidr).expect("a range") }
    }

    fn config(overlay: Overlay) -> NetworkConfig {
        let cluster_cidr = Some(Cidr::parse("10.88.0.0/16").expect("a range"));
        let node_address = Some([192, 168, 1, 1].into());
        NetworkConfig { overlay, cluster_cidr, node_address, ..NetworkConfig::new("/nowhere") }
    }

    const ON_LINK: Reach = Reach::OnLink { interface: 3, mtu: 1500 };
    const BEHIND: Reach = Reach::Behind { mtu: 1400 };

    fn way_of(overlay: Overlay, reach: Reach) -> Result<Option<Way>, String> {
        let Plan { ways, mut refused } = plan(&config(overlay), &[(peer("b", [192, 168, 1, 2], "10.88.1.0/24"), reach)]);
        match refused.pop() {
            Some(refused) => Err(refused.why),
            None => Ok(ways.first().map(|(_, way)| *way)),
        }
    }

    #[test]
    fn a_peer_on_the_link_is_reached_directly_and_one_behind_a_router_is_not() {
        let direct = Some(Way::Direct { interface: 3, gateway: [192, 168, 1, 2].into() });
        let overlay = |mtu| Some(Way::Overlay { node: [192, 168, 1, 2].into(), mtu });
        assert_eq!(way_of(Overlay::Auto, ON_LINK), Ok(direct));
        assert_eq!(way_of(Overlay::Never, ON_LINK), Ok(direct));
        assert_eq!(way_of(Overlay::Always, ON_LINK), Ok(overlay(1450)));
        assert_eq!(way_of(Overlay::Auto, BEHIND), Ok(overlay(1350)));
        assert_eq!(way_of(Overlay::Never, BEHIND), Ok(None), "the router knows the way");
        assert!(way_of(Overlay::Auto, Reach::Nowhere).expect_err("no way").contains("no route"));
        assert!(way_of(Overlay::Always, Reach::Own).expect_err("no way").contains("own"));
    }

    #[test]
    fn a_range_that_is_taken_or_not_the_clusters_is_refused_with_the_reason() {
        let check = |address: [u8; 4], cidr: &str, why: &str| {
            let first = (peer("b", [192, 168, 1, 2], "10.88.1.0/24"), ON_LINK);
            let Plan { ways, refused } = plan(&config(Overlay::Auto), &[first, (peer("c", address, cidr), ON_LINK)]);
            assert_eq!(ways.len(), 1);
            assert!(refused[0].name == "c" && refused[0].why.contains(why), "{refused:?}");
        };
        check([192, 168, 1, 3], "10.88.0.0/24", "this node's own");
        check([192, 168, 1, 3], "10.88.1.128/25", "of the node b");
        check([192, 168, 1, 3], "0.0.0.0/0", "this node's own");
        check([192, 168, 1, 3], "172.16.0.0/24", "--cluster-cidr");
        check([10, 88, 7, 3], "10.88.2.0/24", "choose another --cluster-cidr");
    }
}
