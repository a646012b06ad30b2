//! Starts everything in its order, and ends it.

mod open;
mod signals;

use crate::agent::{Agent, Fixed, Pressing};
use crate::api::{self, ListenError, Listener, RemoteListener};
use crate::cluster::cidr::{RangeError, Settler};
use crate::cluster::enter::{Entered, enter};
use crate::cluster::join;
use crate::cluster::removed::Removed;
use crate::cluster::routes::Routes;
use crate::cluster::start::{Cluster, Settings};
use crate::cluster::transport::BindError;
use crate::cluster::trust::Trust;
use crate::collector::Collector;
use crate::config::Config;
use crate::controller;
use crate::deployments::Deployments;
use crate::events::{self, Recorder};
use crate::evictor::Evictor;
use crate::foundation;
use crate::images::Images;
use crate::node_reports::NodeReports;
use crate::pods::{self, Intake, Machinery, Pods};
use crate::pool;
use crate::power::{self, Closing};
use crate::probes::history::ProbeHistory;
use crate::relief::Relief;
use crate::replica_sets::ReplicaSets;
use crate::scheduler::Scheduler;
use crate::shutdown::{self, Shutdown, Trigger};
use crate::sources;
use crate::ssh::SshListener;
use crate::usage::Meter;
use crate::verbs::Verbs;
use control::pod::EventType;
use control::pressure::Standing;
use open::{Equipment, Kept};
pub(crate) use open::{folder, lock, network_config};
use runtime::cgroup::CgroupError;
use runtime::image::StoreError as ImageStoreError;
use runtime::machine::{Machine, MachineError};
use runtime::network::NetworkError;
use runtime::sandbox::SandboxError;
use signals::{Asked, Signals};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Damage, OpenError, Store, StoreError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
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
    /// The objects that are always there.
    #[error("cannot write the objects that every cluster has")]
    Foundation(#[from] StoreError),
    /// The images.
    #[error("cannot open the image store")]
    Images(#[from] ImageStoreError),
    /// The control groups.
    #[error("cannot set up control groups")]
    Cgroups(#[from] CgroupError),
    /// The network.
    #[error("cannot set up the pods' network")]
    Network(#[from] NetworkError),
    /// The cluster.
    #[error(transparent)]
    Join(#[from] join::JoinError),
    /// The cluster's sockets.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The pods' range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The supervisor's program.
    #[error(transparent)]
    Supervisor(#[from] SandboxError),
    /// The socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The signals.
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
    /// It runs, and nobody in its cluster listens.
    #[error(
        "this node was removed from its cluster: its pods run on, and nobody sees them. To let this machine in again, run `skiffd reset` on it, then join with a new token"
    )]
    Removed,
    /// A part of the daemon is gone.
    #[error("a task of the daemon ended, and with it the daemon; its pods run on")]
    Task(#[source] TaskEnd),
}

/// How a task ended that should not have.
#[derive(Debug, thiserror::Error)]
pub enum TaskEnd {
    /// By itself.
    #[error("it had nothing more to do")]
    Done,
    /// In a panic.
    #[error(transparent)]
    Failed(#[from] JoinError),
}

impl From<Result<(), JoinError>> for TaskEnd {
    fn from(ended: Result<(), JoinError>) -> Self {
        ended.map_or_else(Self::Failed, |()| Self::Done)
    }
}

/// Runs the daemon until SIGTERM or SIGINT. Pods live on.
///
/// # Errors
/// See [`StartError`].
pub async fn run(config: Config) -> Result<(), StartError> {
    let config = Arc::new(config);
    let kept = blocking({
        let config = config.clone();
        move || Kept::open(&config)
    });
    let Kept { store, writer, damage, images, machine, fixed, locks: _locks } = kept.await?;
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let settings = cluster_settings(&config, &fixed);
    let entered = tokio::select! {
        entered = enter(&config) => entered?,
        _ = signals.next() => return Ok(()),
    };
    let (trigger, shutdown) = shutdown::signal();
    let mut tasks = JoinSet::new();
    // For as long as the daemon lives it waits for writes and for the disk: a blocking thread of its own.
    let writer = tokio::task::spawn_blocking(|| writer.run());
    let (recorder, events) = events::channel(&config.name, store.clone());
    tasks.spawn(events.run_once_time_is_known(shutdown.clone()));
    tell_damage(&damage, &images, &recorder, &config.name);
    let is_lost = damage.iter().any(|damage| matches!(damage, Damage::Database { .. }));
    let base = Base { config, store: store.clone(), recorder, images, machine, fixed, is_lost };
    // However it ends: the others are told, and what was written comes to disk.
    let result = live(base, (&settings, entered), &mut tasks, &shutdown, &mut signals).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    end(trigger, tasks, store, writer).await;
    result
}

/// From the first word to the others until a signal, or something that must not happen, ends it.
async fn live(
    base: Base,
    (settings, entered): (&Settings, Entered),
    tasks: &mut JoinSet<()>,
    shutdown: &Shutdown,
    signals: &mut Signals,
) -> Result<(), StartError> {
    let trust = entered.trust.clone();
    let remote = match base.config.listen {
        Some(address) => Some(RemoteListener::bind(address).await?),
        None => None,
    };
    let ssh = match base.config.ssh() {
        Some(settings) => Some(SshListener::bind(settings).await.map_err(ListenError::from)?),
        None => None,
    };
    let mut cluster = Cluster::start(settings, entered, (base.store.clone(), base.recorder.clone()), tasks, shutdown)?;
    let mut removed = cluster.removed();
    tokio::select! {
        () = cluster.learn() => {}
        _ = signals.next() => return Ok(()),
    }
    foundation::lay(&base.store).await?;
    let equipment = blocking({
        let (config, store, machine) = (base.config.clone(), base.store.clone(), base.machine.clone());
        move || Equipment::open(&config, &store, &machine)
    });
    let equipment = equipment.await?;
    let listener = Listener::bind(&base.config.socket, base.config.socket_group.as_deref())?;
    let doors = Doors { listener, remote, ssh, trust };
    let node = base.config.name.clone();
    let closing = spawn(base, equipment, (cluster, doors), tasks, shutdown);
    info!(node, version = env!("CARGO_PKG_VERSION"), "ready");
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        asked = signals.next() => {
            let is_going_down = asked == Asked::Power || asked == Asked::Terminate && power::is_going_down().await;
            match is_going_down {
                true => closing.run().await,
                false => info!(?asked, "the daemon ends, the pods run on"),
            }
            Ok(())
        }
        Ok(_) = removed.wait_for(|is_removed| *is_removed) => Err(StartError::Removed),
        // No task ends by itself before the signal.
        Some(ended) = tasks.join_next() => Err(StartError::Task(ended.into())),
    }
}

/// What the tasks share.
struct Base {
    config: Arc<Config>,
    store: Store,
    recorder: Recorder,
    images: Images,
    machine: Machine,
    fixed: Fixed,
    /// Whether the store was lost.
    is_lost: bool,
}

/// Where clients come in, and whom they believe.
struct Doors {
    listener: Listener,
    remote: Option<RemoteListener>,
    ssh: Option<SshListener>,
    trust: Trust,
}

fn cluster_settings(config: &Config, fixed: &Fixed) -> Settings {
    let own = open::internal_ip(&fixed.addresses).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Settings {
        name: config.name.clone(),
        data_dir: config.data_dir.clone(),
        gossip: config.gossip,
        advertise: config.advertise.unwrap_or(own),
        join: config.join.clone(),
        // With a margin: whoever was away nearly as long as tombstones are kept learns first, too.
        horizon_ms: store::Settings::default().tombstone_ms / 3 * 2,
        cluster_cidr: config.cluster_cidr.to_string(),
    }
}

fn spawn(
    base: Base,
    equipment: Equipment,
    (cluster, doors): (Cluster, Doors),
    tasks: &mut JoinSet<()>,
    shutdown: &Shutdown,
) -> Closing {
    let Base { config, store, recorder, images, machine, fixed, is_lost } = base;
    let Equipment { network, cgroups, memory_bytes, supervisor } = equipment;
    let network_taken = Arc::new(Notify::new());
    let (moved, pod_cidr) = watch::channel(network.cidr());
    let (sources_changed, sources) = watch::channel(0);
    tasks.spawn(sources::follow(store.clone(), sources_changed, shutdown.clone()));
    let machinery = Arc::new(Machinery {
        node_name: config.name.clone(),
        host_ip: open::internal_ip(&fixed.addresses).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        memory_bytes,
        cpu_milli: std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64) * 1000,
        sources,
        pods_dir: config.data_dir.join("pods"),
        logs_dir: config.data_dir.join("logs"),
        run_pods_dir: config.run_dir.join("pods"),
        pod_max_pids: config.pod_max_pids,
        log_max_bytes: config.log_max_bytes,
        log_max_files: config.log_max_files,
        network: network.clone(),
        network_taken: network_taken.clone(),
        pod_cidr,
        cgroups,
        images: images.clone(),
        probes: ProbeHistory::default(),
        meter: Meter::new(machine.clone()),
        supervisor,
        hands: Arc::new(Semaphore::new(pods::hands())),
    });
    let verbs = Verbs::new(config.name.clone(), store.clone(), images.clone(), config.data_dir.join("logs"));
    let verbs = verbs.with_peers(cluster.peers).with_door(doors.trust.clone(), config.listen);
    let verbs = Arc::new(verbs.with_containers(machinery.clone()));
    pods::tell_found(&machinery);
    let (orders, ordered) = pods::orders();
    let (standing, closing) = (watch::Sender::<Standing>::default(), watch::Sender::new(false));
    let intake = Intake { standing: standing.subscribe(), closing: closing.subscribe() };
    let relief = Relief::new(machinery.clone(), store.clone(), orders.clone(), standing.subscribe(), &config.eviction);
    tasks.spawn(relief.run(shutdown.clone()));
    let pressing = Pressing { eviction: config.eviction.clone(), standing, closing: closing.subscribe() };
    let last_act = Closing { machinery: machinery.clone(), store: store.clone(), orders, closing, grace: config.shutdown };
    let pods = Pods::new(machinery, (store.clone(), recorder.clone()), ordered, intake, shutdown.clone());
    tasks.spawn(if is_lost { pods.restoring_folders() } else { pods }.run(cluster.alive.clone()));
    tasks.spawn(doors.listener.serve(verbs.clone(), shutdown.clone()));
    if let Some(remote) = doors.remote {
        tasks.spawn(remote.serve(verbs.clone(), doors.trust, shutdown.clone()));
    }
    if let Some(ssh) = doors.ssh {
        tasks.spawn(ssh.serve(verbs.clone(), shutdown.clone()));
    }
    tasks.spawn(api::serve_peers(cluster.streams, verbs.clone(), shutdown.clone()));
    tasks.spawn(Collector::new(verbs.clone(), store.clone(), cluster.alive.clone()).run(shutdown.clone()));
    let sets = ReplicaSets::new(verbs.clone(), store.clone(), recorder.clone(), cluster.alive.clone());
    tasks.spawn(controller::run(sets, shutdown.clone()));
    let deployments = Deployments::new(verbs.clone(), store.clone(), recorder.clone(), cluster.alive.clone());
    tasks.spawn(controller::run(deployments, shutdown.clone()));
    let removed = Removed::new(verbs.clone(), store.clone(), cluster.alive.clone(), cluster.denied);
    tasks.spawn(removed.run(shutdown.clone()));
    tasks.spawn(Scheduler::new(store.clone(), recorder.clone(), cluster.alive).run(shutdown.clone()));
    tasks.spawn(NodeReports::new(store.clone(), recorder.clone(), cluster.counted_on).run(shutdown.clone()));
    tasks.spawn(Evictor::new(verbs, store.clone(), recorder.clone()).run(shutdown.clone()));
    tasks.spawn(Routes::new(&config.name, network.clone(), store.clone(), recorder.clone()).run(shutdown.clone()));
    let settler = Settler::new(&config, network.clone(), store.clone(), recorder.clone(), moved);
    tasks.spawn(settler.run(shutdown.clone()));
    let agent = Agent::new(fixed, (machine, network.clone()), images, (store, recorder), pressing);
    tasks.spawn(agent.run(shutdown.clone()));
    tasks.spawn(pool::run(network, network_taken, shutdown.clone()));
    last_act
}

/// Runs work that blocks on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
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
