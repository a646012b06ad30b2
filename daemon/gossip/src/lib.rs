//! The cluster's protocol without sockets: membership, spreading of fresh records, anti-entropy.

mod counters;
mod engine;
mod fresh;
mod index;
mod io;
mod key;
mod member;
mod pull;
mod recent;
mod reconcile;
mod ring;
mod rounds;
mod seek;
mod serve;
mod settle;
mod spread;
mod standing;
mod swim;
mod timers;
mod wire;

pub use counters::Counters;
pub use engine::Engine;
pub use index::Digest;
pub use io::{Config, Input, Merged, Outcome, Output};
pub use key::Key;
pub use member::{Identity, MAX_MEMBERS, Member, State};
pub use standing::Standing;
pub use wire::{Datagram, MAX_DATAGRAM_BYTES, MAX_MESSAGE_BYTES, Malformed, Meeting, Message, Named, Summary, Turn, VERSION};
