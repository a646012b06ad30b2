//! The store's other face, towards the cluster: records out, records in, and what is known of time and of nodes that cannot be seen.
//!
//! The one who passes records on begins with [`Store::follow_records`] and goes on with the changes. A peer's records go in with
//! [`Store::merge`].

use crate::overlay::Lost;
use crate::records::RecordChanges;
use crate::writer::{MergeReport, Write};
use crate::{Store, StoreError};
use control::record::{Record, RecordId, Stamp};
use tokio::sync::oneshot;

impl Store {
    /// One record, as it is now.
    #[must_use]
    pub fn record(&self, id: &RecordId) -> Option<Record> {
        self.read().record(id).cloned()
    }

    /// Several records, as they are now; those that are not here are left out. All at one moment.
    #[must_use]
    pub fn records(&self, ids: impl IntoIterator<Item = RecordId>) -> Vec<(RecordId, Record)> {
        let state = self.read();
        let find = |id: RecordId| state.record(&id).cloned().map(|record| (id, record));
        ids.into_iter().filter_map(find).collect()
    }

    /// Every record's name and stamp, those of kinds that this version does not know included.
    #[must_use]
    pub fn stamps(&self) -> Vec<(RecordId, Stamp)> {
        self.read().stamps()
    }

    /// Every record's name and stamp, and the changes exactly after them.
    #[must_use]
    pub fn follow_records(&self) -> (Vec<(RecordId, Stamp)>, RecordChanges) {
        let state = self.read();
        let changes = RecordChanges { state: self.state.clone(), newest: self.newest_record.clone(), place: state.records.end() };
        (state.stamps(), changes)
    }

    /// Takes in records of other replicas, in any order, any number of times. What is kept is shown at once and on disk within
    /// [`crate::Settings::lazy_ms`]; while the disk takes nothing it is shown all the same and tried again. One bad record stops none of
    /// the others. Writes made here wait meanwhile: hand in some hundreds at a time.
    ///
    /// # Errors
    /// `Closed`.
    pub async fn merge(&self, records: Vec<(RecordId, Record)>) -> Result<MergeReport, StoreError> {
        self.ask(|answer| Write::Merge { records, answer }).await
    }

    /// Removes what a settled peer lacks, after this node was away for longer than tombstones are kept: objects that were there when a
    /// peer was last heard (ms since 1970 of the cluster's time) have been deleted since, and the deletion is forgotten. `ids` are all
    /// that the peer lacks; those of younger objects stay and are news to the peer. Watchers see the objects go. On disk when it
    /// returns; how many names it was.
    ///
    /// # Errors
    /// `Disk`: nothing was removed, do not go on; `Closed`.
    pub async fn drop_stale(&self, ids: Vec<RecordId>, last_contact_ms: u64) -> Result<usize, StoreError> {
        self.ask(|answer| Write::DropStale { ids, last_contact_ms, answer }).await
    }

    /// Sets by how many ms this machine's clock is ahead of the cluster's time: versions, and when records expire, go by the latter. Kept
    /// on disk. Call it whenever the offset was measured, also where it did not change: if records of this node are further ahead than
    /// any peer accepts ([`control::version::MAX_AHEAD_MS`]), they are stamped anew, and the answer says of how many objects.
    ///
    /// # Errors
    /// `Disk`: nothing was stamped anew, as no further version can be given; `Closed`.
    pub async fn set_clock_correction(&self, ms: i64) -> Result<usize, StoreError> {
        self.ask(|answer| Write::Correct { ms, answer }).await
    }

    /// By how many ms this machine's clock is taken to be ahead of the cluster's.
    #[must_use]
    pub fn clock_correction(&self) -> i64 {
        self.bearings.correction_ms()
    }

    /// The cluster's time, in ms since 1970, as far as we know it.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.bearings.now_ms()
    }

    /// Shows Nodes of these names, and the pods on them, as ones that do not answer, since then; and all others as their records say. It
    /// concerns this replica alone and is in no record. Watchers see each object that looks different now.
    ///
    /// # Errors
    /// `Disk`: nothing was changed, as no further version can be given; `Closed`.
    pub async fn set_lost(&self, lost: Lost) -> Result<(), StoreError> {
        self.ask(|answer| Write::SetLost { lost, answer }).await
    }

    /// Notes that a peer was heard at this moment, in ms since 1970 of the cluster's time ([`Store::now_ms`]). Cheap: it is on disk
    /// with the next write, or within about two minutes.
    pub fn note_contact(&self, ms: u64) {
        self.bearings.note_contact(ms);
    }

    /// When a peer was last heard, in ms since 1970 of the cluster's time; after a restart as it was on disk. `None` is never.
    #[must_use]
    pub fn last_contact(&self) -> Option<u64> {
        Some(self.bearings.last_contact_ms()).filter(|ms| *ms > 0)
    }

    /// Says whether tombstones may go once they are old enough: not while others exist who may not have heard of them, nor before this
    /// replica has learnt what the others did while it was away. Until it is said, one that ever heard a peer keeps them all.
    pub fn set_may_forget(&self, may_forget: bool) {
        self.bearings.set_may_forget(may_forget);
    }

    async fn ask<T>(&self, write: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Write) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writes.send(write(answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}
