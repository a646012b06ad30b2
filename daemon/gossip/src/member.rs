//! A member of the cluster: who it is, where it is reached, and what is known of it.

use control::clock::Now;
use control::version::NodeId;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::net::SocketAddr;
use std::sync::Arc;

/// A cluster has at most so many members; more are not taken note of, and counted.
pub const MAX_MEMBERS: usize = 1_024;

/// The longest name: that of a Kubernetes node, a DNS subdomain.
const MAX_NAME_BYTES: usize = 253;

/// The longest text of an identity; it travels in every datagram of the membership.
const MAX_TEXT_BYTES: usize = 64;

/// Who a member is. One name is one member: of two identities of a name the later instance counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The node's name.
    pub name: NodeId,
    /// When its daemon started, in milliseconds since 1970. It grows by one when the others took the node for dead and it is not.
    pub instance: u64,
    /// Where its datagrams are received.
    pub address: SocketAddr,
    /// A short text of the performer, of at most 64 bytes, such as the address of the node's API; may be empty.
    pub text: Arc<str>,
}

impl Identity {
    /// Whether it can be that of a node: names and texts have limits, and an address can be sent to.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let name_bytes = self.name.as_str().len();
        (1..=MAX_NAME_BYTES).contains(&name_bytes)
            && self.text.len() <= MAX_TEXT_BYTES
            && self.address.port() != 0
            && !self.address.ip().is_unspecified()
    }

    /// The same node, known by a later instance.
    pub(crate) fn after(&self, instance: u64) -> Self {
        Self { instance: instance.max(self.instance).saturating_add(1), ..self.clone() }
    }

    fn rank(&self, other: &Self) -> Ordering {
        (self.instance, self.address, &self.text).cmp(&(other.instance, other.address, &other.text))
    }
}

impl foca::Identity for Identity {
    type Addr = NodeId;

    fn renew(&self) -> Option<Self> {
        Some(self.after(self.instance))
    }

    fn addr(&self) -> NodeId {
        self.name.clone()
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.rank(adversary).is_gt()
    }
}

/// What is known of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It answers.
    Alive,
    /// It did not answer a probe, and has some seconds to say that it lives.
    Suspect,
    /// It did not. Also: a member of before, not heard of since this daemon started.
    Down,
    /// It said that it leaves.
    Left,
}

impl State {
    /// Whether the cluster counts on it.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Alive | Self::Suspect)
    }
}

/// A member, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub identity: Identity,
    /// What.
    pub state: State,
    /// Since when, as this node saw it.
    pub since: Now,
}
