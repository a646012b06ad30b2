//! The API: what a user writes and reads, as Kubernetes has it.
//!
//! Text becomes objects (`manifest`, with line and column), objects are checked and completed (`admission`), merged
//! (`apply`, `patch`), shown (`printing`, `describe`) and explained (`explain`). Nothing here does I/O or reads a clock.
//! Invariant: an object that passed admission is whole; no later layer looks for a missing or unknown field again.

pub mod admission;
pub mod apply;
pub mod describe;
pub mod duration;
pub mod ephemeral;
pub mod explain;
pub mod json;
pub mod jsonpath;
pub mod kind;
pub mod kinds;
pub mod lookup;
pub mod managed;
pub mod manifest;
pub mod names;
pub mod patch;
pub mod printing;
pub mod quantity;
pub mod scale;
mod schema;
pub mod selector;
pub mod status;
pub mod strictness;
pub mod yaml;

pub use kind::Kind;
pub use status::{Cause, Status, StatusDetails};

#[cfg(test)]
mod cases;
#[cfg(test)]
mod seeded;
