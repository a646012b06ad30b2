//! Measurements in virtual time, of clusters that are larger than a machine: for the benches, and for tests with bounds.

use crate::network::Link;
use crate::world::{Settings, World};
use gossip::Engine;
use rand::RngExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was measured.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// Nodes.
    pub nodes: usize,
    /// Milliseconds until all saw each other alive.
    pub whole_ms: Option<u64>,
    /// Bytes a second that a node sends while nothing is written, with everything that seals and carries them.
    pub idle_bytes: u64,
    /// Milliseconds from a write to its being seen on all nodes: the median of all writes.
    pub to_all_p50_ms: u64,
    /// The same, of the slowest of a hundred.
    pub to_all_p99_ms: u64,
    /// Writes that were not everywhere within the time.
    pub late: usize,
    /// Copies of a record that a node received, on average.
    pub copies: f64,
    /// Bytes on the wire beyond those at rest, with everything around them, in payloads of a record to every other node.
    pub wire_ratio: f64,
    /// How often a second a timer wakes a node while nothing is written.
    pub idle_wakes: f64,
    /// How often nodes asked others for all members while nothing is written, all together.
    pub idle_rolls: u64,
}

/// Bytes of a record.
const PAYLOAD: usize = 2_048;

/// Writes that are measured.
const WRITES: usize = 100;

/// The pause between two.
const PAUSE_MS: u64 = 40;

/// How long it is left alone.
const REST_MS: u64 = 20_000;

/// Builds a cluster and measures it: joining, idling, then writes of 2 KiB on random nodes.
#[must_use]
pub fn measure(seed: u64, nodes: usize, link: Link) -> Numbers {
    let mut world = World::new(seed, Settings { link, is_timed: true, ..Settings::lan(nodes) });
    for node in 0..nodes {
        world.start(node);
        world.run_ms(10);
    }
    let whole_ms = world.run_until(300_000, 1_000, World::is_whole);
    // News of the membership are passed on for a while after the last has joined.
    world.run_ms(20_000);
    let (before, wakes_before, rolls_before) = (sent(&world), wakes(&world), rolls(&world));
    world.run_ms(REST_MS);
    let at_rest = sent(&world) - before;
    let node_seconds = REST_MS as f64 / 1_000.0 * nodes as f64;
    let idle_bytes = (at_rest as f64 / node_seconds) as u64;
    let idle_wakes = (wakes(&world) - wakes_before) as f64 / node_seconds;
    let idle_rolls = rolls(&world) - rolls_before;
    let mut written = BTreeMap::new();
    let (before, received, begun_us) = (sent(&world), received(&world), world.now_us);
    world.seen.clear();
    let json = format!("\"{}\"", "x".repeat(PAYLOAD - 2));
    for index in 0..WRITES {
        let node = world.rng.random_range(0..nodes);
        let object: Arc<str> = format!("configmaps/default/o{index}").into();
        written.insert(Arc::clone(&object), world.now_us);
        world.put(node, &object, &json);
        world.run_ms(PAUSE_MS);
    }
    world.run_ms(5_000);
    let meanwhile = at_rest * (world.now_us - begun_us) / 1_000 / REST_MS;
    let wire_bytes = (sent(&world) - before).saturating_sub(meanwhile);
    let mut seen: BTreeMap<&Arc<str>, BTreeMap<usize, u64>> = BTreeMap::new();
    for seen_one in &world.seen {
        seen.entry(&seen_one.id.object).or_default().entry(seen_one.node).or_insert(seen_one.at_us);
    }
    let whole = seen.iter().filter(|(_, at)| at.len() == nodes);
    let last = whole.filter_map(|(object, at)| Some((at.values().max()? - written.get(*object)?) / 1_000));
    let mut to_all_ms: Vec<u64> = last.collect();
    to_all_ms.sort_unstable();
    let at = |share: usize| to_all_ms.get((to_all_ms.len() * share / 100).min(to_all_ms.len().saturating_sub(1))).copied();
    let ideal = (WRITES * (nodes - 1)) as f64;
    Numbers {
        nodes,
        whole_ms,
        idle_bytes,
        to_all_p50_ms: at(50).unwrap_or(u64::MAX),
        to_all_p99_ms: at(99).unwrap_or(u64::MAX),
        late: WRITES - to_all_ms.len(),
        copies: (self::received(&world) - received) as f64 / ideal,
        wire_ratio: wire_bytes as f64 / (ideal * PAYLOAD as f64),
        idle_wakes,
        idle_rolls,
    }
}

fn sent(world: &World) -> u64 {
    world.nodes.iter().map(|node| node.sent_bytes).sum()
}

fn wakes(world: &World) -> u64 {
    world.nodes.iter().map(|node| node.wakes).sum()
}

fn rolls(world: &World) -> u64 {
    world.nodes.iter().filter_map(|node| node.engine.as_ref()).map(|engine| engine.counters().rolls_asked).sum()
}

fn received(world: &World) -> u64 {
    world.nodes.iter().filter_map(|node| node.engine.as_ref()).map(|engine: &Engine| engine.counters().records_received).sum()
}
