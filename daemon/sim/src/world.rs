//! A cluster in virtual time: real engines and merges, a simulated network, store and clock, all from one seed.

use crate::network::{Fate, Link, Network};
use crate::placing::{PODS, Waiting};
use crate::replica::{Fault, Replica};
use control::clock::{BootMs, Now};
use control::record::{Part, RecordId, Stamp};
use control::version::{NodeId, Version};
use gossip::{Config, Datagram, Engine, Identity, Input, MAX_DATAGRAM_BYTES, Message, Named, Output, Standing, State};
use jiff::Timestamp;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// What sealing, UDP and IP add to a datagram.
const DATAGRAM_FRAME_BYTES: u64 = 60;

/// What QUIC, UDP and IP add to a message, its acknowledgement included.
const MESSAGE_FRAME_BYTES: u64 = 120;

/// Wall time at the beginning: some day in 2026.
const EPOCH_MS: u64 = 1_780_000_000_000;

/// A returning node keeps what was born so shortly before its last contact: it takes seconds to see that nobody hears it any more.
pub const MARGIN_MS: u64 = 10_000;

/// What the store needs for a batch.
const STORE_US: u64 = 300;

/// What was merged lazily comes to disk so often.
const FLUSH_US: u64 = 1_000_000;

/// What a world is made of.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// So many nodes.
    pub nodes: usize,
    /// How all links behave.
    pub link: Link,
    /// Deletions are remembered so long.
    pub horizon_ms: u64,
    /// A fault in every replica.
    pub fault: Fault,
    /// Messages of this kind never arrive.
    pub dropped: Option<Kind>,
    /// Whether every merge is noted with its time.
    pub is_timed: bool,
}

impl Settings {
    /// So many nodes on a quiet switch.
    #[must_use]
    pub fn lan(nodes: usize) -> Self {
        Self { nodes, link: Link::LAN, horizon_ms: 3_600_000, fault: Fault::None, dropped: None, is_timed: false }
    }
}

/// Kinds of messages, to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `Message::Push`
    Push,
    /// `Message::Want`
    Want,
    /// `Message::Give`
    Give,
    /// `Message::Reconcile`
    Reconcile,
    /// `Message::Answer`
    Answer,
    /// `Message::Have`
    Have,
    /// `Datagram::Digest`
    Digest,
    /// `Datagram::Fresh`
    Fresh,
}

/// What a crash leaves of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// What had come to it; what was merged in the last second may be missing.
    Kept,
    /// Nothing.
    Lost,
}

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
    /// Of these, on the reliable channel.
    pub message_bytes: u64,
    known: BTreeMap<NodeId, Identity>,
    last_contact_ms: u64,
    life: u32,
    wake_us: u64,
    store_free_us: u64,
    pub(crate) waiting: Waiting,
}

#[derive(Debug)]
enum Event {
    Wake { node: usize },
    Input { node: usize, input: Input },
    Message { from: usize, to: usize, to_life: u32, bytes: Vec<u8> },
    Merge { node: usize, records: Arc<Vec<Named>> },
    Load { node: usize, token: u64, ids: Vec<RecordId>, max_bytes: usize },
    Review { node: usize, records: Vec<(RecordId, Stamp)> },
    Flush { node: usize },
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
    settings: Settings,
    queue: BTreeMap<(u64, u64), (u32, Event)>,
    count: u64,
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
            let (sent_bytes, message_bytes, life, wake_us, store_free_us) = (0, 0, 0, u64::MAX, 0);
            let (engine, skew_ms) = (None, 0);
            Node {
                name,
                address,
                replica,
                engine,
                skew_ms,
                sent_bytes,
                message_bytes,
                known,
                last_contact_ms,
                life,
                wake_us,
                store_free_us,
                waiting: Waiting::default(),
            }
        };
        Self {
            now_us: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            network: Network::new(settings.link),
            nodes: (0..settings.nodes).map(node).collect(),
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
        let identity = Identity { name: node.name.clone(), instance: now.wall_ms(), address: node.address, text: Arc::from("") };
        let known = node.known.values().cloned().collect();
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

    /// Whether all running nodes hold the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        let mut digests = self.nodes.iter().filter_map(|node| node.engine.as_ref().map(Engine::digest));
        let first = digests.next();
        digests.all(|digest| Some(digest) == first)
    }

    /// The first thing that running nodes disagree on, in words.
    #[must_use]
    pub fn difference(&self) -> String {
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(engine) = &node.engine else { return format!("node{index} is down") };
            let (held, shown) = (engine.held(), node.replica.stamps().len());
            if held != shown {
                return format!("the engine of node{index} holds {held} records and its replica {shown}");
            }
            let unseen = engine.members().find(|member| member.state != State::Alive);
            if let Some(member) = unseen {
                return format!("node{index} sees {} {:?}", member.identity.name, member.state);
            }
        }
        let summary = |node: &Node| {
            let engine = node.engine.as_ref()?;
            let records = node.replica.stamps().into_iter().map(|(id, stamp)| {
                let life = if stamp.is_tombstone { "deleted" } else { "born" };
                format!("{id} {life} {} by {}", stamp.birth.wall_ms % 1_000_000, stamp.version.node)
            });
            Some(format!("{} is {:?} and holds {:?}", node.name, engine.standing(), records.collect::<Vec<_>>()))
        };
        self.nodes.iter().filter_map(summary).collect::<Vec<_>>().join("; ")
    }

    /// Whether every pod that a running node knows has a node.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        let running = self.nodes.iter().filter(|node| node.engine.is_some());
        let mut entries = running.flat_map(|node| node.replica.entries());
        !entries.any(|(object, entry)| object.starts_with(PODS) && entry.is_live() && entry.binding.is_none())
    }

    /// A hash of how it went: equal worlds have equal traces.
    #[must_use]
    pub fn trace(&self) -> u64 {
        let facts = self.nodes.iter().map(|node| (node.sent_bytes, node.engine.as_ref().map(Engine::digest)));
        let text = format!("{:?} {} {}", facts.collect::<Vec<_>>(), self.count, self.now_us);
        control::rendezvous::weight(&text, "")
    }

    /// Whether all running nodes see each other alive.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let running: Vec<&Engine> = self.nodes.iter().filter_map(|node| node.engine.as_ref()).collect();
        let alive = |engine: &Engine| engine.members().filter(|member| member.state == State::Alive).count();
        running.iter().all(|engine| alive(engine) + 1 == running.len())
    }

    /// What a node thinks of another.
    #[must_use]
    pub fn state_of(&self, index: usize, of: usize) -> Option<State> {
        let engine = self.nodes[index].engine.as_ref()?;
        engine.member(&self.nodes[of].name).map(|member| member.state)
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

    fn perform(&mut self, index: usize, output: Output) {
        let store_us = self.nodes[index].store_free_us.max(self.now_us) + STORE_US;
        match output {
            Output::Datagram { to, bytes } => self.send(index, to, &bytes),
            Output::Message { to, bytes, .. } => self.say(index, &to, bytes),
            Output::Merge { records, .. } => {
                self.nodes[index].store_free_us = store_us;
                self.put_event(store_us, index, Event::Merge { node: index, records });
            }
            Output::Load { token, ids, max_bytes } => {
                self.nodes[index].store_free_us = store_us;
                self.put_event(store_us, index, Event::Load { node: index, token, ids, max_bytes });
            }
            Output::Review { records } => self.put_event(store_us, index, Event::Review { node: index, records }),
            Output::Member(member) => {
                let (at_us, of) = (self.now_us, member.identity.name.clone());
                self.learnt.push(Learnt { at_us, node: index, of: of.clone(), state: member.state });
                self.nodes[index].known.insert(of, member.identity);
            }
            Output::Settled => {}
        }
    }

    fn send(&mut self, from: usize, to: SocketAddr, bytes: &[u8]) {
        assert!(bytes.len() <= MAX_DATAGRAM_BYTES, "a datagram of {} bytes", bytes.len());
        self.nodes[from].sent_bytes += bytes.len() as u64 + DATAGRAM_FRAME_BYTES;
        let SocketAddr::V4(v4) = to else { return };
        let [_, _, high, low] = v4.ip().octets();
        let to = usize::from(u16::from_be_bytes([high, low]));
        if to >= self.nodes.len() || self.network.is_cut(from, to) || self.is_dropped(bytes, false) {
            return;
        }
        let address = self.nodes[from].address;
        for at_us in self.network.datagram(self.now_us, &mut self.rng) {
            let input = Input::Datagram { from: address, bytes: bytes.to_vec() };
            self.put_event(at_us, to, Event::Input { node: to, input });
        }
    }

    fn say(&mut self, from: usize, to: &NodeId, bytes: Vec<u8>) {
        self.nodes[from].sent_bytes += bytes.len() as u64 + MESSAGE_FRAME_BYTES;
        self.nodes[from].message_bytes += bytes.len() as u64;
        let Some(to) = self.nodes.iter().position(|node| node.name == *to) else { return };
        if self.is_dropped(&bytes, true) {
            return;
        }
        let fate = if self.is_up(to) {
            self.network.message(from, to, self.now_us, &mut self.rng)
        } else {
            self.network.break_channel(from, to, self.now_us)
        };
        match fate {
            Fate::Arrives(at_us) => {
                let to_life = self.nodes[to].life;
                self.put_event(at_us, from, Event::Message { from, to, to_life, bytes });
            }
            Fate::Lost { told_us } => self.tell_lost(from, to, told_us),
        }
    }

    fn tell_lost(&mut self, from: usize, to: usize, told_us: Option<u64>) {
        if let Some(told_us) = told_us {
            let input = Input::Unreachable { peer: self.nodes[to].name.clone() };
            self.put_event(told_us, from, Event::Input { node: from, input });
        }
    }

    fn is_dropped(&self, bytes: &[u8], is_message: bool) -> bool {
        let Some(dropped) = self.settings.dropped else { return false };
        let kind = if is_message {
            match Message::decode(bytes) {
                Ok(Message::Push { .. }) => Some(Kind::Push),
                Ok(Message::Want { .. }) => Some(Kind::Want),
                Ok(Message::Give { .. }) => Some(Kind::Give),
                Ok(Message::Reconcile { .. }) => Some(Kind::Reconcile),
                Ok(Message::Answer { .. }) => Some(Kind::Answer),
                Ok(Message::Have { .. }) => Some(Kind::Have),
                _ => None,
            }
        } else {
            match Datagram::decode(bytes) {
                Ok(Datagram::Digest(_)) => Some(Kind::Digest),
                Ok(Datagram::Fresh { .. }) => Some(Kind::Fresh),
                _ => None,
            }
        };
        kind == Some(dropped)
    }

    /// Something is to happen for a node, unless it has restarted by then.
    fn put_event(&mut self, at_us: u64, node: usize, event: Event) {
        self.count += 1;
        self.queue.insert((at_us, self.count), (self.nodes[node].life, event));
    }

    fn happen(&mut self, life: u32, event: Event) {
        match event {
            Event::Message { from, to, to_life, bytes } => {
                let is_through = self.nodes[to].life == to_life && !self.network.is_cut(from, to);
                if is_through {
                    let name = self.nodes[from].name.clone();
                    self.step(to, Input::Message { from: name, bytes });
                } else if self.nodes[from].life == life
                    && let Fate::Lost { told_us } = self.network.break_channel(from, to, self.now_us)
                {
                    self.tell_lost(from, to, told_us);
                }
            }
            Event::Input { node, input: input @ Input::Datagram { .. } } => self.step(node, input),
            Event::Wake { node }
            | Event::Input { node, .. }
            | Event::Merge { node, .. }
            | Event::Load { node, .. }
            | Event::Review { node, .. }
            | Event::Flush { node }
                if self.nodes[node].life != life || self.nodes[node].engine.is_none() => {}
            Event::Wake { node } if self.nodes[node].wake_us == self.now_us => {
                self.nodes[node].wake_us = u64::MAX;
                self.step(node, Input::Tick);
            }
            Event::Wake { .. } => {}
            Event::Input { node, input } => self.step(node, input),
            Event::Merge { node, records } => {
                let now_ms = self.now(node).wall_ms();
                let merged = self.nodes[node].replica.merge(&records, now_ms);
                self.see(node, &records);
                self.step(node, Input::Merged(merged));
            }
            Event::Load { node, token, ids, max_bytes } => {
                let (read, records) = self.nodes[node].replica.read(&ids, max_bytes);
                self.step(node, Input::Loaded { token, read, records });
            }
            Event::Review { node, records } => self.review(node, &records),
            Event::Flush { node } => self.flush(node),
        }
    }

    /// A returning node drops what was deleted while it was away.
    fn review(&mut self, index: usize, records: &[(RecordId, Stamp)]) {
        let node = &mut self.nodes[index];
        // A write that had no time to reach anybody is no older than the last contact, give or take clocks.
        let last_contact_ms = node.last_contact_ms.saturating_sub(MARGIN_MS);
        let mut dropped = Vec::new();
        for (id, stamp) in records {
            if stamp.birth.wall_ms <= last_contact_ms {
                dropped.extend(node.replica.drop_object(&id.object));
            }
        }
        self.step(index, Input::Reviewed { dropped });
    }

    fn flush(&mut self, index: usize) {
        let now = self.now(index);
        let now_ms = now.wall_ms();
        let node = &mut self.nodes[index];
        node.replica.flush();
        let is_in_touch =
            |engine: &Engine| engine.standing() != Standing::Returning && engine.members().any(|member| member.state.is_active());
        let has_contact = node.engine.as_ref().is_some_and(is_in_touch);
        if has_contact {
            node.last_contact_ms = now_ms;
        }
        let may_forget = node.engine.as_ref().is_some_and(|engine| engine.may_forget(now));
        let forgotten = if may_forget { node.replica.purge(now_ms) } else { Vec::new() };
        if !forgotten.is_empty() {
            self.step(index, Input::Forgotten(forgotten));
        }
        self.place_pods(index);
        self.put_event(self.now_us + FLUSH_US, index, Event::Flush { node: index });
    }

    /// Notes what a node shows now of objects that just changed.
    fn see(&mut self, index: usize, records: &[Named]) {
        for (id, record) in records {
            let Some(spec) = self.nodes[index].replica.entry(&id.object).and_then(|entry| entry.spec.as_ref()) else { continue };
            let buried = self.buried[index].get(&id.object);
            if spec.is_tombstone() {
                self.buried[index].insert(Arc::clone(&id.object), spec.stamp.birth.clone());
            } else if buried.is_some_and(|birth| *birth >= spec.stamp.birth) {
                self.risen.push((index, Arc::clone(&id.object), spec.stamp.birth.clone()));
            }
            if self.settings.is_timed {
                self.seen.push(Seen { at_us: self.now_us, node: index, id: id.clone(), stamp: record.stamp.clone() });
            }
        }
    }
}
