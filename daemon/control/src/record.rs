//! Records, and which of two is kept: merging is taking the greater one in an order that every replica agrees on.
//!
//! An object is kept as up to three records, each with one writer rule, so that nobody overwrites what is not his:
//! [`Part::Spec`] (whoever edits it), [`Part::Binding`] (a scheduler), [`Part::Status`] (the node that runs it).
//!
//! The order looks first at the *birth* of the object that a record belongs to, the version of its creation: what is said of a later
//! object of the same name counts, whatever was still being written about the earlier one. Of one object, its deletion is the last
//! word, the mark that it is to end included: a change that was made elsewhere at the same time does not bring it back. Then a specification or status wins by the
//! later version, and a binding by the *earlier* one: of two placements made apart, the pod that has run longer stays.

use crate::version::{NodeId, Version};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What a marked object's text has in it.
const MARK: &str = "\"deletionTimestamp\"";

/// Writers that a specification remembers; more only make two changes look concurrent that were not.
pub const MAX_WRITERS: usize = 16;

/// Which part of an object a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Metadata and specification, deletion mark included.
    Spec,
    /// Which node it is placed on.
    Binding,
    /// What was seen of it.
    Status,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spec, Self::Binding, Self::Status];
}

/// What names a record: the object it belongs to, and which part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// The object: `pods/default/kubia`, `nodes//node1`.
    pub object: Arc<str>,
    /// The part.
    pub part: Part,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Spec => "spec",
            Part::Binding => "binding",
            Part::Status => "status",
        };
        write!(f, "{} ({part})", self.object)
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Body {
    /// The part as JSON text.
    Json(Arc<str>),
    /// The object is gone. Kept until every replica must have heard of it. Only of [`Part::Spec`].
    Tombstone,
}

/// What becomes of the object that a specification is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// It is there. So is what a binding or status belongs to, as far as they say.
    Live,
    /// It was deleted and has a while to end: it has a `deletionTimestamp`.
    Leaving,
    /// It is gone.
    Gone,
}

impl Fate {
    /// What a record's content says of it.
    #[must_use]
    pub fn of(body: &Body) -> Self {
        let Body::Json(json) = body else { return Self::Gone };
        let is_marked = || {
            let object: Option<serde_json::Value> = serde_json::from_str(json).ok();
            object.is_some_and(|object| !object["metadata"]["deletionTimestamp"].is_null())
        };
        // Reading all of it is for the few that may be marked.
        if json.contains(MARK) && is_marked() { Self::Leaving } else { Self::Live }
    }
}

/// What decides between two records of one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The version that created the object.
    pub birth: Version,
    /// The version of this record.
    pub version: Version,
    /// Whether its object is there, leaves, or is gone.
    pub fate: Fate,
}

impl Stamp {
    /// Which of two stamps of one part is kept: the greater.
    #[must_use]
    pub fn rank(&self, part: Part, other: &Self) -> Ordering {
        let births = self.birth.cmp(&other.birth);
        let last_word = || self.fate.cmp(&other.fate);
        let versions = || match part {
            Part::Spec | Part::Status => self.version.cmp(&other.version),
            Part::Binding => other.version.cmp(&self.version),
        };
        births.then_with(last_word).then_with(versions)
    }
}

/// The newest version of each writer that a specification builds upon, itself included: two changes are concurrent where neither
/// has the other among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ancestry(BTreeMap<NodeId, (u64, u32)>);

impl Ancestry {
    /// This one, and a write on top of it.
    #[must_use]
    pub fn with(&self, version: &Version) -> Self {
        let mut writers = self.0.clone();
        let newest = writers.entry(version.node.clone()).or_default();
        *newest = (*newest).max((version.wall_ms, version.counter));
        while writers.len() > MAX_WRITERS {
            let oldest = writers.iter().min_by_key(|(_, at)| **at).map(|(node, _)| node.clone());
            if let Some(oldest) = oldest {
                writers.remove(&oldest);
            }
        }
        Self(writers)
    }

    /// Whether a version is among them.
    #[must_use]
    pub fn has(&self, version: &Version) -> bool {
        self.0.get(&version.node).is_some_and(|newest| *newest >= (version.wall_ms, version.counter))
    }

    /// The newest version of each writer.
    pub fn versions(&self) -> impl Iterator<Item = Version> {
        self.0.iter().map(|(node, (wall_ms, counter))| Version { wall_ms: *wall_ms, counter: *counter, node: node.clone() })
    }

    /// The writers with their newest version, ordered by name.
    pub fn writers(&self) -> impl Iterator<Item = (&NodeId, (u64, u32))> {
        self.0.iter().map(|(node, at)| (node, *at))
    }
}

impl FromIterator<(NodeId, (u64, u32))> for Ancestry {
    fn from_iter<I: IntoIterator<Item = (NodeId, (u64, u32))>>(writers: I) -> Self {
        Self(writers.into_iter().collect())
    }
}

/// One part of one object at one version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// What decides between this record and another.
    pub stamp: Stamp,
    /// What it builds upon; empty but for [`Part::Spec`].
    pub ancestry: Ancestry,
    /// What it says.
    pub body: Body,
}

impl Record {
    /// Which of two records of one part is kept: the greater. Two bodies of one version cannot come from one clock; should a copied
    /// disk make them, the greater body wins, so that the result is the same everywhere.
    #[must_use]
    pub fn rank(&self, part: Part, other: &Self) -> Ordering {
        self.stamp.rank(part, &other.stamp).then_with(|| (&self.body, &self.ancestry).cmp(&(&other.body, &other.ancestry)))
    }

    /// The record that both replicas keep.
    #[must_use]
    pub fn join(self, part: Part, other: Self) -> Self {
        if self.rank(part, &other).is_ge() { self } else { other }
    }

    /// Whether a specification was written without knowledge of the other, which did not know of it either.
    #[must_use]
    pub fn is_concurrent_with(&self, other: &Self) -> bool {
        !self.ancestry.has(&other.stamp.version) && !other.ancestry.has(&self.stamp.version)
    }

    /// Whether it says that the object is gone.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.stamp.fate == Fate::Gone
    }

    /// The JSON text, unless the object is gone.
    #[must_use]
    pub fn json(&self) -> Option<&Arc<str>> {
        match &self.body {
            Body::Json(json) => Some(json),
            Body::Tombstone => None,
        }
    }
}

#[cfg(test)]
mod tests;
