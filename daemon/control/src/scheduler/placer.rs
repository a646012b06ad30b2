//! Who places a pod, without a leader: the nodes of a side take turns, in an order that each of them computes by itself.
//!
//! The order is rendezvous hashing of the pod's uid over the members that are seen alive. The first places the pod at once; each next
//! one only after another [`STEP_IN_AFTER_MS`] in which nobody did. Views that differ for a moment, or a first one that hangs, at worst
//! make two place the same pod: then the earlier binding stays (`record::Stamp::rank`) and the other node stops its copy.

use crate::clock::BootMs;
use crate::membership::Members;
use k8s_openapi::api::core::v1::Pod;

/// How long a node waits for each one that comes before it: well above the time that a binding takes to be seen everywhere.
pub const STEP_IN_AFTER_MS: u64 = 2_000;

/// What hashing picks by for pods that look at others.
const TOGETHER: &str = "pods that look at others";

/// What a pod is called where it is decided who places it: its uid. Those that look at others are all placed by one node, one after the
/// other: two nodes that place two of them at the same moment would each not see the other's.
#[must_use]
pub fn name_of<'a>(uid: &'a str, pod: &Pod) -> &'a str {
    if super::looks_at_others(pod) { TOGETHER } else { uid }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// This node's: it places the pod now.
    Now,
    /// Another's, until this time.
    Wait {
        /// When it becomes this node's.
        until: BootMs,
    },
}

/// Whether this node places a pod that waits since a time (by this node's own clock: it began to wait, or something changed that may
/// let it in).
#[must_use]
pub fn turn(now: BootMs, uid: &str, waits_since: BootMs, members: &Members) -> Turn {
    let rank = u64::try_from(members.rank(uid)).unwrap_or(u64::MAX);
    let until = waits_since.after_ms(rank.saturating_mul(STEP_IN_AFTER_MS));
    if until <= now { Turn::Now } else { Turn::Wait { until } }
}

/// Whether it is this node that tells why a pod goes nowhere. The others only place: the user reads it once.
#[must_use]
pub fn tells(uid: &str, members: &Members) -> bool {
    members.rank(uid) == 0
}

#[cfg(test)]
mod tests;
