//! The engine's own clock work: one queue of what is to happen when.

use crate::member::Identity;
use control::clock::BootMs;
use control::version::NodeId;
use std::collections::BTreeMap;

/// A timer that fires so much late means that this process stood still, not that time went by without a word of the others.
const STALL_MS: u64 = 750;

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Timer {
    /// One of foca's.
    Swim(foca::Timer<Identity>),
    /// Look for those who are lost.
    Seek,
    /// Compare digests with somebody.
    Digest,
    /// Say again what is held, where it differed.
    Differs(NodeId),
    /// Tell of what is fresh.
    Fresh,
    /// Ask for what is missing.
    Pull,
    /// Give up what takes too long.
    Sweep,
}

/// The queue, ordered by time and then by when it was set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<(BootMs, u64), Timer>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: BootMs, timer: Timer) {
        self.set += 1;
        self.queue.insert((at, self.set), timer);
    }

    pub(crate) fn next(&self) -> Option<BootMs> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn due(&mut self, now: BootMs) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop_first().map(|(_, timer)| timer)
    }

    /// After a stall everything happens later by as much: what came in meanwhile is read first, and nobody is called dead because
    /// we slept.
    pub(crate) fn forgive_stall(&mut self, now: BootMs) {
        let late_ms = self.next().map_or(0, |at| now.since_ms(at));
        if late_ms > STALL_MS {
            let queue = std::mem::take(&mut self.queue);
            self.queue = queue.into_iter().map(|((at, set), timer)| ((at.after_ms(late_ms), set), timer)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Timer, Timers};
    use control::clock::BootMs;

    #[test]
    fn a_stall_puts_everything_off_in_order() {
        let mut timers = Timers::default();
        timers.set(BootMs(100), Timer::Seek);
        timers.set(BootMs(400), Timer::Digest);
        timers.forgive_stall(BootMs(5_000));
        assert!(matches!(timers.due(BootMs(5_000)), Some(Timer::Seek)));
        assert!(timers.due(BootMs(5_299)).is_none());
        assert!(matches!(timers.due(BootMs(5_300)), Some(Timer::Digest)));
    }
}
