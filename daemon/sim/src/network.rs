//! The network between simulated nodes: datagrams that get lost, doubled and late, ordered channels that break, and cuts.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, BTreeSet};

/// How a link behaves. Times are in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The shortest way from one node to another.
    pub least_us: u64,
    /// What is added at most; datagrams overtake each other within it.
    pub jitter_us: u64,
    /// Datagrams lost, of a thousand.
    pub lost_permille: u32,
    /// Datagrams that come twice, of a thousand.
    pub doubled_permille: u32,
}

impl Link {
    /// A quiet switch.
    pub const LAN: Self = Self { least_us: 150, jitter_us: 350, lost_permille: 0, doubled_permille: 0 };
    /// Several sites, and a bad day.
    pub const WAN: Self = Self { least_us: 20_000, jitter_us: 60_000, lost_permille: 50, doubled_permille: 10 };
}

/// A channel that nothing comes through is given up after so long.
const GIVE_UP_US: u64 = 3_000_000;

/// A channel without traffic is closed after so long; the next message has to open it.
const IDLE_US: u64 = 30_000_000;

#[derive(Debug, Default)]
struct Channel {
    used_us: Option<u64>,
    arrives_us: u64,
    broken_until_us: Option<u64>,
}

/// What becomes of a message on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives then, unless a cut comes first.
    Arrives(u64),
    /// It is lost, as is all that follows; the sender learns of it then, if it has not been told already.
    Lost {
        /// When the sender learns of it, where this is the first message that was lost.
        told_us: Option<u64>,
    },
}

/// All links.
#[derive(Debug)]
pub struct Network {
    /// How links behave now.
    pub link: Link,
    side: BTreeMap<usize, usize>,
    one_way: BTreeSet<(usize, usize)>,
    channels: BTreeMap<(usize, usize), Channel>,
}

impl Network {
    /// Everything is connected.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self { link, side: BTreeMap::new(), one_way: BTreeSet::new(), channels: BTreeMap::new() }
    }

    /// Puts a node on a side of the partition; sides do not hear each other.
    pub fn put(&mut self, node: usize, side: usize) {
        self.side.insert(node, side);
    }

    /// Cuts one direction.
    pub fn cut_one_way(&mut self, from: usize, to: usize) {
        self.one_way.insert((from, to));
    }

    /// Everything is connected again.
    pub fn heal(&mut self) {
        self.side.clear();
        self.one_way.clear();
    }

    /// The side that a node is on.
    #[must_use]
    pub fn side_of(&self, node: usize) -> usize {
        self.side.get(&node).copied().unwrap_or(0)
    }

    /// Whether what one sends does not reach the other.
    #[must_use]
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.side_of(from) != self.side_of(to) || self.one_way.contains(&(from, to))
    }

    /// When copies of a datagram arrive: never, once or twice.
    pub fn datagram(&self, now_us: u64, rng: &mut Xoshiro256PlusPlus) -> Vec<u64> {
        let Link { lost_permille, doubled_permille, .. } = self.link;
        if rng.random_range(0..1_000) < lost_permille {
            return Vec::new();
        }
        let copies = 1 + usize::from(rng.random_range(0..1_000) < doubled_permille);
        (0..copies).map(|_| now_us + self.way(rng)).collect()
    }

    /// What becomes of a message that is sent now.
    pub fn message(&mut self, from: usize, to: usize, now_us: u64, rng: &mut Xoshiro256PlusPlus) -> Fate {
        let way_us = self.way(rng);
        // Without the way back nothing is acknowledged.
        let is_cut = self.is_cut(from, to) || self.is_cut(to, from);
        let lost_permille = self.link.lost_permille;
        let channel = self.channels.entry((from, to)).or_default();
        if channel.broken_until_us.is_some_and(|until| until > now_us) {
            return Fate::Lost { told_us: None };
        }
        if is_cut {
            return self.break_channel(from, to, now_us);
        }
        channel.broken_until_us = None;
        let is_open = channel.used_us.is_some_and(|used| now_us - used < IDLE_US);
        channel.used_us = Some(now_us);
        let mut arrives_us = now_us + way_us + if is_open { 0 } else { 2 * way_us };
        // A lost packet is sent again after a round trip and some.
        while rng.random_range(0..1_000) < lost_permille {
            arrives_us += 3 * way_us;
        }
        channel.arrives_us = channel.arrives_us.max(arrives_us);
        Fate::Arrives(channel.arrives_us)
    }

    /// A message does not get through: the channel is dead, and its sender learns it after a while.
    pub fn break_channel(&mut self, from: usize, to: usize, now_us: u64) -> Fate {
        let channel = self.channels.entry((from, to)).or_default();
        if channel.broken_until_us.is_some_and(|until| until > now_us) {
            return Fate::Lost { told_us: None };
        }
        let told_us = now_us + GIVE_UP_US;
        *channel = Channel { broken_until_us: Some(told_us), ..Channel::default() };
        Fate::Lost { told_us: Some(told_us) }
    }

    /// A node starts anew: nothing of its channels is left.
    pub fn forget(&mut self, node: usize) {
        self.channels.retain(|(from, to), _| *from != node && *to != node);
    }

    fn way(&self, rng: &mut Xoshiro256PlusPlus) -> u64 {
        self.link.least_us + rng.random_range(0..=self.link.jitter_us)
    }
}
