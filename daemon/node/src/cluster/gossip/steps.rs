//! What the changes of the store's records are to the engine, one by one.

use control::record::{RecordId, Stamp};
use store::{Origin, RecordChange};

/// What a change of a record is to the engine.
pub struct Step {
    pub sort: Sort,
    pub id: RecordId,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Local,
    Merged,
    Forgotten,
}

impl Step {
    /// One step, or two where a record was stamped anew with a lower version.
    pub fn of(change: RecordChange) -> impl Iterator<Item = Self> {
        let RecordChange { id, before, stamp, origin } = change;
        let sort = if origin == Origin::Local { Sort::Local } else { Sort::Merged };
        let outranks = |before: &Stamp| stamp.as_ref().is_none_or(|stamp| before.rank(id.part, stamp).is_gt());
        let forgotten = before.filter(outranks).map(|stamp| Self { sort: Sort::Forgotten, id: id.clone(), stamp });
        let news = stamp.map(|stamp| Self { sort, id, stamp });
        forgotten.into_iter().chain(news)
    }
}
