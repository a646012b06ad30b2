//! How a machine becomes a node: it shows a token, and is told the cluster's keys.
//!
//! ```text
//!  joiner                                                  any node
//!    │ QUIC, skiff-join/1: believes the authority that the token names, shows no certificate
//!    │── token, name, identity, the pods' addresses ────────▶│ is the token good? is the name free? are they ours?
//!    │◀───────────── keys, members, the pods' addresses ──────│ notes the identity among the members
//!    │ keeps the keys, and signs its own certificate with them
//! ```

mod answer;
mod ask;

pub use answer::{Doorman, Member, Welcome};
pub(super) use answer::{Joins, serve};
pub use ask::{JoinError, JoinRequest, Joined, join};

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a join may take with one node.
const LONGEST: Duration = Duration::from_secs(10);
/// A request longer than this is not read.
const MAX_REQUEST: usize = 16 << 10;
/// An answer longer than this is not read.
const MAX_ANSWER: usize = pki::MAX_BUNDLE_BYTES + (4 << 20);

/// What a joiner says.
#[derive(Serialize, Deserialize)]
struct Request {
    token: String,
    name: String,
    identity: pki::Identity,
    /// All pods' addresses as the joiner is set to; they have to be those of the cluster.
    #[serde(default)]
    cluster_cidr: Option<String>,
}

/// What it is answered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Admitted { bundle: Box<serde_json::value::RawValue>, welcome: Welcome },
    Refused { message: String },
}

#[cfg(test)]
mod tests;
