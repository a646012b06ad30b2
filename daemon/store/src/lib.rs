//! The local replica: every object this node knows, in memory for reading and on disk before a write is acknowledged.
//!
//! - [`Store`] is what everybody holds: reads, watches, and writes that are handed to the writer. Clones are one store.
//! - [`Writer`] runs on a thread of its own, which the caller gives it, and is the only one that changes anything: it takes all
//!   writes that wait, checks each against the state before it, commits them with one sync, then shows them and answers.
//! - A watch is a place in a bounded ring of the newest changes, so a slow reader costs nothing: when the ring has passed it by it is
//!   told to list again ([`Expired`], Kubernetes' 410), as is one that wants to go on from before this daemon's start.
//!
//! Invariants: what was acknowledged with [`Durability::Now`] is on disk. Versions (`resourceVersion`) only grow, over crashes
//! too, and those of another database are recognised. A write with [`Durability::Soon`] is shown at once and on disk within
//! [`Settings::lazy_ms`]: only for what can be seen again (statuses, events).
//!
//! Channels: one bounded queue of writes (callers wait while it is full), one `watch` channel that tells readers of the ring the
//! newest version.

mod codec;
mod disk;
mod entry;
mod error;
mod object;
mod replica;
mod ring;
mod settings;
mod state;
mod version;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

pub use error::{Damage, OpenError, StoreError};
pub use object::{Key, List, Object};
pub use replica::{Durability, Preconditions, Store};
pub use ring::{Change, ChangeKind};
pub use settings::Settings;
pub use version::{NotAVersion, ResourceVersion};
pub use watch::{Expired, Watcher};
pub use writer::Writer;
