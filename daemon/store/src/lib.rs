//! The local replica: every object this node knows, in memory for reading and on disk before a write is acknowledged.
//!
//! - [`Store`] is what everybody holds: reads, watches, and writes that are handed to the writer. Clones are one store.
//! - [`Writer`] runs on a thread of its own, which the caller gives it, and is the only one that changes anything: it takes all
//!   writes that wait, checks each against the state before it, commits them with one sync, then shows them and answers.
//! - An object is the join of its records, and this replica one of several: [`Store::merge`] takes in what others have,
//!   [`Store::follow_records`] tells what is to be passed on. In what order and how often records come makes no difference.
//! - A watch is a place in a bounded ring of the newest changes, so a slow reader costs nothing: when the ring has passed it by it is
//!   told to list again ([`Expired`], Kubernetes' 410), as is one that wants to go on from before this daemon's start.
//!
//! Invariants: what was acknowledged with [`Durability::Now`] is on disk. Versions (`resourceVersion`) only grow, over crashes
//! too, and those of another database are recognised. A write with [`Durability::Soon`] is shown at once and on disk within
//! [`Settings::lazy_ms`]: only for what can be seen again (statuses, events). Merged records are written so, too: the peers have them.
//! What is shown of nodes that cannot be seen ([`Lost`]) is in no record. Times of versions, and when records go, are the cluster's:
//! this machine's clock less [`Store::clock_correction`].
//!
//! Channels: one bounded queue of writes (callers wait while it is full), two `watch` channels that tell readers of the rings the
//! newest version and the newest change of a record.

mod bearings;
mod codec;
mod commits;
mod disk;
mod entry;
mod error;
mod fields;
mod name;
mod object;
mod overlay;
mod records;
mod replica;
mod replication;
mod ring;
mod settings;
mod state;
mod version;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

pub use commits::Committed;
pub use error::{Damage, OpenError, StoreError};
pub use object::{Key, List, Object};
pub use overlay::Lost;
pub use records::{FellBehind, Origin, RecordChange, RecordChanges};
pub use replica::{Durability, Preconditions, Store};
pub use ring::{Change, ChangeKind, Past};
pub use settings::Settings;
pub use version::{NotAVersion, ResourceVersion};
pub use watch::{Expired, Watcher};
pub use writer::{LostWrite, MergeOutcome, MergeReport, Refusal, Writer};
