//! The one that changes things: takes all writes that wait, checks them, commits them with one sync, shows them, answers.

mod check;
mod merge;
mod upkeep;

pub use merge::{LostWrite, MergeOutcome, MergeReport, Refusal};

use crate::bearings::Bearings;
use crate::commits::Commits;
use crate::disk::{Batch, Disk, RESERVE};
use crate::entry::Composed;
use crate::name::Name;
use crate::overlay::Lost;
use crate::records::Origin;
use crate::state::{Shown, State};
use crate::{Durability, Key, Object, Preconditions, ResourceVersion, Settings, StoreError};
use check::Outcome;
use control::entry::Entry;
use control::record::{Record, RecordId};
use control::version::HybridClock;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

/// As many writes share a commit at the most.
const BATCH: usize = 512;

pub type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What a caller asks of the writer.
#[derive(Debug)]
pub enum Write {
    Change { key: Key, operation: Operation, only_if: Preconditions, durability: Durability, answer: Answer<Arc<Object>> },
    Merge { records: Vec<(RecordId, Record)>, answer: Answer<MergeReport> },
    DropStale { ids: Vec<RecordId>, last_contact_ms: u64, answer: Answer<usize> },
    Correct { ms: i64, answer: Answer<usize> },
    SetLost { lost: Lost, answer: Answer<()> },
    Flush(Answer<()>),
    Close,
}

/// A change of one object.
#[derive(Debug)]
pub enum Operation {
    Create { object: Value },
    Restore { object: Value },
    Establish { object: Value },
    Update { object: Value },
    Status { status: Value },
    Bind { node: String },
    Delete,
}

/// What a batch makes of each name so far; `None` leaves no trace.
type Staged = BTreeMap<Name, Option<Entry>>;

/// A change that waits for its answer.
type Waiting = (Key, Operation, Preconditions, Durability, Answer<Arc<Object>>);

/// See the module.
#[derive(Debug)]
pub struct Writer {
    disk: Disk,
    clock: HybridClock,
    settings: Settings,
    bearings: Arc<Bearings>,
    state: Arc<RwLock<State>>,
    newest: watch::Sender<ResourceVersion>,
    newest_record: watch::Sender<u64>,
    writes: mpsc::Receiver<Write>,
    commits: Arc<Commits>,
    /// Shown, but not on disk yet.
    dirty: BTreeSet<Name>,
    dirty_since: Option<Instant>,
    reserved: ResourceVersion,
    /// The bearings as they are on disk.
    written: (i64, u64),
    /// Nodes whose objects are shown as lost.
    lost: Lost,
    /// Whether the cluster's time was heard of since the store was opened.
    is_time_known: bool,
    next_purge: Instant,
}

/// What the writer tells readers through.
pub struct Channels {
    pub state: Arc<RwLock<State>>,
    pub newest: watch::Sender<ResourceVersion>,
    pub newest_record: watch::Sender<u64>,
    pub writes: mpsc::Receiver<Write>,
    pub commits: Arc<Commits>,
}

impl Writer {
    pub(crate) fn new(
        (disk, clock): (Disk, HybridClock),
        settings: Settings,
        bearings: Arc<Bearings>,
        channels: Channels,
    ) -> Self {
        let Channels { state, newest, newest_record, writes, commits } = channels;
        let reserved = newest.borrow().after(RESERVE);
        Self {
            disk,
            clock,
            settings,
            written: (bearings.correction_ms(), bearings.last_contact_ms()),
            bearings,
            state,
            reserved,
            newest,
            newest_record,
            writes,
            commits,
            dirty: BTreeSet::new(),
            dirty_since: None,
            lost: Lost::new(),
            is_time_known: false,
            next_purge: Instant::now(),
        }
    }

    /// Works until every [`crate::Store`] is dropped, or one is closed; then all is on disk. Blocks: give it a thread of its own.
    ///
    /// # Errors
    /// The thread cannot have a timer.
    pub fn run(mut self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            let mut waiting = Vec::new();
            loop {
                if Instant::now() >= self.next_purge {
                    self.purge();
                }
                let lazy = Duration::from_millis(self.settings.lazy_ms);
                let deadline = self.dirty_since.map_or(self.next_purge, |since| (since + lazy).min(self.next_purge));
                match timeout_at(deadline, self.writes.recv_many(&mut waiting, BATCH)).await {
                    Ok(0) => break,
                    Ok(_) => {
                        if self.handle(waiting.drain(..)) {
                            break;
                        }
                    }
                    Err(_) => {}
                }
                // Also where writes come without a pause: a deadline is looked at only once nothing waits. What could not be written
                // stays dirty, and was logged.
                if self.dirty_since.is_some_and(|since| since + lazy <= Instant::now()) {
                    let _ = self.commit_dirty();
                }
            }
            drop(self.commit_dirty());
        });
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what waits; whether the store is to be closed. What comes from others is done first: where the disk takes nothing it is
    /// shown all the same, while changes made here are refused, and the two must not stand upon one another.
    fn handle(&mut self, writes: impl Iterator<Item = Write>) -> bool {
        let mut changes = Vec::new();
        let mut flushes = Vec::new();
        let mut is_closing = false;
        for write in writes {
            // A caller that went away wants no answer.
            match write {
                Write::Change { key, operation, only_if, durability, answer } => {
                    changes.push((key, operation, only_if, durability, answer));
                }
                Write::Merge { records, answer } => drop(answer.send(Ok(self.merge(records)))),
                Write::DropStale { ids, last_contact_ms, answer } => drop(answer.send(self.drop_stale(&ids, last_contact_ms))),
                Write::Correct { ms, answer } => drop(answer.send(self.correct(ms))),
                Write::SetLost { lost, answer } => drop(answer.send(self.set_lost(lost))),
                Write::Flush(answer) => flushes.push(answer),
                Write::Close => is_closing = true,
            }
        }
        self.change(changes, flushes);
        is_closing
    }

    fn change(&mut self, changes: Vec<Waiting>, flushes: Vec<Answer<()>>) {
        let mut is_lazy = flushes.is_empty();
        let mut staged = Staged::new();
        let mut version = *self.newest.borrow();
        let mut done = Vec::new();
        for (key, operation, only_if, durability, answer) in changes {
            match self.check((key, operation), &only_if, &staged, version.next()) {
                Ok(Outcome::Change(shown, object)) => {
                    version = version.next();
                    is_lazy &= durability == Durability::Soon;
                    staged.insert(shown.name.clone(), shown.entry.clone());
                    done.push((*shown, object, answer));
                }
                Ok(Outcome::Same(object)) => drop(answer.send(Ok(object))),
                Err(error) => drop(answer.send(Err(error))),
            }
        }
        let result = self.keep(staged, version, is_lazy);
        match &result {
            Ok(()) => {
                let (shown, answers): (Vec<_>, Vec<_>) =
                    done.into_iter().map(|(shown, object, answer)| (shown, (object, answer))).unzip();
                self.show(shown);
                answers.into_iter().for_each(|(object, answer)| drop(answer.send(Ok(object))));
            }
            Err(error) => done.into_iter().for_each(|(.., answer)| drop(answer.send(Err(error.clone())))),
        }
        for answer in flushes {
            let _ = answer.send(result.clone());
        }
    }

    /// Puts a batch on disk, or notes that it has to be.
    fn keep(&mut self, staged: Staged, version: ResourceVersion, is_lazy: bool) -> Result<(), StoreError> {
        // Versions that were not reserved on disk must not be shown: a crash would give them again.
        if !is_lazy || version >= self.reserved {
            return self.commit(&staged, version);
        }
        self.put_off(staged.into_keys());
        Ok(())
    }

    /// Sees to it that so many more versions may be shown.
    fn reserve(&mut self, changes: usize) -> Result<(), StoreError> {
        let version = self.newest.borrow().after(changes as u64);
        if version < self.reserved { Ok(()) } else { self.commit(&Staged::new(), version) }
    }

    /// Notes that names are to be written soon.
    fn put_off(&mut self, names: impl Iterator<Item = Name>) {
        let before = self.dirty.len();
        self.dirty.extend(names);
        if self.dirty.len() > before {
            self.dirty_since.get_or_insert_with(Instant::now);
        }
    }

    fn show(&self, shown: Vec<Shown>) {
        if shown.is_empty() {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for one in shown {
            state.show(one);
        }
        let (version, end) = (state.version, state.records.end());
        drop(state);
        self.newest.send_if_modified(|newest| std::mem::replace(newest, version) != version);
        self.newest_record.send_if_modified(|newest| std::mem::replace(newest, end) != end);
    }

    /// What readers are to be shown of a name that has these records from now on; the version that was used for it.
    fn shown(&self, name: Name, entry: Option<Entry>, (version, origin): (ResourceVersion, Origin)) -> Shown {
        let entry = entry.filter(|entry| *entry != Entry::default());
        let state = self.read();
        let before = state.slot(&name);
        let shown_before = before.and_then(|slot| slot.object.as_deref());
        let result = match (name.key(), before.map(|slot| &slot.entry), entry.as_ref().filter(|entry| entry.is_live())) {
            (Some(key), _, Some(entry)) => {
                self.compose(entry, key).and_then(|composed| composed.finish_if_new(shown_before, version.next()))
            }
            (Some(key), Some(gone), None) if shown_before.is_some() => {
                self.compose(gone, key).and_then(|composed| composed.finish(version.next())).map(Some)
            }
            _ => Ok(None),
        };
        drop(state);
        let object = result.unwrap_or_else(|why| {
            // Every record was checked before it was kept.
            tracing::error!(object = %name.to_object(), why, "an object cannot be put together of its records");
            None
        });
        Shown { name, entry, object, origin }
    }

    /// What readers are to be shown of several names, with versions one after another.
    fn all_shown(&self, entries: impl IntoIterator<Item = (Name, Option<Entry>)>, origin: Origin) -> Vec<Shown> {
        let mut version = *self.newest.borrow();
        let show = |(name, entry)| {
            let shown = self.shown(name, entry, (version, origin));
            version = shown.object.as_ref().map_or(version, |object| object.resource_version());
            shown
        };
        entries.into_iter().map(show).collect()
    }

    fn compose(&self, entry: &Entry, key: &Key) -> Result<Composed, &'static str> {
        Composed::of(entry, key).and_then(|composed| composed.covered(&self.lost))
    }

    fn commit_dirty(&mut self) -> Result<(), StoreError> {
        let version = *self.newest.borrow();
        self.commit(&Staged::new(), version)
    }

    /// Puts the staged entries and everything dirty on disk; versions up to this one may be shown then.
    fn commit(&mut self, staged: &Staged, version: ResourceVersion) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let state = self.read();
        for name in self.dirty.iter().filter(|name| !staged.contains_key(*name)) {
            batch.put(name, state.slot(name).map(|slot| &slot.entry));
        }
        drop(state);
        for (name, entry) in staged {
            batch.put(name, entry.as_ref());
        }
        let bearings = (self.bearings.correction_ms(), self.bearings.last_contact_ms());
        batch.correction_ms = (bearings.0 != self.written.0).then_some(bearings.0);
        batch.last_contact_ms = (bearings.1 != self.written.1).then_some(bearings.1);
        batch.reserved = (version.after(RESERVE / 2) > self.reserved).then(|| version.after(RESERVE));
        if batch.is_empty() {
            self.dirty_since = None;
            return Ok(());
        }
        let begun = std::time::Instant::now();
        let committed = self.disk.commit(&batch);
        self.commits.add(committed.is_ok(), batch.records.len(), begun.elapsed());
        match committed {
            Ok(()) => {
                self.reserved = batch.reserved.unwrap_or(self.reserved);
                self.written = bearings;
                self.dirty.clear();
                self.dirty_since = None;
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = %error, "the store cannot be written; is the disk full?");
                // What is dirty stays so and is tried again later.
                self.dirty_since = self.dirty_since.map(|_| Instant::now());
                Err(StoreError::Disk(error.to_string()))
            }
        }
    }
}
