//! Starts everything in its order, and ends it.

use crate::agent::{Agent, Fixed};
use crate::api::{ListenError, Listener, RemoteListener};
use crate::cluster::cidr::{self, RangeError, Settler};
use crate::cluster::enter::enter;
use crate::cluster::join::JoinError;
use crate::cluster::routes::Routes;
use crate::cluster::trust::Trust;
use crate::config::Config;
use crate::images::Images;
use crate::pods::{self, Machinery, Pods};
use crate::scheduler::Scheduler;
use crate::shutdown::{self, Shutdown, Trigger};
use crate::verbs::Verbs;
use crate::{events, pool};
use control::membership::Members;
use control::pod::EventType;
use control::version::NodeId;
use runtime::cgroup::{CgroupConfig, CgroupError, Cgroups};
use runtime::image::{ImageStore, Mirror, PullOptions, StoreError as ImageStoreError};
use runtime::machine::{Address, AddressKind, Machine, MachineError, Roots};
use runtime::network::{Cidr, Network, NetworkConfig, NetworkError};
use runtime::sandbox::{SandboxError, SupervisorImage};
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Damage, OpenError, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

/// The program that every pod's supervisor runs.
static SUPERVISOR: &[u8] = include_bytes!(env!("SKIFF_SUPERVISOR"));

/// Network namespaces that are kept ready.
const POOL: usize = 64;

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It makes namespaces, mounts and control groups.
    #[error("skiffd must run as root")]
    NotRoot,
    /// Another daemon uses the folder.
    #[error("{path} is in use by another skiffd; stop it, or choose another --data-dir and --run-dir")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A folder of ours.
    #[error("cannot {action} {path}")]
    Folder {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// A mirror that is no address.
    #[error("--registry-mirror: {0}")]
    Mirror(#[from] runtime::image::MirrorError),
    /// The machine cannot be read.
    #[error("cannot read the machine")]
    Machine(#[from] MachineError),
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The images.
    #[error("cannot open the image store")]
    Images(#[from] ImageStoreError),
    /// The control groups.
    #[error("cannot set up control groups")]
    Cgroups(#[from] CgroupError),
    /// The network.
    #[error("cannot set up the pods' network")]
    Network(#[from] NetworkError),
    /// The pods' range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The supervisor's program.
    #[error(transparent)]
    Supervisor(#[from] SandboxError),
    /// The socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The cluster.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The signals.
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
}

pub(crate) fn folder(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_owned();
    move |source| StartError::Folder { action, path, source }
}

/// Everything that is open, before any task runs.
struct Parts {
    config: Config,
    store: Store,
    writer: store::Writer,
    damage: Vec<Damage>,
    images: Images,
    network: Arc<Network>,
    cgroups: Arc<Cgroups>,
    machine: Machine,
    fixed: Fixed,
    memory_bytes: u64,
    supervisor: SupervisorImage,
    /// Held as long as the daemon lives.
    locks: [File; 2],
}

/// Runs the daemon until SIGTERM or SIGINT. Pods live on.
///
/// # Errors
/// See [`StartError`].
pub async fn run(config: Config) -> Result<(), StartError> {
    let parts = tokio::task::spawn_blocking(|| open(config)).await;
    let parts = parts.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    let entered = enter(&parts.config).await?;
    let listener = Listener::bind(&parts.config.socket, parts.config.socket_group.as_deref())?;
    let remote = match parts.config.listen {
        Some(address) => Some(RemoteListener::bind(address).await?),
        None => None,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    // A terminal that closes does not end a daemon.
    let _hangup = signal(SignalKind::hangup()).map_err(StartError::Signals)?;
    let (trigger, shutdown) = shutdown::signal();
    let store = parts.store.clone();
    let node = parts.config.name.clone();
    let (mut tasks, writer, _locks) = spawn(parts, Doors { listener, remote, trust: entered.trust }, shutdown);
    info!(node, version = env!("CARGO_PKG_VERSION"), "ready");
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: the daemon ends, the pods run on"),
        _ = interrupt.recv() => info!("SIGINT: the daemon ends, the pods run on"),
        // No task ends by itself before the signal.
        Some(ended) = tasks.join_next() => warn!(?ended, "a task of the daemon ended; the daemon ends"),
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    end(trigger, tasks, store, writer).await;
    Ok(())
}

fn open(config: Config) -> Result<Parts, StartError> {
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
    let (store, writer, damage) = Store::open(&config.data_dir.join("store"), NodeId::from(config.name.as_str()), settings)?;
    let images = Images::new(ImageStore::open(&config.data_dir.join("images"))?, pull_options(&config)?);
    let cgroups = Cgroups::open(&CgroupConfig { root: config.cgroup_root.clone(), ..CgroupConfig::default() })?;
    let pod_cidr = cidr::at_start(&config, &store)?;
    let network = Network::open(network_config(&config, pod_cidr, internal_ip(&machine.addresses(None)?)))?;
    let fixed = Fixed::read(&machine, &config.name, config.max_pods)?;
    Ok(Parts {
        memory_bytes: machine.capacity()?.memory_bytes,
        store,
        writer,
        damage,
        images,
        network: Arc::new(network),
        cgroups: Arc::new(cgroups),
        machine,
        fixed,
        supervisor: SupervisorImage::new(SUPERVISOR)?,
        locks,
        config,
    })
}

fn internal_ip(addresses: &[Address]) -> Option<IpAddr> {
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

/// The tasks, the store's writer (which ends last), and the locks.
type Running = (JoinSet<()>, JoinHandle<io::Result<()>>, [File; 2]);

/// Where clients come in, and whom they believe.
struct Doors {
    listener: Listener,
    remote: Option<RemoteListener>,
    trust: Trust,
}

fn spawn(parts: Parts, doors: Doors, shutdown: Shutdown) -> Running {
    let Parts { config, store, writer, damage, images, network, cgroups, machine, fixed, memory_bytes, supervisor, locks } =
        parts;
    // For as long as the daemon lives it waits for writes and for the disk: a blocking thread of its own.
    let store_writer = tokio::task::spawn_blocking(|| writer.run());
    let (recorder, writer) = events::channel(&config.name, store.clone());
    tell_damage(&damage, &images, &recorder, &config.name);
    let host_ip = internal_ip(&fixed.addresses).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let network_taken = Arc::new(Notify::new());
    let (moved, pod_cidr) = watch::channel(network.cidr());
    let machinery = Arc::new(Machinery {
        node_name: config.name.clone(),
        host_ip,
        memory_bytes,
        pods_dir: config.data_dir.join("pods"),
        logs_dir: config.data_dir.join("logs"),
        run_pods_dir: config.run_dir.join("pods"),
        log_max_bytes: config.log_max_bytes,
        log_max_files: config.log_max_files,
        network: network.clone(),
        network_taken: network_taken.clone(),
        pod_cidr,
        cgroups,
        images: images.clone(),
        supervisor,
        hands: Arc::new(Semaphore::new(pods::hands())),
    });
    let verbs = Arc::new(Verbs::new(config.name.clone(), store.clone(), images.clone(), config.data_dir.join("logs")));
    let mut tasks = JoinSet::new();
    pods::tell_found(&machinery);
    let pods = Pods::new(machinery, store.clone(), recorder.clone(), shutdown.clone());
    let is_lost = damage.iter().any(|damage| matches!(damage, Damage::Database { .. }));
    tasks.spawn(if is_lost { pods.restoring_folders() } else { pods }.run());
    tasks.spawn(doors.listener.serve(verbs.clone(), shutdown.clone()));
    if let Some(remote) = doors.remote {
        tasks.spawn(remote.serve(verbs, doors.trust.clone(), shutdown.clone()));
    }
    tasks.spawn(doors.trust.run(shutdown.clone()));
    // Until there are others, this node is all that it sees.
    let (_, members) = watch::channel(Members::alone(NodeId::from(config.name.as_str())));
    tasks.spawn(Scheduler::new(store.clone(), recorder.clone(), members).run(shutdown.clone()));
    tasks.spawn(Routes::new(&config.name, network.clone(), store.clone(), recorder.clone()).run(shutdown.clone()));
    let settler = Settler::new(&config, network.clone(), store.clone(), recorder.clone(), moved);
    tasks.spawn(settler.run(shutdown.clone()));
    tasks.spawn(Agent::new(fixed, (machine, network.clone()), images, store, recorder).run(shutdown.clone()));
    tasks.spawn(writer.run(shutdown.clone()));
    tasks.spawn(pool::run(network, network_taken, shutdown));
    (tasks, store_writer, locks)
}

fn tell_damage(damage: &[Damage], images: &Images, recorder: &events::Recorder, node: &str) {
    let of_images = images.store().damage();
    let texts = damage.iter().map(ToString::to_string).chain(of_images.iter().map(ToString::to_string));
    for text in texts {
        warn!(damage = text, "something was damaged and set aside");
        recorder.report(events::About::node(node), EventType::Warning, "StoreDamaged", text);
    }
}

/// Ends every task, waits for each, and puts on disk what is not there yet.
async fn end(trigger: Trigger, mut tasks: JoinSet<()>, store: Store, writer: JoinHandle<io::Result<()>>) {
    trigger.shut_down();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            warn!(%error, "a task of the daemon failed");
        }
    }
    store.close().await;
    match writer.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "the store was not closed in order"),
        Err(error) => warn!(%error, "the store's writer failed"),
    }
}
