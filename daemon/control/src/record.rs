//! Records and how two replicas agree on them: merging is a join.
//!
//! An object is kept as up to three records, each with one writer rule, so that nobody overwrites what is not his:
//! [`Part::Spec`] (whoever edits it), [`Part::Binding`] (a scheduler), [`Part::Status`] (the node that runs it).

use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Body {
    /// The part as JSON text.
    Json(Arc<str>),
    /// It is gone. Kept until every replica must have heard of it.
    Tombstone,
}

/// One part of one object at one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Greater versions win.
    pub version: Version,
    /// What it says.
    pub body: Body,
}

impl Record {
    /// The record that both replicas keep: the greater version. Two bodies of one version cannot come from one clock; should a
    /// copied disk make them, the greater body wins, so that the result is the same everywhere.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether it says that the part is gone.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.body == Body::Tombstone
    }

    /// The JSON text, unless the part is gone.
    #[must_use]
    pub fn json(&self) -> Option<&Arc<str>> {
        match &self.body {
            Body::Json(json) => Some(json),
            Body::Tombstone => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Record};
    use crate::version::{NodeId, Version};
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let version =
            (0..4_u64, 0..3_u32, "[ab]").prop_map(|(wall_ms, counter, node)| Version { wall_ms, counter, node: NodeId(node) });
        let body = prop_oneof![Just(Body::Tombstone), "[xy]".prop_map(|json| Body::Json(json.into()))];
        (version, body).prop_map(|(version, body)| Record { version, body })
    }

    proptest! {
        #[test]
        fn merging_is_a_join(a in record(), b in record(), c in record()) {
            prop_assert_eq!(a.clone().join(a.clone()), a.clone());
            prop_assert_eq!(a.clone().join(b.clone()), b.clone().join(a.clone()));
            prop_assert_eq!(a.clone().join(b.clone()).join(c.clone()), a.clone().join(b.clone().join(c.clone())));
            let joined = a.clone().join(b.clone());
            prop_assert!(joined >= a && joined >= b && (joined == a || joined == b));
        }

        #[test]
        fn any_order_and_any_repetition_give_the_same(mut records in prop::collection::vec(record(), 1..8), seed in any::<prop::sample::Index>()) {
            let all = |records: &[Record]| records.iter().cloned().reduce(Record::join);
            let expected = all(&records);
            let again = records[seed.index(records.len())].clone();
            records.push(again);
            let turn = seed.index(records.len());
            records.rotate_left(turn);
            records.reverse();
            prop_assert_eq!(all(&records), expected);
        }
    }
}
