//! Opens the way to the other nodes, and starts the tasks behind it.

use super::enter::Entered;
use super::gossip::{self as driver, Gossip, View};
use super::join::{Doorman, Member, Welcome};
use super::peers::ClusterPeers;
use super::transport::{BindError, IncomingStream, Transport, TransportConfig};
use super::{outcast, removed, roster, sight, skew};
use crate::events::Recorder;
use crate::shutdown::Shutdown;
use control::membership::Members;
use control::version::NodeId;
use gossip::{Config, Engine, Identity, Standing};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::warn;

/// A node that joins waits at most so long for what the others know, before it chooses its pods' addresses.
const LEARN: Duration = Duration::from_secs(10);

/// What the operator says of the cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This node's name.
    pub name: String,
    /// The daemon's folder for data.
    pub data_dir: PathBuf,
    /// Where datagrams are received; QUIC is on the next port.
    pub gossip: SocketAddr,
    /// The address that others reach this node at.
    pub advertise: IpAddr,
    /// Nodes to join by, `HOST:PORT` each.
    pub join: Vec<String>,
    /// Tombstones are kept so long, in ms: whoever was away for longer has to learn first.
    pub horizon_ms: u64,
    /// All pods' addresses, for those who join here.
    pub cluster_cidr: String,
}

/// This node's part in the cluster, running.
pub struct Cluster {
    /// What the verbs ask of it.
    pub peers: Arc<ClusterPeers>,
    /// Who is alive.
    pub alive: watch::Receiver<Members>,
    /// Who is not lost: those, and who may still be heard.
    pub counted_on: watch::Receiver<Members>,
    /// Requests that other daemons pass on to this one.
    pub streams: mpsc::Receiver<IncomingStream>,
    /// Who was removed.
    pub denied: watch::Receiver<BTreeSet<NodeId>>,
    learnt: Option<watch::Receiver<bool>>,
    removed: watch::Receiver<bool>,
}

impl Cluster {
    /// Starts the tasks. The store's writer must run.
    ///
    /// # Errors
    /// The sockets.
    pub fn start(
        settings: &Settings,
        entered: Entered,
        (store, recorder): (Store, Recorder),
        tasks: &mut JoinSet<()>,
        shutdown: &Shutdown,
    ) -> Result<Self, BindError> {
        let Entered { trust, welcome } = entered;
        let (view_tx, view) = watch::channel(View::default());
        let now = crate::clock::now();
        let started = now.wall;
        let instance_ms = u64::try_from(started.as_millisecond()).unwrap_or(0);
        let address = SocketAddr::new(settings.advertise, settings.gossip.port());
        let me = Identity::new(NodeId::from(settings.name.as_str()), instance_ms, address, VERSION.into());
        let doorman = doorman(view.clone(), me.clone(), settings.cluster_cidr.clone());
        let config = TransportConfig { gossip: settings.gossip, instance_ms, doorman: Some(doorman) };
        let (transport, incoming, driver) = Transport::bind(config, trust.clone())?;
        let (records, changes) = store.follow_records();
        let standing = standing(&store, settings.horizon_ms, welcome.is_some() && records.is_empty());
        let join = addresses(&settings.join, welcome.as_ref());
        let roster = roster::file(&settings.data_dir);
        let remembered = roster::read(&roster);
        let awaits_others = !join.is_empty() || !remembered.is_empty();
        let config = Config {
            identity: me.clone(),
            seed: seed(),
            standing,
            horizon_ms: settings.horizon_ms,
            known: roster::known(remembered, store.last_contact(), now),
            join: join.clone(),
            denied: removed::denied(&trust.keys()),
            records,
        };
        let engine = Engine::new(now, config);
        let (denied_tx, denied) = watch::channel(BTreeSet::new());
        let (learnt_tx, learnt) = watch::channel(standing == Standing::Settled);
        let (counters_tx, counters) = watch::channel(gossip::Counters::default());
        let gossip = Gossip::new(driver::Parts {
            engine,
            store: store.clone(),
            changes,
            transport: transport.clone(),
            datagrams: incoming.datagrams,
            events: incoming.events,
            keys: trust.watch(),
            recorder: recorder.clone(),
            view: view_tx,
            counters: counters_tx,
            settled: learnt_tx,
            denied: denied_tx,
        });
        let (alive_tx, alive) = watch::channel(Members::alone(me.name.clone()));
        let (counted_on_tx, counted_on) = watch::channel(Members::alone(me.name.clone()));
        tasks.spawn(driver.run(shutdown.clone()));
        tasks.spawn(gossip.run(shutdown.clone()));
        tasks.spawn(sight::run(store.clone(), view.clone(), (alive_tx, counted_on_tx), shutdown.clone()));
        tasks.spawn(skew::run((store, recorder), transport.clone(), view.clone(), awaits_others, shutdown.clone()));
        tasks.spawn(roster::run(roster, view.clone(), shutdown.clone()));
        tasks.spawn(trust.clone().run(shutdown.clone()));
        let (removed_tx, removed) = watch::channel(false);
        tasks.spawn(outcast::run(transport.clone(), view.clone(), join, removed_tx, shutdown.clone()));
        let peers = Arc::new(ClusterPeers { me, since: started, view, counters, transport, trust });
        let learnt = (standing == Standing::Fresh).then_some(learnt);
        Ok(Self { peers, alive, counted_on, streams: incoming.streams, denied, learnt, removed })
    }

    /// Whether this node was removed from its cluster while it was away.
    #[must_use]
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.removed.clone()
    }

    /// Waits, where this node has just joined, for what the others know: for a while, so that it starts even if they fall silent.
    pub async fn learn(&mut self) {
        let Some(mut learnt) = self.learnt.take() else { return };
        if tokio::time::timeout(LEARN, learnt.wait_for(|is_settled| *is_settled)).await.is_err() {
            warn!("the others did not tell all they know in time; this node starts with what it has");
        }
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn standing(store: &Store, horizon_ms: u64, is_fresh: bool) -> Standing {
    let away_ms = store.last_contact().map_or(0, |last_ms| store.now_ms().saturating_sub(last_ms));
    if is_fresh {
        Standing::Fresh
    } else if away_ms > horizon_ms {
        Standing::Returning
    } else {
        Standing::Settled
    }
}

fn addresses(join: &[String], welcome: Option<&Welcome>) -> Vec<SocketAddr> {
    let told = welcome.into_iter().flat_map(|welcome| welcome.members.iter().map(|member| member.gossip));
    // A name that cannot be resolved now is left out: the members that are remembered remain.
    let given = join.iter().filter_map(|node| node.to_socket_addrs().ok()).flatten();
    told.chain(given).collect()
}

/// Refuses a name that is in use, and tells joiners who is there.
fn doorman(view: watch::Receiver<View>, me: Identity, cluster_cidr: String) -> Arc<Doorman> {
    Arc::new(move |name: &str| {
        let view = view.borrow();
        let is_in_use = |identity: &Identity| identity.name.as_str() == name;
        if is_in_use(&me) || view.iter().any(|member| member.state.is_active() && is_in_use(&member.identity)) {
            return Err(format!("there is a node {name:?} in the cluster already: give this machine another name, with --name"));
        }
        let active = view.iter().filter(|member| member.state.is_active()).map(|member| &member.identity);
        let member = |identity: &Identity| Member { name: identity.name.to_string(), gossip: identity.address };
        Ok(Welcome { members: active.chain([&me]).map(member).collect(), cluster_cidr: cluster_cidr.clone() })
    })
}

/// From the hasher's keys, which are random for each one made.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
