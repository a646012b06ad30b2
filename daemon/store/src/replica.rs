//! The store's own face: what can be asked of it.

use crate::bearings::Bearings;
use crate::commits::{Commits, Committed};
use crate::disk::Disk;
use crate::entry::Composed;
use crate::state::State;
use crate::writer::{Channels, Operation, Write, Writer};
use crate::{Change, Damage, Expired, Key, List, Object, OpenError, Past, ResourceVersion, Settings, StoreError, Watcher};
use control::version::{HybridClock, NodeId};
use objects::Kind;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{mpsc, oneshot, watch};

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk.
    Now,
    /// When it is visible. A crash within [`Settings::lazy_ms`] may lose it: only for what can be seen again.
    Soon,
}

/// What must hold for a write to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The object has this uid.
    pub uid: Option<String>,
    /// The object has not changed since this version.
    pub resource_version: Option<ResourceVersion>,
}

/// The local replica. Cheap to copy; all copies are one store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) state: Arc<RwLock<State>>,
    newest: watch::Receiver<ResourceVersion>,
    pub(crate) newest_record: watch::Receiver<u64>,
    pub(crate) writes: mpsc::Sender<Write>,
    pub(crate) bearings: Arc<Bearings>,
    commits: Arc<Commits>,
}

impl Store {
    /// Opens the store in a folder, or makes it. Blocks; reads everything. The writer has to be run for writes to be done.
    ///
    /// # Errors
    /// The folder cannot be used, or another process has it. Damage is no error: it is set aside, and told.
    pub fn open(dir: &Path, node: NodeId, settings: Settings) -> Result<(Self, Writer, Vec<Damage>), OpenError> {
        let (disk, loaded) = Disk::open(dir, &settings)?;
        let mut damage = loaded.damage;
        let mut state = State::new(loaded.version, &settings);
        let mut clock = HybridClock::new(node);
        for (name, entry) in loaded.entries {
            entry.records().for_each(|(_, record)| clock.restore(&record.stamp.version));
            let object = match name.key().filter(|_| entry.is_live()) {
                Some(key) => Composed::of(&entry, key).and_then(|of| of.finish(loaded.version)).map(Some),
                None => Ok(None),
            };
            match object {
                Ok(object) => state.load(name, entry, object),
                Err(why) => damage.push(disk.set_aside(&name, &entry, why)?),
            }
        }
        let state = Arc::new(RwLock::new(state));
        let bearings = Arc::new(loaded.bearings);
        let (newest_tx, newest) = watch::channel(loaded.version);
        let (newest_record_tx, newest_record) = watch::channel(0);
        let (writes, receiver) = mpsc::channel(settings.queue_requests);
        let commits = Arc::<Commits>::default();
        let channels = Channels {
            state: state.clone(),
            newest: newest_tx,
            newest_record: newest_record_tx,
            writes: receiver,
            commits: commits.clone(),
        };
        let writer = Writer::new((disk, clock), settings, bearings.clone(), channels);
        Ok((Self { state, newest, newest_record, writes, bearings, commits }, writer, damage))
    }

    /// How often the disk was written, since the store was opened.
    #[must_use]
    pub fn committed(&self) -> Committed {
        self.commits.read()
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        // The writer leaves the state whole at every point where it could panic.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an object that admission has finished. Its `status` becomes the status record. Events are written lazily.
    ///
    /// # Errors
    /// `AlreadyExists`, `Malformed`, `Disk`, `Closed`.
    pub async fn create(&self, key: Key, object: Value) -> Result<Arc<Object>, StoreError> {
        let durability = of_kind(key.kind);
        self.write(key, Operation::Create { object }, (Preconditions::default(), durability)).await
    }

    /// Puts back an object that a lost store had. What other replicas know of it counts more, its deletion too, whenever it comes: the
    /// object is given the earliest birth there is.
    ///
    /// # Errors
    /// As [`Store::create`]; `Stale` where others have said already that it was deleted.
    pub async fn restore(&self, key: Key, object: Value) -> Result<Arc<Object>, StoreError> {
        let durability = of_kind(key.kind);
        self.write(key, Operation::Restore { object }, (Preconditions::default(), durability)).await
    }

    /// Adds an object that every replica makes by itself, unless there is one: all of them make one and the same object, and
    /// whatever anybody says of it counts more. It must be the same on all replicas, with the same uid.
    ///
    /// # Errors
    /// As [`Store::create`]; `Stale` where an object of the name was deleted: it is not made again in this way.
    pub async fn establish(&self, key: Key, object: Value) -> Result<Arc<Object>, StoreError> {
        let durability = of_kind(key.kind);
        self.write(key, Operation::Establish { object }, (Preconditions::default(), durability)).await
    }

    /// Whether an object of that name was there and is deleted, as far as it is remembered.
    #[must_use]
    pub fn was_deleted(&self, key: &Key) -> bool {
        let state = self.read();
        let entry = state.slot(&crate::name::Name::from(key)).map(|slot| &slot.entry);
        entry.is_some_and(|entry| entry.spec.is_some() && !entry.is_live())
    }

    /// Replaces metadata, spec and all else but status and binding, which stay. The uid must be the object's own.
    ///
    /// # Errors
    /// `NotFound`, `Stale`, `OtherUid`, `Malformed`, `Disk`, `Closed`.
    pub async fn update(&self, key: Key, object: Value, only_if: Preconditions) -> Result<Arc<Object>, StoreError> {
        let durability = of_kind(key.kind);
        self.write(key, Operation::Update { object }, (only_if, durability)).await
    }

    /// Replaces the status. One that says the same changes nothing: no new version, no write.
    ///
    /// # Errors
    /// `NotFound`, `Stale`, `OtherUid`, `Disk` (with [`Durability::Now`]), `Closed`.
    pub async fn update_status(
        &self,
        key: Key,
        status: Value,
        only_if: Preconditions,
        durability: Durability,
    ) -> Result<Arc<Object>, StoreError> {
        self.write(key, Operation::Status { status }, (only_if, durability)).await
    }

    /// Binds a pod to a node.
    ///
    /// # Errors
    /// `NotFound`, `OtherUid`, `AlreadyBound`, `Disk`, `Closed`.
    pub async fn bind(&self, key: Key, node: &str, only_if: Preconditions) -> Result<Arc<Object>, StoreError> {
        self.write(key, Operation::Bind { node: node.to_owned() }, (only_if, Durability::Now)).await
    }

    /// Removes an object; the answer is its last state. (A deletion with grace is an `update` that sets the mark.)
    ///
    /// # Errors
    /// `NotFound`, `Stale`, `OtherUid`, `Disk`, `Closed`.
    pub async fn delete(&self, key: Key, only_if: Preconditions) -> Result<Arc<Object>, StoreError> {
        let durability = of_kind(key.kind);
        self.write(key, Operation::Delete, (only_if, durability)).await
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Object>> {
        self.read().get(key).cloned()
    }

    /// All objects of a kind, or those of one namespace.
    #[must_use]
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> List {
        let state = self.read();
        List { items: state.list(kind, namespace), resource_version: state.version }
    }

    /// The pods that are bound to a node, by namespace and name.
    #[must_use]
    pub fn pods_on(&self, node: &str) -> Vec<Arc<Object>> {
        let mut pods = self.read().list(Kind::Pod, None);
        pods.retain(|pod| pod.node() == Some(node));
        pods
    }

    /// The newest changes of some kinds that `is_wanted` lets through, up to so many bytes of JSON.
    #[must_use]
    pub fn past(&self, kinds: &[Kind], max_bytes: usize, is_wanted: impl Fn(&Change) -> bool) -> Past {
        self.read().ring.past(kinds, max_bytes, is_wanted)
    }

    /// A list, and a watcher that goes on exactly after it.
    #[must_use]
    pub fn list_and_watch(&self, kind: Kind, namespace: Option<&str>) -> (List, Watcher) {
        let list = self.list(kind, namespace);
        let watcher = self.watcher(kind, namespace, list.resource_version);
        (list, watcher)
    }

    /// Goes on after a version that a list, a change or a bookmark carried.
    ///
    /// # Errors
    /// Too old, or of another database.
    pub fn watch(&self, kind: Kind, namespace: Option<&str>, after: ResourceVersion) -> Result<Watcher, Expired> {
        let state = self.read();
        if after > state.version || !state.ring.reaches_back_to(after) {
            return Err(Expired { asked: after, current: state.version });
        }
        Ok(self.watcher(kind, namespace, after))
    }

    fn watcher(&self, kind: Kind, namespace: Option<&str>, position: ResourceVersion) -> Watcher {
        let namespace = namespace.map(str::to_owned);
        Watcher { state: self.state.clone(), newest: self.newest.clone(), kind, namespace, position }
    }

    /// Which database this is; differs after it was made anew.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.newest.borrow().epoch()
    }

    /// Returns when all that was written so far is on disk.
    ///
    /// # Errors
    /// `Disk`, `Closed`.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.writes.send(Write::Flush(answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Puts all on disk and ends the writer. Later writes are refused with `Closed`.
    pub async fn close(&self) {
        // An error means that it has ended already.
        if self.writes.send(Write::Close).await.is_ok() {
            self.writes.closed().await;
        }
    }

    async fn write(
        &self,
        key: Key,
        operation: Operation,
        (only_if, durability): (Preconditions, Durability),
    ) -> Result<Arc<Object>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let write = Write::Change { key, operation, only_if, durability, answer };
        self.writes.send(write).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    #[cfg(test)]
    pub(crate) fn knows(&self, key: &Key) -> bool {
        self.read().slot(&crate::name::Name::from(key)).is_some()
    }
}

/// Events tell of what was seen: losing the last second of them in a crash is better than a sync for each.
fn of_kind(kind: Kind) -> Durability {
    match kind {
        Kind::Event => Durability::Soon,
        _ => Durability::Now,
    }
}
