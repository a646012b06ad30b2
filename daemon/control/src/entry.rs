//! One object as its records: what is kept of them when another replica's come in.

use crate::record::{Part, Record};

/// The records of one object. A binding or status may come before the specification that it belongs to, and waits for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Metadata and specification, or the tombstone.
    pub spec: Option<Record>,
    /// Where it is placed.
    pub binding: Option<Record>,
    /// What was seen of it.
    pub status: Option<Record>,
}

/// What became of a record that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// It is kept. `lost` is the specification it replaced, where that was written without knowledge of this one.
    Kept {
        /// A change that lost against this one.
        lost: Option<Box<Record>>,
    },
    /// It was known, or something greater is, or its object is gone.
    Known,
}

impl Entry {
    /// Takes in a record of another replica. Any order of calls, repeated or not, ends in the same entry.
    pub fn merge(&mut self, part: Part, record: Record) -> Merged {
        if part != Part::Spec && self.is_of_the_past(&record) {
            return Merged::Known;
        }
        let slot = self.slot(part);
        if slot.as_ref().is_some_and(|known| known.rank(part, &record).is_ge()) {
            return Merged::Known;
        }
        let before = slot.replace(record);
        if part != Part::Spec {
            return Merged::Kept { lost: None };
        }
        self.forget_the_past();
        let lost = before.filter(|before| self.spec.as_ref().is_some_and(|now| now.is_concurrent_with(before)));
        Merged::Kept { lost: lost.map(Box::new) }
    }

    /// A part's record.
    #[must_use]
    pub fn get(&self, part: Part) -> Option<&Record> {
        match part {
            Part::Spec => self.spec.as_ref(),
            Part::Binding => self.binding.as_ref(),
            Part::Status => self.status.as_ref(),
        }
    }

    /// Whether there is an object.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| !spec.is_tombstone())
    }

    /// Its records.
    pub fn records(&self) -> impl Iterator<Item = (Part, &Record)> {
        Part::ALL.into_iter().filter_map(|part| Some((part, self.get(part)?)))
    }

    /// Whether a binding or status belongs to the object that is there.
    #[must_use]
    pub fn is_of_the_live(&self, record: &Record) -> bool {
        self.is_live() && self.spec.as_ref().is_some_and(|spec| spec.stamp.birth == record.stamp.birth)
    }

    fn slot(&mut self, part: Part) -> &mut Option<Record> {
        match part {
            Part::Spec => &mut self.spec,
            Part::Binding => &mut self.binding,
            Part::Status => &mut self.status,
        }
    }

    /// Whether a binding or status belongs to an object that is gone, or was followed by another of its name.
    fn is_of_the_past(&self, record: &Record) -> bool {
        self.spec.as_ref().is_some_and(|spec| {
            let (ours, theirs) = (&spec.stamp.birth, &record.stamp.birth);
            theirs < ours || (spec.is_tombstone() && theirs == ours)
        })
    }

    fn forget_the_past(&mut self) {
        for part in [Part::Binding, Part::Status] {
            if self.get(part).is_some_and(|record| self.is_of_the_past(record)) {
                *self.slot(part) = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Merged};
    use crate::record::{Ancestry, Body, Fate, Part, Record, Stamp};
    use crate::version::Version;
    use proptest::prelude::*;

    fn at(wall_ms: u64, node: &str) -> Version {
        Version { wall_ms, counter: 0, node: node.into() }
    }

    fn written() -> impl Strategy<Value = (Part, Record)> {
        let part = prop_oneof![Just(Part::Spec), Just(Part::Binding), Just(Part::Status)];
        (part, 1..4_u64, 1..9_u64, "[ab]", any::<bool>()).prop_map(|(part, birth, wall_ms, node, is_gone)| {
            let is_tombstone = is_gone && part == Part::Spec;
            let version = at(birth + wall_ms, &node);
            let body = if is_tombstone { Body::Tombstone } else { Body::Json("{}".into()) };
            let ancestry = if part == Part::Spec { Ancestry::default().with(&version) } else { Ancestry::default() };
            (part, Record { stamp: Stamp { birth: at(birth, "a"), version, fate: Fate::of(&body) }, ancestry, body })
        })
    }

    fn merged(records: &[(Part, Record)]) -> Entry {
        let mut entry = Entry::default();
        for (part, record) in records {
            entry.merge(*part, record.clone());
        }
        entry
    }

    proptest! {
        #[test]
        fn every_order_ends_in_the_same_entry(records in prop::collection::vec(written(), 1..10), turn in any::<prop::sample::Index>()) {
            let expected = merged(&records);
            let mut others = records.clone();
            others.push(records[turn.index(records.len())].clone());
            others.rotate_left(turn.index(records.len()));
            prop_assert_eq!(&merged(&others), &expected);
            others.reverse();
            prop_assert_eq!(&merged(&others), &expected);
            // Two replicas that exchange what they kept agree, too.
            let (left, right) = others.split_at(others.len() / 2);
            let (mut left, right) = (merged(left), merged(right));
            for (part, record) in right.records() {
                left.merge(part, record.clone());
            }
            prop_assert_eq!(&left, &expected);
        }

        #[test]
        fn what_is_deleted_has_neither_binding_nor_status(records in prop::collection::vec(written(), 1..10)) {
            let entry = merged(&records);
            if let Some(spec) = entry.spec.as_ref().filter(|spec| spec.is_tombstone()) {
                for (_, record) in entry.records().skip(1) {
                    prop_assert!(record.stamp.birth > spec.stamp.birth);
                }
            }
        }
    }

    #[test]
    fn a_change_that_loses_is_told_once() {
        let write = |before: &Ancestry, version: Version| Record {
            stamp: Stamp { birth: at(1, "a"), version: version.clone(), fate: Fate::Live },
            ancestry: before.with(&version),
            body: Body::Json("{}".into()),
        };
        let first = write(&Ancestry::default(), at(1, "a"));
        let (left, right) = (write(&first.ancestry, at(2, "a")), write(&first.ancestry, at(3, "b")));
        let mut entry = Entry::default();
        assert_eq!(entry.merge(Part::Spec, first), Merged::Kept { lost: None });
        assert_eq!(entry.merge(Part::Spec, left.clone()), Merged::Kept { lost: None });
        assert_eq!(entry.merge(Part::Spec, right.clone()), Merged::Kept { lost: Some(Box::new(left.clone())) });
        assert_eq!(entry.merge(Part::Spec, left), Merged::Known);
        assert_eq!(entry.merge(Part::Spec, right), Merged::Known);
    }
}
