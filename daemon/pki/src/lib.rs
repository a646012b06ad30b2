//! The cluster's keys: its authority, certificates, join tokens, sealed datagrams.
//!
//! Duty: everything that says who belongs to a cluster. No sockets, no tasks, no clock: moments are handed in, as milliseconds
//! (or microseconds where the name says so) since the Unix epoch. Files are touched only below the folder of an [`Authority`].
//!
//! - A [`Bundle`] is what every node of a cluster holds: generations of the authority's key and of the gossip key, the nodes that
//!   were admitted, the nodes that were removed. Merging two bundles is a join: any order, any repetition, the same result.
//! - An [`Authority`] is a bundle with the node's own key, on disk. What is on disk is whole after a kill at any moment.
//! - A node is an [`Identity`]: the hash of its public key. Certificates come and go, the identity stays.
//! - [`tls`] makes rustls configurations of a bundle; they are snapshots, and whoever holds sockets swaps them.
//! - [`token`] lets a machine in, [`bearer`] a client of the API; [`datagram`] seals what is said over UDP.
//!
//! Invariants: secrets are never printed (`Debug` hides them) and go to members and files only; what a stranger sends costs a bounded
//! amount of work and keeps no memory; nothing that is read panics.

mod authority;
pub mod bearer;
mod bundle;
mod bytes;
mod certificate;
pub mod datagram;
mod generation;
mod identity;
pub mod tls;
pub mod token;

pub use authority::{Authority, AuthorityError, FOLDER};
pub use bundle::{Bundle, BundleError, Denied, MAX_BUNDLE_BYTES, Merged, Refusal};
pub use certificate::{API_NAME, Certificate, ClientKeys, Holder, HolderError, HolderKind, NameError, NodeName, authorities_pem};
pub use generation::{Generation, GenerationId, KeyError};
pub use identity::{Identity, IdentityError, NodeKey};

/// How long things live, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A node's certificate; it is renewed at two thirds of it.
    pub certificate_ms: u64,
    /// A certificate of the authority; the cluster moves to a new generation at two thirds of it.
    pub authority_ms: u64,
    /// How long older generations count after such a move.
    pub overlap_ms: u64,
    /// How long older generations count after a node was removed.
    pub removal_overlap_ms: u64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let hour = 3_600_000;
        Self {
            certificate_ms: 7 * 24 * hour,
            authority_ms: 365 * 24 * hour,
            overlap_ms: 30 * 24 * hour,
            removal_overlap_ms: 24 * hour,
        }
    }
}
