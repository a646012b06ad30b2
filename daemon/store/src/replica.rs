//! The store's own face: what can be asked of it.

use crate::{Damage, Expired, List, Object, OpenError, ResourceVersion, Settings, StoreError, Watcher};
use control::record::Key;
use control::version::NodeId;
use objects::Kind;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

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
pub struct Store {}

impl Store {
    /// Opens the store in a folder, or makes it. Blocks; reads everything.
    ///
    /// # Errors
    /// The folder cannot be used. Damage is no error: it is set aside, and told.
    pub fn open(dir: &Path, node: NodeId, settings: Settings) -> Result<(Self, Vec<Damage>), OpenError> {
        let _ = (dir, node, settings);
        Ok((Self {}, Vec::new()))
    }

    /// Adds an object that admission has finished. Its `status` becomes the status record, a `spec.nodeName` the binding.
    ///
    /// # Errors
    /// `AlreadyExists`, `Malformed`, `Disk`, `Closed`.
    pub async fn create(&self, key: Key, object: Value) -> Result<Arc<Object>, StoreError> {
        let _ = object;
        Err(StoreError::NotFound(key))
    }

    /// Replaces metadata, spec and all else but status and `spec.nodeName`, which stay. The uid must be the object's own.
    ///
    /// # Errors
    /// `NotFound`, `Stale`, `OtherUid`, `Malformed`, `Disk`, `Closed`.
    pub async fn update(&self, key: Key, object: Value, only_if: Preconditions) -> Result<Arc<Object>, StoreError> {
        let _ = (object, only_if);
        Err(StoreError::NotFound(key))
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
        let _ = (status, only_if, durability);
        Err(StoreError::NotFound(key))
    }

    /// Binds a pod to a node.
    ///
    /// # Errors
    /// `NotFound`, `OtherUid`, `AlreadyBound`, `Disk`, `Closed`.
    pub async fn bind(&self, key: Key, node: &str, only_if: Preconditions) -> Result<Arc<Object>, StoreError> {
        let _ = (node, only_if);
        Err(StoreError::NotFound(key))
    }

    /// Removes an object; the answer is its last state. (A deletion with grace is an `update` that sets the mark.)
    ///
    /// # Errors
    /// `NotFound`, `Stale`, `OtherUid`, `Disk`, `Closed`.
    pub async fn delete(&self, key: Key, only_if: Preconditions) -> Result<Arc<Object>, StoreError> {
        let _ = only_if;
        Err(StoreError::NotFound(key))
    }

    /// One object.
    #[must_use]
    pub fn get(&self, _key: &Key) -> Option<Arc<Object>> {
        None
    }

    /// All objects of a kind, or those of one namespace.
    #[must_use]
    pub fn list(&self, _kind: Kind, _namespace: Option<&str>) -> List {
        List { items: Vec::new(), resource_version: ResourceVersion::new(1, 0) }
    }

    /// A list, and a watcher that goes on exactly after it.
    #[must_use]
    pub fn list_and_watch(&self, kind: Kind, namespace: Option<&str>) -> (List, Watcher) {
        let _ = (kind, namespace);
        unreachable!("only for the first commit")
    }

    /// Goes on after a version that a list, a change or a bookmark carried.
    ///
    /// # Errors
    /// Too old, or of another database.
    pub fn watch(&self, kind: Kind, namespace: Option<&str>, after: ResourceVersion) -> Result<Watcher, Expired> {
        let _ = (kind, namespace);
        Err(Expired { asked: after, current: after })
    }

    /// Which database this is; differs after it was made anew.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        1
    }

    /// Writes all that is not on disk yet.
    ///
    /// # Errors
    /// `Disk`, `Closed`.
    pub async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Writes all, stops the writer, and closes the database. Blocks. Later writes are refused with `Closed`.
    pub fn close(&self) {}
}
