//! The cluster's protocol without sockets: membership, spreading of fresh records, anti-entropy.
//!
//! [`Engine::step`] takes what happened ([`Input`]) and answers with what is to be done ([`Output`]); `node` performs it, `sim` performs it
//! in virtual time. Nothing here reads a clock, a socket, a file or a random source: time and a seed are handed in, so that the same inputs
//! give the same outputs, and a failing seed repeats.
//!
//! ```text
//!   store -- Changed --> +--------------------------------------------+ -- Datagram --> sealed UDP
//!   store <-- Merge ---- | seek: who is there (foca)                  | <- Datagram --
//!   store -- Merged ---> | spread: a fresh batch, handed on in ranges |
//!   store <-- Load ----- | fresh: what was named and is missing       | -- Message ---> QUIC
//!   store -- Loaded ---> | rounds, reconcile, pull: what differs      | <- Message ---- (in order, or Unreachable)
//!   store <-- Review --- | settle: who was away too long              |
//!                        +--------------------------------------------+ -- Member, Settled --> node
//! ```
//!
//! A write takes this way: `Changed` -> `Message::Push` to at most four members, each with a range of the ring to serve -> each hands it on
//! within its range at once and lets its store merge it. 60 to 100 ms later everybody names what it got to two others
//! (`Datagram::Fresh`); who lacks it asks (`Want`, `Give`). Each second everybody compares a digest with somebody; what still differs a moment
//! later is found by negentropy, and pulled. The last step alone makes it certain, the others make it fast.
//!
//! | datagram | what for |
//! |---|---|
//! | `Swim` | foca's packets: probes, news of members |
//! | `Seek`, `Found` | joining, and sides that lost each other; both learn which of their lives was called dead |
//! | `Doubt` | tells a suspect of the suspicion, so that it can refute |
//! | `Leave` | a polite end |
//! | `Digest` | count and sum of the hashes of all records; a sum of the members |
//! | `Fresh` | names of fresh records |
//!
//! | message | what for |
//! |---|---|
//! | `Push` | a fresh batch, with the place until which the receiver hands it on |
//! | `Want`, `Give` | records that somebody lacks, at the receiver's pace |
//! | `Reconcile`, `Answer`, `Refuse`, `Have` | two sets that differ |
//! | `Roll` | members, where two know different ones |
//!
//! Timers, all in one queue ([`Engine::wake_at`]): foca's own; `Seek` (0.5 s while somebody is lost, else 5 s), `Digest` (1 s), `Differs` (0.2 s after
//! a comparison), `Fresh`, `Pull`, and a sweep that gives up what takes too long.
//!
//! Invariants:
//! - The index mirrors the store: what the store keeps of a record, the index knows by name and stamp, and nothing else.
//! - Everything that is kept is bounded; what a limit lets go is found again by a later round, and counted.
//! - Whatever comes in, nothing panics: what is wrong is counted and dropped.
//! - What was deleted stays deleted: who was away for longer than deletions are remembered says nothing before it has compared its records
//!   with a settled node, and who sees nobody forgets no deletion ([`Engine::may_forget`]). Two halves that are apart for longer than
//!   that, each with company, cannot know: what one deleted and forgot lives again if the other still has it.
//! - Two bodies under one stamp, which no clock gives out, look equal here.

mod counters;
mod engine;
mod follow;
mod fresh;
mod index;
mod io;
mod key;
mod member;
mod pack;
mod pull;
mod recent;
mod reconcile;
mod ring;
mod roll;
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
pub use roll::Roll;
pub use standing::Standing;
pub use wire::{Datagram, MAX_DATAGRAM_BYTES, MAX_MESSAGE_BYTES, Malformed, Meeting, Message, Named, Summary, Turn, VERSION};
