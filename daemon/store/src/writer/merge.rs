//! Taking in the records of other replicas.

use super::Writer;
use crate::entry;
use crate::name::Name;
use crate::records::Origin;
use control::entry::{Entry, Merged};
use control::record::{Fate, MAX_WRITERS, Part, Record, RecordId, Stamp};
use control::version::{TooFarAhead, Version};
use std::collections::BTreeMap;

/// The longest name of a node, in bytes: that of a DNS name.
const MAX_NODE_BYTES: usize = 253;

/// What became of records that came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// Of each record, in the order in which they came.
    pub outcomes: Vec<MergeOutcome>,
    /// Changes that this node had made and that lost against what came: to be told as events.
    pub lost: Vec<LostWrite>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is kept and shown, and on disk soon.
    Kept,
    /// It was known, or something greater is.
    Known,
    /// It was not taken.
    Refused(Refusal),
}

/// Why a record was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its writer's clock is wrong, or ours: more than [`control::version::MAX_AHEAD_MS`] ahead. It is taken once its time has come.
    #[error("it is {ahead_ms} ms ahead of our clock")]
    TooFarAhead {
        /// By so much.
        ahead_ms: u64,
    },
    /// It is an event, a tombstone, or a part of an object that is not here, and all replicas drop those of its age. (A part is taken
    /// when it is offered again after its specification.)
    #[error("it is so old that all replicas forget it")]
    Expired,
    /// It is no record that this version could have been sent.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    /// The disk takes nothing and has not for long, so that nothing more can be shown either. Send it again later.
    #[error("the store cannot be written")]
    Disk,
}

/// A change that lost against another that was made elsewhere without knowledge of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostWrite {
    /// Whose.
    pub id: RecordId,
    /// What was written here.
    pub lost: Record,
    /// What stands in its place.
    pub winner: Stamp,
}

impl From<TooFarAhead> for Refusal {
    fn from(TooFarAhead { ahead_ms }: TooFarAhead) -> Self {
        Self::TooFarAhead { ahead_ms }
    }
}

/// The entries that a batch changes.
type MergedEntries = BTreeMap<Name, Entry>;

impl Writer {
    /// Takes records in: shown at once, on disk soon, since the peers that have them would give them again.
    pub(super) fn merge(&mut self, records: Vec<(RecordId, Record)>) -> MergeReport {
        let mut report = MergeReport { outcomes: vec![MergeOutcome::Refused(Refusal::Disk); records.len()], lost: Vec::new() };
        if self.reserve(records.len()).is_err() {
            return report;
        }
        let mut records: Vec<_> = records.into_iter().enumerate().collect();
        // Specifications first: an old binding or status is only taken where its object is.
        records.sort_by_key(|(_, (id, _))| id.part);
        let mut merged = MergedEntries::new();
        for (index, (id, record)) in records {
            let outcome = self.take(id, record, &mut merged, &mut report.lost);
            report.outcomes[index] = outcome.unwrap_or_else(MergeOutcome::Refused);
        }
        self.put_off(merged.keys().cloned());
        let shown = self.all_shown(merged.into_iter().map(|(name, entry)| (name, Some(entry))), Origin::Remote);
        self.show(shown);
        report
    }

    fn take(
        &mut self,
        id: RecordId,
        record: Record,
        merged: &mut MergedEntries,
        lost: &mut Vec<LostWrite>,
    ) -> Result<MergeOutcome, Refusal> {
        let name = Name::parse(&id.object).map_err(Refusal::Malformed)?;
        let is_known = |entry: &Entry| entry.get(id.part).is_some_and(|known| known.rank(id.part, &record).is_ge());
        let state = self.read();
        let before = merged.get(&name).or_else(|| state.slot(&name).map(|slot| &slot.entry));
        if before.is_some_and(is_known) {
            return Ok(MergeOutcome::Known);
        }
        let mut entry = before.cloned().unwrap_or_default();
        drop(state);
        check(&name, id.part, &record).map_err(Refusal::Malformed)?;
        let now_ms = self.bearings.now_ms();
        for version in [&record.stamp.birth, &record.stamp.version] {
            self.check_ahead(version, now_ms)?;
        }
        if entry.is_expired(id.part, &record, &self.settings.cutoffs(name.kind(), now_ms)) {
            return Err(Refusal::Expired);
        }
        let stamp = record.stamp.clone();
        let Merged::Kept { lost: loser } = entry.merge(id.part, record) else { return Ok(MergeOutcome::Known) };
        self.clock.restore(&stamp.birth);
        self.clock.restore(&stamp.version);
        if let Some(loser) = loser.filter(|loser| loser.stamp.version.node == *self.clock.node()) {
            lost.push(LostWrite { id, lost: *loser, winner: stamp });
        }
        merged.insert(name, entry);
        Ok(MergeOutcome::Kept)
    }

    /// Until the cluster's time is known, what this node itself wrote counts whatever the clock says: it comes back after the disk was
    /// lost, and the clock with it. Later an own version far ahead can only be from a clock that ran ahead, as anybody's.
    fn check_ahead(&self, version: &Version, now_ms: u64) -> Result<(), TooFarAhead> {
        if version.node == *self.clock.node() && !self.is_time_known { Ok(()) } else { version.check_ahead(now_ms) }
    }
}

/// Whether it is a record as a replica writes them; what passes here can be stored and shown.
fn check(name: &Name, part: Part, record: &Record) -> Result<(), &'static str> {
    let Stamp { birth, version, fate } = &record.stamp;
    if *fate != Fate::of(&record.body) || (*fate != Fate::Live && part != Part::Spec) {
        return Err("its stamp and its content differ in whether the object is gone");
    }
    let mut nodes = [&birth.node, &version.node].into_iter().chain(record.ancestry.writers().map(|(node, _)| node));
    if !nodes.all(|node| (1..=MAX_NODE_BYTES).contains(&node.as_str().len())) || record.ancestry.writers().count() > MAX_WRITERS {
        return Err("its writers' names are empty, too long, or too many");
    }
    match (record.json(), name.key()) {
        (Some(json), Some(key)) => entry::check(part, json, key),
        (Some(json), None) => serde_json::from_str::<serde::de::IgnoredAny>(json).map(drop).map_err(|_| "it is no JSON"),
        (None, _) => Ok(()),
    }
}
