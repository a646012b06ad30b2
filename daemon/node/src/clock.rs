//! The machine's clocks, read in one place and handed to whoever decides.

use control::clock::{BootMs, Now};
use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// This moment on both clocks.
pub fn now() -> Now {
    Now { wall: Timestamp::now(), boot: boot() }
}

/// How long it is until a moment; zero where it has passed.
pub fn until(at: BootMs) -> Duration {
    Duration::from_millis(at.since_ms(boot()))
}

/// Waits for a moment; for ever where there is none.
pub async fn sleep_until(at: Option<BootMs>) {
    match at {
        Some(at) => tokio::time::sleep(until(at)).await,
        None => std::future::pending().await,
    }
}

fn boot() -> BootMs {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every kernel since 2.6.39 has this clock");
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let millis = u64::try_from(time.tv_nsec()).unwrap_or(0) / 1_000_000;
    BootMs(seconds.saturating_mul(1000).saturating_add(millis))
}

/// A time as supervisors tell it.
pub fn from_ns(ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::UNIX_EPOCH)
}
