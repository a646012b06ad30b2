//! Which nodes one side of the cluster sees alive. What the failure detector knows of each of them is `gossip`'s; decisions need no more
//! than this.

use crate::rendezvous;
use crate::version::NodeId;
use std::collections::BTreeSet;

/// The nodes that a node sees alive, itself among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    me: NodeId,
    alive: BTreeSet<NodeId>,
}

impl Members {
    /// A node that sees nobody else.
    #[must_use]
    pub fn alone(me: NodeId) -> Self {
        Self { alive: BTreeSet::from([me.clone()]), me }
    }

    /// A node and those that it sees alive; it always sees itself.
    #[must_use]
    pub fn new(me: NodeId, others: impl IntoIterator<Item = NodeId>) -> Self {
        let mut members = Self::alone(me);
        members.alive.extend(others);
        members
    }

    /// Whose view this is.
    #[must_use]
    pub const fn me(&self) -> &NodeId {
        &self.me
    }

    /// Whether a node of this name is seen alive.
    #[must_use]
    pub fn is_alive(&self, node: &str) -> bool {
        self.alive.contains(&NodeId::from(node))
    }

    /// All that are seen alive, ordered by name.
    pub fn alive(&self) -> impl Iterator<Item = &NodeId> {
        self.alive.iter()
    }

    /// How many of the others come before this node where one of them is to do something about a key; 0: this one does it.
    #[must_use]
    pub fn rank(&self, key: &str) -> usize {
        rendezvous::rank(key, self.me.as_str(), self.alive.iter().map(NodeId::as_str))
    }
}
