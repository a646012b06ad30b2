//! A member of the cluster: who it is, where it is reached, and what is known of it.

use control::clock::Now;
use control::version::NodeId;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
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
#[serde(from = "Spelt")]
pub struct Identity {
    /// Of the name: foca compares it with that of every member for each word of one.
    #[serde(skip_serializing)]
    key: NameKey,
    /// The node's name. It stays: another name is another identity.
    pub name: NodeId,
    /// When its daemon started, in milliseconds since 1970. It grows by one when the others took the node for dead and it is not.
    pub instance: u64,
    /// Where its datagrams are received.
    pub address: SocketAddr,
    /// A short text of the performer, of at most 64 bytes, such as the address of the node's API; may be empty.
    pub text: Arc<str>,
}

impl Identity {
    /// A node's identity.
    #[must_use]
    pub fn new(name: NodeId, instance: u64, address: SocketAddr, text: Arc<str>) -> Self {
        Self { key: NameKey::of(&name), name, instance, address, text }
    }

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
    type Addr = NameKey;

    fn renew(&self) -> Option<Self> {
        Some(self.after(self.instance))
    }

    fn addr(&self) -> NameKey {
        self.key
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.rank(adversary).is_gt()
    }
}

/// As it is written: the key is computed by whoever reads it.
#[derive(Deserialize)]
#[serde(rename = "Identity")]
struct Spelt {
    name: NodeId,
    instance: u64,
    address: SocketAddr,
    text: Arc<str>,
}

impl From<Spelt> for Identity {
    fn from(Spelt { name, instance, address, text }: Spelt) -> Self {
        Self::new(name, instance, address, text)
    }
}

/// Stands for a name within this process: cheap to copy and to compare. Of 128 bits, so that no two names of a cluster share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameKey(u128);

impl NameKey {
    fn of(name: &NodeId) -> Self {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, name).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        Self(half(0) << 64 | half(1))
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
    /// How often this instance has said that it lives where it was suspected, as far as this node heard.
    pub incarnation: u16,
    /// Since when, as this node saw it.
    pub since: Now,
}
