//! What every node of a cluster holds and spreads: the generations of its keys, who was admitted, who was removed.
//!
//! ```text
//!            make            rotate / remove                         overlap over
//!  (none) ─────────▶ newest ────────────────▶ older, still counts ────────────────▶ does not count
//! ```
//!
//! Each part only grows (of generations the newest [`MAX_GENERATIONS`] are kept), so that merging is a join. The newest generation is the
//! one with the greatest number, and of two that were made apart with the same number, the one with the greater hash.

use crate::certificate::{Holder, HolderError, HolderKind};
use crate::generation::{Generation, GenerationId, KeyError, Lives};
use crate::identity::Identity;
use crate::{Lifetimes, NodeName};
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A bundle larger than this is not read.
pub const MAX_BUNDLE_BYTES: usize = 4 << 20;
/// Generations that are kept. Each removal makes one.
const MAX_GENERATIONS: usize = 16;
/// Nodes ever admitted, and nodes ever removed, that are read.
const MAX_NODES: usize = 20_000;

/// A node that was removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// When: milliseconds since the epoch.
    pub at_ms: u64,
    /// What it was called.
    pub name: String,
}

/// The keys of a cluster, and who belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    cluster: String,
    /// In their order; never empty.
    generations: Vec<Generation>,
    members: BTreeMap<Identity, String>,
    denied: BTreeMap<Identity, Denied>,
}

/// Bytes that are no bundle, or one of another cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// They do not read.
    #[error("the cluster's keys cannot be read: {0}")]
    Unreadable(String),
    /// Too many of something.
    #[error("the cluster's keys are larger than anything that a node would send")]
    TooLarge,
    /// A key or certificate in it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It belongs to another cluster.
    #[error("the keys are of the cluster {theirs}, this node is of {ours}")]
    OtherCluster {
        /// Ours.
        ours: String,
        /// Theirs.
        theirs: String,
    },
}

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// Nothing was new.
    Same,
    /// Something was.
    Changed,
}

/// Why a certificate does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// It is of another cluster, or signed by nobody we know.
    #[error("the certificate is of another cluster")]
    Stranger,
    /// Its node was removed.
    #[error("{name} was removed from the cluster")]
    Denied {
        /// Its name.
        name: String,
    },
    /// Its generation does not count any more.
    #[error(
        "the certificate of {name} is of an older generation of the cluster's keys; a node joins again with a new token, a console needs a new `skiffd client-cert`"
    )]
    OldGeneration {
        /// Its name.
        name: String,
    },
    /// A console's where a node's is needed, or the reverse.
    #[error("the certificate of {name} is for another use")]
    WrongKind {
        /// Its name.
        name: String,
    },
}

impl Bundle {
    /// Makes a new cluster.
    ///
    /// # Errors
    /// [`KeyError::Make`] where no key can be made.
    pub fn make(now_ms: u64, lifetimes: &Lifetimes) -> Result<Self, KeyError> {
        let mut id = [0; 8];
        SystemRandom::new().fill(&mut id).map_err(|_| KeyError::Make("no random bytes".to_owned()))?;
        let cluster = format!("{:016x}", u64::from_be_bytes(id));
        let lives = Lives { authority_ms: lifetimes.authority_ms, overlap_ms: 0, only: None, removed: BTreeSet::new() };
        let first = Generation::make(&cluster, 1, now_ms, lives)?;
        Ok(Self { cluster, generations: vec![first], members: BTreeMap::new(), denied: BTreeMap::new() })
    }

    /// Reads one, and checks all that is in it.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::TooLarge);
        }
        let mut bundle: Self = serde_json::from_slice(bytes).map_err(|error| {
            // The text of serde's error may quote a value, and a value may be a secret: its place is enough.
            BundleError::Unreadable(format!("line {}, column {}", error.line(), error.column()))
        })?;
        if bundle.generations.len() > MAX_GENERATIONS || bundle.members.len() > MAX_NODES || bundle.denied.len() > MAX_NODES {
            return Err(BundleError::TooLarge);
        }
        if bundle.generations.is_empty() {
            return Err(BundleError::Unreadable("there is no key in it".to_owned()));
        }
        let is_id = |id: &str| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let names = bundle.members.values().chain(bundle.denied.values().map(|denied| &denied.name));
        if !is_id(&bundle.cluster) || names.into_iter().any(|name| NodeName::parse(name).is_err()) {
            return Err(BundleError::Unreadable("a name in it is none".to_owned()));
        }
        bundle.generations.iter().try_for_each(Generation::check)?;
        bundle.sort();
        Ok(bundle)
    }

    /// As bytes: with all secrets, for members and files only.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and lists always serialise")
    }

    /// The cluster's id.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The generation that signs.
    #[must_use]
    pub fn newest(&self) -> &Generation {
        self.generations.last().expect("a bundle has at least one generation: decode and make see to it")
    }

    /// The generations that count at a moment, the newest first.
    pub fn trusted(&self, now_ms: u64) -> impl Iterator<Item = &Generation> {
        let mut until_ms = u64::MAX;
        self.generations.iter().rev().filter(move |generation| {
            let counts = now_ms < until_ms;
            // Whatever is older than this one ends with its overlap, and never later than with another's in between.
            until_ms = until_ms.min(generation.created_ms.saturating_add(generation.overlap_ms));
            counts
        })
    }

    /// All that are kept.
    pub(crate) fn generations(&self) -> &[Generation] {
        &self.generations
    }

    /// Who was admitted, with their names; the removed ones are still in it.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<Identity, String> {
        &self.members
    }

    /// Who was removed.
    #[must_use]
    pub fn denied(&self) -> &BTreeMap<Identity, Denied> {
        &self.denied
    }

    /// The identities that were admitted with a name, and not removed since: a machine that was reset has another one.
    #[must_use]
    pub fn identities(&self, name: &str) -> Vec<Identity> {
        let has_name = |(identity, known): &(&Identity, &String)| known.as_str() == name && !self.is_denied(**identity);
        self.members.iter().filter(has_name).map(|(identity, _)| *identity).collect()
    }

    /// Whether a node was removed.
    #[must_use]
    pub fn is_denied(&self, identity: Identity) -> bool {
        self.denied.contains_key(&identity)
    }

    /// Notes that a node was admitted.
    pub fn admit(&mut self, identity: Identity, name: &NodeName) -> Merged {
        if self.members.contains_key(&identity) {
            return Merged::Same;
        }
        self.members.insert(identity, name.as_str().to_owned());
        Merged::Changed
    }

    /// Moves to a new generation; those before it count for [`Lifetimes::overlap_ms`].
    ///
    /// # Errors
    /// [`KeyError::Make`] where no key can be made.
    pub fn rotate(&mut self, now_ms: u64, lifetimes: &Lifetimes) -> Result<(), KeyError> {
        let removed = self.denied.keys().copied().collect();
        self.advance(
            now_ms,
            Lives { authority_ms: lifetimes.authority_ms, overlap_ms: lifetimes.overlap_ms, only: None, removed },
        )
    }

    /// Removes a node, with all identities that it has had: its certificate is refused by whoever has heard of this, and a new generation makes worthless what it knows.
    /// Those before it count for [`Lifetimes::removal_overlap_ms`], for the members of now only. Again changes nothing.
    ///
    /// # Errors
    /// [`KeyError::Make`] where no key can be made.
    pub fn remove(&mut self, gone: &[Identity], name: &NodeName, now_ms: u64, lifetimes: &Lifetimes) -> Result<Merged, KeyError> {
        if gone.iter().all(|identity| self.is_denied(*identity)) {
            return Ok(Merged::Same);
        }
        self.advance_without(gone, now_ms, lifetimes)?;
        for identity in gone {
            self.denied.entry(*identity).or_insert_with(|| Denied { at_ms: now_ms, name: name.as_str().to_owned() });
        }
        Ok(Merged::Changed)
    }

    /// Whether a node that was removed may have the keys of the newest generation: two sides of a split that removed a node each, or
    /// one of which moved to new keys, have made them without knowing of each other.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let newest = self.newest();
        self.denied.keys().any(|denied| !newest.removed.contains(denied))
    }

    /// Moves to a generation that no removed node has, where the newest is exposed.
    ///
    /// # Errors
    /// [`KeyError::Make`] where no key can be made.
    pub fn shut_out(&mut self, now_ms: u64, lifetimes: &Lifetimes) -> Result<Merged, KeyError> {
        if !self.is_exposed() {
            return Ok(Merged::Same);
        }
        self.advance_without(&[], now_ms, lifetimes).map(|()| Merged::Changed)
    }

    /// A new generation for all members but these and those who were removed before.
    fn advance_without(&mut self, gone: &[Identity], now_ms: u64, lifetimes: &Lifetimes) -> Result<(), KeyError> {
        let removed: BTreeSet<Identity> = self.denied.keys().chain(gone).copied().collect();
        let only = Some(self.members.keys().copied().filter(|identity| !removed.contains(identity)).collect());
        let (authority_ms, overlap_ms) = (lifetimes.authority_ms, lifetimes.removal_overlap_ms);
        self.advance(now_ms, Lives { authority_ms, overlap_ms, only, removed })
    }

    fn advance(&mut self, now_ms: u64, lives: Lives) -> Result<(), KeyError> {
        let number = self.newest().number.saturating_add(1);
        self.generations.push(Generation::make(&self.cluster, number, now_ms, lives)?);
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        self.generations.sort_by_key(|generation| (generation.number, generation.id()));
        self.generations.dedup_by_key(|generation| generation.id());
        let surplus = self.generations.len().saturating_sub(MAX_GENERATIONS);
        self.generations.drain(..surplus);
    }

    /// Takes what another bundle knows and this one does not.
    ///
    /// # Errors
    /// [`BundleError::OtherCluster`]; then nothing is changed.
    pub fn merge(&mut self, other: &Self) -> Result<Merged, BundleError> {
        if self.cluster != other.cluster {
            return Err(BundleError::OtherCluster { ours: self.cluster.clone(), theirs: other.cluster.clone() });
        }
        let before = self.digest();
        let known: Vec<GenerationId> = self.generations.iter().map(Generation::id).collect();
        self.generations.extend(other.generations.iter().filter(|generation| !known.contains(&generation.id())).cloned());
        self.sort();
        for (identity, name) in &other.members {
            let mine = self.members.entry(*identity).or_insert_with(|| name.clone());
            if name < mine {
                mine.clone_from(name);
            }
        }
        for (identity, denied) in &other.denied {
            let mine = self.denied.entry(*identity).or_insert_with(|| denied.clone());
            if denied < mine {
                mine.clone_from(denied);
            }
        }
        Ok(if self.digest() == before { Merged::Same } else { Merged::Changed })
    }

    /// A number that two bundles share when they say the same.
    #[must_use]
    pub fn digest(&self) -> u32 {
        let mut context = Context::new(&SHA256);
        for generation in &self.generations {
            context.update(&generation.id().0);
        }
        for (identity, name) in &self.members {
            context.update(identity.as_bytes());
            context.update(name.as_bytes());
        }
        for (identity, denied) in &self.denied {
            context.update(identity.as_bytes());
            context.update(&denied.at_ms.to_be_bytes());
            context.update(denied.name.as_bytes());
        }
        let hash = context.finish();
        let mut digest = [0; 4];
        digest.copy_from_slice(&hash.as_ref()[..4]);
        u32::from_be_bytes(digest)
    }

    /// Decides whether the holder of a certificate counts, once a signature of one of ours was found right: the rule beside TLS.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn judge(&self, holder: &Holder, wanted: Option<HolderKind>, now_ms: u64) -> Result<(), Refusal> {
        let name = || holder.name.clone();
        if holder.cluster != self.cluster {
            return Err(Refusal::Stranger);
        }
        if self.is_denied(holder.identity) {
            return Err(Refusal::Denied { name: name() });
        }
        if wanted.is_some_and(|wanted| wanted != holder.kind) {
            return Err(Refusal::WrongKind { name: name() });
        }
        let of = |generation: &&Generation| generation.subject().is_ok_and(|subject| subject == holder.issuer);
        let Some(signer) = self.trusted(now_ms).find(of) else {
            let is_known = self.generations.iter().any(|generation| of(&generation));
            return Err(if is_known { Refusal::OldGeneration { name: name() } } else { Refusal::Stranger });
        };
        let may_go_on = |generation: &Generation| generation.only.as_ref().is_none_or(|only| only.contains(&holder.identity));
        if self.later(signer).all(may_go_on) { Ok(()) } else { Err(Refusal::OldGeneration { name: name() }) }
    }

    /// The generations after this one.
    pub(crate) fn later(&self, than: &Generation) -> impl Iterator<Item = &Generation> {
        let than = (than.number, than.id());
        self.generations.iter().filter(move |generation| (generation.number, generation.id()) > than)
    }
}

#[cfg(test)]
mod tests;
