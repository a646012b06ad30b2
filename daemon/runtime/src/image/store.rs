//! The store itself: opening it, and looking images up.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use thiserror::Error;

use super::config::ImageConfig;
use super::digest::Digest;
use super::disk::{Damage, Folders};
use super::layers::{self, Layer};
use super::records::{self, StoredImage};
use super::reference::Reference;
use super::single_flight::{AsyncLocks, Locks};

/// An id shorter than this is taken for a name only.
const MIN_SHORT_ID: usize = 4;

/// Why the store's folder could not be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another daemon has this store open.
    #[error("the image store {path} is in use by another process")]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// The path cannot stand in overlay mount options.
    #[error("the path of the image store, {path}, must not contain a colon, a comma or a backslash")]
    Path {
        /// The store's folder.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// How it failed.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> StoreError {
        StoreError::Io { action, path: path.to_owned(), source }
    }
}

/// How much one layer may hold. Archives come from strangers: a few kilobytes can unpack to terabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the uncompressed layer.
    pub layer_bytes: u64,
    /// Files, folders and other entries.
    pub layer_entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { layer_bytes: 64 << 30, layer_entries: 4_000_000 }
    }
}

/// An image that is ready to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    /// The image's id: the digest of its config file, the same however the image came here.
    pub digest: Digest,
    /// Canonical names with a tag, sorted. An image whose names all went to a newer one has none.
    pub names: Vec<String>,
    /// Canonical names with the digest of the manifest or index they were pulled or loaded by. What Kubernetes shows as
    /// `imageID`.
    pub repo_digests: Vec<String>,
    /// Defaults for containers.
    pub config: ImageConfig,
    /// The overlay lower directories, top first; never empty.
    pub layers: Vec<PathBuf>,
    /// The size of the unpacked layers in bytes. A layer that several images share counts for each.
    pub size_bytes: u64,
    /// When the image was built, if it says so.
    pub created_at: Option<Timestamp>,
    /// When it came into the store.
    pub loaded_at: Timestamp,
}

/// The images of a machine. Cheap to clone; all clones are one store.
///
/// Methods that are not `async` do blocking file work: call them from a blocking thread.
#[derive(Clone)]
pub struct ImageStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) folders: Folders,
    pub(crate) limits: Limits,
    /// Held only for moments, never while files are written.
    state: Mutex<State>,
    /// Held by whoever changes records on disk. Taken before `state`.
    writer: Mutex<()>,
    /// One at a time unpacks a layer; by diff id.
    pub(crate) unpacking: Locks,
    /// One at a time downloads a blob; by its digest.
    pub(crate) downloading: AsyncLocks,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) images: BTreeMap<Digest, StoredImage>,
    pub(crate) layers: BTreeMap<Digest, Layer>,
    /// How many operations need a layer that no record may name yet.
    pub(crate) pins: BTreeMap<Digest, usize>,
    pub(crate) last_used: BTreeMap<Digest, Timestamp>,
    pub(crate) damage: Vec<Damage>,
}

impl ImageStore {
    /// Opens the store in this folder, which is made if it is missing. What cannot be read is moved to `damaged/` and can be
    /// asked for with [`damage`](Self::damage).
    ///
    /// # Errors
    /// If another process has it open, or its folders cannot be made.
    pub fn open(root: &Path) -> Result<ImageStore, StoreError> {
        ImageStore::open_with(root, Limits::default())
    }

    /// [`open`](Self::open) with other limits.
    pub fn open_with(root: &Path, limits: Limits) -> Result<ImageStore, StoreError> {
        let folders = Folders::open(root)?;
        let mut state = State::default();
        layers::read_all(&folders, &mut state)?;
        records::read_all(&folders, &mut state)?;
        let inner = Inner {
            folders,
            limits,
            state: Mutex::new(state),
            writer: Mutex::new(()),
            unpacking: Locks::default(),
            downloading: AsyncLocks::default(),
        };
        Ok(ImageStore { inner: Arc::new(inner) })
    }

    /// The store's folder, for example to ask how full its disk is.
    pub fn root(&self) -> &Path {
        self.inner.folders.root()
    }

    /// What was found broken since the store was opened.
    pub fn damage(&self) -> Vec<Damage> {
        self.inner.state().damage.clone()
    }

    /// All images, sorted by name, those without one last.
    pub fn list(&self) -> Vec<ImageRecord> {
        let state = self.inner.state();
        let mut records: Vec<_> = state.images.values().map(|image| self.inner.record(&state, image)).collect();
        records.sort_by(|a, b| {
            let key = |record: &ImageRecord| (record.names.is_empty(), record.names.first().cloned(), record.digest.clone());
            key(a).cmp(&key(b))
        });
        records
    }

    /// The image that a pod's `image` field names: by tag, or by digest if the reference has one. Never by a short id.
    pub fn find(&self, reference: &Reference) -> Option<ImageRecord> {
        let state = self.inner.state();
        let image = find_reference(&state, reference)?;
        Some(self.inner.record(&state, image))
    }

    /// The image with this id.
    pub fn get(&self, digest: &Digest) -> Option<ImageRecord> {
        let state = self.inner.state();
        Some(self.inner.record(&state, state.images.get(digest)?))
    }

    /// The image that a person means: a name, an id with or without `sha256:`, or the beginning of an id if only one image
    /// has it. A name wins over an id.
    pub fn resolve(&self, text: &str) -> Option<ImageRecord> {
        let state = self.inner.state();
        let image = find_text(&state, text)?;
        Some(self.inner.record(&state, image))
    }
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if it did, the maps would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, state: &State, image: &StoredImage) -> ImageRecord {
        let found: Vec<&Layer> = image.layers.iter().filter_map(|key| state.layers.get(key)).collect();
        let mut layers: Vec<PathBuf> = found.iter().rev().map(|layer| layer.tree(&self.folders)).collect();
        if layers.is_empty() {
            layers.push(self.folders.empty_layer());
        }
        ImageRecord {
            digest: image.digest.clone(),
            names: image.names.keys().cloned().collect(),
            repo_digests: image.repo_digests.iter().cloned().collect(),
            config: image.config.clone(),
            layers,
            size_bytes: found.iter().map(|layer| layer.record.size_bytes).sum(),
            created_at: image.created_at,
            loaded_at: image.loaded_at,
        }
    }
}

pub(crate) fn find_reference<'a>(state: &'a State, reference: &Reference) -> Option<&'a StoredImage> {
    if let Some(digest) = reference.digest() {
        let by_digest = format!("{}/{}@{digest}", reference.registry(), reference.repository());
        return state.images.values().find(|image| image.repo_digests.contains(&by_digest));
    }
    let name = reference.to_string();
    state.images.values().find(|image| image.names.contains_key(&name))
}

pub(crate) fn find_text<'a>(state: &'a State, text: &str) -> Option<&'a StoredImage> {
    if let Some(image) = Reference::parse(text).ok().and_then(|reference| find_reference(state, &reference)) {
        return Some(image);
    }
    let id = text.strip_prefix("sha256:").unwrap_or(text);
    if id.len() < MIN_SHORT_ID {
        return None;
    }
    let mut matching = state.images.values().filter(|image| image.digest.hex().starts_with(id));
    let image = matching.next()?;
    matching.next().is_none().then_some(image)
}
