//! How long to wait before something that failed is tried again (client-go `util/flowcontrol/backoff.go`).

use crate::clock::BootMs;
use serde::{Deserialize, Serialize};

/// The first wait.
const INITIAL_MS: u64 = 10_000;
/// The longest wait.
const MAX_MS: u64 = 300_000;
/// An entry that old is forgotten: a container that ran for ten minutes starts at once again.
const FORGET_AFTER_MS: u64 = 2 * MAX_MS;

/// What is remembered of the failures of one thing, named by `key`: another key starts afresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Backoff {
    key: String,
    delay_ms: u64,
    updated: BootMs,
}

impl Backoff {
    /// Counts one more try (or failure) of `key` at `now`.
    pub(super) fn next(entry: Option<Self>, key: &str, now: BootMs) -> Self {
        let delay_ms = match entry {
            Some(entry) if entry.key == key && !entry.is_forgotten(now) => (entry.delay_ms * 2).min(MAX_MS),
            _ => INITIAL_MS,
        };
        Self { key: key.to_owned(), delay_ms, updated: now }
    }

    /// Until when `key` has to wait, if its last failure was at `failed`.
    pub(super) fn until(&self, key: &str, failed: BootMs) -> Option<BootMs> {
        (self.key == key && !self.is_forgotten(failed)).then(|| failed.after_ms(self.delay_ms))
    }

    /// Until when `key` has to wait, counted from its last update.
    pub(super) fn until_since_update(&self, key: &str) -> Option<BootMs> {
        (self.key == key).then(|| self.updated.after_ms(self.delay_ms))
    }

    /// How long the wait is, in seconds: `back-off 40s restarting failed container`.
    pub(super) const fn delay_seconds(&self) -> u64 {
        self.delay_ms / 1000
    }

    /// The machine was restarted: its clock began anew.
    pub(super) const fn rebase(&mut self) {
        self.updated = BootMs(0);
    }

    fn is_forgotten(&self, at: BootMs) -> bool {
        at.since_ms(self.updated) > FORGET_AFTER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use crate::clock::BootMs;

    #[test]
    fn waits_double_up_to_five_minutes_and_begin_anew_after_ten_quiet_minutes() {
        let mut now = BootMs(1_000);
        let mut entry: Option<Backoff> = None;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let wait_until = entry.as_ref().and_then(|entry| entry.until("kubia", now));
            waits.push(wait_until.map_or(0, |until| until.since_ms(now) / 1000));
            now = wait_until.unwrap_or(now);
            entry = Some(Backoff::next(entry, "kubia", now));
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(entry.and_then(|entry| entry.until("kubia", now.after_ms(600_001))), None);
    }

    #[test]
    fn another_image_does_not_wait_for_the_failures_of_the_last_one() {
        let entry = Backoff::next(Some(Backoff::next(None, "old", BootMs(0))), "old", BootMs(1));
        assert_eq!(entry.delay_seconds(), 20);
        assert_eq!(entry.until("new", BootMs(2)), None);
        assert_eq!(Backoff::next(Some(entry), "new", BootMs(2)).delay_seconds(), 10);
    }
}
