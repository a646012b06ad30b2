//! Decides whether the node is short of memory, disk or process numbers: thresholds with a delay before all is well again.
//!
//! A threshold that is crossed puts the node under pressure at once. It is relieved only when the threshold has not been crossed
//! for a whole transition period, so that a node at the edge does not change its mind every ten seconds.

use super::Reading;

/// A least amount that must be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// So many bytes, inodes or processes.
    Absolute(u64),
    /// So many percent of the capacity.
    Percent(u64),
}

impl Threshold {
    /// The amount for a capacity.
    pub fn of(self, capacity: u64) -> u64 {
        match self {
            Self::Absolute(amount) => amount,
            Self::Percent(percent) => u64::try_from(u128::from(capacity) * u128::from(percent) / 100).unwrap_or(u64::MAX),
        }
    }

    fn is_crossed(self, available: u64, capacity: u64) -> bool {
        available < self.of(capacity)
    }
}

/// The kubelet's hard eviction thresholds; for processes, where it has none by default, five percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// `memory.available`
    pub memory_available: Threshold,
    /// `nodefs.available`
    pub disk_available: Threshold,
    /// `nodefs.inodesFree`
    pub disk_inodes_free: Threshold,
    /// `pid.available`
    pub pids_available: Threshold,
    /// How long a threshold must not be crossed before the pressure is over, in milliseconds.
    pub transition_period_ms: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            memory_available: Threshold::Absolute(100 << 20),
            disk_available: Threshold::Percent(10),
            disk_inodes_free: Threshold::Percent(5),
            pids_available: Threshold::Percent(5),
            transition_period_ms: 5 * 60 * 1000,
        }
    }
}

/// Whether something is scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// There is enough.
    Sufficient,
    /// There is too little, or was within the transition period.
    Pressure,
}

/// The three conditions of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressures {
    /// `MemoryPressure`
    pub memory: Level,
    /// `DiskPressure`
    pub disk: Level,
    /// `PIDPressure`
    pub pids: Level,
}

/// Remembers when each threshold was last seen crossed.
#[derive(Debug, Clone)]
pub struct PressureGauge {
    thresholds: Thresholds,
    memory: LastCrossed,
    disk: LastCrossed,
    pids: LastCrossed,
}

impl PressureGauge {
    /// A gauge that has not seen anything.
    pub fn new(thresholds: Thresholds) -> Self {
        let never = LastCrossed { at_ms: None };
        Self { thresholds, memory: never, disk: never, pids: never }
    }

    /// Takes a reading made at `now_ms` of any clock that does not go backwards.
    pub fn step(&mut self, now_ms: u64, reading: &Reading) -> Pressures {
        let limits = self.thresholds;
        let disk = reading.disk;
        let is_short_of_memory =
            limits.memory_available.is_crossed(reading.memory_available_bytes, reading.memory_capacity_bytes);
        // A file system without inode numbers reports none at all, which is no shortage.
        let is_short_of_inodes = disk.inodes > 0 && limits.disk_inodes_free.is_crossed(disk.inodes_free, disk.inodes);
        let is_short_of_disk = is_short_of_inodes || limits.disk_available.is_crossed(disk.available_bytes, disk.capacity_bytes);
        let is_short_of_pids = limits.pids_available.is_crossed(reading.pids_available, reading.pids_capacity);
        let period_ms = limits.transition_period_ms;
        Pressures {
            memory: self.memory.step(now_ms, is_short_of_memory, period_ms),
            disk: self.disk.step(now_ms, is_short_of_disk, period_ms),
            pids: self.pids.step(now_ms, is_short_of_pids, period_ms),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct LastCrossed {
    at_ms: Option<u64>,
}

impl LastCrossed {
    fn step(&mut self, now_ms: u64, is_crossed: bool, period_ms: u64) -> Level {
        if is_crossed {
            self.at_ms = Some(now_ms);
        }
        match self.at_ms {
            Some(at_ms) if is_crossed || now_ms.saturating_sub(at_ms) < period_ms => Level::Pressure,
            _ => Level::Sufficient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filesystem;
    use super::Level::{Pressure, Sufficient};
    use super::*;

    fn plenty() -> Reading {
        Reading {
            memory_capacity_bytes: 8 << 30,
            memory_available_bytes: 4 << 30,
            disk: Filesystem { capacity_bytes: 1000, available_bytes: 500, inodes: 1000, inodes_free: 900 },
            pids_capacity: 1000,
            pids_available: 900,
        }
    }

    fn levels(reading: &Reading) -> (Level, Level, Level) {
        let pressures = PressureGauge::new(Thresholds::default()).step(0, reading);
        (pressures.memory, pressures.disk, pressures.pids)
    }

    #[test]
    fn each_shortage_is_its_own_condition() {
        assert_eq!(levels(&plenty()), (Sufficient, Sufficient, Sufficient));
        let memory = Reading { memory_available_bytes: (100 << 20) - 1, ..plenty() };
        assert_eq!(levels(&memory), (Pressure, Sufficient, Sufficient));
        let disk = Reading { disk: Filesystem { available_bytes: 99, ..plenty().disk }, ..plenty() };
        assert_eq!(levels(&disk), (Sufficient, Pressure, Sufficient));
        let inodes = Reading { disk: Filesystem { inodes_free: 49, ..plenty().disk }, ..plenty() };
        assert_eq!(levels(&inodes), (Sufficient, Pressure, Sufficient));
        let pids = Reading { pids_available: 49, ..plenty() };
        assert_eq!(levels(&pids), (Sufficient, Sufficient, Pressure));
    }

    #[test]
    fn exactly_the_threshold_is_enough() {
        let edge = Reading { memory_available_bytes: 100 << 20, pids_available: 50, ..plenty() };
        assert_eq!(levels(&edge), (Sufficient, Sufficient, Sufficient));
    }

    #[test]
    fn a_file_system_that_does_not_count_inodes_is_not_short_of_them() {
        let btrfs = Reading { disk: Filesystem { inodes: 0, inodes_free: 0, ..plenty().disk }, ..plenty() };
        assert_eq!(levels(&btrfs).1, Sufficient);
    }

    #[test]
    fn pressure_comes_at_once_and_goes_after_five_quiet_minutes() {
        let mut gauge = PressureGauge::new(Thresholds::default());
        let short = Reading { memory_available_bytes: 1, ..plenty() };
        let minute = 60_000;
        let mut at = |minutes: u64, reading: &Reading| gauge.step(minutes * minute, reading).memory;
        assert_eq!(at(0, &plenty()), Sufficient);
        assert_eq!(at(1, &short), Pressure);
        assert_eq!(at(2, &plenty()), Pressure);
        assert_eq!(at(4, &short), Pressure, "the period begins anew");
        assert_eq!(at(8, &plenty()), Pressure);
        assert_eq!(at(9, &plenty()), Sufficient);
    }

    #[test]
    fn percentages_of_large_disks_do_not_overflow() {
        assert_eq!(Threshold::Percent(10).of(u64::MAX), u64::MAX / 10);
    }
}
