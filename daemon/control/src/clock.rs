//! Time as decisions get it: handed in, never read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One moment, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What people read: statuses and events carry it. It may jump.
    pub wall: Timestamp,
    /// What deadlines are measured with.
    pub boot: BootMs,
}

/// Milliseconds since the machine started, time asleep included (`CLOCK_BOOTTIME`): it never jumps, and it means the same to a
/// daemon that was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootMs(pub u64);

impl BootMs {
    /// So many milliseconds later.
    #[must_use]
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since an earlier moment; 0 where that one is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Now {
    /// Milliseconds since 1970; 0 before that.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        u64::try_from(self.wall.as_millisecond()).unwrap_or(0)
    }

    /// When, on the boot clock, a wall time was; a time ahead of the clock counts as now.
    #[must_use]
    pub fn boot_of(&self, wall: Timestamp) -> BootMs {
        let ago_ms = u64::try_from(self.wall.as_millisecond() - wall.as_millisecond()).unwrap_or(0);
        BootMs(self.boot.0.saturating_sub(ago_ms))
    }
}
