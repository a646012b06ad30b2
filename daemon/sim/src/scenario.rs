//! One random life of a cluster, from a seed, and what must hold at its end.

use crate::ledger::Ledger;
use crate::network::Link;
use crate::placing::PODS;
use crate::replica::Fault;
use crate::world::{Disk, Kind, MARGIN_MS, Settings, World};
use control::record::Part;
use gossip::Engine;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A node is away for long where deletions are remembered for this long.
const SHORT_HORIZON_MS: u64 = 45_000;

/// Where nobody is.
const LONG_HORIZON_MS: u64 = 3_600_000;

/// Everything that engines keep for a while, together, at any time.
const MOST_KEPT: usize = 8_192;

/// The same, once all is quiet.
const MOST_KEPT_QUIET: usize = 256;

/// Sides that meet are whole and equal by then, whatever went before: purges that differ by the clocks included.
const HEALED_WITHIN_MS: u64 = 60_000;

/// A fault that the properties must find.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planted {
    /// In every replica.
    pub fault: Fault,
    /// On the network.
    pub dropped: Option<Kind>,
}

/// What a life was like.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Nodes.
    pub nodes: usize,
    /// Writes that were acknowledged.
    pub writes: usize,
    /// Seconds that it took, in its own time.
    pub seconds: u64,
    /// A hash of everything that happened: equal for equal seeds.
    pub trace: u64,
}

struct Life {
    world: World,
    ledger: Ledger,
    /// Its own chance, so that a change of the protocol does not change what happens to the cluster.
    rng: Xoshiro256PlusPlus,
    writes: usize,
    split_since_us: Option<u64>,
    down_since_us: BTreeMap<usize, u64>,
}

/// Lives the life of a seed.
///
/// # Errors
/// What did not hold.
pub fn live(seed: u64, planted: Planted) -> Result<Outcome, String> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let nodes = match rng.random_range(0..1_000) {
        0..2 => rng.random_range(20..=40),
        2..200 => rng.random_range(5..=7),
        _ => rng.random_range(3..=4),
    };
    let link = match rng.random_range(0..4) {
        0 | 1 => Link::LAN,
        2 => Link { least_us: 2_000, jitter_us: 20_000, lost_permille: 20, doubled_permille: 20 },
        _ => Link::WAN,
    };
    let has_absence = rng.random_range(0..10) == 0;
    let horizon_ms = if has_absence { SHORT_HORIZON_MS } else { LONG_HORIZON_MS };
    let Planted { fault, dropped } = planted;
    let mut world = World::new(seed, Settings { nodes, link, horizon_ms, fault, dropped, is_timed: false });
    for node in &mut world.nodes {
        node.skew_ms = rng.random_range(-1_500..=1_500);
    }
    let ledger = Ledger::default();
    let mut life = Life { world, ledger, rng, writes: 0, split_since_us: None, down_since_us: BTreeMap::new() };
    for node in 0..nodes {
        life.world.start(node);
        life.pass(200);
    }
    if life.rng.random_range(0..2) == 0 {
        life.world.run_ms(2_000);
    }
    for _ in 0..life.rng.random_range(6..14) {
        life.act();
        life.pass(1_500);
        life.check_always()?;
    }
    if has_absence {
        life.be_absent()?;
    }
    life.end()
}

impl Life {
    fn pass(&mut self, most_ms: u64) {
        let ms = self.rng.random_range(0..=most_ms);
        self.world.run_ms(ms);
    }

    fn any_node(&mut self) -> usize {
        self.rng.random_range(0..self.world.nodes.len())
    }

    fn any_object(&mut self) -> Arc<str> {
        let name = self.rng.random_range(0..8);
        let kind = if name < 4 { PODS } else { "configmaps/" };
        format!("{kind}default/o{name}").into()
    }

    fn act(&mut self) {
        match self.rng.random_range(0..20) {
            0..10 => {
                for _ in 0..self.rng.random_range(1..8) {
                    self.write();
                    self.pass(50);
                }
            }
            10..13 => self.split(),
            13 | 14 => self.heal(),
            15 => {
                let (from, to) = (self.any_node(), self.any_node());
                self.world.network.cut_one_way(from, to);
                self.split_since_us.get_or_insert(self.world.now_us);
            }
            16 | 17 => self.crash(),
            18 => {
                let node = self.any_node();
                if self.world.is_up(node) {
                    self.world.leave(node);
                    self.down_since_us.insert(node, self.world.now_us);
                }
            }
            _ => self.restart_all(),
        }
        // Longer than deletions are remembered nobody is away by chance.
        let now_us = self.world.now_us;
        if self.split_since_us.is_some_and(|since| now_us - since > 8_000_000) {
            self.heal();
        }
        if self.down_since_us.values().any(|since| now_us - since > 8_000_000) {
            self.restart_all();
        }
    }

    fn write(&mut self) {
        let (node, object) = (self.any_node(), self.any_object());
        if !self.world.is_up(node) {
            return;
        }
        let json = format!("{{\"n\":{}}}", self.writes);
        let written = match self.rng.random_range(0..10) {
            0..6 => Some(self.world.put(node, &object, &json)),
            6 | 7 => self.world.put_part(node, &object, Part::Status, &json),
            _ => self.world.delete(node, &object),
        };
        if let Some(named) = written {
            self.writes += 1;
            self.ledger.promise(node, &named);
        }
    }

    fn split(&mut self) {
        self.world.split(&mut self.rng);
        self.split_since_us.get_or_insert(self.world.now_us);
    }

    fn heal(&mut self) {
        self.world.network.heal();
        self.split_since_us = None;
    }

    fn crash(&mut self) {
        let node = self.any_node();
        let running = self.world.up();
        if !self.world.is_up(node) || running < 2 {
            return;
        }
        let is_lost = self.rng.random_range(0..3) == 0;
        if is_lost {
            self.ledger.release(node);
        }
        self.world.crash(node, if is_lost { Disk::Lost } else { Disk::Kept });
        self.down_since_us.insert(node, self.world.now_us);
    }

    fn restart_all(&mut self) {
        for node in std::mem::take(&mut self.down_since_us).into_keys() {
            self.world.start(node);
        }
    }

    /// One node is away for so long that the others forget what they deleted meanwhile.
    fn be_absent(&mut self) -> Result<(), String> {
        self.heal();
        self.restart_all();
        self.world.run_ms(MARGIN_MS + 5_000);
        let node = self.any_node();
        let is_stopped = self.rng.random_range(0..2) == 0;
        self.ledger.doubt(self.world.now(node).wall_ms().saturating_sub(MARGIN_MS + 5_000));
        if is_stopped {
            self.world.crash(node, Disk::Kept);
        } else {
            self.world.network.put(node, 1);
        }
        for _ in 0..10 {
            self.write();
            self.pass(1_000);
        }
        self.world.run_ms(SHORT_HORIZON_MS + 5_000);
        self.heal();
        if is_stopped {
            self.world.start(node);
        }
        self.world.run_ms(1_000);
        self.check_always()
    }

    fn check_always(&self) -> Result<(), String> {
        let mut risen = self.world.risen.iter().filter(|(_, _, birth)| !self.ledger.is_doubtful(birth));
        if let Some((node, object, birth)) = risen.next() {
            return Err(format!("{object} of {birth:?} lives again on node{node}"));
        }
        for node in &self.world.nodes {
            let kept = node.engine.as_ref().map_or(0, Engine::backlog);
            if kept > MOST_KEPT {
                return Err(format!("{} keeps {kept} things", node.name));
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<Outcome, String> {
        self.heal();
        self.restart_all();
        self.world.network.link = Link { lost_permille: 10, ..self.world.network.link };
        let is_healed = |world: &World| world.is_equal() && world.is_whole() && world.is_placed();
        if self.world.run_until(HEALED_WITHIN_MS, 250, is_healed).is_none() {
            let (equal, whole, placed) = (self.world.is_equal(), self.world.is_whole(), self.world.is_placed());
            let differs = self.world.difference();
            return Err(format!("not healed: equal {equal}, whole {whole}, placed {placed}: {differs}"));
        }
        self.check_always()?;
        for node in 0..self.world.nodes.len() {
            self.ledger.check(&self.world, node)?;
        }
        let mut runs: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for node in 0..self.world.nodes.len() {
            for pod in self.world.running(node) {
                *runs.entry(pod).or_default() += 1;
            }
        }
        if let Some((pod, times)) = runs.iter().find(|(_, times)| **times != 1) {
            return Err(format!("{pod} runs {times} times"));
        }
        let kept = self.world.nodes.iter().filter_map(|node| node.engine.as_ref()).map(Engine::backlog).max().unwrap_or(0);
        if kept > MOST_KEPT_QUIET + 4 * self.world.nodes.len() {
            return Err(format!("an engine keeps {kept} things while all is quiet"));
        }
        let trace = self.world.trace();
        Ok(Outcome { nodes: self.world.nodes.len(), writes: self.writes, seconds: self.world.now_us / 1_000_000, trace })
    }
}
