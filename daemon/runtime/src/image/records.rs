//! Image records: what an image is called, what it is made of, kept in one small file each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::ImageConfig;
use super::digest::Digest;
use super::disk::Folders;
use super::layers::LayerPin;
use super::reference::Reference;
use super::store::{ImageRecord, Inner, State, StoreError};

const FORMAT: u32 = 1;

/// An image as its record file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredImage {
    format: u32,
    pub(crate) digest: Digest,
    /// Each name with the time it was given. Moving a name writes two files; after a crash between them the later wins.
    pub(crate) names: BTreeMap<String, Timestamp>,
    pub(crate) repo_digests: BTreeSet<String>,
    pub(crate) config: ImageConfig,
    /// Keys of the layers, lowest first.
    pub(crate) layers: Vec<Digest>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) loaded_at: Timestamp,
}

/// An image whose layers are in place and which gets its record now.
pub(crate) struct NewImage {
    pub(crate) digest: Digest,
    pub(crate) names: Vec<Reference>,
    pub(crate) repo_digests: Vec<String>,
    pub(crate) config: ImageConfig,
    pub(crate) layers: Vec<LayerPin>,
    pub(crate) created_at: Option<Timestamp>,
}

/// Reads all records. One that cannot be read, or whose layers are gone, is set aside.
pub(crate) fn read_all(folders: &Folders, state: &mut State) -> Result<(), StoreError> {
    let folder = folders.images();
    let entries = fs::read_dir(&folder).map_err(|source| StoreError::io("read", &folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| StoreError::io("read", &folder, source))?.path();
        match read(&path, state) {
            Ok(image) => {
                state.images.insert(image.digest.clone(), image);
            }
            Err(reason) => state.damage.push(folders.set_aside(&path, &reason)),
        }
    }
    drop_older_names(&mut state.images);
    Ok(())
}

fn read(path: &Path, state: &State) -> Result<StoredImage, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read the image record: {error}"))?;
    let image: StoredImage =
        serde_json::from_slice(&bytes).map_err(|error| format!("the image record is not readable: {error}"))?;
    if image.format != FORMAT {
        return Err(format!("the image record has format {}, this version knows {FORMAT}", image.format));
    }
    if path.file_name().and_then(|name| name.to_str()) != Some(&file_name(&image.digest)) {
        return Err(format!("the record is that of {}", image.digest));
    }
    match image.layers.iter().find(|key| !state.layers.contains_key(*key)) {
        Some(missing) => Err(format!("layer {missing} of image {} is missing", image.digest)),
        None => Ok(image),
    }
}

fn drop_older_names(images: &mut BTreeMap<Digest, StoredImage>) {
    let mut owner: BTreeMap<String, (Timestamp, Digest)> = BTreeMap::new();
    for image in images.values() {
        for (name, since) in &image.names {
            let claim = (*since, image.digest.clone());
            let best = owner.entry(name.clone()).or_insert_with(|| claim.clone());
            *best = claim.max(best.clone());
        }
    }
    for image in images.values_mut() {
        image.names.retain(|name, _| owner.get(name).is_some_and(|(_, digest)| *digest == image.digest));
    }
}

fn file_name(digest: &Digest) -> String {
    format!("{}.json", digest.hex())
}

impl Inner {
    pub(crate) fn record_path(&self, digest: &Digest) -> PathBuf {
        self.folders.images().join(file_name(digest))
    }

    /// Writes the image's record and takes its names from other images. An image that is there already gains the names.
    pub(crate) fn put_image(&self, new: NewImage) -> Result<ImageRecord, StoreError> {
        let _writer = self.writer();
        let now = Timestamp::now();
        // A name with a digest is no tag that could move; it is among the repo digests.
        let tags = new.names.iter().filter(|name| name.digest().is_none());
        let names: BTreeMap<String, Timestamp> = tags.map(|name| (name.to_string(), now)).collect();
        let keys: Vec<Digest> = new.layers.iter().map(|pin| pin.key().clone()).collect();
        let (image, robbed) = {
            let state = self.state();
            let mut image = state.images.get(&new.digest).cloned().unwrap_or_else(|| StoredImage {
                format: FORMAT,
                digest: new.digest.clone(),
                names: BTreeMap::new(),
                repo_digests: BTreeSet::new(),
                config: new.config,
                layers: Vec::new(),
                created_at: new.created_at,
                loaded_at: now,
            });
            image.layers = keys;
            image.repo_digests.extend(new.repo_digests);
            image.names.extend(names.clone());
            let others = state.images.values().filter(|other| other.digest != image.digest);
            let robbed: Vec<StoredImage> = others.filter_map(|other| without_names(other, &names)).collect();
            (image, robbed)
        };
        self.save(image.clone())?;
        for other in robbed {
            self.save(other)?;
        }
        Ok(self.record(&self.state(), &image))
    }

    /// Writes a record and then shows it. The caller holds the writer's lock.
    pub(crate) fn save(&self, image: StoredImage) -> Result<(), StoreError> {
        let text = serde_json::to_vec_pretty(&image).expect("a record is plain data with text keys");
        self.folders.write(&self.record_path(&image.digest), &text)?;
        self.state().images.insert(image.digest.clone(), image);
        Ok(())
    }
}

fn without_names(image: &StoredImage, names: &BTreeMap<String, Timestamp>) -> Option<StoredImage> {
    if !image.names.keys().any(|name| names.contains_key(name)) {
        return None;
    }
    let mut image = image.clone();
    image.names.retain(|name, _| !names.contains_key(name));
    Some(image)
}
