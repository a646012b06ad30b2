//! The pods' network on one node: a bridge, an address a pod, and a pool of namespaces made ahead.
//!
//! A namespace with its veth pair costs about half a millisecond and some waiting for the kernel's network lock, so they
//! are made ahead by [`Network::refill`] and [`Network::take`] only hands one out. A namespace is held by a descriptor:
//! when the last process and descriptor of it are gone the kernel removes it together with its veth, many at once. No veth
//! is ever deleted one by one, which would hold the network lock for tens of milliseconds.
//!
//! All calls block for the time of their system calls; `take` on a filled pool takes microseconds. Nothing here spawns a
//! task: whoever owns the [`Network`] calls `refill` when [`Network::wants_refill`] says so. Making namespaces happens on a
//! short-lived thread of its own, because `unshare(CLONE_NEWNET)` changes the calling thread for good.
//!
//! Firewall: `nft` is called at [`Network::open`] and when what is let in changes; see `firewall`. Addresses: see `ipam`.
//! Other nodes' pods: [`Network::set_peers`]; see `routes`, and `vxlan` for nodes that are on no link of this machine.

mod bridge;
mod config;
mod error;
mod firewall;
mod inside;
mod ipam;
mod legacy;
mod link;
mod monitor;
mod namespace;
mod netlink;
mod outward;
mod peers;
mod pool;
mod routes;
#[cfg(test)]
mod tests;
mod vxlan;

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

pub use config::{Cidr, LONGEST_BRIDGE_NAME, NetworkConfig, Overlay, VXLAN_BYTES};
pub use error::NetworkError;
pub use firewall::Port;
pub use inside::connect_inside;
pub use ipam::{allocated, forget_outside};
pub use monitor::Monitor;
pub use peers::{Peer, RefusedPeer, Routed};

use firewall::Opening;
use ipam::Ipam;
use namespace::{Bridge, NamespaceMaker};
use netlink::Netlink;
use outward::Outward;
use pool::{Pool, Ready};

/// A pod's place in the network: a namespace with `lo` and `eth0` up, the address and the default route set.
#[derive(Debug)]
pub struct PodNetwork {
    /// The pod's address.
    pub ip: Ipv4Addr,
    /// The length of the network part of it.
    pub prefix_len: u8,
    /// The node on the bridge, which is the pod's default route.
    pub gateway: Ipv4Addr,
    /// The network namespace. It lives as long as this descriptor or a process in it.
    pub netns: OwnedFd,
}

/// The pods' network of this node. Share it as `Arc<Network>`; every method takes `&self`.
#[derive(Debug)]
pub struct Network {
    /// Replaced whole when the range changes.
    config: RwLock<Arc<NetworkConfig>>,
    bridge: Mutex<Bridge>,
    /// The namespace with the bridge: the one of the thread that called [`Network::open`].
    host: OwnedFd,
    pool: Pool,
    /// Held while namespaces are made ahead: two at once would only wait for the kernel's lock.
    refilling: Mutex<()>,
    /// Held while routes or rules are changed; taken after `refilling` and before the pool's.
    outward: Mutex<Outward>,
}

impl Network {
    /// Makes the bridge, its address, forwarding and the firewall rules, or finds them as an earlier daemon left them, and
    /// reads who has which address. The pool is empty until [`Network::refill`].
    ///
    /// Everything is made in the network namespace of the calling thread.
    pub fn open(config: NetworkConfig) -> Result<Self, NetworkError> {
        config.check()?;
        let boot_id_file = "/proc/sys/kernel/random/boot_id";
        let boot_id = fs::read_to_string(boot_id_file).map_err(NetworkError::read(boot_id_file))?;
        fs::create_dir_all(&config.state_dir).map_err(NetworkError::write(&config.state_dir))?;
        let ipam = Ipam::open(&config.state_dir, config.cidr, boot_id.trim())?;
        let bridge = set_up(&config, &ipam, &Opening::default())?;
        let host = namespace::current_namespace()?;
        Ok(Self {
            config: RwLock::new(Arc::new(config)),
            bridge: Mutex::new(bridge),
            host,
            pool: Pool::new(ipam),
            refilling: Mutex::new(()),
            outward: Mutex::new(Outward::default()),
        })
    }

    /// A namespace for the pod, and its address, which is written down before this returns. From the pool in microseconds;
    /// where that is empty, made now in about a millisecond.
    pub fn take(&self, uid: &str) -> Result<PodNetwork, NetworkError> {
        check_uid(uid)?;
        let mut state = self.pool.lock();
        if let Some(ip) = state.ipam.address_of(uid) {
            return Err(NetworkError::AlreadyTaken { uid: uid.to_owned(), ip });
        }
        let ready = loop {
            if let Some(ready) = state.ready.pop_front() {
                break ready;
            }
            drop(state);
            let ready = self.on_a_thread(|maker| {
                let ready = self.pool.make(maker)?;
                maker.wait_until_connected(ready.address)?;
                Ok(ready)
            })?;
            state = self.pool.lock();
            if ready.cidr == state.ipam.cidr() {
                break ready;
            }
            // The range changed while it was made.
            state.ipam.unreserve(ready.address);
        };
        if let Err(error) = state.ipam.assign(uid, ready.address) {
            state.ipam.unreserve(ready.address);
            return Err(error);
        }
        let cidr = ready.cidr;
        Ok(PodNetwork { ip: ready.address, prefix_len: cidr.prefix_len(), gateway: cidr.gateway(), netns: ready.netns })
    }

    /// Gives the pod's address back; the address, if it had one. The namespace goes with its last process and descriptor.
    pub fn release(&self, uid: &str) -> Result<Option<Ipv4Addr>, NetworkError> {
        self.pool.lock().ipam.release(uid)
    }

    /// After a restart of the daemon: makes sure that the pod is known to have the address. Addresses that were taken before
    /// are known already ([`Network::allocations`]); this is for a pod whose note was lost.
    pub fn adopt(&self, uid: &str, ip: Ipv4Addr) -> Result<(), NetworkError> {
        check_uid(uid)?;
        let mut state = self.pool.lock();
        let cidr = state.ipam.cidr();
        if cidr.place_of(ip).is_none() {
            return Err(NetworkError::OutsideCidr { ip, cidr });
        }
        match state.ipam.address_of(uid) {
            Some(known) if known == ip => return Ok(()),
            Some(known) => return Err(NetworkError::AlreadyTaken { uid: uid.to_owned(), ip: known }),
            None => {}
        }
        // A namespace of the pool with the same address must not be handed out.
        state.ready.retain(|ready| ready.address != ip);
        state.ipam.assign(uid, ip)
    }

    /// Every pod with its address, by address: after a restart, release those whose pod is gone.
    pub fn allocations(&self) -> Vec<(String, Ipv4Addr)> {
        self.pool.lock().ipam.allocations()
    }

    /// The pod's address.
    pub fn address_of(&self, uid: &str) -> Option<Ipv4Addr> {
        self.pool.lock().ipam.address_of(uid)
    }

    /// The node's own address on the bridge.
    pub fn gateway(&self) -> Ipv4Addr {
        self.cidr().gateway()
    }

    /// This node's range of pod addresses, as it is now.
    pub fn cidr(&self) -> Cidr {
        self.config().cidr
    }

    /// The settings: as it was opened with, but for the range (see [`Network::change_cidr`]).
    pub fn config(&self) -> Arc<NetworkConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn bridge(&self) -> Bridge {
        *self.bridge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many namespaces are ready.
    pub fn ready(&self) -> usize {
        self.pool.lock().ready.len()
    }

    /// Whether the pool is less than full.
    pub fn wants_refill(&self) -> bool {
        self.ready() < self.config().pool_size
    }

    /// Fills the pool; how many namespaces were made. Blocks for 2 to 5 ms a namespace on a busy machine: call it from a
    /// blocking thread. Running out of addresses is no error here: the pool just stays smaller.
    pub fn refill(&self) -> Result<usize, NetworkError> {
        let _one_at_a_time = self.refilling.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.wants_refill() {
            return Ok(0);
        }
        self.on_a_thread(|maker| self.fill(maker))
    }

    /// Makes what is missing. Each namespace is handed over while the next is made, so that nobody waits for the bridge.
    fn fill(&self, maker: &mut NamespaceMaker<'_>) -> Result<usize, NetworkError> {
        let pool_size = self.config().pool_size;
        let mut made = 0;
        let mut fresh: Option<Ready> = None;
        let outcome = loop {
            if self.ready() + usize::from(fresh.is_some()) >= pool_size {
                break Ok(());
            }
            let next = match self.pool.make(maker) {
                Ok(next) => next,
                Err(NetworkError::NoFreeAddress { .. }) => break Ok(()),
                Err(error) => break Err(error),
            };
            made += 1;
            if let Some(ready) = fresh.replace(next) {
                self.hand_over(maker, ready)?;
            }
        };
        if let Some(ready) = fresh {
            self.hand_over(maker, ready)?;
        }
        outcome.map(|()| made)
    }

    fn hand_over(&self, maker: &mut NamespaceMaker<'_>, ready: Ready) -> Result<(), NetworkError> {
        maker.wait_until_connected(ready.address)?;
        self.pool.lock().ready.push_back(ready);
        Ok(())
    }

    /// Puts back what somebody else removed (a firewall reload, a deleted bridge, a route). Cheap enough for once a minute: a
    /// few runs of nft. Pods that were plugged into a deleted bridge stay cut off until they are started anew.
    pub fn repair(&self) -> Result<Routed, NetworkError> {
        let mut outward = self.outward.lock().unwrap_or_else(PoisonError::into_inner);
        let config = self.config();
        {
            let mut state = self.pool.lock();
            let found = set_up(&config, &state.ipam, &outward.opening)?;
            let mut bridge = self.bridge.lock().unwrap_or_else(PoisonError::into_inner);
            if *bridge != found {
                tracing::warn!(bridge = %config.bridge, "the pods' bridge was replaced");
                *bridge = found;
                for ready in state.ready.drain(..).collect::<Vec<_>>() {
                    state.ipam.unreserve(ready.address);
                }
            }
        }
        self.route(&mut outward)
    }

    /// Removes the bridge, the firewall rules and the state, and puts forwarding back. Pods that still run are cut off.
    pub fn teardown(&self) -> Result<(), NetworkError> {
        self.pool.lock().ready.clear();
        remove(&self.config())
    }

    /// Runs the work on a thread of its own, because making a namespace leaves the thread in it.
    fn on_a_thread<T: Send>(
        &self,
        work: impl FnOnce(&mut NamespaceMaker<'_>) -> Result<T, NetworkError> + Send,
    ) -> Result<T, NetworkError> {
        let (config, bridge) = (self.config(), self.bridge());
        let body = || work(&mut NamespaceMaker::new(&config, bridge, self.host.as_fd())?);
        thread::scope(|scope| {
            let spawned = thread::Builder::new().name("netns".to_owned()).stack_size(256 * 1024).spawn_scoped(scope, body);
            let thread = spawned.map_err(|source| NetworkError::Namespace { source })?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Whether a network could be opened with this range: it is of a usable length, and nothing else on this machine routes it.
///
/// # Errors
/// Why not.
pub fn check_range(config: &NetworkConfig) -> Result<(), NetworkError> {
    config.check()?;
    bridge::check(config)
}

/// Removes what a network of these settings left on the machine, whether or not one is open: routes, devices, rules, state.
/// What is not there is no error; an interface that is not ours is left alone.
pub fn remove(config: &NetworkConfig) -> Result<(), NetworkError> {
    config.check()?;
    let mut netlink = Netlink::open().map_err(NetworkError::netlink("open a netlink socket"))?;
    vxlan::remove(&mut netlink, config)?;
    // The routes to other nodes go with the gateway's address, which is their source.
    bridge::remove(&mut netlink, config)?;
    firewall::remove(&config.bridge)?;
    bridge::restore_forwarding(&mut netlink, config)?;
    match fs::remove_dir_all(&config.state_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(NetworkError::write(&config.state_dir)(error)),
        _ => Ok(()),
    }
}

fn set_up(config: &NetworkConfig, ipam: &Ipam, opening: &Opening) -> Result<Bridge, NetworkError> {
    let mut netlink = Netlink::open().map_err(NetworkError::netlink("open a netlink socket"))?;
    let bridge = bridge::ensure(&mut netlink, config, ipam)?;
    bridge::enable_forwarding(&config.state_dir)?;
    firewall::install(config, opening)?;
    Ok(bridge)
}

/// A uid is written down as the target of a symbolic link.
fn check_uid(uid: &str) -> Result<(), NetworkError> {
    if uid.is_empty() || uid.len() > 255 || uid.contains(['/', '\0']) {
        return Err(NetworkError::Uid { uid: uid.to_owned() });
    }
    Ok(())
}
