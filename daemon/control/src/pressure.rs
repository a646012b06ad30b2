//! When a node is short of something, and which of its pods goes to relieve it (`pkg/kubelet/eviction`).
//!
//! A threshold that is crossed puts the node under pressure at once: it takes no more pods that could make it worse, and a pod goes, right
//! away or (a soft threshold) once it has been crossed for its grace period. The pressure is over only when the threshold has not been
//! crossed for a whole transition period, so that a node at the edge does not change its mind every ten seconds.

mod rank;

pub use rank::{ContainerUse, PodUse, choose, is_critical, message, refuses};

use crate::clock::BootMs;

/// What is looked at, in the order in which shortages are relieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// `memory.available`
    Memory,
    /// `nodefs.available`; `imagefs.available` is of the same file system.
    Disk,
    /// `nodefs.inodesFree`; `imagefs.inodesFree` too.
    Inodes,
    /// `pid.available`
    Pids,
}

impl Signal {
    /// The node's condition.
    #[must_use]
    pub const fn condition(self) -> Condition {
        match self {
            Self::Memory => Condition::Memory,
            Self::Disk | Self::Inodes => Condition::Disk,
            Self::Pids => Condition::Pids,
        }
    }

    /// What there is too little of, in messages.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "ephemeral-storage",
            Self::Inodes => "inodes",
            Self::Pids => "pids",
        }
    }
}

/// A condition of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// `MemoryPressure`
    Memory,
    /// `DiskPressure`
    Disk,
    /// `PIDPressure`
    Pids,
}

impl Condition {
    /// All of them, in the order of a node's status.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Pids];

    /// As in `status.conditions`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
            Self::Pids => "PIDPressure",
        }
    }

    /// The key of the `NoSchedule` taint of a node that has it.
    #[must_use]
    pub const fn taint(self) -> &'static str {
        match self {
            Self::Memory => "node.kubernetes.io/memory-pressure",
            Self::Disk => "node.kubernetes.io/disk-pressure",
            Self::Pids => "node.kubernetes.io/pid-pressure",
        }
    }
}

/// A least amount that must be left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Least {
    /// So many bytes, inodes or processes.
    Absolute(u64),
    /// This part of the capacity: 0.1 is ten percent.
    Part(f64),
}

impl Least {
    /// The amount for a capacity.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a u64 that is between 0 and 1")]
    pub fn of(self, capacity: u64) -> u64 {
        match self {
            Self::Absolute(amount) => amount,
            Self::Part(part) => (capacity as f64 * part.clamp(0.0, 1.0)) as u64,
        }
    }
}

/// One threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// What is looked at.
    pub signal: Signal,
    /// How much must be left.
    pub least: Least,
    /// How long less may be left before pods go, in milliseconds; 0 is a hard threshold.
    pub grace_ms: u64,
}

/// The kubelet's hard thresholds; for processes, where it has none by default, five percent.
pub const DEFAULTS: [Threshold; 4] = [
    Threshold { signal: Signal::Memory, least: Least::Absolute(100 << 20), grace_ms: 0 },
    Threshold { signal: Signal::Disk, least: Least::Part(0.1), grace_ms: 0 },
    Threshold { signal: Signal::Inodes, least: Least::Part(0.05), grace_ms: 0 },
    Threshold { signal: Signal::Pids, least: Least::Part(0.05), grace_ms: 0 },
];

/// What there is of something, and what is left of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// All.
    pub capacity: u64,
    /// What is left.
    pub available: u64,
}

/// What was measured of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// Bytes of memory outside of the working set.
    pub memory: Amount,
    /// Bytes of the file system with images, volumes and logs.
    pub disk: Amount,
    /// Its inodes; a capacity of 0 is a file system that does not count them.
    pub inodes: Amount,
    /// Process ids.
    pub pids: Amount,
}

impl Measured {
    /// What was measured for a signal.
    #[must_use]
    pub const fn of(&self, signal: Signal) -> Amount {
        match signal {
            Signal::Memory => self.memory,
            Signal::Disk => self.disk,
            Signal::Inodes => self.inodes,
            Signal::Pids => self.pids,
        }
    }
}

/// A threshold whose time is over: a pod has to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shortage {
    /// Which one.
    pub threshold: Threshold,
    /// What was measured.
    pub amount: Amount,
}

/// What a look at a node came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// The conditions that it has.
    pub conditions: Vec<Condition>,
    /// What has to be relieved, the first first.
    pub shortages: Vec<Shortage>,
}

impl Standing {
    /// Whether the node is under this pressure.
    #[must_use]
    pub fn has(&self, condition: Condition) -> bool {
        self.conditions.contains(&condition)
    }
}

/// Remembers since when each threshold is crossed, and when it last was.
#[derive(Debug, Clone)]
pub struct Gauge {
    thresholds: Vec<Threshold>,
    transition_ms: u64,
    /// By threshold.
    crossed: Vec<Crossed>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Crossed {
    since: Option<BootMs>,
    last: Option<BootMs>,
}

impl Gauge {
    /// A gauge that has not seen anything. The order of the thresholds does not matter.
    #[must_use]
    pub fn new(mut thresholds: Vec<Threshold>, transition_ms: u64) -> Self {
        // Of one signal the hard threshold comes first.
        thresholds.sort_by_key(|threshold| (threshold.signal, threshold.grace_ms));
        let crossed = vec![Crossed::default(); thresholds.len()];
        Self { thresholds, transition_ms, crossed }
    }

    /// Takes what was measured at `now`.
    pub fn step(&mut self, now: BootMs, measured: &Measured) -> Standing {
        let mut standing = Standing::default();
        for (threshold, crossed) in self.thresholds.iter().zip(&mut self.crossed) {
            let amount = measured.of(threshold.signal);
            let is_crossed = amount.capacity > 0 && amount.available < threshold.least.of(amount.capacity);
            if is_crossed {
                crossed.last = Some(now);
                let since = *crossed.since.get_or_insert(now);
                if now.since_ms(since) >= threshold.grace_ms {
                    standing.shortages.push(Shortage { threshold: *threshold, amount });
                }
            } else {
                crossed.since = None;
            }
            let is_held = crossed.last.is_some_and(|last| is_crossed || now.since_ms(last) < self.transition_ms);
            if is_held && !standing.has(threshold.signal.condition()) {
                standing.conditions.push(threshold.signal.condition());
            }
        }
        standing.conditions.sort_unstable();
        standing
    }
}

#[cfg(test)]
mod tests;
