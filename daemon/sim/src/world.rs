//! A cluster in virtual time: real engines and merges, a simulated network, store and clock, all from one seed.

use crate::network::Network;
use crate::perform::Event;
use crate::placing::Waiting;
use crate::replica::Replica;
pub use crate::settings::{Disk, Kind, Settings};
use control::clock::{BootMs, Now};
use control::record::{Part, RecordId, Stamp};
use control::version::{NodeId, Version};
use gossip::{Config, Engine, Identity, Input, Named, Standing, State};
use jiff::Timestamp;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Wall time at the beginning: some day in 2026.
const EPOCH_MS: u64 = 1_780_000_000_000;

/// A returning node keeps what was born so shortly before its last contact: it may have been under way, and clocks differ.
pub const MARGIN_MS: u64 = 5_000;

/// What was merged lazily comes to disk so often.
pub(crate) const FLUSH_US: u64 = 1_000_000;

/// A node of the world.
pub struct Node {
    /// Its name.
    pub name: NodeId,
    /// Where it is reached.
    pub address: SocketAddr,
    /// Its store.
    pub replica: Replica,
    /// Its protocol engine, while it runs.
    pub engine: Option<Engine>,
    /// How wrong its clock is.
    pub skew_ms: i64,
    /// Bytes it sent, with everything around them.
    pub sent_bytes: u64,
    /// How often one of its timers woke it.
    pub wakes: u64,
    pub(crate) known: BTreeMap<NodeId, Identity>,
    pub(crate) last_contact_ms: u64,
    pub(crate) started: BootMs,
    pub(crate) life: u32,
    pub(crate) wake_us: u64,
    pub(crate) store_free_us: u64,
    pub(crate) waiting: Waiting,
}

/// A record became visible somewhere.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When.
    pub at_us: u64,
    /// Where.
    pub node: usize,
    /// What.
    pub id: RecordId,
    /// Which version.
    pub stamp: Stamp,
}

/// What a node learnt of another.
#[derive(Debug, Clone)]
pub struct Learnt {
    /// When.
    pub at_us: u64,
    /// Who learnt it.
    pub node: usize,
    /// Of whom.
    pub of: NodeId,
    /// What.
    pub state: State,
}

/// The cluster.
pub struct World {
    /// Microseconds since the beginning.
    pub now_us: u64,
    /// The world's chance.
    pub rng: Xoshiro256PlusPlus,
    /// The links.
    pub network: Network,
    /// All nodes, running or not.
    pub nodes: Vec<Node>,
    /// What became visible where, where [`Settings::is_timed`].
    pub seen: Vec<Seen>,
    /// What nodes learnt of each other.
    pub learnt: Vec<Learnt>,
    /// Objects that a node held as deleted, with the birth of the latest: they must not live again there.
    pub buried: Vec<BTreeMap<Arc<str>, Version>>,
    /// Objects that lived again after their deletion was known, with the node and their birth.
    pub risen: Vec<(usize, Arc<str>, Version)>,
    /// Where each node is among them.
    pub(crate) places: BTreeMap<NodeId, usize>,
    pub(crate) settings: Settings,
    pub(crate) queue: BTreeMap<(u64, u64), (u32, Event)>,
    pub(crate) count: u64,
}

/// Whoever was away nearly as long as deletions are remembered: clocks differ.
fn returns_after_ms(horizon_ms: u64) -> u64 {
    horizon_ms * 2 / 3
}

impl World {
    /// A cluster of nodes that have not started.
    #[must_use]
    pub fn new(seed: u64, settings: Settings) -> Self {
        let node = |index: usize| {
            let name = NodeId::from(format!("node{index}").as_str());
            let [high, low] = u16::try_from(index).unwrap_or(u16::MAX).to_be_bytes();
            let address = SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 7_946));
            let replica = Replica::new(name.clone(), settings.horizon_ms, settings.fault);
            let (known, last_contact_ms) = (BTreeMap::new(), EPOCH_MS);
            let (sent_bytes, wakes, life, wake_us, store_free_us) = (0, 0, 0, u64::MAX, 0);
            let (engine, skew_ms) = (None, 0);
            Node {
                name,
                address,
                replica,
                engine,
                skew_ms,
                sent_bytes,
                wakes,
                known,
                last_contact_ms,
                started: BootMs(0),
                life,
                wake_us,
                store_free_us,
                waiting: Waiting::default(),
            }
        };
        let nodes: Vec<Node> = (0..settings.nodes).map(node).collect();
        Self {
            now_us: 0,
            places: nodes.iter().enumerate().map(|(index, node)| (node.name.clone(), index)).collect(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            network: Network::new(settings.link),
            nodes,
            seen: Vec::new(),
            learnt: Vec::new(),
            buried: vec![BTreeMap::new(); settings.nodes],
            risen: Vec::new(),
            settings,
            queue: BTreeMap::new(),
            count: 0,
        }
    }

    /// Starts a node: the first one founds the cluster, the others join it.
    pub fn start(&mut self, index: usize) {
        let now = self.now(index);
        let seed = self.rng.random();
        let join =
            self.nodes.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, node)| node.address).take(3).collect();
        let horizon_ms = self.settings.horizon_ms;
        let node = &mut self.nodes[index];
        let records = node.replica.stamps();
        let is_founder = index == 0 && node.life == 0;
        let standing = if is_founder {
            Standing::Settled
        } else if records.is_empty() && node.known.is_empty() {
            Standing::Fresh
        } else if now.wall_ms().saturating_sub(node.last_contact_ms) > returns_after_ms(horizon_ms) {
            Standing::Returning
        } else {
            Standing::Settled
        };
        node.life += 1;
        node.started = now.boot;
        let identity = Identity::new(node.name.clone(), now.wall_ms(), node.address, Arc::from(""));
        let known = node.known.values().map(|identity| (identity.clone(), now)).collect();
        let denied = BTreeSet::new();
        let config = Config {
            identity,
            seed,
            standing,
            horizon_ms: returns_after_ms(horizon_ms),
            known,
            join: if is_founder { Vec::new() } else { join },
            denied,
            records,
        };
        node.engine = Some(Engine::new(now, config));
        node.store_free_us = self.now_us;
        node.wake_us = u64::MAX;
        self.put_event(self.now_us + FLUSH_US, index, Event::Flush { node: index });
        self.step(index, Input::Tick);
    }

    /// Starts all.
    pub fn start_all(&mut self) {
        for index in 0..self.nodes.len() {
            self.start(index);
        }
    }

    /// Kills a node.
    pub fn crash(&mut self, index: usize, disk: Disk) {
        let Settings { horizon_ms, fault, .. } = self.settings;
        let node = &mut self.nodes[index];
        if node.engine.take().is_none() {
            return;
        }
        node.life += 1;
        let empty = Replica::new(node.name.clone(), horizon_ms, fault);
        let replica = std::mem::replace(&mut node.replica, empty);
        match disk {
            Disk::Kept => node.replica = replica.after_crash(node.name.clone()),
            Disk::Lost => node.known.clear(),
        }
        self.buried[index].clear();
        self.network.forget(index);
    }

    /// A node leaves politely.
    pub fn leave(&mut self, index: usize) {
        self.step(index, Input::Leave);
        self.nodes[index].replica.flush();
        self.crash(index, Disk::Kept);
    }

    /// Whether a node runs.
    #[must_use]
    pub fn is_up(&self, index: usize) -> bool {
        self.nodes[index].engine.is_some()
    }

    /// How many nodes run.
    #[must_use]
    pub fn up(&self) -> usize {
        (0..self.nodes.len()).filter(|index| self.is_up(*index)).count()
    }

    /// Puts each node on one of two sides, as a life's own chance has it.
    pub fn split(&mut self, rng: &mut Xoshiro256PlusPlus) {
        for index in 0..self.nodes.len() {
            self.network.put(index, rng.random_range(0..2));
        }
    }

    /// The time as a node sees it.
    #[must_use]
    pub fn now(&self, index: usize) -> Now {
        let wall_ms = i64::try_from(EPOCH_MS + self.now_us / 1_000).unwrap_or(i64::MAX) + self.nodes[index].skew_ms;
        let wall = Timestamp::from_millisecond(wall_ms).expect("a wall time in this century");
        Now { wall, boot: BootMs(self.now_us / 1_000) }
    }

    /// Lets a node's store write, and tells its engine.
    pub fn write<T>(
        &mut self,
        index: usize,
        write: impl FnOnce(&mut Replica, u64) -> T,
        news: impl FnOnce(&T) -> Vec<Named>,
    ) -> T {
        let now_ms = self.now(index).wall_ms();
        let written = write(&mut self.nodes[index].replica, now_ms);
        let news = news(&written);
        if !news.is_empty() {
            self.see(index, &news);
            self.step(index, Input::Changed(news));
        }
        written
    }

    /// Creates or changes an object at a node.
    pub fn put(&mut self, index: usize, object: &Arc<str>, json: &str) -> Named {
        self.write(index, |replica, now_ms| replica.put(object, json, now_ms), |named| vec![named.clone()])
    }

    /// Deletes an object at a node, if it lives there.
    pub fn delete(&mut self, index: usize, object: &Arc<str>) -> Option<Named> {
        self.write(index, |replica, now_ms| replica.delete(object, now_ms), |named| named.iter().cloned().collect())
    }

    /// Writes the binding or status of an object at a node, if it lives there.
    pub fn put_part(&mut self, index: usize, object: &Arc<str>, part: Part, json: &str) -> Option<Named> {
        let write = |replica: &mut Replica, now_ms| replica.put_part(object, part, json, now_ms);
        self.write(index, write, |named| named.iter().cloned().collect())
    }

    /// Lets time pass.
    pub fn run_ms(&mut self, ms: u64) {
        let until_us = self.now_us + ms * 1_000;
        while let Some(entry) = self.queue.first_entry() {
            let (at_us, _) = *entry.key();
            if at_us > until_us {
                break;
            }
            let (life, event) = entry.remove();
            self.now_us = self.now_us.max(at_us);
            self.happen(life, event);
        }
        self.now_us = until_us;
    }

    /// Lets time pass until something holds, looked at every so often; `None` where it does not in time.
    pub fn run_until(&mut self, most_ms: u64, step_ms: u64, holds: impl Fn(&Self) -> bool) -> Option<u64> {
        let start_us = self.now_us;
        while self.now_us - start_us <= most_ms * 1_000 {
            if holds(self) {
                return Some((self.now_us - start_us) / 1_000);
            }
            self.run_ms(step_ms);
        }
        None
    }

    /// Gives a node's engine an input, and does what it answers.
    pub fn step(&mut self, index: usize, input: Input) {
        let now = self.now(index);
        let Some(engine) = self.nodes[index].engine.as_mut() else { return };
        for output in engine.step(now, input) {
            self.perform(index, output);
        }
        let node = &mut self.nodes[index];
        let wake_us = node.engine.as_ref().and_then(Engine::wake_at).map_or(u64::MAX, |at| at.0 * 1_000);
        if wake_us != node.wake_us && wake_us != u64::MAX {
            node.wake_us = wake_us;
            self.put_event(wake_us.max(self.now_us), index, Event::Wake { node: index });
        }
    }
}
