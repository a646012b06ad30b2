//! Stop signals that came too early. The kernel drops a signal to the first process of a pid namespace that has no handler for it yet, so a
//! program that is stopped in the moment after its start would only end with its grace. Such a signal is given again once there is a
//! handler.

use std::fs;
use std::time::{Duration, Instant};

use runtime::protocol::{ContainerId, RunState};
use rustix::event::Timespec;

use super::{KILL, Supervisor};

/// How long until it is looked again.
pub(super) const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// No look comes sooner after the last one, however much else there is to do.
const LEAST_PAUSE: Duration = Duration::from_millis(40);
/// A program without a handler after so long will not have one.
const PATIENCE: Duration = Duration::from_secs(5);

/// A signal that the kernel has dropped.
pub(super) struct Unheard {
    container: ContainerId,
    signal: i32,
    sent: Instant,
    looked: Instant,
}

impl Supervisor {
    /// Takes note of a signal that was sent to a container.
    pub(super) fn note_signal(&mut self, id: &ContainerId, signal: i32) {
        if signal != KILL && self.is_deaf(id, signal) == Some(true) {
            let now = Instant::now();
            self.unheard.push(Unheard { container: id.clone(), signal, sent: now, looked: now });
        }
    }

    /// Gives signals again to those that can hear them now.
    pub(super) fn repeat_unheard(&mut self) {
        for mut waiting in std::mem::take(&mut self.unheard) {
            if waiting.looked.elapsed() < LEAST_PAUSE {
                self.unheard.push(waiting);
                continue;
            }
            waiting.looked = Instant::now();
            match self.is_deaf(&waiting.container, waiting.signal) {
                Some(true) if waiting.sent.elapsed() < PATIENCE => self.unheard.push(waiting),
                Some(false) => {
                    if let Some(container) = self.containers.iter().find(|container| container.id == waiting.container) {
                        // One that has just ended is reaped next.
                        let _ = container.signal(waiting.signal);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a running container has no handler for a signal; `None` for one that does not run.
    fn is_deaf(&self, id: &ContainerId, signal: i32) -> Option<bool> {
        let container = self.containers.iter().find(|container| container.id == *id)?;
        let pid = container.pid().filter(|_| matches!(container.state(), RunState::Running(_)))?;
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
        Some(!handles(&status, signal))
    }
}

/// Whether a process, by its status in `/proc`, has a handler for a signal.
fn handles(status: &str, signal: i32) -> bool {
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal - 1).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0);
    caught & bit != 0
}

#[cfg(test)]
mod tests {
    use super::handles;

    #[test]
    fn handlers_are_read_from_the_mask() {
        let status = "Name:\tsh\nSigIgn:\t0000000000004000\nSigCgt:\t0000000000004002\n";
        assert!(handles(status, 15) && handles(status, 2));
        assert!(!handles(status, 3) && !handles(status, 64) && !handles("", 15));
    }
}
