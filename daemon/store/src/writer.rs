//! The one that changes things: takes all writes that wait, checks them, commits them with one sync, shows them, answers.

use crate::disk::{Batch, Disk, RESERVE, wall_ms};
use crate::entry::{Parts, binding_body, bound_to, compose, same_status, status_body, text};
use crate::state::State;
use crate::{Durability, Key, Object, Preconditions, ResourceVersion, Settings, StoreError};
use control::entry::Entry;
use control::record::{Ancestry, Body, Record, Stamp};
use control::version::{HybridClock, Version};
use objects::Kind;
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
    Flush(Answer<()>),
    Close,
}

/// A change of one object.
#[derive(Debug)]
pub enum Operation {
    Create { object: Value },
    Update { object: Value },
    Status { status: Value },
    Bind { node: String },
    Delete,
}

/// What a batch makes of each key so far; `None` leaves no trace.
type Staged = BTreeMap<Key, Option<Entry>>;

/// A change that was checked and is ready to be shown.
struct Checked {
    key: Key,
    entry: Option<Entry>,
    object: Arc<Object>,
}

/// The outcome of a check.
enum Outcome {
    /// Something is to be changed.
    Change(Box<Checked>),
    /// It is as it should be already.
    Same(Arc<Object>),
}

/// See the module.
#[derive(Debug)]
pub struct Writer {
    disk: Disk,
    clock: HybridClock,
    settings: Settings,
    state: Arc<RwLock<State>>,
    newest: watch::Sender<ResourceVersion>,
    writes: mpsc::Receiver<Write>,
    /// Shown, but not on disk yet.
    dirty: BTreeSet<Key>,
    dirty_since: Option<Instant>,
    reserved: ResourceVersion,
}

type Channels = (Arc<RwLock<State>>, watch::Sender<ResourceVersion>, mpsc::Receiver<Write>);

impl Writer {
    pub(crate) fn new(disk: Disk, clock: HybridClock, settings: Settings, (state, newest, writes): Channels) -> Self {
        let reserved = newest.borrow().after(RESERVE);
        Self { disk, clock, settings, state, newest, writes, dirty: BTreeSet::new(), dirty_since: None, reserved }
    }

    /// Works until every [`crate::Store`] is dropped, or one is closed; then all is on disk. Blocks: give it a thread of its own.
    ///
    /// # Errors
    /// The thread cannot have a timer.
    pub fn run(mut self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            let mut waiting = Vec::new();
            let mut next_purge = Instant::now();
            loop {
                if Instant::now() >= next_purge {
                    self.purge();
                    next_purge = Instant::now() + Duration::from_millis(self.settings.purge_every_ms);
                }
                let lazy = Duration::from_millis(self.settings.lazy_ms);
                let deadline = self.dirty_since.map_or(next_purge, |since| (since + lazy).min(next_purge));
                match timeout_at(deadline, self.writes.recv_many(&mut waiting, BATCH)).await {
                    Ok(0) => break,
                    Ok(_) => {
                        if self.handle(waiting.drain(..)) {
                            break;
                        }
                    }
                    // What could not be written stays dirty, and was logged.
                    Err(_) if self.dirty_since.is_some_and(|since| since + lazy <= Instant::now()) => {
                        drop(self.commit(&Staged::new()))
                    }
                    Err(_) => {}
                }
            }
            drop(self.commit(&Staged::new()));
        });
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what waits; whether the store is to be closed.
    fn handle(&mut self, writes: impl Iterator<Item = Write>) -> bool {
        let mut changes = Vec::new();
        let mut flushes = Vec::new();
        let mut is_closing = false;
        for write in writes {
            match write {
                Write::Change { key, operation, only_if, durability, answer } => {
                    changes.push((key, operation, only_if, durability, answer));
                }
                Write::Flush(answer) => flushes.push(answer),
                Write::Close => is_closing = true,
            }
        }
        let mut is_lazy = flushes.is_empty();
        let mut staged = Staged::new();
        let mut version = *self.newest.borrow();
        let mut done = Vec::new();
        for (key, operation, only_if, durability, answer) in changes {
            match self.check((key, operation), &only_if, &staged, version.next()) {
                Ok(Outcome::Change(checked)) => {
                    version = version.next();
                    is_lazy &= durability == Durability::Soon;
                    staged.insert(checked.key.clone(), checked.entry.clone());
                    done.push((checked, answer));
                }
                // A caller that went away wants no answer.
                Ok(Outcome::Same(object)) => drop(answer.send(Ok(object))),
                Err(error) => drop(answer.send(Err(error))),
            }
        }
        let result = self.keep(staged, version, is_lazy);
        match &result {
            Ok(()) => self.show(done, version),
            Err(error) => done.into_iter().for_each(|(_, answer)| drop(answer.send(Err(error.clone())))),
        }
        for answer in flushes {
            let _ = answer.send(result.clone());
        }
        is_closing
    }

    /// Puts a batch on disk, or notes that it has to be.
    fn keep(&mut self, staged: Staged, version: ResourceVersion, is_lazy: bool) -> Result<(), StoreError> {
        // Versions that were not reserved on disk must not be shown: a crash would give them again.
        if !is_lazy || version >= self.reserved {
            return self.commit(&staged);
        }
        if !staged.is_empty() {
            self.dirty.extend(staged.into_keys());
            self.dirty_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn show(&self, done: Vec<(Box<Checked>, Answer<Arc<Object>>)>, version: ResourceVersion) {
        if done.is_empty() {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (checked, _) in &done {
            state.show(&checked.key, checked.entry.clone(), checked.object.clone());
        }
        drop(state);
        self.newest.send_replace(version);
        for (checked, answer) in done {
            let _ = answer.send(Ok(checked.object));
        }
    }

    /// Puts the staged entries and everything dirty on disk.
    fn commit(&mut self, staged: &Staged) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let state = self.read();
        for key in self.dirty.iter().filter(|key| !staged.contains_key(*key)) {
            batch.put(key, state.slot(key).map(|slot| &slot.entry));
        }
        let version = state.version;
        drop(state);
        for (key, entry) in staged {
            batch.put(key, entry.as_ref());
        }
        if batch.records.is_empty() {
            return Ok(());
        }
        let reserved = (version.after(RESERVE / 2) > self.reserved).then(|| version.after(RESERVE));
        batch.reserved = reserved;
        match self.disk.commit(&batch) {
            Ok(()) => {
                self.reserved = reserved.unwrap_or(self.reserved);
                self.dirty.clear();
                self.dirty_since = None;
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = %error, "the store cannot be written; is the disk full?");
                // What is dirty stays so and is tried again later.
                self.dirty_since = (!self.dirty.is_empty()).then(Instant::now);
                Err(StoreError::Disk(error.to_string()))
            }
        }
    }

    /// Forgets tombstones whose time is over, and removes objects of kinds that expire.
    fn purge(&mut self) {
        let now_ms = wall_ms();
        let mut staged = Staged::new();
        let mut gone = Vec::new();
        let state = self.read();
        let mut version = state.version;
        for (key, slot) in state.slots() {
            let newest = slot.entry.records().map(|(_, record)| record.stamp.version.wall_ms).max().unwrap_or(0);
            let age_ms = now_ms.saturating_sub(newest);
            if !slot.entry.is_live() && age_ms > self.settings.tombstone_ms {
                staged.insert(key.clone(), None);
            } else if slot.entry.is_live() && self.settings.lifetime_ms(key.kind).is_some_and(|limit| age_ms > limit) {
                let Ok(object) = compose(&slot.entry, key, version.next()) else { continue };
                version = version.next();
                staged.insert(key.clone(), None);
                gone.push((key.clone(), object));
            }
        }
        drop(state);
        if staged.is_empty() || self.commit(&staged).is_err() {
            // It was logged, and is tried again at the next turn.
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (key, object) in gone {
            state.show(&key, None, object);
        }
        state.forget(staged.keys());
        drop(state);
        self.newest.send_replace(version);
    }

    fn check(
        &mut self,
        (key, operation): (Key, Operation),
        only_if: &Preconditions,
        staged: &Staged,
        version: ResourceVersion,
    ) -> Result<Outcome, StoreError> {
        let entry = match operation {
            Operation::Create { object } => self.create(&key, object, staged)?,
            Operation::Update { object } => {
                let (entry, live) = self.live(&key, only_if, staged)?;
                self.update(&key, object, (entry, &live))?
            }
            Operation::Status { status } => {
                let (mut entry, live) = self.live(&key, only_if, staged)?;
                if same_status(&live, &status) {
                    return Ok(Outcome::Same(live));
                }
                entry.status = Some(self.record(birth_of(&entry), status_body(live.uid(), &status)));
                entry
            }
            Operation::Bind { node } => {
                let (mut entry, live) = self.live(&key, only_if, staged)?;
                match bound_to(&entry, live.uid()) {
                    Some(bound) if bound == node => return Ok(Outcome::Same(live)),
                    Some(bound) => return Err(StoreError::AlreadyBound { key, node: bound }),
                    None => entry.binding = Some(self.record(birth_of(&entry), binding_body(live.uid(), &node))),
                }
                entry
            }
            Operation::Delete => {
                let (entry, _) = self.live(&key, only_if, staged)?;
                let object = composed(&key, &entry, version)?;
                // Events expire everywhere by themselves: they need no tombstone.
                let trace = (key.kind != Kind::Event).then(|| {
                    let spec = self.specification(birth_of(&entry), entry.spec.as_ref(), Body::Tombstone);
                    Entry { spec: Some(spec), binding: None, status: None }
                });
                return Ok(Outcome::Change(Box::new(Checked { key, entry: trace, object })));
            }
        };
        let object = composed(&key, &entry, version)?;
        Ok(Outcome::Change(Box::new(Checked { key, entry: Some(entry), object })))
    }

    fn create(&mut self, key: &Key, object: Value, staged: &Staged) -> Result<Entry, StoreError> {
        if self.live(key, &Preconditions::default(), staged).is_ok() {
            return Err(StoreError::AlreadyExists(key.clone()));
        }
        let parts = Parts::of(object).map_err(|why| malformed(key, why))?;
        let before = match staged.get(key) {
            Some(staged) => staged.as_ref().and_then(|entry| entry.spec.clone()),
            None => self.read().slot(key).and_then(|slot| slot.entry.spec.clone()),
        };
        let spec = self.specification(None, before.as_ref(), text(&parts.spec));
        let birth = Some(spec.stamp.birth.clone());
        let status = parts.status.map(|status| self.record(birth, status_body(&parts.uid, &status)));
        Ok(Entry { spec: Some(spec), binding: None, status })
    }

    fn update(&mut self, key: &Key, object: Value, (mut entry, live): (Entry, &Object)) -> Result<Entry, StoreError> {
        let mut parts = Parts::of(object).map_err(|why| malformed(key, why))?;
        if parts.uid != live.uid() {
            return Err(StoreError::OtherUid { key: key.clone(), wanted: parts.uid, actual: live.uid().to_owned() });
        }
        // Where it is placed is the binding's to say.
        if let (Some(node), Some(spec)) = (bound_to(&entry, live.uid()), parts.spec["spec"].as_object_mut())
            && spec.get("nodeName").and_then(Value::as_str) == Some(&node)
        {
            spec.remove("nodeName");
        }
        entry.spec = Some(self.specification(birth_of(&entry), entry.spec.as_ref(), text(&parts.spec)));
        Ok(entry)
    }

    /// A record of an object of this birth; without one it is the object's first.
    fn record(&mut self, birth: Option<Version>, body: Body) -> Record {
        let version = self.clock.tick(wall_ms());
        let stamp = Stamp { birth: birth.unwrap_or_else(|| version.clone()), version, is_tombstone: body == Body::Tombstone };
        Record { stamp, ancestry: Ancestry::default(), body }
    }

    /// A specification that builds upon what was there before it.
    fn specification(&mut self, birth: Option<Version>, before: Option<&Record>, body: Body) -> Record {
        let mut record = self.record(birth, body);
        let ancestry = before.map(|before| &before.ancestry).cloned().unwrap_or_default();
        record.ancestry = ancestry.with(&record.stamp.version);
        record
    }

    /// An object that is there, as the batch leaves it so far, if it is as the caller thinks.
    fn live(&self, key: &Key, only_if: &Preconditions, staged: &Staged) -> Result<(Entry, Arc<Object>), StoreError> {
        let not_found = || StoreError::NotFound(key.clone());
        let (entry, object, is_staged) = match staged.get(key) {
            Some(staged) => {
                let entry = staged.clone().filter(Entry::is_live).ok_or_else(not_found)?;
                let object = composed(key, &entry, *self.newest.borrow())?;
                (entry, object, true)
            }
            None => {
                let state = self.read();
                let slot = state.slot(key).ok_or_else(not_found)?;
                (slot.entry.clone(), slot.object.clone().ok_or_else(not_found)?, false)
            }
        };
        if let Some(wanted) = only_if.uid.as_ref().filter(|wanted| **wanted != object.uid()) {
            return Err(StoreError::OtherUid { key: key.clone(), wanted: wanted.clone(), actual: object.uid().to_owned() });
        }
        // What this very batch changed has changed since the caller read it.
        if only_if.resource_version.is_some_and(|wanted| is_staged || wanted != object.resource_version()) {
            return Err(StoreError::Stale(key.clone()));
        }
        Ok((entry, object))
    }
}

fn composed(key: &Key, entry: &Entry, version: ResourceVersion) -> Result<Arc<Object>, StoreError> {
    compose(entry, key, version).map_err(|why| malformed(key, why))
}

fn birth_of(entry: &Entry) -> Option<Version> {
    entry.spec.as_ref().map(|spec| spec.stamp.birth.clone())
}

fn malformed(key: &Key, why: &str) -> StoreError {
    StoreError::Malformed { key: key.clone(), message: why.to_owned() }
}
