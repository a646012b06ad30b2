//! Layers: unpacked once, shared by every image that has them.
//!
//! A layer is known by its diff id if its content depends on nothing else. A layer that names files of the layers below it
//! (whiteouts, hard links, folders it does not describe itself) comes out differently on another base; such a layer is known by
//! its chain id, the digest over it and everything below.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::compression::{self, CompressionError};
use super::digest::{Digest, HashingReader};
use super::disk::Folders;
use super::store::{Inner, State, StoreError};
use super::unpack::{self, UnpackError};

const FORMAT: u32 = 1;
const RECORD_FILE: &str = "layer.json";
const TREE_FOLDER: &str = "fs";

/// Why a layer could not be made ready.
#[derive(Debug, Error)]
pub enum LayerError {
    /// Its compression is unknown or broken.
    #[error("layer {layer} cannot be decompressed")]
    Compression {
        /// The layer's diff id.
        layer: Digest,
        /// What is wrong.
        #[source]
        source: CompressionError,
    },
    /// The archive is broken, hostile or too large, or the disk refused it.
    #[error("layer {layer} cannot be unpacked")]
    Unpack {
        /// The layer's diff id.
        layer: Digest,
        /// What is wrong.
        #[source]
        source: Box<UnpackError>,
    },
    /// The compressed data are not those that the manifest promised.
    #[error("the blob has digest {found}, the manifest says {expected}")]
    BlobDigest {
        /// What the manifest says.
        expected: Digest,
        /// What we read.
        found: Digest,
    },
    /// The uncompressed data are not those that the config promised.
    #[error("the layer has diff id {found}, the image's config says {expected}")]
    DiffId {
        /// What the config says.
        expected: Digest,
        /// What we read.
        found: Digest,
    },
    /// The store's folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What `layer.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    format: u32,
    diff_id: Digest,
    chain_id: Digest,
    /// Whether what is below was consulted.
    needs_lower: bool,
    pub(crate) size_bytes: u64,
    entries: u64,
}

/// A layer in its place.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    folder: String,
    pub(crate) record: LayerRecord,
}

impl Layer {
    /// The overlay lower directory.
    pub(crate) fn tree(&self, folders: &Folders) -> PathBuf {
        self.path(folders).join(TREE_FOLDER)
    }

    pub(crate) fn path(&self, folders: &Folders) -> PathBuf {
        folders.layers().join(&self.folder)
    }
}

impl LayerRecord {
    fn key(&self) -> &Digest {
        if self.needs_lower { &self.chain_id } else { &self.diff_id }
    }
}

/// Keeps a layer from being collected until its image has a record.
pub(crate) struct LayerPin {
    inner: Arc<Inner>,
    key: Digest,
}

impl LayerPin {
    /// Takes a pin while the state is locked, so that nobody collects the layer in between.
    fn new(inner: &Arc<Inner>, state: &mut State, key: &Digest) -> LayerPin {
        *state.pins.entry(key.clone()).or_default() += 1;
        LayerPin { inner: Arc::clone(inner), key: key.clone() }
    }

    pub(crate) fn key(&self) -> &Digest {
        &self.key
    }

    fn tree(&self) -> Option<PathBuf> {
        Some(self.inner.state().layers.get(&self.key)?.tree(&self.inner.folders))
    }
}

impl Drop for LayerPin {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        if let Some(count) = state.pins.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                state.pins.remove(&self.key);
            }
        }
    }
}

/// A layer an image needs: what it must be, and what lies below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedLayer {
    pub(crate) diff_id: Digest,
    chain_id: Digest,
}

/// The layers of an image with these diff ids, lowest first.
pub(crate) fn wanted(diff_ids: &[Digest]) -> Vec<WantedLayer> {
    let mut layers: Vec<WantedLayer> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let chain_id = match layers.last() {
            None => diff_id.clone(),
            Some(below) => Digest::of(format!("{} {diff_id}", below.chain_id).as_bytes()),
        };
        layers.push(WantedLayer { diff_id: diff_id.clone(), chain_id });
    }
    layers
}

/// Finds the layers on disk. What is not whole is set aside.
pub(crate) fn read_all(folders: &Folders, state: &mut State) -> Result<(), StoreError> {
    let root = folders.layers();
    let entries = fs::read_dir(&root).map_err(|source| StoreError::io("read", &root, source))?;
    for entry in entries {
        let path = entry.map_err(|source| StoreError::io("read", &root, source))?.path();
        let reason = match read(&path) {
            Ok(layer) if !state.layers.contains_key(layer.record.key()) => {
                state.layers.insert(layer.record.key().clone(), layer);
                continue;
            }
            Ok(layer) => format!("layer {} is there twice", layer.record.diff_id),
            Err(reason) => reason,
        };
        state.damage.push(folders.set_aside(&path, &reason));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Layer, String> {
    let bytes = fs::read(path.join(RECORD_FILE)).map_err(|error| format!("cannot read the layer's record: {error}"))?;
    let record: LayerRecord =
        serde_json::from_slice(&bytes).map_err(|error| format!("the layer's record is not readable: {error}"))?;
    if record.format != FORMAT {
        return Err(format!("the layer's record has format {}, this version knows {FORMAT}", record.format));
    }
    if !path.join(TREE_FOLDER).symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err("the layer's tree is missing".into());
    }
    let folder = path.file_name().and_then(|name| name.to_str()).ok_or("the layer's folder has no readable name")?;
    Ok(Layer { folder: folder.to_owned(), record })
}

impl Inner {
    /// A layer that is there already.
    pub(crate) fn pin_layer(self: &Arc<Self>, wanted: &WantedLayer) -> Option<LayerPin> {
        let mut state = self.state();
        let fits = |key: &Digest| {
            let record = &state.layers.get(key)?.record;
            let is_same = record.diff_id == wanted.diff_id && (!record.needs_lower || record.chain_id == wanted.chain_id);
            is_same.then(|| key.clone())
        };
        let key = fits(&wanted.diff_id).or_else(|| fits(&wanted.chain_id))?;
        Some(LayerPin::new(self, &mut state, &key))
    }

    /// The layer, unpacked from `source` if it is not there. If several ask for the same layer, one does the work.
    ///
    /// `blob` is the digest that the data from `source` must have as they are; none if they were verified before. `below` are
    /// the layers under this one, lowest first.
    pub(crate) fn ensure_layer<R: Read, E: From<LayerError>>(
        self: &Arc<Self>,
        wanted: &WantedLayer,
        below: &[LayerPin],
        blob: Option<&Digest>,
        source: impl FnOnce() -> Result<R, E>,
    ) -> Result<LayerPin, E> {
        let lock = self.unpacking.of(&wanted.diff_id);
        let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pin) = self.pin_layer(wanted) {
            return Ok(pin);
        }
        Ok(self.unpack_layer(wanted, below, blob, source()?)?)
    }

    fn unpack_layer<R: Read>(
        self: &Arc<Self>,
        wanted: &WantedLayer,
        below: &[LayerPin],
        blob: Option<&Digest>,
        source: R,
    ) -> Result<LayerPin, LayerError> {
        let scratch = self.folders.scratch_dir()?;
        let tree = scratch.path().join(TREE_FOLDER);
        let lowers: Vec<PathBuf> = below.iter().rev().filter_map(LayerPin::tree).collect();
        let in_compression = |source| LayerError::Compression { layer: wanted.diff_id.clone(), source };

        let mut compressed = HashingReader::new(source);
        let mut uncompressed = HashingReader::new(compression::decompress(&mut compressed).map_err(in_compression)?);
        let unpacked = unpack::unpack(&mut uncompressed, &tree, &lowers, self.limits)
            .map_err(|source| LayerError::Unpack { layer: wanted.diff_id.clone(), source: Box::new(source) })?;
        let (diff_id, _) = uncompressed.finish();
        if let Some(expected) = blob {
            // The decompressor stops at the end of its own data; the digest is over everything.
            std::io::copy(&mut compressed, &mut std::io::sink()).map_err(|e| in_compression(CompressionError::Read(e)))?;
            let (found, _) = compressed.finish();
            if found != *expected {
                return Err(LayerError::BlobDigest { expected: expected.clone(), found });
            }
        }
        if diff_id != wanted.diff_id {
            return Err(LayerError::DiffId { expected: wanted.diff_id.clone(), found: diff_id });
        }

        let record = LayerRecord {
            format: FORMAT,
            diff_id,
            chain_id: wanted.chain_id.clone(),
            needs_lower: unpacked.needs_lower,
            size_bytes: unpacked.bytes,
            entries: unpacked.entries,
        };
        let text = serde_json::to_vec_pretty(&record).expect("a record is plain data with text keys");
        self.folders.write(&scratch.path().join(RECORD_FILE), &text)?;
        self.publish_layer(scratch, record)
    }

    fn publish_layer(self: &Arc<Self>, scratch: super::disk::Scratch, record: LayerRecord) -> Result<LayerPin, LayerError> {
        let _writer = self.writer();
        let folder = {
            let state = self.state();
            let is_free = |name: &String| state.layers.values().all(|layer| layer.folder != *name);
            // Folders that could not be read were moved away or are still in the way; neither name is used.
            (0u64..).map(base36).find(|name| is_free(name) && !self.folders.layers().join(name).exists())
        };
        let layer = Layer { folder: folder.expect("there are more numbers than folders"), record };
        self.folders.publish(scratch, &layer.path(&self.folders))?;
        let mut state = self.state();
        let key = layer.record.key().clone();
        state.layers.insert(key.clone(), layer);
        Ok(LayerPin::new(self, &mut state, &key))
    }
}

/// A number in as few letters and digits as it takes: layer paths must be short.
fn base36(mut number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_id_covers_everything_below() {
        let [a, b] = [Digest::of(b"a"), Digest::of(b"b")];
        let ab = wanted(&[a.clone(), b.clone()]);
        let ba = wanted(&[b.clone(), a.clone()]);
        assert_eq!(ab[0].chain_id, a);
        assert_eq!(ab[1].chain_id, Digest::of(format!("{a} {b}").as_bytes()));
        assert_ne!(ab[1].chain_id, ba[1].chain_id);
    }

    #[test]
    fn layer_folders_have_short_names() {
        assert_eq!([0, 9, 10, 35, 36, 1295].map(base36), ["0", "9", "a", "z", "10", "zz"]);
    }
}
