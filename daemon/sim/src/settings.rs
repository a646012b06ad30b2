//! What a simulated world is made of, and what can be done to it.

use crate::network::Link;
use crate::replica::Fault;

/// What a world is made of.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// So many nodes.
    pub nodes: usize,
    /// How all links behave.
    pub link: Link,
    /// Deletions are remembered so long.
    pub horizon_ms: u64,
    /// A fault in every replica.
    pub fault: Fault,
    /// Messages of this kind never arrive.
    pub dropped: Option<Kind>,
    /// Whether every merge is noted with its time.
    pub is_timed: bool,
}

impl Settings {
    /// So many nodes on a quiet switch.
    #[must_use]
    pub fn lan(nodes: usize) -> Self {
        Self { nodes, link: Link::LAN, horizon_ms: 3_600_000, fault: Fault::None, dropped: None, is_timed: false }
    }
}

/// Kinds of messages, to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `Message::Push`
    Push,
    /// `Message::Want`
    Want,
    /// `Message::Give`
    Give,
    /// `Message::Reconcile`
    Reconcile,
    /// `Message::Answer`
    Answer,
    /// `Message::Have`
    Have,
    /// `Datagram::Digest`
    Digest,
    /// `Datagram::Fresh`
    Fresh,
}

/// What a crash leaves of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// What had come to it; what was merged in the last second may be missing.
    Kept,
    /// Nothing.
    Lost,
}
