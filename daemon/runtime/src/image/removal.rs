//! Takes images out of the store, and the layers that no image needs any more.

use std::fs;
use std::sync::Arc;

use jiff::Timestamp;
use rustix::fs::statvfs;
use thiserror::Error;

use super::digest::Digest;
use super::disk::{self, Scratch};
use super::garbage::{self, DiskUsage, GcCandidate, GcPlan, GcPolicy};
use super::records::StoredImage;
use super::reference::Reference;
use super::store::{ImageStore, Inner, State, StoreError, find_text};

/// Why an image was not removed.
#[derive(Debug, Error)]
pub enum RemoveError {
    /// No image has this name or id.
    #[error("no such image: {name}")]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// A container needs it.
    #[error("image {name} ({id}) is in use by a container", id = digest.short())]
    InUse {
        /// What was asked for.
        name: String,
        /// The image's id.
        digest: Digest,
    },
    /// The store cannot be changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that are gone.
    pub untagged: Vec<String>,
    /// Ids of the images that are gone.
    pub deleted: Vec<Digest>,
    /// The size of the layers that are gone, in bytes.
    pub freed_bytes: u64,
}

/// What [`ImageStore::prune`] removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// Images that no name leads to any more.
    Nameless,
    /// All that no container uses.
    Unused,
}

/// Keeps an image from being removed as long as it lives: between looking an image up and having a container of it.
pub struct ImageHold {
    inner: Arc<Inner>,
    digest: Digest,
}

impl Drop for ImageHold {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        if let Some(count) = state.pins.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                state.pins.remove(&self.digest);
            }
        }
    }
}

impl ImageStore {
    /// Keeps the image with this id from being removed; none if it is gone already.
    pub fn hold(&self, digest: &Digest) -> Option<ImageHold> {
        let mut state = self.inner.state();
        state.images.get(digest)?;
        *state.pins.entry(digest.clone()).or_default() += 1;
        Some(ImageHold { inner: Arc::clone(&self.inner), digest: digest.clone() })
    }

    /// Notes that a container used the image, which [`collect_garbage`](Self::collect_garbage) goes by. Kept in memory, as
    /// kubelet does.
    pub fn mark_used(&self, digest: &Digest, at: Timestamp) {
        let mut state = self.inner.state();
        if state.images.contains_key(digest) {
            state.last_used.insert(digest.clone(), at);
        }
    }

    /// Removes a name, and with its last name the image; by id, the image with all its names. Refused while a container
    /// uses it. Blocking.
    pub fn remove(&self, text: &str, in_use: &dyn Fn(&Digest) -> bool) -> Result<Removed, RemoveError> {
        let inner = &self.inner;
        let writer = inner.writer();
        let found = find_text(&inner.state(), text).cloned();
        let image = found.ok_or_else(|| RemoveError::NotFound { name: text.to_owned() })?;
        if inner.is_held(&image.digest) || in_use(&image.digest) {
            return Err(RemoveError::InUse { name: text.to_owned(), digest: image.digest });
        }
        let name = Reference::parse(text).map(|name| name.to_string()).ok().filter(|name| image.names.contains_key(name));
        if let Some(name) = name
            && image.names.len() > 1
        {
            let mut image = image;
            image.names.remove(&name);
            inner.save(image)?;
            return Ok(Removed { untagged: vec![name], ..Removed::default() });
        }
        let mut removed = Removed::default();
        inner.delete_record(&image, &mut removed)?;
        let gone = inner.take_unneeded_layers(&mut removed)?;
        drop(writer);
        // The trees go away here, with nothing locked.
        drop(gone);
        Ok(removed)
    }

    /// Removes images, and all layers that no image needs. Blocking.
    pub fn prune(&self, which: Prune, in_use: &dyn Fn(&Digest) -> bool) -> Result<Removed, StoreError> {
        let inner = &self.inner;
        let writer = inner.writer();
        let images: Vec<StoredImage> = inner.state().images.values().cloned().collect();
        let mut removed = Removed::default();
        for image in images {
            let is_wanted = which == Prune::Nameless && !image.names.is_empty();
            if !is_wanted && !inner.is_held(&image.digest) && !in_use(&image.digest) {
                inner.delete_record(&image, &mut removed)?;
            }
        }
        let gone = inner.take_unneeded_layers(&mut removed)?;
        inner.remove_parts()?;
        drop(writer);
        drop(gone);
        Ok(removed)
    }

    /// How full the disk is that the store lies on.
    pub fn disk_usage(&self) -> Result<DiskUsage, StoreError> {
        let root = self.root();
        let stat = statvfs(root).map_err(|errno| StoreError::io("ask for the disk usage of", root, errno.into()))?;
        Ok(DiskUsage {
            capacity_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            available_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    /// Makes room as kubelet does if the disk is too full: see [`garbage::plan`]. None if it is not. Blocking.
    pub fn collect_garbage(
        &self,
        policy: &GcPolicy,
        disk: DiskUsage,
        now: Timestamp,
        in_use: &dyn Fn(&Digest) -> bool,
    ) -> Result<Option<(GcPlan, Removed)>, StoreError> {
        let inner = &self.inner;
        let writer = inner.writer();
        let candidates = inner.candidates(in_use);
        let Some(plan) = garbage::plan(policy, disk, &candidates, now) else { return Ok(None) };
        let mut removed = Removed::default();
        for digest in &plan.remove {
            let image = inner.state().images.get(digest).cloned();
            // Somebody may have taken hold of it since the plan was made.
            if let Some(image) = image.filter(|image| !inner.is_held(&image.digest)) {
                inner.delete_record(&image, &mut removed)?;
            }
        }
        let gone = inner.take_unneeded_layers(&mut removed)?;
        inner.remove_parts()?;
        drop(writer);
        drop(gone);
        Ok(Some((plan, removed)))
    }
}

impl Inner {
    fn is_held(&self, digest: &Digest) -> bool {
        self.state().pins.contains_key(digest)
    }

    fn candidates(&self, in_use: &dyn Fn(&Digest) -> bool) -> Vec<GcCandidate> {
        let candidate = |state: &State, image: &StoredImage| GcCandidate {
            digest: image.digest.clone(),
            is_in_use: state.pins.contains_key(&image.digest),
            last_used: state.last_used.get(&image.digest).copied().unwrap_or(image.loaded_at),
            first_seen: image.loaded_at,
            layers: image.layers.iter().filter_map(|key| Some((key.clone(), state.layers.get(key)?.record.size_bytes))).collect(),
        };
        let mut candidates: Vec<GcCandidate> = {
            let state = self.state();
            state.images.values().map(|image| candidate(&state, image)).collect()
        };
        // The caller's function runs with nothing of ours locked but the writer.
        for candidate in &mut candidates {
            candidate.is_in_use |= in_use(&candidate.digest);
        }
        candidates
    }

    /// The caller holds the writer's lock. An image that was taken hold of a moment ago keeps its files: a hold is asked
    /// for again under the state's lock.
    fn delete_record(&self, image: &StoredImage, removed: &mut Removed) -> Result<(), StoreError> {
        let path = self.record_path(&image.digest);
        {
            let mut state = self.state();
            if state.pins.contains_key(&image.digest) {
                return Ok(());
            }
            state.images.remove(&image.digest);
            state.last_used.remove(&image.digest);
        }
        fs::remove_file(&path).map_err(|source| StoreError::io("remove", &path, source))?;
        disk::sync_parent(&path)?;
        removed.untagged.extend(image.names.keys().cloned());
        removed.deleted.push(image.digest.clone());
        Ok(())
    }

    /// Moves layers that neither a record nor a running operation needs out of the store.
    fn take_unneeded_layers(&self, removed: &mut Removed) -> Result<Vec<Scratch>, StoreError> {
        let unneeded: Vec<_> = {
            let mut state = self.state();
            let keys: Vec<Digest> = state
                .layers
                .keys()
                .filter(|key| !state.pins.contains_key(*key))
                .filter(|key| !state.images.values().any(|image| image.layers.contains(key)))
                .cloned()
                .collect();
            keys.iter().filter_map(|key| state.layers.remove(key)).collect()
        };
        let mut gone = Vec::new();
        for layer in unneeded {
            gone.push(self.folders.withdraw(&layer.path(&self.folders))?);
            removed.freed_bytes += layer.record.size_bytes;
        }
        Ok(gone)
    }

    /// Removes half downloads that nobody is going on with.
    fn remove_parts(&self) -> Result<(), StoreError> {
        let folder = self.folders.parts();
        let entries = fs::read_dir(&folder).map_err(|source| StoreError::io("read", &folder, source))?;
        for entry in entries.flatten() {
            if !self.downloading.is_busy(&entry.file_name().to_string_lossy()) {
                let path = entry.path();
                fs::remove_file(&path).map_err(|source| StoreError::io("remove", &path, source))?;
            }
        }
        Ok(())
    }
}
