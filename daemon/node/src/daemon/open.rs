//! What the daemon opens: first what it keeps, then, once it knows what the others know, what it makes pods with.

use super::{POOL, SUPERVISOR, StartError};
use crate::agent::Fixed;
use crate::cluster::cidr;
use crate::cluster::transport::quic_address;
use crate::config::Config;
use crate::images::Images;
use control::version::NodeId;
use runtime::cgroup::{CgroupConfig, Cgroups};
use runtime::image::{ImageStore, Mirror, PullOptions};
use runtime::machine::{Address, AddressKind, Machine, Roots};
use runtime::network::{Cidr, Network, NetworkConfig, Port};
use runtime::sandbox::SupervisorImage;
use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use store::{Damage, Store};

/// What this machine keeps: open before this node speaks to the others.
pub struct Kept {
    pub store: Store,
    pub writer: store::Writer,
    pub damage: Vec<Damage>,
    pub images: Images,
    pub machine: Machine,
    pub fixed: Fixed,
    /// Held as long as the daemon lives.
    pub locks: [File; 2],
}

/// What pods are made with.
pub struct Equipment {
    pub network: Arc<Network>,
    pub cgroups: Arc<Cgroups>,
    pub memory_bytes: u64,
    pub supervisor: SupervisorImage,
}

impl Kept {
    pub fn open(config: &Config) -> Result<Self, StartError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(StartError::NotRoot);
        }
        for path in [&config.data_dir, &config.run_dir] {
            // Others may pass through to the socket, and see nothing else.
            fs::DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(folder("make", path))?;
        }
        let locks = [lock(&config.data_dir)?, lock(&config.run_dir)?];
        let machine = Machine::new(Roots::of_this_machine(&config.data_dir));
        forget_last_boot(&config.run_dir, &machine.boot_id()?)?;
        for path in [config.data_dir.join("pods"), config.data_dir.join("logs"), config.run_dir.join("pods")] {
            fs::DirBuilder::new().recursive(true).mode(0o711).create(&path).map_err(folder("make", &path))?;
        }
        let event_ms = u64::try_from(config.event_ttl.as_millis()).unwrap_or(u64::MAX);
        let settings = store::Settings { event_ms, ..store::Settings::default() };
        let node = NodeId::from(config.name.as_str());
        let (store, writer, damage) = Store::open(&config.data_dir.join("store"), node, settings)?;
        let images = Images::new(ImageStore::open(&config.data_dir.join("images"))?, pull_options(config)?);
        let fixed = Fixed::read(&machine, &config.name, config.max_pods, config.advertise)?;
        Ok(Self { store, writer, damage, images, machine, fixed, locks })
    }
}

impl Equipment {
    pub fn open(config: &Config, store: &Store, machine: &Machine) -> Result<Self, StartError> {
        let cgroups = Cgroups::open(&CgroupConfig { root: config.cgroup_root.clone(), ..CgroupConfig::default() })?;
        let pod_cidr = cidr::at_start(config, store)?;
        let network = Network::open(network_config(config, pod_cidr, internal_ip(&machine.addresses(config.advertise)?)))?;
        let quic = quic_address(config.gossip);
        let ports = [Port::Udp(config.gossip.port()), Port::Udp(quic.port())].into_iter();
        let doors = [config.listen, config.ssh_listen].into_iter().flatten();
        network.set_ports(ports.chain(doors.map(|address| Port::Tcp(address.port()))))?;
        Ok(Self {
            network: Arc::new(network),
            cgroups: Arc::new(cgroups),
            memory_bytes: machine.capacity()?.memory_bytes,
            supervisor: SupervisorImage::new(SUPERVISOR)?,
        })
    }
}

pub(crate) fn folder(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_owned();
    move |source| StartError::Folder { action, path, source }
}

pub fn internal_ip(addresses: &[Address]) -> Option<IpAddr> {
    let internal = addresses.iter().find(|address| address.kind == AddressKind::InternalIp)?;
    internal.value.parse().ok()
}

/// The settings of the pods' network, with this node's range and address.
pub(crate) fn network_config(config: &Config, cidr: Cidr, node_address: Option<IpAddr>) -> NetworkConfig {
    let mut network = NetworkConfig::new(config.run_dir.join("network"));
    network.bridge.clone_from(&config.bridge);
    network.cidr = cidr;
    network.cluster_cidr = Some(config.cluster_cidr);
    network.overlay = config.overlay;
    network.vxlan_port = config.vxlan_port;
    network.vxlan_id = config.vxlan_id;
    network.node_address = node_address.and_then(|address| match address {
        // A machine without any other has the bridge's.
        IpAddr::V4(address) => Some(address).filter(|address| !config.cluster_cidr.contains(*address)),
        IpAddr::V6(_) => None,
    });
    network.pool_size = POOL.min(usize::try_from(config.max_pods).unwrap_or(POOL));
    network
}

fn pull_options(config: &Config) -> Result<PullOptions, StartError> {
    let mut options = PullOptions::default();
    for (host, urls) in &config.registry_mirrors {
        let mirrors = urls.iter().map(|url| Mirror::parse(url)).collect::<Result<Vec<_>, _>>()?;
        options.mirrors.insert(host.clone(), mirrors);
    }
    options.insecure = config.insecure_registries.iter().cloned().collect();
    Ok(options)
}

/// One daemon a folder. The lock goes with the process, however it ends.
pub(crate) fn lock(path: &Path) -> Result<File, StartError> {
    let file = path.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&file).map_err(folder("open", &file))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::Locked { path: path.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(folder("lock", &file)(source)),
    }
}

/// Where the run folder is no tmpfs, what an earlier boot left in it says nothing about this one.
fn forget_last_boot(run_dir: &Path, boot_id: &str) -> Result<(), StartError> {
    let file = run_dir.join("boot-id");
    if fs::read_to_string(&file).is_ok_and(|known| known == boot_id) {
        return Ok(());
    }
    for name in ["pods", "network"] {
        let path = run_dir.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(folder("remove", &path)(error)),
            _ => {}
        }
    }
    fs::write(&file, boot_id).map_err(folder("write", &file))
}
