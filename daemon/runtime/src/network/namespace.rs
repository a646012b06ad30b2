//! Makes network namespaces with everything in them set: the work that the pool does ahead.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;
use std::{fs, io, thread};

use nix::sched::{CloneFlags, setns, unshare};

use super::link::{self, PodEnd};
use super::netlink::{Netlink, Refused};
use super::{Cidr, NetworkConfig, NetworkError};

/// Set in every pod, as container engines do: without them an image that serves port 80 or sends a ping as a plain user
/// would need capabilities.
const POD_SYSCTLS: [(&str, &str); 2] =
    [("/proc/sys/net/ipv4/ping_group_range", "0 2147483647"), ("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")];

/// What the kernel says of a veth pair that would need the 1024th port.
const BRIDGE_FULL: i32 = libc::EXFULL;

/// How long to wait for a bridge to forward to a new port: 50 ms; it takes one or two.
const CONNECT_ATTEMPTS: u32 = 250;
const CONNECT_PAUSE: Duration = Duration::from_micros(200);

/// Makes namespaces on the thread it lives on, which afterwards belongs in none of the machine's: let the thread end.
pub(super) struct NamespaceMaker<'a> {
    config: &'a NetworkConfig,
    bridge: u32,
    mtu: u32,
    host: Netlink,
}

/// How one attempt ended that is not an error for the caller yet.
pub(super) enum Made {
    /// Here it is.
    Namespace(OwnedFd),
    /// The veth of the address' former owner is still there: its namespace is being removed.
    StillUsed,
}

/// The bridge that namespaces are plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bridge {
    pub(super) index: u32,
    pub(super) mtu: u32,
}

impl<'a> NamespaceMaker<'a> {
    /// Moves the calling thread into the bridge's namespace and connects to it.
    pub(super) fn new(config: &'a NetworkConfig, bridge: Bridge, host: BorrowedFd<'_>) -> Result<Self, NetworkError> {
        setns(host, CloneFlags::CLONE_NEWNET).map_err(|errno| NetworkError::Namespace { source: errno.into() })?;
        let host = Netlink::open().map_err(NetworkError::netlink("open a netlink socket"))?;
        Ok(Self { config, bridge: bridge.index, mtu: bridge.mtu, host })
    }

    /// The range that its namespaces are set up for.
    pub(super) fn cidr(&self) -> Cidr {
        self.config.cidr
    }

    /// Makes one namespace for the address.
    pub(super) fn make(&mut self, address: Ipv4Addr) -> Result<Made, NetworkError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| NetworkError::Namespace { source: errno.into() })?;
        let netns = current_namespace()?;
        for (path, value) in POD_SYSCTLS {
            fs::write(path, value).map_err(NetworkError::write(path))?;
        }
        let pod = PodEnd { address, netns: netns.as_raw_fd() };
        let name = host_name(self.config, address);
        if let Err(Refused { source, .. }) = self.host.change(vec![link::new_veth(name.clone(), self.bridge, self.mtu, pod)]) {
            return match source.raw_os_error() {
                Some(libc::EEXIST) => Ok(Made::StillUsed),
                Some(BRIDGE_FULL) => Err(NetworkError::BridgeFull { bridge: self.config.bridge.clone() }),
                _ => Err(NetworkError::netlink(format!("make the veth pair {name}"))(source)),
            };
        }
        self.configure(address)?;
        Ok(Made::Namespace(netns))
    }

    /// Waits until the bridge forwards to the address' veth. The kernel does that a moment after both ends are up, and drops what
    /// comes before: the first connection of a pod would wait a whole second for its address to be asked for again.
    pub(super) fn wait_until_connected(&mut self, address: Ipv4Addr) -> Result<(), NetworkError> {
        let name = host_name(self.config, address);
        for _ in 0..CONNECT_ATTEMPTS {
            let found = link::find(&mut self.host, &name).map_err(NetworkError::netlink(format!("look for {name}")))?;
            if found.is_some_and(|link| link.is_connected) {
                return Ok(());
            }
            thread::sleep(CONNECT_PAUSE);
        }
        // Not worth failing for: on a machine this busy a second more does not matter.
        tracing::debug!(veth = %name, "the bridge does not forward to it yet");
        Ok(())
    }

    /// The error for an address range without a free address.
    pub(super) fn no_free_address(&self, in_use: usize) -> NetworkError {
        NetworkError::NoFreeAddress { cidr: self.config.cidr, in_use }
    }

    /// The inside: `lo` and `eth0` up, the address, the default route; one batch.
    fn configure(&self, address: Ipv4Addr) -> Result<(), NetworkError> {
        let cidr = self.config.cidr;
        let inside = |action: &str| NetworkError::netlink(format!("{action} in the namespace of {address}"));
        let mut pod = Netlink::open().map_err(inside("open a netlink socket"))?;
        let eth0 = link::find(&mut pod, link::POD_INTERFACE).map_err(inside("find eth0"))?;
        let index = eth0.ok_or_else(|| inside("find eth0")(io::ErrorKind::NotFound.into()))?.index;
        let batch = vec![
            link::up(link::LOOPBACK_INDEX),
            link::up(index),
            link::new_address(index, address, cidr),
            link::new_default_route(index, cidr.gateway()),
        ];
        pod.change(batch).map_err(|refused| {
            let steps = ["put lo up", "put eth0 up", "set the address", "set the default route"];
            inside(steps.get(refused.index).unwrap_or(&"configure eth0"))(refused.source)
        })
    }
}

/// The network namespace of the calling thread.
pub(super) fn current_namespace() -> Result<OwnedFd, NetworkError> {
    let path = "/proc/thread-self/ns/net";
    Ok(File::open(path).map_err(NetworkError::read(path))?.into())
}

/// The node's end of a pod's veth pair: an operator sees at once which pod it is.
pub(super) fn host_name(config: &NetworkConfig, address: Ipv4Addr) -> String {
    let number = config.cidr.place_of(address).map_or(0, |place| place + 2);
    format!("{}-{number}", config.bridge)
}
