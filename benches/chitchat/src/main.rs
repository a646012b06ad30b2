//! chitchat on three nodes over UDP of the loopback device, measured as our cluster is: `chitchat-bench INTERVAL_MS RECORDS`.
//!
//! It prints a line for each figure, its name and milliseconds; what was not done within its time is left out. It keeps its state in
//! memory and neither seals nor authenticates what it sends; ours does all of that.

use anyhow::{Context as _, Result};
use chitchat::transport::UdpTransport;
use chitchat::{ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, ProtocolVersion, spawn_chitchat};
use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Bytes of a value.
const VALUE: usize = 2_048;
/// Writes that are timed, and the pause between two: 50 a second.
const WRITES: usize = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// How often it is looked whether something has come.
const LOOK: Duration = Duration::from_millis(2);
/// What took longer is given up.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let mut number = |name: &str| -> Result<u64> { words.next().context(name.to_owned())?.parse().context(name.to_owned()) };
    let interval = Duration::from_millis(number("the first word is an interval in ms")?);
    let records = number("the second word is a number of records")?;
    let mut cluster = Cluster { interval, seeds: Vec::new(), nodes: Vec::new() };
    for _ in 0..3 {
        cluster.start().await?;
    }
    cluster.until(async |cluster| cluster.sees_alive(3).await).await.context("the three nodes do not find each other")?;
    cluster.write_to_all().await;
    let begin = Instant::now();
    cluster.fill(usize::try_from(records)?).await;
    let each = cluster.held(0).await;
    if cluster.until(async |cluster| cluster.all_hold(each).await).await.is_some() {
        print("records-equal", begin);
        let begin = Instant::now();
        cluster.start().await?;
        if cluster.until(async |cluster| cluster.all_hold(each).await).await.is_some() {
            print("fresh-node", begin);
        }
        // Its leaving is not what is measured next.
        cluster.nodes.pop().context("no node")?.abort();
        cluster.until(async |cluster| cluster.sees_alive(3).await).await.context("the fourth node stays")?;
    }
    let begin = Instant::now();
    cluster.nodes.pop().context("no node")?.abort();
    if cluster.until(async |cluster| cluster.sees_alive(2).await).await.is_some() {
        print("killed", begin);
    }
    Ok(())
}

fn print(name: &str, since: Instant) {
    println!("{name} {:.0}", since.elapsed().as_secs_f64() * 1e3);
}

/// What does not get smaller when it is packed.
fn value(seed: usize) -> String {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'0' + (state % 75) as u8)
    };
    (0..VALUE).map(letter).collect()
}

struct Cluster {
    interval: Duration,
    seeds: Vec<SocketAddr>,
    nodes: Vec<ChitchatHandle>,
}

impl Cluster {
    async fn start(&mut self) -> Result<()> {
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let config = ChitchatConfig {
            chitchat_id: ChitchatId::new(format!("n{}", address.port()), 0, address),
            cluster_id: "bench".to_owned(),
            gossip_interval: self.interval,
            listen_addr: address,
            seed_nodes: self.seeds.iter().map(ToString::to_string).collect(),
            failure_detector_config: FailureDetectorConfig::default(),
            marked_for_deletion_grace_period: Duration::from_secs(900),
            catchup_callback: None,
            extra_liveness_predicate: None,
            protocol_version: ProtocolVersion::V1,
        };
        self.nodes.push(spawn_chitchat(config, Vec::new(), &UdpTransport).await?);
        self.seeds.push(address);
        Ok(())
    }

    /// Waits for a condition; `None` when patience ends.
    async fn until(&self, condition: impl AsyncFn(&Self) -> bool) -> Option<()> {
        let begin = Instant::now();
        while !condition(self).await {
            if begin.elapsed() > PATIENCE {
                return None;
            }
            tokio::time::sleep(LOOK * 10).await;
        }
        Some(())
    }

    async fn sees_alive(&self, count: usize) -> bool {
        for node in &self.nodes {
            if node.with_chitchat(|chitchat| chitchat.live_nodes().count()).await != count {
                return false;
            }
        }
        true
    }

    /// How many values a node holds, of all nodes together.
    async fn held(&self, node: usize) -> usize {
        let count = |chitchat: &mut chitchat::Chitchat| chitchat.node_states().values().map(|state| state.num_key_values()).sum();
        self.nodes[node].with_chitchat(count).await
    }

    async fn all_hold(&self, count: usize) -> bool {
        for node in 0..self.nodes.len() {
            if self.held(node).await < count {
                return false;
            }
        }
        true
    }

    async fn set(&self, number: usize) -> usize {
        let node = number % 3;
        let (key, value) = (format!("k{number}"), value(number));
        self.nodes[node].with_chitchat(|chitchat| chitchat.self_node_state().set(&key, &value)).await;
        node
    }

    /// Values beside those of [`Self::write_to_all`], on the nodes in turn.
    async fn fill(&self, records: usize) {
        for number in WRITES..records {
            self.set(number).await;
        }
    }

    async fn write_to_all(&self) {
        // What a node still lacks of another one's, oldest first: a node's values come in their order.
        let mut missing: Vec<VecDeque<usize>> = vec![VecDeque::new(); 9];
        let mut begins = Vec::new();
        let mut seen = vec![0; WRITES];
        let mut took_ms: Vec<f64> = Vec::new();
        let begin = Instant::now();
        while took_ms.len() < WRITES && begin.elapsed() < PATIENCE {
            while begins.len() < WRITES && begin.elapsed() >= PAUSE * begins.len() as u32 {
                let (number, begun) = (begins.len(), Instant::now());
                let node = self.set(number).await;
                begins.push(begun);
                (0..3).filter(|other| *other != node).for_each(|other| missing[other * 3 + node].push_back(number));
            }
            for (pair, queue) in missing.iter_mut().enumerate() {
                let writer = self.nodes[pair % 3].chitchat_id();
                let look = |chitchat: &mut chitchat::Chitchat| {
                    let state = chitchat.node_state(writer);
                    queue.iter().take_while(|number| state.is_some_and(|state| state.contains_key(&format!("k{number}")))).count()
                };
                let come = self.nodes[pair / 3].with_chitchat(look).await;
                for number in queue.drain(..come) {
                    seen[number] += 1;
                    if seen[number] == 2 {
                        took_ms.push(begins[number].elapsed().as_secs_f64() * 1e3);
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        took_ms.sort_by(f64::total_cmp);
        if took_ms.len() == WRITES {
            println!("median {:.1}\np99 {:.1}", took_ms[WRITES / 2], took_ms[WRITES * 99 / 100]);
        }
    }
}
