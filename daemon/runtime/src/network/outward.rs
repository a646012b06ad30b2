//! The network toward other machines: routes to the other nodes' pods, ports that are let in, and this node's own range.

use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError};

use super::firewall::Opening;
use super::peers::{Plan, Way};
use super::routes::Router;
use super::{Cidr, Network, NetworkConfig, NetworkError, Peer, Port, Routed, set_up};

/// What is wanted, so that [`Network::repair`] can put it back.
#[derive(Debug, Default)]
pub(super) struct Outward {
    pub(super) peers: Vec<Peer>,
    /// As the firewall has it.
    pub(super) opening: Opening,
}

impl Network {
    /// Makes the kernel's routes to other nodes' pods those to these peers, and only those. Again is cheap and changes nothing
    /// that is right; what somebody removed is put back. The first of two peers with overlapping ranges is the one that is
    /// reached. Blocks for some system calls a peer.
    ///
    /// # Errors
    /// What stands in the way of all; a peer that cannot be reached is none (see [`Routed::refused`]).
    pub fn set_peers(&self, peers: &[Peer]) -> Result<Routed, NetworkError> {
        let mut outward = self.outward.lock().unwrap_or_else(PoisonError::into_inner);
        peers.clone_into(&mut outward.peers);
        self.route(&mut outward)
    }

    /// Lets these ports of this node in where the firewall's default is to drop, and no others. VXLAN's needs no mention.
    ///
    /// # Errors
    /// The firewall's programs.
    pub fn set_ports(&self, ports: impl IntoIterator<Item = Port>) -> Result<(), NetworkError> {
        let mut outward = self.outward.lock().unwrap_or_else(PoisonError::into_inner);
        let opening = Opening { ports: ports.into_iter().collect(), ..outward.opening.clone() };
        self.open_firewall(&mut outward, opening)
    }

    /// Whether [`Network::change_cidr`] could take this range.
    ///
    /// # Errors
    /// Why not.
    pub fn check_cidr(&self, cidr: Cidr) -> Result<(), NetworkError> {
        super::check_range(&NetworkConfig { cidr, ..(*self.config()).clone() })
    }

    /// Gives this node another range of addresses for its pods: the bridge gets its gateway, namespaces made ahead are dropped,
    /// and who had which address is forgotten. Every pod that has an address has to get a new sandbox; until then it is cut off.
    ///
    /// # Errors
    /// The range is not usable here (then nothing has changed), or the kernel refused a step (then [`Network::repair`] tries
    /// the rest again).
    pub fn change_cidr(&self, cidr: Cidr) -> Result<(), NetworkError> {
        let _nothing_is_made = self.refilling.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outward = self.outward.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.config();
        if before.cidr == cidr {
            return Ok(());
        }
        let config = NetworkConfig { cidr, ..(*before).clone() };
        super::check_range(&config)?;
        // Routes to a former owner of the range, and from the gateway of the old one.
        Router::open(&before, self.bridge())?.remove_all()?;
        {
            let mut state = self.pool.lock();
            state.ready.clear();
            state.ipam.change_range(cidr)?;
            *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config.clone());
            *self.bridge.lock().unwrap_or_else(PoisonError::into_inner) = set_up(&config, &state.ipam, &outward.opening)?;
        }
        self.route(&mut outward).map(|_| ())
    }

    /// Makes routes and what they need of the firewall. A packet of a new peer is let in before there is a route to it.
    pub(super) fn route(&self, outward: &mut Outward) -> Result<Routed, NetworkError> {
        let config = self.config();
        let mut router = Router::open(&config, self.bridge())?;
        let Plan { ways, mut refused } = router.plan(&outward.peers)?;
        let has_vxlan = ways.iter().any(|(_, way)| matches!(way, Way::Overlay { .. }));
        // Those that are reached directly, too: they may find out a moment later than this node that they are.
        let nodes = ways.iter().map(|(peer, _)| peer.address).collect::<std::collections::BTreeSet<Ipv4Addr>>();
        let opening = Opening { ports: outward.opening.ports.clone(), nodes, has_vxlan };
        let mut changes = 0;
        if opening != outward.opening && (has_vxlan || outward.opening.has_vxlan) {
            self.open_firewall(outward, opening)?;
            changes += 1;
        }
        let mut routed = router.apply(&ways)?;
        routed.changes += changes;
        refused.append(&mut routed.refused);
        Ok(Routed { refused, ..routed })
    }

    fn open_firewall(&self, outward: &mut Outward, opening: Opening) -> Result<(), NetworkError> {
        super::firewall::install(&self.config(), &opening)?;
        outward.opening = opening;
        Ok(())
    }
}
