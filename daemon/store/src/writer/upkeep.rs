//! What the writer does beside writes: dropping what is over, setting its clock right, showing which nodes are lost.

use super::{Staged, Writer};
use crate::name::Name;
use crate::overlay::Lost;
use crate::records::Origin;
use crate::{Object, StoreError};
use control::entry::Entry;
use control::record::{Part, Record, RecordId};
use control::version::{HybridClock, Version};
use objects::Kind;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How old what the disk says of the last contact may become, in ms.
const CONTACT_EVERY_MS: u64 = 60_000;

impl Writer {
    /// Drops what is past its time, and says when to do so again.
    pub(super) fn purge(&mut self) {
        let now_ms = self.bearings.now_ms();
        let step_ms = self.settings.purge_every_ms.max(1);
        self.next_purge = Instant::now() + Duration::from_millis(step_ms - now_ms % step_ms);
        let may_forget = self.bearings.may_forget();
        let left = |(name, slot): (&Name, &crate::state::Slot)| {
            let mut cutoffs = self.settings.cutoffs(name.kind(), now_ms);
            // A node that was away must not forget what is deleted before it has dropped what others deleted and forgot.
            if name.kind() != Some(Kind::Event) && !may_forget {
                cutoffs.gone_ms = None;
            }
            let left = slot.entry.expired(&cutoffs)?;
            Some((name.clone(), Some(left).filter(|left| *left != Entry::default())))
        };
        let staged: Staged = self.read().slots().filter_map(left).collect();
        let is_contact_old = self.bearings.last_contact_ms() >= self.written.1.saturating_add(CONTACT_EVERY_MS);
        if !staged.is_empty() || is_contact_old {
            // A failure was logged; it is tried again at the next turn.
            let _ = self.replace(staged);
        }
    }

    /// Removes objects that a settled peer lacks and that were there when that peer was last heard: they were deleted meanwhile, and
    /// the deletion is forgotten. On disk when it returns; how many names were changed.
    pub(super) fn drop_stale(&mut self, ids: &[RecordId], last_contact_ms: u64) -> Result<usize, StoreError> {
        let mut staged = Staged::new();
        let state = self.read();
        for id in ids {
            let Ok(name) = Name::parse(&id.object) else { continue };
            let Some(slot) = state.slot(&name) else { continue };
            let is_stale = |record: &&Record| record.stamp.birth.wall_ms <= last_contact_ms;
            let Some(record) = slot.entry.get(id.part).filter(is_stale) else { continue };
            let left = staged.entry(name).or_insert_with(|| Some(slot.entry.clone())).get_or_insert_default();
            match id.part {
                Part::Spec => {
                    left.spec = None;
                    for part in [&mut left.binding, &mut left.status] {
                        part.take_if(|part| part.stamp.birth <= record.stamp.birth);
                    }
                }
                // What was written while this node was away about an object that is still there is news, not stale.
                Part::Binding => drop(left.binding.take_if(|part| !slot.entry.is_of_the_live(part))),
                Part::Status => drop(left.status.take_if(|part| !slot.entry.is_of_the_live(part))),
            }
        }
        staged.retain(|name, left| state.slot(name).is_some_and(|slot| left.as_ref() != Some(&slot.entry)));
        drop(state);
        for left in staged.values_mut() {
            left.take_if(|left| *left == Entry::default());
        }
        let count = staged.len();
        self.replace(staged).map(|()| count)
    }

    /// Puts entries in place of those that are there: on disk, then shown.
    fn replace(&mut self, staged: Staged) -> Result<(), StoreError> {
        let version = self.newest.borrow().after(staged.len() as u64);
        self.commit(&staged, version)?;
        let shown = self.all_shown(staged, Origin::Local);
        self.show(shown);
        Ok(())
    }

    /// Sets by how many ms our clock is ahead of the cluster's, and stamps anew what this node wrote in a future that nobody accepts;
    /// how many names that were.
    pub(super) fn correct(&mut self, ms: i64) -> Result<usize, StoreError> {
        self.is_time_known = true;
        if ms != self.bearings.correction_ms() {
            self.bearings.set_correction_ms(ms);
            self.next_purge = Instant::now();
            self.dirty_since.get_or_insert_with(Instant::now);
        }
        let now_ms = self.bearings.now_ms();
        let clock_at = Version { wall_ms: self.clock.wall_ms(), counter: 0, node: self.clock.node().clone() };
        if clock_at.check_ahead(now_ms).is_ok() {
            return Ok(0);
        }
        let mut clock = HybridClock::new(self.clock.node().clone());
        let mut ahead = Vec::new();
        for (name, slot) in self.read().slots() {
            let records = || slot.entry.records().map(|(_, record)| record);
            let versions = records().flat_map(|record| [&record.stamp.birth, &record.stamp.version]);
            let ancestors = records().flat_map(|record| record.ancestry.versions());
            let seen = versions.cloned().chain(ancestors);
            seen.filter(|version| version.check_ahead(now_ms).is_ok()).for_each(|version| clock.restore(&version));
            if records().any(|record| is_ours_ahead(record, clock.node(), now_ms)) {
                ahead.push((name.clone(), slot.entry.clone()));
            }
        }
        self.reserve(ahead.len())?;
        self.clock = clock;
        let restamped: Vec<_> = ahead.into_iter().map(|(name, entry)| (name, Some(self.restamped(entry, now_ms)))).collect();
        // Lazily: should it be lost, it is done again after the restart.
        self.put_off(restamped.iter().map(|(name, _)| name.clone()));
        let count = restamped.len();
        let shown = self.all_shown(restamped, Origin::Local);
        self.show(shown);
        Ok(count)
    }

    fn restamped(&mut self, mut entry: Entry, now_ms: u64) -> Entry {
        let node = self.clock.node().clone();
        let old_birth = entry.spec.as_ref().map(|spec| spec.stamp.birth.clone());
        let mut new_birth = None;
        for (part, slot) in
            [(Part::Spec, &mut entry.spec), (Part::Binding, &mut entry.binding), (Part::Status, &mut entry.status)]
        {
            let Some(record) = slot.as_mut().filter(|record| is_ours_ahead(record, &node, now_ms)) else { continue };
            let version = self.clock.tick(now_ms);
            if part == Part::Spec {
                let writers = record.ancestry.writers().filter(|(writer, _)| **writer != node);
                record.ancestry = writers.map(|(writer, at)| (writer.clone(), at)).collect();
                record.ancestry = record.ancestry.with(&version);
                let birth = &record.stamp.birth;
                new_birth = (birth.node == node && birth.check_ahead(now_ms).is_err()).then(|| version.clone());
            }
            if let Some(birth) = new_birth.as_ref().filter(|_| Some(&record.stamp.birth) == old_birth.as_ref()) {
                record.stamp.birth = birth.clone();
            }
            record.stamp.version = version;
        }
        entry
    }

    /// Shows the objects of these nodes as lost, and those of others as they are.
    pub(super) fn set_lost(&mut self, lost: Lost) -> Result<(), StoreError> {
        let is_changed = |node: &&String| self.lost.get(*node) != lost.get(*node);
        let changed: BTreeSet<String> = self.lost.keys().chain(lost.keys()).filter(is_changed).cloned().collect();
        let is_on = |object: &Object| object.node().is_some_and(|node| changed.contains(node));
        let state = self.read();
        let on = state.slots().filter(|(_, slot)| slot.object.as_deref().is_some_and(is_on));
        let entries: Vec<_> = on.map(|(name, slot)| (name.clone(), Some(slot.entry.clone()))).collect();
        drop(state);
        self.reserve(entries.len())?;
        self.lost = lost;
        let shown = self.all_shown(entries, Origin::Local);
        self.show(shown);
        Ok(())
    }
}

/// Whether this node wrote a record in a future that nobody accepts, or of an object that it made there.
fn is_ours_ahead(record: &Record, node: &control::version::NodeId, now_ms: u64) -> bool {
    let is_ahead = |version: &Version| version.node == *node && version.check_ahead(now_ms).is_err();
    record.stamp.version.node == *node && (is_ahead(&record.stamp.version) || is_ahead(&record.stamp.birth))
}
