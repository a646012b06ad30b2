//! Whether a node's set of records may be compared with: one that was away too long has to learn first.

use serde::{Deserialize, Serialize};

/// What a node's records are worth to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It has what the cluster has, or will by reconciling.
    Settled,
    /// It starts with nothing. What it lacks is no reason for anybody to drop anything.
    Fresh,
    /// It was away longer than deletions are remembered: what it holds may have been deleted meanwhile. It keeps its records to itself
    /// until it has compared them with a settled node.
    Returning,
}
