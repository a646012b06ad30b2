//! Round trips and clock offsets of peers, measured as NTP does (RFC 5905, section 8) and smoothed by the median.

use std::collections::VecDeque;

/// Samples that count.
const KEPT: usize = 8;
/// A round trip longer than this says nothing of the clocks.
const LONGEST_US: u64 = 10_000_000;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    round_trip_us: u64,
    offset_us: i64,
}

impl Sample {
    /// Of one exchange: `now_us` and `asked_us` by our clock, `answered_us` by the other's, which held the question for `hold_us`.
    pub(super) fn of(now_us: u64, asked_us: u64, answered_us: u64, hold_us: u64) -> Option<Self> {
        let elapsed_us = now_us.checked_sub(asked_us)?;
        let round_trip_us = elapsed_us.checked_sub(hold_us).filter(|us| *us <= LONGEST_US)?;
        let (now, asked, answered) =
            (i64::try_from(now_us).ok()?, i64::try_from(asked_us).ok()?, i64::try_from(answered_us).ok()?);
        let received = answered.checked_sub(i64::try_from(hold_us).ok()?)?;
        let offset_us = received.checked_sub(asked)?.checked_add(answered.checked_sub(now)?)? / 2;
        Some(Self { round_trip_us, offset_us })
    }
}

/// What is known of a peer's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerClock {
    /// There and back, microseconds.
    pub round_trip_us: u64,
    /// The peer's clock minus ours, microseconds.
    pub offset_us: i64,
}

#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<Sample>);

impl Samples {
    pub(super) fn add(&mut self, sample: Sample) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(super) fn clock(&self) -> Option<PeerClock> {
        let mut round_trips: Vec<u64> = self.0.iter().map(|sample| sample.round_trip_us).collect();
        let mut offsets: Vec<i64> = self.0.iter().map(|sample| sample.offset_us).collect();
        round_trips.sort_unstable();
        offsets.sort_unstable();
        // The lower median: of two values the smaller.
        let middle = round_trips.len().checked_sub(1)? / 2;
        Some(PeerClock { round_trip_us: round_trips[middle], offset_us: offsets[middle] })
    }
}
