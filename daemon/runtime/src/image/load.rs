//! Loads images from archives: OCI archives and layout folders, and what `docker save` writes.

use std::io::Read;
use std::path::Path;

use thiserror::Error;

use super::archive::{Archive, ArchiveError};
use super::config::ConfigFile;
use super::digest::Digest;
use super::layers::{self, LayerError, LayerPin};
use super::manifest::{
    Descriptor, Document, ImageManifest, MAX_DOCUMENT_BYTES, MAX_INDEX_DEPTH, MAX_LAYERS, ManifestError, SavedImage, choose,
};
use super::platform::Platform;
use super::records::NewImage;
use super::reference::Reference;
use super::store::{ImageRecord, ImageStore, StoreError};

/// A compressed archive may hold several layers of the largest size.
const ARCHIVE_LAYERS: u64 = 4;

/// Why an archive was not loaded. Images that stand before the broken one in the archive stay loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It is an archive, but not of images.
    #[error("the archive has neither index.json (OCI) nor manifest.json (docker save); a root filesystem is for import")]
    NoImageArchive,
    /// It is an image archive with nothing in it.
    #[error("the archive has no image")]
    Empty,
    /// A manifest, an index, or what they promise.
    #[error("cannot use {name} of the archive")]
    Manifest {
        /// The name inside the archive.
        name: String,
        /// What is wrong.
        #[source]
        source: ManifestError,
    },
    /// The config or docker-save's list is not readable.
    #[error("{name} of the archive is malformed")]
    Json {
        /// The name inside the archive.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A blob is not what its name says.
    #[error("{name} of the archive has digest {found}")]
    Digest {
        /// The name inside the archive.
        name: String,
        /// Its content's digest.
        found: Digest,
    },
    /// A new image cannot be known by a digest before it is made.
    #[error("{name} has a digest; a new image is named by a tag")]
    NameHasDigest {
        /// The name as it was given.
        name: Reference,
    },
    /// A layer cannot be used.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoadError {
    fn manifest(name: &str, source: ManifestError) -> LoadError {
        LoadError::Manifest { name: name.to_owned(), source }
    }
}

impl ImageStore {
    /// Loads every image of an archive: an OCI archive or layout folder, or a docker-save archive; plain, gzip or zstd. Of an
    /// image for several platforms the one for this machine is taken. An archive's names replace those in the store.
    ///
    /// Blocking. Layers that are in the store are not unpacked again.
    pub fn load(&self, path: &Path) -> Result<Vec<ImageRecord>, LoadError> {
        let limit = self.inner.limits.layer_bytes.saturating_mul(ARCHIVE_LAYERS);
        let archive = Archive::open(path, &self.inner.folders, limit)?;
        let loading = Loading { store: self, archive, machine: Platform::of_this_machine() };
        // Docker writes both lists into one archive; the OCI one says more.
        let records = if let Some(index) = loading.archive.document("index.json", MAX_DOCUMENT_BYTES)? {
            loading.oci(&index)?
        } else if let Some(list) = loading.archive.document("manifest.json", MAX_DOCUMENT_BYTES)? {
            loading.docker(&list)?
        } else {
            return Err(LoadError::NoImageArchive);
        };
        if records.is_empty() { Err(LoadError::Empty) } else { Ok(records) }
    }
}

struct Loading<'a> {
    store: &'a ImageStore,
    archive: Archive,
    machine: Platform,
}

/// A layer's file in the archive and the digest it must have, if its name is one.
struct LayerFile {
    name: String,
    digest: Option<Digest>,
}

impl Loading<'_> {
    fn oci(&self, index: &[u8]) -> Result<Vec<ImageRecord>, LoadError> {
        const NAME: &str = "index.json";
        let document = Document::parse(index).map_err(|source| LoadError::manifest(NAME, source))?;
        let Document::Index(entries) = document else {
            return Err(LoadError::manifest(NAME, ManifestError::MediaType("an image manifest".into())));
        };
        let mut records = Vec::new();
        for group in groups(&entries) {
            let first = match group.as_slice() {
                [only] => only,
                several => choose(&self.machine, several).map_err(|source| LoadError::manifest(NAME, source))?,
            };
            records.push(self.oci_image(first)?);
        }
        Ok(records)
    }

    /// Follows a top entry down to the manifest for this machine, and loads that.
    fn oci_image(&self, top: &Descriptor) -> Result<ImageRecord, LoadError> {
        let name = top.name().and_then(|text| match Reference::parse(text) {
            Ok(name) => Some(name),
            Err(error) => {
                tracing::warn!(name = text, %error, "the archive gives an image a name that cannot be used");
                None
            }
        });
        let mut descriptor = top.clone();
        let mut repo_digests = Vec::new();
        for _ in 0..MAX_INDEX_DEPTH {
            let blob_name = blob_name(&descriptor.digest);
            if let Some(name) = &name {
                repo_digests.push(name.with_digest(descriptor.digest.clone()).to_string());
            }
            let bytes = self.verified(&descriptor.digest)?;
            let document = Document::parse(&bytes).map_err(|source| LoadError::manifest(&blob_name, source))?;
            match document {
                Document::Image(manifest) => return self.oci_manifest(&manifest, name, repo_digests),
                Document::Index(entries) => {
                    let chosen = choose(&self.machine, &entries);
                    descriptor = chosen.map_err(|source| LoadError::manifest(&blob_name, source))?.clone();
                }
            }
        }
        Err(LoadError::manifest(&blob_name(&top.digest), ManifestError::TooDeep))
    }

    fn oci_manifest(
        &self,
        manifest: &ImageManifest,
        name: Option<Reference>,
        repo_digests: Vec<String>,
    ) -> Result<ImageRecord, LoadError> {
        let config = self.verified(&manifest.config.digest)?;
        let file = |layer: &Descriptor| LayerFile { name: blob_name(&layer.digest), digest: Some(layer.digest.clone()) };
        let layers: Vec<LayerFile> = manifest.layers.iter().map(file).collect();
        self.image(&config, &layers, name.into_iter().collect(), repo_digests)
    }

    fn docker(&self, list: &[u8]) -> Result<Vec<ImageRecord>, LoadError> {
        let in_list = |source| LoadError::Json { name: "manifest.json".into(), source };
        let images: Vec<SavedImage> = serde_json::from_slice(list).map_err(in_list)?;
        let mut records = Vec::new();
        for saved in images {
            let config = self.document(&saved.config)?;
            let names = saved.repo_tags.iter().filter_map(|tag| {
                let parsed = Reference::parse(tag);
                parsed.inspect_err(|error| tracing::warn!(tag, %error, "the archive has a name that cannot be used")).ok()
            });
            let names = names.collect();
            let layers = saved.layers.into_iter().map(|name| LayerFile { name, digest: None });
            records.push(self.image(&config, &layers.collect::<Vec<_>>(), names, Vec::new())?);
        }
        Ok(records)
    }

    fn image(
        &self,
        config: &[u8],
        layers: &[LayerFile],
        names: Vec<Reference>,
        repo_digests: Vec<String>,
    ) -> Result<ImageRecord, LoadError> {
        let digest = Digest::of(config);
        let config_name = blob_name(&digest);
        let file = ConfigFile::parse(config).map_err(|source| LoadError::Json { name: config_name.clone(), source })?;
        check_config(&file, layers.len(), &self.machine).map_err(|source| LoadError::manifest(&config_name, source))?;

        let mut pins: Vec<LayerPin> = Vec::new();
        for (wanted, layer) in layers::wanted(file.diff_ids()).iter().zip(layers) {
            let open = || -> Result<Box<dyn Read + Send>, LoadError> {
                let file = self.archive.file(&layer.name)?;
                Ok(file.ok_or_else(|| ArchiveError::Missing { name: layer.name.clone() })?)
            };
            pins.push(self.store.inner.ensure_layer(wanted, &pins, layer.digest.as_ref(), open)?);
        }
        let created_at = file.created_at();
        let new = NewImage { digest, names, repo_digests, config: file.into_config(), layers: pins, created_at };
        Ok(self.store.inner.put_image(new)?)
    }

    fn document(&self, name: &str) -> Result<Vec<u8>, LoadError> {
        let document = self.archive.document(name, MAX_DOCUMENT_BYTES)?;
        Ok(document.ok_or_else(|| ArchiveError::Missing { name: name.to_owned() })?)
    }

    fn verified(&self, digest: &Digest) -> Result<Vec<u8>, LoadError> {
        let name = blob_name(digest);
        let bytes = self.document(&name)?;
        let found = Digest::of(&bytes);
        if found == *digest { Ok(bytes) } else { Err(LoadError::Digest { name, found }) }
    }
}

/// Whether a config belongs to a manifest with so many layers and runs on this machine. Images that say nothing about
/// their platform are taken as they are.
pub(crate) fn check_config(config: &ConfigFile, layers: usize, machine: &Platform) -> Result<(), ManifestError> {
    let diff_ids = config.diff_ids().len();
    if diff_ids != layers {
        return Err(ManifestError::LayerCount { layers, diff_ids });
    }
    if layers > MAX_LAYERS {
        return Err(ManifestError::TooManyLayers(layers));
    }
    let platform = Platform { os: config.os.clone(), architecture: config.architecture.clone(), variant: config.variant.clone() };
    let is_named = !platform.os.is_empty() && !platform.architecture.is_empty();
    if is_named && machine.rank(&platform).is_none() {
        return Err(ManifestError::NoPlatform { machine: machine.clone(), offered: platform.to_string() });
    }
    Ok(())
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The entries of an archive's index, one group an image. Entries of one name are the platforms of one image; so are entries
/// without a name that name platforms, if nothing else is there.
fn groups(entries: &[Descriptor]) -> Vec<Vec<Descriptor>> {
    let mut groups: Vec<Vec<Descriptor>> = Vec::new();
    let images: Vec<&Descriptor> = entries.iter().filter(|entry| !entry.is_attestation()).collect();
    let is_one_image = images.iter().all(|entry| entry.name().is_none() && entry.platform.is_some());
    for entry in images {
        let same = groups.iter_mut().find(|group| {
            let first = &group[0];
            is_one_image || (entry.name().is_some() && first.name() == entry.name())
        });
        match same {
            Some(group) => group.push(entry.clone()),
            None => groups.push(vec![entry.clone()]),
        }
    }
    groups
}
