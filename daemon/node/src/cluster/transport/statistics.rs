//! What a transport counts, and how often it speaks of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines of the log about strangers.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// What is counted beside the datagrams that do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Handshakes that failed or showed no certificate that counts.
    RefusedHandshakes,
    /// Connections that were turned away because too many were in their handshake.
    BusyHandshakes,
    /// Messages past the limit, and bytes that are none.
    BadMessages,
    /// Datagrams that nobody took in time.
    DroppedDatagrams,
    /// Joins that were refused.
    RefusedJoins,
}

const NAMES: [(Counter, &str); 5] = [
    (Counter::RefusedHandshakes, "refused-handshakes"),
    (Counter::BusyHandshakes, "busy-handshakes"),
    (Counter::BadMessages, "bad-messages"),
    (Counter::DroppedDatagrams, "dropped-datagrams"),
    (Counter::RefusedJoins, "refused-joins"),
];

#[derive(Debug, Default)]
pub(super) struct Statistics {
    counts: [AtomicU64; NAMES.len()],
    spoke_at: Mutex<Option<Instant>>,
}

impl Statistics {
    pub(super) fn count(&self, counter: Counter) {
        self.counts[counter as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn list(&self) -> Vec<(&'static str, u64)> {
        NAMES.iter().map(|(counter, name)| (*name, self.counts[*counter as usize].load(Ordering::Relaxed))).collect()
    }

    /// Whether the log may have a line about strangers now: they decide how often they come, not how much we write.
    pub(super) fn may_speak(&self) -> bool {
        let mut spoke_at = self.spoke_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = spoke_at.is_none_or(|at| at.elapsed() >= BETWEEN_LINES);
        if may {
            *spoke_at = Some(Instant::now());
        }
        may
    }
}
