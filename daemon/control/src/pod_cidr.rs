//! Which addresses a node's pods have, decided by each node for itself: nobody hands ranges out.
//!
//! A node takes a free slot of the cluster's range and writes it into its Node object. Nodes that do not see one another may
//! take the same. Once they do, all of them decide the same way from the same objects: of nodes with overlapping ranges the one
//! that was created first keeps its own, and each of the others computes what all that have to move choose, in their order,
//! so that no two choose the same.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::Ipv4Addr;

/// An IPv4 range, its host bits zero. (The kernel's side has a type of its own, which this crate must not know.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    first: u32,
    prefix_len: u8,
}

impl Range {
    /// Reads `10.88.0.0/16`; nothing for what is no such range, or has host bits set.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix_len) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let range = Self::around(address, prefix_len.parse().ok()?)?;
        (range.first == u32::from(address)).then_some(range)
    }

    /// The range of so many leading bits around an address; nothing for more than 32.
    #[must_use]
    pub fn around(address: Ipv4Addr, prefix_len: u8) -> Option<Self> {
        if prefix_len > 32 {
            return None;
        }
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0);
        Some(Self { first: u32::from(address) & mask, prefix_len })
    }

    /// How many leading bits name it.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// Whether the two share an address.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }

    /// Whether all of the other lies in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }

    fn last(self) -> u32 {
        self.first | u32::MAX.checked_shr(u32::from(self.prefix_len)).unwrap_or(0)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.prefix_len)
    }
}

/// What ranges are chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// All pods of the cluster.
    pub cluster: Range,
    /// The length of a node's range.
    pub node_prefix_len: u8,
}

/// Every slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    plan: Plan,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { cluster, node_prefix_len } = self.plan;
        write!(
            f,
            "no /{node_prefix_len} is free in the pods' range {cluster}: remove nodes that are gone, or give all nodes a larger --cluster-cidr"
        )
    }
}

impl std::error::Error for Full {}

/// What a Node object says of its pods' addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The node's name.
    pub node: String,
    /// `creationTimestamp` of its object, in milliseconds since 1970.
    pub created_ms: i64,
    /// `podCIDR` of its object.
    pub range: Range,
}

/// A node has to take another range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The node that keeps the range, or a part of it.
    pub winner: String,
    /// Where the other goes.
    pub to: Result<Range, Full>,
}

/// A free slot for a node: it begins to look at a place that is derived from its name, so that nodes that join at the same moment
/// seldom meet.
///
/// # Errors
/// [`Full`].
pub fn choose(plan: Plan, node: &str, taken: &[Range]) -> Result<Range, Full> {
    let bits = plan.node_prefix_len.checked_sub(plan.cluster.prefix_len).filter(|bits| *bits < 32).ok_or(Full { plan })?;
    let slots = 1_u32 << bits;
    let begin = u32::try_from(hash(node) % u64::from(slots)).unwrap_or(0);
    let slot = |number: u32| {
        let first = plan.cluster.first | number.checked_shl(32 - u32::from(plan.node_prefix_len)).unwrap_or(0);
        Range { first, prefix_len: plan.node_prefix_len }
    };
    let is_free = |range: &Range| !taken.iter().any(|taken| taken.overlaps(*range));
    let mut order = (begin..slots).chain(0..begin).map(slot);
    order.find(is_free).ok_or(Full { plan })
}

/// Whether a node has to take another range, and which. `claims` are those of all nodes, its own among them, in any order.
#[must_use]
pub fn settle(plan: Plan, node: &str, claims: &[Claim]) -> Option<Move> {
    let own = claims.iter().find(|claim| claim.node == node)?;
    if !claims.iter().any(|claim| claim.node != node && claim.range.overlaps(own.range)) {
        return None;
    }
    let mut claims: Vec<&Claim> = claims.iter().collect();
    claims.sort_by_key(|claim| (claim.created_ms, &claim.node));
    let mut taken: Vec<Range> = claims.iter().map(|claim| claim.range).collect();
    let mut kept: Vec<&Claim> = Vec::with_capacity(claims.len());
    for claim in claims {
        let Some(winner) = kept.iter().find(|kept| kept.range.overlaps(claim.range)) else {
            kept.push(claim);
            continue;
        };
        let to = choose(plan, &claim.node, &taken);
        if claim.node == node {
            return Some(Move { winner: winner.node.clone(), to });
        }
        taken.extend(to);
    }
    None
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
