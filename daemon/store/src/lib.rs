//! The local replica: every object this node knows, in memory for reading and on disk before a write is acknowledged.
//!
//! - **One writer thread** takes [`Store`]'s requests from a bounded queue, does as many as wait in one transaction, and answers
//!   after its one `fsync` (group commit). Readers share an index of finished JSON and never wait for the disk.
//! - **Spec, binding and delete are durable before the answer.** A status may be written with [`Durability::Soon`]: visible at once,
//!   on disk with the next commit, at the latest [`Settings::lazy_ms`] later. The node can make it again from what runs.
//! - **`resourceVersion`** is this replica's sequence, with the epoch of the database in its upper bits: it grows with every change,
//!   never repeats, also after a crash, and one of another database is recognised.
//! - **A watcher** holds a position, not a queue: it reads a bounded ring of recent changes, and one that fell out of it is told
//!   to list again ([`Expired`], Kubernetes' 410). The ring is empty after a restart, so every older version is expired then.
//! - **A damaged database** is set aside under another name and what can be read of it is carried over; see [`Damage`].

mod error;
mod object;
mod settings;
mod version;
mod watch;
mod replica;

pub use control::record::Key;
pub use error::{Damage, OpenError, StoreError};
pub use object::{List, Object};
pub use replica::{Durability, Preconditions, Store};
pub use settings::Settings;
pub use version::ResourceVersion;
pub use watch::{Change, ChangeKind, Expired, Watcher};
