//! When records go by themselves: at round moments of the cluster's time, so that all replicas drop the same ones together.
//!
//! A replica that dropped a record while others still have it would be given it again. So what is past its cutoff is also not taken
//! from others any more, and the cutoff is a function of the time alone: replicas differ for as long as their clocks do.

use crate::entry::Entry;
use crate::record::{Part, Record};

/// How long something is kept, and how often it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// At least so long, in ms, after its last change.
    pub keep_ms: u64,
    /// It goes at a whole multiple of so many ms since 1970; 1 at the least.
    pub step_ms: u64,
}

impl Lifetime {
    /// What was last changed before this moment (ms since 1970) is to go.
    #[must_use]
    pub fn cutoff_ms(self, now_ms: u64) -> u64 {
        (now_ms - now_ms % self.step_ms.max(1)).saturating_sub(self.keep_ms)
    }
}

/// The cutoffs of one kind of object, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// Of objects that are there, where the kind expires.
    pub live_ms: Option<u64>,
    /// Of tombstones, and of bindings and statuses whose object is not there; `None` keeps them all.
    pub gone_ms: Option<u64>,
}

impl Entry {
    /// Whether a record that came in is past its time. A binding or status is so only as long as its object is not there: it is taken
    /// when it is offered again after the specification.
    #[must_use]
    pub fn is_expired(&self, part: Part, record: &Record, cutoffs: &Cutoffs) -> bool {
        let limit = match part {
            Part::Spec if !record.is_tombstone() => cutoffs.live_ms,
            Part::Binding | Part::Status if self.is_of_the_live(record) => None,
            Part::Spec | Part::Binding | Part::Status => cutoffs.gone_ms,
        };
        limit.is_some_and(|limit| record.stamp.version.wall_ms < limit)
    }

    /// What is left of it; `None` where that is all of it.
    #[must_use]
    pub fn expired(&self, cutoffs: &Cutoffs) -> Option<Self> {
        let is_over = |part| self.get(part).is_some_and(|record| self.is_expired(part, record, cutoffs));
        let mut left = self.clone();
        if is_over(Part::Spec) {
            // What belonged to it goes with it.
            let birth = left.spec.take().map(|spec| spec.stamp.birth);
            for slot in [&mut left.binding, &mut left.status] {
                slot.take_if(|record| Some(&record.stamp.birth) == birth.as_ref());
            }
        }
        if is_over(Part::Binding) {
            left.binding = None;
        }
        if is_over(Part::Status) {
            left.status = None;
        }
        (left != *self).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cutoffs, Lifetime};
    use crate::entry::Entry;
    use crate::record::{Ancestry, Body, Fate, Record, Stamp};
    use crate::version::Version;

    fn at(wall_ms: u64) -> Version {
        Version { wall_ms, counter: 0, node: "a".into() }
    }

    fn record(birth: u64, wall_ms: u64, body: Body) -> Record {
        let stamp = Stamp { birth: at(birth), version: at(wall_ms), fate: Fate::of(&body) };
        Record { stamp, ancestry: Ancestry::default(), body }
    }

    fn json() -> Body {
        Body::Json("{}".into())
    }

    #[test]
    fn a_cutoff_moves_in_whole_steps() {
        let lifetime = Lifetime { keep_ms: 100, step_ms: 60 };
        assert_eq!([0, 100, 179, 180, 239, 240].map(|now_ms| lifetime.cutoff_ms(now_ms)), [0, 0, 20, 80, 80, 140]);
    }

    #[test]
    fn tombstones_and_what_waits_for_an_object_go_and_what_belongs_to_one_stays() {
        let cutoffs = Cutoffs { live_ms: None, gone_ms: Some(50) };
        let live =
            Entry { spec: Some(record(1, 1, json())), binding: Some(record(1, 2, json())), status: Some(record(9, 9, json())) };
        assert_eq!(live.expired(&cutoffs), Some(Entry { status: None, ..live.clone() }));
        let gone = Entry { spec: Some(record(1, 49, Body::Tombstone)), binding: None, status: Some(record(60, 60, json())) };
        assert_eq!(gone.expired(&cutoffs), Some(Entry { spec: None, ..gone.clone() }));
        let young = Entry { spec: Some(record(1, 50, Body::Tombstone)), ..Entry::default() };
        assert_eq!(young.expired(&cutoffs), None);
        assert_eq!(gone.expired(&Cutoffs { live_ms: None, gone_ms: None }), None);
    }

    #[test]
    fn an_object_of_a_kind_that_expires_goes_with_all_that_belongs_to_it() {
        let cutoffs = Cutoffs { live_ms: Some(50), gone_ms: Some(5) };
        let entry = Entry { spec: Some(record(1, 49, json())), binding: None, status: Some(record(1, 60, json())) };
        assert_eq!(entry.expired(&cutoffs), Some(Entry::default()));
    }
}
