//! Short names of records and nodes: hashes that every node computes alike.

use control::record::{Fate, Part, RecordId, Stamp};
use control::version::{NodeId, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Which record, and at which version: what a node says instead of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Of its name.
    id: [u8; 8],
    /// Of its name and stamp.
    stamp: [u8; 8],
}

impl Key {
    /// The bytes a key takes on the wire.
    pub(crate) const BYTES: usize = 16;

    /// Of a record's name and stamp.
    #[must_use]
    pub fn of(id: &RecordId, stamp: &Stamp) -> Self {
        let mut hash = named(id);
        let name = hash.clone().finalize();
        for version in [&stamp.birth, &stamp.version] {
            add_version(&mut hash, version);
        }
        hash.update([match stamp.fate {
            Fate::Live => 0,
            Fate::Gone => 1,
            Fate::Leaving => 2,
        }]);
        let whole = hash.finalize();
        let mut key = Self { id: [0; 8], stamp: [0; 8] };
        key.id.copy_from_slice(&name[..8]);
        key.stamp.copy_from_slice(&whole[..8]);
        key
    }

    /// Of the record's name alone.
    pub(crate) fn id(self) -> u64 {
        u64::from_be_bytes(self.id)
    }

    /// What is added up in a digest.
    pub(crate) fn stamp(self) -> u64 {
        u64::from_be_bytes(self.stamp)
    }

    /// As an element of a set to reconcile.
    pub(crate) fn to_item(self) -> negentropy::Id {
        let mut bytes = [0; negentropy::ID_SIZE];
        bytes[..8].copy_from_slice(&self.stamp);
        bytes[8..Self::BYTES].copy_from_slice(&self.id);
        negentropy::Id::from_byte_array(bytes)
    }

    /// Back from an element of a set.
    pub(crate) fn from_item(item: &negentropy::Id) -> Self {
        let bytes = item.as_bytes();
        let mut key = Self { id: [0; 8], stamp: [0; 8] };
        key.stamp.copy_from_slice(&bytes[..8]);
        key.id.copy_from_slice(&bytes[8..Self::BYTES]);
        key
    }
}

/// What [`Key::id`] is of a record of this name.
pub(crate) fn name(id: &RecordId) -> u64 {
    first_bytes(&named(id).finalize())
}

/// A node's place on the ring that a batch is handed around on.
pub(crate) fn place(node: &NodeId) -> u64 {
    first_bytes(&Sha256::digest(node.as_str().as_bytes()))
}

fn named(id: &RecordId) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(id.object.as_bytes());
    hash.update([0, part(id.part)]);
    hash
}

fn first_bytes(hash: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

fn add_version(hash: &mut Sha256, version: &Version) {
    hash.update(version.wall_ms.to_be_bytes());
    hash.update(version.counter.to_be_bytes());
    hash.update(version.node.as_str().as_bytes());
    hash.update([0]);
}

fn part(part: Part) -> u8 {
    match part {
        Part::Spec => 0,
        Part::Binding => 1,
        Part::Status => 2,
    }
}
