//! When the machine wants to be asked again although nothing happens.

use super::PodMachine;
use super::advance::OVERDUE_MS;
use super::container::{Hook, Stage, Wait};
use super::ending::KILL_PATIENCE_MS;
use super::life::{Life, Sandbox};
use crate::clock::{BootMs, Now};

impl PodMachine {
    /// The earliest of all times at which something becomes due, probes aside.
    pub(super) fn next_turn(&self, now: Now) -> Option<BootMs> {
        let sandbox = match self.sandbox {
            Sandbox::Waiting { until } if self.life == Life::Active => Some(until),
            Sandbox::Stuck { until, .. } => Some(until),
            _ => None,
        };
        let ending = match &self.life {
            Life::Ending { kill_at, .. } => Some(kill_at.after_ms(KILL_PATIENCE_MS)),
            _ => None,
        };
        let has_sandbox = matches!(self.sandbox, Sandbox::Ready { .. });
        let containers = self.containers.iter().filter_map(|container| match &container.stage {
            // One that is due and waits for its turn is looked at when the one before it gets on.
            Stage::Waiting { until, .. } if !has_sandbox || *until <= now.boot => None,
            Stage::Waiting { until, why: Wait::CrashLoop { next_event } } => Some((*until).min(*next_event)),
            Stage::Waiting { until, .. } => Some(*until),
            Stage::Image { asked, pull, .. } if has_sandbox => Some(asked.after_ms(pull.patience_ms())),
            Stage::Stopping(stop) => Some(stop.due()),
            Stage::Running { hook: Hook::Running { asked }, .. } => Some(asked.after_ms(OVERDUE_MS)),
            _ => None,
        });
        let others = [sandbox, ending, self.deadline(now), self.next_look(), self.next_resize()];
        containers.chain(others.into_iter().flatten()).min()
    }
}
